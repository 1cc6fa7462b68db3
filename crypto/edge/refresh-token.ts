// Refresh tokens. The edge keeps hashes only.
//
//   refresh token = 'tacet_rt_' ‖ name of the account object (64 hex) ‖ '.' ‖ base64url(secret)
//   secret        = family (16) ‖ rotating (32), random
//
// The family stays for the life of a session and the rest changes with each use, so that every
// token that was ever rotated is known again when somebody uses it, at the cost of no row. Nobody
// but its holders can name a family, so nobody else can end a session by a made-up token.
import { fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
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

export const encodeRefreshToken = (accountObject: string, secret: RefreshSecret): string =>
	`${prefix}${accountObject}.${toBase64Url(secret.bytes)}`;

/** Reads a token's form; whether it is good is for the Account object that it names. */
export function parseRefreshToken(
	token: string
): Result<{ readonly accountObject: string; readonly secret: RefreshSecret }, 'malformed'> {
	if (!token.startsWith(prefix)) return err('malformed');
	const [accountObject, secretText, ...rest] = token.slice(prefix.length).split('.');
	if (accountObject === undefined || secretText === undefined || rest.length > 0) {
		return err('malformed');
	}
	const bytes = fromBase64Url(secretText);
	if (!/^[0-9a-f]{64}$/.test(accountObject) || !bytes.ok) return err('malformed');
	if (bytes.value.length !== familyBytes + rotatingBytes) return err('malformed');
	return ok({ accountObject, secret: withHashes(bytes.value) });
}
