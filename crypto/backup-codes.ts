// Backup codes: ten codes on paper, each good once, in place of another factor. 80 random bits in
// Crockford's base32, in groups of four. Made by a client; the edge keeps hashes, and meets a code
// when it is used.
import type { AccountId } from '../protocol/ids.ts';
import { backupCodeInput } from '../protocol/labels.ts';
import { backupCodeBytes, backupCodesPerAccount } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { sha256 } from './hash.ts';
import { randomBytes, type RandomSource } from './random.ts';

/** Without I, L, O and U. Source: crockford.com/base32.html. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** 16 characters of five bits are 80 bits: each code is as likely as any other. */
const codeCharacters = (backupCodeBytes * 8) / 5;
const groupCharacters = 4;

/** Ten new codes of 10 bytes. */
export const generateBackupCodes = (random: RandomSource = randomBytes): Uint8Array[] =>
	Array.from({ length: backupCodesPerAccount }, () => random(backupCodeBytes));

/** A code as it is printed: four groups of four, hyphens between. */
export function formatBackupCode(code: Uint8Array): string {
	let number = code.reduce((total, byte) => (total << 8n) | BigInt(byte), 0n);
	let text = '';
	for (let index = 0; index < codeCharacters; index++, number >>= 5n) {
		const isGroupEnd = index > 0 && index % groupCharacters === 0;
		text = alphabet.charAt(Number(number & 31n)) + (isGroupEnd ? '-' : '') + text;
	}
	return text;
}

/**
 * Reads a code as somebody typed it: letter case, white space and hyphens do not matter, and what
 * looks alike is alike (O and 0; I, L and 1).
 *
 * @returns 10 bytes, or `malformed`.
 */
export function parseBackupCode(typed: string): Result<Uint8Array, 'malformed'> {
	const text = typed.replace(/[\s\-\u2010-\u2015]/g, '');
	// Before letters become large: some outside ASCII would become letters of ours.
	if (text.length !== codeCharacters || !/^[\da-z]*$/i.test(text)) return err('malformed');
	let number = 0n;
	for (const character of text.toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1')) {
		const value = alphabet.indexOf(character);
		if (value < 0) return err('malformed');
		number = (number << 5n) | BigInt(value);
	}
	const bytes = new Uint8Array(backupCodeBytes);
	for (let index = bytes.length - 1; index >= 0; index--, number >>= 8n) {
		bytes[index] = Number(number & 255n);
	}
	return ok(bytes);
}

/**
 * What the edge keeps of a code, 32 bytes. At 80 random bits it needs no slow hash; the account is
 * part of it, so that nobody searches for codes of all accounts at once.
 *
 * @param code 10 bytes.
 */
export const backupCodeHash = (account: AccountId, code: Uint8Array): Uint8Array =>
	sha256(backupCodeInput(account, code));
