// Routes of recovery: getting into an account by the code of its kit, without its password. Every request
// shows the code's authenticator and the key of the device that recovers; there is no session. Own
// devices may put an end to it while it waits, or spare it the wait.
import * as v from 'valibot';
import {
	accountHead,
	accountMaterial,
	registrationRecord,
	registrationRequest,
	registrationResponse,
	signedAccountWrite,
	knownWrites,
	keyslots
} from './http-account.ts';
import { bytesText, empty, handle, id, timeMs } from './http-fields.ts';
import { askFactor, deviceJwkSchema, sent, sentFactor, shownFactor } from './http-login.ts';
import type { DeviceId, RecoveryId } from './ids.ts';
import { recoveryAuthenticatorBytes, signatureBytes } from './limits.ts';

/** Who recovers: whoever has the code, on one device. */
const recoverer = {
	handle,
	/** Derives from the recovery code; the edge keeps its hash. */
	authenticator: bytesText(recoveryAuthenticatorBytes),
	device: v.strictObject({ id: id<DeviceId>(), jwk: deviceJwkSchema })
};

const begun = { recovery: id<RecoveryId>(), startedAtMs: timeMs };

const recoveryStep = v.variant('next', [
	/** As at a login: before it is answered nothing has begun. */
	askFactor,
	/** An own device may object until then. */
	v.strictObject({ next: v.literal('wait'), ...begun, readyAtMs: timeMs }),
	v.strictObject({
		next: v.literal('ready'),
		...begun,
		/** An own device's word that this need not wait: its identity's signature. Null: it has waited. */
		approval: v.nullable(bytesText(signatureBytes)),
		...accountMaterial
	})
]);
export type RecoveryStep = v.InferOutput<typeof recoveryStep>;

export const recoveryRoutes = {
	/**
	 * Begins a recovery (null), or asks how far one is: `not_found` if it was called off. A wrong code and
	 * an unknown handle are `login_failed`.
	 */
	recoveryStep: {
		method: 'POST',
		path: '/v1/recovery/step',
		auth: 'proof',
		request: v.strictObject({
			...recoverer,
			recovery: v.nullable(id<RecoveryId>()),
			/** To what was asked before one begins; null: nothing was. */
			second: v.nullable(shownFactor),
			after: knownWrites
		}),
		response: recoveryStep
	},
	/** Sends a code, or gives a passkey another challenge, as at a login. */
	recoverySend: {
		method: 'POST',
		path: '/v1/recovery/send',
		auth: 'proof',
		request: v.strictObject({ ...recoverer, ...sentFactor.entries }),
		response: sent
	},
	/** RFC 9807 §5.1, for the new password; once the recovery is ready. */
	recoveryPassword: {
		method: 'POST',
		path: '/v1/recovery/password',
		auth: 'proof',
		request: v.strictObject({ ...recoverer, registrationRequest }),
		response: v.strictObject({ registrationResponse })
	},
	/** The account write `recovery`. It ends every session. The same once more is answered as before. */
	recoveryFinish: {
		method: 'POST',
		path: '/v1/recovery/finish',
		auth: 'proof',
		request: v.strictObject({
			...recoverer,
			...signedAccountWrite.entries,
			registrationRecord,
			keyslots: keyslots(1)
		}),
		response: v.strictObject({ head: accountHead })
	},
	recoveryCancel: {
		method: 'POST',
		path: '/v1/recovery/cancel',
		auth: 'session',
		request: v.strictObject({ recovery: id<RecoveryId>() }),
		response: empty
	},
	/** Ed25519 by the identity over recoveryApprovalInput. */
	recoveryApprove: {
		method: 'POST',
		path: '/v1/recovery/approve',
		auth: 'fresh',
		request: v.strictObject({ recovery: id<RecoveryId>(), approval: bytesText(signatureBytes) }),
		response: empty
	}
} as const;
