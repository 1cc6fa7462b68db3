// Samples and generators of account writes, one of each action.
import fc from 'fast-check';
import {
	encodeAccountWrite,
	type AccountAction,
	type AccountWrite
} from '../../protocol/account-write.ts';
import { factorKinds } from '../../protocol/factor-kind.ts';
import {
	idFromBytes,
	type AccountId,
	type AnyId,
	type DeviceId,
	type FactorId
} from '../../protocol/ids.ts';
import { accountHeadInput } from '../../protocol/labels.ts';

const bytesFrom = (first: number, length: number): Uint8Array =>
	Uint8Array.from({ length }, (_, index) => (first + index) & 0xff);
const idFrom = <Kind extends AnyId>(first: number): Kind => idFromBytes<Kind>(bytesFrom(first, 16));

const slotFacts = (first: number) => ({
	slot: bytesFrom(first, 16),
	hash: bytesFrom(first + 100, 32)
});
export const sampleMaterial = {
	password: { ...slotFacts(1), recordHash: bytesFrom(65, 32), usesAccountKey: true },
	kit: { ...slotFacts(2), authenticatorHash: bytesFrom(66, 32), confirmed: false },
	passkeys: [slotFacts(3), slotFacts(4)]
};
export const samplePolicy = {
	suffices: ['totp', 'webauthn'] as const,
	sessionCap: 3,
	recoveryDelayDays: 1
};
const identityEntry = bytesFrom(9, 1_400);

export const sampleActions: readonly AccountAction[] = [
	{
		...{ type: 'create', handleHash: bytesFrom(67, 32), identityEntry },
		...{ material: sampleMaterial, policy: { ...samplePolicy, suffices: [] } }
	},
	{ type: 'password', password: sampleMaterial.password },
	{ type: 'kit', kit: { ...sampleMaterial.kit, confirmed: true } },
	{ type: 'keyslot_add', passkey: slotFacts(5) },
	{ type: 'keyslot_remove', slot: bytesFrom(3, 16) },
	{
		...{ type: 'identity', identityEntry, previousRoot: bytesFrom(70, 115) },
		material: { ...sampleMaterial, passkeys: [] }
	},
	{ type: 'recovery', material: sampleMaterial },
	{
		type: 'factor_add',
		factor: { factor: idFrom<FactorId>(7), kind: 'webauthn', hash: bytesFrom(68, 32) }
	},
	{ type: 'factor_remove', factor: idFrom<FactorId>(7) },
	{ type: 'policy', policy: samplePolicy },
	{ type: 'device_remove', device: idFrom<DeviceId>(33) },
	{ type: 'delete' }
];

export const writeOf = (action: AccountAction): AccountWrite => ({
	account: idFrom<AccountId>(17),
	n: action.type === 'create' ? 1 : 24,
	previous: bytesFrom(69, 32),
	device: idFrom<DeviceId>(33),
	timeMs: 1_764_000_000_000,
	action
});

/** Its label is that of what is hashed; the write itself begins with the one that is signed. */
export const accountInputs = {
	accountHead: accountHeadInput(bytesFrom(1, 20), bytesFrom(97, 64)),
	accountWrite: encodeAccountWrite(writeOf({ type: 'delete' }))
};

const someBytes = (min: number, max: number = min) =>
	fc.uint8Array({ minLength: min, maxLength: max });
const someId = <Kind extends AnyId>() => someBytes(16).map((bytes) => idFromBytes<Kind>(bytes));
const someHash = someBytes(32);
const facts = { slot: someBytes(16), hash: someHash };
const somePasskey = fc.record(facts);
const somePassword = fc.record({ ...facts, recordHash: someHash, usesAccountKey: fc.boolean() });
const someKit = fc.record({ ...facts, authenticatorHash: someHash, confirmed: fc.boolean() });
const someMaterial = fc
	.record({
		password: somePassword,
		kit: someKit,
		passkeys: fc.array(somePasskey, { maxLength: 4 })
	})
	.filter(
		({ password, kit, passkeys }) =>
			new Set([password, kit, ...passkeys].map(({ slot }) => slot.join())).size ===
			2 + passkeys.length
	);
const somePolicy = fc.record({
	suffices: fc.subarray([...factorKinds]),
	sessionCap: fc.integer({ min: 1, max: 20 }),
	recoveryDelayDays: fc.integer({ min: 0, max: 30 })
});
const typed = <Type extends string>(type: Type) => fc.constant(type);

const someAction: fc.Arbitrary<AccountAction> = fc.oneof(
	fc.record({
		...{ type: typed('create'), handleHash: someHash, identityEntry: someBytes(0, 40) },
		...{ material: someMaterial, policy: somePolicy }
	}),
	fc.record({ type: typed('password'), password: somePassword }),
	fc.record({ type: typed('kit'), kit: someKit }),
	fc.record({ type: typed('keyslot_add'), passkey: somePasskey }),
	fc.record({ type: typed('keyslot_remove'), slot: someBytes(16) }),
	fc.record({
		...{ type: typed('identity'), identityEntry: someBytes(0, 40), material: someMaterial },
		previousRoot: someBytes(41, 256)
	}),
	fc.record({ type: typed('recovery'), material: someMaterial }),
	fc.record({
		type: typed('factor_add'),
		factor: fc.record({
			...{ factor: someId<FactorId>(), kind: fc.constantFrom(...factorKinds), hash: someHash }
		})
	}),
	fc.record({ type: typed('factor_remove'), factor: someId<FactorId>() }),
	fc.record({ type: typed('policy'), policy: somePolicy }),
	fc.record({ type: typed('device_remove'), device: someId<DeviceId>() }),
	fc.constant({ type: 'delete' as const })
);

export const someAccountWrite: fc.Arbitrary<AccountWrite> = fc
	.record({
		account: someId<AccountId>(),
		n: fc.maxSafeNat().map((n) => Math.max(n, 2)),
		previous: someHash,
		device: someId<DeviceId>(),
		timeMs: fc.maxSafeNat(),
		action: someAction
	})
	.map((write) => (write.action.type === 'create' ? { ...write, n: 1 } : write));
