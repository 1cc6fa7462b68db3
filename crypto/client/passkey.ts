// What a page asks a browser for when it makes or uses a passkey, and what of the answer may leave it.
// The PRF extension's output opens a keyslot: it is taken out here, and nothing that is sent has a
// place for it. The dialog itself is the page's: no worker can open one.
import { toBase64Url } from '../../protocol/bytes.ts';
import { bytesOfId, type AccountId } from '../../protocol/ids.ts';
import { passkeySaltInput } from '../../protocol/labels.ts';
import { passkeyChallengeTtlSeconds, prfOutputBytes } from '../../protocol/limits.ts';
import {
	passkeyTransports,
	type PasskeyAsserted,
	type PasskeyCreated,
	type PasskeyTransport
} from '../../protocol/passkey.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { sha256 } from '../hash.ts';
import type { PrfOutput } from './keyslots.ts';
import { createSecret } from './secret.ts';

/** ES256, EdDSA, RS256: what the edge takes (crypto/edge/cose-key.ts), in this order of preference. */
const algorithms = [-7, -8, -257];

/** A passkey that an account has. */
export interface KnownPasskey {
	/** 16 to 1,023 bytes. */
	readonly credentialId: Uint8Array;
	readonly transports: readonly PasskeyTransport[];
}

interface Ask {
	/** The host of the page, whole. */
	readonly rpId: string;
	readonly account: AccountId;
	/** From the edge, 32 bytes; for unlocking without it, random. */
	readonly challenge: Uint8Array;
	/** All that the account has; for unlocking, those with a keyslot. */
	readonly passkeys: readonly KnownPasskey[];
}

/** The bytes that every passkey of an account is asked about, 32 bytes; not secret. */
export const passkeySalt = (account: AccountId): Uint8Array<ArrayBuffer> =>
	new Uint8Array(sha256(passkeySaltInput(account)));

/**
 * Options of `navigator.credentials.create`.
 *
 * Source: WebAuthn Level 3, §5.4 and §10.1.4 (prf).
 * @param ask `app` and `handle` are shown by the browser, and kept by the authenticator.
 */
export const passkeyCreationOptions = (
	ask: Ask & { readonly app: string; readonly handle: string }
) => ({
	rp: { id: ask.rpId, name: ask.app },
	user: { id: copy(bytesOfId(ask.account)), name: ask.handle, displayName: ask.handle },
	challenge: copy(ask.challenge),
	pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key' as const, alg })),
	timeout: passkeyChallengeTtlSeconds * 1_000,
	// One passkey for each authenticator: it would answer all the same.
	excludeCredentials: ask.passkeys.map(descriptor),
	authenticatorSelection: {
		residentKey: 'preferred' as const,
		userVerification: 'required' as const
	},
	attestation: 'none' as const,
	extensions: { prf: { eval: { first: passkeySalt(ask.account) } } }
});

/**
 * Options of `navigator.credentials.get`.
 *
 * Source: WebAuthn Level 3, §5.5 and §10.1.4 (prf).
 */
export const passkeyRequestOptions = (ask: Ask) => ({
	rpId: ask.rpId,
	challenge: copy(ask.challenge),
	timeout: passkeyChallengeTtlSeconds * 1_000,
	allowCredentials: ask.passkeys.map(descriptor),
	userVerification: 'required' as const,
	extensions: { prf: { eval: { first: passkeySalt(ask.account) } } }
});

/**
 * Options of `navigator.credentials.get` for a second step alone: whose account it is need not be known
 * yet, and nothing is opened by the answer.
 *
 * Source: WebAuthn Level 3, §5.5.
 */
export const passkeyStepOptions = (ask: Pick<Ask, 'rpId' | 'challenge' | 'passkeys'>) => ({
	rpId: ask.rpId,
	challenge: copy(ask.challenge),
	timeout: passkeyChallengeTtlSeconds * 1_000,
	allowCredentials: ask.passkeys.map(descriptor),
	userVerification: 'required' as const
});

const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

const descriptor = ({ credentialId, transports }: KnownPasskey) => ({
	type: 'public-key' as const,
	id: copy(credentialId),
	...(transports.length > 0 && { transports: [...transports] })
});

/** Of a browser's PublicKeyCredential, what is read. */
interface Credential {
	readonly rawId: ArrayBuffer;
	readonly type: string;
	getClientExtensionResults(): {
		readonly prf?: { readonly results?: { readonly first?: ArrayBuffer | ArrayBufferView } };
	};
}

export interface CreatedCredential extends Credential {
	readonly response: {
		readonly clientDataJSON: ArrayBuffer;
		readonly attestationObject: ArrayBuffer;
		getTransports(): readonly string[];
	};
}

export interface AssertedCredential extends Credential {
	readonly response: {
		readonly clientDataJSON: ArrayBuffer;
		readonly authenticatorData: ArrayBuffer;
		readonly signature: ArrayBuffer;
		readonly userHandle: ArrayBuffer | null;
	};
}

/** What is sent of a credential, as the edge's schemas read it. */
interface Sent<Response> {
	readonly id: string;
	readonly rawId: string;
	readonly type: 'public-key';
	readonly response: Response;
}

/** A browser's answer in two: what is sent, and what never is. */
export interface PasskeyAnswer<Sent> {
	readonly sent: Sent;
	/** 16 to 1,023 bytes. */
	readonly credentialId: Uint8Array;
	/**
	 * Null where authenticator or browser has no PRF, and at creation also where it answers only
	 * when the passkey is used: ask it right after.
	 */
	readonly output: PrfOutput | null;
}

/** Splits what `navigator.credentials.create` gave; `unusable` for anything but a new passkey. */
export function splitCreated(
	credential: CreatedCredential
): Result<PasskeyAnswer<PasskeyCreated>, 'unusable'> {
	const { response } = credential;
	return split(credential, () => ({
		clientDataJSON: text(response.clientDataJSON),
		attestationObject: text(response.attestationObject),
		transports: passkeyTransports.filter((known) => response.getTransports().includes(known))
	}));
}

/** Splits what `navigator.credentials.get` gave. */
export function splitAsserted(
	credential: AssertedCredential
): Result<PasskeyAnswer<PasskeyAsserted>, 'unusable'> {
	const { response } = credential;
	return split(credential, () => ({
		clientDataJSON: text(response.clientDataJSON),
		authenticatorData: text(response.authenticatorData),
		signature: text(response.signature),
		userHandle: response.userHandle && text(response.userHandle)
	}));
}

function split<Response>(
	credential: Credential,
	form: () => Response
): Result<PasskeyAnswer<Sent<Response>>, 'unusable'> {
	if (credential.type !== 'public-key') return err('unusable');
	const first = credential.getClientExtensionResults().prf?.results?.first;
	const output = first === undefined ? null : bytesOf(first);
	if (output !== null && output.length !== prfOutputBytes) return err('unusable');
	const id = text(credential.rawId);
	return ok({
		sent: { id, rawId: id, type: 'public-key', response: form() },
		credentialId: new Uint8Array(credential.rawId),
		output: output && createSecret(output)
	});
}

const text = (bytes: ArrayBuffer): string => toBase64Url(new Uint8Array(bytes));

/** The browser's own bytes, so that wiping the secret wipes them. */
const bytesOf = (source: ArrayBuffer | ArrayBufferView): Uint8Array =>
	source instanceof ArrayBuffer
		? new Uint8Array(source)
		: new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
