import { describe, expect, test } from 'vitest';
import type { AdminFault } from '../../crypto/log-membership.ts';
import { wireCodeOf, type RuleFault } from '../../crypto/log-rules.ts';
import { encodeGenesis } from '../../protocol/commit.ts';
import { wireErrors } from '../../protocol/errors.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import {
	ada,
	bob,
	eve,
	lin,
	vic,
	zoe,
	adding,
	adminFor,
	Chain,
	hashOf,
	leftBy,
	nobody,
	openingOwed,
	pageIn,
	removing,
	setting,
	testBreaches,
	world,
	writing,
	type Breach
} from './log-fixture.ts';

/** Faults of the form, and of signatures, are not `judge`'s to find; they are tested below. */
type Judged = Exclude<RuleFault, 'malformed' | 'too_large' | 'signature_invalid' | AdminFault>;

const breaches: Record<Judged | 'genesis_invalid', readonly Breach[]> = {
	wrong_space: [
		{
			how: 'a good commit of another space',
			broken: (chain) => writing(chain, { space: '5'.repeat(32) as SpaceId }),
			kept: writing
		}
	],
	genesis_invalid: [
		{
			how: 'a first entry without the genesis body',
			start: nobody,
			broken: (chain) => ({ ...chain.firstCommit(), genesis: null }),
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'a genesis body of another space',
			start: nobody,
			broken: (chain) => {
				const random = hashOf(4);
				const other = { creator: ada.account, creatorIdentity: ada.identity.hash, random };
				return { ...chain.firstCommit(), genesis: encodeGenesis(other) };
			},
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'a genesis body that is none, though the space is named by its hash',
			start: () => new Chain(ada, hashOf(1)),
			broken: (chain) => chain.firstCommit(),
			kept: () => writing(world())
		},
		{
			how: 'somebody else beginning the space in its creator’s stead',
			start: nobody,
			broken: (chain) => ({ ...chain.firstCommit(), author: zoe.account }),
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'somebody else who begins the space for themselves',
			start: nobody,
			broken: (chain) => {
				const admin = adminFor(chain.state, [adding(zoe, 'owner')]);
				return chain.draft(zoe, { genesis: chain.genesis, admin });
			},
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'the creator under an identity that the genesis body does not name',
			start: nobody,
			broken: (chain) => {
				const next = { account: ada.account, identity: ada.renewed };
				const admin = adminFor(chain.state, [adding(next, 'owner')]);
				return { ...chain.firstCommit(), identity: ada.renewed.hash, admin };
			},
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'a creator whose identity is not the one in the genesis body',
			start: nobody,
			broken: (chain) => ({ ...chain.firstCommit(), identity: ada.renewed.hash }),
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'a creator who brings another identity entry than the genesis body names',
			start: nobody,
			broken: (chain) => {
				const admin = adminFor(chain.state, [
					adding({ account: ada.account, identity: ada.renewed }, 'owner')
				]);
				return { ...chain.firstCommit(), admin };
			},
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'a first entry with a second member',
			start: nobody,
			broken: (chain) => ({
				...chain.firstCommit(),
				admin: adminFor(chain.state, [adding(ada, 'owner'), adding(zoe, 'editor')])
			}),
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'a first entry that names no member',
			start: nobody,
			broken: (chain) => ({ ...chain.firstCommit(), admin: null, pages: [pageIn(1)] }),
			kept: (chain) => ({ ...chain.firstCommit(), pages: [pageIn(1)] })
		},
		{
			how: 'a creator who is no owner',
			start: nobody,
			broken: (chain) => ({
				...chain.firstCommit(),
				admin: adminFor(chain.state, [adding(ada, 'editor')])
			}),
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'a creator who is a link',
			start: nobody,
			broken: (chain) => ({
				...chain.firstCommit(),
				admin: adminFor(chain.state, [adding(ada, 'owner', 'link')])
			}),
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'a creator who names somebody else as the owner',
			start: nobody,
			broken: (chain) => ({
				...chain.firstCommit(),
				admin: adminFor(chain.state, [adding(zoe, 'owner')])
			}),
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'a genesis body in a later entry',
			broken: (chain) => writing(chain, { genesis: chain.genesis }),
			kept: writing
		}
	],
	not_a_member: [
		{
			how: 'a page by somebody who never joined',
			broken: (chain) => chain.draft(zoe, { pages: [pageIn(1)] }),
			kept: writing
		},
		{
			how: 'a page by an editor after their removal, whatever time it claims',
			start: () => {
				const chain = world();
				return chain.take(chain.change(ada, [removing(eve)]));
			},
			broken: (chain) => writing(chain, { timeMs: 1 }),
			kept: (chain) => chain.draft(bob, { pages: [pageIn(2)] })
		},
		{
			how: 'a page by an editor who signed it before their removal was placed',
			start: () => {
				const chain = world();
				return chain.take(chain.change(ada, [removing(eve)]));
			},
			broken: (chain) => writing(chain, { seen: { seq: 3, hash: chain.headAt(3)! } }),
			kept: (chain) =>
				chain.draft(bob, { pages: [pageIn(2)], seen: { seq: 3, hash: chain.headAt(3)! } })
		}
	],
	identity_mismatch: [
		{
			how: 'a commit under an identity that nobody pinned',
			broken: (chain) => chain.draft(eve, { pages: [pageIn(1)], identity: eve.renewed }),
			kept: writing
		},
		{
			how: 'a commit under an identity that was replaced',
			start: () => {
				const chain = world();
				const next = adding({ account: eve.account, identity: eve.renewed }, 'editor');
				return chain.take(chain.change(ada, [next]));
			},
			broken: (chain) => chain.draft(eve, { pages: [pageIn(2)] }),
			kept: (chain) => chain.draft(eve, { pages: [pageIn(2)], identity: eve.renewed })
		}
	],
	count_wrong: [
		{
			how: 'a count that stands already',
			broken: (chain) => writing(chain, { count: 1 }),
			kept: (chain) => writing(chain, { count: 2 })
		},
		{
			how: 'a count that leaves one out',
			broken: (chain) => writing(chain, { count: 3 }),
			kept: (chain) => writing(chain, { count: 2 })
		},
		{
			how: 'a new device that does not begin with 1',
			broken: (chain) => ({ ...writing(chain), device: eve.phone, count: 2 }),
			kept: (chain) => ({ ...writing(chain), device: eve.phone, count: 1 })
		},
		{
			how: 'a member who returns and begins again',
			start: () => {
				const chain = world();
				chain.take(chain.change(ada, [removing(eve)]));
				return chain.take(chain.change(ada, [adding(eve, 'editor')]));
			},
			broken: (chain) => writing(chain, { count: 1 }),
			kept: (chain) => writing(chain, { count: 2 })
		},
		{
			how: 'a first entry that is not the first of its device',
			start: nobody,
			broken: (chain) => ({ ...chain.firstCommit(), count: 2 }),
			kept: (chain) => chain.firstCommit()
		}
	],
	seen_unknown: [
		{
			how: 'a head of another branch',
			broken: (chain) => writing(chain, { seen: { seq: 3, hash: hashOf(1) } }),
			kept: (chain) => writing(chain, { seen: { seq: 2, hash: chain.headAt(2)! } })
		},
		{
			how: 'the head of another position',
			broken: (chain) => writing(chain, { seen: { seq: 2, hash: chain.headAt(3)! } }),
			kept: (chain) => writing(chain, { seen: { seq: 3, hash: chain.headAt(3)! } })
		},
		{
			how: 'a head that lies ahead',
			broken: (chain) => writing(chain, { seen: { seq: 4, hash: chain.headAt(3)! } }),
			kept: writing
		},
		{
			how: 'a first entry that saw another genesis',
			start: nobody,
			broken: (chain) => ({ ...chain.firstCommit(), seen: { seq: 0, hash: hashOf(0) } }),
			kept: (chain) => chain.firstCommit()
		},
		{
			how: 'another genesis, seen by a later entry',
			broken: (chain) => writing(chain, { seen: { seq: 0, hash: hashOf(0) } }),
			kept: (chain) => writing(chain, { seen: { seq: 0, hash: chain.headAt(0)! } })
		}
	],
	epoch_not_open: [
		{
			how: 'a page under an epoch that is closed',
			start: () => {
				const chain = world();
				return chain.take(chain.change(ada, [removing(vic)]));
			},
			broken: (chain) => writing(chain, { pages: [pageIn(1)] }),
			kept: (chain) => writing(chain, { pages: [pageIn(2)] })
		},
		{
			how: 'a page under an epoch to come',
			broken: (chain) => writing(chain, { pages: [pageIn(1), pageIn(2)] }),
			kept: (chain) => writing(chain, { pages: [pageIn(1), pageIn(1)] })
		},
		{
			how: 'a page beside the opening of an epoch, but under the one before',
			broken: (chain) => ({ ...chain.change(ada, [], { epoch: true }), pages: [pageIn(1)] }),
			kept: (chain) => ({ ...chain.change(ada, [], { epoch: true }), pages: [pageIn(2)] })
		},
		{
			how: 'a page under the old epoch after a reader left',
			start: () => leftBy(vic),
			broken: writing,
			kept: (chain) => openingOwed(chain)
		},
		{
			how: 'a page beside an admin commit that leaves the owed epoch owed',
			start: () => leftBy(vic),
			broken: (chain) => ({ ...chain.change(ada, [adding(zoe, 'viewer')]), pages: [pageIn(1)] }),
			kept: (chain) => ({
				...chain.change(ada, [adding(zoe, 'viewer')], { epoch: true }),
				pages: [pageIn(2)]
			})
		},
		{
			how: 'a page under the key made by an owner who gave up reading',
			start: () => {
				const chain = world();
				return chain.take(chain.change(bob, [setting(bob, 'auditor')]));
			},
			broken: writing,
			kept: (chain) => openingOwed(chain)
		}
	],
	page_length_wrong: [
		...[40, 167, 169, 40 + 129].map(
			(lengthBytes): Breach => ({
				how: `a page of ${lengthBytes} bytes, which no padding gives`,
				broken: (chain) => writing(chain, { pages: [pageIn(1, { lengthBytes })] }),
				kept: (chain) => writing(chain, { pages: [pageIn(1, { lengthBytes: 40 + 128 })] })
			})
		)
	],
	page_expired: [
		{
			how: 'a page that expires when it is written',
			broken: (chain) => writing(chain, { pages: [pageIn(1, { expiresAtMs: 1_000 })] }),
			kept: (chain) => writing(chain, { pages: [pageIn(1, { expiresAtMs: 1_001 })] })
		}
	],
	page_unknown: [
		...(['supersedes', 'purge'] as const).flatMap((list) =>
			[
				{ seq: 3, index: 2 },
				{ seq: 2, index: 0 },
				{ seq: 4, index: 0 }
			].map(
				(page): Breach => ({
					how: `${list} of a page that is not there: ${page.seq}.${page.index}`,
					broken: (chain) => chain.draft(ada, { pages: [pageIn(1)], [list]: [page] }),
					kept: (chain) => chain.draft(ada, { pages: [pageIn(1)], [list]: [{ seq: 3, index: 1 }] })
				})
			)
		)
	]
};

describe('each rule alone', () => {
	testBreaches(breaches);

	test('every fault has an answer in the table of errors', () => {
		const faults = Object.keys(breaches);
		for (const fault of faults) {
			expect(Object.keys(wireErrors)).toContain(wireCodeOf(fault as RuleFault));
		}
	});

	test('an honest edit that was overtaken may be formed anew', () => {
		const overtaken: RuleFault[] = [
			...(['count_wrong', 'seen_unknown', 'epoch_not_open', 'epoch_number_wrong'] as const),
			...(['admin_conflict', 'audit_key_missing'] as const)
		];
		for (const fault of overtaken) {
			expect(wireErrors[wireCodeOf(fault)].retry).toBe('after_refetch');
		}
	});
});

describe('what a good entry does', () => {
	test('a history that holds more than the state has come to changes no verdict', () => {
		const ahead = world();
		ahead.take(writing(ahead)).take(writing(ahead));
		const behind = world();
		const commit = behind.draft(ada, { supersedes: [{ seq: 4, index: 0 }] });
		expect(ahead.judge({ ...commit, seen: { seq: 5, hash: ahead.headAt(5)! } }).ok).toBe(true);
		behind.headAt = (seq) => ahead.headAt(seq);
		behind.pageCountAt = (seq) => ahead.pageCountAt(seq);
		expect(behind.judge(commit)).toEqual({ ok: false, error: 'page_unknown' });
		const early = writing(behind, { seen: { seq: 4, hash: ahead.headAt(4)! } });
		expect(behind.judge(early)).toEqual({ ok: false, error: 'seen_unknown' });
	});

	test('superseding a page that is superseded already has no effect, and is allowed', () => {
		const chain = world();
		chain.take(chain.draft(eve, { supersedes: [{ seq: 3, index: 0 }] }));
		expect(chain.judge(chain.draft(lin, { supersedes: [{ seq: 3, index: 0 }] })).ok).toBe(true);
	});

	test('no identical bytes count twice: every entry replayed at every later place is refused', () => {
		const chain = world();
		chain.take(writing(chain)).take(chain.change(ada, [removing(eve)]));
		chain.take(chain.change(ada, [adding(eve, 'editor')])).take(writing(chain));
		for (const entry of chain.entries) {
			const again = chain.judge(entry.parsed);
			expect(again.ok).toBe(false);
		}
	});

	test('entries in another order are refused at the first that is not in its place', () => {
		const chain = world();
		const phone = { pages: [pageIn(1)], device: eve.phone };
		chain.take(writing(chain)).take(chain.draft(eve, phone)).take(writing(chain));
		const { entries } = chain;
		for (let first = 0; first < entries.length; first++) {
			for (let second = first + 1; second < entries.length; second++) {
				const order = [...entries];
				[order[first], order[second]] = [entries[second]!, entries[first]!];
				const other = new Chain(ada);
				const refusedAt = order.findIndex((entry) => !other.offer(entry).ok);
				expect(refusedAt).toBeGreaterThanOrEqual(first);
				expect(refusedAt).toBeLessThanOrEqual(second);
			}
		}
	});
});
