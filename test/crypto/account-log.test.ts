import { beforeAll, describe, expect, test } from 'vitest';
import {
	accountHead,
	compareHeads,
	identityInForce,
	knownHead,
	knownLog,
	replayAccountLog,
	standsOnLog,
	waysToUnlock,
	wireCodeOfAccountFault,
	type AccountFault,
	type AccountState
} from '../../crypto/account-log.ts';
import { encodeIdentityEntry } from '../../protocol/identity.ts';
import type {
	AccountAction,
	AccountWrite,
	SignedAccountWrite
} from '../../protocol/account-write.ts';
import { maxFactors, maxKeyslots } from '../../protocol/limits.ts';
import {
	AccountAuthor,
	createOf,
	deviceOf,
	factorOf,
	kitOf,
	makeAstray,
	makeIdentities,
	materialOf,
	openPolicy,
	passwordOf,
	renewalBy,
	slotFactsOf,
	type OwnKeys
} from './account-fixture.ts';
import { flipped, valueOf } from './vectors.ts';

let keys: readonly OwnKeys[];
let strangers: readonly OwnKeys[];
beforeAll(async () => {
	[keys, strangers] = await Promise.all([makeIdentities(1, 3), makeIdentities(40, 2)]);
});

const refused = (error: AccountFault) => ({ ok: false, error });
const passkey = (fill: number, generation = 1) => slotFactsOf('passkey', fill, generation);

/** An account after these actions, all of which count. */
async function after(...actions: readonly AccountAction[]): Promise<AccountAuthor> {
	const author = await AccountAuthor.create(keys);
	for (const action of actions) valueOf(await author.add(action));
	return author;
}

describe('a write', () => {
	test('counts at the next place, signed by the identity in force', async () => {
		const author = await after({ type: 'password', password: passwordOf(10) });
		expect(accountHead(author.current).n).toBe(2);
		expect(author.current.material.password).toEqual(passwordOf(10));
		expect(author.current.material.kit).toEqual(materialOf(1).kit);
	});

	test('counts at no other place, and once', async () => {
		const author = await after();
		const write = author.draft({ type: 'policy', policy: openPolicy });
		const elsewhere: readonly Partial<AccountWrite>[] = [
			{ n: 3 },
			{ previous: flipped(write.previous, 31) },
			{ previous: new Uint8Array(32) }
		];
		for (const place of elsewhere) {
			expect(await author.take(await author.sign({ ...write, ...place }))).toEqual(
				refused('not_next')
			);
		}
		const signed = await author.sign(write);
		expect((await author.take(signed)).ok).toBe(true);
		expect(await author.take(signed)).toEqual(refused('not_next'));
	});

	test('of another account does not count', async () => {
		const author = await after();
		const { account } = strangers[0]!.identity;
		const write = { ...author.draft({ type: 'delete' }), account };
		expect(await author.take(await author.sign(write))).toEqual(refused('wrong_account'));
	});

	test('signed by anybody else does not count', async () => {
		const author = await after();
		const write = author.draft({ type: 'delete' });
		for (const { signing } of [strangers[0]!, keys[1]!]) {
			expect(await author.take(await author.sign(write, signing))).toEqual(
				refused('signature_invalid')
			);
		}
	});

	test('does not count with any byte changed, in itself or its signature', async () => {
		const author = await after();
		const { write, signature } = await author.sign(author.draft({ type: 'delete' }));
		for (const index of write.keys()) {
			const taken = await author.branch().take({ write: flipped(write, index), signature });
			expect(taken.ok, `byte ${index}`).toBe(false);
		}
		for (const index of signature.keys()) {
			const taken = await author.branch().take({ write, signature: flipped(signature, index) });
			expect(taken.ok, `byte ${index} of the signature`).toBe(false);
		}
	});

	test('has an answer on the wire for each reason not to count', () => {
		const codes = (['not_next', 'too_few_ways', 'account_deleted'] as const).map(
			wireCodeOfAccountFault
		);
		expect(codes).toEqual(['stale_count', 'forbidden', 'not_found']);
	});
});

describe('the first write', () => {
	const firstBy = (action: AccountAction) => new AccountAuthor(keys).add(action);

	test('creates the account that its identity is the first of', async () => {
		const { current } = await after();
		expect(current.account).toBe(keys[0]!.identity.account);
		expect(identityInForce(current).hash).toEqual(keys[0]!.identity.hash);
	});

	test('creates no account under another id', async () => {
		expect(await firstBy(createOf(strangers[0]!))).toEqual(refused('wrong_account'));
	});

	test('does not begin with a renewed identity, or one that is none', async () => {
		expect(await firstBy(createOf(keys[1]!))).toEqual(refused('identity_wrong'));
		const { bytes } = keys[0]!.identity;
		const cut = { ...keys[0]!, identity: { ...keys[0]!.identity, bytes: bytes.subarray(1) } };
		expect(await firstBy(createOf(cut))).toEqual(refused('identity_wrong'));
	});

	test('needs the identity’s signature over itself as well', async () => {
		const { identity, signing } = keys[0]!;
		const bytes = encodeIdentityEntry({
			...identity.entry,
			signature: flipped(identity.entry.signature, 40)
		});
		const forged = { signing, identity: { ...identity, bytes } };
		expect(await firstBy(createOf(forged))).toEqual(refused('signature_invalid'));
	});

	test('asks for no second step, since there is none yet', async () => {
		const action = createOf(keys[0]!) as AccountAction & { type: 'create' };
		const policy = { ...openPolicy, suffices: ['totp'] as const };
		expect(await firstBy({ ...action, policy })).toEqual(refused('factor_missing'));
	});

	test('is the only one that creates', async () => {
		const author = await after();
		const write = { ...author.draft(createOf(keys[0]!)), n: 1 };
		expect(await author.take(await author.sign(write))).toEqual(refused('not_next'));
	});
});

describe('keyslots', () => {
	test('are added and removed, each slot once', async () => {
		const author = await after(
			{ type: 'kit', kit: kitOf(2, true) },
			{ type: 'keyslot_add', passkey: passkey(20) }
		);
		expect(await author.add({ type: 'keyslot_add', passkey: passkey(20) })).toEqual(
			refused('keyslot_wrong')
		);
		const { slot } = passkey(20);
		const removed = valueOf(await author.add({ type: 'keyslot_remove', slot }));
		expect(removed.material.passkeys).toEqual([]);
		expect(await author.add({ type: 'keyslot_remove', slot })).toEqual(refused('keyslot_wrong'));
	});

	test('of password and code are replaced, and never removed', async () => {
		const author = await after(
			{ type: 'keyslot_add', passkey: passkey(20) },
			{ type: 'kit', kit: kitOf(2, true) }
		);
		for (const { slot } of [materialOf(1).password, materialOf(1).kit]) {
			expect(await author.add({ type: 'keyslot_remove', slot })).toEqual(refused('keyslot_wrong'));
		}
	});

	test('never share a slot', async () => {
		const author = await after();
		const { password, kit } = materialOf(1);
		const asKit = { ...passwordOf(10), slot: kit.slot };
		expect(await author.add({ type: 'password', password: asKit })).toEqual(
			refused('keyslot_wrong')
		);
		const asPassword = { ...kitOf(10, true), slot: password.slot };
		expect(await author.add({ type: 'kit', kit: asPassword })).toEqual(refused('keyslot_wrong'));
	});

	test('are at most as many as there may be', async () => {
		const author = await after();
		for (let count = 2; count < maxKeyslots; count++) {
			valueOf(await author.add({ type: 'keyslot_add', passkey: passkey(100 + count) }));
		}
		expect(await author.add({ type: 'keyslot_add', passkey: passkey(99) })).toEqual(
			refused('keyslot_wrong')
		);
	});
});

describe('ways of unlocking', () => {
	test('are counted without a code that nobody has confirmed', async () => {
		const author = await after();
		expect(waysToUnlock(author.current)).toBe(1);
		valueOf(await author.add({ type: 'kit', kit: kitOf(2, true) }));
		expect(waysToUnlock(author.current)).toBe(2);
		valueOf(await author.add({ type: 'keyslot_add', passkey: passkey(20) }));
		expect(waysToUnlock(author.current)).toBe(3);
	});

	test('WAN-05: do not fall to one again, whatever the write', async () => {
		const { slot } = passkey(20);
		const withPasskey = await after({ type: 'keyslot_add', passkey: passkey(20) });
		const withKit = await after({ type: 'kit', kit: kitOf(2, true) });
		const falls: readonly (readonly [AccountAuthor, AccountAction])[] = [
			[withPasskey, { type: 'keyslot_remove', slot }],
			[withPasskey, { type: 'recovery', material: materialOf(30) }],
			[withKit, { type: 'kit', kit: kitOf(30, false) }],
			[withKit, renewalBy(keys[1]!, materialOf(30, 2))]
		];
		for (const [author, action] of falls) {
			expect(await author.branch().add(action)).toEqual(refused('too_few_ways'));
		}
		const stays: readonly (readonly [AccountAuthor, AccountAction])[] = [
			[withPasskey, { type: 'recovery', material: materialOf(30, 1, true) }],
			[withKit, { type: 'kit', kit: kitOf(30, true) }],
			[withKit, renewalBy(keys[1]!, materialOf(30, 2, true))]
		];
		for (const [author, action] of stays) {
			expect((await author.branch().add(action)).ok).toBe(true);
		}
	});
});

describe('a recovery', () => {
	test('brings password, code and keyslots at once, to the same root', async () => {
		const author = await after();
		const material = { ...materialOf(30), passkeys: [passkey(40)] };
		const state = valueOf(await author.add({ type: 'recovery', material }));
		expect(state.material).toEqual(material);
		expect(state.identities.length).toBe(1);
	});

	test('does not keep the code that was used', async () => {
		const author = await after();
		const { authenticatorHash } = materialOf(1).kit;
		const material = materialOf(30);
		const kit = { ...material.kit, authenticatorHash };
		expect(await author.add({ type: 'recovery', material: { ...material, kit } })).toEqual(
			refused('keyslot_wrong')
		);
	});
});

describe('a renewed identity', () => {
	test('signs from then on, and the one before no more', async () => {
		const author = await after(renewalBy(keys[1]!, materialOf(30, 2)));
		expect(identityInForce(author.current).hash).toEqual(keys[1]!.identity.hash);
		const write = author.draft({ type: 'policy', policy: { ...openPolicy, sessionCap: 20 } });
		expect(await author.take(await author.sign(write, keys[0]!.signing))).toEqual(
			refused('signature_invalid')
		);
		expect((await author.take(await author.sign(write, keys[1]!.signing))).ok).toBe(true);
	});

	test('keeps no keyslot of the root before', async () => {
		const author = await after({ type: 'keyslot_add', passkey: passkey(20) });
		const material = { ...materialOf(30, 2, true), passkeys: [passkey(20)] };
		expect(await author.add(renewalBy(keys[1]!, material))).toEqual(refused('keyslot_wrong'));
	});

	test('is the one that directly renews the one in force', async () => {
		const author = await after();
		const material = materialOf(30, 2);
		const astray = await makeAstray(keys[0]!, 60);
		const wrong = [keys[0]!, keys[2]!, strangers[0]!, strangers[1]!, astray];
		for (const own of wrong) {
			expect(await author.branch().add(renewalBy(own, material))).toEqual(
				refused('identity_wrong')
			);
		}
	});

	test('is signed by the one before, by itself, and both signatures are good', async () => {
		const author = await after();
		const { identity, signing } = keys[1]!;
		const { entry } = identity;
		const previousSignature = flipped(entry.previousSignature!, 40);
		const forged = [
			{ ...entry, previousSignature },
			{ ...entry, signature: flipped(entry.signature, 40) }
		].map((each) => ({ signing, identity: { ...identity, bytes: encodeIdentityEntry(each) } }));
		for (const own of forged) {
			expect(await author.branch().add(renewalBy(own, materialOf(30, 2)))).toEqual(
				refused('signature_invalid')
			);
		}
	});
});

describe('factors', () => {
	const policyOf = (...suffices: readonly ('totp' | 'webauthn' | 'backup_codes')[]) =>
		({ type: 'policy', policy: { ...openPolicy, suffices } }) as const;

	test('come and go, each id once, at most as many as there may be', async () => {
		const author = await after({ type: 'factor_add', factor: factorOf(50) });
		expect(await author.add({ type: 'factor_add', factor: factorOf(50, 'webauthn') })).toEqual(
			refused('factor_wrong')
		);
		expect(await author.add({ type: 'factor_remove', factor: factorOf(51).factor })).toEqual(
			refused('factor_wrong')
		);
		for (let count = 1; count < maxFactors; count++) {
			valueOf(await author.add({ type: 'factor_add', factor: factorOf(60 + count) }));
		}
		expect(await author.add({ type: 'factor_add', factor: factorOf(90) })).toEqual(
			refused('factor_wrong')
		);
	});

	test('that logins ask for are there, and stay', async () => {
		const key = factorOf(50, 'webauthn');
		const author = await after({ type: 'factor_add', factor: factorOf(51, 'totp') });
		expect(await author.add(policyOf('webauthn'))).toEqual(refused('factor_missing'));
		valueOf(await author.add({ type: 'factor_add', factor: key }));
		valueOf(await author.add(policyOf('webauthn')));
		expect(await author.add({ type: 'factor_remove', factor: key.factor })).toEqual(
			refused('factor_missing')
		);
		valueOf(await author.add(policyOf('totp', 'webauthn')));
		expect((await author.add({ type: 'factor_remove', factor: key.factor })).ok).toBe(true);
	});

	test('that are used up do not suffice alone', async () => {
		const author = await after({ type: 'factor_add', factor: factorOf(50, 'backup_codes') });
		expect(await author.add(policyOf('backup_codes'))).toEqual(refused('factor_missing'));
		valueOf(await author.add({ type: 'factor_add', factor: factorOf(51, 'totp') }));
		expect((await author.add(policyOf('totp', 'backup_codes'))).ok).toBe(true);
	});
});

test('a device that is removed is on the list once', async () => {
	const remove: AccountAction = { type: 'device_remove', device: deviceOf(3) };
	const { current } = await after(remove, remove);
	expect(current.removedDevices).toEqual([deviceOf(3)]);
});

test('nothing counts after a deletion', async () => {
	const author = await after({ type: 'delete' });
	expect(author.current.isDeleted).toBe(true);
	expect(await author.add({ type: 'delete' })).toEqual(refused('account_deleted'));
});

describe('replaying a log', () => {
	const actions: readonly AccountAction[] = [
		{ type: 'kit', kit: kitOf(2, true) },
		{ type: 'factor_add', factor: factorOf(50) }
	];

	test('leads to the state that the edge has, from the beginning or from what is known', async () => {
		const author = await after(...actions);
		valueOf(await author.add(renewalBy(keys[1]!, materialOf(30, 2, true))));
		valueOf(await author.add({ type: 'password', password: passwordOf(70, 2) }));
		expect(valueOf(await replayAccountLog(author.writes))).toEqual(author.current);
		for (const known of author.writes.keys()) {
			const from = valueOf(await replayAccountLog(author.writes.slice(0, known + 1)));
			const rest = author.writes.slice(known + 1);
			expect(valueOf(await replayAccountLog(rest, from))).toEqual(author.current);
		}
	});

	test('names the first write that does not count', async () => {
		const author = await after(...actions);
		type Three = [SignedAccountWrite, SignedAccountWrite, SignedAccountWrite];
		const [first, second, third] = author.writes as Three;
		const cases: readonly (readonly [SignedAccountWrite[], number, AccountFault])[] = [
			[[], 1, 'not_next'],
			[[second], 1, 'not_next'],
			[[first, third], 2, 'not_next'],
			[[first, first], 2, 'not_next'],
			[[first, third, second], 2, 'not_next'],
			[[first, { ...second, write: second.write.subarray(1) }], 2, 'malformed'],
			[[first, { ...second, signature: third.signature }, third], 2, 'signature_invalid']
		];
		for (const [writes, n, fault] of cases) {
			expect(await replayAccountLog(writes)).toEqual({ ok: false, error: { n, fault } });
		}
	});
});

describe('a log that was verified, beside one that is remembered', () => {
	const policy = (sessionCap: number): AccountAction => ({
		...{ type: 'policy', policy: { ...openPolicy, sessionCap } }
	});
	let base: AccountState;
	let here: AccountState;
	let further: AccountState;
	let other: AccountState;
	beforeAll(async () => {
		const author = await after();
		base = author.current;
		const branch = author.branch();
		here = valueOf(await author.add(policy(5)));
		further = valueOf(await author.add(policy(6)));
		other = valueOf(await branch.add(policy(7)));
	});

	test('is the same, newer, reverted or a fork', () => {
		expect(compareHeads(knownLog(here), knownLog(here))).toBe('same');
		expect(compareHeads(knownLog(here), knownLog(further))).toBe('newer');
		expect(compareHeads(knownLog(further), knownLog(here))).toBe('reverted');
		expect(compareHeads(knownLog(here), knownLog(base))).toBe('reverted');
		expect(compareHeads(knownLog(here), knownLog(other))).toBe('fork');
		expect(compareHeads(knownLog(further), knownLog(other))).toBe('fork');
		expect(compareHeads(knownLog(other), knownLog(further))).toBe('fork');
	});

	test('is a fork of a head alone where that head stands, and reverted before it', () => {
		expect(compareHeads(knownHead(accountHead(here)), knownLog(further))).toBe('newer');
		expect(compareHeads(knownHead(accountHead(other)), knownLog(further))).toBe('fork');
		expect(compareHeads(knownHead(accountHead(other)), knownLog(here))).toBe('fork');
		expect(compareHeads(knownHead(accountHead(further)), knownLog(other))).toBe('reverted');
	});

	test('has a write whose answer was lost, byte for byte', async () => {
		const author = await after();
		const signed = await author.sign(author.draft(policy(5)));
		expect(standsOnLog(author.current, signed)).toBe(false);
		valueOf(await author.take(signed));
		expect(standsOnLog(author.current, signed)).toBe(true);
		expect(standsOnLog(other, signed)).toBe(false);
		const { write, signature } = signed;
		expect(standsOnLog(author.current, { write, signature: flipped(signature, 0) })).toBe(false);
		expect(standsOnLog(author.current, { write: flipped(write, 0), signature })).toBe(false);
	});
});
