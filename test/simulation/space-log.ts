// The log of a space as it stands at the edge, read without the code that judges it: who had which
// role at which place, who was given which key, and whether anybody did or had more than that role
// allows.
import { createHash } from 'node:crypto';
import { parseCommit, type Admin, type Commit, type Role } from '../../protocol/commit.ts';
import type { AccountId, Seq } from '../../protocol/ids.ts';

/** Somebody under one identity: another one is somebody else to whoever wraps keys. */
type Person = `${AccountId} ${string}`;

export interface Standing {
	readonly seq: Seq;
	readonly commit: Commit;
	/** After it. */
	readonly roles: ReadonlyMap<AccountId, Role>;
	readonly persons: ReadonlyMap<AccountId, Person>;
}

const writes = (role: Role | undefined): boolean => role === 'owner' || role === 'editor';
export const reads = (role: Role | undefined): boolean => role !== undefined && role !== 'auditor';
const audits = (role: Role | undefined): boolean => role === 'owner' || role === 'auditor';

const nobody: Pick<Standing, 'roles' | 'persons'> = { roles: new Map(), persons: new Map() };

/** Goes on from what was read before: a log only grows. */
export class SeenLog {
	readonly #rowsAfter: (seq: Seq) => readonly Record<string, unknown>[];
	readonly #standings: Standing[] = [];

	constructor(rowsAfter: (seq: Seq) => readonly Record<string, unknown>[]) {
		this.#rowsAfter = rowsAfter;
	}

	get standings(): readonly Standing[] {
		for (const row of this.#rowsAfter(this.#standings.length)) {
			const commit = parseCommit(row['commit_bytes'] as Uint8Array);
			if (!commit.ok) throw new Error('the edge keeps a commit that can’t be read');
			const before = this.#standings.at(-1) ?? nobody;
			const after = standingAfter(before, commit.value.admin);
			this.#standings.push({ seq: Number(row['seq']), commit: commit.value, ...after });
		}
		return this.#standings;
	}
}

function standingAfter(
	before: Pick<Standing, 'roles' | 'persons'>,
	admin: Admin | null
): Pick<Standing, 'roles' | 'persons'> {
	if (admin === null || admin.members.length === 0) {
		return { roles: before.roles, persons: before.persons };
	}
	const roles = new Map(before.roles);
	const persons = new Map(before.persons);
	for (const { account, role, identityEntry } of admin.members) {
		if (role === null) roles.delete(account);
		else roles.set(account, role);
		if (identityEntry !== null) persons.set(account, personOf(account, identityEntry));
	}
	return { roles, persons };
}

export const personOf = (account: AccountId, identityEntry: Uint8Array): Person =>
	`${account} ${createHash('sha256').update(identityEntry).digest('hex')}`;

/** Entries that somebody had no right to. */
export function trespasses(log: readonly Standing[]): readonly string[] {
	return log.flatMap(({ seq, commit }, position) => {
		const before = log[position - 1]?.roles;
		if (before === undefined || mayStand(commit, before.get(commit.author))) return [];
		return [`entry ${String(seq)} is beyond its author’s role`];
	});
}

function mayStand(commit: Commit, role: Role | undefined): boolean {
	if (role === undefined) return false;
	const { admin, pages, supersedes, purge, author } = commit;
	const touchesPages = pages.length + supersedes.length + purge.length > 0;
	if (touchesPages && !writes(role)) return false;
	if (purge.length > 0 && role !== 'owner') return false;
	if (admin === null || role === 'owner') return true;
	const [only, ...others] = admin.members;
	const leaves = only?.account === author && only.role === null && others.length === 0;
	const isBare = admin.settings === null && admin.audit === null;
	// An editor brings the epoch that is owed, along with a page.
	const brings = only === undefined && role === 'editor' && pages.length > 0;
	return isBare && ((leaves && !touchesPages && admin.epoch === null) || brings);
}

/** Keys for people who are not to have them, and pages under keys that such people have. */
export function keyFaults(log: readonly Standing[]): readonly string[] {
	const holders = new Map<number, Set<Person>>();
	return log.flatMap(({ seq, commit, roles, persons }) => {
		const faults: string[] = [];
		const readers = new Set(
			[...persons].flatMap(([account, person]) => (reads(roles.get(account)) ? [person] : []))
		);
		for (const { kind, number, recipient } of commit.admin?.wraps ?? []) {
			const role = roles.get(recipient);
			const isDue = kind === 'content' ? reads(role) : audits(role);
			if (!isDue) faults.push(`entry ${String(seq)} gives ${recipient} a key, as ${String(role)}`);
			if (kind !== 'content') continue;
			const person = persons.get(recipient);
			const known = holders.get(number) ?? new Set();
			if (person !== undefined) holders.set(number, known.add(person));
		}
		for (const epoch of new Set(commit.pages.map((page) => page.epoch))) {
			const strangers = [...(holders.get(epoch) ?? [])].filter((person) => !readers.has(person));
			if (strangers.length === 0) continue;
			faults.push(`entry ${String(seq)} brings pages that ${strangers.join()} can read`);
		}
		return faults;
	});
}

/** Whether it was, or became, this account's to read what stands at this place. */
export const mayRead = (log: readonly Standing[], account: AccountId, seq: Seq): boolean =>
	log.some((standing) => standing.seq >= seq && reads(standing.roles.get(account)));
