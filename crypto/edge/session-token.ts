// Access tokens of a session, for 15 minutes. `jkt` names the key that the login, or the opening of a
// link, was bound to: without a proof by it a token opens nothing. One algorithm, named nowhere in it.
//
//   access token  = 'tacet_at_' ‖ base64url(body) ‖ '.' ‖ base64url(HMAC-SHA-256(key, label ‖ body))
//   body          = CBOR [ version 1, key id (uint), account (16), name of the account object (text),
//                          device (16), session (16), expires (ms since 1970), jkt (32) ]
import { fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import { decodeCbor, encodeCbor } from '../../protocol/cbor.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceId,
	type SessionId
} from '../../protocol/ids.ts';
import { sessionTokenInput } from '../../protocol/labels.ts';
import { hashBytes } from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { isArray, isBytes, isUint } from '../../protocol/shape.ts';
import { equalConstantTime, hmacSha256 } from '../mac.ts';

/** A key that access tokens are made with; a new one every 90 days, the old one kept for 15 minutes. */
export interface TokenKey {
	readonly id: number;
	/** 32 bytes. */
	readonly secret: Uint8Array;
}

/** What an access token says about the session that it belongs to. */
export interface AccessClaims {
	readonly account: AccountId;
	/**
	 * Name of the Account object, so that a request can be routed without a look-up; of an opened share
	 * link, `link:` and its id.
	 */
	readonly accountObject: string;
	readonly device: DeviceId;
	readonly session: SessionId;
	/** Milliseconds since 1970. */
	readonly expiresAtMs: number;
	/** Thumbprint of the device key, 32 bytes (RFC 9449 §6.1). */
	readonly jkt: Uint8Array;
}

export type TokenFault = 'token_invalid' | 'token_expired';

const accessPrefix = 'tacet_at_';
const tokenVersion = 1;
const maxTokenCharacters = 1_024;

/** Makes an access token under `key`. */
export function mintAccessToken(key: TokenKey, claims: AccessClaims): string {
	const body = encodeCbor([
		tokenVersion,
		key.id,
		bytesOfId(claims.account),
		claims.accountObject,
		bytesOfId(claims.device),
		bytesOfId(claims.session),
		claims.expiresAtMs,
		claims.jkt
	]);
	const mac = hmacSha256(key.secret, sessionTokenInput(body));
	return `${accessPrefix}${toBase64Url(body)}.${toBase64Url(mac)}`;
}

/**
 * Verifies an access token's MAC and expiry. That the session has not been ended meanwhile is for
 * the caller to check.
 *
 * @param keys the accepted keys: the newest, and the one before while its tokens live.
 * @param input `nowMs` is the caller's clock, in milliseconds since 1970.
 */
export function verifyAccessToken(
	keys: readonly TokenKey[],
	input: { readonly token: string; readonly nowMs: number }
): Result<AccessClaims, TokenFault> {
	const parts = splitAccessToken(input.token);
	if (parts === null) return err('token_invalid');
	const parsed = parseBody(parts.body);
	const key = keys.find((candidate) => candidate.id === parsed?.keyId);
	if (parsed === null || key === undefined) return err('token_invalid');
	const mac = hmacSha256(key.secret, sessionTokenInput(parts.body));
	if (!equalConstantTime(mac, parts.mac)) return err('token_invalid');
	return input.nowMs < parsed.claims.expiresAtMs ? ok(parsed.claims) : err('token_expired');
}

/**
 * The name of the Account object that a token claims, 64 hex digits, read without verifying
 * anything: good for finding the object that verifies, and for nothing else.
 */
export function claimedAccountObject(token: string): Result<string, 'token_invalid'> {
	const parts = splitAccessToken(token);
	const name = parts === null ? undefined : parseBody(parts.body)?.claims.accountObject;
	return name !== undefined && /^[0-9a-f]{64}$/.test(name) ? ok(name) : err('token_invalid');
}

function splitAccessToken(token: string): { body: Uint8Array; mac: Uint8Array } | null {
	if (token.length > maxTokenCharacters || !token.startsWith(accessPrefix)) return null;
	const [bodyText, macText, ...rest] = token.slice(accessPrefix.length).split('.');
	if (bodyText === undefined || macText === undefined || rest.length > 0) return null;
	const body = fromBase64Url(bodyText);
	const mac = fromBase64Url(macText);
	return body.ok && mac.ok ? { body: body.value, mac: mac.value } : null;
}

function parseBody(bytes: Uint8Array): { keyId: number; claims: AccessClaims } | null {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 8)) return null;
	const [version, keyId, account, accountObject, device, session, expiresAtMs, jkt] = decoded.value;
	if (version !== tokenVersion || !isUint(keyId) || typeof accountObject !== 'string') return null;
	if (!isBytes(account, idBytes) || !isBytes(device, idBytes)) return null;
	if (!isBytes(session, idBytes) || !isUint(expiresAtMs) || !isBytes(jkt, hashBytes)) return null;
	return {
		keyId,
		claims: {
			account: idFromBytes<AccountId>(account),
			accountObject,
			device: idFromBytes<DeviceId>(device),
			session: idFromBytes<SessionId>(session),
			expiresAtMs,
			jkt
		}
	};
}
