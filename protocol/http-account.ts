// Routes of an account: sign-up, login, sessions, and what the account consists of.
import * as v from 'valibot';
import { accessToken, bytesText, empty, handle, id, identityEntry, timeMs } from './http-fields.ts';
import type { AccountId, DeviceId, SessionId } from './ids.ts';
import { maxKeyslots, maxSealedKeyslotBytes } from './limits.ts';

/** A P-256 public key, RFC 7517 and 7518 §6.2.1; nothing else in it. */
export const deviceJwkSchema = v.strictObject({
	kty: v.literal('EC'),
	crv: v.literal('P-256'),
	x: bytesText(32),
	y: bytesText(32)
});

// OPAQUE messages of the ristretto255-SHA512 suite, RFC 9807 §4 to §6.
const registrationRequest = bytesText(32);
const registrationResponse = bytesText(64);
const registrationRecord = bytesText(192);
const ke1 = bytesText(96);
const ke2 = bytesText(320);
const ke3 = bytesText(64);

const keyslot = bytesText(64, maxSealedKeyslotBytes);

export const registrationStartRequest = v.strictObject({ handle, registrationRequest });
export const registrationStartResponse = v.strictObject({
	registrationResponse,
	/** Keyed hash of the handle: the account's name at this edge. */
	handleHash: bytesText(32),
	/** Signed into every account write. */
	incarnation: bytesText(16)
});

export const registrationFinishRequest = v.strictObject({
	handle,
	registrationRecord,
	identity: identityEntry,
	keyslots: v.pipe(v.array(keyslot), v.minLength(1), v.maxLength(maxKeyslots)),
	/** Ed25519 by `identity` over accountWriteInput, count 1, action 'create'. */
	signature: bytesText(64)
});
export const registrationFinishResponse = v.strictObject({ account: id<AccountId>() });

export const loginStartRequest = v.strictObject({ handle, ke1 });
export const loginStartResponse = v.strictObject({
	login: bytesText(16),
	ke2,
	/** What the device binding covers; given for unknown handles alike. */
	handleHash: bytesText(32)
});

export const loginFinishRequest = v.strictObject({
	handle,
	login: bytesText(16),
	ke3,
	device: v.strictObject({
		id: id<DeviceId>(),
		jwk: deviceJwkSchema,
		/** HMAC-SHA-256 keyed with the OPAQUE session key over deviceBindingInput. */
		binding: bytesText(32)
	})
});

const session = v.strictObject({
	id: id<SessionId>(),
	accessToken,
	accessExpiresAtMs: timeMs,
	refreshToken: v.pipe(v.string(), v.maxLength(256))
});
/** What a device needs to open the account: sealed keyslots and public identities. */
const accountMaterial = {
	account: id<AccountId>(),
	handleHash: bytesText(32),
	incarnation: bytesText(16),
	/** The identity log, oldest first. */
	identities: v.pipe(v.array(identityEntry), v.minLength(1), v.maxLength(64)),
	keyslots: v.pipe(v.array(keyslot), v.minLength(1), v.maxLength(maxKeyslots))
};
export const loginFinishResponse = v.strictObject({
	...accountMaterial,
	session,
	/** Sessions that ended to make room for this one. */
	ended: v.pipe(v.array(id<SessionId>()), v.maxLength(64))
});

export const sessionRefreshRequest = v.strictObject({
	refreshToken: v.pipe(v.string(), v.maxLength(256))
});
export const sessionRefreshResponse = v.strictObject({ session });

export const accountResponse = v.strictObject({
	...accountMaterial,
	sessions: v.pipe(
		v.array(
			v.strictObject({
				id: id<SessionId>(),
				device: id<DeviceId>(),
				createdAtMs: timeMs,
				refreshedAtMs: timeMs,
				current: v.boolean()
			})
		),
		v.maxLength(64)
	)
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
	loginStart: {
		method: 'POST',
		path: '/v1/login/start',
		auth: 'none',
		request: loginStartRequest,
		response: loginStartResponse
	},
	loginFinish: {
		method: 'POST',
		path: '/v1/login/finish',
		auth: 'none',
		request: loginFinishRequest,
		response: loginFinishResponse
	},
	sessionRefresh: {
		method: 'POST',
		path: '/v1/session/refresh',
		auth: 'proof',
		request: sessionRefreshRequest,
		response: sessionRefreshResponse
	},
	sessionEnd: {
		method: 'POST',
		path: '/v1/session/end',
		auth: 'session',
		request: empty,
		response: empty
	},
	account: {
		method: 'GET',
		path: '/v1/account',
		auth: 'session',
		request: empty,
		response: accountResponse
	}
} as const;
