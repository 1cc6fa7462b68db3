import { ristretto255 } from '@noble/curves/ed25519.js';
import { expect, test } from 'vitest';
import { isRegistrationRecord } from '../../crypto/registration-record.ts';

/** With this public key; what follows it may be anything. */
const recordOf = (publicKey: Uint8Array): Uint8Array => {
	const record = new Uint8Array(192).fill(7);
	record.set(publicKey);
	return record;
};
const point = ristretto255.Point.BASE.toBytes();

test('a record has its length and a point for a public key', () => {
	expect(isRegistrationRecord(recordOf(point))).toBe(true);
	expect(isRegistrationRecord(recordOf(point).subarray(1))).toBe(false);
	expect(isRegistrationRecord(new Uint8Array([...recordOf(point), 0]))).toBe(false);
	expect(isRegistrationRecord(new Uint8Array())).toBe(false);
});

test.each([
	['the identity', new Uint8Array(32)],
	['no canonical encoding', new Uint8Array(32).fill(0xff)],
	['a field element that is negative', Uint8Array.of(1, ...new Uint8Array(31))],
	['no point', Uint8Array.of(2, ...new Uint8Array(30), 0x70)]
])('none has %s for one', (_, publicKey) => {
	expect(isRegistrationRecord(recordOf(publicKey))).toBe(false);
});
