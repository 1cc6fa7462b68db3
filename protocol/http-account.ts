// Routes of an account: sign-up, and what the account consists of. Login is in http-login.ts.
import * as v from 'valibot';
import { factorKinds } from './factor-kind.ts';
import { newFactor, phoneNumber } from './factor-answer.ts';
import {
	bytesText,
	empty,
	handle,
	id,
	liveSessions,
	pendingRecovery,
	sessionCap,
	timeMs
} from './http-fields.ts';
import { signUpCode } from './http-operator.ts';
import type { AccountId, FactorId } from './ids.ts';
import {
	backupCodesPerAccount,
	hashBytes,
	maxAccountWriteBytes,
	maxAccountWritesPerAnswer,
	maxAccountWritesPutBack,
	maxFactorDataBytes,
	maxFactors,
	maxKeyslots,
	maxSecurityEventsPerRead,
	maxSealedKeyslotBytes,
	minAccountWriteBytes,
	passkeyChallengeBytes,
	signatureBytes
} from './limits.ts';
import { securityEvent } from './security-event.ts';

// OPAQUE messages of the ristretto255-SHA512 suite, RFC 9807 §5.
export const registrationRequest = bytesText(32);
export const registrationResponse = bytesText(64);
export const registrationRecord = bytesText(192);

export const keyslots = (min: number) =>
	v.pipe(v.array(bytesText(64, maxSealedKeyslotBytes)), v.minLength(min), v.maxLength(maxKeyslots));

/** A write of the account log (protocol/account-write.ts), Ed25519 by the identity in force. */
export const signedAccountWrite = v.strictObject({
	write: bytesText(minAccountWriteBytes, maxAccountWriteBytes),
	signature: bytesText(signatureBytes)
});
/** What a write makes be in force: the OPAQUE record if it is another, keyslots that are new. */
const newRecords = { registrationRecord: v.nullable(registrationRecord), keyslots: keyslots(0) };
/** Writes of the account log that whoever asks knows already; 0: none. */
export const knownWrites = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const accountHead = v.strictObject({
	n: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
	hash: bytesText(hashBytes)
});

export const registrationStartRequest = v.strictObject({
	handle,
	registrationRequest,
	/** Looked at only: a person need not choose a password for nothing. */
	invite: signUpCode
});
export const registrationStartResponse = v.strictObject({
	registrationResponse,
	/** Keyed hash of the handle: the account's name at this edge. */
	handleHash: bytesText(32)
});

export const registrationFinishRequest = v.strictObject({
	handle,
	/** Where sign-up is by invite, this one is used. */
	invite: signUpCode,
	...signedAccountWrite.entries,
	registrationRecord,
	keyslots: keyslots(1)
});
export const registrationFinishResponse = v.strictObject({ account: id<AccountId>() });

/** What a device needs to open the account: its log, and the records that are in force. */
export const accountMaterial = {
	account: id<AccountId>(),
	handleHash: bytesText(32),
	log: v.strictObject({
		head: accountHead,
		/** After those that are known; a long list stops before the head, and goes on from there. */
		writes: v.pipe(v.array(signedAccountWrite), v.maxLength(maxAccountWritesPerAnswer))
	}),
	registrationRecord,
	keyslots: keyslots(1),
	/** Second steps of logins. `data` is public, and null where there is none. */
	factors: v.pipe(
		v.array(
			v.strictObject({
				factor: id<FactorId>(),
				kind: v.picklist(factorKinds),
				data: v.nullable(bytesText(hashBytes, maxFactorDataBytes)),
				/** Of backup codes, how many are still good; else null. */
				codesLeft: v.nullable(
					v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(backupCodesPerAccount))
				),
				addedAtMs: timeMs,
				usedAtMs: v.nullable(timeMs)
			})
		),
		v.maxLength(maxFactors)
	)
};
export const accountReadRequest = v.strictObject({ after: knownWrites });
export const accountReadResponse = v.strictObject({
	...accountMaterial,
	sessions: liveSessions,
	/** How many may live at a time. */
	sessionCap,
	/** The newest, newest first. */
	events: v.pipe(v.array(securityEvent), v.maxLength(maxSecurityEventsPerRead)),
	/** Null while nobody recovers. */
	recovery: v.nullable(pendingRecovery)
});

/** Each asks or answers about one account. */
export const accountRoutes = {
	/** Before a passkey is added: what it has to answer. */
	passkeyStart: {
		method: 'POST',
		path: '/v1/factor/passkey',
		auth: 'fresh',
		request: empty,
		response: v.strictObject({ challenge: bytesText(passkeyChallengeBytes) })
	},
	/** Before a telephone is added: a code is sent to it. `unavailable` where there is no gateway. */
	smsStart: {
		method: 'POST',
		path: '/v1/factor/sms',
		auth: 'fresh',
		request: v.strictObject({ number: phoneNumber }),
		response: empty
	},
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
	accountRead: {
		method: 'POST',
		path: '/v1/account/read',
		auth: 'session',
		request: accountReadRequest,
		response: accountReadResponse
	},
	/** For a new password: its record goes with a write. */
	passwordStart: {
		method: 'POST',
		path: '/v1/password/start',
		auth: 'fresh',
		request: v.strictObject({ registrationRequest }),
		response: v.strictObject({ registrationResponse })
	},
	/**
	 * The write that stands next. `stale_count` if another does: read, judge, and write anew. The same
	 * once more is answered as before.
	 */
	accountWrite: {
		method: 'POST',
		path: '/v1/account/write',
		auth: 'fresh',
		request: v.strictObject({
			...signedAccountWrite.entries,
			...newRecords,
			/** With `factor_add`, and with nothing else: what the factor is, and one right answer. */
			factor: v.nullable(newFactor)
		}),
		response: v.strictObject({ head: accountHead })
	},
	/** What stood on the log before this edge forgot it, byte for byte, and what is then in force. */
	accountPutBack: {
		method: 'POST',
		path: '/v1/account/put-back',
		auth: 'fresh',
		request: v.strictObject({
			writes: v.pipe(
				v.array(signedAccountWrite),
				v.minLength(1),
				v.maxLength(maxAccountWritesPutBack)
			),
			...newRecords,
			/** Data of factors in force that may be kept elsewhere: of passkeys and backup codes. */
			factors: v.pipe(
				v.array(v.strictObject({ factor: id<FactorId>(), data: bytesText(1, maxFactorDataBytes) })),
				v.maxLength(maxFactors)
			)
		}),
		response: v.strictObject({ head: accountHead })
	}
} as const;
