import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromHex, toHex, utf8Encode } from '../../protocol/bytes.ts';
import { decodeCbor, encodeCbor, type Cbor } from '../../protocol/cbor.ts';
import { withVectors } from '../crypto/vectors.ts';

const bytesOf = (hex: string): Uint8Array => {
	const bytes = fromHex(hex);
	if (!bytes.ok) throw new Error(hex);
	return bytes.value;
};
const malformed = { ok: false, error: 'malformed' };

// RFC 8949, Appendix A: those within the subset.
test.each<[string, Cbor]>([
	['00', 0],
	['01', 1],
	['0a', 10],
	['17', 23],
	['1818', 24],
	['1819', 25],
	['1864', 100],
	['1903e8', 1000],
	['1a000f4240', 1_000_000],
	['1b000000e8d4a51000', 1_000_000_000_000],
	['20', -1],
	['29', -10],
	['3863', -100],
	['3903e7', -1000],
	['f4', false],
	['f5', true],
	['f6', null],
	['40', new Uint8Array()],
	['4401020304', Uint8Array.of(1, 2, 3, 4)],
	['60', ''],
	['6161', 'a'],
	['6449455446', 'IETF'],
	['62225c', '"\\'],
	['62c3bc', 'ü'],
	['63e6b0b4', '水'],
	['64f0908591', '\u{10151}'],
	['80', []],
	['83010203', [1, 2, 3]],
	['8301820203820405', [1, [2, 3], [4, 5]]],
	[
		'98190102030405060708090a0b0c0d0e0f101112131415161718181819',
		Array.from({ length: 25 }, (_, index) => index + 1)
	],
	['1b001fffffffffffff', 2 ** 53 - 1],
	['3b001ffffffffffffe', -(2 ** 53) + 1]
])('%s is the encoding of its value', (hex, value) => {
	expect(decodeCbor(bytesOf(hex))).toEqual({ ok: true, value });
	expect(toHex(encodeCbor(value))).toBe(hex);
});

test.each([
	['a 64-bit number beyond 2^53', '1bffffffffffffffff'],
	['2^53', '1b0020000000000000'],
	['a negative number beyond 2^53', '3bffffffffffffffff'],
	['a half float', 'f93c00'],
	['minus zero', 'f98000'],
	['a single float', 'fa47c35000'],
	['a double', 'fb3ff199999999999a'],
	['infinity', 'f97c00'],
	['not a number', 'f97e00'],
	['undefined', 'f7'],
	['an unassigned simple value', 'f0'],
	['a simple value in two bytes', 'f8ff'],
	['a bignum', 'c249010000000000000000'],
	['a date', 'c11a514b67b0'],
	['a tagged array', 'd82080'],
	['an empty map', 'a0'],
	['a map', 'a201020304'],
	['a map with a key twice', 'a201020103'],
	['a map inside an array', '826161a161626163'],
	['bytes of indefinite length', '5f42010243030405ff'],
	['text of indefinite length', '7f657374726561646d696e67ff'],
	['an array of indefinite length', '9fff'],
	['an inner array of indefinite length', '83018202039f0405ff'],
	['a break alone', 'ff'],
	['nothing', ''],
	['a trailing byte', '0000'],
	['two values', '8080'],
	['23 in two bytes', '1817'],
	['0 in three bytes', '190000'],
	['255 in three bytes', '1900ff'],
	['65,535 in five bytes', '1a0000ffff'],
	['a number in nine bytes that fits five', '1b00000000ffffffff'],
	['bytes with a length in two bytes that fits one', '580101'],
	['text with a length in two bytes that fits one', '780161'],
	['an array with a length in two bytes that fits one', '980100'],
	['text cut short', '6261'],
	['bytes cut short', '42ff'],
	['an array cut short', '8201'],
	['a head cut short', '19ff'],
	['text that is no UTF-8', '61ff'],
	['text that is an overlong NUL', '62c080'],
	['text that is a surrogate', '63eda080'],
	['a reserved head', '1c'],
	['4 GiB of bytes that are not there', '5affffffff'],
	['2^63 bytes that are not there', '5b7fffffffffffffff'],
	['an array of 2^32 elements that are not there', '9b0000000100000000'],
	['text of 2^32 bytes that are not there', '7b0000000100000000']
])('%s is malformed', (_, hex) => {
	expect(decodeCbor(bytesOf(hex))).toEqual(malformed);
});

test('a bomb of nested arrays is refused, at any depth', () => {
	for (const depth of [17, 100, 10_000, 4_000_000]) {
		const bomb = new Uint8Array(depth + 1).fill(0x81);
		bomb[depth] = 0;
		expect(decodeCbor(bomb)).toEqual(malformed);
	}
	const deepest = new Uint8Array(17).fill(0x81);
	deepest[16] = 0;
	expect(decodeCbor(deepest).ok).toBe(true);
});

test('text keeps every character, byte order marks too', () => {
	const text = fc.oneof(
		fc.string({ unit: 'binary' }),
		fc.string({ unit: fc.constantFrom('\ufeff', 'a', '\0', 'é', '𐅑'), maxLength: 80 })
	);
	fc.assert(
		fc.property(text, (value) => {
			const whole = value.isWellFormed() ? value : value.toWellFormed();
			expect(decodeCbor(encodeCbor([whole]))).toEqual({ ok: true, value: [whole] });
			expect(encodeCbor(whole).length).toBeGreaterThan(utf8Encode(whole).length);
		})
	);
});

test('whatever is accepted is encoded to the same bytes', () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
			const decoded = decodeCbor(bytes);
			if (decoded.ok) expect(encodeCbor(decoded.value)).toEqual(bytes);
		}),
		{ numRuns: 3_000 }
	);
});

test('what is encoded or decoded shares no memory with what is beside it', () => {
	const inner = Uint8Array.of(1, 2, 3);
	const bytes = encodeCbor([inner]);
	expect(bytes.constructor).toBe(Uint8Array);
	const copy = bytes.slice();
	copy.fill(0);
	expect(decodeCbor(bytes)).toEqual({ ok: true, value: [inner] });
	const decoded = decodeCbor(bytes);
	bytes.fill(0xff);
	expect(decoded).toEqual({ ok: true, value: [inner] });
});

test('our own values outside the subset throw', () => {
	for (const value of [1.5, -0, Number.NaN, Infinity, 2 ** 53, undefined, {}, [undefined]]) {
		expect(() => encodeCbor(value as Cbor)).toThrow(RangeError);
	}
});

interface Vector {
	readonly hex: string;
	readonly roundtrip: boolean;
	readonly decoded?: unknown;
	readonly diagnostic?: string;
}

const inSubset = (value: unknown): value is Cbor =>
	value === null ||
	typeof value === 'string' ||
	typeof value === 'boolean' ||
	(typeof value === 'number' && Number.isSafeInteger(value)) ||
	(Array.isArray(value) && value.every(inSubset));

await withVectors<readonly Vector[]>(
	'RFC 8949, Appendix A, as published',
	'cbor-rfc8949/appendix_a.json',
	(vectors) => {
		describe('each vector is read if it is in the subset and in its one form, else refused', () => {
			for (const { hex, roundtrip, decoded, diagnostic } of vectors) {
				test(hex, () => {
					const read = decodeCbor(bytesOf(hex));
					const first = Number.parseInt(hex.slice(0, 2), 16);
					if (diagnostic?.startsWith("h'") === true && first < 0x5f) {
						expect(read.ok && read.value).toEqual(bytesOf(diagnostic.slice(2, -1)));
					} else if (decoded !== undefined && inSubset(decoded) && roundtrip && first < 0xf8) {
						expect(read).toEqual({ ok: true, value: decoded });
						expect(toHex(encodeCbor(decoded))).toBe(hex);
					} else expect(read).toEqual(malformed);
				});
			}
		});
	}
);

test('shares long byte strings with what they were read from, if it is asked to, and copies the others', () => {
	const bytes = encodeCbor([new Uint8Array(8).fill(1), new Uint8Array(3).fill(2)]);
	const read = decodeCbor(bytes, 8);
	const copied = decodeCbor(bytes);
	bytes.fill(9);
	expect(read).toEqual({ ok: true, value: [new Uint8Array(8).fill(9), new Uint8Array(3).fill(2)] });
	expect(copied).toEqual({
		ok: true,
		value: [new Uint8Array(8).fill(1), new Uint8Array(3).fill(2)]
	});
});
