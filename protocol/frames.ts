// Every message on a space's socket. Binary frames, deterministic CBOR arrays that begin with their
// number; the text frames 'ping' and 'pong' are answered without waking the object.
//
// client → space
//   1 append  [1, commit, signature (64), [page …], [wrap …], previous-key record|null]
//   2 pull    [2, after seq]                    entries after this one, then live ones as they come
//   3 fetch   [3, [[seq, index] …]]             pages that were not among the entries
//   4 beat    [4, heartbeat, signature (64)]    the newest head that this device has verified
//   5 put back [5, seq, head (32), [run entry …]]  entries that stood after this head once, in order
// space → client
//   16 hello    [16, seq, head (32)]            the head on offer, once, after the socket opened
//   17 entries  [17, [entry …], seq, head]      in order; seq and head: the head on offer
//   18 appended [18, count, seq]                your commit `count` stands at `seq`
//   19 refused  [19, count|0, code, retry after seconds|null]   0: it was no append
//   20 pages    [20, [[seq, index, page|null] …]]
//   21 heartbeats [21, [[heartbeat, signature] …]]   of other devices, after a pull and as they come
//   22 notice   [22]                            to owners: invitations or links changed, ask for them
//   23 stands   [23, seq, head (32)]            what was put back stands; the head on offer now
//   24 account  [24]                            something of this account changed: ask for it
//   run entry = [commit, signature, [page|null …], [wrap …], previous-key record|null]
//   entry = [seq, commit, signature, [page|null …], [[index, wrap] …], previous-key record|null]
//
// In an entry a page is null if it is superseded, expired, dropped, or not for this role; wraps are
// the reader's own, with their index in the commit's list. Appends of one socket are judged in order.
// In a run entry a page is null only if a later entry of the same run supersedes it; wraps are all.
// A pull is answered by entries up to the head on offer. A long answer (the edge chooses; about 32
// MiB) stops before it with a frame without entries: the client pulls again from where it is.
import { decodeCbor, encodeCbor, type Cbor } from './cbor.ts';
import { parsePageId, type Head, type PageId } from './commit.ts';
import { isWireErrorCode, type Refusal } from './errors.ts';
import type { SignedHeartbeat } from './heartbeat.ts';
import type { Seq } from './ids.ts';
import {
	hashBytes,
	maxCommitBytes,
	maxEntriesPerRun,
	maxFrameBytes,
	maxHeartbeatBytes,
	maxHeartbeatsPerFrame,
	maxMembers,
	maxPagesPerCommit,
	maxPagesPerFetch,
	maxSealedPageBytes,
	signatureBytes,
	wrapBytes
} from './limits.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, isCount, isUint, parseEach } from './shape.ts';

/** A commit with its signature: what the chain is made of. */
export interface SignedCommit {
	/** Canonical bytes, at most `maxCommitBytes`. */
	readonly commit: Uint8Array;
	/** 64 bytes. */
	readonly signature: Uint8Array;
}
export interface Append extends SignedCommit {
	readonly type: 'append';
	readonly pages: readonly Uint8Array[];
	readonly wraps: readonly Uint8Array[];
	readonly previousKey: Uint8Array | null;
}
/** An entry as any member may carry it: with all that came beside it when it was appended. */
export interface RunEntry extends Omit<Append, 'type' | 'pages'> {
	/** Null where a later entry of the same run supersedes the page. */
	readonly pages: readonly (Uint8Array | null)[];
}
/** Entries that follow each other, to stand after `after` again: all of them or none. */
export interface PutBackRun {
	readonly after: Head;
	/** One to `maxEntriesPerRun`. */
	readonly entries: readonly RunEntry[];
}
export interface Entry extends SignedCommit {
	readonly seq: Seq;
	readonly pages: readonly (Uint8Array | null)[];
	readonly wraps: readonly { readonly index: number; readonly wrap: Uint8Array }[];
	readonly previousKey: Uint8Array | null;
}
export interface FetchedPage extends PageId {
	readonly page: Uint8Array | null;
}
export type ClientFrame =
	| Append
	| { readonly type: 'pull'; readonly after: Seq }
	| { readonly type: 'fetch'; readonly pages: readonly PageId[] }
	| { readonly type: 'beat'; readonly heartbeat: SignedHeartbeat }
	| ({ readonly type: 'put_back' } & PutBackRun);
export type SpaceFrame =
	| { readonly type: 'hello'; readonly offered: Head }
	| { readonly type: 'entries'; readonly entries: readonly Entry[]; readonly offered: Head }
	| { readonly type: 'appended'; readonly count: number; readonly seq: Seq }
	| { readonly type: 'refused'; readonly count: number | null; readonly refusal: Refusal }
	| { readonly type: 'pages'; readonly pages: readonly FetchedPage[] }
	| { readonly type: 'heartbeats'; readonly heartbeats: readonly SignedHeartbeat[] }
	| { readonly type: 'notice' }
	| { readonly type: 'stands'; readonly offered: Head }
	| { readonly type: 'account' };

/** Bytes of a frame to the space. */
export function encodeClientFrame(frame: ClientFrame): Uint8Array {
	switch (frame.type) {
		case 'append':
			return encodeCbor([1, ...encodeRunEntry(frame)]);
		case 'pull':
			return encodeCbor([2, frame.after]);
		case 'fetch':
			return encodeCbor([3, frame.pages.map(({ seq, index }) => [seq, index])]);
		case 'beat':
			return encodeCbor([4, frame.heartbeat.body, frame.heartbeat.signature]);
		case 'put_back': {
			const { seq, hash } = frame.after;
			return encodeCbor([5, seq, hash, frame.entries.map(encodeRunEntry)]);
		}
	}
}

const encodeRunEntry = (entry: RunEntry): Cbor[] => [
	entry.commit,
	entry.signature,
	[...entry.pages],
	[...entry.wraps],
	entry.previousKey
];

/** Pages of a bulk; whatever is smaller is copied, and outlives the frame without keeping it. */
const sharedFromBytes = 4_096;

/**
 * Reads a frame from a client; larger than `maxFrameBytes` is `too_large`. Long byte strings are views
 * of the frame: an object has little memory, and writes them down before it takes the next one.
 */
export function parseClientFrame(
	bytes: Uint8Array
): Result<ClientFrame, 'malformed' | 'too_large'> {
	const decoded = decodeFrame(bytes, sharedFromBytes);
	if (!decoded.ok) return decoded;
	const [kind, ...rest] = decoded.value;
	if (kind === 1 && rest.length === 5) return parseAppend(rest);
	if (kind === 2 && rest.length === 1 && isUint(rest[0])) {
		return ok({ type: 'pull', after: rest[0] });
	}
	if (kind === 3 && rest.length === 1) {
		const pages = parseEach(rest[0], maxPagesPerFetch, parsePageId);
		if (pages !== null && pages.length > 0) return ok({ type: 'fetch', pages });
	}
	if (kind === 4 && rest.length === 2) {
		const heartbeat = parseSignedHeartbeat(rest);
		if (heartbeat !== null) return ok({ type: 'beat', heartbeat });
	}
	if (kind === 5 && rest.length === 3) {
		const after = parseHead(rest[0], rest[1]);
		const entries = parseEach(rest[2] ?? null, maxEntriesPerRun, parseRunEntry);
		if (after && entries && entries.length > 0) return ok({ type: 'put_back', after, entries });
	}
	return err('malformed');
}

/** Form only: the body is read where it is judged. */
function parseSignedHeartbeat(value: Cbor): SignedHeartbeat | null {
	if (!isArray(value, 2)) return null;
	const [body, signature] = value;
	if (!isBytes(body) || body.length > maxHeartbeatBytes) return null;
	return isBytes(signature, signatureBytes) ? { body, signature } : null;
}

function decodeFrame(
	bytes: Uint8Array,
	sharedFrom?: number
): Result<readonly Cbor[], 'malformed' | 'too_large'> {
	if (bytes.length > maxFrameBytes) return err('too_large');
	const decoded = decodeCbor(bytes, sharedFrom);
	return decoded.ok && isArray(decoded.value) ? ok(decoded.value) : err('malformed');
}

const parsePageBytes = (value: Cbor): Uint8Array | null =>
	isBytes(value) && value.length <= maxSealedPageBytes ? value : null;

/** The small record that holds the previous epoch's key: 24 + 32 + 16 bytes. */
const previousKeyBytes = 72;

function parseAppend(rest: readonly Cbor[]): Result<Append, 'malformed'> {
	const entry = parseRunEntry(rest);
	if (entry === null) return err('malformed');
	const pages = entry.pages.filter((page) => page !== null);
	return pages.length < entry.pages.length
		? err('malformed')
		: ok({ type: 'append', ...entry, pages });
}

function parseRunEntry(value: Cbor | readonly Cbor[]): RunEntry | null {
	if (!isArray(value, 5)) return null;
	const [commit, signature, pageList, wrapList, previousKey] = value;
	if (!isBytes(commit) || commit.length > maxCommitBytes) return null;
	if (!isBytes(signature, signatureBytes)) return null;
	const pages = parsePages(pageList);
	const wraps = parseEach(wrapList, 2 * maxMembers, (wrap) =>
		isBytes(wrap, wrapBytes) ? wrap : null
	);
	if (pages === null || wraps === null) return null;
	if (previousKey !== null && !isBytes(previousKey, previousKeyBytes)) return null;
	return { commit, signature, pages, wraps, previousKey: previousKey ?? null };
}

/** Of one commit, null for those that are not given. */
function parsePages(list: Cbor | undefined): (Uint8Array | null)[] | null {
	const slots = parseEach(list ?? null, maxPagesPerCommit, (page) => {
		if (page === null) return { page };
		const bytes = parsePageBytes(page);
		return bytes && { page: bytes };
	});
	return slots && slots.map(({ page }) => page);
}

/** An entry as it stands inside an `entries` frame. */
export const encodeEntry = (entry: Entry): Cbor => [
	entry.seq,
	entry.commit,
	entry.signature,
	[...entry.pages],
	entry.wraps.map(({ index, wrap }) => [index, wrap]),
	entry.previousKey
];

/** Bytes of a frame to a client. */
export function encodeSpaceFrame(frame: SpaceFrame): Uint8Array {
	switch (frame.type) {
		case 'hello':
			return encodeCbor([16, frame.offered.seq, frame.offered.hash]);
		case 'entries': {
			const { seq, hash } = frame.offered;
			return encodeCbor([17, frame.entries.map(encodeEntry), seq, hash]);
		}
		case 'appended':
			return encodeCbor([18, frame.count, frame.seq]);
		case 'refused': {
			const { code, retryAfterSeconds } = frame.refusal;
			return encodeCbor([19, frame.count ?? 0, code, retryAfterSeconds ?? null]);
		}
		case 'pages':
			return encodeCbor([20, frame.pages.map(({ seq, index, page }) => [seq, index, page])]);
		case 'heartbeats':
			return encodeCbor([21, frame.heartbeats.map(({ body, signature }) => [body, signature])]);
		case 'notice':
			return encodeCbor([22]);
		case 'stands':
			return encodeCbor([23, frame.offered.seq, frame.offered.hash]);
		case 'account':
			return encodeCbor([24]);
	}
}

/** Reads a frame from a space. */
export function parseSpaceFrame(bytes: Uint8Array): Result<SpaceFrame, 'malformed' | 'too_large'> {
	const decoded = decodeFrame(bytes);
	if (!decoded.ok) return decoded;
	const [kind, first, second, third, ...more] = decoded.value;
	if (more.length > 0) return err('malformed');
	if (kind === 16 && third === undefined) {
		const offered = parseHead(first, second);
		if (offered) return ok({ type: 'hello', offered });
	}
	if (kind === 17) {
		const entries = parseEach(first, maxFrameBytes, parseEntry);
		const offered = parseHead(second, third);
		if (entries && offered) return ok({ type: 'entries', entries, offered });
	}
	if (kind === 18 && isCount(first) && isCount(second) && third === undefined) {
		return ok({ type: 'appended', count: first, seq: second });
	}
	if (kind === 19 && isUint(first) && isWireErrorCode(second)) {
		if (third !== null && !isUint(third)) return err('malformed');
		const retry = isUint(third) ? { retryAfterSeconds: third } : {};
		return ok({
			type: 'refused',
			count: first === 0 ? null : first,
			refusal: { code: second, ...retry }
		});
	}
	if (kind === 20 && second === undefined) {
		const pages = parseEach(first, maxPagesPerFetch, parseFetchedPage);
		if (pages) return ok({ type: 'pages', pages });
	}
	if (kind === 21 && second === undefined) {
		const heartbeats = parseEach(first, maxHeartbeatsPerFrame, parseSignedHeartbeat);
		if (heartbeats) return ok({ type: 'heartbeats', heartbeats });
	}
	if (kind === 22 && first === undefined) return ok({ type: 'notice' });
	if (kind === 23 && third === undefined) {
		const offered = parseHead(first, second);
		if (offered) return ok({ type: 'stands', offered });
	}
	if (kind === 24 && first === undefined) return ok({ type: 'account' });
	return err('malformed');
}

function parseHead(seq: Cbor | undefined, hash: Cbor | undefined): Head | null {
	return isUint(seq) && isBytes(hash, hashBytes) ? { seq, hash } : null;
}

function parseFetchedPage(value: Cbor): FetchedPage | null {
	if (!isArray(value, 3)) return null;
	const id = parsePageId([value[0] ?? null, value[1] ?? null]);
	const page = value[2] === null ? null : parsePageBytes(value[2] ?? null);
	return id && (value[2] === null || page) ? { ...id, page } : null;
}

function parseEntry(value: Cbor): Entry | null {
	if (!isArray(value, 6)) return null;
	const [seq, commit, signature, pageList, wrapList, previousKey] = value;
	if (!isCount(seq) || !isBytes(commit) || !isBytes(signature, signatureBytes)) return null;
	if (commit.length > maxCommitBytes) return null;
	const wraps = parseEach(wrapList, 2 * maxMembers, (pair) =>
		isArray(pair, 2) && isUint(pair[0]) && isBytes(pair[1], wrapBytes)
			? { index: pair[0], wrap: pair[1] }
			: null
	);
	const pages = parsePages(pageList);
	if (wraps === null || pages === null) return null;
	if (previousKey !== null && !isBytes(previousKey, previousKeyBytes)) return null;
	return {
		seq,
		commit,
		signature,
		pages,
		wraps,
		previousKey: previousKey ?? null
	};
}
