// The half of HPKE that opens (RFC 9180, base mode, the suite of ../hpke.ts): clients alone have it.
import { ml_kem768_x25519 as xwing } from '@noble/post-quantum/hybrid.js';
import { err, ok, type Result } from '../../protocol/result.ts';
import { encBytes, messageKey, type HpkeContext } from '../hpke.ts';
import { webCryptoBytes } from '../webcrypto-bytes.ts';
import type { KemSeed } from './secret.ts';

const tagBytes = 16;
const seedBytes = 32;

/**
 * The X-Wing public key of a seed.
 *
 * Source: draft-connolly-cfrg-xwing-kem §5.2, GenerateKeyPairDerand.
 * @param seed 32 bytes; it is the decapsulation key as well.
 * @returns 1,216 bytes: ML-KEM-768 1,184 ‖ X25519 32.
 */
export function deriveKemPublicKey(seed: KemSeed): Uint8Array {
	const bytes = seed.reveal();
	if (bytes.length !== seedBytes) throw new RangeError('an X-Wing seed is 32 bytes');
	return xwing.keygen(bytes).publicKey;
}

/**
 * Opens what `sealTo` made.
 *
 * @returns the plaintext in a new array; `open_failed` for every change, length, key and context
 * that does not fit, all alike.
 */
export async function openSealedTo(
	seed: KemSeed,
	input: HpkeContext & { readonly sealed: Uint8Array }
): Promise<Result<Uint8Array, 'open_failed'>> {
	if (input.sealed.length < encBytes + tagBytes) return err('open_failed');
	const enc = input.sealed.subarray(0, encBytes);
	const ciphertext = webCryptoBytes(input.sealed.subarray(encBytes));
	const decapsulationKey = seed.reveal();
	try {
		const sharedSecret = xwing.decapsulate(enc, decapsulationKey);
		const { key, parameters } = await messageKey(sharedSecret, input, 'decrypt');
		return ok(new Uint8Array(await crypto.subtle.decrypt(parameters, key, ciphertext)));
	} catch {
		// Either noble refused a low-order X25519 share, or the tag did not fit.
		return err('open_failed');
	}
}
