// HMAC-SHA-256 (RFC 2104, FIPS 198-1) and the comparison that goes with it.
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** HMAC-SHA-256 of `message`, 32 bytes. `key` has any length; ours are 32 or 64 bytes. */
export const hmacSha256 = (key: Uint8Array, message: Uint8Array): Uint8Array =>
	hmac(sha256, key, message);

/**
 * Compares secrets, MACs and commitments in a time that depends on the lengths alone.
 *
 * @returns false at once when the lengths differ: they are public.
 */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
	if (a.length !== b.length) return false;
	let difference = 0;
	for (let index = 0; index < a.length; index++) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
	return difference === 0;
}
