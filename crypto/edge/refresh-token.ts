// Refresh tokens. The edge keeps hashes only.
//
//   refresh token = 'tacet_rt_' ‖ name of the account object (64 hex) ‖ '.' ‖ base64url(family)
//                   ‖ '.' ‖ base64url(rotating)
//   family 16 bytes, rotating 32 bytes, random; secret = family ‖ rotating
//
// The family stays for the life of a session and the rest changes with each use, so that every
// token that was ever rotated is known again when somebody uses it, at the cost of no row. Nobody
// but its holders can name a family, so nobody else can end a session by a made-up token. In a browser
// the two halves are kept apart: what is before the last point by the page, the rest in a cookie.
import { concatBytes, fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { sha256 } from '../hash.ts';
import { randomBytes } from '../random.ts';

const prefix = 'tacet_rt_';
const familyBytes = 16;
const rotatingBytes = 32;

export interface RefreshHashes {
	/** SHA-256 of the family, 32 bytes. */
	readonly family: Uint8Array;
	/** SHA-256 of the whole secret, 32 bytes. */
	readonly secret: Uint8Array;
}

export interface RefreshSecret {
	readonly bytes: Uint8Array;
	readonly hashes: RefreshHashes;
}

/** The first secret of a session. */
export const createRefreshSecret = (): RefreshSecret =>
	withHashes(randomBytes(familyBytes + rotatingBytes));

/** The secret that follows `secret` in its family. */
export function rotateRefreshSecret(secret: RefreshSecret): RefreshSecret {
	const next = randomBytes(familyBytes + rotatingBytes);
	next.set(secret.bytes.subarray(0, familyBytes));
	return withHashes(next);
}

const withHashes = (bytes: Uint8Array): RefreshSecret => ({
	bytes,
	hashes: { family: sha256(bytes.subarray(0, familyBytes)), secret: sha256(bytes) }
});

export const encodeRefreshToken = (accountObject: string, { bytes }: RefreshSecret): string =>
	joinRefreshToken(
		`${prefix}${accountObject}.${toBase64Url(bytes.subarray(0, familyBytes))}`,
		toBase64Url(bytes.subarray(familyBytes))
	);

export const joinRefreshToken = (kept: string, secret: string): string => `${kept}.${secret}`;

/** The halves of a whole token; null of anything else. */
export function splitRefreshToken(
	token: string
): { readonly kept: string; readonly secret: string } | null {
	const [name, family, secret, ...rest] = token.split('.');
	if (name === undefined || family === undefined || secret === undefined || rest.length > 0) {
		return null;
	}
	return { kept: `${name}.${family}`, secret };
}

/** The name of the Account object that a token claims, or the half that a page keeps; null: of another form. */
export const claimedRefreshObject = (token: string): string | null =>
	/^tacet_rt_([0-9a-f]{64})\.[\w-]+(?:\.[\w-]+)?$/.exec(token)?.[1] ?? null;

/** Reads a token's form; whether it is good is for the Account object that it names. */
export function parseRefreshToken(
	token: string
): Result<{ readonly accountObject: string; readonly secret: RefreshSecret }, 'malformed'> {
	const halves = splitRefreshToken(token);
	if (halves === null || !token.startsWith(prefix)) return err('malformed');
	const [accountObject = '', familyText = ''] = halves.kept.slice(prefix.length).split('.');
	const [family, rotating] = [fromBase64Url(familyText), fromBase64Url(halves.secret)];
	if (!/^[0-9a-f]{64}$/.test(accountObject) || !family.ok || !rotating.ok) return err('malformed');
	if (family.value.length !== familyBytes || rotating.value.length !== rotatingBytes) {
		return err('malformed');
	}
	return ok({ accountObject, secret: withHashes(concatBytes(family.value, rotating.value)) });
}
