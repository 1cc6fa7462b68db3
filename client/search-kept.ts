// The index of a space's search, kept on this device from one start to the next: sealed under the
// local key like everything else beside the pages, in pieces. It is a copy of what can be made
// anew: whatever is missing, of another writing or unreadable makes the whole of it worth nothing.
//
//   piece = CBOR[1, writing (8), index, pieces, slots, words]
//   slots   for each note: id (16) ‖ fingerprint (float64)
//   words   for each word: length, UTF-8, number of postings, postings as differences (LEB128)
import { randomBytes } from '../crypto/random.ts';
import { equalBytes, utf8Decode, utf8Encode } from '../protocol/bytes.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import { bytesOfId, idBytes, idFromBytes, type ItemId, type SpaceId } from '../protocol/ids.ts';
import { isArray, isBytes, isUint } from '../protocol/shape.ts';
import type { CryptoPort } from './crypto-port.ts';
import { SearchIndex } from './search-index.ts';
import type { Store } from './store.ts';

/** Where an index is kept. What goes wrong there is no loss, and not told. */
export interface KeptIndex {
	/** Null: nothing whole is there. */
	load(): Promise<readonly Uint8Array[] | null>;
	/** Null: nothing is kept any more. */
	save(pieces: readonly Uint8Array[] | null): Promise<void>;
}

const format = 1;
const writingBytes = 8;
const pieceBytes = 262_144;
/** About two hundred thousand notes; a larger index is made anew at each start. */
const maxPieces = 128;
const slotBytes = idBytes + 8;

const table = 'search';

export function keptIndexOf(
	space: SpaceId,
	{ store, crypto }: { readonly store: Store; readonly crypto: CryptoPort }
): KeptIndex {
	const nameOf = (index: number): string => `${table}/${space}/${String(index)}`;
	const rowOf = (index: number): string => `${space}/${String(index)}`;
	const loadPiece = async (index: number): Promise<Uint8Array | null> => {
		const loaded = await store.loadRecord(nameOf(index));
		if (!loaded.ok || loaded.value === null) return null;
		const record = { table, row: rowOf(index), sealed: loaded.value };
		const [opened] = await crypto.openLocal([record]);
		return opened ?? null;
	};
	const dropFrom = async (first: number): Promise<void> => {
		for (let index = first; index < maxPieces; index++) {
			const loaded = await store.loadRecord(nameOf(index));
			if (!loaded.ok || loaded.value === null) return;
			await store.saveRecord(nameOf(index), null);
		}
	};
	return {
		async load() {
			const first = await loadPiece(0);
			const header = first && headerOf(first);
			if (!first || !header) return null;
			const pieces = [first];
			for (let index = 1; index < header.pieces; index++) {
				const piece = await loadPiece(index);
				if (piece === null) return null;
				pieces.push(piece);
			}
			return pieces;
		},
		async save(pieces) {
			for (const [index, plaintext] of (pieces ?? []).entries()) {
				const [sealed] = await crypto.sealLocal([{ table, row: rowOf(index), plaintext }]);
				if (sealed === undefined) return;
				const saved = await store.saveRecord(nameOf(index), sealed);
				if (!saved.ok) return;
			}
			await dropFrom(pieces?.length ?? 0);
		}
	};
}

interface Piece {
	readonly writing: Uint8Array;
	readonly index: number;
	readonly pieces: number;
	readonly slots: Uint8Array;
	readonly words: Uint8Array;
}

function headerOf(bytes: Uint8Array): Piece | null {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 6)) return null;
	const [version, writing, index, pieces, slots, words] = decoded.value;
	if (version !== format || !isBytes(writing) || !isUint(index) || !isUint(pieces)) return null;
	if (!isBytes(slots) || !isBytes(words) || pieces > maxPieces) return null;
	return { writing, index, pieces, slots, words };
}

/**
 * Writes an index in steps: each turn of the generator is a good moment for something else. Its end
 * answers with the pieces, or null if there are too many. What is added meanwhile is left out.
 */
export function* encodeIndex(index: SearchIndex): Generator<void, readonly Uint8Array[] | null> {
	const slots = new Stretches();
	/** Slots are written without those of notes that changed, and so are numbered anew. */
	const numbers = new Int32Array(index.slots).fill(-1);
	let live = 0;
	for (let slot = 0; slot < index.slots; slot++) {
		const item = index.itemAt(slot);
		if (item === null) continue;
		numbers[slot] = live++;
		slots.room(slotBytes);
		slots.bytes(bytesOfId(item));
		slots.float64(index.fingerprintAt(slot));
		if (slot % 256 === 0) yield;
	}
	const words = new Stretches();
	for (const [word, postings] of index.entries()) {
		const kept: number[] = [];
		for (const posting of postings) {
			const number = numbers[posting >>> 2] ?? -1;
			if (number >= 0) kept.push((number << 2) | (posting & 3));
		}
		if (kept.length === 0) continue;
		const text = utf8Encode(word);
		words.room(text.length + 10 + 5 * kept.length);
		words.varint(text.length);
		words.bytes(text);
		words.varint(kept.length);
		let before = 0;
		for (const posting of kept) {
			words.varint(posting - before);
			before = posting;
		}
		yield;
	}
	return stamped(slots.end(), words.end());
}

function stamped(
	slots: readonly Uint8Array[],
	words: readonly Uint8Array[]
): readonly Uint8Array[] | null {
	const pieces = Math.max(1, slots.length, words.length);
	if (pieces > maxPieces) return null;
	const writing = randomBytes(writingBytes);
	const none = new Uint8Array();
	return Array.from({ length: pieces }, (_, index) =>
		encodeCbor([format, writing, index, pieces, slots[index] ?? none, words[index] ?? none])
	);
}

/** Reads an index in steps, as {@link encodeIndex} writes it; null for anything else. */
export function* decodeIndex(pieces: readonly Uint8Array[]): Generator<void, SearchIndex | null> {
	const index = new SearchIndex();
	const parsed: Piece[] = [];
	for (const [position, bytes] of pieces.entries()) {
		const piece = headerOf(bytes);
		const first = parsed[0] ?? piece;
		if (!piece || !first || piece.index !== position || piece.pieces !== pieces.length) return null;
		if (!equalBytes(piece.writing, first.writing)) return null;
		parsed.push(piece);
		yield;
	}
	for (const { slots } of parsed) {
		if (slots.length % slotBytes !== 0) return null;
		const view = new DataView(slots.buffer, slots.byteOffset, slots.byteLength);
		for (let at = 0; at < slots.length; at += slotBytes) {
			const id = idFromBytes<ItemId>(slots.slice(at, at + idBytes));
			index.addSlot(id, view.getFloat64(at + idBytes));
			if (at % (256 * slotBytes) === 0) yield;
		}
	}
	for (const { words } of parsed) {
		const reader = new Reader(words);
		while (!reader.isAtEnd) {
			const entry = wordOf(reader, index.slots);
			if (entry === null) return null;
			index.addWord(...entry);
			yield;
		}
	}
	return index;
}

function wordOf(reader: Reader, slots: number): readonly [string, number[]] | null {
	const text = reader.bytes(reader.varint());
	const word = text && utf8Decode(text);
	const length = reader.varint();
	if (!word?.ok || length > slots) return null;
	const postings: number[] = [];
	let posting = 0;
	for (let count = 0; count < length; count++) {
		posting += reader.varint();
		if (posting >>> 2 >= slots) return null;
		postings.push(posting);
	}
	return reader.isBroken ? null : [word.value, postings];
}

/** Bytes in stretches of about a piece; what was made room for is not cut in two. */
class Stretches {
	readonly #done: Uint8Array[] = [];
	#stretch = new Uint8Array(pieceBytes);
	#view = new DataView(this.#stretch.buffer);
	#at = 0;

	room(length: number): void {
		if (this.#at + length <= this.#stretch.length) return;
		if (this.#at > 0) this.#done.push(this.#stretch.slice(0, this.#at));
		this.#stretch = new Uint8Array(Math.max(pieceBytes, length));
		this.#view = new DataView(this.#stretch.buffer);
		this.#at = 0;
	}

	bytes(bytes: Uint8Array): void {
		this.#stretch.set(bytes, this.#at);
		this.#at += bytes.length;
	}

	float64(value: number): void {
		this.#view.setFloat64(this.#at, value);
		this.#at += 8;
	}

	varint(value: number): void {
		let rest = value;
		while (rest > 0x7f) {
			this.#stretch[this.#at++] = (rest & 0x7f) | 0x80;
			rest >>>= 7;
		}
		this.#stretch[this.#at++] = rest;
	}

	end(): readonly Uint8Array[] {
		return this.#at === 0 ? this.#done : [...this.#done, this.#stretch.slice(0, this.#at)];
	}
}

class Reader {
	readonly #bytes: Uint8Array;
	#at = 0;
	isBroken = false;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
	}

	get isAtEnd(): boolean {
		return this.#at >= this.#bytes.length;
	}

	bytes(length: number): Uint8Array | null {
		const end = this.#at + length;
		if (end > this.#bytes.length) {
			this.isBroken = true;
			return null;
		}
		const bytes = this.#bytes.subarray(this.#at, end);
		this.#at = end;
		return bytes;
	}

	/** Up to 32 bits. */
	varint(): number {
		let value = 0;
		for (let shift = 0; shift < 35; shift += 7) {
			const byte = this.#bytes[this.#at++];
			if (byte === undefined) break;
			value += (byte & 0x7f) * 2 ** shift;
			if (byte < 0x80) return value;
		}
		this.isBroken = true;
		return 0;
	}
}
