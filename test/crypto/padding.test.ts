import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPaddedLength, pad, paddedLength, padInto, unpad } from '../../crypto/padding.ts';
import { concatBytes } from '../../protocol/bytes.ts';
import { flipped } from './vectors.ts';

/** PADMÉ as its authors write it (PoPETs 2019, algorithm 1), to compare with. */
function padmeByTheBook(length: number): number {
	const exponent = Math.floor(Math.log2(length));
	const mantissaBits = Math.floor(Math.log2(exponent)) + 1;
	const mask = 2n ** BigInt(exponent - mantissaBits) - 1n;
	return Number((BigInt(length) + mask) & ~mask);
}

describe('padded length', () => {
	test('is PADMÉ of the content with its length field, at least 128 bytes', () => {
		const lengths = fc.oneof(fc.nat(2 ** 12), fc.nat(2 ** 20), fc.nat(2 ** 30 - 4));
		fc.assert(
			fc.property(lengths, (length) => {
				const framed = length + 4;
				expect(paddedLength(length)).toBe(framed <= 128 ? 128 : padmeByTheBook(framed));
			}),
			{ numRuns: 2_000 }
		);
	});

	test('is the same for every content of up to 124 bytes', () => {
		for (let length = 0; length <= 124; length++) expect(paddedLength(length)).toBe(128);
		expect(paddedLength(125)).toBe(144);
	});

	test('costs at most 12 per cent beyond the floor', () => {
		for (let length = 125; length < 70_000; length++) {
			expect(paddedLength(length) / (length + 4)).toBeLessThan(1.12);
		}
	});

	test('takes few values: 10,000 lengths fall into fewer than 100', () => {
		const values = new Set(Array.from({ length: 10_000 }, (_, length) => paddedLength(length)));
		expect(values.size).toBeLessThan(100);
	});

	test('is recognised, and no other length is', () => {
		const padded = new Set(Array.from({ length: 20_000 }, (_, length) => paddedLength(length)));
		for (let length = 0; length < 20_000; length++) {
			expect(isPaddedLength(length)).toBe(padded.has(length));
		}
		for (const length of [-1, 127.5, Number.NaN, 2 ** 31, Infinity]) {
			expect(isPaddedLength(length)).toBe(false);
		}
	});

	test('refuses lengths that no content has', () => {
		for (const length of [-1, 1.5, 2 ** 30, Number.NaN]) {
			expect(() => paddedLength(length)).toThrow(RangeError);
		}
	});
});

describe('padding', () => {
	test('comes off again and leaves the same bytes', () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 3_000 }), (bytes) => {
				const padded = pad(bytes);
				expect(padded.length).toBe(paddedLength(bytes.length));
				expect(unpad(padded)).toEqual({ ok: true, value: bytes });
			})
		);
	});

	test('is the same for bytes in parts, put into an array that is there', () => {
		const parts = [Uint8Array.of(1, 2), new Uint8Array(), new Uint8Array(150).fill(3)];
		const target = new Uint8Array(paddedLength(152) + 2);
		padInto(target.subarray(1, -1), parts);
		expect(target.subarray(1, -1)).toEqual(pad(concatBytes(...parts)));
		expect([target.at(0), target.at(-1)]).toEqual([0, 0]);
		expect(() => {
			padInto(new Uint8Array(300), parts);
		}).toThrow(RangeError);
	});

	test('comes off a view into a larger buffer', () => {
		const buffer = new Uint8Array(200).fill(0xff);
		buffer.set(pad(Uint8Array.of(7)), 40);
		expect(unpad(buffer.subarray(40, 168))).toEqual({ ok: true, value: Uint8Array.of(7) });
	});

	test('is refused when a filler byte is not zero', () => {
		const padded = pad(Uint8Array.of(1, 2, 3));
		for (let index = 7; index < padded.length; index++) {
			expect(unpad(flipped(padded, index))).toEqual({ ok: false, error: 'malformed' });
		}
	});

	test('is refused when the length field does not fit the padded length', () => {
		const padded = pad(new Uint8Array(300));
		const view = new DataView(padded.buffer);
		for (const length of [0, 283, 317, 0xffffffff, padded.length]) {
			view.setUint32(0, length);
			expect(unpad(padded).ok).toBe(false);
		}
	});

	test('is refused at every length that padding does not give', () => {
		for (const length of [0, 3, 127, 129, 1_000])
			expect(unpad(new Uint8Array(length)).ok).toBe(false);
	});
});
