// Identity entries: making them, and judging their keys and signatures. The bytes are laid out in
// protocol/identity.ts; what an accepted or changed identity means for a person is decided by the
// client. Source: docs/formats.md, Identity entry.
import { equalBytes } from '../protocol/bytes.ts';
import {
	encodeIdentityBody,
	encodeIdentityEntry,
	parseIdentityEntry,
	type IdentityBody,
	type IdentityEntry
} from '../protocol/identity.ts';
import { idBytes, idFromBytes, type AccountId } from '../protocol/ids.ts';
import { identitySigningInput } from '../protocol/labels.ts';
import { xwingPublicKeyBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { sha256 } from './hash.ts';
import {
	isCanonicalPublicKey,
	sign,
	verifyProof,
	verifySignature,
	type Proof,
	type SigningKey
} from './signature.ts';

/** An entry whose keys are usable and whose own signature is good. */
export interface Identity {
	readonly account: AccountId;
	/** SHA-256 of the body, 32 bytes: what commits, wraps and pins name. */
	readonly hash: Uint8Array;
	readonly entry: IdentityEntry;
	/** The entry's canonical bytes, as they travel in a member entry. */
	readonly bytes: Uint8Array;
}

export type IdentityFault = 'malformed' | 'key_not_canonical' | 'signature_invalid';

/** The identity hash of an entry's body: SHA-256, 32 bytes. */
export const identityHash = (bodyBytes: Uint8Array): Uint8Array => sha256(bodyBytes);

/**
 * Reads an entry and judges its form and keys, all that needs no signature. Synchronous, so that
 * the rules of the log can call it; whoever accepts the entry also verifies {@link identityProof}.
 *
 * @param bytes as received, any length.
 */
export function readIdentity(
	bytes: Uint8Array
): Result<Identity, Exclude<IdentityFault, 'signature_invalid'>> {
	const parsed = parseIdentityEntry(bytes);
	if (!parsed.ok) return parsed;
	const { signingKey, kemKey } = parsed.value.body;
	if (!isCanonicalPublicKey(signingKey) || !isCanonicalKemKey(kemKey)) {
		return err('key_not_canonical');
	}
	return ok(identityOf(parsed.value, bytes));
}

/** The signature by which an entry vouches for itself. */
export const identityProof = ({ entry }: Identity): Proof => ({
	publicKey: entry.body.signingKey,
	message: identitySigningInput(entry.bodyBytes),
	signature: entry.signature
});

/**
 * Judges an entry by itself: form, keys, own signature. Whether it renews the entry before is
 * {@link verifyRenewal}'s question; whether it is the person one means, is the pin's.
 *
 * @param bytes as received, any length.
 */
export async function openIdentity(bytes: Uint8Array): Promise<Result<Identity, IdentityFault>> {
	const identity = readIdentity(bytes);
	if (!identity.ok) return identity;
	const good = await verifyProof(identityProof(identity.value));
	return good ? identity : err('signature_invalid');
}

/**
 * Whether `next` directly renews `previous`: same account, next number, the hash of the entry
 * before, and a good signature by its key.
 */
export async function verifyRenewal(previous: Identity, next: Identity): Promise<boolean> {
	const { body, bodyBytes, previousSignature } = next.entry;
	if (previousSignature === null || body.previousHash === null) return false;
	if (body.n !== previous.entry.body.n + 1 || next.account !== previous.account) return false;
	if (!equalBytes(body.previousHash, previous.hash)) return false;
	const input = identitySigningInput(bodyBytes);
	return verifySignature(previous.entry.body.signingKey, input, previousSignature);
}

/** Makes an account's first entry, whose hash gives the account its id. */
export async function createIdentity(keys: {
	readonly signing: SigningKey;
	/** X-Wing public key, 1,216 bytes. */
	readonly kemKey: Uint8Array;
}): Promise<Identity> {
	return signEntry(
		{
			account: null,
			n: 1,
			previousHash: null,
			signingKey: keys.signing.publicKey,
			kemKey: keys.kemKey
		},
		{ own: keys.signing.privateKey, previous: null }
	);
}

/**
 * Makes the entry that follows `previous`, signed by the new key and the one before.
 *
 * @param keys `previousKey` is the private half of the entry before.
 */
export async function renewIdentity(
	previous: Identity,
	keys: {
		readonly signing: SigningKey;
		readonly kemKey: Uint8Array;
		readonly previousKey: CryptoKey;
	}
): Promise<Identity> {
	return signEntry(
		{
			account: previous.account,
			n: previous.entry.body.n + 1,
			previousHash: previous.hash,
			signingKey: keys.signing.publicKey,
			kemKey: keys.kemKey
		},
		{ own: keys.signing.privateKey, previous: keys.previousKey }
	);
}

async function signEntry(
	body: IdentityBody,
	keys: { readonly own: CryptoKey; readonly previous: CryptoKey | null }
): Promise<Identity> {
	const bodyBytes = encodeIdentityBody(body);
	const input = identitySigningInput(bodyBytes);
	const signature = await sign(keys.own, input);
	const previousSignature = keys.previous === null ? null : await sign(keys.previous, input);
	const entry = { body, bodyBytes, signature, previousSignature };
	return identityOf(entry, encodeIdentityEntry(entry));
}

function identityOf(entry: IdentityEntry, bytes: Uint8Array): Identity {
	const hash = identityHash(entry.bodyBytes);
	const account = entry.body.account ?? idFromBytes<AccountId>(hash.subarray(0, idBytes));
	return { account, hash, entry, bytes };
}

const mlKemPublicKeyBytes = 1_184;
const mlKemModulus = 3_329;
const x25519Prime = 2n ** 255n - 19n;
/** The u-coordinates of small order on curve25519 and its twist, in canonical form (RFC 7748 §6.1). */
const smallOrderU = new Set([
	0n,
	1n,
	x25519Prime - 1n,
	0x00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0n,
	0x57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5fn
]);

/**
 * Whether sealing to this X-Wing public key will work and has one meaning: ML-KEM coefficients
 * below the modulus (FIPS 203 §7.2), and an X25519 point in canonical form and of large order, so
 * that an unusable key is refused when a member joins and not when an owner must rotate.
 *
 * Source: draft-connolly-cfrg-xwing-kem §5.
 * @param kemKey any bytes; another length than 1,216 is not a key.
 */
export function isCanonicalKemKey(kemKey: Uint8Array): boolean {
	if (kemKey.length !== xwingPublicKeyBytes) return false;
	const lattice = kemKey.subarray(0, mlKemPublicKeyBytes - 32);
	const point = kemKey.subarray(mlKemPublicKeyBytes);
	return hasReducedCoefficients(lattice) && isCanonicalX25519(point);
}

/** Two 12-bit coefficients stand in three bytes, low bits first (FIPS 203, ByteDecode₁₂). */
function hasReducedCoefficients(packed: Uint8Array): boolean {
	for (let index = 0; index < packed.length; index += 3) {
		const group =
			(packed[index] ?? 0) | ((packed[index + 1] ?? 0) << 8) | ((packed[index + 2] ?? 0) << 16);
		if ((group & 0xfff) >= mlKemModulus || group >> 12 >= mlKemModulus) return false;
	}
	return true;
}

function isCanonicalX25519(point: Uint8Array): boolean {
	let coordinate = 0n;
	for (const byte of point.toReversed()) coordinate = (coordinate << 8n) | BigInt(byte);
	return coordinate < x25519Prime && !smallOrderU.has(coordinate);
}
