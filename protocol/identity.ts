// An identity entry: an account's public keys, signed by themselves and by the entry before.
//
//   entry = CBOR [ body (bstr), signature by its own Ed25519 key (64), signature by the key of
//                  the entry before (64) or null ]
//   body  = CBOR [ version 1, account (16) or null in the first, n ≥ 1, hash of the entry before
//                  (32) or null in the first, Ed25519 public key (32), X-Wing public key (1,216) ]
//
// Signatures cover `identitySigningInput(body)`. The identity hash is SHA-256 of the body. The
// account id is the first 16 bytes of the identity hash of its first entry.
import { decodeCbor, encodeCbor } from './cbor.ts';
import { bytesOfId, idBytes, idFromBytes, type AccountId } from './ids.ts';
import { ed25519PublicKeyBytes, hashBytes, signatureBytes, xwingPublicKeyBytes } from './limits.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, isCount } from './shape.ts';

export interface IdentityBody {
	/** Null in an account's first entry, which the id is made from. */
	readonly account: AccountId | null;
	/** Place in the identity log, from 1. */
	readonly n: number;
	/** Identity hash of the entry before; null in the first. */
	readonly previousHash: Uint8Array | null;
	/** Ed25519, 32 bytes, canonical and torsion-free. */
	readonly signingKey: Uint8Array;
	/** X-Wing encapsulation key, 1,216 bytes. */
	readonly kemKey: Uint8Array;
}

export interface IdentityEntry {
	readonly body: IdentityBody;
	/** The exact bytes that are hashed and signed. */
	readonly bodyBytes: Uint8Array;
	readonly signature: Uint8Array;
	readonly previousSignature: Uint8Array | null;
}

/** Canonical bytes of a body. */
export const encodeIdentityBody = (body: IdentityBody): Uint8Array =>
	encodeCbor([
		1,
		body.account === null ? null : bytesOfId(body.account),
		body.n,
		body.previousHash,
		body.signingKey,
		body.kemKey
	]);

/** Canonical bytes of an entry. */
export const encodeIdentityEntry = (
	entry: Pick<IdentityEntry, 'bodyBytes' | 'signature' | 'previousSignature'>
): Uint8Array => encodeCbor([entry.bodyBytes, entry.signature, entry.previousSignature]);

/** Reads an entry's form; its signatures and keys are judged by crypto/identity.ts. */
export function parseIdentityEntry(bytes: Uint8Array): Result<IdentityEntry, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 3)) return err('malformed');
	const [bodyBytes, signature, previousSignature] = decoded.value;
	if (!isBytes(bodyBytes) || !isBytes(signature, signatureBytes)) return err('malformed');
	if (previousSignature !== null && !isBytes(previousSignature, signatureBytes)) {
		return err('malformed');
	}
	const body = parseIdentityBody(bodyBytes);
	if (!body.ok || (body.value.n === 1) !== (previousSignature === null)) return err('malformed');
	return ok({ body: body.value, bodyBytes, signature, previousSignature });
}

function parseIdentityBody(bytes: Uint8Array): Result<IdentityBody, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 6)) return err('malformed');
	const [version, account, n, previousHash, signingKey, kemKey] = decoded.value;
	if (version !== 1 || !isCount(n)) return err('malformed');
	if (!isBytes(signingKey, ed25519PublicKeyBytes)) return err('malformed');
	if (!isBytes(kemKey, xwingPublicKeyBytes)) return err('malformed');
	if (n === 1) {
		if (account !== null || previousHash !== null) return err('malformed');
		return ok({ account, n, previousHash, signingKey, kemKey });
	}
	if (!isBytes(account, idBytes) || !isBytes(previousHash, hashBytes)) return err('malformed');
	return ok({ account: idFromBytes<AccountId>(account), n, previousHash, signingKey, kemKey });
}
