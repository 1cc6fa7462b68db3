// Device keys: P-256 public keys as JSON Web Keys (RFC 7517, RFC 7518 §6.2), and the thumbprint
// that sessions are bound to (RFC 7638, RFC 9449 §6).
import { fromBase64Url, utf8Encode } from '../protocol/bytes.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { sha256 } from './hash.ts';

/** A P-256 public key. That the point lies on the curve is checked by WebCrypto's import. */
export interface P256Jwk {
	readonly kty: 'EC';
	readonly crv: 'P-256';
	/** base64url of 32 bytes. */
	readonly x: string;
	/** base64url of 32 bytes. */
	readonly y: string;
}

const coordinateBytes = 32;
const memberNames = ['crv', 'kty', 'x', 'y'];

/**
 * Reads a JSON value as a P-256 public key of exactly the four required members: a private member,
 * or one that no verifier looks at, is `malformed`.
 */
export function parseP256Jwk(value: unknown): Result<P256Jwk, 'malformed'> {
	if (typeof value !== 'object' || value === null) return err('malformed');
	const members = new Map<string, unknown>(Object.entries(value));
	if ([...members.keys()].sort().join() !== memberNames.join()) return err('malformed');
	if (members.get('kty') !== 'EC' || members.get('crv') !== 'P-256') return err('malformed');
	const x = members.get('x');
	const y = members.get('y');
	if (!isCoordinate(x) || !isCoordinate(y)) return err('malformed');
	return ok({ kty: 'EC', crv: 'P-256', x, y });
}

function isCoordinate(value: unknown): value is string {
	if (typeof value !== 'string') return false;
	const bytes = fromBase64Url(value);
	return bytes.ok && bytes.value.length === coordinateBytes;
}

/**
 * SHA-256 thumbprint, 32 bytes; `jkt` in tokens and proofs is its base64url.
 *
 * Source: RFC 7638 §3: the required members, in lexicographic order, without white space.
 */
export const jwkThumbprint = (jwk: P256Jwk): Uint8Array =>
	sha256(utf8Encode(JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y })));
