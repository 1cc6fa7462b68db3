import { describe, expect, test } from 'vitest';
import {
	deriveAccountKeys,
	deriveLocalStoreKey,
	generateRoot
} from '../../../crypto/client/account-keys.ts';
import { open, seal } from '../../../crypto/client/aead.ts';
import { createSecret, type RootSecret } from '../../../crypto/client/secret.ts';
import { isCanonicalKemKey } from '../../../crypto/identity.ts';
import { isCanonicalPublicKey, sign, verifySignature } from '../../../crypto/signature.ts';
import { toHex, utf8Encode } from '../../../protocol/bytes.ts';
import { idFromBytes, type DeviceId } from '../../../protocol/ids.ts';

const rootOf = (fill: number): RootSecret => createSecret(new Uint8Array(32).fill(fill));

describe('the keys of an account', () => {
	test('derive from the root alone, the same each time', async () => {
		const first = await deriveAccountKeys(rootOf(1));
		const again = await deriveAccountKeys(rootOf(1));
		expect(again.signing.publicKey).toEqual(first.signing.publicKey);
		expect(again.kem.publicKey).toEqual(first.kem.publicKey);
		expect(again.kem.seed.reveal()).toEqual(first.kem.seed.reveal());
		expect(again.keyringGenesisRandom).toEqual(first.keyringGenesisRandom);
		expect(again.firstGenesisRandom).toEqual(first.firstGenesisRandom);
		expect(again.keyringEpochKey.reveal()).toEqual(first.keyringEpochKey.reveal());
	});

	test('are all different, from each other and from those of another root', async () => {
		const seen = new Set<string>();
		for (const root of [rootOf(1), rootOf(2), generateRoot(), generateRoot()]) {
			const keys = await deriveAccountKeys(root);
			for (const bytes of [
				root.reveal(),
				keys.signing.publicKey,
				keys.kem.seed.reveal(),
				keys.kem.publicKey,
				keys.keyringGenesisRandom,
				keys.firstGenesisRandom,
				keys.keyringEpochKey.reveal()
			]) {
				seen.add(toHex(bytes));
			}
		}
		expect(seen.size).toBe(28);
	});

	test('are such that others accept and can use them', async () => {
		const { signing, kem } = await deriveAccountKeys(generateRoot());
		expect(isCanonicalPublicKey(signing.publicKey)).toBe(true);
		expect(isCanonicalKemKey(kem.publicKey)).toBe(true);
		const message = utf8Encode('hello');
		const signature = await sign(signing.privateKey, message);
		expect(await verifySignature(signing.publicKey, message, signature)).toBe(true);
		expect(signing.privateKey.extractable).toBe(false);
	});

	test('stay usable when the root is wiped', async () => {
		const root = generateRoot();
		const keys = await deriveAccountKeys(root);
		root.wipe();
		expect(keys.keyringEpochKey.reveal().some((byte) => byte !== 0)).toBe(true);
		await expect(deriveAccountKeys(root)).rejects.toThrow('wiped');
	});
});

test('the local store of one device does not open under the key of another', async () => {
	const deviceOf = (fill: number) => idFromBytes<DeviceId>(new Uint8Array(16).fill(fill));
	const aad = utf8Encode('row');
	const key = await deriveLocalStoreKey(rootOf(1), deviceOf(1));
	const sealed = await seal(key, { plaintext: utf8Encode('note'), aad });
	const same = await deriveLocalStoreKey(rootOf(1), deviceOf(1));
	expect((await open(same, { sealed, aad })).ok).toBe(true);
	const other = await deriveLocalStoreKey(rootOf(1), deviceOf(2));
	expect((await open(other, { sealed, aad })).ok).toBe(false);
	const otherRoot = await deriveLocalStoreKey(rootOf(2), deviceOf(1));
	expect((await open(otherRoot, { sealed, aad })).ok).toBe(false);
});
