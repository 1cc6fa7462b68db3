// Sealing of the deployment's own server keys (OPAQUE setup, naming key, factor key, token keys) under the edge
// secret, which is kept apart from storage: a copy of the storage alone is then no use.
//
// Beside what a factor is sealed under (factor-seal.ts) this is the one place of crypto/edge that opens
// anything, and no content can be opened with it: the key derives from the edge secret under a label
// of its own, and no content key, wrap or keyslot ever derives from or is sealed under that secret.
//
//   sealed = nonce (12) ‖ ciphertext ‖ tag (16), AES-256-GCM, key = HKDF(edge secret, label)
import { concatBytes, fromBase64Url, fromHex } from '../../protocol/bytes.ts';
import { derivationInfo, labels } from '../../protocol/labels.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { hkdf } from '../kdf.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { webCryptoBytes } from '../webcrypto-bytes.ts';

declare const edgeSecretBrand: unique symbol;
/** TACET_SECRET, 32 bytes. */
export type EdgeSecret = Uint8Array & { readonly [edgeSecretBrand]: true };

const secretBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Reads TACET_SECRET: 32 bytes as base64url without padding, or as 64 lower-case hex digits, which
 * is what `openssl rand -hex 32` prints.
 */
export function parseEdgeSecret(text: string): Result<EdgeSecret, 'malformed'> {
	const bytes = text.length === 2 * secretBytes ? fromHex(text) : fromBase64Url(text);
	if (!bytes.ok || bytes.value.length !== secretBytes) return err('malformed');
	return ok(bytes.value as EdgeSecret);
}

/**
 * Seals the deployment's server keys. Random 96-bit nonces are safe here: NIST SP 800-38D §8.3
 * allows 2^32 of them, and this is called when a key is made or the secret changes.
 *
 * @param random only for tests.
 * @returns 28 bytes more than `serverKeys`.
 */
export async function sealServerKeys(
	secret: EdgeSecret,
	serverKeys: Uint8Array,
	random: RandomSource = randomBytes
): Promise<Uint8Array> {
	const nonce = random(nonceBytes);
	const key = await importSealingKey(secret, 'encrypt');
	const sealed = await crypto.subtle.encrypt(gcmParameters(nonce), key, webCryptoBytes(serverKeys));
	return concatBytes(nonce, new Uint8Array(sealed));
}

/**
 * Opens what {@link sealServerKeys} made. While the edge secret is being changed two are accepted.
 *
 * @param secrets tried in order.
 * @returns the keys, and the index of the secret that fitted, so that the caller can seal anew under
 * the first; `open_failed` when none fits, or the record was changed.
 */
export async function openServerKeys(
	secrets: readonly EdgeSecret[],
	sealed: Uint8Array
): Promise<
	Result<{ readonly serverKeys: Uint8Array; readonly secretIndex: number }, 'open_failed'>
> {
	if (sealed.length < nonceBytes + tagBytes) return err('open_failed');
	const parameters = gcmParameters(sealed.subarray(0, nonceBytes));
	const ciphertext = webCryptoBytes(sealed.subarray(nonceBytes));
	for (const [secretIndex, secret] of secrets.entries()) {
		const key = await importSealingKey(secret, 'decrypt');
		try {
			const opened = await crypto.subtle.decrypt(parameters, key, ciphertext);
			return ok({ serverKeys: new Uint8Array(opened), secretIndex });
		} catch {
			// The tag does not fit this secret; the next may.
		}
	}
	return err('open_failed');
}

const gcmParameters = (nonce: Uint8Array) => ({
	name: 'AES-GCM' as const,
	iv: webCryptoBytes(nonce),
	additionalData: webCryptoBytes(derivationInfo(labels.serverKeys))
});

async function importSealingKey(
	secret: EdgeSecret,
	usage: 'encrypt' | 'decrypt'
): Promise<CryptoKey> {
	const key = webCryptoBytes(hkdf(secret, derivationInfo(labels.serverKeys), secretBytes));
	const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, [usage]);
	key.fill(0);
	return imported;
}
