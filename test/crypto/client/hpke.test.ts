import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { ml_kem768_x25519 as xwing } from '@noble/post-quantum/hybrid.js';
import { x25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deriveKemPublicKey, openSealedTo } from '../../../crypto/client/hpke.ts';
import { createSecret, type KemSeed } from '../../../crypto/client/secret.ts';
import { keySchedule, sealTo, xwingSuite } from '../../../crypto/hpke.ts';
import { concatBytes, toHex, utf8Encode } from '../../../protocol/bytes.ts';
import { flipped, hex, scripted, valueOf, withVectors } from '../vectors.ts';

const failed = { ok: false, error: 'open_failed' };
const seedOf = (fill: number): KemSeed => createSecret(new Uint8Array(32).fill(fill));
const info = utf8Encode('tacet/1 wrap of a test');

describe('HPKE with X-Wing', () => {
	test('opens what was sealed to the key, for any plaintext, info and AAD', async () => {
		const seed = seedOf(1);
		const publicKey = deriveKemPublicKey(seed);
		expect(publicKey.length).toBe(1_216);
		const bytes = fc.uint8Array({ maxLength: 80 });
		await fc.assert(
			fc.asyncProperty(bytes, bytes, bytes, async (plaintext, someInfo, aad) => {
				const sealed = await sealTo(publicKey, { info: someInfo, aad, plaintext });
				expect(sealed.length).toBe(1_120 + plaintext.length + 16);
				const opened = await openSealedTo(seed, { info: someInfo, aad, sealed });
				expect(opened).toEqual({ ok: true, value: plaintext });
			}),
			{ numRuns: 15 }
		);
	});

	test('gives other bytes for the same plaintext each time', async () => {
		const publicKey = deriveKemPublicKey(seedOf(1));
		const plaintext = utf8Encode('key');
		const first = await sealTo(publicKey, { info, plaintext });
		const second = await sealTo(publicKey, { info, plaintext });
		expect(toHex(first.subarray(0, 32))).not.toBe(toHex(second.subarray(0, 32)));
	});

	test('opens for no other key, info or AAD', async () => {
		const sealed = await sealTo(deriveKemPublicKey(seedOf(1)), {
			info,
			plaintext: utf8Encode('key')
		});
		expect(await openSealedTo(seedOf(2), { info, sealed })).toEqual(failed);
		expect(await openSealedTo(seedOf(1), { info: utf8Encode('other'), sealed })).toEqual(failed);
		const aad = Uint8Array.of(0);
		expect(await openSealedTo(seedOf(1), { info, aad, sealed })).toEqual(failed);
	});

	test('refuses public keys and seeds of another length', async () => {
		const plaintext = new Uint8Array(1);
		await expect(sealTo(new Uint8Array(1_215), { info, plaintext })).rejects.toThrow(RangeError);
		expect(() => deriveKemPublicKey(createSecret(new Uint8Array(31)))).toThrow(RangeError);
	});

	test('answers open_failed for an encapsulation with a low-order X25519 share', async () => {
		const sealed = await sealTo(deriveKemPublicKey(seedOf(1)), {
			info,
			plaintext: new Uint8Array(9)
		});
		sealed.fill(0, 1_088, 1_120);
		expect(await openSealedTo(seedOf(1), { info, sealed })).toEqual(failed);
	});
});

test('the key schedule is RFC 9180 for HKDF-SHA256 and AES-256-GCM', async () => {
	// Base mode of the RFC's vectors with DHKEM(X25519), whose shared secret stands in for X-Wing's.
	const { key, baseNonce } = keySchedule(
		{ kem: 0x0020, kdf: 0x0001, aead: 0x0002 },
		{
			sharedSecret: hex('3101c54c3a4f87439eaac080699ed9bbcc726ffe44e860c0424ccb7e3e2ead7b'),
			info: hex('4f6465206f6e2061204772656369616e2055726e')
		}
	);
	expect(toHex(key)).toBe('f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f');
	expect(toHex(baseNonce)).toBe('151d9929e2449747889bc923');
	const gcmKey = await crypto.subtle.importKey('raw', new Uint8Array(key), 'AES-GCM', false, [
		'encrypt'
	]);
	const ciphertext = await crypto.subtle.encrypt(
		{
			name: 'AES-GCM',
			iv: new Uint8Array(baseNonce),
			additionalData: new Uint8Array(utf8Encode('Count-0'))
		},
		gcmKey,
		new Uint8Array(utf8Encode('Beauty is truth, truth beauty'))
	);
	expect(toHex(new Uint8Array(ciphertext))).toBe(
		'e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a'
	);
});

interface XwingCase {
	readonly seed: string;
	readonly eseed: string;
	readonly ss: string;
	readonly pk: string;
	readonly ct: string;
}

await withVectors<XwingCase[]>('X-Wing draft', 'xwing/test-vectors.json', (cases) => {
	test.each(cases)('seed $seed gives the published key', ({ seed, pk }) => {
		expect(toHex(deriveKemPublicKey(createSecret(hex(seed))))).toBe(pk);
	});

	test.each(cases)('eseed $eseed gives the published ciphertext and secret', async (vector) => {
		const plaintext = utf8Encode('epoch key');
		const random = scripted(hex(vector.eseed));
		const sealed = await sealTo(hex(vector.pk), { info, plaintext }, random);
		expect(toHex(sealed.subarray(0, 1_120))).toBe(vector.ct);
		// The body is under the schedule of exactly the published shared secret.
		const schedule = keySchedule(xwingSuite, { sharedSecret: hex(vector.ss), info });
		const gcmKey = await crypto.subtle.importKey(
			'raw',
			new Uint8Array(schedule.key),
			'AES-GCM',
			false,
			['decrypt']
		);
		const opened = await crypto.subtle.decrypt(
			{ name: 'AES-GCM', iv: new Uint8Array(schedule.baseNonce) },
			gcmKey,
			new Uint8Array(sealed.subarray(1_120))
		);
		expect(new Uint8Array(opened)).toEqual(new Uint8Array(plaintext));
		const seed: KemSeed = createSecret(hex(vector.seed));
		expect(valueOf(await openSealedTo(seed, { info, sealed }))).toEqual(plaintext);
	});
});

interface HpkeCase {
	readonly kem_id: number;
	readonly kdf_id: number;
	readonly aead_id: number;
	readonly info: string;
	readonly skRm: string;
	readonly pkRm: string;
	readonly enc: string;
	readonly shared_secret: string;
	readonly key: string;
	readonly base_nonce: string;
	readonly encryptions: readonly { aad: string; ct: string; nonce: string; pt: string }[];
}

await withVectors<HpkeCase[]>(
	'draft-ietf-hpke-pq, X-Wing with HKDF-SHA256',
	'hpke/hpke-pq_draft_vectors.json',
	(cases) => {
		const ours = cases.filter(({ kem_id, kdf_id }) => kem_id === 0x647a && kdf_id === 1);

		test('there is one', () => {
			expect(ours.length).toBe(1);
		});

		test.each(ours)('key pair, shared secret, key and nonce are as published', (vector) => {
			expect(toHex(deriveKemPublicKey(createSecret(hex(vector.skRm))))).toBe(vector.pkRm);
			const sharedSecret = xwing.decapsulate(hex(vector.enc), hex(vector.skRm));
			expect(toHex(sharedSecret)).toBe(vector.shared_secret);
			const suite = { kem: vector.kem_id, kdf: vector.kdf_id, aead: vector.aead_id };
			const schedule = keySchedule(suite, { sharedSecret, info: hex(vector.info) });
			expect(toHex(schedule.key)).toBe(vector.key);
			expect(toHex(schedule.baseNonce)).toBe(vector.base_nonce);
			const [first] = vector.encryptions;
			const cipher = chacha20poly1305(schedule.key, schedule.baseNonce, hex(first?.aad ?? ''));
			expect(toHex(cipher.encrypt(hex(first?.pt ?? '')))).toBe(first?.ct);
		});
	}
);

interface MlKemCase {
	readonly tcId: number;
	readonly seed: string;
	readonly ek: string;
	readonly c: string;
	readonly K: string;
	readonly result: 'valid' | 'invalid';
}

await withVectors<{ testGroups: { type: string; tests: MlKemCase[] }[] }>(
	'Wycheproof ML-KEM-768, the lattice half',
	'wycheproof/mlkem_768_test.json',
	({ testGroups }) => {
		test('every decapsulation is judged as published', () => {
			let judged = 0;
			for (const { type, tests } of testGroups) {
				if (type !== 'MLKEMTest') continue;
				for (const { tcId, seed, ek, c, K, result } of tests) {
					const decapsulate = () => {
						const { publicKey, secretKey } = ml_kem768.keygen(hex(seed));
						if (ek !== toHex(publicKey)) throw new Error('another key');
						return toHex(ml_kem768.decapsulate(hex(c), secretKey));
					};
					if (result === 'valid') expect(decapsulate(), `case ${tcId}`).toBe(K);
					else expect(decapsulate, `case ${tcId}`).toThrow();
					judged++;
				}
			}
			expect(judged).toBeGreaterThan(50);
		});
	}
);

interface X25519Case {
	readonly tcId: number;
	readonly public: string;
	readonly private: string;
	readonly shared: string;
	readonly flags: readonly string[];
}

await withVectors<{ testGroups: { tests: X25519Case[] }[] }>(
	'Wycheproof X25519, the curve half',
	'wycheproof/x25519_test.json',
	({ testGroups }) => {
		test('every shared secret is as published, and a zero one is refused', () => {
			let judged = 0;
			for (const vector of testGroups.flatMap((group) => group.tests)) {
				const agree = () => toHex(x25519.getSharedSecret(hex(vector.private), hex(vector.public)));
				if (/^0+$/.test(vector.shared)) expect(agree, `case ${vector.tcId}`).toThrow();
				else expect(agree(), `case ${vector.tcId}`).toBe(vector.shared);
				judged++;
			}
			expect(judged).toBe(518);
		});
	}
);

test('a wrapped key opens no more once any of its bytes changed, was cut off or added', async () => {
	const seed = seedOf(6);
	const sealed = await sealTo(deriveKemPublicKey(seed), { info, plaintext: new Uint8Array(32) });
	expect(sealed.length).toBe(1_168);
	for (let index = 0; index < sealed.length; index++) {
		const changed = await openSealedTo(seed, { info, sealed: flipped(sealed, index) });
		expect(changed, `byte ${index}`).toEqual(failed);
	}
	for (const length of [0, 1, 1_120, 1_135, 1_167]) {
		const cut = await openSealedTo(seed, { info, sealed: sealed.subarray(0, length) });
		expect(cut).toEqual(failed);
	}
	const longer = concatBytes(sealed, Uint8Array.of(0));
	expect(await openSealedTo(seed, { info, sealed: longer })).toEqual(failed);
}, 60_000);
