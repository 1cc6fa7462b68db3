// The one line that an object writes when something of ours is broken. Allow-listed fields only:
// where, what kind, and which of our functions; never an id, an address, a token or a message,
// which could quote what was being worked on.

/** Functions and places of our own code, without the message above them. */
const framesOf = (stack: string): string[] =>
	stack
		.split('\n')
		.map((line) => line.trim())
		.filter((line) => line.startsWith('at '))
		.slice(0, 5);

export function logBug(where: string, error: unknown): void {
	const kind = error instanceof Error ? error.name : typeof error;
	const frames = error instanceof Error ? framesOf(error.stack ?? '') : [];
	console.error(JSON.stringify({ where, code: 'internal', kind, frames }));
}
