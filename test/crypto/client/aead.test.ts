import { shake128 } from '@noble/hashes/sha3.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importXaesKey, open, seal, sealWithRandom } from '../../../crypto/client/aead.ts';
import { concatBytes, toHex, utf8Encode } from '../../../protocol/bytes.ts';
import { flipped, hex, isWorkerd, scripted, valueOf, withVectors } from '../vectors.ts';

/** c2sp.org/XAES-256-GCM, 'Test vectors': the first with MSB(L) = 0, the second with 1. */
const published = [
	{
		key: '01'.repeat(32),
		aad: '',
		ciphertext: 'ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271'
	},
	{
		key: '03'.repeat(32),
		aad: 'c2sp.org/XAES-256-GCM',
		ciphertext: '986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d'
	}
];
const publishedNonce = utf8Encode('ABCDEFGHIJKLMNOPQRSTUVWX');

const keyOf = (fill: number) => importXaesKey(new Uint8Array(32).fill(fill));
const failed = { ok: false, error: 'open_failed' };

describe('XAES-256-GCM', () => {
	test.each(published)('seals as C2SP publishes, key $key', async ({ key, aad, ciphertext }) => {
		const xaes = await importXaesKey(hex(key));
		const input = { plaintext: utf8Encode('XAES-256-GCM'), aad: utf8Encode(aad) };
		const sealed = await sealWithRandom(xaes, input, scripted(publishedNonce));
		expect(toHex(sealed)).toBe(toHex(publishedNonce) + ciphertext);
		expect(await open(xaes, { sealed, aad: input.aad })).toEqual({
			ok: true,
			value: input.plaintext
		});
	});

	test('gives the accumulated hash of C2SP over 10,000 random messages', async () => {
		const rng = shake128.create({});
		const accumulated = shake128.create({});
		for (let iteration = 0; iteration < 10_000; iteration++) {
			const key = await importXaesKey(rng.xof(32));
			const nonce = rng.xof(24);
			const plaintext = rng.xof(rng.xof(1)[0] ?? 0);
			const aad = rng.xof(rng.xof(1)[0] ?? 0);
			const sealed = await sealWithRandom(key, { plaintext, aad }, scripted(nonce));
			accumulated.update(sealed.subarray(24));
		}
		expect(toHex(accumulated.xof(32))).toBe(
			'e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939'
		);
	}, 120_000);

	test('opens what it sealed, for any plaintext and AAD', async () => {
		const key = await keyOf(1);
		const bytes = fc.uint8Array({ maxLength: 500 });
		await fc.assert(
			fc.asyncProperty(bytes, bytes, async (plaintext, aad) => {
				const sealed = await seal(key, { plaintext, aad });
				expect(sealed.length).toBe(plaintext.length + 40);
				expect(await open(key, { sealed, aad })).toEqual({ ok: true, value: plaintext });
			})
		);
	});

	test('uses a fresh nonce for each call', async () => {
		const key = await keyOf(1);
		const input = { plaintext: utf8Encode('same'), aad: new Uint8Array() };
		const nonces = new Set<string>();
		for (let call = 0; call < 200; call++) {
			nonces.add(toHex((await seal(key, input)).subarray(0, 24)));
		}
		expect(nonces.size).toBe(200);
	});

	test('keeps its key inside WebCrypto', async () => {
		const key = await keyOf(4);
		expect(key.blockCipher.extractable).toBe(false);
		expect(key.blockCipher.usages).toEqual(['encrypt']);
		await expect(crypto.subtle.exportKey('raw', key.blockCipher)).rejects.toThrow();
	});

	test('survives being cloned, as IndexedDB and workers do', async ({ skip }) => {
		skip(isWorkerd, 'workerd clones no CryptoKey, and seals nothing');
		const key = await keyOf(4);
		const clone = structuredClone(key);
		const aad = utf8Encode('place');
		const sealed = await seal(clone, { plaintext: utf8Encode('x'), aad });
		expect(valueOf(await open(key, { sealed, aad }))).toEqual(utf8Encode('x'));
	});

	test('refuses keys of another length', async () => {
		await expect(importXaesKey(new Uint8Array(16))).rejects.toThrow(RangeError);
	});
});

describe('a sealed record opens no more, and says the same,', () => {
	const aad = utf8Encode('its place');
	const sealSample = async () =>
		seal(await keyOf(2), { plaintext: utf8Encode('nineteen bytes here'), aad });

	test('once any byte changed', async () => {
		const key = await keyOf(2);
		const sealed = await sealSample();
		for (let index = 0; index < sealed.length; index++) {
			for (const bit of [1, 0x80]) {
				expect(await open(key, { sealed: flipped(sealed, index, bit), aad })).toEqual(failed);
			}
		}
	});

	test('once it was cut or extended', async () => {
		const key = await keyOf(2);
		const sealed = await sealSample();
		for (let length = 0; length < sealed.length; length++) {
			expect(await open(key, { sealed: sealed.subarray(0, length), aad })).toEqual(failed);
			expect(await open(key, { sealed: sealed.subarray(length + 1), aad })).toEqual(failed);
		}
		const longer = concatBytes(sealed, Uint8Array.of(0));
		expect(await open(key, { sealed: longer, aad })).toEqual(failed);
	});

	test('at another place, or under another key', async () => {
		const sealed = await sealSample();
		const key = await keyOf(2);
		for (const other of [utf8Encode('its plac'), utf8Encode('its place!'), new Uint8Array()]) {
			expect(await open(key, { sealed, aad: other })).toEqual(failed);
		}
		expect(await open(await keyOf(3), { sealed, aad })).toEqual(failed);
	});
});

interface GcmGroup {
	readonly ivSize: number;
	readonly keySize: number;
	readonly tests: readonly {
		readonly tcId: number;
		readonly key: string;
		readonly iv: string;
		readonly aad: string;
		readonly msg: string;
		readonly ct: string;
		readonly tag: string;
		readonly result: 'valid' | 'invalid';
	}[];
}

await withVectors<{ testGroups: GcmGroup[] }>(
	'Wycheproof AES-256-GCM, the engine’s half of XAES',
	'wycheproof/aes_gcm_test.json',
	({ testGroups }) => {
		test('every case with a 96-bit nonce is judged as published', async () => {
			let judged = 0;
			for (const { ivSize, keySize, tests } of testGroups) {
				if (ivSize !== 96 || keySize !== 256) continue;
				for (const vector of tests) {
					const raw = new Uint8Array(hex(vector.key));
					const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
					const parameters = {
						name: 'AES-GCM',
						iv: new Uint8Array(hex(vector.iv)),
						additionalData: new Uint8Array(hex(vector.aad))
					};
					const opened = await crypto.subtle
						.decrypt(parameters, key, new Uint8Array(hex(vector.ct + vector.tag)))
						.then((plaintext) => toHex(new Uint8Array(plaintext)))
						.catch(() => 'refused');
					const expected = vector.result === 'valid' ? vector.msg : 'refused';
					expect(opened, `case ${vector.tcId}`).toBe(expected);
					judged++;
				}
			}
			expect(judged).toBeGreaterThan(60);
		});
	}
);
