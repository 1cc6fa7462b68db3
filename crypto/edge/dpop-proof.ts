// The edge's judgement of DPoP proofs: every check of RFC 9449 §4.3 but the first, which is about
// header fields, and those on time, which are the nonce's (durable-objects/proof-guard.ts).
//
// A form of its own is refused before anything is looked at: one header, named claims only, strict
// base64url, no member twice.
import {
	concatBytes,
	equalBytes,
	fromBase64Url,
	utf8Decode,
	utf8Encode
} from '../../protocol/bytes.ts';
import {
	maxProofCharacters,
	maxProofIdCharacters,
	maxProofNonceCharacters,
	minProofIdCharacters,
	signatureBytes
} from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { jwkThumbprint, parseP256Jwk, type P256Jwk } from '../jwk.ts';
import { accessTokenHash, type ProvenRequest } from '../proven-request.ts';
import { webCryptoBytes } from '../webcrypto-bytes.ts';
import { normaliseTarget } from './request-target.ts';

/** What a proof says. Nothing of it is verified. */
export interface DpopProof {
	readonly jwk: P256Jwk;
	/** Of `jwk`, 32 bytes (RFC 7638). */
	readonly thumbprint: Uint8Array;
	readonly claims: ProofClaims;
	/** What the signature covers (RFC 7515 §5.1). */
	readonly signed: Uint8Array;
	/** r ‖ s, 64 bytes (RFC 7518 §3.4). */
	readonly signature: Uint8Array;
}

export interface ProofClaims {
	/** 16 to 64 characters of visible ASCII. */
	readonly jti: string;
	readonly htm: string;
	readonly htu: string;
	/** Seconds since 1970, as the client's clock has it. */
	readonly iat: number;
	readonly ath: string | null;
	readonly nonce: string | null;
	readonly bh: string | null;
}

/** What a proof has to be about. */
export interface ProofSubject {
	readonly request: ProvenRequest;
	/** The token that came with the request, or null where none is asked for. */
	readonly accessToken: string | null;
	/** Of the key that the session is bound to, 32 bytes; null where any key will do. */
	readonly thumbprint: Uint8Array | null;
}

declare const verified: unique symbol;
/** A proof that {@link verifyDpopProof} took. Whether it is fresh is for the guard to say. */
export type VerifiedProof = DpopProof & { readonly [verified]: true };

/** For tests and logs: on the wire they are one refusal. */
export type ProofFault = 'wrong_request' | 'wrong_token' | 'wrong_key' | 'bad_signature';

const claimNames: ReadonlySet<string> = new Set(['jti', 'htm', 'htu', 'iat', 'ath', 'nonce', 'bh']);
/** `typ`, `alg`, `jwk`, and the four members of that key. */
const headerMembers = 7;
const visible = /^[\x21-\x7e]+$/;

/**
 * Reads a proof's form.
 *
 * Source: RFC 9449 §4.2 and checks 2 to 5 and 7 of §4.3; docs/formats.md, DPoP proof.
 * @param text the value of the one DPoP header field. Two of them are joined by a comma, which is no
 * base64url (check 1).
 */
export function parseDpopProof(text: string): Result<DpopProof, 'malformed'> {
	if (text.length > maxProofCharacters) return err('malformed');
	const [headerText, claimsText, signatureText, ...rest] = text.split('.');
	if (headerText === undefined || claimsText === undefined || signatureText === undefined) {
		return err('malformed');
	}
	const jwk = parseHeader(headerText);
	const claims = parseClaims(claimsText);
	const signature = fromBase64Url(signatureText);
	if (rest.length > 0 || jwk === null || claims === null || !signature.ok) return err('malformed');
	if (signature.value.length !== signatureBytes) return err('malformed');
	return ok({
		jwk,
		thumbprint: jwkThumbprint(jwk),
		claims,
		signed: utf8Encode(`${headerText}.${claimsText}`),
		signature: signature.value
	});
}

/**
 * Verifies that a proof is about this request, token and key, and that the key made it. Edge half.
 *
 * Source: checks 6, 8, 9 and 12 of RFC 9449 §4.3; docs/formats.md, DPoP proof.
 */
export async function verifyDpopProof(
	proof: DpopProof,
	{ request, accessToken, thumbprint }: ProofSubject
): Promise<Result<VerifiedProof, ProofFault>> {
	const { claims } = proof;
	const ath = accessToken === null ? null : accessTokenHash(accessToken);
	if (!isAbout(claims, request)) return err('wrong_request');
	if (claims.ath !== ath) return err('wrong_token');
	if (thumbprint !== null && !equalBytes(proof.thumbprint, thumbprint)) return err('wrong_key');
	if (!(await isSignedByItsKey(proof))) return err('bad_signature');
	return ok(proof as VerifiedProof);
}

/**
 * Whether the signature is of the proof's own key: ECDSA, P-256, SHA-256. Points that are not on the
 * curve are nobody's key.
 *
 * Source: RFC 7518 §3.4.
 */
export async function isSignedByItsKey(
	proof: Pick<DpopProof, 'jwk' | 'signed' | 'signature'>
): Promise<boolean> {
	const key = await importJwk(proof.jwk);
	if (key === null) return false;
	const algorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;
	const signature = webCryptoBytes(proof.signature);
	return crypto.subtle.verify(algorithm, key, signature, webCryptoBytes(proof.signed));
}

async function importJwk({ x, y }: P256Jwk): Promise<CryptoKey | null> {
	const [left, right] = [fromBase64Url(x), fromBase64Url(y)];
	if (!left.ok || !right.ok) return null;
	// SEC 1 §2.3.3: an uncompressed point begins with 4.
	const point = webCryptoBytes(concatBytes(Uint8Array.of(4), left.value, right.value));
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
	try {
		return await crypto.subtle.importKey('raw', point, algorithm, false, ['verify']);
	} catch {
		// The only thing left to be wrong is the point.
		return null;
	}
}

/** `htm`, `htu` and `bh`; spellings of one target are alike, methods are compared as they are. */
function isAbout(claims: ProofClaims, request: ProvenRequest): boolean {
	const target = normaliseTarget(request.htu);
	if (target === null || normaliseTarget(claims.htu) !== target) return false;
	return claims.htm === request.htm && claims.bh === request.bh;
}

/** Exactly `typ`, `alg` and `jwk`: no `crit`, no `kid`, no certificate that nobody would look at. */
function parseHeader(text: string): P256Jwk | null {
	const object = parseObject(text);
	if (object === null || object.membersInText !== headerMembers) return null;
	const { members } = object;
	if (members.get('typ') !== 'dpop+jwt' || members.get('alg') !== 'ES256') return null;
	const jwk = parseP256Jwk(members.get('jwk'));
	return jwk.ok ? jwk.value : null;
}

function parseClaims(text: string): ProofClaims | null {
	const object = parseObject(text);
	if (object === null || object.membersInText !== object.members.size) return null;
	const { members } = object;
	for (const name of members.keys()) if (!claimNames.has(name)) return null;
	const [jti, iat] = [members.get('jti'), members.get('iat')];
	const [htm, htu] = [members.get('htm'), members.get('htu')];
	if (!isVisible(jti, maxProofIdCharacters) || jti.length < minProofIdCharacters) return null;
	if (!isVisible(htm) || !isVisible(htu)) return null;
	if (typeof iat !== 'number' || !Number.isFinite(iat)) return null;
	const [ath, nonce, bh] = [members.get('ath'), members.get('nonce'), members.get('bh')];
	if (ath !== undefined && !isVisible(ath)) return null;
	if (nonce !== undefined && !isVisible(nonce, maxProofNonceCharacters)) return null;
	if (bh !== undefined && !isVisible(bh)) return null;
	return { jti, htm, htu, iat, ath: ath ?? null, nonce: nonce ?? null, bh: bh ?? null };
}

const isVisible = (value: unknown, maxCharacters = maxProofCharacters): value is string =>
	typeof value === 'string' && value.length <= maxCharacters && visible.test(value);

interface JsonObject {
	readonly members: ReadonlyMap<string, unknown>;
	/** Members that the text has, those of inner objects included. */
	readonly membersInText: number;
}

function parseObject(text: string): JsonObject | null {
	const bytes = fromBase64Url(text);
	const json = bytes.ok ? utf8Decode(bytes.value) : bytes;
	const value = json.ok ? parseJson(json.value) : null;
	if (!json.ok || typeof value !== 'object' || value === null) return null;
	return { members: new Map(Object.entries(value)), membersInText: countMembers(json.value) };
}

function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		// JSON.parse throws a SyntaxError on everything that is no JSON.
		return null;
	}
}

/**
 * Of two members with one name JSON.parse keeps the last, and other readers the first: so they are
 * counted, too. The text is JSON, so that every quote in it begins or ends a string.
 */
function countMembers(json: string): number {
	let count = 0;
	for (const [, colon] of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) {
		if (colon !== undefined) count++;
	}
	return count;
}
