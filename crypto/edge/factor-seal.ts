// Sealing of what an edge keeps of a second factor and nobody may read off a database: secrets of
// one-time passwords, telephone numbers. The factor key is one of the deployment's server keys; no
// content, and nothing that opens content, is ever sealed under it.
//
//   sealed = nonce (12) ‖ ciphertext ‖ tag (16), AES-256-GCM, key = HKDF(factor key, account)
import type { FactorKind } from '../../protocol/factor-kind.ts';
import { concatBytes } from '../../protocol/bytes.ts';
import type { AccountId, FactorId } from '../../protocol/ids.ts';
import { factorAad, factorKeyInfo } from '../../protocol/labels.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { hkdf } from '../kdf.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { webCryptoBytes } from '../webcrypto-bytes.ts';

export const factorKeyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** Whose factor, and which: what is sealed for one opens for no other. */
export interface FactorPlace {
	readonly account: AccountId;
	readonly factor: FactorId;
	readonly kind: FactorKind;
}

/**
 * Seals a factor's data. Random 96-bit nonces are safe: a key is one account's, and seals once for each
 * factor that is added (NIST SP 800-38D §8.3 allows 2^32).
 *
 * @param factorKey the deployment's, 32 bytes.
 * @param random only for tests.
 * @returns 28 bytes more than `data`.
 */
export async function sealFactor(
	factorKey: Uint8Array,
	place: FactorPlace,
	data: Uint8Array,
	random: RandomSource = randomBytes
): Promise<Uint8Array> {
	const nonce = random(nonceBytes);
	const key = await importKey(factorKey, place, 'encrypt');
	const sealed = await crypto.subtle.encrypt(parametersOf(nonce, place), key, webCryptoBytes(data));
	return concatBytes(nonce, new Uint8Array(sealed));
}

/** Opens what {@link sealFactor} made; `open_failed` for another key, place or record. */
export async function openFactor(
	factorKey: Uint8Array,
	place: FactorPlace,
	sealed: Uint8Array
): Promise<Result<Uint8Array, 'open_failed'>> {
	if (sealed.length < nonceBytes + tagBytes) return err('open_failed');
	const key = await importKey(factorKey, place, 'decrypt');
	try {
		const opened = await crypto.subtle.decrypt(
			parametersOf(sealed.subarray(0, nonceBytes), place),
			key,
			webCryptoBytes(sealed.subarray(nonceBytes))
		);
		return ok(new Uint8Array(opened));
	} catch {
		// WebCrypto throws for a tag that does not fit, and says no more.
		return err('open_failed');
	}
}

const parametersOf = (nonce: Uint8Array, { account, factor, kind }: FactorPlace) => ({
	name: 'AES-GCM' as const,
	iv: webCryptoBytes(nonce),
	additionalData: webCryptoBytes(factorAad(account, factor, kind))
});

async function importKey(
	factorKey: Uint8Array,
	{ account }: FactorPlace,
	usage: 'encrypt' | 'decrypt'
): Promise<CryptoKey> {
	const key = webCryptoBytes(hkdf(factorKey, factorKeyInfo(account), factorKeyBytes));
	const imported = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, [usage]);
	key.fill(0);
	return imported;
}
