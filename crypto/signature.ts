// Ed25519 (RFC 8032). Verification is WebCrypto's in every engine: pure-JavaScript verifiers and
// engines disagree on crafted signatures, and a signature that one member accepts and another
// refuses would split a space. Engines disagree among themselves where points of small order come
// in, so these are shut out before they are asked: in keys once, when an identity is accepted
// (canonical, free of torsion), and in a signature's R each time.
import { ed25519 } from '@noble/curves/ed25519.js';
import { concatBytes, toHex } from '../protocol/bytes.ts';
import { ed25519PublicKeyBytes, signatureBytes } from '../protocol/limits.ts';
import { webCryptoBytes } from './webcrypto-bytes.ts';

// A table for faster multiplications of the base point takes 20 ms to make, and a login needs two of
// them: a small one is done sooner, up to some thirty.
ed25519.Point.BASE.precompute(2);

const seedBytes = 32;
/** PKCS #8 around a 32-byte Ed25519 seed (RFC 8410 §7), the only private form that WebCrypto takes. */
const pkcs8Prefix = Uint8Array.of(
	...[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06],
	...[0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20]
);

/**
 * The y-coordinates of edwards25519's eight points of small order, 32 bytes little-endian in hex,
 * sign bit cleared: 0, 1, −1, and the two of order 8. Their non-canonical forms need no place here:
 * every engine refuses those in R.
 */
const smallOrderY = new Set([
	'00'.repeat(32),
	`01${'00'.repeat(31)}`,
	`ec${'ff'.repeat(30)}7f`,
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
]);

/**
 * Verifies an Ed25519 signature, RFC 8032 §5.1.7.
 *
 * Safe to rely on across engines only for a `publicKey` that passed {@link isCanonicalPublicKey}.
 *
 * Differs from RFC 8032 in refusing an R of small order: no honest signer makes one, and engines
 * disagree (with R neutral, workerd and Chromium accept what Node refuses), so that a member could
 * sign a commit that only some can follow.
 *
 * @param publicKey 32 bytes; any other length, or no point of the curve, verifies nothing.
 * @param message any length.
 * @param signature 64 bytes; any other length is not a signature.
 * @param keys of earlier checks, for many by the same few keys.
 */
export async function verifySignature(
	publicKey: Uint8Array,
	message: Uint8Array,
	signature: Uint8Array,
	keys?: VerifyKeys
): Promise<boolean> {
	if (publicKey.length !== ed25519PublicKeyBytes || signature.length !== signatureBytes) {
		return false;
	}
	if (hasSmallOrderR(signature)) return false;
	const key = await (keys ?? new VerifyKeys()).import(publicKey);
	if (key === null) return false;
	return crypto.subtle.verify('Ed25519', key, webCryptoBytes(signature), webCryptoBytes(message));
}

/** A signature that somebody must still verify: what synchronous rules hand back. */
export interface Proof {
	/** 32 bytes, canonical. */
	readonly publicKey: Uint8Array;
	readonly message: Uint8Array;
	/** 64 bytes. */
	readonly signature: Uint8Array;
}

/** {@link verifySignature} of a {@link Proof}. */
export const verifyProof = ({ publicKey, message, signature }: Proof): Promise<boolean> =>
	verifySignature(publicKey, message, signature);

/** Keys imported for checks that belong together, each once: a log has thousands of few authors. */
export class VerifyKeys {
	readonly #imported = new Map<string, Promise<CryptoKey | null>>();

	/** The key of 32 bytes; null for bytes that this engine takes for no point. */
	import(publicKey: Uint8Array): Promise<CryptoKey | null> {
		// By content: whoever holds the array may write other bytes into it.
		const name = toHex(publicKey);
		const imported = this.#imported.get(name) ?? importVerifyKey(publicKey);
		this.#imported.set(name, imported);
		return imported;
	}
}

/** R is the signature's first half; the top bit of its last byte is the sign of x. */
function hasSmallOrderR(signature: Uint8Array): boolean {
	// A copy, also of a Buffer, whose slice would be a view.
	const y = new Uint8Array(signature.subarray(0, 32));
	y[31] = (y[31] ?? 0) & 0x7f;
	return smallOrderY.has(toHex(y));
}

/** Some engines refuse bytes that are no point when they import them, others when they verify. */
async function importVerifyKey(publicKey: Uint8Array): Promise<CryptoKey | null> {
	try {
		return await crypto.subtle.importKey('raw', webCryptoBytes(publicKey), 'Ed25519', false, [
			'verify'
		]);
	} catch {
		return null;
	}
}

/** A signing key; the private half can sign, and can't be read out. */
export interface SigningKey {
	readonly privateKey: CryptoKey;
	/** 32 bytes. */
	readonly publicKey: Uint8Array;
}

/**
 * Imports the signing key of a 32-byte seed (RFC 8032 §5.1.5) as a non-extractable CryptoKey.
 *
 * @param seed 32 bytes; stays the caller's to overwrite. Another length throws.
 */
export async function importSigningKey(seed: Uint8Array): Promise<SigningKey> {
	if (seed.length !== seedBytes) throw new RangeError('an Ed25519 seed is 32 bytes');
	const pkcs8 = concatBytes(pkcs8Prefix, seed);
	const privateKey = await crypto.subtle.importKey(
		'pkcs8',
		webCryptoBytes(pkcs8),
		'Ed25519',
		false,
		['sign']
	);
	pkcs8.fill(0);
	return { privateKey, publicKey: ed25519.getPublicKey(seed) };
}

/** Signs `message`, 64 bytes; deterministic, as RFC 8032 §5.1.6 defines. */
export async function sign(privateKey: CryptoKey, message: Uint8Array): Promise<Uint8Array> {
	return new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, webCryptoBytes(message)));
}

/**
 * Whether `publicKey` is the canonical encoding of a point of the prime-order group other than the
 * neutral element: the only keys on which every engine's verification agrees, and for which a
 * signature binds one key and one message.
 *
 * Source: Chalkias, Garillot, Nikolaenko, 'Taming the many EdDSAs' (SSR 2020), §3.
 * @param publicKey any bytes; another length than 32 is not canonical.
 */
export function isCanonicalPublicKey(publicKey: Uint8Array): boolean {
	if (publicKey.length !== ed25519PublicKeyBytes) return false;
	try {
		const point = ed25519.Point.fromBytes(publicKey);
		return !point.isSmallOrder() && point.isTorsionFree();
	} catch {
		// Thrown for bytes that are no canonical point.
		return false;
	}
}
