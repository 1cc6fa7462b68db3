// The account key: 128 random bits of a person's own, which the edge never sees and which go into the
// slot key of the password. Whoever holds all that an edge holds, its secrets too, can then try no
// password. It is on paper, and on every device: as a key that scripts can use and not read, and sealed
// under the root. Source: docs/formats.md, Account key.
import type { AccountId } from '../../protocol/ids.ts';
import {
	accountKeyAad,
	accountKeyCheckInput,
	derivationInfo,
	labels
} from '../../protocol/labels.ts';
import { accountKeyBytes } from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { bytesOfUint, formatBase32, parseBase32, uintOf } from '../base32.ts';
import { sha256 } from '../hash.ts';
import { hkdf } from '../kdf.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { webCryptoBytes } from '../webcrypto-bytes.ts';
import { importXaesKey, open, sealWithRandom, type XaesKey } from './aead.ts';
import { createSecret, type RootSecret, type Secret } from './secret.ts';

/** 16 random bytes. */
export type AccountKey = Secret<'account key'>;

const checkBits = 12n;
/** 128 bits of the key and 12 of its check: seven groups of four. */
const typedCharacters = 28;
const sealingKeyBytes = 32;

/** A new account key: 16 random bytes, made in the browser and nowhere else. */
export const generateAccountKey = (random: RandomSource = randomBytes): AccountKey =>
	createSecret(random(accountKeyBytes));

/** As it is used, and kept by a device: HMAC-SHA-256, non-extractable; it can stand in IndexedDB. */
export function importAccountKey(key: AccountKey): Promise<CryptoKey> {
	const algorithm = { name: 'HMAC', hash: 'SHA-256' } as const;
	return crypto.subtle.importKey('raw', webCryptoBytes(bytesOf(key)), algorithm, false, ['sign']);
}

/** As it stands on paper: seven groups of four characters, the last of which check the others. */
export function formatAccountKey(key: AccountKey): string {
	const bytes = bytesOf(key);
	return formatBase32((uintOf(bytes) << checkBits) | checkOf(bytes), typedCharacters);
}

export type AccountKeyFault =
	/** Too much or too little of it, or a character that none has. */
	| 'malformed'
	/** Misread or mistyped: of 4,096 such slips one is not told from a wrong key. */
	| 'checksum';

/** Reads an account key as somebody typed it; see `parseBase32` for what does not matter. */
export function parseAccountKey(typed: string): Result<AccountKey, AccountKeyFault> {
	const parsed = parseBase32(typed, typedCharacters);
	if (!parsed.ok) return parsed;
	const bytes = bytesOfUint(parsed.value >> checkBits, accountKeyBytes);
	const isRight = checkOf(bytes) === (parsed.value & ((1n << checkBits) - 1n));
	return isRight ? ok(createSecret(bytes)) : err('checksum');
}

const checkOf = (bytes: Uint8Array): bigint =>
	uintOf(sha256(accountKeyCheckInput(bytes)).subarray(0, 2)) >> (16n - checkBits);

/**
 * Seals it under the root, for a device that is to show it again or to hand it on: there it opens after
 * the password only, and not while the account merely is unlocked.
 *
 * @param random only for vectors.
 * @returns 56 bytes.
 */
export async function sealAccountKey(
	root: RootSecret,
	key: AccountKey,
	account: AccountId,
	random: RandomSource = randomBytes
): Promise<Uint8Array> {
	const input = { plaintext: bytesOf(key), aad: accountKeyAad(account) };
	return sealWithRandom(await sealingKey(root), input, random);
}

/**
 * Opens what {@link sealAccountKey} made.
 *
 * @param sealed as kept, any length.
 * @returns `open_failed` for another root or account, and every change alike.
 */
export async function openAccountKey(
	root: RootSecret,
	sealed: Uint8Array,
	account: AccountId
): Promise<Result<AccountKey, 'open_failed'>> {
	const opened = await open(await sealingKey(root), { sealed, aad: accountKeyAad(account) });
	if (!opened.ok) return opened;
	if (opened.value.length !== accountKeyBytes) return err('open_failed');
	return ok(createSecret(opened.value));
}

async function sealingKey(root: RootSecret): Promise<XaesKey> {
	const key = hkdf(root.reveal(), derivationInfo(labels.accountKey), sealingKeyBytes);
	const imported = await importXaesKey(key);
	key.fill(0);
	return imported;
}

function bytesOf(key: AccountKey): Uint8Array {
	const bytes = key.reveal();
	if (bytes.length !== accountKeyBytes) throw new RangeError('an account key is 16 bytes');
	return bytes;
}
