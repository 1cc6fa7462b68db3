// HKDF-SHA-256 (RFC 5869). Every `info` comes from protocol/labels.ts; none is typed where it is used.
import { expand, extract, hkdf as nobleHkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';

/**
 * Derives `lengthBytes` bytes from key material that is already strong; no salt, which RFC 5869
 * §3.1 allows when the input has full entropy.
 *
 * @param ikm secret, at least 16 bytes by convention. Not modified.
 * @param info the label that keeps this use apart from every other.
 * @param lengthBytes 1 to 8,160 (255 hashes, RFC 5869 §2.3); throws beyond.
 */
export const hkdf = (ikm: Uint8Array, info: Uint8Array, lengthBytes: number): Uint8Array =>
	nobleHkdf(sha256, ikm, undefined, info, lengthBytes);

/** HKDF-Extract, RFC 5869 §2.2: a 32-byte pseudorandom key. An empty `salt` counts as 32 zeros. */
export const hkdfExtract = (input: {
	readonly salt: Uint8Array;
	readonly ikm: Uint8Array;
}): Uint8Array => extract(sha256, input.ikm, input.salt);

/** HKDF-Expand, RFC 5869 §2.3. `prk` is 32 bytes; `lengthBytes` 1 to 8,160. */
export const hkdfExpand = (input: {
	readonly prk: Uint8Array;
	readonly info: Uint8Array;
	readonly lengthBytes: number;
}): Uint8Array => expand(sha256, input.prk, input.info, input.lengthBytes);
