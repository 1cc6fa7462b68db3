// XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM with a subkey for each message, derived by two
// CMAC blocks from the first half of a 192-bit nonce, so that random nonces are safe for the life
// of a key. It is not key-committing by itself: see key-commitment.ts.
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

export const xaesKeyBytes = 32;
export const xaesNonceBytes = 24;
const blockBytes = 16;
const subkeyNonceBytes = 12;
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
 * Seals one record under a fresh random nonce.
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
	const nonce = random(xaesNonceBytes);
	const subkey = await deriveSubkey(key, nonce, 'encrypt');
	const ciphertext = await crypto.subtle.encrypt(
		gcmParameters(nonce, input.aad),
		subkey,
		webCryptoBytes(input.plaintext)
	);
	return concatBytes(nonce, new Uint8Array(ciphertext));
}

/**
 * Opens one record.
 *
 * @returns the plaintext in a new array; `open_failed` for a record that is too short, was changed
 * anywhere, or belongs to another key or place, all alike.
 */
export async function open(
	key: XaesKey,
	input: { readonly sealed: Uint8Array; readonly aad: Uint8Array }
): Promise<Result<Uint8Array, 'open_failed'>> {
	if (input.sealed.length < sealOverheadBytes) return err('open_failed');
	const nonce = input.sealed.subarray(0, xaesNonceBytes);
	const ciphertext = webCryptoBytes(input.sealed.subarray(xaesNonceBytes));
	const subkey = await deriveSubkey(key, nonce, 'decrypt');
	try {
		const parameters = gcmParameters(nonce, input.aad);
		return ok(new Uint8Array(await crypto.subtle.decrypt(parameters, subkey, ciphertext)));
	} catch {
		// WebCrypto says OperationError when the tag does not fit; nothing else can go wrong here.
		return err('open_failed');
	}
}

const gcmParameters = (nonce: Uint8Array, aad: Uint8Array) => ({
	name: 'AES-GCM' as const,
	iv: webCryptoBytes(nonce.subarray(subkeyNonceBytes)),
	additionalData: webCryptoBytes(aad)
});

/** Steps 3 to 5 of the specification. The subkey passes through memory: WebCrypto has no other way. */
async function deriveSubkey(
	key: XaesKey,
	nonce: Uint8Array,
	usage: 'encrypt' | 'decrypt'
): Promise<CryptoKey> {
	const halves = await Promise.all([subkeyHalf(key, nonce, 1), subkeyHalf(key, nonce, 2)]);
	const subkey = webCryptoBytes(concatBytes(...halves));
	const imported = await crypto.subtle.importKey('raw', subkey, 'AES-GCM', false, [usage]);
	subkey.fill(0);
	for (const half of halves) half.fill(0);
	return imported;
}

function subkeyHalf(key: XaesKey, nonce: Uint8Array, counter: 1 | 2): Promise<Uint8Array> {
	const block = new Uint8Array(blockBytes);
	block[1] = counter;
	block[2] = 0x58;
	block.set(nonce.subarray(0, subkeyNonceBytes), 4);
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
