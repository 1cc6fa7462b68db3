import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
	encodeAccountWrite,
	parseAccountWrite,
	type AccountAction
} from '../../protocol/account-write.ts';
import { factorKinds } from '../../protocol/factor-kind.ts';
import type { Cbor } from '../../protocol/cbor.ts';
import { maxAccountWriteBytes, maxKeyslots } from '../../protocol/limits.ts';
import {
	sampleActions,
	sampleMaterial,
	samplePolicy,
	someAccountWrite,
	writeOf
} from './account-samples.ts';
import { bytesFrom, edited, expectNoThrow, expectStrict } from './samples.ts';

const malformed = { ok: false, error: 'malformed' };
const bytesOf = (action: AccountAction): Uint8Array => encodeAccountWrite(writeOf(action));
const actionOf = (type: AccountAction['type']): AccountAction =>
	sampleActions.find((action) => action.type === type)!;

test('a write of each action is read back as it was written', () => {
	for (const action of sampleActions) {
		expect(parseAccountWrite(bytesOf(action))).toEqual({ ok: true, value: writeOf(action) });
	}
	fc.assert(
		fc.property(someAccountWrite, (write) => {
			expect(parseAccountWrite(encodeAccountWrite(write))).toEqual({ ok: true, value: write });
		})
	);
});

test.each(sampleActions.map((action) => [action.type, action] as const))(
	'a write of action %s has one encoding',
	(_, action) => {
		expectStrict(parseAccountWrite, encodeAccountWrite, bytesOf(action));
	}
);

test('a write is read or refused, never thrown at', () => {
	expectNoThrow(parseAccountWrite);
});

test('the longest write is within the limit', () => {
	const passkeys = Array.from({ length: maxKeyslots - 2 }, (_, index) => ({
		slot: bytesFrom(10 + index, 16),
		hash: bytesFrom(index, 32)
	}));
	const material = { ...sampleMaterial, passkeys };
	const policy = { suffices: factorKinds, sessionCap: 20, recoveryDelayDays: 30 };
	const action: AccountAction = {
		...{ type: 'create', handleHash: bytesFrom(1, 32), identityEntry: bytesFrom(1, 1_600) },
		...{ material, policy }
	};
	const write = encodeAccountWrite(writeOf(action));
	expect(write.length).toBeLessThan(maxAccountWriteBytes);
	expect(parseAccountWrite(write).ok).toBe(true);
});

/** The write of `type` with its form changed. */
const changed = (type: AccountAction['type'], edit: (write: Cbor[], body: Cbor[]) => void) =>
	edited(bytesOf(actionOf(type)), (write) => {
		edit(write, write[7] as Cbor[]);
	});
const policyWith = (policy: Partial<typeof samplePolicy>) =>
	bytesOf({ type: 'policy', policy: { ...samplePolicy, ...policy } });
const materialWith = (material: Partial<typeof sampleMaterial>) =>
	bytesOf({ type: 'recovery', material: { ...sampleMaterial, ...material } });

test.each<[string, Uint8Array]>([
	['another label', changed('delete', (write) => (write[0] = 'tacet/1 account'))],
	['an element too many', changed('delete', (write) => write.push(null))],
	['an account id of 15 bytes', changed('delete', (write) => (write[1] = bytesFrom(1, 15)))],
	['a device id of 17 bytes', changed('delete', (write) => (write[4] = bytesFrom(1, 17)))],
	['number 0', changed('delete', (write) => (write[2] = 0))],
	['a head before of 31 bytes', changed('delete', (write) => (write[3] = bytesFrom(1, 31)))],
	['a time before 1970', changed('delete', (write) => (write[5] = -1))],
	['an unknown action', changed('delete', (write) => (write[6] = 'undelete'))],
	['a body that is no array', changed('delete', (write) => (write[7] = null))],
	['a deletion with a body', changed('delete', (_, body) => body.push(0))],
	['a first write that creates nothing', changed('delete', (write) => (write[2] = 1))],
	['a creation at another place', changed('create', (write) => (write[2] = 2))],
	['a creation without policy', changed('create', (_, body) => body.pop())],
	['a creation with one element more', changed('create', (_, body) => body.push(0))],
	['a handle hash of 31 bytes', changed('create', (_, body) => (body[0] = bytesFrom(1, 31)))],
	['an identity entry that is text', changed('create', (_, body) => (body[1] = 'entry'))],
	['a renewal without keyslots', changed('identity', (_, body) => body.splice(1, 1))],
	['a renewal without the root before', changed('identity', (_, body) => body.pop())],
	[
		'a renewal with a record of 40 bytes',
		changed('identity', (_, body) => (body[2] = bytesFrom(1, 40)))
	],
	[
		'a renewal with a record of 257 bytes',
		changed('identity', (_, body) => (body[2] = bytesFrom(1, 257)))
	],
	['a record hash of 33 bytes', changed('password', (_, body) => (body[0] = bytesFrom(1, 33)))],
	['an account key that is neither', changed('password', (_, body) => (body[1] = 1))],
	['a slot of 15 bytes', changed('password', (_, body) => (body[2] = bytesFrom(1, 15)))],
	['a kit that is neither confirmed nor not', changed('kit', (_, body) => (body[3] = null))],
	['a code without authenticator', changed('kit', (_, body) => body.splice(2, 1))],
	['a passkey without hash', changed('keyslot_add', (_, body) => body.pop())],
	['two keyslots removed at once', changed('keyslot_remove', (_, body) => body.push(body[0]!))],
	['an unknown kind of factor', changed('factor_add', (_, body) => (body[1] = 'mail'))],
	['a factor with data', changed('factor_add', (_, body) => body.push(bytesFrom(1, 9)))],
	['no session at all', policyWith({ sessionCap: 0 })],
	['21 sessions', policyWith({ sessionCap: 21 })],
	['a recovery that waits for 31 days', policyWith({ recoveryDelayDays: 31 })],
	['kinds out of order', changed('policy', (_, body) => (body[0] = ['webauthn', 'totp']))],
	['a kind twice', changed('policy', (_, body) => (body[0] = ['totp', 'totp']))],
	[
		'a kit in the slot of the password',
		materialWith({ kit: { ...sampleMaterial.kit, slot: bytesFrom(1, 16) } })
	],
	[
		'two passkeys in one slot',
		materialWith({ passkeys: [sampleMaterial.passkeys[0]!, sampleMaterial.passkeys[0]!] })
	],
	[
		'more keyslots than there may be',
		materialWith({
			passkeys: Array.from({ length: maxKeyslots - 1 }, (_, index) => ({
				slot: bytesFrom(10 + index, 16),
				hash: bytesFrom(index, 32)
			}))
		})
	],
	[
		'a write beyond the limit',
		bytesOf({
			...actionOf('identity'),
			identityEntry: bytesFrom(1, maxAccountWriteBytes)
		} as AccountAction)
	]
])('%s is malformed', (_, bytes) => {
	expect(parseAccountWrite(bytes)).toEqual(malformed);
});
