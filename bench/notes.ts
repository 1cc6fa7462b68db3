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

/** Xorshift32: any text of a seed is the same everywhere. */
function write(text: Buffer, seed: number): void {
	let state = (seed * 2_654_435_761) >>> 0 || 1;
	for (let index = 0; index < text.length; index++) {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		text[index] = signs.charCodeAt(state & 63);
	}
}

/**
 * Its texts are made when they are read, out of bytes that all notes share: what a program holds of
 * them is its own, and the collector of nobody's heap is shown ten thousand strings of the measurement.
 */
class Note implements BenchNote {
	readonly #bytes: Buffer;
	readonly #index: number;

	constructor(bytes: Buffer, index: number) {
		this.#bytes = bytes;
		this.#index = index;
	}

	get title(): string {
		const at = this.#index * noteBytes;
		const text = this.#bytes.toString('latin1', at, at + titleLength);
		return `${this.#index} ${text}`.slice(0, titleLength);
	}

	get body(): string {
		const at = this.#index * noteBytes + titleLength;
		return this.#bytes.toString('latin1', at, at + bodyLength);
	}
}

/** Titles begin with the number: no two are alike. */
export function makeNotes(count: number): readonly BenchNote[] {
	const bytes = Buffer.alloc(count * noteBytes);
	return Array.from({ length: count }, (_, index) => {
		const at = index * noteBytes;
		write(bytes.subarray(at, at + titleLength), index + 7);
		write(bytes.subarray(at + titleLength, at + noteBytes), index + 1);
		return new Note(bytes, index);
	});
}

/** What edit number `index` writes; carries the time it was made at, on the machine's one clock. */
export const editText = (index: number, atMs: number): string =>
	`E:${index}:${atMs.toFixed(3)}:`.padEnd(bodyLength, 'x');

export function parseEdit(text: unknown): { readonly index: number; readonly atMs: number } | null {
	if (typeof text !== 'string' || !text.startsWith('E:')) return null;
	const [, index, atMs] = text.split(':');
	return { index: Number(index), atMs: Number(atMs) };
}
