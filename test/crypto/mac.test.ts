import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalConstantTime, hmacSha256 } from '../../crypto/mac.ts';
import { equalBytes, toHex, utf8Encode } from '../../protocol/bytes.ts';
import { flipped, hex, withVectors } from './vectors.ts';

describe('HMAC-SHA-256', () => {
	test('gives the MACs of RFC 4231', () => {
		expect(toHex(hmacSha256(hex('0b'.repeat(20)), utf8Encode('Hi There')))).toBe(
			'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'
		);
		expect(toHex(hmacSha256(utf8Encode('Jefe'), utf8Encode('what do ya want for nothing?')))).toBe(
			'5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'
		);
		const longKey = hex('aa'.repeat(131));
		const message = utf8Encode('Test Using Larger Than Block-Size Key - Hash Key First');
		expect(toHex(hmacSha256(longKey, message))).toBe(
			'60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'
		);
	});
});

describe('equality in constant time', () => {
	test('says what plain equality says', () => {
		const bytes = fc.uint8Array({ maxLength: 40 });
		fc.assert(
			fc.property(bytes, bytes, (a, b) => {
				expect(equalConstantTime(a, b)).toBe(equalBytes(a, b));
				expect(equalConstantTime(a, a.slice())).toBe(true);
			})
		);
	});

	test('sees a difference of one bit anywhere', () => {
		const mac = hmacSha256(new Uint8Array(32), new Uint8Array());
		for (let index = 0; index < mac.length; index++) {
			for (let bit = 0; bit < 8; bit++) {
				expect(equalConstantTime(mac, flipped(mac, index, 1 << bit))).toBe(false);
			}
		}
	});
});

interface MacGroup {
	readonly tagSize: number;
	readonly tests: readonly {
		readonly key: string;
		readonly msg: string;
		readonly tag: string;
		readonly result: 'valid' | 'invalid';
	}[];
}

await withVectors<{ testGroups: MacGroup[] }>(
	'Wycheproof HMAC-SHA-256',
	'wycheproof/hmac_sha256_test.json',
	({ testGroups }) => {
		test('every case is judged as published', () => {
			let judged = 0;
			for (const { tagSize, tests } of testGroups) {
				for (const { key, msg, tag, result } of tests) {
					const mac = hmacSha256(hex(key), hex(msg)).subarray(0, tagSize / 8);
					expect(equalConstantTime(mac, hex(tag))).toBe(result === 'valid');
					judged++;
				}
			}
			expect(judged).toBe(174);
		});
	}
);
