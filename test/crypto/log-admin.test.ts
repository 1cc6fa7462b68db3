import { describe, expect, test } from 'vitest';
import { encodeIdentityBody, encodeIdentityEntry } from '../../protocol/identity.ts';
import { idFromBytes, type AccountId } from '../../protocol/ids.ts';
import {
	ada,
	adding,
	aud,
	bob,
	eve,
	hashOf,
	leftBy,
	openingOwed,
	removing,
	setting,
	settings,
	vic,
	world,
	writing,
	zoe
} from './log-fixture.ts';

/** Links by the dozen, under the keys of one: their signatures are the caller's to verify. */
const links = (length: number) =>
	Array.from({ length }, (_, index) => {
		const account = idFromBytes<AccountId>(hashOf(index + 1).subarray(0, 16));
		const body = { ...zoe.renewed.entry.body, account };
		const entry = { ...zoe.renewed.entry, bodyBytes: encodeIdentityBody(body) };
		const identityEntry = encodeIdentityEntry(entry);
		return { account, role: 'viewer' as const, kind: 'link' as const, identityEntry };
	});

describe('what an admin commit leaves', () => {
	test('a space has 128 members and not one more', () => {
		const chain = world();
		expect(chain.judge(chain.change(ada, links(122))).ok).toBe(true);
		const one = chain.judge(chain.change(ada, links(123)));
		expect(one).toEqual({ ok: false, error: 'member_change_invalid' });
	});

	test('without an audit key nobody owes one', () => {
		const chain = world({});
		chain.take(chain.leaving(aud));
		expect(chain.state.auditOwed).toBe(false);
		chain.take(chain.leaving(bob));
		expect(chain.state.auditOwed).toBe(false);
		expect(chain.state.epochOwed).toBe(true);
	});

	test('who leaves owes the keys that they read, and no others', () => {
		const owed = [ada, eve, vic, aud].map((leaver) => {
			const { epochOwed, auditOwed, openEpoch } = leftBy(leaver).state;
			return [epochOwed, auditOwed, openEpoch];
		});
		expect(owed).toEqual([
			[true, true, 1],
			[true, false, 1],
			[true, false, 1],
			[false, true, 1]
		]);
	});

	test('an owner who steps down leaves both keys owed, though they made new ones', () => {
		const chain = world();
		chain.take(chain.change(bob, [setting(bob, 'auditor')]));
		expect(chain.state).toMatchObject({ openEpoch: 2, epochOwed: true, auditOwed: false });
		const other = world();
		other.take(other.change(bob, [setting(bob, 'viewer')]));
		expect(other.state).toMatchObject({ openEpoch: 1, epochOwed: false, auditOwed: true });
	});

	test('an opened epoch and a set audit key are owed no more', () => {
		const chain = leftBy(vic, aud);
		chain.take(openingOwed(chain));
		expect(chain.state).toMatchObject({ openEpoch: 2, epochOwed: false, auditOwed: true });
		chain.take(chain.change(bob, [], { audit: true }));
		expect(chain.state).toMatchObject({ epochOwed: false, auditOwed: false });
		expect(chain.state.audit?.number).toBe(2);
	});

	test('of two racing owners the first wins, and the other may ask again', () => {
		const chain = world();
		const byAda = chain.change(ada, [removing(bob)]);
		const byBob = chain.change(bob, [removing(ada)]);
		chain.take(byAda);
		expect(chain.judge(byBob)).toEqual({ ok: false, error: 'not_a_member' });
		const other = world();
		other.take(byBob);
		expect(other.judge(byAda)).toEqual({ ok: false, error: 'not_a_member' });
	});

	test('a replaced identity need not renew the one before: the owner who signs it vouches for it', () => {
		const chain = world();
		const forward = adding({ account: eve.account, identity: eve.renewed }, 'editor');
		chain.take(chain.change(ada, [forward]));
		chain.take(chain.change(ada, [adding(eve, 'editor')]));
		expect(chain.state.members.get(eve.account)?.identity.hash).toEqual(eve.identity.hash);
		const first = zoe.renewed.entry.body;
		const bodyBytes = encodeIdentityBody({ ...first, account: eve.account, n: 9 });
		const identityEntry = encodeIdentityEntry({ ...zoe.renewed.entry, bodyBytes });
		const unrelated = chain.judge(chain.change(ada, [{ ...adding(eve, 'editor'), identityEntry }]));
		expect(unrelated.ok && unrelated.value.proofs.map(({ publicKey }) => publicKey)).toEqual([
			ada.signing.publicKey,
			zoe.renewedSigning.publicKey
		]);
	});

	test('who leaves while an audit key is owed leaves it owed', () => {
		const chain = leftBy(aud);
		chain.take(chain.leaving(bob));
		expect(chain.state).toMatchObject({ epochOwed: true, auditOwed: true });
	});

	test('an editor may write while an audit key is owed: it is for owners to set', () => {
		expect(leftBy(aud).judge(writing(leftBy(aud))).ok).toBe(true);
	});

	test('settings stay until they are changed', () => {
		const chain = world();
		chain.take(chain.change(ada, [], { settings }));
		chain.take(chain.change(ada, [removing(vic)]));
		expect(chain.state.settings).toEqual(settings);
	});
});
