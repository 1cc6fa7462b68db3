// DPoP proofs (RFC 9449 §4.2): a device shows with every request that it holds the key which its
// session is bound to. A proof is good for one request, and once.
import { toBase64Url, utf8Encode } from '../../protocol/bytes.ts';
import type { P256Jwk } from '../jwk.ts';
import { accessTokenHash, type ProvenRequest } from '../proven-request.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { webCryptoBytes } from '../webcrypto-bytes.ts';

/** A device key: ECDSA P-256, its private half not extractable. */
export interface ProofKey {
	readonly privateKey: CryptoKey;
	readonly jwk: P256Jwk;
}

export interface ProofContext {
	/** The token that goes with the request, or null where none does. */
	readonly accessToken: string | null;
	/** The last one that this edge gave, or null before the first. */
	readonly nonce: string | null;
	/** The caller's clock, in milliseconds since 1970. No edge of ours judges by it. */
	readonly nowMs: number;
}

const proofIdBytes = 16;

/**
 * Makes a proof: a JWT in its compact form, about 700 characters. Client half.
 *
 * Source: RFC 9449 §4.2; docs/formats.md, DPoP proof.
 * @param random only for vectors.
 */
export async function makeDpopProof(
	{ privateKey, jwk }: ProofKey,
	{ request, context }: { readonly request: ProvenRequest; readonly context: ProofContext },
	random: RandomSource = randomBytes
): Promise<string> {
	const { accessToken, nonce, nowMs } = context;
	const { kty, crv, x, y } = jwk;
	const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } };
	const claims = {
		jti: toBase64Url(random(proofIdBytes)),
		...request,
		iat: Math.floor(nowMs / 1_000),
		...(accessToken !== null && { ath: accessTokenHash(accessToken) }),
		...(nonce !== null && { nonce })
	};
	const signed = `${base64UrlJson(header)}.${base64UrlJson(claims)}`;
	const algorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;
	const message = webCryptoBytes(utf8Encode(signed));
	const signature = await crypto.subtle.sign(algorithm, privateKey, message);
	return `${signed}.${toBase64Url(new Uint8Array(signature))}`;
}

const base64UrlJson = (value: object): string => toBase64Url(utf8Encode(JSON.stringify(value)));
