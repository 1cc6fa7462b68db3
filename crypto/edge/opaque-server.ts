// OPAQUE (RFC 9807), server half: ristretto255-SHA512, 3DH, through opaque-ke's Wasm. Runs inside
// the Account object, and for passphrases of share links inside the Space object. The credential
// identifier is the handle's keyed hash, or what names the link; identities are unset.
import { fromBase64Url, toBase64Url, toHex } from '../../protocol/bytes.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import type { OpaqueServer } from '../opaque-ke/opaque-ke.js';

/** oprf_seed 64 ‖ server private key 32 ‖ public key of fake records 32. */
const setupBytes = 128;
const registrationRequestBytes = 32;
const ke1Bytes = 96;
const ke3Bytes = 64;

/** The server's long-term keys, 128 bytes: made once per deployment, and kept sealed. */
export const createSetup = (opaque: OpaqueServer): Uint8Array => decode(opaque.createSetup());

/** The public key that clients pin, 32 bytes. */
export const serverPublicKey = (opaque: OpaqueServer, setup: Uint8Array): Uint8Array =>
	decode(opaque.getPublicKey(encodeSetup(setup)));

/**
 * Answers a registration request, RFC 9807 §5.2.2 (CreateRegistrationResponse).
 *
 * @param input `setup` 128 bytes; `handleHash` 32 bytes; `request` as received, 32 bytes.
 * @returns 64 bytes; `malformed` for a request that is no element of the group.
 */
export function createRegistrationResponse(
	opaque: OpaqueServer,
	input: {
		readonly setup: Uint8Array;
		readonly handleHash: Uint8Array;
		readonly request: Uint8Array;
	}
): Result<Uint8Array, 'malformed'> {
	if (input.request.length !== registrationRequestBytes) return err('malformed');
	const serverSetup = encodeSetup(input.setup);
	try {
		const { registrationResponse } = opaque.createRegistrationResponse({
			serverSetup,
			userIdentifier: toHex(input.handleHash),
			registrationRequest: toBase64Url(input.request)
		});
		return ok(decode(registrationResponse));
	} catch {
		// opaque-ke throws when the request is no valid element.
		return err('malformed');
	}
}

/**
 * Answers the first message of a login, RFC 9807 §6.3.2 (GenerateKE2).
 *
 * @param input `record` null for an unknown handle: the answer is then RFC 9807's fake one
 * (§6.3.2.2), of the same length, and the same OPRF element each time.
 * @returns `ke2` 320 bytes, and `state` 128 bytes, secret, for {@link finishLogin} and one use.
 */
export function startLogin(
	opaque: OpaqueServer,
	input: {
		readonly setup: Uint8Array;
		readonly handleHash: Uint8Array;
		readonly record: Uint8Array | null;
		readonly ke1: Uint8Array;
	}
): Result<{ readonly state: Uint8Array; readonly ke2: Uint8Array }, 'malformed'> {
	if (input.ke1.length !== ke1Bytes) return err('malformed');
	const serverSetup = encodeSetup(input.setup);
	try {
		const started = opaque.startLogin({
			serverSetup,
			userIdentifier: toHex(input.handleHash),
			registrationRecord: input.record === null ? null : toBase64Url(input.record),
			startLoginRequest: toBase64Url(input.ke1)
		});
		return ok({ state: decode(started.serverLoginState), ke2: decode(started.loginResponse) });
	} catch {
		// opaque-ke throws when the message, or a record that its owner broke, is not valid.
		return err('malformed');
	}
}

/**
 * Checks the last message of a login, RFC 9807 §6.3.4 (ServerFinish).
 *
 * @param input `state` from {@link startLogin}; `ke3` as received, 64 bytes.
 * @returns the session key, 64 bytes; `login_failed` for a wrong password, a fake record and a
 * malformed message alike.
 */
export function finishLogin(
	opaque: OpaqueServer,
	input: { readonly state: Uint8Array; readonly ke3: Uint8Array }
): Result<Uint8Array, 'login_failed'> {
	if (input.ke3.length !== ke3Bytes) return err('login_failed');
	try {
		const { sessionKey } = opaque.finishLogin({
			serverLoginState: toBase64Url(input.state),
			finishLoginRequest: toBase64Url(input.ke3)
		});
		return ok(decode(sessionKey));
	} catch {
		// opaque-ke throws when the client's MAC does not fit.
		return err('login_failed');
	}
}

function encodeSetup(setup: Uint8Array): string {
	if (setup.length !== setupBytes) throw new RangeError('an OPAQUE server setup is 128 bytes');
	return toBase64Url(setup);
}

/** What opaque-ke itself wrote is base64url; anything else is a broken build. */
function decode(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('opaque-ke gave a text that is not base64url');
	return bytes.value;
}
