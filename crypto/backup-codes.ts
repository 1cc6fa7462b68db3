// Backup codes: ten codes on paper, each good once, in place of another factor. 80 random bits in
// Crockford's base32, in groups of four. Made by a client; the edge keeps hashes, and meets a code
// when it is used.
import type { AccountId } from '../protocol/ids.ts';
import { backupCodeInput } from '../protocol/labels.ts';
import { backupCodeBytes, backupCodesPerAccount } from '../protocol/limits.ts';
import { ok, type Result } from '../protocol/result.ts';
import { bytesOfUint, formatBase32, parseBase32, uintOf } from './base32.ts';
import { sha256 } from './hash.ts';
import { randomBytes, type RandomSource } from './random.ts';

/** 16 characters of five bits are 80 bits: each code is as likely as any other. */
const codeCharacters = (backupCodeBytes * 8) / 5;

/** Ten new codes of 10 bytes. */
export const generateBackupCodes = (random: RandomSource = randomBytes): Uint8Array[] =>
	Array.from({ length: backupCodesPerAccount }, () => random(backupCodeBytes));

/** A code as it is printed: four groups of four, hyphens between. */
export const formatBackupCode = (code: Uint8Array): string =>
	formatBase32(uintOf(code), codeCharacters);

/**
 * Reads a code as somebody typed it, see {@link parseBase32}.
 *
 * @returns 10 bytes, or `malformed`.
 */
export function parseBackupCode(typed: string): Result<Uint8Array, 'malformed'> {
	const parsed = parseBase32(typed, codeCharacters);
	return parsed.ok ? ok(bytesOfUint(parsed.value, backupCodeBytes)) : parsed;
}

/**
 * What the edge keeps of a code, 32 bytes. At 80 random bits it needs no slow hash; the account is
 * part of it, so that nobody searches for codes of all accounts at once.
 *
 * @param code 10 bytes.
 */
export const backupCodeHash = (account: AccountId, code: Uint8Array): Uint8Array =>
	sha256(backupCodeInput(account, code));
