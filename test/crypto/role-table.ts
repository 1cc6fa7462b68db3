// Who may do what to whom: every actor × action × target role, as data. The table in docs/protocol.md
// and the tests of the rules, of the edge and of the client are made from it. What it says is written
// down here by hand; nothing in it is asked of the rules.
import type { RuleFault } from '../../crypto/log-rules.ts';
import type { Commit, Role } from '../../protocol/commit.ts';
import { actors, cast, isMember, kindOf, roleOf, targets, type Actor } from './role-cast.ts';
import type { Stage, Start, Target } from './role-cast.ts';
import {
	adding,
	adminFor,
	bare,
	pageIn,
	removing,
	setting,
	settings,
	type Chain,
	type Person
} from './log-fixture.ts';

interface Act {
	readonly chain: Chain;
	readonly by: Person;
	readonly as: Actor;
}

export interface Row {
	readonly action: string;
	readonly start: Start;
	/** For whom the rules let it pass. */
	readonly allowed: readonly Actor[];
	/** Why not, where it is for another reason than the role. */
	readonly faults: Partial<Record<Actor, RuleFault>>;
	readonly form: (act: Act) => Commit;
}

export type Verdict = 'allowed' | RuleFault;

/** What the table says of one cell. */
export function verdictOf(row: Row, actor: Actor): Verdict {
	if (!isMember(actor, row.start)) return 'not_a_member';
	if (row.allowed.includes(actor)) return 'allowed';
	return row.faults[actor] ?? 'role_forbids';
}

/** The commit of one cell, unsigned. */
export const commitOf = (row: Row, actor: Actor, { chain }: Stage): Commit =>
	row.form({ chain, by: cast.actor[actor], as: actor });

const owner = ['owner'] as const;
const writers = ['owner', 'editor', 'link editor'] as const;
const editors = ['editor', 'link editor'] as const;
const persons = ['owner', 'editor', 'viewer', 'auditor'] as const;
const people = persons;
const links = ['link editor', 'link viewer'] as const;
const roles: readonly Role[] = persons;

const row = (
	action: string,
	allowed: readonly Actor[],
	form: Row['form'],
	more: { readonly start?: Start; readonly faults?: Row['faults'] } = {}
): Row => ({ action, allowed, form, start: more.start ?? 'quiet', faults: more.faults ?? {} });

const faultsOf = (who: readonly Actor[], fault: RuleFault): Row['faults'] =>
	Object.fromEntries(who.map((actor) => [actor, fault]));

const a = (what: string): string => (/^[aeo]/.test(what) ? `an ${what}` : `a ${what}`);
const write = ({ chain, by }: Act): Commit =>
	chain.draft(by, { pages: [pageIn(chain.state.openEpoch)] });
/** Opens an epoch in the commit that brings its first page. */
const openWithPage = ({ chain, by }: Act): Commit => {
	const admin = adminFor(chain.state, [], { epoch: true });
	return chain.draft(by, { admin, pages: [pageIn(admin.epoch!.number)] });
};
const oldest = { seq: 3, index: 0 };

const items: readonly Row[] = [
	row('write a page', writers, write),
	row('write a page, an epoch being owed', [], write, {
		start: 'an epoch owed',
		faults: faultsOf(writers, 'epoch_not_open')
	}),
	row('write a page, an audit key being owed', editors, write, {
		start: 'an audit key owed',
		faults: { owner: 'audit_key_missing' }
	}),
	row(
		'write a page under the epoch before',
		[],
		({ chain, by }) => chain.draft(by, { pages: [pageIn(1)] }),
		{ faults: faultsOf(writers, 'epoch_not_open') }
	),
	row('supersede a page of another', writers, ({ chain, by }) =>
		chain.draft(by, { supersedes: [oldest] })
	),
	row('purge a page', owner, ({ chain, by }) => chain.draft(by, { purge: [oldest] }))
];

const additions: readonly Row[] = [
	...roles.map((role) =>
		row(`add ${a(role)}`, owner, ({ chain, by }) => chain.change(by, [adding(cast.newcomer, role)]))
	),
	...roles.map((role) => {
		const allowed = role === 'viewer' || role === 'editor';
		return row(
			`add a link as ${role}`,
			allowed ? owner : [],
			({ chain, by }) => chain.change(by, [adding(cast.newcomer, role, 'link')]),
			{ faults: { owner: 'member_change_invalid' } }
		);
	}),
	row(
		'add a link, links not being allowed',
		[],
		({ chain, by }) => chain.change(by, [adding(cast.newcomer, 'viewer', 'link')]),
		{ start: 'links not allowed', faults: { owner: 'member_change_invalid' } }
	)
];

const removals: readonly Row[] = [
	...targets.map((target) =>
		row(`remove ${a(target)}`, owner, ({ chain, by }) =>
			chain.change(by, [removing(cast.target[target], kindOf(target))])
		)
	),
	...targets.map((target) =>
		row(
			`remove ${a(target)}, without the keys that it takes`,
			[],
			({ chain, by }) => {
				const members = [removing(cast.target[target], kindOf(target))];
				return chain.change(by, members, { epoch: false, audit: false });
			},
			{ faults: { owner: target === 'auditor' ? 'audit_key_missing' : 'epoch_missing' } }
		)
	),
	row('remove a stranger', [], ({ chain, by }) => chain.change(by, [removing(cast.newcomer)]), {
		faults: { owner: 'member_change_invalid' }
	})
];

const roleChange = (target: Target, role: Role): Row => {
	const possible = kindOf(target) === 'person' || role === 'viewer' || role === 'editor';
	return row(
		`make ${a(target)} ${a(role)}`,
		possible ? owner : [],
		({ chain, by }) => chain.change(by, [setting(cast.target[target], role, kindOf(target))]),
		{ faults: { owner: 'member_change_invalid' } }
	);
};
const roleChanges: readonly Row[] = [
	...targets.flatMap((target) =>
		roles.filter((role) => role !== roleOf(target)).map((role) => roleChange(target, role))
	),
	...(['editor', 'viewer', 'auditor'] as const).map((role) =>
		row(`make oneself ${a(role)}`, owner, (act) => ownRole(act, role))
	),
	row('make oneself an owner', [], (act) => ownRole(act, 'owner'), {
		faults: { owner: 'member_change_invalid' }
	}),
	row('make oneself an editor, as the last owner', [], (act) => ownRole(act, 'editor'), {
		start: 'no other owner',
		faults: { owner: 'no_owner_left' }
	})
];
/** Strangers would come in by it, and so bring their identity. */
function ownRole({ chain, by, as }: Act, role: Role): Commit {
	const stands = chain.state.members.has(by.account);
	return chain.change(by, [stands ? setting(by, role, kindOf(as)) : adding(by, role)]);
}

const renewed = ({ account, renewed: identity }: Person) => ({ account, identity });
const identities: readonly Row[] = [
	...targets.map((target) =>
		row(`replace the identity of ${a(target)}`, owner, ({ chain, by }) =>
			chain.change(by, [adding(renewed(cast.target[target]), roleOf(target), kindOf(target))])
		)
	),
	...targets.map((target) =>
		row(
			`replace the identity of ${a(target)}, without the keys that it takes`,
			[],
			({ chain, by }) => {
				const { [target]: person } = cast.target;
				const members = [adding(renewed(person), roleOf(target), kindOf(target))];
				return chain.change(by, members, { epoch: false, audit: false });
			},
			{ faults: { owner: target === 'auditor' ? 'audit_key_missing' : 'epoch_missing' } }
		)
	),
	row('replace one’s own identity', owner, ({ chain, by, as }) =>
		chain.change(by, [
			adding(renewed(by), chain.state.members.get(by.account)?.role ?? 'viewer', kindOf(as))
		])
	),
	row(
		'put another’s identity in a member’s place',
		[],
		({ chain, by }) => {
			const { account } = cast.target.editor;
			return chain.change(by, [adding({ account, identity: by.renewed }, 'editor')]);
		},
		{ faults: { owner: 'member_change_invalid' } }
	)
];

const keys: readonly Row[] = [
	row('open an epoch', owner, ({ chain, by }) => chain.change(by, [], { epoch: true })),
	row('open an epoch with a page', owner, openWithPage),
	row('open an owed epoch', owner, ({ chain, by }) => chain.change(by, [], { epoch: true }), {
		start: 'an epoch owed'
	}),
	row('open an owed epoch with a page', writers, openWithPage, { start: 'an epoch owed' }),
	row(
		'open an owed epoch with a page, and add a viewer',
		owner,
		({ chain, by }) => {
			const admin = adminFor(chain.state, [adding(cast.newcomer, 'viewer')], { epoch: true });
			return chain.draft(by, { admin, pages: [pageIn(admin.epoch!.number)] });
		},
		{ start: 'an epoch owed' }
	),
	row('set an audit key', owner, ({ chain, by }) => chain.change(by, [], { audit: true })),
	row('set an owed audit key', owner, ({ chain, by }) => chain.change(by, [], { audit: true }), {
		start: 'an audit key owed'
	}),
	row(
		'open an epoch, an audit key being owed',
		[],
		({ chain, by }) => chain.change(by, [], { epoch: true }),
		{ start: 'an audit key owed', faults: { owner: 'audit_key_missing' } }
	)
];

const linksOff = { ...settings, linksAllowed: false };
const allLinks = links.flatMap((who) =>
	[cast.actor[who], cast.target[who]].map((link) => removing(link, 'link'))
);
const settingChanges: readonly Row[] = [
	row('change the settings', owner, ({ chain, by }) => chain.change(by, [], { settings })),
	row('forbid links and remove them', owner, ({ chain, by }) =>
		chain.change(by, allLinks, { settings: linksOff })
	),
	row(
		'forbid links and leave them',
		[],
		({ chain, by }) => chain.change(by, [], { settings: linksOff }),
		{ faults: { owner: 'member_change_invalid' } }
	),
	row('allow links again', owner, ({ chain, by }) => chain.change(by, [], { settings }), {
		start: 'links not allowed'
	})
];

/** One leaves alone in a commit: the rest of it belongs to nobody who leaves. */
const leave = ({ chain, by, as }: Act): Commit =>
	chain.draft(by, { admin: { ...bare, members: [removing(by, kindOf(as))] } });
const departures: readonly Row[] = [
	row('leave', people, leave),
	row('leave, an epoch being owed', people, leave, { start: 'an epoch owed' }),
	row('leave, an audit key being owed', people, leave, { start: 'an audit key owed' }),
	row('leave, as the last owner', people.slice(1), leave, {
		start: 'no other owner',
		faults: { owner: 'no_owner_left' }
	}),
	row('leave with a page', [], (act) => ({ ...leave(act), pages: [pageIn(2)] })),
	row('leave and take a viewer along', [], ({ chain, by, as }) =>
		chain.change(by, [removing(by, kindOf(as)), removing(cast.target.viewer)])
	)
];

export const roleTable: readonly Row[] = [
	...[...items, ...additions, ...removals, ...roleChanges],
	...[...identities, ...keys, ...settingChanges, ...departures]
];

/** As docs/protocol.md shows it. Who is no member is refused everything, and has no column. */
export function markdownOf(table: readonly Row[]): string {
	const columns = actors.filter((actor) => actor !== 'removed' && actor !== 'stranger');
	const cells = table.map((each) => [each.action, ...columns.map((who) => cellOf(each, who))]);
	const head = ['action', ...columns];
	const widths = head.map((_, at) =>
		Math.max(...[head, ...cells].map((line) => (line[at] ?? '').length))
	);
	const lineOf = (line: readonly string[]): string =>
		`| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
	const rule = widths.map((width) => '-'.repeat(width));
	return [lineOf(head), lineOf(rule), ...cells.map(lineOf)].join('\n');
}

function cellOf(each: Row, actor: Actor): string {
	const verdict = verdictOf(each, actor);
	if (verdict === 'allowed') return 'yes';
	return verdict === 'role_forbids' ? '–' : `\`${verdict}\``;
}
