import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	importSigningKey,
	isCanonicalPublicKey,
	sign,
	verifySignature,
	VerifyKeys
} from '../../crypto/signature.ts';
import { concatBytes, toHex, utf8Encode } from '../../protocol/bytes.ts';
import { flipped, hex, withVectors } from './vectors.ts';

/** RFC 8032 §7.1, tests 1 to 3. */
const rfcCases = [
	{
		name: 'test 1',
		seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
		publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
		message: '',
		signature:
			'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
			'5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
	},
	{
		name: 'test 2',
		seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
		publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
		message: '72',
		signature:
			'92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
			'085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'
	},
	{
		name: 'test 3',
		seed: 'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
		publicKey: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
		message: 'af82',
		signature:
			'6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac' +
			'18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'
	}
];

const signer = (seed: number) => importSigningKey(new Uint8Array(32).fill(seed));

describe('Ed25519', () => {
	test.each(rfcCases)('signs and verifies as RFC 8032 §7.1, $name', async (vector) => {
		const key = await importSigningKey(hex(vector.seed));
		expect(toHex(key.publicKey)).toBe(vector.publicKey);
		const message = hex(vector.message);
		const signature = await sign(key.privateKey, message);
		expect(toHex(signature)).toBe(vector.signature);
		expect(await verifySignature(key.publicKey, message, signature)).toBe(true);
	});

	test('gives a private key that can neither be exported nor used for anything else', async () => {
		const { privateKey } = await importSigningKey(new Uint8Array(32).fill(7));
		expect(privateKey.extractable).toBe(false);
		expect(privateKey.usages).toEqual(['sign']);
		await expect(crypto.subtle.exportKey('pkcs8', privateKey)).rejects.toThrow();
	});

	test('leaves the seed to its owner, and refuses one of another length', async () => {
		const seed = new Uint8Array(32).fill(9);
		await importSigningKey(seed);
		expect(seed).toEqual(new Uint8Array(32).fill(9));
		await expect(importSigningKey(new Uint8Array(31))).rejects.toThrow(RangeError);
	});

	test('imports a key once for many checks, and another key as another', async () => {
		const keys = new VerifyKeys();
		const [ann, ben] = [await signer(1), await signer(2)];
		expect(await keys.import(ann.publicKey)).toBe(await keys.import(ann.publicKey.slice()));
		const message = utf8Encode('a commit');
		for (const { publicKey, privateKey } of [ann, ben, ann]) {
			const signature = await sign(privateKey, message);
			const other = publicKey === ann.publicKey ? ben.publicKey : ann.publicKey;
			expect(await verifySignature(publicKey, message, signature, keys)).toBe(true);
			expect(await verifySignature(other, message, signature, keys)).toBe(false);
		}
	});

	test('takes a key by its bytes, also once other bytes were written into the same array', async () => {
		const keys = new VerifyKeys();
		const [ann, ben] = [await signer(1), await signer(2)];
		const message = utf8Encode('a commit');
		const byAnn = await sign(ann.privateKey, message);
		const array = ann.publicKey.slice();
		expect(await verifySignature(array, message, byAnn, keys)).toBe(true);
		array.set(ben.publicKey);
		expect(await verifySignature(array, message, byAnn, keys)).toBe(false);
		expect(await verifySignature(array, message, await sign(ben.privateKey, message), keys)).toBe(
			true
		);
	});

	test('verifies nothing once any byte of signature, key or message changed', async () => {
		const { publicKey, privateKey } = await importSigningKey(new Uint8Array(32).fill(3));
		const message = utf8Encode('a commit');
		const signature = await sign(privateKey, message);
		for (let index = 0; index < signature.length; index++) {
			expect(await verifySignature(publicKey, message, flipped(signature, index))).toBe(false);
		}
		for (let index = 0; index < publicKey.length; index++) {
			expect(await verifySignature(flipped(publicKey, index), message, signature)).toBe(false);
		}
		expect(await verifySignature(publicKey, flipped(message, 0), signature)).toBe(false);
	});

	test('answers false, and does not throw, for keys and signatures of any length', async () => {
		const bytes = fc.uint8Array({ maxLength: 70 });
		await fc.assert(
			fc.asyncProperty(bytes, bytes, async (publicKey, signature) => {
				expect(await verifySignature(publicKey, new Uint8Array(), signature)).toBe(false);
			})
		);
	});
});

describe('canonical public keys', () => {
	const neutral = ed25519.Point.ZERO;
	const order8 = ed25519.Point.fromHex(
		'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
	);

	test('are those of seeds', async () => {
		await fc.assert(
			fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (seed) => {
				expect(isCanonicalPublicKey((await importSigningKey(seed)).publicKey)).toBe(true);
			}),
			{ numRuns: 20 }
		);
	});

	test('are not points of small order, in any of their 14 encodings', () => {
		let found = 0;
		for (let multiple = 1n; multiple <= 8n; multiple++) {
			const point = multiple === 8n ? neutral : order8.multiply(multiple);
			expect(point.isSmallOrder()).toBe(true);
			expect(isCanonicalPublicKey(point.toBytes())).toBe(false);
			found++;
		}
		for (const low of ['01', 'ec', 'ed', 'ee']) {
			for (const high of ['7f', 'ff']) {
				const middle = low === '01' ? '00' : 'ff';
				const last = low === '01' ? (high === 'ff' ? '80' : '00') : high;
				expect(isCanonicalPublicKey(hex(low + middle.repeat(30) + last))).toBe(false);
				found++;
			}
		}
		expect(found).toBe(16);
	});

	test('are not points with a part of small order', () => {
		const mixed = ed25519.Point.BASE.add(order8);
		expect(mixed.isSmallOrder()).toBe(false);
		expect(isCanonicalPublicKey(mixed.toBytes())).toBe(false);
	});

	test('have 32 bytes and lie on the curve', () => {
		expect(isCanonicalPublicKey(new Uint8Array(31))).toBe(false);
		expect(isCanonicalPublicKey(new Uint8Array(33))).toBe(false);
		expect(isCanonicalPublicKey(hex(`02${'00'.repeat(31)}`))).toBe(false);
		expect(isCanonicalPublicKey(new Uint8Array(32).fill(0xff))).toBe(false);
	});
});

test('a signature whose R has small order is refused even when its equation holds', async () => {
	// R neutral, S = k·a: valid under RFC 8032, accepted by some engines and refused by others.
	const seed = new Uint8Array(32).fill(5);
	const message = utf8Encode('a commit that would split a space');
	const { scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed);
	const neutral = ed25519.Point.ZERO.toBytes();
	const { Fn } = ed25519.Point;
	const digest = new Uint8Array(
		await crypto.subtle.digest('SHA-512', new Uint8Array([...neutral, ...pointBytes, ...message]))
	);
	let challenge = 0n;
	for (const byte of digest.toReversed()) challenge = (challenge << 8n) | BigInt(byte);
	const response = Fn.toBytes(Fn.create(challenge * scalar));
	const signature = concatBytes(neutral, response);
	expect(ed25519.verify(signature, message, pointBytes, { zip215: true })).toBe(true);
	expect(await verifySignature(pointBytes, message, signature)).toBe(false);
});

interface CctvCase {
	readonly key: string;
	readonly sig: string;
	readonly msg: string;
	readonly flags: readonly string[] | null;
}

await withVectors<CctvCase[]>(
	'CCTV Ed25519: 914 crafted signatures',
	'ed25519-cctv/ed25519vectors.json',
	(cases) => {
		test('under a canonical key only the one without any trick verifies, in every engine', async () => {
			let accepted = 0;
			let refused = 0;
			for (const { key, sig, msg, flags } of cases) {
				if (!isCanonicalPublicKey(hex(key))) continue;
				const isGood = await verifySignature(hex(key), utf8Encode(msg), hex(sig));
				expect(isGood).toBe(flags === null || flags.length === 0);
				if (isGood) accepted++;
				else refused++;
			}
			expect({ accepted, refused }).toEqual({ accepted: 1, refused: 27 });
		});

		test('keys are refused exactly when they are not canonical or have a part of small order', () => {
			const tricks = ['low_order_A', 'non_canonical_A', 'low_order_component_A'];
			for (const { key, flags } of cases) {
				const isTricked = tricks.some((trick) => flags?.includes(trick));
				expect(isCanonicalPublicKey(hex(key))).toBe(!isTricked);
			}
		});
	}
);

interface EddsaGroup {
	readonly publicKey: { readonly pk: string };
	readonly tests: readonly {
		readonly tcId: number;
		readonly msg: string;
		readonly sig: string;
		readonly result: 'valid' | 'invalid';
	}[];
}

await withVectors<{ testGroups: EddsaGroup[] }>(
	'Wycheproof Ed25519',
	'wycheproof/ed25519_test.json',
	({ testGroups }) => {
		test('every case is judged as published', async () => {
			let judged = 0;
			for (const { publicKey, tests } of testGroups) {
				for (const { tcId, msg, sig, result } of tests) {
					const isGood = await verifySignature(hex(publicKey.pk), hex(msg), hex(sig));
					expect(isGood, `case ${tcId}`).toBe(result === 'valid');
					judged++;
				}
			}
			expect(judged).toBe(151);
		});
	}
);
