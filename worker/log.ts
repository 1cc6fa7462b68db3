// What the Worker writes down of a request: the name of its route, the code of its answer, how long
// it took. Never an id, an address, a token, a header or a message.
import type { WireErrorCode } from '../protocol/errors.ts';

export interface RequestLine {
	readonly route: string;
	readonly code: WireErrorCode | 'ok';
	readonly durationMs: number;
}

export const logRequest = ({ route, code, durationMs }: RequestLine): void =>
	console.log(JSON.stringify({ route, code, durationMs }));

/** A mistake of ours: its kind, and which of our functions; the message could quote a request. */
export function logBug(route: string, error: unknown): void {
	const kind = error instanceof Error ? error.name : typeof error;
	const stack = error instanceof Error ? (error.stack ?? '') : '';
	const frames = stack
		.split('\n')
		.map((line) => line.trim())
		.filter((line) => line.startsWith('at '));
	console.error(JSON.stringify({ route, code: 'internal', kind, frames: frames.slice(0, 5) }));
}
