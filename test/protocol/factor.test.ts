import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { factorKinds, type FactorKind } from '../../protocol/factor-kind.ts';
import { factorOfPasskey } from '../../protocol/attested-passkey.ts';
import { concatBytes, toBase64Url, toHex } from '../../protocol/bytes.ts';
import type { Cbor } from '../../protocol/cbor.ts';
import { encodeFactorData, parseFactorData, type FactorData } from '../../protocol/factor.ts';
import { factorAnswer, factorProof, newFactor } from '../../protocol/factor-answer.ts';
import {
	maxBodyBytes,
	maxCredentialIdBytes,
	maxFactorDataBytes,
	maxPasskeyKeyBytes
} from '../../protocol/limits.ts';
import { passkeyTransports } from '../../protocol/passkey.ts';
import { SoftAuthenticator } from '../crypto/edge/webauthn-fixture.ts';
import { sampleFactors, someFactor } from './factor-samples.ts';
import { bytesFrom, edited, expectNoThrow, expectStrict } from './samples.ts';

const malformed = { ok: false, error: 'malformed' };
const sampleOf = (kind: FactorKind): FactorData =>
	sampleFactors.find((sample) => sample.kind === kind)!;
const changed = (kind: FactorKind, edit: (fields: Cbor[]) => void) =>
	[kind, edited(encodeFactorData(sampleOf(kind)), edit)] as const;

describe('data of a factor', () => {
	test('is read back as it was written', () => {
		expect(sampleFactors.map(({ kind }) => kind)).toEqual(factorKinds);
		fc.assert(
			fc.property(someFactor, (data) => {
				expect(parseFactorData(data.kind, encodeFactorData(data))).toEqual({
					...{ ok: true, value: data }
				});
			})
		);
	});

	test.each(factorKinds)('of kind %s has one encoding, and is of no other kind', (kind) => {
		const bytes = encodeFactorData(sampleOf(kind));
		const parse = (read: Uint8Array) => parseFactorData(kind, read);
		expectStrict(parse, encodeFactorData, bytes);
		expectNoThrow(parse);
		for (const other of factorKinds) {
			expect(parseFactorData(other, bytes).ok).toBe(other === kind);
		}
	});

	test('has these bytes', () => {
		expect(toHex(encodeFactorData(sampleOf('totp')))).toBe(
			'820154' + '0102030405060708090a0b0c0d0e0f1011121314'
		);
		expect(toHex(encodeFactorData(sampleOf('sms')))).toBe(
			'830150' + '0405060708090a0b0c0d0e0f10111213' + '6c2b3135353530313233343536'
		);
		const passkey = encodeFactorData(sampleOf('webauthn'));
		expect(toHex(passkey)).toBe(
			`85015820${toHex(bytesFrom(2, 32))}584d${toHex(bytesFrom(3, 77))}f5` +
				'82' +
				'66687962726964' +
				'68696e7465726e616c'
		);
	});

	test('is within its limit at its longest', () => {
		const longest: FactorData = {
			...{ kind: 'webauthn', isBackupEligible: false, transports: passkeyTransports },
			credentialId: new Uint8Array(maxCredentialIdBytes),
			publicKey: new Uint8Array(maxPasskeyKeyBytes)
		};
		const bytes = encodeFactorData(longest);
		expect(bytes.length).toBeLessThanOrEqual(maxFactorDataBytes);
		expect(parseFactorData('webauthn', bytes).ok).toBe(true);
		expect(maxFactorDataBytes * 2).toBeLessThan(maxBodyBytes);
	});

	test('lists the ways to reach a passkey in one order, each once', () => {
		const passkey = sampleOf('webauthn');
		const turned = { ...passkey, transports: ['internal', 'hybrid', 'internal'] } as FactorData;
		expect(encodeFactorData(turned)).toEqual(encodeFactorData(passkey));
	});
});

test.each<readonly [string, FactorKind, Uint8Array]>([
	['another version', ...changed('totp', (fields) => (fields[0] = 2))],
	['no version', ...changed('totp', (fields) => fields.shift())],
	['a secret of 19 bytes', ...changed('totp', (fields) => (fields[1] = bytesFrom(1, 19)))],
	['a secret of 21 bytes', ...changed('totp', (fields) => (fields[1] = bytesFrom(1, 21)))],
	['a secret that is text', ...changed('totp', (fields) => (fields[1] = 'A'.repeat(20)))],
	['a field too many', ...changed('totp', (fields) => fields.push(null))],
	['a credential id of 15 bytes', ...changed('webauthn', (f) => (f[1] = bytesFrom(1, 15)))],
	['a credential id of 1,024 bytes', ...changed('webauthn', (f) => (f[1] = new Uint8Array(1_024)))],
	['no key', ...changed('webauthn', (fields) => (fields[2] = new Uint8Array()))],
	['a key beyond the limit', ...changed('webauthn', (f) => (f[2] = new Uint8Array(1_025)))],
	['neither synced nor not', ...changed('webauthn', (fields) => (fields[3] = 1))],
	['a counter', ...changed('webauthn', (fields) => fields.push(7))],
	['an unknown way to reach it', ...changed('webauthn', (f) => (f[4] = ['smart-card']))],
	['ways out of order', ...changed('webauthn', (f) => (f[4] = ['internal', 'hybrid']))],
	['a way twice', ...changed('webauthn', (fields) => (fields[4] = ['usb', 'usb']))],
	['nine codes', ...changed('backup_codes', (f) => (f[1] as Cbor[]).pop())],
	['eleven codes', ...changed('backup_codes', (f) => (f[1] as Cbor[]).push(bytesFrom(90, 32)))],
	['a code twice', ...changed('backup_codes', (f) => ((f[1] as Cbor[])[0] = bytesFrom(11, 32)))],
	[
		'a hash of 31 bytes',
		...changed('backup_codes', (f) => ((f[1] as Cbor[])[0] = bytesFrom(1, 31)))
	],
	['codes that are no list', ...changed('backup_codes', (f) => (f[1] = bytesFrom(1, 32)))],
	['a salt of 15 bytes', ...changed('sms', (fields) => (fields[1] = bytesFrom(1, 15)))],
	...[
		'15550123456',
		'+05550123456',
		'+155501',
		'+1555012345678901',
		'+1 555 0123456',
		'+1555٠123456'
	].map((number) => [`the number ${number}`, ...changed('sms', (f) => (f[2] = number))] as const)
])('%s is malformed', (_, kind, bytes) => {
	expect(parseFactorData(kind, bytes)).toEqual(malformed);
});

describe('answers and proofs', () => {
	const challenge = bytesFrom(5, 32);
	const authenticator = new SoftAuthenticator();
	const code = toBase64Url(bytesFrom(1, 10));
	const answers = [
		{ kind: 'totp', code: '012345' },
		{ kind: 'webauthn', asserted: authenticator.assert(challenge) },
		{ kind: 'backup_codes', code },
		{ kind: 'sms', code: '999999' }
	];
	const created = { kind: 'webauthn', created: authenticator.create(challenge) };

	test('have one form for each kind', () => {
		for (const answer of answers) {
			expect(v.is(factorAnswer, answer)).toBe(true);
			expect(v.is(factorProof, answer)).toBe(answer.kind !== 'webauthn');
			expect(v.is(factorAnswer, { ...answer, factor: 'f'.repeat(32) })).toBe(false);
			for (const kind of [...factorKinds, 'mail', undefined]) {
				const isCode = (other: unknown) => other === 'totp' || other === 'sms';
				const fits = kind === answer.kind || (isCode(kind) && isCode(answer.kind));
				expect(v.is(factorAnswer, { ...answer, kind })).toBe(fits);
			}
		}
		expect(v.is(factorAnswer, created)).toBe(false);
		expect(v.is(factorProof, created)).toBe(true);
	});

	test.each(['', '12345', '1234567', '12345a', '１２３４５６', ' 12345', '12345\n', 123456, null])(
		'%j is no code of six digits',
		(typed) => {
			for (const kind of ['totp', 'sms']) {
				expect(v.is(factorAnswer, { kind, code: typed })).toBe(false);
			}
		}
	);

	test('come with data of bounded length where a factor is added', () => {
		const proof = { kind: 'totp', code: '012345' };
		const fits = (length: number) =>
			v.is(newFactor, { data: toBase64Url(new Uint8Array(length)), proof });
		expect([0, 1, maxFactorDataBytes, maxFactorDataBytes + 1].map(fits)).toEqual([
			...[false, true, true, false]
		]);
	});
});

describe('a new passkey', () => {
	const challenge = bytesFrom(5, 32);

	test('is read as what the authenticator says of it', () => {
		for (const isSynced of [false, true]) {
			const authenticator = new SoftAuthenticator({ isSynced });
			expect(factorOfPasskey(authenticator.create(challenge))).toEqual({
				ok: true,
				value: {
					...{ kind: 'webauthn', credentialId: authenticator.credentialId },
					...{ publicKey: authenticator.publicKey, isBackupEligible: isSynced },
					transports: ['internal']
				}
			});
		}
	});

	test('may have outputs of extensions behind its key', () => {
		const authenticator = new SoftAuthenticator();
		// CBOR map: hmac-secret true.
		const trailing = Uint8Array.of(0xa1, 0x6b, ...asciiOf('hmac-secret'), 0xf5);
		const read = factorOfPasskey(authenticator.create(challenge, { trailing, flags: 0x80 }));
		expect(read.ok && read.value.publicKey).toEqual(authenticator.publicKey);
	});

	test('is malformed where it is cut off, or is nothing of the kind', () => {
		const authenticator = new SoftAuthenticator();
		const whole = authenticator.create(challenge);
		const withObject = (attestationObject: string) =>
			factorOfPasskey({ ...whole, response: { ...whole.response, attestationObject } });
		for (const bytes of [[], [0xa0], [0x80], [0xff], [...bytesFrom(1, 100)]]) {
			expect(withObject(toBase64Url(Uint8Array.from(bytes)))).toEqual(malformed);
		}
		for (const credentialId of [bytesFrom(1, 15), bytesFrom(1, 1_024)]) {
			expect(factorOfPasskey(authenticator.create(challenge, { credentialId }))).toEqual(malformed);
		}
		for (const publicKey of [new Uint8Array(), Uint8Array.of(0xa5, 1), bytesFrom(0x40, 9)]) {
			expect(factorOfPasskey(authenticator.create(challenge, { publicKey }))).toEqual(malformed);
		}
		const long = concatBytes(Uint8Array.of(0x59, 0x04, 0x00), new Uint8Array(1_024));
		expect(factorOfPasskey(authenticator.create(challenge, { publicKey: long }))).toEqual(
			malformed
		);
		// Without the flag that says that a key is there.
		expect(factorOfPasskey(authenticator.create(challenge, { flags: 0x40 }))).toEqual(malformed);
	});
});

const asciiOf = (text: string): number[] => [...new TextEncoder().encode(text)];
