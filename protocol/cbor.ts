// Deterministic CBOR (RFC 8949 §4.2), the subset that Tacet's formats use: unsigned and negative
// integers within 2^53, byte strings, text, arrays, booleans, null. No maps, tags, floats or
// undefined: every format is an array with fixed places, so that nothing can be unknown or doubled.
import { encode } from 'cborg';
import { utf8Decode } from './bytes.ts';
import { err, ok, type Result } from './result.ts';

export type Cbor = number | string | boolean | null | Uint8Array | readonly Cbor[];

/**
 * Encodes a value; the same value gives the same bytes everywhere.
 *
 * Source: RFC 8949 §4.2.1. Throws RangeError on a number that is no safe integer (our mistake).
 */
export function encodeCbor(value: Cbor): Uint8Array {
	assertSubset(value);
	const bytes = encode(value);
	if (bytes.constructor === Uint8Array) return bytes;
	// In Node the library gives a Buffer, whose slice() is a view, no copy; small ones are out of a pool.
	const isAlone = bytes.length === bytes.buffer.byteLength;
	return isAlone ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
}

/**
 * Decodes exactly one value that fills `bytes`, and refuses every encoding but the deterministic
 * one, as well as types outside {@link Cbor}. Byte strings are copies; from `sharedFromBytes` on they
 * are views of `bytes`, for whoever reads them and lets go of them.
 */
export function decodeCbor(
	bytes: Uint8Array,
	sharedFromBytes = Infinity
): Result<Cbor, 'malformed'> {
	try {
		const reader = new Reader(bytes, sharedFromBytes);
		const value = reader.value(0);
		return reader.isAtEnd ? ok(value) : err('malformed');
	} catch (error) {
		if (error instanceof Malformed) return err('malformed');
		throw error;
	}
}

/** Which way bytes were malformed must not matter. */
class Malformed extends Error {}

/**
 * Reads the one encoding that is allowed: every head in its shortest form (RFC 8949 §4.2.1), lengths
 * that the bytes left can hold. A page of notes is read several times faster than by decoding it
 * with a library and encoding it again to compare.
 */
class Reader {
	readonly #bytes: Uint8Array;
	readonly #sharedFromBytes: number;
	#at = 0;

	constructor(bytes: Uint8Array, sharedFromBytes: number) {
		this.#bytes = bytes;
		this.#sharedFromBytes = sharedFromBytes;
	}

	get isAtEnd(): boolean {
		return this.#at === this.#bytes.length;
	}

	value(depth: number): Cbor {
		const first = this.#byte();
		switch (first >> 5) {
			case 0:
				return this.#argument(first);
			case 1:
				return safeInteger(-1 - this.#argument(first));
			case 2:
				return this.#byteString(this.#argument(first));
			case 3:
				return this.#text(this.#argument(first));
			case 4:
				return this.#array(this.#argument(first), depth);
			default:
				return simpleValue(first);
		}
	}

	/** RFC 8949 §3: the low five bits, or the bytes after; each number has one form here. */
	#argument(first: number): number {
		const short = first & 31;
		if (short < 24) return short;
		if (short > 27) throw new Malformed();
		const size = 1 << (short - 24);
		let value = 0;
		for (let index = 0; index < size; index++) value = value * 256 + this.#byte();
		// Half the bytes would have held it; one byte is for what five bits can't hold.
		const least = size === 1 ? 24 : 256 ** (size / 2);
		if (value < least) throw new Malformed();
		return safeInteger(value);
	}

	#byteString(lengthBytes: number): Uint8Array {
		const taken = this.#take(lengthBytes);
		return lengthBytes < this.#sharedFromBytes ? new Uint8Array(taken) : taken;
	}

	#text(lengthBytes: number): string {
		const text = utf8Decode(this.#take(lengthBytes));
		if (!text.ok) throw new Malformed();
		return text.value;
	}

	#array(length: number, depth: number): readonly Cbor[] {
		// Every element takes a byte at least: a length is believed only if it can be true.
		if (depth >= maxDepth || length > this.#bytes.length - this.#at) throw new Malformed();
		const elements: Cbor[] = [];
		for (let index = 0; index < length; index++) elements.push(this.value(depth + 1));
		return elements;
	}

	#byte(): number {
		const byte = this.#bytes[this.#at++];
		if (byte === undefined) throw new Malformed();
		return byte;
	}

	#take(lengthBytes: number): Uint8Array {
		const end = this.#at + lengthBytes;
		if (end > this.#bytes.length) throw new Malformed();
		const taken = this.#bytes.subarray(this.#at, end);
		this.#at = end;
		return taken;
	}
}

function safeInteger(value: number): number {
	if (!Number.isSafeInteger(value)) throw new Malformed();
	return value;
}

function simpleValue(first: number): boolean | null {
	if (first === 0xf4) return false;
	if (first === 0xf5) return true;
	if (first === 0xf6) return null;
	throw new Malformed();
}

const maxDepth = 16;

function assertSubset(value: unknown, depth = 0): asserts value is Cbor {
	if (value === null || typeof value === 'string' || typeof value === 'boolean') return;
	if (typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0)) return;
	if (value instanceof Uint8Array) return;
	if (Array.isArray(value) && depth < maxDepth) {
		for (const element of value) assertSubset(element, depth + 1);
		return;
	}
	throw new RangeError('value is outside the CBOR subset');
}
