// The beginnings of items as they are kept: texts in UTF-8, those of a page side by side. As strings
// each would be a thing of its own to the collector, and up to twice as large; few are ever read.
import { concatBytes, utf8Decode, utf8Encode } from '../protocol/bytes.ts';
import { encodeCbor } from '../protocol/cbor.ts';
import type { Change, Seed } from '../protocol/page.ts';

const encoder = new TextEncoder();

class KeptSeed implements Seed {
	readonly createdAtMs: number;
	readonly title: string;
	readonly path: string | null;
	readonly #texts: Uint8Array;
	readonly #start: number;
	readonly #end: number;

	constructor({ createdAtMs, title }: Seed, path: string | null, place: Place) {
		this.createdAtMs = createdAtMs;
		this.title = title;
		this.path = path;
		this.#texts = place.texts;
		this.#start = place.start;
		this.#end = place.end;
	}

	/** Of its text in UTF-8. */
	get bytes(): number {
		return this.#end - this.#start;
	}

	get body(): string {
		const text = utf8Decode(this.#texts.subarray(this.#start, this.#end));
		if (!text.ok) throw new Error('a text was kept as something else');
		return text.value;
	}
}

/**
 * The same changes, their seeds kept in the bytes that they were encoded to: a row that waits has its
 * texts once.
 */
export function keptIn(
	changes: readonly Change[],
	encoded: readonly Uint8Array[]
): readonly Change[] {
	return keptChanges(changes).map((change, index) => {
		const bytes = encoded[index];
		if (bytes === undefined || change.type !== 'seed') return change;
		const { seed } = change;
		if (!(seed instanceof KeptSeed)) return change;
		// Text and path are what a change ends with.
		const end = bytes.byteOffset + bytes.length - encodeCbor(seed.path).length;
		const texts = new Uint8Array(bytes.buffer);
		const place = { texts, start: end - seed.bytes, end };
		return { ...change, seed: new KeptSeed(seed, seed.path, place) };
	});
}

/** The same changes, with their seeds as they are kept. */
export function keptChanges(changes: readonly Change[]): readonly Change[] {
	const given = changes.flatMap((change) => (change.type === 'seed' ? [change.seed] : []));
	if (given.every((seed) => seed instanceof KeptSeed)) return changes;
	const seeds = keepSeeds(given).values();
	return changes.map((change) => {
		if (change.type !== 'seed') return change;
		const { value: seed = change.seed } = seeds.next();
		return { ...change, seed };
	});
}

interface Place {
	readonly texts: Uint8Array;
	readonly start: number;
	readonly end: number;
}

/** The same seeds, their texts in one piece of memory; `body` is made anew whenever it is read. */
export function keepSeeds(seeds: readonly Seed[]): readonly Seed[] {
	const { texts, ends } = utf8Of(seeds.map(({ body }) => body));
	let folder: string | null = null;
	return seeds.map((seed, index) => {
		// Notes of a folder come one after another: its name is kept once.
		if (seed.path !== folder) folder = seed.path;
		const place = { texts, start: ends[index - 1] ?? 0, end: ends[index] ?? 0 };
		return new KeptSeed(seed, folder, place);
	});
}

interface Texts {
	readonly texts: Uint8Array;
	/** Where each ends. */
	readonly ends: readonly number[];
}

function utf8Of(bodies: readonly string[]): Texts {
	const texts = new Uint8Array(bodies.reduce((sum, { length }) => sum + length, 0));
	const ends: number[] = [];
	let at = 0;
	for (const body of bodies) {
		// Bytes are as many as characters, unless one of them is beyond ASCII.
		const { read, written } = encoder.encodeInto(body, texts.subarray(at));
		if (read < body.length) return utf8OfAny(bodies);
		ends.push((at += written));
	}
	return at === texts.length ? { texts, ends } : utf8OfAny(bodies);
}

function utf8OfAny(bodies: readonly string[]): Texts {
	let at = 0;
	const parts = bodies.map((body) => utf8Encode(body));
	return { texts: concatBytes(...parts), ends: parts.map(({ length }) => (at += length)) };
}
