// What shows that somebody has a second factor: an answer at a login or step-up, and the proof that a
// new factor works, which comes with the account write that adds it.
import * as v from 'valibot';
import { bytesText } from './http-fields.ts';
import { backupCodeBytes, maxFactorDataBytes, smsCodeDigits, totpDigits } from './limits.ts';
import { passkeyAsserted, passkeyCreated } from './passkey.ts';

const digits = (count: number) =>
	v.pipe(v.string(), v.length(count), v.regex(/^[0-9]+$/, 'malformed'));

const totp = v.strictObject({ kind: v.literal('totp'), code: digits(totpDigits) });
const backupCode = v.strictObject({
	kind: v.literal('backup_codes'),
	/** As crypto/backup-codes.ts reads what was typed. */
	code: bytesText(backupCodeBytes)
});
const sms = v.strictObject({ kind: v.literal('sms'), code: digits(smsCodeDigits) });

export const factorAnswer = v.variant('kind', [
	totp,
	v.strictObject({ kind: v.literal('webauthn'), asserted: passkeyAsserted }),
	backupCode,
	sms
]);
export type FactorAnswer = v.InferOutput<typeof factorAnswer>;

export const factorProof = v.variant('kind', [
	totp,
	v.strictObject({ kind: v.literal('webauthn'), created: passkeyCreated }),
	/** One of the ten. It stays good. */
	backupCode,
	sms
]);
export type FactorProof = v.InferOutput<typeof factorProof>;

/** What a write that adds a factor brings with it. */
export const newFactor = v.strictObject({
	/** As protocol/factor.ts lays it out; the write has its hash. */
	data: bytesText(1, maxFactorDataBytes),
	proof: factorProof
});

/** ITU-T E.164 §6: at most 15 digits, the first of a country code. */
export const isPhoneNumber = (value: unknown): value is string =>
	typeof value === 'string' && /^\+[1-9]\d{6,14}$/.test(value);

export const phoneNumber = v.pipe(
	v.string(),
	v.check((text) => isPhoneNumber(text), 'malformed')
);
