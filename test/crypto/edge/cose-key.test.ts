import { p256 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { algorithmOfKey, isInItsForm } from '../../../crypto/edge/cose-key.ts';
import { concatBytes } from '../../../protocol/bytes.ts';
import { hex } from '../vectors.ts';
import { coseKey, es256Key } from './webauthn-fixture.ts';

const secretKey = new Uint8Array(32).fill(7);
const point = p256.getPublicKey(secretKey, false);
/** RFC 8032 §7.1, test 1. */
const ed25519Point = hex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');

const ec = (changed: Readonly<Record<number, unknown>> = {}) => {
	const members = { 1: 2, 3: -7, [-1]: 1, [-2]: point.slice(1, 33), [-3]: point.slice(33) };
	return coseKey(
		Object.entries<unknown>({ ...members, ...changed })
			.filter(([, value]) => value !== undefined)
			.map(([name, value]) => [Number(name), value] as const)
	);
};
const okp = (x: Uint8Array, curve = 6) =>
	coseKey([
		[1, 1],
		[3, -8],
		[-1, curve],
		[-2, x]
	]);
const rsa = (modulus: Uint8Array, exponent = [1, 0, 1], algorithm = -257) =>
	coseKey([
		[1, 3],
		[3, algorithm],
		[-1, modulus],
		[-2, Uint8Array.from(exponent)]
	]);
const modulusOf = (bytes: number) => new Uint8Array(bytes).fill(0xc5);

describe('a key', () => {
	test.each<readonly [string, Uint8Array, number]>([
		['ES256', ec(), -7],
		['ES256, of the fixture', es256Key(secretKey), -7],
		['EdDSA', okp(ed25519Point), -8],
		['RS256 with 2,048 bits', rsa(modulusOf(256)), -257],
		['RS256 with 3,072 bits', rsa(modulusOf(384)), -257],
		['RS256 with 4,096 bits', rsa(modulusOf(512)), -257]
	])('is taken: %s', (_, key, algorithm) => {
		expect(algorithmOfKey(key)).toBe(algorithm);
	});

	test.each<readonly [string, Uint8Array]>([
		['ES384', ec({ 3: -35 })],
		['ES512', ec({ 3: -36 })],
		['ES256K', ec({ 3: -47, [-1]: 8 })],
		[
			'ML-DSA-44',
			coseKey([
				[1, 7],
				[3, -48],
				[-1, new Uint8Array(1_312)]
			])
		],
		['RS1', rsa(modulusOf(256), [1, 0, 1], -65_535)],
		['RS384', rsa(modulusOf(256), [1, 0, 1], -258)],
		['PS256', rsa(modulusOf(256), [1, 0, 1], -37)],
		['RS256 over a curve', ec({ 3: -257 })],
		['EdDSA over a curve of the other kind', ec({ 3: -8 })],
		['no algorithm', ec({ 3: undefined })],
		['an algorithm as text', ec({ 3: 'ES256' })],
		['an algorithm as a fraction', ec({ 3: -7.5 })],
		['ES256 on another curve', ec({ [-1]: 2 })],
		['ES256 on Bitcoin’s curve', ec({ [-1]: 8 })],
		['ES256 and another kind of key', ec({ 1: 1 })],
		['a kind of key as text', ec({ 1: 'EC2' })],
		['a point in its short form', ec({ [-3]: true })],
		['a short coordinate', ec({ [-2]: new Uint8Array(31).fill(1) })],
		['a long coordinate', ec({ [-2]: new Uint8Array(33).fill(1) })],
		['a coordinate as text', ec({ [-2]: 'x'.repeat(32) })],
		['no second coordinate', ec({ [-3]: undefined })],
		['one member more', ec({ 4: 1 })],
		['RSA of 1,024 bits', rsa(modulusOf(128))],
		['RSA of 2,040 bits', rsa(modulusOf(255))],
		['RSA of 8,192 bits', rsa(modulusOf(1_024))],
		['RSA of 2,040 bits, and a zero', rsa(modulusOf(256).with(0, 0))],
		['RSA with exponent 1', rsa(modulusOf(256), [1])],
		['RSA with exponent 3', rsa(modulusOf(256), [3])],
		['RSA with an even exponent', rsa(modulusOf(256), [1, 0, 0])],
		['RSA with a longer exponent', rsa(modulusOf(256), [0, 1, 0, 1])],
		['the neutral element of Ed25519', okp(Uint8Array.of(1, ...new Uint8Array(31)))],
		['no point of Ed25519', okp(new Uint8Array(32).fill(2))],
		['a short point of Ed25519', okp(ed25519Point.slice(1))],
		['Ed448', okp(new Uint8Array(57).fill(1), 7)],
		['X25519', okp(ed25519Point, 4)],
		['a list', Uint8Array.of(0x80)],
		['a number', Uint8Array.of(0x01)],
		['an empty map', Uint8Array.of(0xa0)],
		['no CBOR', Uint8Array.of(0xff)],
		['nothing', new Uint8Array()],
		['a map that ends early', ec().slice(0, -1)],
		['a map, and something after it', concatBytes(ec(), Uint8Array.of(0))],
		['a length in a longer form', concatBytes(Uint8Array.of(0xb8, 5), ec().slice(1))],
		['a number in a longer form', concatBytes(Uint8Array.of(0xa5, 0x18, 1), ec().slice(2))],
		['a member twice', concatBytes(Uint8Array.of(0xa6, 1, 2), ec().slice(1))]
	])('is not: %s', (_, key) => {
		expect(algorithmOfKey(key)).toBeNull();
	});

	test('of any bytes is none, and none throws', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
				expect(algorithmOfKey(bytes)).toBeNull();
			})
		);
	});

	test('with a byte changed is the same kind of key or none', () => {
		const whole = ec();
		fc.assert(
			fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (index, bits) => {
				const changed = whole.with(index, (whole[index] ?? 0) ^ bits);
				expect([-7, null]).toContain(algorithmOfKey(changed));
			})
		);
	});
});

describe('a signature of ES256', () => {
	const integer = (bytes: readonly number[]) => [0x02, bytes.length, ...bytes];
	const sequence = (...integers: readonly (readonly number[])[]) => {
		const body = integers.flat();
		return Uint8Array.of(0x30, body.length, ...body);
	};
	const full = Array.from({ length: 32 }, () => 0x7f);
	const high = [0, ...Array.from({ length: 32 }, () => 0xff)];

	test.each([
		['short integers', sequence(integer([1]), integer([2]))],
		['full ones', sequence(integer(full), integer(full))],
		['ones with the highest bit', sequence(integer(high), integer(high))],
		['zeros, which no key verifies', sequence(integer([0]), integer([0]))]
	])('has its form: %s', (_, signature) => {
		expect(isInItsForm(signature, -7)).toBe(true);
	});

	test.each([
		['nothing', new Uint8Array()],
		['a sequence of nothing', sequence()],
		['one integer', sequence(integer([1]))],
		['three integers', sequence(integer([1]), integer([1]), integer([1]))],
		['a negative integer', sequence(integer([0x80]), integer([1]))],
		['an integer with a zero too many', sequence(integer([0, 1]), integer([1]))],
		['an integer of no bytes', sequence(integer([]), integer([1]))],
		['an integer of 33 digits', sequence(integer([1, ...full]), integer([1]))],
		['an integer of 33 digits, and a zero', sequence(integer([0, 0xff, ...full]), integer([1]))],
		[
			'something after the end',
			concatBytes(sequence(integer([1]), integer([1])), Uint8Array.of(0))
		],
		['a length in the long form', Uint8Array.of(0x30, 0x81, 6, 2, 1, 1, 2, 1, 1)],
		['an unknown length', Uint8Array.of(0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0)],
		['a set', Uint8Array.of(0x31, 6, 2, 1, 1, 2, 1, 1)],
		['octet strings', Uint8Array.of(0x30, 6, 4, 1, 1, 4, 1, 1)],
		['a length that leads beyond the end', Uint8Array.of(0x30, 6, 2, 1, 1, 2, 5, 1)],
		['r and s side by side', new Uint8Array(64).fill(1)]
	])('has not: %s', (_, signature) => {
		expect(isInItsForm(signature, -7)).toBe(false);
	});

	test('has it whenever it was made, and a byte less or more never', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 40 }), (message) => {
				const signature = p256.sign(message, secretKey, { format: 'der' });
				expect(isInItsForm(signature, -7)).toBe(true);
				expect(isInItsForm(signature.slice(1), -7)).toBe(false);
				expect(isInItsForm(signature.slice(0, -1), -7)).toBe(false);
				expect(isInItsForm(concatBytes(signature, Uint8Array.of(0)), -7)).toBe(false);
			}),
			{ numRuns: 50 }
		);
	});

	test('is asked of no other algorithm', () => {
		expect(isInItsForm(new Uint8Array(64), -8)).toBe(true);
		expect(isInItsForm(new Uint8Array(256), -257)).toBe(true);
	});
});
