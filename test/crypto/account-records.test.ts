import { beforeAll, describe, expect, test } from 'vitest';
import { judgeRecords, type AccountState } from '../../crypto/account-log.ts';
import type { AccountAction } from '../../protocol/account-write.ts';
import {
	AccountAuthor,
	keyslotOf,
	makeIdentities,
	materialOf,
	passwordOf,
	registrationRecordOf,
	renewalBy,
	slotFactsOf,
	type OwnKeys
} from './account-fixture.ts';
import { flipped, valueOf } from './vectors.ts';

let keys: readonly OwnKeys[];
beforeAll(async () => {
	keys = await makeIdentities(1, 2);
});

async function after(...actions: readonly AccountAction[]): Promise<AccountAuthor> {
	const author = await AccountAuthor.create(keys);
	for (const action of actions) valueOf(await author.add(action));
	return author;
}

describe('records beside the log', () => {
	const registrationRecord = registrationRecordOf(1);
	const [password, kit] = [keyslotOf('password', 1), keyslotOf('recovery', 2)];
	const known = { registrationRecord, keyslots: [password, kit] };
	const unknown = { ok: false, error: 'record_unknown' };

	test('are those that its writes name', async () => {
		const { current } = await after();
		expect(judgeRecords(current, known).ok).toBe(true);
		expect(judgeRecords(current, { registrationRecord: null, keyslots: [kit, password] }).ok).toBe(
			true
		);
		const withPasskey = await after({ type: 'keyslot_add', passkey: slotFactsOf('passkey', 20) });
		const keyslots = [...known.keyslots, keyslotOf('passkey', 20)];
		expect(judgeRecords(withPasskey.current, { ...known, keyslots }).ok).toBe(true);
	});

	test('of before a change of password are not', async () => {
		const { current } = await after({ type: 'password', password: passwordOf(10) });
		expect(judgeRecords(current, known)).toEqual(unknown);
		expect(judgeRecords(current, { ...known, registrationRecord: null })).toEqual(unknown);
		const keyslots = [keyslotOf('password', 10), kit];
		expect(judgeRecords(current, { registrationRecord, keyslots })).toEqual(unknown);
		const now = { registrationRecord: registrationRecordOf(10), keyslots };
		expect(judgeRecords(current, now).ok).toBe(true);
	});

	test('are all of them, each once, and none besides', async () => {
		const { current } = await after();
		const shown = (...keyslots: readonly Uint8Array[]) =>
			judgeRecords(current, { registrationRecord, keyslots });
		expect(shown(password)).toEqual({ ok: false, error: 'record_missing' });
		expect(shown(password, kit, password)).toEqual(unknown);
		expect(shown(password, password)).toEqual(unknown);
		expect(shown(password, kit, keyslotOf('passkey', 20))).toEqual(unknown);
		expect(shown(password, kit, keyslotOf('device', 1))).toEqual(unknown);
		expect(shown(password, flipped(kit, 50))).toEqual(unknown);
	});

	test('say of themselves what the log says: kind, slot, and which root is inside', async () => {
		const author = await AccountAuthor.create(keys);
		const { password: facts, kit: kitFacts } = materialOf(1);
		const swapped = { ...facts, slot: kitFacts.slot, hash: kitFacts.hash };
		const material = {
			...{ password: swapped, kit: { ...kitFacts, slot: facts.slot, hash: facts.hash } },
			passkeys: []
		};
		const odd: AccountState = { ...author.current, material };
		expect(judgeRecords(odd, known)).toEqual(unknown);
		const renewed = await after(renewalBy(keys[1]!, materialOf(1, 3)));
		const keyslots = [keyslotOf('password', 1, 3), keyslotOf('recovery', 2, 3)];
		expect(judgeRecords(renewed.current, { registrationRecord, keyslots })).toEqual(unknown);
	});
});
