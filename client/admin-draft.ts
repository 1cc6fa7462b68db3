// What an owner asks for, put into the words of a commit: which members change, which keys must be
// new and who gets them (rules 8 and 8a to 8c), against the state of the log at that moment. Asks no
// key and sends nothing; what the rules would refuse is refused here, by name.
import { readIdentity } from '../crypto/identity.ts';
import { readsAudit, readsContent, type LogState, type Member } from '../crypto/log-state.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { MemberChange, PageId, Role, SpaceSettings } from '../protocol/commit.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { KeyKind } from '../protocol/labels.ts';
import { historyRetentionDays, maxMembers } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AdminDraft, KeyReader } from './crypto-port.ts';
import type { TacetErrorCode } from './errors.ts';

export type AdminIntent =
	| {
			readonly type: 'add';
			readonly account: AccountId;
			readonly role: Role;
			readonly kind: 'person' | 'link';
			readonly identityEntry: Uint8Array;
			/** Its identity entries before that one, from the first, which is the account. */
			readonly earlier?: readonly Uint8Array[];
	  }
	| { readonly type: 'change_role'; readonly account: AccountId; readonly role: Role }
	| { readonly type: 'remove'; readonly account: AccountId }
	/** Those of them that are links there, and nobody else. */
	| { readonly type: 'remove_links'; readonly accounts: readonly AccountId[] }
	| { readonly type: 'leave' }
	| { readonly type: 'rotate' }
	/** What it does not name stays. */
	| { readonly type: 'settings'; readonly settings: Partial<SpaceSettings> }
	/** By the entry that renews the one pinned here; of several, one after another. */
	| {
			readonly type: 'replace_identity';
			readonly account: AccountId;
			readonly identityEntry: Uint8Array;
	  }
	/**
	 * The own identity in force in place of one before a renewal. Links whose secrets stood in the keyring
	 * of before go with it.
	 */
	| {
			readonly type: 'renew_identity';
			readonly identityEntry: Uint8Array;
			readonly links: readonly AccountId[];
	  }
	/** Removes everybody else, and all pages for good. */
	| { readonly type: 'destroy' };

export interface AdminChange {
	readonly members: readonly MemberChange[];
	readonly settings: SpaceSettings | null;
	readonly opensEpoch: boolean;
	/** Every live page goes at once. */
	readonly purges: boolean;
}

const noChange: AdminChange = { members: [], settings: null, opensEpoch: false, purges: false };

/** What holds while nobody has said otherwise. */
const defaultSettings: SpaceSettings = {
	retentionDays: historyRetentionDays,
	defaultExpiryDays: null,
	linksAllowed: true
};

export const settingsOf = ({ settings }: LogState): SpaceSettings => settings ?? defaultSettings;

const isSameSettings = (a: SpaceSettings, b: SpaceSettings): boolean =>
	a.retentionDays === b.retentionDays &&
	a.defaultExpiryDays === b.defaultExpiryDays &&
	a.linksAllowed === b.linksAllowed;

/** The change that the intent asks of this state; null if it stands already. */
export function changeOf(
	intent: AdminIntent,
	state: LogState,
	me: AccountId
): Result<AdminChange | null, TacetErrorCode> {
	const own = state.members.get(me);
	if (own === undefined) return err('not_found');
	const leaves = intent.type === 'leave' || (intent.type === 'remove' && intent.account === me);
	if (!leaves && own.role !== 'owner') return err('forbidden');
	if (leaves && own.kind !== 'person') return err('forbidden');
	const change = leaves ? ok(removing(state, [me])) : changeByOwner(intent, state, me);
	if (!change.ok || change.value === null) return change;
	const refusal = refusalOf(change.value, state);
	return refusal === null ? change : err(refusal);
}

function changeByOwner(
	intent: AdminIntent,
	state: LogState,
	me: AccountId
): Result<AdminChange | null, TacetErrorCode> {
	switch (intent.type) {
		case 'add': {
			if (state.members.has(intent.account)) return err('already_member');
			const { account, role, kind, identityEntry } = intent;
			return changing({ account, role, kind, identityEntry });
		}
		case 'change_role': {
			const { account, role } = intent;
			const member = state.members.get(account);
			if (member === undefined) return err('not_found');
			if (member.role === role) return ok(null);
			return changing({ account, role, kind: member.kind, identityEntry: null });
		}
		case 'replace_identity': {
			const { account, identityEntry } = intent;
			const member = state.members.get(account);
			if (member === undefined) return err('not_found');
			const { role, kind } = member;
			const change = changing({ account, role, kind, identityEntry });
			// Its signature by the entry before was verified against an entry of this hash.
			if (change.ok && !follows(member, identityEntry)) return err('identity_changed');
			return change;
		}
		case 'renew_identity': {
			const member = state.members.get(me);
			if (member === undefined) return err('not_found');
			const { identityEntry } = intent;
			// Another device was faster.
			if (equalBytes(member.identity.bytes, identityEntry)) return ok(null);
			const { role, kind } = member;
			const own = changing({ account: me, role, kind, identityEntry });
			const links = linksOf(state).filter((account) => intent.links.includes(account));
			if (!own.ok) return own;
			return ok({
				...noChange,
				members: [...own.value.members, ...removing(state, links).members]
			});
		}
		case 'settings': {
			const before = settingsOf(state);
			const settings = { ...before, ...intent.settings };
			if (isSameSettings(before, settings)) return ok(null);
			// Rule 8: where links are not allowed there is none.
			const links = settings.linksAllowed ? [] : linksOf(state);
			return ok({ ...removing(state, links), settings });
		}
		case 'rotate':
			return ok({ ...noChange, opensEpoch: true });
		case 'destroy': {
			const others = [...state.members.keys()].filter((account) => account !== me);
			return ok({ ...removing(state, others), opensEpoch: true, purges: true });
		}
		case 'remove':
			if (!state.members.has(intent.account)) return err('not_found');
			return ok(removing(state, [intent.account]));
		case 'remove_links': {
			const named = linksOf(state).filter((account) => intent.accounts.includes(account));
			return ok(named.length === 0 ? null : removing(state, named));
		}
		case 'leave':
			return ok(null);
	}
}

function changing(change: MemberChange): Result<AdminChange, TacetErrorCode> {
	const { account, identityEntry, kind, role } = change;
	if (kind !== 'person' && role !== 'viewer' && role !== 'editor') return err('forbidden');
	if (identityEntry !== null) {
		const identity = readIdentity(identityEntry);
		if (!identity.ok || identity.value.account !== account) return err('malformed');
	}
	return ok({ ...noChange, members: [change] });
}

function follows({ identity }: Member, identityEntry: Uint8Array): boolean {
	const next = readIdentity(identityEntry);
	if (!next.ok) return false;
	const { n, previousHash } = next.value.entry.body;
	const isNext = n === identity.entry.body.n + 1;
	return isNext && previousHash !== null && equalBytes(previousHash, identity.hash);
}

const removing = (state: LogState, accounts: readonly AccountId[]): AdminChange => ({
	...noChange,
	members: accounts.flatMap((account): readonly MemberChange[] => {
		const kind = state.members.get(account)?.kind;
		return kind === undefined ? [] : [{ account, role: null, kind, identityEntry: null }];
	})
});

const linksOf = ({ members }: LogState): readonly AccountId[] =>
	[...members.values()].filter(({ kind }) => kind === 'link').map(({ account }) => account);

/** What rule 8 asks of the members afterwards. */
function refusalOf(change: AdminChange, state: LogState): TacetErrorCode | null {
	const after = [...membersAfter(state, change).values()];
	if (!after.some(({ role }) => role === 'owner')) return 'last_owner';
	if (after.length > maxMembers) return 'too_large';
	const settings = change.settings ?? state.settings;
	const hasLink = change.members.some(({ kind, role }) => kind === 'link' && role !== null);
	return hasLink && settings?.linksAllowed === false ? 'forbidden' : null;
}

interface MemberAfter {
	readonly account: AccountId;
	readonly role: Role;
	readonly identityEntry: Uint8Array;
	/** Whether the identity is another one than before, or was not there. */
	readonly isNew: boolean;
}

function membersAfter(
	{ members }: LogState,
	change: AdminChange
): ReadonlyMap<AccountId, MemberAfter> {
	const after = new Map<AccountId, MemberAfter>();
	for (const { account, role, identity } of members.values()) {
		after.set(account, { account, role, identityEntry: identity.bytes, isNew: false });
	}
	for (const { account, role, identityEntry } of change.members) {
		const before = after.get(account);
		const identity = identityEntry ?? before?.identityEntry;
		if (role === null || identity === undefined) after.delete(account);
		else
			after.set(account, { account, role, identityEntry: identity, isNew: identityEntry !== null });
	}
	return after;
}

/**
 * The keys that go with a change by an owner, exactly as rule 8b has it. Whatever is owed is brought
 * along. The first audit key comes with the first member beside the one who made the space. None is
 * ever handed on: who is to read by it gets a new one, with all the others.
 *
 * @param hasOpenKey without the open epoch's key, whoever is to read gets that of a new one.
 */
export function draftAdmin(state: LogState, change: AdminChange, hasOpenKey: boolean): AdminDraft {
	const { members, settings } = change;
	const after = membersAfter(state, change);
	const content = movesOf(state, after, readsContent);
	const audit = movesOf(state, after, readsAudit);
	const opensEpoch =
		change.opensEpoch ||
		state.epochOwed ||
		content.lost ||
		(content.gained.size > 0 && !hasOpenKey);
	const isShared = [...after.keys()].some((account) => !state.members.has(account));
	const needsAudit = state.auditOwed || audit.lost || audit.gained.size > 0;
	const setsAudit = state.audit === null ? isShared : needsAudit;
	const auditNumber = setsAudit ? (state.audit?.number ?? 0) + 1 : null;
	return {
		members,
		settings,
		opensEpoch,
		auditNumber,
		readers: [
			...readersOf('content', after, ({ account, role }) =>
				opensEpoch ? readsContent(role) : content.gained.has(account)
			),
			...readersOf('audit', after, ({ role }) => auditNumber !== null && readsAudit(role))
		]
	};
}

/** Rule 8d: what the next page brings along, by an editor the epoch alone. */
export function draftOwed(state: LogState, role: Role): AdminDraft | null {
	const bringsAudit = role === 'owner' && state.auditOwed;
	if (!state.epochOwed && !bringsAudit) return null;
	const draft = draftAdmin(state, noChange, true);
	if (role === 'owner') return draft;
	const readers = draft.readers.filter(({ kind }) => kind === 'content');
	return { ...draft, auditNumber: null, readers };
}

/** Somebody leaves by themselves: alone in the commit, and both keys are owed afterwards. */
export const draftLeaving = ({ members }: AdminChange): AdminDraft => ({
	members,
	settings: null,
	opensEpoch: false,
	auditNumber: null,
	readers: []
});

interface Moves {
	readonly lost: boolean;
	readonly gained: ReadonlySet<AccountId>;
}

/** Who reads afterwards and did not, and whether somebody did who does not: another identity too. */
function movesOf(
	{ members }: LogState,
	after: ReadonlyMap<AccountId, MemberAfter>,
	may: (role: Role) => boolean
): Moves {
	const keeps = (account: AccountId): boolean => {
		const before = members.get(account);
		const now = after.get(account);
		return before !== undefined && now !== undefined && may(before.role) && !now.isNew;
	};
	const readers = [...after.values()].filter(({ role }) => may(role));
	const stays = new Set(readers.map(({ account }) => account).filter(keeps));
	return {
		lost: [...members.values()].some(({ account, role }) => may(role) && !stays.has(account)),
		gained: new Set(readers.map(({ account }) => account).filter((account) => !stays.has(account)))
	};
}

const readersOf = (
	kind: KeyKind,
	after: ReadonlyMap<AccountId, MemberAfter>,
	gets: (member: MemberAfter) => boolean
): readonly KeyReader[] =>
	[...after.values()]
		.filter(gets)
		.map(({ account, identityEntry }) => ({ kind, account, identityEntry }));

/** As many as one commit may name. */
export const firstOf = (pages: Iterable<PageId>, limit: number): readonly PageId[] => {
	const first: PageId[] = [];
	for (const page of pages) {
		if (first.length === limit) break;
		first.push(page);
	}
	return first;
};
