// What of a log this device can give back whole, in runs that an edge may take each as a whole: an
// entry with all of its wraps and its previous key, and every page that no later entry of the same run
// supersedes. Reads the store; sends nothing.
import { keysMatch } from '../crypto/log-rules.ts';
import { parseCommit, type Commit, type Head } from '../protocol/commit.ts';
import type { PutBackRun, RunEntry } from '../protocol/frames.ts';
import type { AccountId, Seq, SpaceId } from '../protocol/ids.ts';
import { maxEntriesPerRun, maxFrameBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { Chain } from './chain.ts';
import { parseKeys } from './local-log.ts';
import type { Store, StoredEntry, StoreFault } from './store.ts';

/** Where the part ends that can be put back from here, and because of which entry. */
export interface PutBackStop {
	/** The first that stays out; those after it would not follow. */
	readonly seq: Seq;
	readonly why: /** A page that is live here, or that only a later run supersedes, is not on this device. */
	| 'page_missing'
		/** Keys were wrapped to others: only the device that signed them has those wraps. */
		| 'keys_missing'
		/** With what supersedes its pages it is more than one frame takes. */
		| 'too_large'
		/** Another device of this account has verified more: that one can put the rest back. */
		| 'more_elsewhere';
	/** Whose entry it is: a device of theirs may have it whole. */
	readonly author: AccountId | null;
}

export interface RunsParts {
	readonly space: SpaceId;
	readonly store: Store;
	readonly chain: Chain;
}

interface Whole {
	readonly seq: Seq;
	readonly author: AccountId;
	readonly entry: RunEntry;
	readonly bytes: number;
	/** The last entry that supersedes a page which is not here; its own seq if all are. */
	readonly needs: Seq;
}

/** Read at once: pages come with them. */
const entriesAtOnce = 64;
/** What CBOR puts around the bytes of an entry, and around the entries of a frame: more than enough. */
const framingBytes = 64;
const perPartBytes = 8;
const maxRunBytes = maxFrameBytes - 2 * framingBytes;

/** The head at a place of the chain; at 0 the one before its first entry. */
export function headOf(chain: Chain, seq: Seq): Head {
	const hash = seq === 0 ? chain.state.genesisHash : chain.headAt(seq);
	if (hash == null) throw new Error('no such place on this chain');
	return { seq, hash: hash.slice() };
}

/**
 * The runs that lead from `after` to the end of the chain, in order.
 *
 * @returns at the end: where they stop short of it, or null.
 */
export async function* runsAfter(
	parts: RunsParts,
	after: Seq
): AsyncGenerator<PutBackRun, Result<PutBackStop | null, StoreFault>, undefined> {
	const { chain } = parts;
	const gathered = new Gathered(after);
	for await (const row of entriesOf(parts, after)) {
		if (!row.ok) return row;
		const whole = wholeOf(chain, row.value);
		while (whole.ok && !gathered.hasRoomFor(whole.value)) {
			const run = gathered.take(chain);
			if (run === null) return ok(gathered.tooLarge(whole.value));
			yield run;
		}
		if (whole.ok) gathered.add(whole.value);
		else {
			const run = gathered.take(chain);
			if (run !== null) yield run;
			return ok(gathered.stopAt(whole.error));
		}
	}
	for (let run = gathered.take(chain); run !== null; run = gathered.take(chain)) yield run;
	return ok(null);
}

async function* entriesOf(
	{ space, store, chain }: RunsParts,
	after: Seq
): AsyncGenerator<Result<StoredEntry, StoreFault>, void, undefined> {
	const until = chain.head.seq;
	for (let at = after; at < until; ) {
		const stored = await store.loadEntries(space, at, Math.min(entriesAtOnce, until - at));
		if (!stored.ok || stored.value.length === 0) {
			yield stored.ok ? err('store_unavailable') : stored;
			return;
		}
		for (const entry of stored.value) yield ok(entry);
		at += stored.value.length;
	}
}

/** Entries in a row that wait until what supersedes their absent pages is among them. */
class Gathered {
	#waiting: Whole[] = [];
	#bytes = 0;
	/** How many of them could go as they are. */
	#closed = 0;
	#needs: Seq = 0;
	#after: Seq;

	constructor(after: Seq) {
		this.#after = after;
	}

	add(whole: Whole): void {
		this.#waiting.push(whole);
		this.#bytes += whole.bytes;
		this.#needs = Math.max(this.#needs, whole.needs);
		if (whole.seq >= this.#needs) this.#closed = this.#waiting.length;
	}

	hasRoomFor({ bytes }: Whole): boolean {
		return this.#waiting.length < maxEntriesPerRun && this.#bytes + bytes <= maxRunBytes;
	}

	/** Those that can go; null if there are none. The others wait on. */
	take(chain: Chain): PutBackRun | null {
		const going = this.#waiting.slice(0, this.#closed);
		const last = going.at(-1);
		if (last === undefined) return null;
		const after = headOf(chain, this.#after);
		const waiting = this.#waiting.slice(going.length);
		this.#after = last.seq;
		this.#waiting = [];
		this.#bytes = this.#closed = this.#needs = 0;
		for (const whole of waiting) this.add(whole);
		return { after, entries: going.map(({ entry }) => entry) };
	}

	tooLarge(next: Whole): PutBackStop {
		const { seq, author } = this.#waiting[0] ?? next;
		return { seq, why: 'too_large', author };
	}

	/** An entry is not whole: those that wait for one behind it stay out with it. */
	stopAt(stop: PutBackStop): PutBackStop {
		return { ...stop, seq: this.#waiting[0]?.seq ?? stop.seq };
	}
}

function wholeOf(chain: Chain, row: StoredEntry): Result<Whole, PutBackStop> {
	const { seq, commit, signature } = row;
	const parsed = parseCommit(commit);
	if (!parsed.ok) throw new Error('a verified entry is a commit');
	const { author } = parsed.value;
	const keys = keysOf(row, parsed.value);
	if (keys === null) return err({ seq, why: 'keys_missing', author });
	let needs = seq;
	const pages: (Uint8Array | null)[] = [];
	for (const index of parsed.value.pages.keys()) {
		const by = chain.supersededBy({ seq, index });
		// What an owner purged is brought back by nobody.
		const isPurged = by !== null && chain.ledger.isPurged({ seq, index });
		const page = isPurged ? null : (row.pages[index] ?? null);
		if (page === null && by === null) return err({ seq, why: 'page_missing', author });
		if (page === null && by !== null) needs = Math.max(needs, by.seq);
		pages.push(page);
	}
	const entry = { commit, signature, pages, ...keys };
	return ok({ seq, author, entry, bytes: sizeOf(entry), needs });
}

/** All that travelled beside the commit; null if this device was given only its own part of it. */
function keysOf(row: StoredEntry, commit: Commit): Pick<RunEntry, 'wraps' | 'previousKey'> | null {
	const keys = parseKeys(row.keys);
	if (keys === null) return null;
	const wraps = keys.wraps.toSorted((a, b) => a.index - b.index).map(({ wrap }) => wrap);
	return keysMatch(commit, wraps, keys.previousKey)
		? { wraps, previousKey: keys.previousKey }
		: null;
}

function sizeOf({ commit, signature, pages, wraps, previousKey }: RunEntry): number {
	const parts = [commit, signature, ...pages, ...wraps, previousKey];
	return parts.reduce((sum, part) => sum + perPartBytes + (part?.length ?? 0), framingBytes);
}
