import { describe, expect, test } from 'vitest';
import { hkdf, hkdfExpand, hkdfExtract } from '../../crypto/kdf.ts';
import { toHex } from '../../protocol/bytes.ts';
import { hex, withVectors } from './vectors.ts';

/** RFC 5869, appendix A, the three cases with SHA-256. */
const cases = [
	{
		name: 'A.1',
		ikm: '0b'.repeat(22),
		salt: '000102030405060708090a0b0c',
		info: 'f0f1f2f3f4f5f6f7f8f9',
		prk: '077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5',
		okm: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865'
	},
	{
		name: 'A.2',
		ikm: Array.from({ length: 80 }, (_, index) => index.toString(16).padStart(2, '0')).join(''),
		salt: Array.from({ length: 80 }, (_, index) => (0x60 + index).toString(16)).join(''),
		info: Array.from({ length: 80 }, (_, index) => (0xb0 + index).toString(16)).join(''),
		prk: '06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244',
		okm:
			'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c' +
			'59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71' +
			'cc30c58179ec3e87c14c01d5c1f3434f1d87'
	},
	{
		name: 'A.3',
		ikm: '0b'.repeat(22),
		salt: '',
		info: '',
		prk: '19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04',
		okm: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8'
	}
];

describe('HKDF-SHA-256', () => {
	test.each(cases)('gives the keys of RFC 5869, $name', ({ ikm, salt, info, prk, okm }) => {
		const extracted = hkdfExtract({ salt: hex(salt), ikm: hex(ikm) });
		expect(toHex(extracted)).toBe(prk);
		const lengthBytes = okm.length / 2;
		expect(toHex(hkdfExpand({ prk: extracted, info: hex(info), lengthBytes }))).toBe(okm);
	});

	test('is used without a salt', () => {
		const { ikm, info, okm } = cases[2]!;
		expect(toHex(hkdf(hex(ikm), hex(info), 42))).toBe(okm);
	});

	test('refuses to give more than 255 hashes', () => {
		expect(() => hkdf(new Uint8Array(32), new Uint8Array(), 255 * 32 + 1)).toThrow();
	});
});

interface HkdfCase {
	readonly tcId: number;
	readonly ikm: string;
	readonly salt: string;
	readonly info: string;
	readonly size: number;
	readonly okm: string;
	readonly result: 'valid' | 'invalid';
}

await withVectors<{ testGroups: { tests: HkdfCase[] }[] }>(
	'Wycheproof HKDF-SHA-256',
	'wycheproof/hkdf_sha256_test.json',
	({ testGroups }) => {
		test.each(testGroups.flatMap((group) => group.tests))(
			'case $tcId is $result',
			({ ikm, salt, info, size, okm, result }) => {
				const derive = () =>
					hkdfExpand({
						prk: hkdfExtract({ salt: hex(salt), ikm: hex(ikm) }),
						info: hex(info),
						lengthBytes: size
					});
				if (result === 'invalid') expect(derive).toThrow();
				else expect(toHex(derive())).toBe(okm);
			}
		);
	}
);
