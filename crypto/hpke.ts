// HPKE (RFC 9180), base mode, single shot, one suite: KEM 0x647a X-Wing (ML-KEM-768 + X25519,
// draft-connolly-cfrg-xwing-kem and draft-ietf-hpke-pq), KDF 0x0001 HKDF-SHA256, AEAD 0x0002
// AES-256-GCM. Each message has an encapsulation of its own, so the nonce is always that of
// sequence number 0. HPKE authenticates no sender: whoever may give a key is a signed commit's matter.
// Only the sealing half is here, which the edge has too; what opens is in client/hpke.ts.
//
//   sealed = enc (1,120) ‖ ciphertext ‖ tag (16)
import { ml_kem768_x25519 as xwing } from '@noble/post-quantum/hybrid.js';
import { concatBytes, utf8Encode } from '../protocol/bytes.ts';
import { xwingPublicKeyBytes } from '../protocol/limits.ts';
import { hkdfExpand, hkdfExtract } from './kdf.ts';
import { randomBytes, type RandomSource } from './random.ts';
import { webCryptoBytes } from './webcrypto-bytes.ts';

/** X-Wing ciphertext, and HPKE's `enc`: ML-KEM-768 1,088 + X25519 32. */
export const encBytes = 1_120;
const encapsulationSeedBytes = 64;
const empty = new Uint8Array(0);

/** The identifiers that RFC 9180 §7 gives to a suite; ours is {@link xwingSuite}. */
export interface HpkeSuite {
	readonly kem: number;
	readonly kdf: number;
	readonly aead: number;
}

/** The one suite that is used. */
export const xwingSuite: HpkeSuite = { kem: 0x647a, kdf: 0x0001, aead: 0x0002 };

export interface HpkeContext {
	/** Binds the message to its place; made by protocol/labels.ts. */
	readonly info: Uint8Array;
	/** RFC 9180's `aad`; left out, it is empty. */
	readonly aad?: Uint8Array;
}

/**
 * Seals `plaintext` to the holder of a public key, RFC 9180 §6.1 (base mode).
 *
 * @param recipientKey 1,216 bytes that passed `isCanonicalKemKey`; else it throws.
 * @param random only for vectors: 64 bytes, the draft's `eseed`.
 * @returns 1,136 bytes more than the plaintext.
 */
export async function sealTo(
	recipientKey: Uint8Array,
	input: HpkeContext & { readonly plaintext: Uint8Array },
	random: RandomSource = randomBytes
): Promise<Uint8Array> {
	if (recipientKey.length !== xwingPublicKeyBytes) {
		throw new RangeError('an X-Wing public key is 1,216 bytes');
	}
	const seed = random(encapsulationSeedBytes);
	const { cipherText, sharedSecret } = xwing.encapsulate(recipientKey, seed);
	seed.fill(0);
	const { key, parameters } = await messageKey(sharedSecret, input, 'encrypt');
	const plaintext = webCryptoBytes(input.plaintext);
	const ciphertext = await crypto.subtle.encrypt(parameters, key, plaintext);
	return concatBytes(cipherText, new Uint8Array(ciphertext));
}

interface MessageParameters {
	readonly name: 'AES-GCM';
	readonly iv: Uint8Array<ArrayBuffer>;
	readonly additionalData: Uint8Array<ArrayBuffer>;
}

/**
 * The key and nonce of a message, from what its encapsulation gave; not extractable, and good for one
 * use. The shared secret is overwritten.
 */
export async function messageKey(
	sharedSecret: Uint8Array,
	{ info, aad = empty }: HpkeContext,
	usage: 'encrypt' | 'decrypt'
): Promise<{ readonly key: CryptoKey; readonly parameters: MessageParameters }> {
	const { key, baseNonce } = keySchedule(xwingSuite, { sharedSecret, info });
	const bytes = webCryptoBytes(key);
	const imported = await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, [usage]);
	sharedSecret.fill(0);
	key.fill(0);
	const parameters = {
		name: 'AES-GCM',
		iv: webCryptoBytes(baseNonce),
		additionalData: webCryptoBytes(aad)
	} as const;
	return { key: imported, parameters };
}

/**
 * HPKE's key schedule in base mode with HKDF-SHA256, RFC 9180 §5.1. Exported for vectors, which
 * exist for other suites as well.
 *
 * @returns `key` 32 bytes (AEADs 0x0002 and 0x0003), `baseNonce` 12 bytes.
 */
export function keySchedule(
	suite: HpkeSuite,
	input: { readonly sharedSecret: Uint8Array; readonly info: Uint8Array }
): { readonly key: Uint8Array; readonly baseNonce: Uint8Array } {
	const labelled = labelledKdf(suite);
	const context = concatBytes(
		Uint8Array.of(0x00),
		labelled.extract('psk_id_hash', { salt: empty, ikm: empty }),
		labelled.extract('info_hash', { salt: empty, ikm: input.info })
	);
	const secret = labelled.extract('secret', { salt: input.sharedSecret, ikm: empty });
	return {
		key: labelled.expand('key', { prk: secret, context, lengthBytes: 32 }),
		baseNonce: labelled.expand('base_nonce', { prk: secret, context, lengthBytes: 12 })
	};
}

/** LabeledExtract and LabeledExpand, RFC 9180 §4. */
function labelledKdf(suite: HpkeSuite) {
	const identifiers = [suite.kem, suite.kdf, suite.aead].map(uint16);
	const suiteId = concatBytes(utf8Encode('HPKE'), ...identifiers);
	const version = utf8Encode('HPKE-v1');
	return {
		extract: (label: string, input: { readonly salt: Uint8Array; readonly ikm: Uint8Array }) =>
			hkdfExtract({
				salt: input.salt,
				ikm: concatBytes(version, suiteId, utf8Encode(label), input.ikm)
			}),
		expand: (
			label: string,
			input: {
				readonly prk: Uint8Array;
				readonly context: Uint8Array;
				readonly lengthBytes: number;
			}
		) =>
			hkdfExpand({
				prk: input.prk,
				info: concatBytes(
					uint16(input.lengthBytes),
					version,
					suiteId,
					utf8Encode(label),
					input.context
				),
				lengthBytes: input.lengthBytes
			})
	};
}

/** I2OSP(value, 2), RFC 8017 §4.1. */
const uint16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);
