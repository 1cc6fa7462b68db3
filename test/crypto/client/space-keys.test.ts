import { beforeAll, describe, expect, test } from 'vitest';
import type { RecordCipher } from '../../../crypto/client/record-cipher.ts';
import { deriveKemPublicKey } from '../../../crypto/client/hpke.ts';
import { epochKeyCommitment } from '../../../crypto/client/key-commitment.ts';
import { createSecret, type KemSeed } from '../../../crypto/client/secret.ts';
import {
	deriveContentKey,
	generateEpochKey,
	openPreviousKey,
	sealPreviousKey,
	unwrapEpochKey,
	wrapEpochKey
} from '../../../crypto/client/space-keys.ts';
import { idFromBytes, type AccountId, type SpaceId } from '../../../protocol/ids.ts';
import type { WrapContext } from '../../../protocol/labels.ts';
import { wrapBytes } from '../../../protocol/limits.ts';
import { flipped, valueOf } from '../vectors.ts';

const failed = { ok: false, error: 'open_failed' };
const spaceOf = (fill: number) => idFromBytes<SpaceId>(new Uint8Array(16).fill(fill));
const accountOf = (fill: number) => idFromBytes<AccountId>(new Uint8Array(16).fill(fill));
const hashOf = (fill: number) => new Uint8Array(32).fill(fill);
const space = spaceOf(1);
const aad = new Uint8Array();

describe('the content key', () => {
	test('is bound to the epoch key, the space and the epoch', async () => {
		const epochKey = generateEpochKey();
		const key = await deriveContentKey(epochKey, { space, epoch: 1 });
		const sealed = await key.seal({ plaintext: Uint8Array.of(1), aad });
		const opensUnder = async (other: Promise<RecordCipher>) =>
			(await (await other).open({ sealed, aad })).ok;
		expect(await opensUnder(deriveContentKey(epochKey, { space, epoch: 1 }))).toBe(true);
		expect(await opensUnder(deriveContentKey(epochKey, { space, epoch: 2 }))).toBe(false);
		expect(await opensUnder(deriveContentKey(epochKey, { space: spaceOf(2), epoch: 1 }))).toBe(
			false
		);
		expect(await opensUnder(deriveContentKey(generateEpochKey(), { space, epoch: 1 }))).toBe(false);
	});
});

describe('a wrap of an epoch key', () => {
	const seed: KemSeed = createSecret(new Uint8Array(32).fill(1));
	const epochKey = generateEpochKey();
	const commitment = epochKeyCommitment(epochKey, space, 4);
	const context: WrapContext = {
		kind: 'content',
		space,
		number: 4,
		recipient: accountOf(2),
		recipientIdentity: hashOf(3),
		sender: accountOf(4),
		senderIdentity: hashOf(5)
	};
	let wrap: Uint8Array;
	beforeAll(async () => {
		wrap = await wrapEpochKey(epochKey, deriveKemPublicKey(seed), context);
	});

	test('opens for its recipient, and gives the committed key', async () => {
		expect(wrap.length).toBe(wrapBytes);
		const opened = valueOf(await unwrapEpochKey(seed, { wrap, context, commitment }));
		expect(opened.reveal()).toEqual(epochKey.reveal());
	});

	test('opens in no other context', async () => {
		const others: Partial<WrapContext>[] = [
			{ kind: 'audit' },
			{ space: spaceOf(9) },
			{ number: 5 },
			{ recipient: accountOf(9) },
			{ recipientIdentity: hashOf(9) },
			{ sender: accountOf(9) },
			{ senderIdentity: hashOf(9) },
			{ recipient: accountOf(4), sender: accountOf(2) }
		];
		for (const other of others) {
			const input = { wrap, context: { ...context, ...other }, commitment };
			expect(await unwrapEpochKey(seed, input)).toEqual(failed);
		}
	});

	test('opens for no other member', async () => {
		const other: KemSeed = createSecret(new Uint8Array(32).fill(2));
		expect(await unwrapEpochKey(other, { wrap, context, commitment })).toEqual(failed);
	});

	test('of a key that was not committed to is refused, though it opens', async () => {
		const planted = await wrapEpochKey(generateEpochKey(), deriveKemPublicKey(seed), context);
		expect(await unwrapEpochKey(seed, { wrap: planted, context, commitment })).toEqual(failed);
		const otherEpoch = epochKeyCommitment(epochKey, space, 3);
		expect(await unwrapEpochKey(seed, { wrap, context, commitment: otherEpoch })).toEqual(failed);
	});

	test('opens no more once a byte changed', async () => {
		for (const index of [0, 500, 1_087, 1_088, 1_119, 1_120, 1_151, 1_152, 1_167]) {
			const input = { wrap: flipped(wrap, index), context, commitment };
			expect(await unwrapEpochKey(seed, input)).toEqual(failed);
		}
	});
});

describe('the key of the epoch before', () => {
	const place = { space, next: 5, old: 4 };
	const oldKey = generateEpochKey();
	const commitment = epochKeyCommitment(oldKey, space, 4);
	const newKey = generateEpochKey();

	test('opens under the new content key, and leads to all earlier ones', async () => {
		const contentKey = await deriveContentKey(newKey, { space, epoch: 5 });
		const sealed = await sealPreviousKey(contentKey, oldKey, place);
		expect(sealed.length).toBe(72);
		const opened = valueOf(await openPreviousKey(contentKey, { sealed, place, commitment }));
		expect(opened.reveal()).toEqual(oldKey.reveal());
	});

	test('is refused at another place, when changed, and when it is not the committed one', async () => {
		const contentKey = await deriveContentKey(newKey, { space, epoch: 5 });
		const sealed = await sealPreviousKey(contentKey, oldKey, place);
		for (const other of [{ space: spaceOf(2) }, { next: 6 }, { old: 3 }]) {
			const input = { sealed, place: { ...place, ...other }, commitment };
			expect(await openPreviousKey(contentKey, input)).toEqual(failed);
		}
		for (let index = 0; index < sealed.length; index++) {
			const input = { sealed: flipped(sealed, index), place, commitment };
			expect(await openPreviousKey(contentKey, input)).toEqual(failed);
		}
		const planted = await sealPreviousKey(contentKey, generateEpochKey(), place);
		expect(await openPreviousKey(contentKey, { sealed: planted, place, commitment })).toEqual(
			failed
		);
	});
});
