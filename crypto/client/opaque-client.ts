// OPAQUE (RFC 9807), client half: ristretto255-SHA512, 3DH, through opaque-ke's Wasm. Identities
// are left unset, so that a change of domain or handle locks nobody out; the Wasm takes no context.
// It hands secrets over as strings, which can't be overwritten: the thread that ran it is ended
// after login. Messages and keys are bytes here, in the order and names of the RFC.
import { fromBase64Url, toBase64Url } from '../../protocol/bytes.ts';
import { deviceBindingInput } from '../../protocol/labels.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { hmacSha256 } from '../mac.ts';
import type { OpaqueClient } from '../opaque-ke/opaque-ke.js';
import { argon2Parameters } from './argon2.ts';
import type { PreparedPassword } from './password.ts';
import { isRegistrationRecord } from '../registration-record.ts';
import { createSecret, type Secret } from './secret.ts';

/** OPAQUE's export key, 64 bytes: known to the client alone, the same at each login. */
export type ExportKey = Secret<'opaque export key'>;
/** OPAQUE's session key, 64 bytes: shared with the server by this one login. */
export type OpaqueSessionKey = Secret<'opaque session key'>;

/** Compiled in: neither the server nor anything stored chooses how a password is stretched. */
const keyStretching = {
	'argon2id-custom': {
		memory: argon2Parameters.memoryKib,
		iterations: argon2Parameters.iterations,
		parallelism: argon2Parameters.parallelism
	}
};

/** What the client keeps between the two steps of registration or login; never sent. */
export type OpaqueClientState = Secret<'opaque client state'>;

/**
 * First step of registration, RFC 9807 §5.2.1 (CreateRegistrationRequest).
 *
 * @returns `request` 32 bytes.
 */
export function startRegistration(
	opaque: OpaqueClient,
	password: PreparedPassword
): { readonly state: OpaqueClientState; readonly request: Uint8Array } {
	const started = opaque.startRegistration({ password });
	return {
		state: createSecret(decode(started.clientRegistrationState)),
		request: decode(started.registrationRequest)
	};
}

/**
 * Last step of registration, RFC 9807 §5.2.3 (FinalizeRegistrationRequest). Runs Argon2id: about
 * 0.4 s. The server's public key is the one thing that registration takes on trust: pin it.
 *
 * @param input `response` as received, 64 bytes.
 * @returns `record` 192 bytes, for the server to keep; `serverPublicKey` 32 bytes; or `malformed`.
 */
export function finishRegistration(
	opaque: OpaqueClient,
	input: {
		readonly password: PreparedPassword;
		readonly state: OpaqueClientState;
		readonly response: Uint8Array;
	}
): Result<
	{
		readonly record: Uint8Array;
		readonly exportKey: ExportKey;
		readonly serverPublicKey: Uint8Array;
	},
	'malformed'
> {
	const clientRegistrationState = toBase64Url(input.state.reveal());
	try {
		const finished = opaque.finishRegistration({
			password: input.password,
			clientRegistrationState,
			registrationResponse: toBase64Url(input.response),
			keyStretching
		});
		const record = decode(finished.registrationRecord);
		if (!isRegistrationRecord(record)) return err('malformed');
		return ok({
			record,
			exportKey: createSecret(decode(finished.exportKey)),
			serverPublicKey: decode(finished.serverStaticPublicKey)
		});
	} catch {
		// opaque-ke throws when the response is no valid message.
		return err('malformed');
	}
}

/**
 * First step of login, RFC 9807 §6.3.1 (GenerateKE1).
 *
 * @returns `ke1` 96 bytes.
 */
export function startLogin(
	opaque: OpaqueClient,
	password: PreparedPassword
): { readonly state: OpaqueClientState; readonly ke1: Uint8Array } {
	const started = opaque.startLogin({ password });
	return {
		state: createSecret(decode(started.clientLoginState)),
		ke1: decode(started.startLoginRequest)
	};
}

/**
 * Last step of login, RFC 9807 §6.3.3 (GenerateKE3). Runs Argon2id: about 0.4 s.
 *
 * @param input `ke2` as received, 320 bytes.
 * @returns `ke3` 64 bytes, and the server's public key, 32 bytes, which the envelope has
 * authenticated: compare it with the pinned one. `login_failed` for a wrong password, an unknown
 * handle (a fake record), another server and a malformed message alike.
 */
export function finishLogin(
	opaque: OpaqueClient,
	input: {
		readonly password: PreparedPassword;
		readonly state: OpaqueClientState;
		readonly ke2: Uint8Array;
	}
): Result<
	{
		readonly ke3: Uint8Array;
		readonly sessionKey: OpaqueSessionKey;
		readonly exportKey: ExportKey;
		readonly serverPublicKey: Uint8Array;
	},
	'login_failed'
> {
	const finished = tryFinishLogin(opaque, input);
	if (finished === undefined) return err('login_failed');
	return ok({
		ke3: decode(finished.finishLoginRequest),
		sessionKey: createSecret(decode(finished.sessionKey)),
		exportKey: createSecret(decode(finished.exportKey)),
		serverPublicKey: decode(finished.serverStaticPublicKey)
	});
}

function tryFinishLogin(opaque: OpaqueClient, input: Parameters<typeof finishLogin>[1]) {
	const clientLoginState = toBase64Url(input.state.reveal());
	try {
		return opaque.finishLogin({
			password: input.password,
			clientLoginState,
			loginResponse: toBase64Url(input.ke2),
			keyStretching
		});
	} catch {
		// opaque-ke throws when the message is malformed, and answers undefined when it is not genuine.
		return undefined;
	}
}

/**
 * Proves to the server that the device key belongs to whoever just logged in: HMAC-SHA-256 under
 * the OPAQUE session key, 32 bytes. Source: docs/formats.md, Device key at login.
 *
 * @param binding `handleHash` 32 bytes; `thumbprint` of the device key, 32 bytes (RFC 7638).
 */
export const deviceBindingMac = (
	sessionKey: OpaqueSessionKey,
	binding: {
		readonly origin: string;
		readonly handleHash: Uint8Array;
		readonly thumbprint: Uint8Array;
	}
): Uint8Array =>
	hmacSha256(
		sessionKey.reveal(),
		deviceBindingInput(binding.origin, binding.handleHash, binding.thumbprint)
	);

/** What opaque-ke itself wrote is base64url; anything else is a broken build. */
function decode(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('opaque-ke gave a text that is not base64url');
	return bytes.value;
}
