// Deterministic CBOR (RFC 8949 §4.2), the subset that Tacet's formats use: unsigned and negative
// integers within 2^53, byte strings, text, arrays, booleans, null. No maps, tags, floats or
// undefined: every format is an array with fixed places, so that nothing can be unknown or doubled.
import { decode, encode, Tokenizer } from 'cborg';
import { equalBytes } from './bytes.ts';
import { err, ok, type Result } from './result.ts';

export type Cbor = number | string | boolean | null | Uint8Array | readonly Cbor[];

/**
 * Encodes a value; the same value gives the same bytes everywhere.
 *
 * Source: RFC 8949 §4.2.1. Throws RangeError on a number that is no safe integer (our mistake).
 */
export function encodeCbor(value: Cbor): Uint8Array {
	assertSubset(value);
	// In Node the library gives a Buffer out of a shared pool, whose slice() is a view, no copy.
	const bytes = encode(value);
	return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes);
}

/**
 * Decodes exactly one value that fills `bytes`, and refuses every encoding but the deterministic
 * one (re-encoding must give the same bytes), as well as types outside {@link Cbor}.
 */
export function decodeCbor(bytes: Uint8Array): Result<Cbor, 'malformed'> {
	try {
		const value: unknown = decode(bytes, {
			...subset,
			tokenizer: new MarkKeepingTokenizer(bytes)
		});
		assertSubset(value);
		return equalBytes(encode(value), bytes) ? ok(value) : err('malformed');
	} catch {
		// cborg throws on every malformed input; which way it was malformed must not matter.
		return err('malformed');
	}
}

const subset = {
	strict: true,
	allowIndefinite: false,
	allowUndefined: false,
	allowNaN: false,
	allowInfinity: false,
	allowBigInt: false
};

/** Bytes of the head of a text string, by the low five bits of its first byte. */
const textHeadBytes = new Map([
	[24, 2],
	[25, 3],
	[26, 5],
	[27, 9]
]);

/** The library's text decoder drops a leading byte order mark; in a note it is a character. */
class MarkKeepingTokenizer extends Tokenizer {
	constructor(bytes: Uint8Array) {
		super(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), subset);
	}

	override next(): ReturnType<Tokenizer['next']> {
		const start = this.pos();
		const token = super.next();
		const first = this.data[start] ?? 0;
		if (first >> 5 !== 3) return token;
		const text = start + (textHeadBytes.get(first & 31) ?? 1);
		const marked =
			this.pos() >= text + 3 &&
			this.data[text] === 0xef &&
			this.data[text + 1] === 0xbb &&
			this.data[text + 2] === 0xbf;
		if (marked) token.value = `\ufeff${token.value}`;
		return token;
	}
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
