// Deterministic CBOR (RFC 8949 §4.2), the subset that Tacet's formats use: unsigned and negative
// integers within 2^53, byte strings, text, arrays, booleans, null. No maps, tags, floats or
// undefined: every format is an array with fixed places, so that nothing can be unknown or doubled.
import { decode, encode } from 'cborg';
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
	return encode(value);
}

/**
 * Decodes exactly one value that fills `bytes`, and refuses every encoding but the deterministic
 * one (re-encoding must give the same bytes), as well as types outside {@link Cbor}.
 */
export function decodeCbor(bytes: Uint8Array): Result<Cbor, 'malformed'> {
	try {
		const value: unknown = decode(bytes, {
			strict: true,
			allowIndefinite: false,
			allowUndefined: false,
			allowNaN: false,
			allowInfinity: false,
			allowBigInt: false
		});
		assertSubset(value);
		return equalBytes(encode(value), bytes) ? ok(value) : err('malformed');
	} catch {
		// cborg throws on every malformed input; which way it was malformed must not matter.
		return err('malformed');
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
