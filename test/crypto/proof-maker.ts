// Proofs as a client might make them, and as none should: header and claims are any text.
import type { ProofKey } from '../../crypto/client/dpop-proof.ts';
import { parseP256Jwk } from '../../crypto/jwk.ts';
import { describeRequest, type ProvenRequest } from '../../crypto/proven-request.ts';
import { toBase64Url, utf8Encode } from '../../protocol/bytes.ts';

export async function newProofKey(): Promise<ProofKey> {
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
	const pair = (await crypto.subtle.generateKey(algorithm, false, [
		'sign',
		'verify'
	])) as CryptoKeyPair;
	const { kty, crv, x, y } = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as JsonWebKey;
	const jwk = parseP256Jwk({ kty, crv, x, y });
	if (!jwk.ok) throw new Error('WebCrypto makes P-256 keys');
	return { privateKey: pair.privateKey, jwk: jwk.value };
}

/** Signs what it is given, text or bytes, with no thought about what it says. */
export async function signJwt(
	{ privateKey }: ProofKey,
	parts: { readonly header: string | Uint8Array; readonly claims: string | Uint8Array }
): Promise<string> {
	const signed = `${encodePart(parts.header)}.${encodePart(parts.claims)}`;
	const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
	const message = new TextEncoder().encode(signed);
	const signature = await crypto.subtle.sign(algorithm, privateKey, message);
	return `${signed}.${toBase64Url(new Uint8Array(signature))}`;
}

const encodePart = (part: string | Uint8Array): string =>
	toBase64Url(typeof part === 'string' ? utf8Encode(part) : part);

export const headerOf = ({ jwk }: ProofKey) => ({ typ: 'dpop+jwt', alg: 'ES256', jwk });

/** A request of ours, with a query and a body. */
export const someRequest = (): Promise<ProvenRequest> =>
	describeRequest({
		method: 'POST',
		url: 'https://notes.example/v1/requests/list?after=7',
		body: utf8Encode('{"space":"a"}')
	});
