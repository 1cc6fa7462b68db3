// The notes that every system stores: 24 characters of title, 1,000 of body, the same in each run,
// of 64 signs, so that hardly anything can be compressed away.
export interface BenchNote {
	readonly title: string;
	readonly body: string;
}

export const noteBytes = 1_024;
const titleLength = 24;
export const bodyLength = 1_000;
const signs = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .';

/**
 * Xorshift32: any text of a seed is the same everywhere. Made of bytes, so that it is one flat string:
 * a string put together sign by sign is flattened by whoever compares it first, in everybody's time.
 */
function textOf(length: number, seed: number): string {
	let state = (seed * 2_654_435_761) >>> 0 || 1;
	const text = Buffer.alloc(length);
	for (let index = 0; index < length; index++) {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		text[index] = signs.charCodeAt(state & 63);
	}
	return text.toString('latin1');
}

/** Titles begin with the number: no two are alike. */
export const makeNotes = (count: number): readonly BenchNote[] =>
	Array.from({ length: count }, (_, index) => ({
		title: `${index} ${textOf(titleLength, index + 7)}`.slice(0, titleLength),
		body: textOf(bodyLength, index + 1)
	}));

/** What edit number `index` writes; carries the time it was made at, on the machine's one clock. */
export const editText = (index: number, atMs: number): string =>
	`E:${index}:${atMs.toFixed(3)}:`.padEnd(bodyLength, 'x');

export function parseEdit(text: unknown): { readonly index: number; readonly atMs: number } | null {
	if (typeof text !== 'string' || !text.startsWith('E:')) return null;
	const [, index, atMs] = text.split(':');
	return { index: Number(index), atMs: Number(atMs) };
}
