// Routes of login and of sessions: OPAQUE's key exchange, the steps after it, tokens, and the same
// machine once more for whoever is logged in and has to show it anew. Of the account's material nothing
// is in any answer but the last.
import * as v from 'valibot';
import { factorKinds } from './factor-kind.ts';
import { factorAnswer } from './factor-answer.ts';
import { accountMaterial, knownWrites } from './http-account.ts';
import {
	accessToken,
	bytesText,
	empty,
	handle,
	id,
	liveSessions,
	sessionCap,
	timeMs
} from './http-fields.ts';
import type { DeviceId, FactorId, SessionId } from './ids.ts';
import { maxFactors, maxSessionCap } from './limits.ts';
import { passkeyQuestion } from './passkey.ts';

/** A P-256 public key, RFC 7517 and 7518 §6.2.1; nothing else in it. */
export const deviceJwkSchema = v.strictObject({
	kty: v.literal('EC'),
	crv: v.literal('P-256'),
	x: bytesText(32),
	y: bytesText(32)
});

// OPAQUE messages of the ristretto255-SHA512 suite, RFC 9807 §6.
const ke1 = bytesText(96);
const ke2 = bytesText(320);
const ke3 = bytesText(64);

/** Names one login that is under way: whoever knows it goes on with it. */
const login = bytesText(16);
const keyExchange = v.strictObject({
	login,
	ke2,
	/** What the device binding covers; given for unknown handles alike. */
	handleHash: bytesText(32)
});

/** Holds the secret half of a browser's refresh token; of this host alone (RFC 6265bis §4.1.3.2). */
export const refreshCookieName = '__Host-tacet-refresh';

/** Where the secret half of the refresh token goes that a login ends in: no script reads a cookie. */
const keep = v.picklist(['cookie', 'answer']);
export type Keeping = v.InferOutput<typeof keep>;

const refreshToken = v.pipe(v.string(), v.maxLength(256));
const session = v.strictObject({
	id: id<SessionId>(),
	accessToken,
	accessExpiresAtMs: timeMs,
	/** Whole, or without its secret half, which is in the cookie then. */
	refreshToken,
	/** Until when its person counts as just having shown who they are. */
	freshUntilMs: timeMs
});

/** A second step is asked for: one of these suffices. */
export const askFactor = v.strictObject({
	next: v.literal('factor'),
	login,
	factors: v.pipe(
		v.array(v.strictObject({ factor: id<FactorId>(), kind: v.picklist(factorKinds) })),
		v.minLength(1),
		v.maxLength(maxFactors)
	),
	/** Null unless a passkey is among them. */
	webauthn: v.nullable(passkeyQuestion)
});
export type FactorQuestion = Pick<v.InferOutput<typeof askFactor>, 'factors' | 'webauthn'>;

/** As many sessions live as may: one or more have to end first. */
const askChoice = v.strictObject({
	next: v.literal('choose'),
	login,
	cap: sessionCap,
	sessions: liveSessions
});

const loginDone = v.strictObject({
	next: v.literal('done'),
	...accountMaterial,
	session,
	/** Sessions that ended to make room for this one. */
	ended: v.pipe(v.array(id<SessionId>()), v.maxLength(maxSessionCap))
});
export type LoginDone = v.InferOutput<typeof loginDone>;

const loginStep = v.variant('next', [askFactor, askChoice, loginDone]);
export type LoginStep = v.InferOutput<typeof loginStep>;

const stepUpStep = v.variant('next', [
	askFactor,
	v.strictObject({ next: v.literal('fresh'), freshUntilMs: timeMs })
]);
export type StepUpStep = v.InferOutput<typeof stepUpStep>;

export const loginStartRequest = v.strictObject({ handle, ke1 });
export const loginStartResponse = keyExchange;

export const loginFinishRequest = v.strictObject({
	handle,
	login,
	ke3,
	device: v.strictObject({
		id: id<DeviceId>(),
		jwk: deviceJwkSchema,
		/** HMAC-SHA-256 keyed with the OPAQUE session key over deviceBindingInput. */
		binding: bytesText(32)
	}),
	/** Where as many sessions live as may: ask which one ends, or end the oldest. */
	whenFull: v.picklist(['choose', 'end_oldest']),
	after: knownWrites,
	keep
});

const someSessions = v.pipe(
	v.array(id<SessionId>()),
	v.minLength(1),
	v.maxLength(maxSessionCap),
	v.check((ids) => new Set(ids).size === ids.length, 'malformed')
);
export const shownFactor = v.strictObject({ login, answer: factorAnswer });
export const sentFactor = v.strictObject({ login, factor: id<FactorId>() });
/** Of a passkey, another challenge: one is good for one answer. Else null, and a code was sent. */
export const sent = v.strictObject({ webauthn: v.nullable(passkeyQuestion) });

/** A token without its secret half goes with the cookie. */
export const sessionRefreshRequest = v.strictObject({ refreshToken });

/** Each asks or answers about one account. */
export const loginRoutes = {
	loginStart: {
		method: 'POST',
		path: '/v1/login/start',
		auth: 'device',
		request: loginStartRequest,
		response: loginStartResponse
	},
	loginFinish: {
		method: 'POST',
		path: '/v1/login/finish',
		auth: 'none',
		request: loginFinishRequest,
		response: loginStep
	},
	/** `factor_wrong` while the login may still be gone on with. */
	loginFactor: {
		method: 'POST',
		path: '/v1/login/factor',
		auth: 'none',
		request: v.strictObject({ handle, ...shownFactor.entries, keep }),
		response: loginStep
	},
	loginSend: {
		method: 'POST',
		path: '/v1/login/send',
		auth: 'none',
		request: v.strictObject({ handle, ...sentFactor.entries }),
		response: sent
	},
	loginChoose: {
		method: 'POST',
		path: '/v1/login/choose',
		auth: 'none',
		request: v.strictObject({
			handle,
			login,
			end: someSessions,
			keep
		}),
		response: loginStep
	},
	sessionRefresh: {
		method: 'POST',
		path: '/v1/session/refresh',
		auth: 'proof',
		request: sessionRefreshRequest,
		response: v.strictObject({ session })
	},
	/** One's own in any session; others where it is fresh. `not_found` if one of them does not live. */
	sessionsEnd: {
		method: 'POST',
		path: '/v1/sessions/end',
		auth: 'session',
		request: v.strictObject({
			sessions: v.union([v.picklist(['own', 'others', 'all']), someSessions])
		}),
		response: empty
	},
	/** The machine of a login, by whoever is logged in: its session is fresh after it, and no other. */
	stepUpStart: {
		method: 'POST',
		path: '/v1/step-up/start',
		auth: 'session',
		request: v.strictObject({ ke1 }),
		response: keyExchange
	},
	stepUpFinish: {
		method: 'POST',
		path: '/v1/step-up/finish',
		auth: 'session',
		request: v.strictObject({ login, ke3 }),
		response: stepUpStep
	},
	stepUpFactor: {
		method: 'POST',
		path: '/v1/step-up/factor',
		auth: 'session',
		request: shownFactor,
		response: stepUpStep
	},
	stepUpSend: {
		method: 'POST',
		path: '/v1/step-up/send',
		auth: 'session',
		request: sentFactor,
		response: sent
	}
} as const;
