import { describe, expect, test } from 'vitest';
import { generateRoot } from '../../../crypto/client/account-keys.ts';
import {
	deriveDeviceSlotKey,
	derivePasswordSlotKey,
	deriveRecoverySlotKey,
	generateAccountKey,
	generateDeviceSecret,
	openKeyslot,
	sealKeyslot,
	sealPasskeyKeyslot
} from '../../../crypto/client/keyslots.ts';
import { generateRecoveryEntropy } from '../../../crypto/client/recovery-code.ts';
import { createSecret, type SlotKey } from '../../../crypto/client/secret.ts';
import { randomBytes } from '../../../crypto/random.ts';
import { concatBytes, equalBytes, toHex } from '../../../protocol/bytes.ts';
import { decodeCbor, encodeCbor, type Cbor } from '../../../protocol/cbor.ts';
import { idFromBytes, type AccountId } from '../../../protocol/ids.ts';
import { encodeKeyslot, parseKeyslot } from '../../../protocol/keyslot.ts';
import { keyslotKinds } from '../../../protocol/labels.ts';
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

describe('slot keys', () => {
	test('differ by way of unlocking, by secret, and with an account key', () => {
		const sixteen = new Uint8Array(16).fill(4);
		const thirtyTwo = new Uint8Array(32).fill(4);
		const keys = [
			derivePasswordSlotKey(exportKeyOf(4), null),
			derivePasswordSlotKey(exportKeyOf(5), null),
			derivePasswordSlotKey(exportKeyOf(4), createSecret(sixteen)),
			derivePasswordSlotKey(exportKeyOf(4), generateAccountKey()),
			deriveRecoverySlotKey(createSecret(sixteen.slice())),
			deriveRecoverySlotKey(generateRecoveryEntropy()),
			deriveDeviceSlotKey(thirtyTwo, createSecret(thirtyTwo.slice())),
			deriveDeviceSlotKey(thirtyTwo, generateDeviceSecret())
		];
		expect(new Set(keys.map((key) => toHex(key.reveal()))).size).toBe(keys.length);
		expect(keys.every((key) => key.reveal().length === 32)).toBe(true);
	});

	test('are the same for the same secrets', () => {
		const derive = () => derivePasswordSlotKey(exportKeyOf(4), null).reveal();
		expect(derive()).toEqual(derive());
	});

	test('are not made from secrets of the wrong length', () => {
		expect(() => derivePasswordSlotKey(createSecret(new Uint8Array(32)), null)).toThrow(RangeError);
		expect(() => deriveDeviceSlotKey(new Uint8Array(31), generateDeviceSecret())).toThrow(
			RangeError
		);
		expect(() => derivePasswordSlotKey(exportKeyOf(1), createSecret(new Uint8Array(15)))).toThrow(
			RangeError
		);
	});
});
