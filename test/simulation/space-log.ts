// The log of a space as it stands at the edge, read without the code that judges it: who had which
// role at which place, and whether anybody did more than that role allows.
import { parseCommit, type Admin, type Commit, type Role } from '../../protocol/commit.ts';
import type { AccountId, Seq } from '../../protocol/ids.ts';

export interface Standing {
	readonly seq: Seq;
	readonly commit: Commit;
	/** After it. */
	readonly roles: ReadonlyMap<AccountId, Role>;
}

const writes = (role: Role | undefined): boolean => role === 'owner' || role === 'editor';
export const reads = (role: Role | undefined): boolean => role !== undefined && role !== 'auditor';

export function readLog(rows: readonly Record<string, unknown>[]): readonly Standing[] {
	let roles: ReadonlyMap<AccountId, Role> = new Map();
	return rows.map((row) => {
		const parsed = parseCommit(row['commit_bytes'] as Uint8Array);
		if (!parsed.ok) throw new Error('the edge keeps a commit that can’t be read');
		roles = rolesAfter(roles, parsed.value.admin);
		return { seq: Number(row['seq']), commit: parsed.value, roles };
	});
}

function rolesAfter(
	before: ReadonlyMap<AccountId, Role>,
	admin: Admin | null
): ReadonlyMap<AccountId, Role> {
	if (admin === null || admin.members.length === 0) return before;
	const after = new Map(before);
	for (const { account, role } of admin.members) {
		if (role === null) after.delete(account);
		else after.set(account, role);
	}
	return after;
}

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
	if (admin === null || role === 'owner') return true;
	const [only, ...others] = admin.members;
	const leaves = only?.account === author && only.role === null && others.length === 0;
	const isBare = admin.settings === null && admin.audit === null;
	// An editor brings the epoch that is owed, along with a page.
	const brings = only === undefined && role === 'editor' && pages.length > 0;
	return isBare && ((leaves && !touchesPages && admin.epoch === null) || brings);
}

/** Whether it was, or became, this account's to read what stands at this place. */
export const mayRead = (log: readonly Standing[], account: AccountId, seq: Seq): boolean =>
	log.some((standing) => standing.seq >= seq && reads(standing.roles.get(account)));
