import { describe, expect, test } from 'vitest';
import { generateRoot } from '../../../crypto/client/account-keys.ts';
import {
	deriveDeviceSlotKey,
	derivePasswordSlotKey,
	deriveRecoverySlotKey,
	openKeyslot,
	sealKeyslot,
	sealPasskeyKeyslot
} from '../../../crypto/client/keyslots.ts';
import { generateAccountKey, importAccountKey } from '../../../crypto/client/account-key.ts';
import { generateRecoveryEntropy } from '../../../crypto/client/recovery-code.ts';
import { createSecret, type SlotKey } from '../../../crypto/client/secret.ts';
import { randomBytes } from '../../../crypto/random.ts';
import { webCryptoBytes } from '../../../crypto/webcrypto-bytes.ts';
import { concatBytes, equalBytes, toHex } from '../../../protocol/bytes.ts';
import { decodeCbor, encodeCbor, type Cbor } from '../../../protocol/cbor.ts';
import { idFromBytes, type AccountId } from '../../../protocol/ids.ts';
import { encodeKeyslot, parseKeyslot } from '../../../protocol/keyslot.ts';
import { derivationInfo, keyslotKinds, labels } from '../../../protocol/labels.ts';
import { maxSealedKeyslotBytes } from '../../../protocol/limits.ts';
import { flipped, valueOf } from '../vectors.ts';

const failed = { ok: false, error: 'open_failed' };
const account = idFromBytes<AccountId>(new Uint8Array(16).fill(1));
const slotKey: SlotKey = createSecret(new Uint8Array(32).fill(7));
const exportKeyOf = (fill: number) =>
	createSecret<'opaque export key'>(new Uint8Array(64).fill(fill));

const sealSample = async (kind: (typeof keyslotKinds)[number] = 'password', generation = 1) => {
	const root = generateRoot();
	const keyslot =
		kind === 'passkey'
			? await sealPasskeyKeyslot(slotKey, root, { account, slot: randomBytes(16), generation })
			: await sealKeyslot(slotKey, root, { account, kind, generation });
	return { root, keyslot };
};

describe('a keyslot', () => {
	test.each(keyslotKinds)('of kind %s opens to the root under its slot key', async (kind) => {
		const { root, keyslot } = await sealSample(kind, 3);
		expect(keyslot.length).toBeLessThanOrEqual(maxSealedKeyslotBytes);
		const opened = valueOf(await openKeyslot(slotKey, account, keyslot));
		expect(equalBytes(opened.reveal(), root.reveal())).toBe(true);
		const { slot, record, ...rest } = valueOf(parseKeyslot(keyslot));
		expect(rest).toEqual({ kind, generation: 3 });
		expect([slot.length, record.length]).toEqual([16, 104]);
	});

	test('has a slot id and a nonce of its own each time', async () => {
		const first = valueOf(parseKeyslot((await sealSample()).keyslot));
		const second = valueOf(parseKeyslot((await sealSample()).keyslot));
		expect(toHex(first.slot)).not.toBe(toHex(second.slot));
		expect(toHex(first.record.subarray(32, 56))).not.toBe(toHex(second.record.subarray(32, 56)));
	});

	test('opens no more once any byte changed, was cut off or added, and says the same', async () => {
		const { keyslot } = await sealSample();
		for (let index = 0; index < keyslot.length; index++) {
			const changed = await openKeyslot(slotKey, account, flipped(keyslot, index));
			expect(changed, `byte ${index}`).toEqual(failed);
			const cut = await openKeyslot(slotKey, account, keyslot.subarray(0, index));
			expect(cut).toEqual(failed);
		}
		const longer = concatBytes(keyslot, Uint8Array.of(0));
		expect(await openKeyslot(slotKey, account, longer)).toEqual(failed);
	});

	test('opens under no other key, for no other account, kind, slot or generation', async () => {
		const { keyslot } = await sealSample('recovery', 2);
		const otherKey: SlotKey = createSecret(new Uint8Array(32).fill(8));
		expect(await openKeyslot(otherKey, account, keyslot)).toEqual(failed);
		const otherAccount = idFromBytes<AccountId>(new Uint8Array(16).fill(2));
		expect(await openKeyslot(slotKey, otherAccount, keyslot)).toEqual(failed);
		const fields = valueOf(decodeCbor(keyslot)) as Cbor[];
		const replacements: [number, Cbor][] = [
			[0, 2],
			[1, 'password'],
			[1, 'passkeys'],
			[2, new Uint8Array(16)],
			[3, 1],
			[3, 0]
		];
		for (const [place, value] of replacements) {
			const changed = encodeCbor(fields.with(place, value));
			expect(await openKeyslot(slotKey, account, changed)).toEqual(failed);
		}
	});

	test('has one encoding: parsing and encoding again gives the same bytes', async () => {
		const { keyslot } = await sealSample();
		const { kind, slot, generation, record } = valueOf(parseKeyslot(keyslot));
		expect(encodeKeyslot({ kind, slot, generation, record })).toEqual(keyslot);
		expect(parseKeyslot(encodeCbor([1, kind, slot, generation, record, null])).ok).toBe(false);
	});
});

const counting = (first: number, lengthBytes: number): Uint8Array =>
	Uint8Array.from({ length: lengthBytes }, (_, index) => first + index);

/** docs/formats.md, Slot keys: without an account key, and with one. */
const published = [
	'eaf9ddc983ff613dd2d0155581db6733e0779eea48775742eec8dcecda66160d',
	'de753a47bbe1a93f6210eb85025ee6c4f474f899f95d39425b5a746e7c5fc8ee'
];

describe('slot keys', () => {
	test('differ by way of unlocking, by secret, and with an account key', async () => {
		const sixteen = new Uint8Array(16).fill(4);
		const thirtyTwo = new Uint8Array(32).fill(4);
		const accountKeys = [createSecret<'account key'>(sixteen), generateAccountKey()];
		const [own, other] = await Promise.all(accountKeys.map(importAccountKey));
		const keys = [
			await derivePasswordSlotKey(exportKeyOf(4), null),
			await derivePasswordSlotKey(exportKeyOf(5), null),
			await derivePasswordSlotKey(exportKeyOf(4), own!),
			await derivePasswordSlotKey(exportKeyOf(5), own!),
			await derivePasswordSlotKey(exportKeyOf(4), other!),
			deriveRecoverySlotKey(createSecret(sixteen.slice())),
			deriveRecoverySlotKey(generateRecoveryEntropy()),
			deriveDeviceSlotKey(thirtyTwo, createSecret(thirtyTwo.slice())),
			deriveDeviceSlotKey(thirtyTwo, createSecret(randomBytes(32)))
		];
		expect(new Set(keys.map((key) => toHex(key.reveal()))).size).toBe(keys.length);
		expect(keys.every((key) => key.reveal().length === 32)).toBe(true);
	});

	test('are the same for the same secrets', async () => {
		const derive = async () => (await derivePasswordSlotKey(exportKeyOf(4), null)).reveal();
		expect(await derive()).toEqual(await derive());
	});

	test('with an account key are HKDF with it as salt, as the browser itself computes that', async () => {
		const accountKey = generateAccountKey();
		const exportKey = exportKeyOf(9);
		const ikm = webCryptoBytes(exportKey.reveal());
		const salt = webCryptoBytes(accountKey.reveal());
		const info = webCryptoBytes(derivationInfo(labels.passwordSlot));
		const key = await crypto.subtle.importKey('raw', ikm, 'HKDF', false, ['deriveBits']);
		const algorithm = { name: 'HKDF', hash: 'SHA-256', salt, info };
		const expected = new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256));
		const derived = await derivePasswordSlotKey(exportKey, await importAccountKey(accountKey));
		expect(derived.reveal()).toEqual(expected);
	});

	test('of the published example are these', async () => {
		const exportKey = createSecret<'opaque export key'>(counting(0x40, 64));
		const accountKey = await importAccountKey(createSecret(counting(0x00, 16)));
		const [without, with_] = await Promise.all([
			derivePasswordSlotKey(exportKey, null),
			derivePasswordSlotKey(exportKey, accountKey)
		]);
		expect([toHex(without.reveal()), toHex(with_.reveal())]).toEqual(published);
	});

	test('are not made from secrets of the wrong length', async () => {
		const short = derivePasswordSlotKey(createSecret(new Uint8Array(32)), null);
		await expect(short).rejects.toThrow(RangeError);
		expect(() => deriveDeviceSlotKey(new Uint8Array(31), createSecret(randomBytes(32)))).toThrow(
			RangeError
		);
	});
});
