// Fields that several routes' schemas are made of.
import * as v from 'valibot';
import { fromBase64Url } from './bytes.ts';
import { parseId, type AnyId, type DeviceId, type RecoveryId, type SessionId } from './ids.ts';
import { hashBytes, maxCityCharacters, maxSessionCap } from './limits.ts';

/** base64url text of `min` to `max` bytes. */
export const bytesText = (min: number, max: number = min) =>
	v.pipe(
		v.string(),
		v.maxLength(Math.ceil((max * 4) / 3)),
		v.check((text) => {
			const bytes = fromBase64Url(text);
			return bytes.ok && bytes.value.length >= min && bytes.value.length <= max;
		}, 'malformed')
	);

/** An id's 32 hex digits. */
export const id = <Kind extends AnyId>() => v.custom<Kind>((value) => parseId<Kind>(value).ok);

/** As typed; `parseHandle` judges it. */
export const handle = v.pipe(v.string(), v.maxLength(512));

/** An identity entry, as protocol/identity.ts lays it out. */
export const identityEntry = bytesText(1_300, 1_600);

/** Milliseconds since 1970. */
export const timeMs = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const empty = v.strictObject({});

/** As an edge gives it: goes into a header and names a protocol of a socket, which take no other signs. */
export const accessToken = v.pipe(
	v.string(),
	v.maxLength(1_024),
	v.regex(/^tacet_at_[\w-]+\.[\w-]+$/)
);

/** Where a request came from, as the platform says it; null if it does not. */
export const place = v.nullable(
	v.strictObject({
		/** ISO 3166-1 alpha-2, or of the platform's own, such as T1 for Tor. */
		country: v.pipe(v.string(), v.regex(/^[A-Z][A-Z0-9]$/)),
		city: v.nullable(v.pipe(v.string(), v.minLength(1), v.maxLength(maxCityCharacters)))
	})
);
export type Place = NonNullable<v.InferOutput<typeof place>>;

/** Logged-in devices of an account, oldest first. */
export const liveSessions = v.pipe(
	v.array(
		v.strictObject({
			id: id<SessionId>(),
			device: id<DeviceId>(),
			createdAtMs: timeMs,
			refreshedAtMs: timeMs,
			/** Of its login, or of its last refresh. */
			place,
			/** Whether it is the one that asks. */
			current: v.boolean()
		})
	),
	v.maxLength(maxSessionCap)
);
/** How many sessions may live at a time. */
export const sessionCap = v.pipe(
	v.number(),
	v.safeInteger(),
	v.minValue(1),
	v.maxValue(maxSessionCap)
);
export type LiveSession = v.InferOutput<typeof liveSessions>[number];

/**
 * What a route asks for. `device`: nothing, but a device that the account may know shows its key, as for
 * `proof`, and is counted by itself then; `proof`: a DPoP proof (RFC 9449) in the header field `DPoP`; what its key may
 * do is said in the body. `session`: `Authorization: DPoP <access token>` as well, and the key that the
 * session is bound to. `fresh`: such a session whose person has shown password and second step within
 * `freshTtlSeconds`, else `step_up_needed`. Answers bring the nonce of the next proof in `DPoP-Nonce`.
 */
export type RouteAuth = 'none' | 'device' | 'proof' | 'session' | 'fresh';

/** A recovery that is under way, as own devices are shown it. */
export const pendingRecovery = v.strictObject({
	recovery: id<RecoveryId>(),
	device: id<DeviceId>(),
	/** Of the key of the device that recovers: SHA-256 of its JWK (RFC 7638). */
	thumbprint: bytesText(hashBytes),
	startedAtMs: timeMs,
	readyAtMs: timeMs,
	approved: v.boolean()
});
export type PendingRecovery = v.InferOutput<typeof pendingRecovery>;
