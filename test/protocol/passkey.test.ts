import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { toBase64Url } from '../../protocol/bytes.ts';
import {
	maxAttestationObjectBytes,
	maxAuthenticatorDataBytes,
	maxBodyBytes,
	maxClientDataBytes,
	maxCredentialIdBytes,
	maxFactors,
	maxPasskeySignatureBytes,
	maxUserHandleBytes
} from '../../protocol/limits.ts';
import { passkeyAsserted, passkeyCreated, passkeyQuestion } from '../../protocol/passkey.ts';
import { bytesFrom } from './samples.ts';

const bytes = (length: number): string => toBase64Url(bytesFrom(1, length));
const id = bytes(32);
const created = {
	...{ id, rawId: id, type: 'public-key' },
	response: { clientDataJSON: bytes(200), attestationObject: bytes(194), transports: ['internal'] }
};
const asserted = {
	...{ id, rawId: id, type: 'public-key' },
	response: {
		...{ clientDataJSON: bytes(200), authenticatorData: bytes(37), signature: bytes(71) },
		userHandle: bytes(16)
	}
};

/** What a browser's `toJSON` says beside it, and what must not be sent. */
const outputs: readonly (readonly [string, unknown])[] = [
	['a PRF output', { prf: { enabled: true, results: { first: bytes(32) } } }],
	['two PRF outputs', { prf: { results: { first: bytes(32), second: bytes(32) } } }],
	['an empty PRF output', { prf: { results: {} } }],
	['word of PRF', { prf: { enabled: true } }],
	['another output', { credProps: { rk: true } }],
	['no output', {}]
];

type Shape = Readonly<Record<string, unknown>>;
const forms = [
	['a new passkey', passkeyCreated, created],
	['an assertion', passkeyAsserted, asserted]
] as const;

describe.each(forms)('%s', (_, schema, sample) => {
	const inResponse = (changed: Shape) => ({
		...sample,
		response: { ...sample.response, ...changed }
	});

	test('has its form', () => {
		expect(v.parse(schema, sample)).toEqual(sample);
	});

	test.each(outputs)('is refused with %s of an extension', (_, clientExtensionResults) => {
		expect(v.is(schema, { ...sample, clientExtensionResults })).toBe(false);
		expect(v.is(schema, inResponse({ clientExtensionResults }))).toBe(false);
	});

	test('is refused with a field more or less', () => {
		expect(v.is(schema, { ...sample, prf: bytes(32) })).toBe(false);
		expect(v.is(schema, { ...sample, authenticatorAttachment: 'platform' })).toBe(false);
		expect(v.is(schema, inResponse({ publicKey: bytes(91) }))).toBe(false);
		for (const name of Object.keys(sample)) {
			expect(v.is(schema, { ...sample, [name]: undefined }), name).toBe(false);
		}
		for (const name of Object.keys(sample.response)) {
			expect(v.is(schema, inResponse({ [name]: undefined })), name).toBe(false);
		}
	});

	test('is refused with anything but bytes where bytes stand', () => {
		for (const wrong of ['', 'a', '*', 'AA==', 'AB', ' AAAA', 1, [], {}, true]) {
			expect(v.is(schema, { ...sample, id: wrong }), JSON.stringify(wrong)).toBe(false);
			expect(v.is(schema, inResponse({ clientDataJSON: wrong })), JSON.stringify(wrong)).toBe(
				false
			);
		}
		expect(v.is(schema, inResponse({ clientDataJSON: null }))).toBe(false);
	});

	test('is bounded', () => {
		const most = bytes(maxCredentialIdBytes);
		expect(v.is(schema, { ...sample, id: most, rawId: most })).toBe(true);
		for (const length of [0, 15, maxCredentialIdBytes + 1]) {
			expect(v.is(schema, { ...sample, id: bytes(length) }), String(length)).toBe(false);
		}
		expect(v.is(schema, inResponse({ clientDataJSON: bytes(maxClientDataBytes) }))).toBe(true);
		expect(v.is(schema, inResponse({ clientDataJSON: bytes(maxClientDataBytes + 1) }))).toBe(false);
	});
});

test('a new passkey names only ways to reach it that are known, and its object is bounded', () => {
	const fits = (changed: Shape) =>
		v.is(passkeyCreated, { ...created, response: { ...created.response, ...changed } });
	expect(fits({ transports: [] })).toBe(true);
	expect(fits({ transports: ['usb', 'nfc', 'ble', 'hybrid', 'internal'] })).toBe(true);
	expect(fits({ transports: ['carrier pigeon'] })).toBe(false);
	expect(fits({ transports: Array.from({ length: 6 }, () => 'usb') })).toBe(false);
	expect(fits({ attestationObject: bytes(maxAttestationObjectBytes) })).toBe(true);
	expect(fits({ attestationObject: bytes(maxAttestationObjectBytes + 1) })).toBe(false);
});

test('an assertion may name nobody, and is bounded', () => {
	const fits = (changed: Shape) =>
		v.is(passkeyAsserted, { ...asserted, response: { ...asserted.response, ...changed } });
	expect(fits({ userHandle: null })).toBe(true);
	expect(fits({ userHandle: bytes(maxUserHandleBytes + 1) })).toBe(false);
	expect(fits({ authenticatorData: bytes(maxAuthenticatorDataBytes) })).toBe(true);
	expect(fits({ authenticatorData: bytes(maxAuthenticatorDataBytes + 1) })).toBe(false);
	expect(fits({ signature: bytes(maxPasskeySignatureBytes) })).toBe(true);
	expect(fits({ signature: bytes(maxPasskeySignatureBytes + 1) })).toBe(false);
});

test('a question has one challenge of 32 bytes, and as many passkeys as an account may have', () => {
	const passkeys = [{ id, transports: ['internal'] }];
	const question = { challenge: bytes(32), passkeys };
	const fits = (changed: Shape) => v.is(passkeyQuestion, { ...question, ...changed });
	expect(v.parse(passkeyQuestion, question)).toEqual(question);
	expect(fits({ challenge: bytes(31) })).toBe(false);
	expect(fits({ challenge: bytes(33) })).toBe(false);
	expect(fits({ passkeys: [] })).toBe(true);
	expect(fits({ passkeys: [{ id }] })).toBe(false);
	expect(fits({ passkeys: Array.from({ length: maxFactors }, () => passkeys[0]) })).toBe(true);
	expect(fits({ passkeys: Array.from({ length: maxFactors + 1 }, () => passkeys[0]) })).toBe(false);
	// Whom to ask about what is not for an edge to say.
	expect(fits({ rpId: 'evil.net' })).toBe(false);
	expect(fits({ extensions: { prf: { eval: { first: bytes(32) } } } })).toBe(false);
});

test('the longest of them fit a request', () => {
	const most = maxAttestationObjectBytes + maxClientDataBytes + 2 * maxCredentialIdBytes;
	expect((most * 4) / 3 + 1_024).toBeLessThan(maxBodyBytes);
});
