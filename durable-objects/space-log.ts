// The log of one space in memory: the state that was judged last, and the one way to go on from it.
import { sha256Async } from '../crypto/hash.ts';
import {
	judge,
	keysMatch,
	pagesMatch,
	parseEntry,
	wireCodeOf,
	type ParsedEntry
} from '../crypto/log-rules.ts';
import {
	countKey,
	emptyLog,
	parseLogState,
	readsContent,
	type LogState
} from '../crypto/log-state.ts';
import { VerifyKeys, verifySignature, type Proof } from '../crypto/signature.ts';
import type { WireErrorCode } from '../protocol/errors.ts';
import type { Append, PutBackRun, RunEntry } from '../protocol/frames.ts';
import { parseId, type AccountId, type Seq, type SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { maxResendDistance } from './limits.ts';
import { RecentHeads } from './recent-heads.ts';
import { judgeRun } from './space-run.ts';
import type { Attachment } from './space-sockets.ts';
import type { Asker, SpaceQuota } from './space-quota.ts';
import { pagesIn, sizeOf } from './space-size.ts';
import type { Arrival, Places, Reader, SpaceStore } from './space-store.ts';

/** Where a commit stands; what came with it, unless it stood there before. */
interface Appended {
	readonly seq: Seq;
	readonly arrival: Arrival | null;
}

export class SpaceLog {
	readonly #store: SpaceStore;
	readonly #quota: SpaceQuota;
	readonly #heads: RecentHeads;
	/** Of those who write here: imported once, while the object is awake. */
	readonly #keys = new VerifyKeys();
	/** Null for a name that no space can have, and for a space that is gone. */
	#state: LogState | null;

	/** @param name of the object: the space's id, or whatever somebody asked for. */
	constructor(store: SpaceStore, quota: SpaceQuota, name: string | undefined) {
		this.#store = store;
		this.#quota = quota;
		this.#heads = new RecentHeads(store);
		this.#state = loadState(store, name);
	}

	get state(): LogState | null {
		return this.#state;
	}

	/** The state of a space that somebody was let into. */
	get known(): LogState {
		if (this.#state === null) throw new Error('a space without a name has no sockets');
		return this.#state;
	}

	/** Whether there is an entry, and so tables. */
	get hasBegun(): boolean {
		return this.#state !== null && this.#state.head.seq > 0;
	}

	/** Members; and anybody, as long as nobody has made the space. */
	admits(account: AccountId): boolean {
		const state = this.#state;
		return state !== null && (state.head.seq === 0 || state.members.has(account));
	}

	/** Whether nobody else is in it; a link's member lives by who has made the link. */
	isOnlyOf(account: AccountId): boolean {
		if (!this.hasBegun) return false;
		return [...this.known.members].every(([id, { kind }]) => id === account || kind === 'link');
	}

	/** Nothing is left of the space. */
	forget(): void {
		this.#state = null;
	}

	readerFor(account: AccountId): Reader {
		const role = this.known.members.get(account)?.role;
		return { account, readsContent: role !== undefined && readsContent(role) };
	}

	/**
	 * Async work first (signatures, hashes of pages), then one synchronous block that appends. The
	 * state can't change in between: frames are answered one after another, and nothing but an append
	 * changes it.
	 *
	 * @param mayGoOn asked last: whether the session has not ended meanwhile.
	 */
	async append(
		asker: Attachment,
		entry: ParsedEntry,
		append: Append,
		mayGoOn: () => boolean
	): Promise<Result<Appended, WireErrorCode>> {
		const { account, device } = asker;
		const { parsed } = entry;
		if (parsed.author !== account || parsed.device !== device) return err('forbidden');
		const state = this.known;
		const later = (state.counts.get(countKey(account, device)) ?? 0) - parsed.count;
		if (later >= 0) {
			const places = { seen: parsed.seen.seq, head: state.head.seq, later };
			const seq = this.#store.findCommit(append, resendPlaces(places));
			if (seq !== undefined) return ok({ seq, arrival: null });
		}
		const judged = judge(state, this.#heads, entry);
		if (!judged.ok) return err(wireCodeOf(judged.error));
		const [isProven, isSigned] = await Promise.all([
			this.#areGood(judged.value.proofs),
			bytesAreSigned(entry, append)
		]);
		if (!isSigned) return err('malformed');
		if (!isProven) return err('forbidden');
		const room = await this.#makeRoom(asker, [{ entry, append }], judged.value.state);
		if (!room.ok) return room;
		if (!mayGoOn()) return err('unauthenticated');
		const arrival = { entry, append, state: judged.value.state, receivedAtMs: Date.now() };
		this.#store.append([arrival]);
		this.#quota.save();
		this.#state = arrival.state;
		this.#heads.note(arrival.state.head);
		return ok({ seq: arrival.state.head.seq, arrival });
	}

	/**
	 * Takes entries that stood here once, whoever carries them: each is judged as if its author had
	 * appended it. What stands already is passed over. All of the rest, or nothing.
	 *
	 * @param mayGoOn asked last, as by {@link SpaceLog.append}.
	 */
	async putBack(
		asker: Attachment,
		run: PutBackRun,
		mayGoOn: () => boolean
	): Promise<Result<readonly Arrival[], WireErrorCode>> {
		const judged = judgeRun(this.known, this.#store, run);
		if (!judged.ok) return judged;
		for (const { entry, carried, judged: after } of judged.value) {
			const [isProven, isSigned] = await Promise.all([
				this.#areGood(after.proofs),
				bytesAreSigned(entry, carried)
			]);
			if (!isSigned) return err('malformed');
			if (!isProven) return err('forbidden');
		}
		const carried = judged.value.map(({ entry, carried: append }) => ({ entry, append }));
		const after = judged.value.at(-1)?.judged.state ?? this.known;
		const room = await this.#makeRoom(asker, carried, after);
		if (!room.ok) return room;
		if (!mayGoOn()) return err('unauthenticated');
		const receivedAtMs = Date.now();
		const arrivals = judged.value.map(({ entry, carried, judged: { state } }): Arrival => {
			return { entry, append: carried, state, receivedAtMs };
		});
		this.#store.append(arrivals);
		this.#quota.save();
		this.#state = arrivals.at(-1)?.state ?? this.#state;
		return ok(arrivals);
	}

	#makeRoom(
		asker: Asker,
		added: readonly Pick<Arrival, 'entry' | 'append'>[],
		after: LogState
	): Promise<Result<null, WireErrorCode>> {
		return this.#quota.makeRoom({
			...{ asker, before: this.known, after, stored: this.#store.stored },
			added: {
				bytes: added.reduce((sum, { append }) => sum + sizeOf(append), 0),
				pages: added.reduce((sum, { append }) => sum + pagesIn(append), 0)
			},
			pagesAfter: () => this.#pagesAfter(added),
			entries: added.map(({ entry }) => entry)
		});
	}

	/** How many pages are live once these have followed, which may supersede each other's. */
	#pagesAfter(added: readonly Pick<Arrival, 'entry' | 'append'>[]): number {
		const [come, gone] = [new Set<string>(), new Set<string>()];
		let { seq } = this.known.head;
		for (const { entry, append } of added) {
			for (const page of entry.parsed.supersedes) {
				const name = `${String(page.seq)}/${String(page.index)}`;
				if (!come.delete(name) && this.#store.isLive(page)) gone.add(name);
			}
			seq += 1;
			for (const [index, sealed] of append.pages.entries()) {
				if (sealed !== null) come.add(`${String(seq)}/${String(index)}`);
			}
		}
		return this.#store.stored.pages + come.size - gone.size;
	}

	async #areGood(proofs: readonly Proof[]): Promise<boolean> {
		const verified = await Promise.all(
			proofs.map(({ publicKey, message, signature }) =>
				verifySignature(publicKey, message, signature, this.#keys)
			)
		);
		return verified.every(Boolean);
	}
}

/**
 * Where a commit can stand that comes again: after what its author had seen, and before as many
 * entries as the device's count went on by. No further behind the head than is cheap to read.
 */
export const resendPlaces = (commit: {
	readonly seen: Seq;
	readonly head: Seq;
	/** Commits of the same device that were counted after it. */
	readonly later: number;
}): Places => ({
	after: Math.max(commit.seen, commit.head - maxResendDistance),
	upTo: commit.head - commit.later
});

/** The snapshot, and the commits after it judged again; their signatures were verified once. */
function loadState(store: SpaceStore, name: string | undefined): LogState | null {
	const stored = store.loadLog();
	if (stored === null) {
		const space = parseId<SpaceId>(name);
		return space.ok ? emptyLog(space.value) : null;
	}
	const snapshot = parseLogState(stored.state);
	if (!snapshot.ok) throw new Error('the stored state of the log is not readable');
	let state = snapshot.value;
	for (const signed of stored.tail) {
		const entry = parseEntry(signed);
		const judged = entry.ok ? judge(state, store, entry.value) : entry;
		if (!judged.ok) throw new Error('a stored commit does not follow from the state before it');
		state = judged.value.state;
	}
	return state;
}

/** Whether pages, wraps and previous-key record are the ones that the commit signs. */
async function bytesAreSigned({ parsed }: ParsedEntry, given: RunEntry): Promise<boolean> {
	if (!keysMatch(parsed, given.wraps, given.previousKey)) return false;
	const pages = await Promise.all(
		given.pages.map(async (page) =>
			page === null ? null : { lengthBytes: page.length, hash: await sha256Async(page) }
		)
	);
	return pagesMatch(parsed, pages);
}
