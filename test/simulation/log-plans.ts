// What people of a simulated space come to want: honest ones within their role, one who colludes with
// the edge whatever they like. Plans only; forming and signing are the world's.
import { adding, adminFor, removing, setting, type Chain } from '../crypto/log-fixture.ts';
import type { Person } from '../crypto/log-fixture.ts';
import type { LogState } from '../../crypto/log-state.ts';
import { equalBytes } from '../../protocol/bytes.ts';
import {
	roles,
	type Admin,
	type Commit,
	type MemberChange,
	type MemberKind,
	type PageHeader,
	type Role,
	type SpaceSettings
} from '../../protocol/commit.ts';
import type { Chance } from './chance.ts';

/** Everybody there is, and what each of them is whenever they join. */
export interface Crowd {
	readonly people: readonly Person[];
	readonly kindOf: (person: Person) => MemberKind;
}

export type Plan = Partial<Pick<Commit, 'admin' | 'pages' | 'supersedes' | 'purge'>>;

export const pageOf = (epoch: number, chance: Chance): PageHeader => ({
	epoch,
	lengthBytes: 168,
	hash: new Uint8Array(32).fill(chance.below(256)),
	expiresAtMs: null
});

/** A role that somebody of this kind may have. */
export const roleFor = (kind: MemberKind, chance: Chance): Role =>
	(kind === 'person' ? chance.of(roles) : chance.of(['editor', 'viewer'] as const)) ?? 'viewer';

const settingsOf = (linksAllowed: boolean): SpaceSettings => ({
	retentionDays: 30,
	defaultExpiryDays: null,
	linksAllowed
});

const ownersOf = (state: LogState): number =>
	[...state.members.values()].filter(({ role }) => role === 'owner').length;

/** What an honest member does now; null if there is nothing. */
export function honestPlan(
	chain: Chain,
	person: Person,
	crowd: Crowd,
	chance: Chance
): Plan | null {
	const { state } = chain;
	const member = state.members.get(person.account);
	if (member === undefined) return null;
	const isOwner = member.role === 'owner';
	if (member.kind === 'person' && chance.next() < 0.04) {
		const isLast = isOwner && ownersOf(state) < 2;
		return isLast ? null : { admin: chain.leaving(person).admin };
	}
	if (isOwner && chance.next() < 0.45) {
		const admin = honestAdmin(state, person, crowd, chance);
		return admin && { admin };
	}
	return isOwner || member.role === 'editor' ? writing(chain, isOwner, chance) : null;
}

/** A page, with the keys that are owed before it; sometimes it supersedes another. */
function writing(chain: Chain, isOwner: boolean, chance: Chance): Plan {
	const { state } = chain;
	const owesAudit = isOwner && state.auditOwed;
	const admin =
		state.epochOwed || owesAudit
			? adminFor(state, [], { epoch: state.epochOwed, audit: owesAudit })
			: null;
	const standing = chain.entries.flatMap(({ parsed }, index) =>
		parsed.pages.map((_, at) => ({ seq: index + 1, index: at }))
	);
	const old = chance.next() < 0.2 ? chance.of(standing) : undefined;
	const named = old === undefined ? [] : [old];
	const pages = [pageOf(admin?.epoch?.number ?? state.openEpoch, chance)];
	return { admin, pages, supersedes: named, purge: isOwner ? named : [] };
}

function honestAdmin(state: LogState, me: Person, crowd: Crowd, chance: Chance): Admin | null {
	const audit = state.auditOwed || chance.next() < 0.06 ? { audit: true } : {};
	const what = chance.next();
	if (what < 0.12) return adminFor(state, [], { ...audit, epoch: true });
	if (what < 0.24) {
		const linksAllowed = chance.next() < 0.5;
		const changes = linksAllowed ? [] : allLinks(state, crowd);
		return adminFor(state, changes, { ...audit, settings: settingsOf(linksAllowed) });
	}
	const changes = new Map<Person, MemberChange>();
	const wanted = chance.next() < 0.7 ? 1 : 3;
	for (let count = 0; count < wanted; count++) {
		const person = chance.of(crowd.people)!;
		const change = honestChange(state, person, crowd, chance);
		if (change !== null && (person !== me || change.role !== null)) changes.set(person, change);
	}
	const list = [...changes.values()];
	return list.length > 0 && leavesOwner(state, list) ? adminFor(state, list, audit) : null;
}

const allLinks = (state: LogState, { people }: Crowd): MemberChange[] =>
	people
		.filter(({ account }) => state.members.get(account)?.kind === 'link')
		.map((person) => removing(person, 'link'));

function honestChange(
	state: LogState,
	person: Person,
	{ kindOf }: Crowd,
	chance: Chance
): MemberChange | null {
	const member = state.members.get(person.account);
	const kind = member?.kind ?? kindOf(person);
	const role = roleFor(kind, chance);
	const what = chance.next();
	if (member === undefined) {
		if (kind === 'link' && state.settings?.linksAllowed === false) return null;
		const identity = what < 0.3 ? person.renewed : person.identity;
		return adding({ ...person, identity }, role, kind);
	}
	if (what < 0.25) {
		const isFirst = equalBytes(member.identity.hash, person.identity.hash);
		const identity = isFirst ? person.renewed : person.identity;
		return adding({ ...person, identity }, member.role, kind);
	}
	if (what < 0.5) return removing(person, kind);
	return role === member.role ? null : setting(person, role, kind);
}

function leavesOwner(state: LogState, changes: readonly MemberChange[]): boolean {
	const after = new Map([...state.members].map(([account, { role }]) => [account, role]));
	for (const { account, role } of changes) {
		if (role === null) after.delete(account);
		else after.set(account, role);
	}
	return [...after.values()].includes('owner');
}

/** Admin parts that the colluder signs: most are not theirs to sign, or leave something out. */
export function colludingAdmin(
	branch: Chain,
	names: { readonly me: Person; readonly named: Person; readonly victim: Person },
	crowd: Crowd,
	chance: Chance
): Admin | null {
	const { state } = branch;
	const { me, named, victim } = names;
	const wanted = { epoch: chance.next() < 0.5 };
	const kind = state.members.get(victim.account)?.kind ?? crowd.kindOf(victim);
	const audit = state.audit !== null;
	const changes: readonly (readonly MemberChange[])[] = [
		...[[setting(me, 'owner')], [adding(me, 'owner')], [removing(victim, kind)]],
		...[[removing(victim, 'link')], [setting(victim, 'owner', kind)]],
		...[[adding(victim, 'editor', 'link')], [adding(me, 'viewer', 'link')]],
		...[[adding({ ...victim, identity: victim.renewed }, 'editor', kind)]],
		...[[adding({ ...victim, identity: me.identity }, 'editor', kind)]],
		...[[removing(victim, kind), setting(me, 'auditor')]]
	];
	const admins = [
		null,
		branch.leaving(named).admin,
		...changes.map((list) => adminFor(state, list, wanted)),
		adminFor(state, [removing(named)], { epoch: true, audit }),
		adminFor(state, [setting(named, 'auditor')], { epoch: true, audit }),
		adminFor(state, [], { epoch: true }),
		adminFor(state, [], { audit: true }),
		adminFor(state, [], { settings: settingsOf(chance.next() < 0.5) }),
		adminFor(state, allLinks(state, crowd), { settings: settingsOf(false) })
	];
	return spoiled(chance.of(admins) ?? null, state, me, chance);
}

/** Sometimes with a key for oneself that nobody gave, or an epoch’s number used again. */
function spoiled(admin: Admin | null, state: LogState, me: Person, chance: Chance): Admin | null {
	let spoilt = admin;
	if (spoilt !== null && chance.next() < 0.2) {
		const extra = { kind: 'content' as const, number: state.openEpoch, recipient: me.account };
		spoilt = { ...spoilt, wraps: [...spoilt.wraps, { ...extra, hash: new Uint8Array(32) }] };
	}
	if (spoilt?.epoch && chance.next() < 0.2) {
		const number = Math.max(1, state.openEpoch - chance.below(2));
		spoilt = { ...spoilt, epoch: { ...spoilt.epoch, number } };
	}
	return spoilt;
}
