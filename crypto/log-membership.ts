// Rule 8: what a commit's admin part may change, and what it must bring along. Part of the rules of
// the log (log-rules.ts); the same file runs at the edge and at every client.
import type { Admin, Commit, MemberChange, SpaceSettings, WrapHeader } from '../protocol/commit.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { KeyKind } from '../protocol/labels.ts';
import { maxMembers } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { identityProof, readIdentity, type Identity } from './identity.ts';
import { readsAudit, readsContent, writesItems, type LogState, type Member } from './log-state.ts';
import type { Proof } from './signature.ts';

export type AdminFault =
	| 'genesis_invalid'
	| 'role_forbids'
	| 'admin_conflict'
	| 'member_change_invalid'
	| 'no_owner_left'
	| 'epoch_missing'
	| 'epoch_number_wrong'
	| 'audit_key_missing'
	| 'audit_number_wrong'
	| 'wraps_wrong';

export interface AdminOutcome {
	/** With the admin part applied; head, counts and last admin seq are the caller's. */
	readonly state: LogState;
	/** Self-signatures of the identities that the commit brings. */
	readonly proofs: readonly Proof[];
	/** The creator's identity at entry 1; else null. */
	readonly genesisIdentity: Identity | null;
}

type Members = ReadonlyMap<AccountId, Member>;

/** Rule 8, and the part of rule 7 that concerns admin changes. `author` is null at entry 1. */
export function applyAdmin(
	state: LogState,
	commit: Commit,
	author: Member | null
): Result<AdminOutcome, AdminFault> {
	const { admin } = commit;
	if (author === null) return applyGenesis(state, commit);
	if (admin === null) {
		if (author.role === 'owner' && state.auditOwed) return err('audit_key_missing');
		return ok({ state, proofs: [], genesisIdentity: null });
	}
	if (state.lastAdminSeq > commit.seen.seq) return err('admin_conflict');
	if (isSelfRemoval(commit, admin)) return removeSelf(state, admin, author);
	if (author.role !== 'owner' && !isOwedOpening(state, commit, author)) return err('role_forbids');
	if (author.role === 'owner' && state.auditOwed && admin.audit === null) {
		return err('audit_key_missing');
	}
	const changed = changeMembers(state.members, admin.members);
	if (!changed.ok) return changed;
	const { members, proofs } = changed.value;
	// Rule 7: one leaves alone in a commit, or they would make the key that shuts them out.
	if (!members.has(author.account)) return err('role_forbids');
	if (!linksMayStand(admin.settings ?? state.settings, members)) {
		return err('member_change_invalid');
	}
	const next = applyKeys(state, members, admin, author);
	return next.ok ? ok({ state: next.value, proofs, genesisIdentity: null }) : next;
}

/** Rule 3: the author is the only member, owner, and opens epoch 1. */
function applyGenesis(state: LogState, commit: Commit): Result<AdminOutcome, AdminFault> {
	const { admin, author, identity } = commit;
	const [creator, ...others] = admin?.members ?? [];
	if (admin === null || creator === undefined || others.length > 0) return err('genesis_invalid');
	if (creator.account !== author || creator.role !== 'owner' || creator.kind !== 'person') {
		return err('genesis_invalid');
	}
	const changed = changeMembers(state.members, admin.members);
	if (!changed.ok) return changed;
	const owner = changed.value.members.get(author);
	if (owner === undefined || !equalBytes(owner.identity.hash, identity)) {
		return err('genesis_invalid');
	}
	const next = applyKeys(state, changed.value.members, admin, null);
	if (!next.ok) return next;
	return ok({
		state: next.value,
		proofs: changed.value.proofs,
		genesisIdentity: owner.identity
	});
}

/** Anyone but links and apps may remove themselves, alone in a commit. */
function isSelfRemoval(commit: Commit, admin: Admin): boolean {
	const [change, ...others] = admin.members;
	const alone =
		others.length + commit.pages.length + commit.supersedes.length + commit.purge.length === 0;
	const keys = admin.epoch ?? admin.audit ?? admin.settings;
	return (
		alone &&
		keys === null &&
		admin.wraps.length === 0 &&
		change?.account === commit.author &&
		change.role === null &&
		change.identityEntry === null
	);
}

/** Leaves both keys owed: who leaves can't be the one who makes the next key. */
function removeSelf(
	state: LogState,
	admin: Admin,
	author: Member
): Result<AdminOutcome, AdminFault> {
	if (author.kind !== 'person') return err('role_forbids');
	if (admin.members[0]?.kind !== author.kind) return err('member_change_invalid');
	const members = new Map(state.members);
	members.delete(author.account);
	if (!hasOwner(members)) return err('no_owner_left');
	return ok({
		state: {
			...state,
			members,
			epochOwed: state.epochOwed || readsContent(author.role),
			auditOwed: state.auditOwed || (state.audit !== null && readsAudit(author.role))
		},
		proofs: [],
		genesisIdentity: null
	});
}

/** Rule 8d: an owed epoch, opened by a writer with no other admin change, bringing the next page. */
function isOwedOpening(state: LogState, commit: Commit, author: Member): boolean {
	const { admin } = commit;
	if (admin?.epoch == null || !state.epochOwed || !writesItems(author.role)) return false;
	const others = admin.members.length > 0 || admin.audit !== null || admin.settings !== null;
	return !others && commit.pages.length > 0;
}

interface MembersChanged {
	readonly members: Members;
	readonly proofs: readonly Proof[];
}

function changeMembers(
	before: Members,
	changes: readonly MemberChange[]
): Result<MembersChanged, AdminFault> {
	const members = new Map(before);
	const proofs: Proof[] = [];
	const named = new Set<AccountId>();
	for (const change of changes) {
		if (named.has(change.account)) return err('member_change_invalid');
		named.add(change.account);
		if (change.role === null) {
			const sameKind = before.get(change.account)?.kind === change.kind;
			if (!sameKind || change.identityEntry !== null) return err('member_change_invalid');
			members.delete(change.account);
			continue;
		}
		const changed = changeMember(before.get(change.account), change);
		if (changed === null) return err('member_change_invalid');
		members.set(change.account, changed);
		if (change.identityEntry !== null) proofs.push(identityProof(changed.identity));
	}
	if (members.size > maxMembers) return err('member_change_invalid');
	return hasOwner(members) ? ok({ members, proofs }) : err('no_owner_left');
}

/** The member after the change; null if it changes nothing or what may not change. */
function changeMember(before: Member | undefined, change: MemberChange): Member | null {
	const { account, role, kind } = change;
	if (role === null || (before !== undefined && before.kind !== kind)) return null;
	if (kind !== 'person' && role !== 'viewer' && role !== 'editor') return null;
	if (change.identityEntry === null) {
		if (before === undefined || before.role === role) return null;
		return { ...before, role };
	}
	const identity = readIdentity(change.identityEntry);
	if (!identity.ok || identity.value.account !== account) return null;
	if (before !== undefined && equalBytes(before.identity.hash, identity.value.hash)) return null;
	return { account, role, kind, identity: identity.value };
}

/** Settings that forbid links leave none: whoever turns links off removes them in the same commit. */
const linksMayStand = (settings: SpaceSettings | null, members: Members): boolean =>
	settings?.linksAllowed !== false || [...members.values()].every(({ kind }) => kind !== 'link');

const hasOwner = (members: Members): boolean =>
	[...members.values()].some((member) => member.role === 'owner');

/**
 * Rules 8a to 8c: which keys must be new, and who gets them. An author who gives up a reading role
 * has made the key that they may no longer hold, so that it is owed anew, as after leaving.
 */
function applyKeys(
	state: LogState,
	members: Members,
	admin: Admin,
	author: Member | null
): Result<LogState, AdminFault> {
	const { epoch, audit } = admin;
	if (epoch === null) {
		if (state.openEpoch === 0 || anyLost(state.members, members, readsContent)) {
			return err('epoch_missing');
		}
	} else if (epoch.number !== state.openEpoch + 1) {
		return err('epoch_number_wrong');
	} else if (epoch.number === 1 && epoch.previousHash !== null) {
		return err('epoch_number_wrong');
	}
	if (audit === null) {
		if (state.audit !== null && anyLost(state.members, members, readsAudit)) {
			return err('audit_key_missing');
		}
	} else if (audit.number !== (state.audit?.number ?? 0) + 1) {
		return err('audit_number_wrong');
	}
	if (!wrapsAreExact(state, members, admin)) return err('wraps_wrong');
	const commitments = new Map(state.commitments);
	if (epoch !== null) commitments.set(epoch.number, epoch.commitment);
	const gaveUp = (may: Reads): boolean =>
		author !== null && may(author.role) && !reads(members, author.account, may);
	return ok({
		...state,
		members,
		commitments,
		openEpoch: epoch?.number ?? state.openEpoch,
		epochOwed: (epoch === null && state.epochOwed) || gaveUp(readsContent),
		audit: audit ?? state.audit,
		auditOwed: (audit === null && state.auditOwed) || (audit !== null && gaveUp(readsAudit)),
		settings: admin.settings ?? state.settings
	});
}

type Reads = (role: Member['role']) => boolean;

const reads = (members: Members, account: AccountId, may: Reads): boolean => {
	const member = members.get(account);
	return member !== undefined && may(member.role);
};

const sameIdentity = (before: Members, after: Members, account: AccountId): boolean => {
	const old = before.get(account);
	const now = after.get(account);
	return old !== undefined && now !== undefined && equalBytes(old.identity.hash, now.identity.hash);
};

/** Whether somebody read before and does not now; a replaced identity counts as one who lost. */
const anyLost = (before: Members, after: Members, may: Reads): boolean =>
	[...before.keys()].some(
		(account) =>
			reads(before, account, may) &&
			!(reads(after, account, may) && sameIdentity(before, after, account))
	);

/** Rule 8b: a new key goes to everybody who reads by it, an open one to who newly does; no others. */
function wrapsAreExact(state: LogState, members: Members, admin: Admin): boolean {
	const expected = new Set<string>();
	const expect = (kind: KeyKind, number: number, may: Reads, fresh: boolean): void => {
		for (const account of members.keys()) {
			const had =
				reads(state.members, account, may) && sameIdentity(state.members, members, account);
			if (reads(members, account, may) && (fresh || !had)) {
				expected.add(`${kind} ${String(number)} ${account}`);
			}
		}
	};
	expect('content', admin.epoch?.number ?? state.openEpoch, readsContent, admin.epoch !== null);
	const auditNumber = admin.audit?.number ?? state.audit?.number;
	if (auditNumber !== undefined) expect('audit', auditNumber, readsAudit, admin.audit !== null);
	const given = admin.wraps.map(
		(wrap: WrapHeader) => `${wrap.kind} ${String(wrap.number)} ${wrap.recipient}`
	);
	return given.length === expected.size && new Set(given).size === given.length
		? given.every((wrap) => expected.has(wrap))
		: false;
}
