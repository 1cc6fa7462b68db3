// The edge's judgement of passkeys: every step of WebAuthn Level 3 §7.1 and §7.2 that is about more
// than looks. @simplewebauthn/server does most of them, and says no by throwing; what it leaves out or
// leaves open is done here, before and after it, and only a verified result comes out.
//
// Before: the challenge is taken, so that no answer is tried twice; origin and frame are compared; a
// statement of attestation is cut off unread, since none is asked for and none would be trusted. After:
// the credential, its key and its counter.
import {
	verifyAuthenticationResponse,
	verifyRegistrationResponse,
	type VerifiedAuthenticationResponse,
	type VerifiedRegistrationResponse
} from '@simplewebauthn/server';
import { decodeAttestationObject } from '@simplewebauthn/server/helpers';
import {
	concatBytes,
	equalBytes,
	fromBase64Url,
	toBase64Url,
	utf8Decode,
	utf8Encode
} from '../../protocol/bytes.ts';
import { bytesOfId } from '../../protocol/ids.ts';
import type { PasskeyAsserted, PasskeyCreated, PasskeyTransport } from '../../protocol/passkey.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { algorithmOfKey, isInItsForm, passkeyAlgorithms } from './cose-key.ts';
import type { ChallengeSubject, PasskeyChallenges, TakenChallenge } from './passkey-challenges.ts';

/** Whose passkeys they are, as browsers see it. */
export interface RelyingParty {
	/** scheme, host and port, as browsers write it. */
	readonly origin: string;
	/** The whole host: no sibling or parent shares the passkeys. */
	readonly rpId: string;
}

/** What an answer has to be about. */
export interface PasskeyCheck {
	readonly party: RelyingParty;
	readonly challenges: PasskeyChallenges;
	readonly subject: ChallengeSubject;
	readonly nowMs: number;
	/** False for a second step only, after a password; adding, unlocking and confirming ask for it. */
	readonly asksForVerification: boolean;
}

/** What an account keeps of a passkey. */
export interface StoredPasskey {
	/** 16 to 1,023 bytes. */
	readonly credentialId: Uint8Array;
	/** COSE_Key, as `algorithmOfKey` takes it. */
	readonly publicKey: Uint8Array;
	/** Of the last assertion that was taken; 0 for those that don't count. */
	readonly signCount: number;
	/** Synced between devices; never changes. */
	readonly isBackupEligible: boolean;
}

declare const verified: unique symbol;

interface NewPasskey extends StoredPasskey {
	readonly isBackedUp: boolean;
	readonly isUserVerified: boolean;
	readonly transports: readonly PasskeyTransport[];
}

/** A new passkey, which {@link verifyPasskeyCreated} took. */
export type VerifiedPasskey = NewPasskey & { readonly [verified]: true };

interface Assertion {
	readonly passkey: StoredPasskey;
	/** To be kept in place of the passkey's. Never lower. */
	readonly signCount: number;
	readonly isBackedUp: boolean;
	readonly isUserVerified: boolean;
	/** A counter that did not rise: to be shown to the account's owner. Somebody may have a copy. */
	readonly isCounterSuspect: boolean;
}

/** An assertion that {@link verifyPasskeyAsserted} took. */
export type VerifiedAssertion = Assertion & { readonly [verified]: true };

/** For tests and logs: on the wire they are one refusal. */
export type PasskeyFault =
	| 'malformed'
	| 'wrong_kind'
	| 'wrong_challenge'
	| 'wrong_origin'
	| 'framed'
	| 'not_yours'
	| 'bad_key'
	| 'bad_counter'
	/** By the library: relying party, flags, form of the authenticator data, signature. */
	| 'refused';

/** A host whose last label begins with a letter: not four numbers. */
const secureOrigin =
	/^https:\/\/((?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)*[a-z](?:[a-z\d-]*[a-z\d])?)(?::\d{1,5})?$/;
const loopbackOrigin = /^http:\/\/(localhost)(?::\d{1,5})?$/;

/**
 * The relying party of a deployment.
 *
 * @param origin as browsers write it (RFC 6454 §6.2): lower case, no default port, no slash. An
 * address in numbers is no RP ID (WebAuthn Level 3, §5.1.2), and a host without TLS only if loopback.
 */
export function relyingPartyOf(origin: string): Result<RelyingParty, 'malformed'> {
	const [, rpId] = secureOrigin.exec(origin) ?? loopbackOrigin.exec(origin) ?? [];
	if (rpId === undefined || /^https:.*:443$|^http:.*:80$/.test(origin)) return err('malformed');
	return ok({ origin, rpId });
}

/**
 * Verifies a new passkey.
 *
 * Source: WebAuthn Level 3, §7.1, with attestation 'none'. That no other account has the credential is
 * the caller's to know, as far as that matters: no account is found by a credential.
 * @param created as its schema in protocol/passkey.ts lets it through.
 */
export async function verifyPasskeyCreated(
	created: PasskeyCreated,
	check: PasskeyCheck
): Promise<Result<VerifiedPasskey, PasskeyFault>> {
	const { id, rawId, type, response } = created;
	const challenge = judgeClientData(response.clientDataJSON, 'webauthn.create', check);
	if (!challenge.ok) return challenge;
	const authData = authenticatorDataOf(response.attestationObject);
	if (authData === null) return err('malformed');
	const registration = await registrationOf({
		response: {
			id,
			rawId,
			type,
			response: {
				clientDataJSON: response.clientDataJSON,
				attestationObject: toBase64Url(withoutStatement(authData))
			},
			clientExtensionResults: {}
		},
		expectedChallenge: challenge.value,
		expectedOrigin: check.party.origin,
		expectedRPID: check.party.rpId,
		requireUserPresence: true,
		requireUserVerification: check.asksForVerification,
		supportedAlgorithmIDs: [...passkeyAlgorithms]
	});
	if (registration === null) return err('refused');
	const { credential, credentialDeviceType, credentialBackedUp, userVerified } = registration;
	const credentialId = fromBase64Url(credential.id);
	// The library reads the id that the authenticator signed and the one in the answer, and compares
	// neither with the other.
	if (!credentialId.ok || credential.id !== id) return err('not_yours');
	// It also encodes the key anew: only a key that comes out as it went in is one.
	const publicKey = new Uint8Array(credential.publicKey);
	const at = attestedKeyOffset(credentialId.value.length);
	if (!equalBytes(publicKey, authData.slice(at, at + publicKey.length))) return err('bad_key');
	if (algorithmOfKey(publicKey) === null) return err('bad_key');
	const passkey: NewPasskey = {
		credentialId: credentialId.value,
		publicKey,
		signCount: credential.counter,
		isBackupEligible: credentialDeviceType === 'multiDevice',
		isBackedUp: credentialBackedUp,
		isUserVerified: userVerified,
		transports: [...new Set(response.transports)]
	};
	return ok(passkey as VerifiedPasskey);
}

/**
 * Verifies an assertion by one of an account's passkeys.
 *
 * A counter that did not rise ends it for a passkey that lives on one device only: two of them can't
 * both count up. One that is synced is taken, and said to be suspect: its copies need not agree.
 *
 * Source: WebAuthn Level 3, §7.2 and §6.1.1.
 * @param asserted as its schema in protocol/passkey.ts lets it through.
 * @param passkeys all that the account has; nobody else's.
 */
export async function verifyPasskeyAsserted(
	asserted: PasskeyAsserted,
	passkeys: readonly StoredPasskey[],
	check: PasskeyCheck
): Promise<Result<VerifiedAssertion, PasskeyFault>> {
	const { id, rawId, type, response } = asserted;
	const challenge = judgeClientData(response.clientDataJSON, 'webauthn.get', check);
	if (!challenge.ok) return challenge;
	const passkey = passkeys.find(({ credentialId }) => toBase64Url(credentialId) === id);
	const account = toBase64Url(bytesOfId(check.subject.account));
	if (passkey === undefined) return err('not_yours');
	if (response.userHandle !== null && response.userHandle !== account) return err('not_yours');
	const algorithm = algorithmOfKey(passkey.publicKey);
	if (algorithm === null) return err('bad_key');
	const signature = fromBase64Url(response.signature);
	if (!signature.ok || !isInItsForm(signature.value, algorithm)) return err('malformed');
	const info = await authenticationOf({
		response: {
			id,
			rawId,
			type,
			response: {
				clientDataJSON: response.clientDataJSON,
				authenticatorData: response.authenticatorData,
				signature: response.signature
			},
			clientExtensionResults: {}
		},
		expectedChallenge: challenge.value,
		expectedOrigin: check.party.origin,
		expectedRPID: check.party.rpId,
		requireUserVerification: check.asksForVerification,
		// The library would refuse a counter that did not rise before it has looked at the signature.
		credential: { id, publicKey: new Uint8Array(passkey.publicKey), counter: 0 }
	});
	if (info === null || info.credentialID !== id) return err('refused');
	const isBackupEligible = info.credentialDeviceType === 'multiDevice';
	if (isBackupEligible !== passkey.isBackupEligible) return err('refused');
	const isCounterSuspect = !hasRisen(passkey.signCount, info.newCounter);
	if (isCounterSuspect && !isBackupEligible) return err('bad_counter');
	const assertion: Assertion = {
		passkey,
		signCount: Math.max(passkey.signCount, info.newCounter),
		isBackedUp: info.credentialBackedUp,
		isUserVerified: info.userVerified,
		isCounterSuspect
	};
	return ok(assertion as VerifiedAssertion);
}

/** Zero twice is an authenticator that does not count (§6.1.1). */
const hasRisen = (before: number, now: number): boolean =>
	now > before || (before === 0 && now === 0);

type RegistrationInfo = NonNullable<VerifiedRegistrationResponse['registrationInfo']>;

async function registrationOf(
	options: Parameters<typeof verifyRegistrationResponse>[0]
): Promise<RegistrationInfo | null> {
	try {
		const answer: VerifiedRegistrationResponse = await verifyRegistrationResponse(options);
		const info = answer.verified ? answer.registrationInfo : undefined;
		if (info?.fmt !== 'none' || info.rpID !== options.expectedRPID) return null;
		return isAsAsked(info, options) ? info : null;
	} catch {
		// How the library says no; what it says of why is for nobody.
		return null;
	}
}

async function authenticationOf(
	options: Parameters<typeof verifyAuthenticationResponse>[0]
): Promise<VerifiedAuthenticationResponse['authenticationInfo'] | null> {
	try {
		const answer: VerifiedAuthenticationResponse = await verifyAuthenticationResponse(options);
		const info = answer.verified ? answer.authenticationInfo : undefined;
		if (info?.rpID !== options.expectedRPID) return null;
		return isAsAsked(info, options) ? info : null;
	} catch {
		// As above.
		return null;
	}
}

const isAsAsked = (
	info: { readonly origin: string; readonly userVerified: boolean },
	asked: { readonly expectedOrigin: unknown; readonly requireUserVerification?: boolean }
): boolean =>
	info.origin === asked.expectedOrigin &&
	(asked.requireUserVerification === false || info.userVerified);

/**
 * Takes the challenge, then compares what the browser says of the page that asked. `crossOrigin` and
 * `topOrigin` stand there in frames of another site's pages, which ours are never in.
 */
function judgeClientData(
	text: string,
	type: 'webauthn.create' | 'webauthn.get',
	check: PasskeyCheck
): Result<TakenChallenge, PasskeyFault> {
	const data = readClientData(text);
	if (data === null || typeof data.challenge !== 'string') return err('malformed');
	const challenge = check.challenges.take(data.challenge, check.subject, check.nowMs);
	if (challenge === null) return err('wrong_challenge');
	if (data.type !== type) return err('wrong_kind');
	if (data.origin !== check.party.origin) return err('wrong_origin');
	const isFramed = data.crossOrigin !== undefined && data.crossOrigin !== false;
	return isFramed || data.topOrigin !== undefined ? err('framed') : ok(challenge);
}

interface ClientData {
	readonly type?: unknown;
	readonly challenge?: unknown;
	readonly origin?: unknown;
	readonly crossOrigin?: unknown;
	readonly topOrigin?: unknown;
}

function readClientData(text: string): ClientData | null {
	const bytes = fromBase64Url(text);
	const json = bytes.ok ? utf8Decode(bytes.value) : bytes;
	if (!json.ok) return null;
	try {
		const value: unknown = JSON.parse(json.value);
		return typeof value === 'object' && value !== null ? value : null;
	} catch {
		// JSON.parse throws a SyntaxError on everything that is no JSON.
		return null;
	}
}

/** The authenticator data of an attestation object: `fmt`, `attStmt`, `authData`, and nothing else. */
function authenticatorDataOf(text: string): Uint8Array | null {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) return null;
	try {
		const object: unknown = decodeAttestationObject(new Uint8Array(bytes.value));
		if (!(object instanceof Map) || object.size !== 3) return null;
		const authData: unknown = object.get('authData');
		const hasStatement =
			typeof object.get('fmt') === 'string' && object.get('attStmt') instanceof Map;
		return hasStatement && authData instanceof Uint8Array ? new Uint8Array(authData) : null;
	} catch {
		// The library throws on everything that is no CBOR.
		return null;
	}
}

/** CBOR map of three: `fmt` "none", `attStmt` an empty map, `authData` (WebAuthn Level 3, §8.7). */
const statementless = concatBytes(
	Uint8Array.of(0xa3, 0x63),
	utf8Encode('fmt'),
	Uint8Array.of(0x64),
	utf8Encode('none'),
	Uint8Array.of(0x67),
	utf8Encode('attStmt'),
	Uint8Array.of(0xa0, 0x68),
	utf8Encode('authData')
);
const longByteString = 0x59;

/** What a browser makes of an attestation object when it is asked for 'none' (§5.1.3). */
const withoutStatement = (authData: Uint8Array): Uint8Array =>
	concatBytes(
		statementless,
		Uint8Array.of(longByteString, authData.length >> 8, authData.length & 0xff),
		authData
	);

/** Hash 32, flags 1, counter 4, AAGUID 16, length 2, credential id (§6.5.1). */
const attestedKeyOffset = (credentialIdBytes: number): number => 55 + credentialIdBytes;
