// Routes of an account: sign-up, and what the account consists of. Login is in http-login.ts.
import * as v from 'valibot';
import { bytesText, empty, handle, id, identityEntry, liveSessions } from './http-fields.ts';
import { signUpCode } from './http-operator.ts';
import type { AccountId } from './ids.ts';
import { maxKeyslots, maxSealedKeyslotBytes } from './limits.ts';

// OPAQUE messages of the ristretto255-SHA512 suite, RFC 9807 §5.
const registrationRequest = bytesText(32);
const registrationResponse = bytesText(64);
const registrationRecord = bytesText(192);

const keyslot = bytesText(64, maxSealedKeyslotBytes);

export const registrationStartRequest = v.strictObject({
	handle,
	registrationRequest,
	/** Looked at only: a person need not choose a password for nothing. */
	invite: signUpCode
});
export const registrationStartResponse = v.strictObject({
	registrationResponse,
	/** Keyed hash of the handle: the account's name at this edge. */
	handleHash: bytesText(32),
	/** Signed into every account write. */
	incarnation: bytesText(16)
});

export const registrationFinishRequest = v.strictObject({
	handle,
	/** Where sign-up is by invite, this one is used. */
	invite: signUpCode,
	registrationRecord,
	identity: identityEntry,
	keyslots: v.pipe(v.array(keyslot), v.minLength(1), v.maxLength(maxKeyslots)),
	/** Ed25519 by `identity` over accountWriteInput, count 1, action 'create'. */
	signature: bytesText(64)
});
export const registrationFinishResponse = v.strictObject({ account: id<AccountId>() });

/** What a device needs to open the account: sealed keyslots and public identities. */
export const accountMaterial = {
	account: id<AccountId>(),
	handleHash: bytesText(32),
	incarnation: bytesText(16),
	/** The identity log, oldest first. */
	identities: v.pipe(v.array(identityEntry), v.minLength(1), v.maxLength(64)),
	keyslots: v.pipe(v.array(keyslot), v.minLength(1), v.maxLength(maxKeyslots))
};
export const accountResponse = v.strictObject({
	...accountMaterial,
	sessions: liveSessions
});

/** Each asks or answers about one account. */
export const accountRoutes = {
	registrationStart: {
		method: 'POST',
		path: '/v1/registration/start',
		auth: 'none',
		request: registrationStartRequest,
		response: registrationStartResponse
	},
	registrationFinish: {
		method: 'POST',
		path: '/v1/registration/finish',
		auth: 'none',
		request: registrationFinishRequest,
		response: registrationFinishResponse
	},
	account: {
		method: 'GET',
		path: '/v1/account',
		auth: 'session',
		request: empty,
		response: accountResponse
	}
} as const;
