// What a person copies from paper: Crockford's base32, highest bits first, in groups of four with hyphens
// between. Source: crockford.com/base32.html.
import { err, ok, type Result } from '../protocol/result.ts';

/** Without I, L, O and U. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const groupCharacters = 4;

/** Writes the lowest `characters` · 5 bits of a number. */
export function formatBase32(number: bigint, characters: number): string {
	let rest = number;
	let text = '';
	for (let index = 0; index < characters; index++, rest >>= 5n) {
		const isGroupEnd = index > 0 && index % groupCharacters === 0;
		text = alphabet.charAt(Number(rest & 31n)) + (isGroupEnd ? '-' : '') + text;
	}
	return text;
}

/**
 * Reads what somebody typed: letter case, white space and hyphens do not matter, and what looks alike is
 * alike (O and 0; I, L and 1).
 *
 * @returns a number of `characters` · 5 bits, or `malformed` for another count or character.
 */
export function parseBase32(typed: string, characters: number): Result<bigint, 'malformed'> {
	const text = typed.replace(/[\s\-\u2010-\u2015]/g, '');
	// Before letters become large: some outside ASCII would become letters of ours.
	if (text.length !== characters || !/^[\da-z]*$/i.test(text)) return err('malformed');
	let number = 0n;
	for (const character of text.toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1')) {
		const value = alphabet.indexOf(character);
		if (value < 0) return err('malformed');
		number = (number << 5n) | BigInt(value);
	}
	return ok(number);
}

/** Big-endian. */
export const uintOf = (bytes: Uint8Array): bigint =>
	bytes.reduce((total, byte) => (total << 8n) | BigInt(byte), 0n);

/** The lowest `lengthBytes` bytes, big-endian. */
export function bytesOfUint(number: bigint, lengthBytes: number): Uint8Array {
	const bytes = new Uint8Array(lengthBytes);
	let rest = number;
	for (let index = lengthBytes - 1; index >= 0; index--, rest >>= 8n) {
		bytes[index] = Number(rest & 255n);
	}
	return bytes;
}
