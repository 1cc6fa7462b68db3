// The rules of the log, 1 to 9, as one pure function: state × entry → next state or fault. The edge
// runs it before it appends, every client before it believes. Source: docs/protocol.md, Rules.
//
// Synchronous, so that it can stand inside one block of SQL; signatures come back as proofs that
// the caller verifies (before the block at the edge, many at once at a client). No entry counts
// until its proofs are good.
import { equalBytes } from '../protocol/bytes.ts';
import {
	parseCommit,
	parseGenesis,
	type Commit,
	type Head,
	type PageId
} from '../protocol/commit.ts';
import type { WireErrorCode } from '../protocol/errors.ts';
import type { SignedCommit } from '../protocol/frames.ts';
import { idBytes, idFromBytes, type Seq, type SpaceId } from '../protocol/ids.ts';
import { commitSigningInput, genesisInput, headInput } from '../protocol/labels.ts';
import { maxCommitPagesBytes, sealOverheadBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { sha256 } from './hash.ts';
import { applyAdmin, type AdminFault } from './log-membership.ts';
import { countKey, writesItems, type LogState, type Member } from './log-state.ts';
import { isPaddedLength } from './padding.ts';
import type { Proof } from './signature.ts';

/** Look-ups into what stands on the chain already; both synchronous. */
export interface LogHistory {
	/** head(seq), for 1 ≤ seq ≤ the state's own; undefined if there is no such entry. */
	headAt(seq: Seq): Uint8Array | undefined;
	/** How many pages entry `seq` brought; undefined if there is no such entry. */
	pageCountAt(seq: Seq): number | undefined;
}

/** A commit whose form is good (rule 1), with the hash that the chain takes. */
export interface ParsedEntry extends SignedCommit {
	readonly parsed: Commit;
	/** SHA-256(commit ‖ signature), 32 bytes. */
	readonly hash: Uint8Array;
}

/** Which rule an entry breaks, and how. Every one is a chain fault. */
export type RuleFault =
	| 'malformed'
	| 'too_large'
	| 'wrong_space'
	| 'genesis_invalid'
	| 'not_a_member'
	| 'identity_mismatch'
	| 'signature_invalid'
	| 'count_wrong'
	| 'seen_unknown'
	| 'role_forbids'
	| 'epoch_not_open'
	| 'page_length_wrong'
	| 'page_expired'
	| 'page_unknown'
	| AdminFault;

export interface Judged {
	/** After the entry, its head included. */
	readonly state: LogState;
	/** Signatures that must be good for the entry to count: the author's first. */
	readonly proofs: readonly Proof[];
}

/** Rule 1. Form and limits of a commit, and its hash. */
export function parseEntry(entry: SignedCommit): Result<ParsedEntry, 'malformed' | 'too_large'> {
	const parsed = parseCommit(entry.commit);
	if (!parsed.ok) return parsed;
	const total = parsed.value.pages.reduce((sum, page) => sum + page.lengthBytes, 0);
	if (total > maxCommitPagesBytes) return err('too_large');
	const { commit, signature } = entry;
	return ok({ commit, signature, parsed: parsed.value, hash: hashOfEntry(entry) });
}

function hashOfEntry({ commit, signature }: SignedCommit): Uint8Array {
	const bytes = new Uint8Array(commit.length + signature.length);
	bytes.set(commit);
	bytes.set(signature, commit.length);
	return sha256(bytes);
}

/** head(n) from head(n−1) and the entry's hash. */
export const nextHead = (previous: Uint8Array, entryHash: Uint8Array): Uint8Array =>
	sha256(headInput(previous, entryHash));

/** head(0) of a genesis body, 32 bytes; its first half is the space id. */
export const genesisHashOf = (genesis: Uint8Array): Uint8Array => sha256(genesisInput(genesis));

/** The space that a genesis body makes. */
export const spaceOfGenesisHash = (genesisHash: Uint8Array): SpaceId =>
	idFromBytes<SpaceId>(genesisHash.subarray(0, idBytes));

/**
 * Rules 2 to 9 for the entry that would stand next. The caller holds the entry at seq + 1; whether
 * that is the seq it was offered at is the caller's to compare.
 *
 * @returns the state after it, with the proofs still to verify; or the first rule broken.
 */
export function judge(
	state: LogState,
	history: LogHistory,
	entry: ParsedEntry
): Result<Judged, RuleFault> {
	const commit = entry.parsed;
	if (commit.space !== state.space) return err('wrong_space');
	const begun =
		state.head.seq === 0 ? judgeGenesis(state, commit) : judgeContinuation(state, commit);
	if (!begun.ok) return begun;
	const { genesisHash, author } = begun.value;
	const count = countKey(commit.author, commit.device);
	if (commit.count !== (state.counts.get(count) ?? 0) + 1) return err('count_wrong');
	const seen = judgeSeen(state, history, commit.seen, genesisHash);
	if (!seen.ok) return seen;
	const items = judgeItemRights(commit, author);
	if (!items.ok) return items;
	const admin = applyAdmin(state, commit, author);
	if (!admin.ok) return admin;
	const pages = judgePages(admin.value.state, history, commit);
	if (!pages.ok) return pages;
	const seq = state.head.seq + 1;
	const previous = state.head.seq === 0 ? genesisHash : state.head.hash;
	const authorIdentity = author?.identity ?? admin.value.genesisIdentity;
	if (authorIdentity === null) return err('genesis_invalid');
	return ok({
		state: {
			...admin.value.state,
			genesisHash,
			head: { seq, hash: nextHead(previous, entry.hash) },
			lastAdminSeq: commit.admin === null ? state.lastAdminSeq : seq,
			counts: state.counts.with(count, commit.count)
		},
		proofs: [
			{
				publicKey: authorIdentity.entry.body.signingKey,
				message: commitSigningInput(entry.commit),
				signature: entry.signature
			},
			...admin.value.proofs
		]
	});
}

interface Begun {
	readonly genesisHash: Uint8Array;
	/** The member who writes; null at entry 1, whose author becomes one by it. */
	readonly author: Member | null;
}

/** Rule 3: entry 1, and only that, carries the body whose hash is the space id. */
function judgeGenesis(state: LogState, commit: Commit): Result<Begun, RuleFault> {
	if (commit.genesis === null) return err('genesis_invalid');
	const genesis = parseGenesis(commit.genesis);
	if (!genesis.ok) return err('genesis_invalid');
	const genesisHash = genesisHashOf(commit.genesis);
	const { creator, creatorIdentity } = genesis.value;
	if (spaceOfGenesisHash(genesisHash) !== state.space) return err('genesis_invalid');
	if (creator !== commit.author || !equalBytes(creatorIdentity, commit.identity)) {
		return err('genesis_invalid');
	}
	return ok({ genesisHash, author: null });
}

/** Rules 3 and 4: no second genesis; the author is a member with the identity that is pinned. */
function judgeContinuation(state: LogState, commit: Commit): Result<Begun, RuleFault> {
	if (commit.genesis !== null || state.genesisHash === null) return err('genesis_invalid');
	const author = state.members.get(commit.author);
	if (author === undefined) return err('not_a_member');
	if (!equalBytes(author.identity.hash, commit.identity)) return err('identity_mismatch');
	return ok({ genesisHash: state.genesisHash, author });
}

/** Rule 6: the author signed a head that lies on this chain, before this place. */
function judgeSeen(
	state: LogState,
	history: LogHistory,
	seen: Head,
	genesisHash: Uint8Array
): Result<null, RuleFault> {
	if (seen.seq > state.head.seq) return err('seen_unknown');
	const hash = seen.seq === 0 ? genesisHash : history.headAt(seen.seq);
	return hash !== undefined && equalBytes(hash, seen.hash) ? ok(null) : err('seen_unknown');
}

/** Rule 7, as far as pages go; admin changes are judged in log-membership.ts. */
function judgeItemRights(commit: Commit, author: Member | null): Result<null, RuleFault> {
	const role = author?.role ?? 'owner';
	const writes = commit.pages.length + commit.supersedes.length > 0;
	if (writes && !writesItems(role)) return err('role_forbids');
	if (commit.purge.length > 0 && role !== 'owner') return err('role_forbids');
	return ok(null);
}

/** Rule 9, against the state after the commit's own admin part. */
function judgePages(after: LogState, history: LogHistory, commit: Commit): Result<null, RuleFault> {
	if (commit.pages.length > 0 && after.epochOwed) return err('epoch_not_open');
	for (const page of commit.pages) {
		if (page.epoch !== after.openEpoch) return err('epoch_not_open');
		if (!isPaddedLength(page.lengthBytes - sealOverheadBytes)) return err('page_length_wrong');
		if (page.expiresAtMs !== null && page.expiresAtMs <= commit.timeMs) return err('page_expired');
	}
	const named = [...commit.supersedes, ...commit.purge];
	const standing = named.every((page) => pageStands(after.head.seq, history, page));
	return standing ? ok(null) : err('page_unknown');
}

/** A history may hold more than the state has come to; what follows the place does not count. */
const pageStands = (upTo: Seq, history: LogHistory, { seq, index }: PageId): boolean =>
	seq <= upTo && index < (history.pageCountAt(seq) ?? 0);

/** Whether page bytes are those that the commit signs: one for each header, length and hash. */
export function pagesMatch(
	commit: Commit,
	pages: readonly ({ readonly lengthBytes: number; readonly hash: Uint8Array } | null)[]
): boolean {
	if (pages.length !== commit.pages.length) return false;
	return commit.pages.every((header, index) => {
		const page = pages[index];
		if (page === null) return true;
		return page?.lengthBytes === header.lengthBytes && equalBytes(page.hash, header.hash);
	});
}

/** Whether wraps and the previous-key record are those whose hashes the commit signs. */
export function keysMatch(
	commit: Commit,
	wraps: readonly Uint8Array[],
	previousKey: Uint8Array | null
): boolean {
	const headers = commit.admin?.wraps ?? [];
	if (wraps.length !== headers.length) return false;
	const previousHash = commit.admin?.epoch?.previousHash ?? null;
	if ((previousHash === null) !== (previousKey === null)) return false;
	if (previousHash && previousKey && !equalBytes(previousHash, sha256(previousKey))) return false;
	return headers.every((header, index) => {
		const wrap = wraps[index];
		return wrap !== undefined && equalBytes(header.hash, sha256(wrap));
	});
}

/** What an honest edge answers to an append that breaks a rule. */
export function wireCodeOf(fault: RuleFault): WireErrorCode {
	switch (fault) {
		case 'too_large':
			return 'too_large';
		case 'count_wrong':
			return 'stale_count';
		case 'seen_unknown':
			return 'unknown_head';
		case 'epoch_not_open':
		case 'epoch_number_wrong':
		case 'audit_key_missing':
			// The last: an honest owner's edit, when an auditor has left meanwhile.
			return 'stale_epoch';
		case 'admin_conflict':
			return 'admin_conflict';
		case 'not_a_member':
		case 'identity_mismatch':
		case 'signature_invalid':
		case 'role_forbids':
			return 'forbidden';
		case 'malformed':
		case 'wrong_space':
		case 'genesis_invalid':
		case 'page_length_wrong':
		case 'page_expired':
		case 'page_unknown':
		case 'member_change_invalid':
		case 'no_owner_left':
		case 'epoch_missing':
		case 'audit_number_wrong':
		case 'wraps_wrong':
			return 'malformed';
	}
}
