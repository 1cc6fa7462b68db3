// XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM with a subkey derived by two CMAC blocks from the
// first half of a 192-bit nonce, so that random nonces are safe for the life of a key. It is not
// key-committing by itself: see key-commitment.ts.
//
//   sealed record = nonce (24) ‖ ciphertext ‖ tag (16)
import { concatBytes } from '../../protocol/bytes.ts';
import { sealOverheadBytes } from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { webCryptoBytes } from '../webcrypto-bytes.ts';

declare const xaesBrand: unique symbol;

/**
 * A key that seals and opens records; its 32 bytes can't be read out again. Plain data of a
 * non-extractable CryptoKey and a CMAC constant: it can be cloned to a worker or kept in IndexedDB.
 */
export interface XaesKey {
	readonly [xaesBrand]?: true;
	readonly blockCipher: CryptoKey;
	/** K1 of NIST SP 800-38B §6.1, 16 bytes: secret, but it gives no way back to the key. */
	readonly cmacSubkey: Uint8Array;
}

/** What travels with a plaintext, or a record, through {@link seal} and {@link open}. */
export interface SealInput {
	readonly plaintext: Uint8Array;
	/** Bound, not sent: opening with any other fails. Made by protocol/labels.ts. */
	readonly aad: Uint8Array;
}

/** A record, and the AAD that it was sealed with. */
export interface OpenInput {
	/** As received, any length. Not modified. */
	readonly sealed: Uint8Array;
	readonly aad: Uint8Array;
}

export const xaesKeyBytes = 32;
export const xaesNonceBytes = 24;
/** The first half of a nonce gives the subkey, the second is AES-GCM's own nonce. */
export const xaesPrefixBytes = 12;
const blockBytes = 16;
const tagBytes = 16;
const zeroBlock = new Uint8Array(blockBytes);

/**
 * Imports a key for XAES-256-GCM.
 *
 * @param key 32 bytes; stays the caller's to overwrite. Another length throws.
 */
export async function importXaesKey(key: Uint8Array): Promise<XaesKey> {
	if (key.length !== xaesKeyBytes) throw new RangeError('an XAES-256-GCM key is 32 bytes');
	const blockCipher = await crypto.subtle.importKey('raw', webCryptoBytes(key), 'AES-CBC', false, [
		'encrypt'
	]);
	return { blockCipher, cmacSubkey: doubleBlock(await encryptBlock(blockCipher, zeroBlock)) };
}

/**
 * Seals one record under a fresh random nonce. For a key that seals many, see {@link RecordCipher} in
 * record-cipher.ts, which does not derive a subkey for each.
 *
 * @returns 40 bytes more than the plaintext.
 */
export const seal = (key: XaesKey, input: SealInput): Promise<Uint8Array> =>
	sealWithRandom(key, input, randomBytes);

/** {@link seal} with the nonce's source given, for published vectors only. */
export async function sealWithRandom(
	key: XaesKey,
	input: SealInput,
	random: RandomSource
): Promise<Uint8Array> {
	const record = layOutRecord(input.plaintext);
	const nonce = random(xaesNonceBytes);
	record.set(nonce);
	await sealLaidOut(await deriveSubkey(key, prefixOf(nonce)), record, input.aad);
	return record;
}

/**
 * Opens one record.
 *
 * @returns the plaintext in a new array; `open_failed` for a record that is too short, was changed
 * anywhere, or belongs to another key or place, all alike.
 */
export async function open(
	key: XaesKey,
	input: OpenInput
): Promise<Result<Uint8Array, 'open_failed'>> {
	if (input.sealed.length < sealOverheadBytes) return err('open_failed');
	return openUnder(await deriveSubkey(key, prefixOf(input.sealed)), input);
}

/** The part of a nonce, or of a record, that its subkey depends on: 12 bytes, a view. */
export const prefixOf = (nonceOrRecord: Uint8Array): Uint8Array =>
	nonceOrRecord.subarray(0, xaesPrefixBytes);

/** A record's place with the plaintext in it: what {@link sealLaidOut} takes, but for the nonce. */
export function layOutRecord(plaintext: Uint8Array): Uint8Array {
	const record = new Uint8Array(plaintext.length + sealOverheadBytes);
	record.set(plaintext, xaesNonceBytes);
	return record;
}

/**
 * Seals a record where it stands: `nonce (24) ‖ plaintext ‖ room for the tag (16)` becomes
 * `nonce ‖ ciphertext ‖ tag`. The plaintext is written over once this resolves; until then the bytes
 * must stay as they are.
 *
 * @param subkey that of the nonce's first half.
 */
export async function sealLaidOut(
	subkey: CryptoKey,
	record: Uint8Array,
	aad: Uint8Array
): Promise<void> {
	const plaintext = record.subarray(xaesNonceBytes, record.length - tagBytes);
	const ciphertext = await crypto.subtle.encrypt(
		gcmParameters(record, aad),
		subkey,
		webCryptoBytes(plaintext)
	);
	record.set(new Uint8Array(ciphertext), xaesNonceBytes);
}

/** {@link open}, with a subkey at hand: that of the record's first 12 bytes. */
export async function openUnder(
	subkey: CryptoKey,
	{ sealed, aad }: OpenInput
): Promise<Result<Uint8Array, 'open_failed'>> {
	const ciphertext = webCryptoBytes(sealed.subarray(xaesNonceBytes));
	try {
		const parameters = gcmParameters(sealed, aad);
		return ok(new Uint8Array(await crypto.subtle.decrypt(parameters, subkey, ciphertext)));
	} catch {
		// WebCrypto says OperationError when the tag does not fit; nothing else can go wrong here.
		return err('open_failed');
	}
}

const gcmParameters = (record: Uint8Array, aad: Uint8Array) => ({
	name: 'AES-GCM' as const,
	iv: webCryptoBytes(record.subarray(xaesPrefixBytes, xaesNonceBytes)),
	additionalData: webCryptoBytes(aad)
});

/**
 * Steps 3 to 5 of the specification: the AES-256-GCM key of all nonces that begin with `prefix`, for
 * sealing and opening; not extractable. It passes through memory: WebCrypto has no other way.
 *
 * @param prefix 12 bytes.
 */
export async function deriveSubkey(key: XaesKey, prefix: Uint8Array): Promise<CryptoKey> {
	const halves = await Promise.all([subkeyHalf(key, prefix, 1), subkeyHalf(key, prefix, 2)]);
	const subkey = webCryptoBytes(concatBytes(...halves));
	const usages: ('encrypt' | 'decrypt')[] = ['encrypt', 'decrypt'];
	const imported = await crypto.subtle.importKey('raw', subkey, 'AES-GCM', false, usages);
	subkey.fill(0);
	for (const half of halves) half.fill(0);
	return imported;
}

function subkeyHalf(key: XaesKey, prefix: Uint8Array, counter: 1 | 2): Promise<Uint8Array> {
	const block = new Uint8Array(blockBytes);
	block[1] = counter;
	block[2] = 0x58;
	block.set(prefix, 4);
	for (let index = 0; index < blockBytes; index++) {
		block[index] = (block[index] ?? 0) ^ (key.cmacSubkey[index] ?? 0);
	}
	return encryptBlock(key.blockCipher, block);
}

/** One AES block: the first of CBC under a zero IV. The second is PKCS #7 padding, and dropped. */
async function encryptBlock(key: CryptoKey, block: Uint8Array): Promise<Uint8Array> {
	const parameters = { name: 'AES-CBC' as const, iv: zeroBlock };
	const blocks = await crypto.subtle.encrypt(parameters, key, webCryptoBytes(block));
	return new Uint8Array(blocks, 0, blockBytes);
}

/** Doubling in GF(2^128), NIST SP 800-38B §6.1. */
function doubleBlock(block: Uint8Array): Uint8Array {
	const doubled = new Uint8Array(blockBytes);
	let carry = 0;
	for (let index = blockBytes - 1; index >= 0; index--) {
		const byte = block[index] ?? 0;
		doubled[index] = (byte << 1) | carry;
		carry = byte >> 7;
	}
	doubled[blockBytes - 1] = (doubled[blockBytes - 1] ?? 0) ^ (carry * 0x87);
	return doubled;
}
