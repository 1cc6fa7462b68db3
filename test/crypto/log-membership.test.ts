import { describe } from 'vitest';
import type { AdminFault } from '../../crypto/log-membership.ts';
import {
	ada,
	aud,
	bob,
	eve,
	lin,
	vic,
	zoe,
	adding,
	adminFor,
	bare,
	type Chain,
	hashOf,
	leftBy,
	nobody,
	openingOwed,
	pageIn,
	removing,
	setting,
	settings,
	testBreaches,
	withoutFirstWrap,
	world,
	writing,
	type Breach
} from './log-fixture.ts';

const linksOff = { ...settings, linksAllowed: false };

function withoutLinks(): Chain {
	const chain = world();
	return chain.take(chain.change(ada, [removing(lin, 'link')], { settings: linksOff }));
}

describe('rule 8 and the rights to it, each part alone', () => {
	const breaches: Record<Exclude<AdminFault, 'genesis_invalid'>, readonly Breach[]> = {
		role_forbids: [
			...[vic, aud].map(
				(reader): Breach => ({
					how: `a page by ${reader === vic ? 'a viewer' : 'an auditor'}`,
					broken: (chain) => chain.draft(reader, { pages: [pageIn(1)] }),
					kept: writing
				})
			),
			{
				how: 'a viewer who supersedes',
				broken: (chain) => chain.draft(vic, { supersedes: [{ seq: 3, index: 0 }] }),
				kept: (chain) => chain.draft(eve, { supersedes: [{ seq: 3, index: 0 }] })
			},
			{
				how: 'a purge by an editor',
				broken: (chain) => chain.draft(eve, { purge: [{ seq: 3, index: 0 }] }),
				kept: (chain) => chain.draft(bob, { purge: [{ seq: 3, index: 0 }] })
			},
			...[eve, vic, aud, lin].map(
				(member): Breach => ({
					how: `an epoch opened by somebody who is no owner, with none owed (${member.device.slice(0, 2)})`,
					broken: (chain) => chain.change(member, [], { epoch: true }),
					kept: (chain) => chain.change(bob, [], { epoch: true })
				})
			),
			...[eve, vic, aud, lin].map(
				(member): Breach => ({
					how: `a role raised by its own bearer (${member.device.slice(0, 2)})`,
					broken: (chain) =>
						chain.change(member, [setting(member, member === vic ? 'editor' : 'viewer')]),
					kept: (chain) => chain.change(bob, [setting(vic, 'editor')])
				})
			),
			{
				how: 'a link that leaves by itself',
				broken: (chain) => chain.leaving(lin),
				kept: (chain) => chain.leaving(vic)
			},
			{
				how: 'an editor who writes while leaving',
				broken: (chain) => ({ ...chain.leaving(eve), pages: [pageIn(1)] }),
				kept: (chain) => chain.leaving(eve)
			},
			{
				how: 'an editor who supersedes while leaving',
				broken: (chain) => ({ ...chain.leaving(eve), supersedes: [{ seq: 3, index: 0 }] }),
				kept: (chain) => chain.leaving(eve)
			},
			{
				how: 'an editor who leaves and takes another along',
				broken: (chain) =>
					chain.draft(eve, { admin: { ...bare, members: [removing(eve), removing(vic)] } }),
				kept: (chain) => chain.leaving(eve)
			},
			{
				how: 'a viewer who leaves and opens an epoch',
				broken: (chain) => chain.change(vic, [removing(vic)]),
				kept: (chain) => chain.leaving(vic)
			},
			{
				how: 'a viewer who leaves and changes the settings',
				broken: (chain) =>
					chain.draft(vic, { admin: { ...bare, members: [removing(vic)], settings } }),
				kept: (chain) => chain.leaving(vic)
			},
			{
				how: 'an owner who leaves and makes the key that shuts them out',
				broken: (chain) => chain.change(bob, [removing(bob)]),
				kept: (chain) => chain.leaving(bob)
			},
			{
				how: 'an owner who leaves with others',
				broken: (chain) => chain.change(bob, [removing(bob), removing(vic)]),
				kept: (chain) => chain.change(bob, [removing(vic)])
			},
			{
				how: 'an identity entry that comes with leaving',
				broken: (chain) => {
					const member = { ...removing(eve), identityEntry: eve.identity.bytes };
					return chain.draft(eve, { admin: { ...bare, members: [member] } });
				},
				kept: (chain) => chain.leaving(eve)
			},
			{
				how: 'a page’s author who opens an epoch that nobody owes',
				broken: (chain) => openingOwed(chain),
				kept: (chain) => openingOwed(chain, bob)
			},
			{
				how: 'a member who leaves and hands out a key',
				broken: (chain) => {
					const { admin, ...rest } = chain.leaving(eve);
					const wrap = { kind: 'content' as const, number: 1, recipient: zoe.account };
					return { ...rest, admin: { ...admin!, wraps: [{ ...wrap, hash: hashOf(9) }] } };
				},
				kept: (chain) => chain.leaving(eve)
			},
			{
				how: 'an owed epoch opened by a viewer',
				start: () => leftBy(eve),
				broken: (chain) => chain.change(vic, [], { epoch: true }),
				kept: (chain) => openingOwed(chain, lin)
			},
			{
				how: 'an owed epoch opened by an editor who brings no page',
				start: () => leftBy(vic),
				broken: (chain) => ({ ...openingOwed(chain), pages: [] }),
				kept: (chain) => openingOwed(chain)
			},
			{
				how: 'an owed epoch opened by an editor who adds a member',
				start: () => leftBy(vic),
				broken: (chain) => ({
					...openingOwed(chain),
					admin: adminFor(chain.state, [adding(zoe, 'viewer')], { epoch: true })
				}),
				kept: (chain) => openingOwed(chain)
			},
			{
				how: 'an owed epoch opened by an editor who changes the settings',
				start: () => leftBy(vic),
				broken: (chain) => ({
					...openingOwed(chain),
					admin: adminFor(chain.state, [], { epoch: true, settings })
				}),
				kept: (chain) => openingOwed(chain)
			},
			{
				how: 'an owed epoch opened by an editor who sets an audit key',
				start: () => leftBy(vic),
				broken: (chain) => ({
					...openingOwed(chain),
					admin: adminFor(chain.state, [], { epoch: true, audit: true })
				}),
				kept: (chain) => openingOwed(chain)
			}
		],
		admin_conflict: [
			{
				how: 'the slower of two owners',
				start: () => {
					const chain = world();
					return chain.take(chain.change(ada, [removing(vic)]));
				},
				broken: (chain) => ({
					...chain.change(bob, [setting(eve, 'viewer')], { epoch: true }),
					seen: { seq: 3, hash: chain.headAt(3)! }
				}),
				kept: (chain) => chain.change(bob, [setting(eve, 'viewer')], { epoch: true })
			},
			{
				how: 'a member who leaves without having seen the last admin commit',
				start: () => {
					const chain = world();
					return chain.take(chain.change(ada, [removing(vic)]));
				},
				broken: (chain) => ({ ...chain.leaving(eve), seen: { seq: 3, hash: chain.headAt(3)! } }),
				kept: (chain) => chain.leaving(eve)
			}
		],
		member_change_invalid: [
			{
				how: 'an account named twice',
				broken: (chain) => chain.change(ada, [setting(vic, 'editor'), setting(vic, 'auditor')]),
				kept: (chain) => chain.change(ada, [setting(vic, 'editor')])
			},
			{
				how: 'a removal of a stranger',
				broken: (chain) => chain.change(ada, [removing(zoe)]),
				kept: (chain) => chain.change(ada, [removing(vic)])
			},
			{
				how: 'a removal that brings an identity entry',
				broken: (chain) =>
					chain.change(ada, [{ ...removing(vic), identityEntry: vic.identity.bytes }], {
						epoch: true
					}),
				kept: (chain) => chain.change(ada, [removing(vic)])
			},
			{
				how: 'a new member without an identity entry',
				broken: (chain) => chain.change(ada, [setting(zoe, 'editor')]),
				kept: (chain) => chain.change(ada, [adding(zoe, 'editor')])
			},
			{
				how: 'a member under somebody else’s identity',
				broken: (chain) =>
					chain.change(ada, [adding({ account: zoe.account, identity: vic.identity }, 'editor')]),
				kept: (chain) => chain.change(ada, [adding(zoe, 'editor')])
			},
			{
				how: 'an identity entry that is none',
				broken: (chain) =>
					chain.change(ada, [{ ...adding(zoe, 'editor'), identityEntry: hashOf(1) }]),
				kept: (chain) => chain.change(ada, [adding(zoe, 'editor')])
			},
			{
				how: 'a change that changes nothing',
				broken: (chain) => chain.change(ada, [setting(eve, 'editor')]),
				kept: (chain) => chain.change(ada, [setting(eve, 'viewer')])
			},
			{
				how: 'the identity that is pinned already',
				broken: (chain) => chain.change(ada, [adding(eve, 'editor')]),
				kept: (chain) =>
					chain.change(ada, [adding({ account: eve.account, identity: eve.renewed }, 'editor')])
			},
			{
				how: 'a person who becomes a link',
				broken: (chain) => chain.change(ada, [setting(vic, 'editor', 'link')]),
				kept: (chain) => chain.change(ada, [setting(vic, 'editor')])
			},
			{
				how: 'a link made an owner',
				broken: (chain) => chain.change(ada, [setting(lin, 'owner', 'link')]),
				kept: (chain) => chain.change(ada, [setting(lin, 'viewer', 'link')])
			},
			{
				how: 'an app that joins as auditor',
				broken: (chain) => chain.change(ada, [adding(zoe, 'auditor', 'app')]),
				kept: (chain) => chain.change(ada, [adding(zoe, 'viewer', 'app')])
			},
			{
				how: 'a link removed as if it were a person',
				broken: (chain) => chain.change(ada, [removing(lin)]),
				kept: (chain) => chain.change(ada, [removing(lin, 'link')])
			},
			{
				how: 'a person who leaves as if they were an app',
				broken: (chain) =>
					chain.draft(eve, { admin: { ...bare, members: [removing(eve, 'app')] } }),
				kept: (chain) => chain.leaving(eve)
			},
			{
				how: 'a link added where links are not allowed',
				start: withoutLinks,
				broken: (chain) => chain.change(ada, [adding(zoe, 'viewer', 'link')]),
				kept: (chain) => chain.change(ada, [adding(zoe, 'viewer', 'app')])
			},
			{
				how: 'a link added by the commit that forbids links',
				start: withoutLinks,
				broken: (chain) =>
					chain.change(ada, [adding(zoe, 'viewer', 'link')], { settings: linksOff }),
				kept: (chain) => chain.change(ada, [adding(zoe, 'viewer', 'link')], { settings })
			},
			{
				how: 'links forbidden while one is there',
				broken: (chain) => chain.change(ada, [], { settings: linksOff }),
				kept: (chain) => chain.change(ada, [removing(lin, 'link')], { settings: linksOff })
			},
			{
				how: 'links forbidden while one is made a viewer',
				broken: (chain) =>
					chain.change(ada, [setting(lin, 'viewer', 'link')], { settings: linksOff }),
				kept: (chain) => chain.change(ada, [setting(lin, 'viewer', 'link')], { settings })
			}
		],
		no_owner_left: [
			{
				how: 'the last owner who leaves',
				start: () => {
					const chain = world();
					return chain.take(chain.change(ada, [removing(bob)]));
				},
				broken: (chain) => chain.leaving(ada),
				kept: (chain) => chain.leaving(eve)
			},
			{
				how: 'all owners demoted at once',
				broken: (chain) => chain.change(ada, [setting(ada, 'editor'), setting(bob, 'editor')]),
				kept: (chain) => chain.change(ada, [setting(bob, 'editor')])
			}
		],
		epoch_missing: [
			...[
				{ how: 'a reader removed', change: removing(vic) },
				{ how: 'an editor made auditor', change: setting(eve, 'auditor') },
				{
					how: 'an identity replaced',
					change: adding({ account: eve.account, identity: eve.renewed }, 'editor')
				}
			].map(
				({ how, change }): Breach => ({
					how: `${how} without a new epoch`,
					broken: (chain) => chain.change(ada, [change], { epoch: false }),
					kept: (chain) => chain.change(ada, [change])
				})
			),
			{
				how: 'a space that begins without an epoch',
				start: nobody,
				broken: (chain) => ({
					...chain.firstCommit(),
					admin: { ...chain.firstCommit().admin!, epoch: null, wraps: [] }
				}),
				kept: (chain) => chain.firstCommit()
			}
		],
		epoch_number_wrong: [
			...[1, 3].map(
				(number): Breach => ({
					how: `epoch ${number} opened after epoch 1`,
					broken: (chain) => {
						const { admin, ...rest } = chain.change(ada, [], { epoch: true });
						return { ...rest, admin: { ...admin!, epoch: { ...admin!.epoch!, number } } };
					},
					kept: (chain) => chain.change(ada, [], { epoch: true })
				})
			),
			{
				how: 'a first epoch with an epoch before',
				start: nobody,
				broken: (chain) => {
					const { admin, ...rest } = chain.firstCommit();
					const epoch = { ...admin!.epoch!, previousHash: hashOf(8) };
					return { ...rest, admin: { ...admin!, epoch } };
				},
				kept: (chain) => chain.firstCommit()
			}
		],
		audit_key_missing: [
			{
				how: 'an auditor removed without a new audit key',
				broken: (chain) => chain.change(ada, [removing(aud)], { audit: false }),
				kept: (chain) => chain.change(ada, [removing(aud)])
			},
			{
				how: 'an owner demoted without a new audit key',
				broken: (chain) => chain.change(ada, [setting(bob, 'editor')], { audit: false }),
				kept: (chain) => chain.change(ada, [setting(bob, 'editor')])
			},
			{
				how: 'an owner’s pages while an audit key is owed',
				start: () => leftBy(aud),
				broken: (chain) => chain.draft(ada, { pages: [pageIn(1)] }),
				kept: (chain) => ({ ...chain.change(ada, [], { audit: true }), pages: [pageIn(1)] })
			},
			{
				how: 'an owner’s admin commit while an audit key is owed',
				start: () => leftBy(aud),
				broken: (chain) => chain.change(ada, [], { epoch: true }),
				kept: (chain) => chain.change(ada, [], { epoch: true, audit: true })
			}
		],
		audit_number_wrong: [
			{
				how: 'an audit key that skips a number',
				broken: (chain) => {
					const { admin, ...rest } = chain.change(ada, [], { audit: true });
					return { ...rest, admin: { ...admin!, audit: { ...admin!.audit!, number: 3 } } };
				},
				kept: (chain) => chain.change(ada, [], { audit: true })
			}
		],
		wraps_wrong: [
			{
				how: 'a stranger in a reader’s place',
				broken: (chain) => {
					const { admin, ...rest } = chain.change(ada, [], { epoch: true });
					const [first, ...others] = admin!.wraps;
					const wraps = [{ ...first!, recipient: zoe.account }, ...others];
					return { ...rest, admin: { ...admin!, wraps } };
				},
				kept: (chain) => chain.change(ada, [], { epoch: true })
			},
			{
				how: 'a reader left out of a new epoch',
				broken: (chain) => withoutFirstWrap(chain.change(ada, [], { epoch: true })),
				kept: (chain) => chain.change(ada, [], { epoch: true })
			},
			{
				how: 'a new member without the open epoch’s key',
				broken: (chain) => withoutFirstWrap(chain.change(ada, [adding(zoe, 'viewer')])),
				kept: (chain) => chain.change(ada, [adding(zoe, 'viewer')])
			},
			{
				how: 'an auditor without the audit key',
				broken: (chain) => withoutFirstWrap(chain.change(ada, [adding(zoe, 'auditor')])),
				kept: (chain) => chain.change(ada, [adding(zoe, 'auditor')])
			},
			...(
				[
					['a stranger', zoe, 'content', 2],
					['an auditor', aud, 'content', 2],
					['the key before, in its reader’s hands already', eve, 'content', 1],
					['a viewer, of the audit key', vic, 'audit', 1],
					['an owner, once more', bob, 'content', 2]
				] as const
			).map(
				([how, { account }, kind, number]): Breach => ({
					how: `a wrap too many: for ${how}`,
					broken: (chain) => {
						const { admin, ...rest } = chain.change(ada, [], { epoch: true });
						const extra = { kind, number, recipient: account, hash: hashOf(9) };
						return { ...rest, admin: { ...admin!, wraps: [...admin!.wraps, extra] } };
					},
					kept: (chain) => chain.change(ada, [], { epoch: true })
				})
			),
			{
				how: 'a reader named twice in another’s place',
				broken: (chain) => {
					const { admin, ...rest } = chain.change(ada, [], { epoch: true });
					const [first, , ...others] = admin!.wraps;
					return { ...rest, admin: { ...admin!, wraps: [first!, first!, ...others] } };
				},
				kept: (chain) => chain.change(ada, [], { epoch: true })
			},
			{
				how: 'a replaced identity without the audit key that its old one had',
				broken: (chain) => {
					const next = adding({ account: bob.account, identity: bob.renewed }, 'owner');
					const { admin, ...rest } = chain.change(ada, [next]);
					const wraps = admin!.wraps.filter(
						(wrap) => wrap.kind !== 'audit' || wrap.recipient !== bob.account
					);
					return { ...rest, admin: { ...admin!, wraps } };
				},
				kept: (chain) =>
					chain.change(ada, [adding({ account: bob.account, identity: bob.renewed }, 'owner')])
			}
		]
	};
	testBreaches(breaches);
});
