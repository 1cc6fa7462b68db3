import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { describe, expect, test } from 'vitest';
import { deriveAccountKeys } from '../../crypto/client/account-keys.ts';
import { createSecret } from '../../crypto/client/secret.ts';
import {
	createIdentity,
	identityHash,
	isCanonicalKemKey,
	openIdentity,
	renewIdentity,
	verifyRenewal,
	type Identity
} from '../../crypto/identity.ts';
import { sign } from '../../crypto/signature.ts';
import { concatBytes, toHex } from '../../protocol/bytes.ts';
import { encodeIdentityBody, encodeIdentityEntry } from '../../protocol/identity.ts';
import { identitySigningInput } from '../../protocol/labels.ts';
import { flipped, hex, valueOf } from './vectors.ts';

const keysOf = (fill: number) => deriveAccountKeys(createSecret(new Uint8Array(32).fill(fill)));

async function identityOf(fill: number): Promise<Identity> {
	const { signing, kem } = await keysOf(fill);
	return createIdentity({ signing, kemKey: kem.publicKey });
}

async function renewed(previous: Identity, previousFill: number, fill: number): Promise<Identity> {
	const { signing, kem } = await keysOf(fill);
	const previousKey = (await keysOf(previousFill)).signing.privateKey;
	return renewIdentity(previous, { signing, kemKey: kem.publicKey, previousKey });
}

describe('a first identity', () => {
	test('is accepted as it was made, and names its account by its own hash', async () => {
		const made = await identityOf(1);
		const opened = valueOf(await openIdentity(made.bytes));
		expect(opened.account).toBe(made.account);
		expect(toHex(opened.hash)).toBe(toHex(identityHash(made.entry.bodyBytes)));
		expect(opened.account).toBe(toHex(opened.hash.subarray(0, 16)));
	});

	test('is refused once any byte changed, was cut off or added', async () => {
		const { bytes } = await identityOf(1);
		for (let index = 0; index < bytes.length; index++) {
			const result = await openIdentity(flipped(bytes, index));
			expect(result.ok, `byte ${index}`).toBe(false);
		}
		expect((await openIdentity(bytes.subarray(0, -1))).ok).toBe(false);
		expect((await openIdentity(concatBytes(bytes, Uint8Array.of(0)))).ok).toBe(false);
	});

	test('with another account’s signature is refused', async () => {
		const { entry } = await identityOf(1);
		const other = await keysOf(2);
		const signature = await sign(other.signing.privateKey, identitySigningInput(entry.bodyBytes));
		const forged = encodeIdentityEntry({ ...entry, signature });
		expect(await openIdentity(forged)).toEqual({ ok: false, error: 'signature_invalid' });
	});

	test('with a signing key of small order, or with a part of it, is refused', async () => {
		const { entry } = await identityOf(1);
		const order8 = ed25519.Point.fromHex(
			'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
		);
		for (const point of [order8, ed25519.Point.ZERO, ed25519.Point.BASE.add(order8)]) {
			const bodyBytes = encodeIdentityBody({ ...entry.body, signingKey: point.toBytes() });
			const forged = encodeIdentityEntry({ ...entry, bodyBytes });
			expect(await openIdentity(forged)).toEqual({ ok: false, error: 'key_not_canonical' });
		}
	});

	test('with a KEM key that nobody could seal to is refused', async () => {
		const { entry } = await identityOf(1);
		const kemKey = entry.body.kemKey.slice();
		kemKey.fill(0xff, 0, 3);
		const bodyBytes = encodeIdentityBody({ ...entry.body, kemKey });
		expect(await openIdentity(encodeIdentityEntry({ ...entry, bodyBytes }))).toEqual({
			ok: false,
			error: 'key_not_canonical'
		});
	});
});

describe('a renewed identity', () => {
	test('follows the one before by both signatures, and keeps the account', async () => {
		const first = await identityOf(1);
		const second = await renewed(first, 1, 2);
		const third = await renewed(second, 2, 3);
		expect(second.account).toBe(first.account);
		expect(valueOf(await openIdentity(second.bytes)).account).toBe(first.account);
		expect(await verifyRenewal(first, second)).toBe(true);
		expect(await verifyRenewal(second, third)).toBe(true);
	});

	test('does not follow any other', async () => {
		const first = await identityOf(1);
		const second = await renewed(first, 1, 2);
		const third = await renewed(second, 2, 3);
		const stranger = await identityOf(9);
		expect(await verifyRenewal(first, third)).toBe(false);
		expect(await verifyRenewal(second, first)).toBe(false);
		expect(await verifyRenewal(stranger, second)).toBe(false);
		expect(await verifyRenewal(first, first)).toBe(false);
	});

	test('signed by a key that is not the one before is no renewal', async () => {
		const first = await identityOf(1);
		const forged = await renewed(first, 9, 2);
		expect((await openIdentity(forged.bytes)).ok).toBe(true);
		expect(await verifyRenewal(first, forged)).toBe(false);
	});
});

describe('canonical KEM keys', () => {
	test('are those of seeds, at their full length only', async () => {
		const { kem } = await keysOf(1);
		expect(isCanonicalKemKey(kem.publicKey)).toBe(true);
		expect(isCanonicalKemKey(kem.publicKey.subarray(1))).toBe(false);
		expect(isCanonicalKemKey(new Uint8Array())).toBe(false);
	});

	test('have every lattice coefficient below 3,329', async () => {
		const { kem } = await keysOf(1);
		const withFirst = (coefficient: number) => {
			const key = kem.publicKey.slice();
			key[0] = coefficient & 0xff;
			key[1] = ((key[1] ?? 0) & 0xf0) | (coefficient >> 8);
			return key;
		};
		expect(isCanonicalKemKey(withFirst(3_328))).toBe(true);
		expect(isCanonicalKemKey(withFirst(3_329))).toBe(false);
		const last = kem.publicKey.slice();
		last.fill(0xff, 1_149, 1_152);
		expect(isCanonicalKemKey(last)).toBe(false);
	});

	test('have a curve point in canonical form and of large order', async () => {
		const { kem } = await keysOf(1);
		const withPoint = (point: Uint8Array) => concatBytes(kem.publicKey.subarray(0, 1_184), point);
		const littleEndian = (value: bigint) =>
			Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
		const prime = 2n ** 255n - 19n;
		expect(isCanonicalKemKey(withPoint(littleEndian(9n)))).toBe(true);
		for (const coordinate of [prime, prime + 9n, 2n ** 255n + 9n, 2n ** 256n - 1n]) {
			expect(isCanonicalKemKey(withPoint(littleEndian(coordinate)))).toBe(false);
		}
		const order8 = [
			'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
			'5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'
		];
		const smallOrder = [...[0n, 1n, prime - 1n].map(littleEndian), ...order8.map(hex)];
		for (const point of smallOrder) {
			expect(() => x25519.getSharedSecret(new Uint8Array(32).fill(1), point)).toThrow();
			expect(isCanonicalKemKey(withPoint(point))).toBe(false);
		}
	});
});
