// The verified log of one space in memory: its state after the last entry, and what the rules look
// up in it. Judges entries in order; holds no keys, sends and stores nothing.
import {
	judge,
	nextHead,
	parseEntry,
	type LogHistory,
	type ParsedEntry,
	type RuleFault
} from '../crypto/log-rules.ts';
import { emptyLog, type LogState } from '../crypto/log-state.ts';
import type { Proof } from '../crypto/signature.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { Commit, Head, PageId } from '../protocol/commit.ts';
import type { SignedCommit } from '../protocol/frames.ts';
import type { AccountId, Seq, SpaceId } from '../protocol/ids.ts';
import { hashBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { Ledger } from './ledger.ts';

/** An entry that the rules allow at its place; it counts once its proofs are good. */
export interface JudgedEntry {
	readonly seq: Seq;
	readonly entry: SignedCommit;
	readonly commit: Commit;
	readonly after: LogState;
	readonly proofs: readonly Proof[];
}

/** A page that a later commit replaces, and that commit: the first that named it. */
export interface Superseded {
	readonly page: PageId;
	readonly by: { readonly seq: Seq; readonly author: AccountId };
}

export type PageName = `${number}/${number}`;
export const pageName = ({ seq, index }: PageId): PageName => `${seq}/${index}`;

export class Chain implements LogHistory {
	#state: LogState;
	#heads = new Uint8Array(64 * hashBytes);
	readonly #pageCounts: number[] = [];
	/** In the order of the log. */
	readonly #superseded: Superseded[] = [];
	readonly #supersededBy = new Map<PageName, Superseded['by']>();
	/** Of the entries that are verified and stored. */
	readonly ledger = new Ledger();

	constructor(space: SpaceId) {
		this.#state = emptyLog(space);
	}

	/** After the last entry that is verified and stored. */
	get state(): LogState {
		return this.#state;
	}

	get head(): Head {
		return this.#state.head;
	}

	headAt(seq: Seq): Uint8Array | undefined {
		if (seq < 1 || seq > this.#pageCounts.length) return undefined;
		return this.#heads.subarray((seq - 1) * hashBytes, seq * hashBytes);
	}

	pageCountAt(seq: Seq): number | undefined {
		return this.#pageCounts[seq - 1];
	}

	isSuperseded(page: PageId): boolean {
		return this.#supersededBy.has(pageName(page));
	}

	/** The commit that superseded a page; null while the page is live. */
	supersededBy(page: PageId): Superseded['by'] | null {
		return this.#supersededBy.get(pageName(page)) ?? null;
	}

	/** Superseded pages in the order in which that became known, each once. */
	get superseded(): readonly Superseded[] {
		return this.#superseded;
	}

	/** Whether an owner purged a page, or any of those that came in its place: what it said went with them. */
	wasPurged(page: PageId): boolean {
		return this.#endsPurged(page, new Set());
	}

	#endsPurged(page: PageId, looked: Set<Seq>): boolean {
		if (this.ledger.isPurged(page)) return true;
		const by = this.supersededBy(page);
		if (by === null || looked.has(by.seq)) return false;
		looked.add(by.seq);
		for (let index = 0; index < (this.pageCountAt(by.seq) ?? 0); index++) {
			if (this.#endsPurged({ seq: by.seq, index }, looked)) return true;
		}
		return false;
	}

	/** Whether this head lies on the chain; seq 0 always does. */
	holds(head: Head): boolean {
		if (head.seq === 0) return true;
		const own = this.headAt(head.seq);
		return own !== undefined && equalBytes(own, head.hash);
	}

	/** Whether the same entry stands here at `seq` already. */
	holdsEntry(seq: Seq, entry: SignedCommit): boolean {
		const parsed = parseEntry(entry);
		if (!parsed.ok) return false;
		const own = this.headAt(seq);
		const previous = seq === 1 ? this.#state.genesisHash : this.headAt(seq - 1);
		if (own === undefined || previous === null || previous === undefined) return false;
		return equalBytes(nextHead(previous, parsed.value.hash), own);
	}

	/**
	 * Judges entries that follow the last one, and remembers their heads for those after them.
	 * Stops at the first fault. `accept` or `forget` ends the trial.
	 */
	try(entries: readonly SignedCommit[]): {
		readonly judged: readonly JudgedEntry[];
		readonly fault: RuleFault | null;
	} {
		const judged: JudgedEntry[] = [];
		let state = this.#state;
		for (const entry of entries) {
			const parsed = parseEntry(entry);
			const next = parsed.ok ? judge(state, this, parsed.value) : parsed;
			if (!parsed.ok || !next.ok) return { judged, fault: next.ok ? 'malformed' : next.error };
			state = next.value.state;
			const commit = parsed.value.parsed;
			this.#remember(state.head.hash, commit.pages.length);
			const { proofs } = next.value;
			judged.push({ seq: state.head.seq, entry, commit, after: state, proofs });
		}
		return { judged, fault: null };
	}

	/** The first `judged` of the trial are verified and stored. */
	accept(judged: readonly JudgedEntry[]): void {
		const last = judged.at(-1);
		if (last !== undefined) this.#state = last.after;
		for (const { seq, commit } of judged) this.#take(seq, commit);
		this.forget();
	}

	/** Drops whatever a trial left beyond the verified head. */
	forget(): void {
		this.#pageCounts.length = this.#state.head.seq;
	}

	/**
	 * Takes up entries from this device's own store, verified when they were stored; their chain is
	 * computed again, and must lead to the sealed state.
	 */
	restore(
		entries: readonly SignedCommit[],
		state: LogState
	): Result<readonly ParsedEntry[], 'malformed'> {
		const restored: ParsedEntry[] = [];
		let previous = this.headAt(this.#pageCounts.length) ?? state.genesisHash;
		for (const entry of entries) {
			const parsed = parseEntry(entry);
			if (!parsed.ok || previous === null) return err('malformed');
			previous = nextHead(previous, parsed.value.hash);
			this.#remember(previous, parsed.value.parsed.pages.length);
			this.#take(this.#pageCounts.length, parsed.value.parsed);
			restored.push(parsed.value);
		}
		return ok(restored);
	}

	/** Ends a restoration: the last restored entry must be the head of the sealed state. */
	restored(state: LogState): Result<null, 'malformed'> {
		const head = this.headAt(this.#pageCounts.length);
		const complete = this.#pageCounts.length === state.head.seq;
		if (!complete || head === undefined || !equalBytes(head, state.head.hash)) {
			return err('malformed');
		}
		this.#state = state;
		return ok(null);
	}

	/** How far {@link Chain.restore} has come. */
	get remembered(): Seq {
		return this.#pageCounts.length;
	}

	#remember(head: Uint8Array, pages: number): void {
		const offset = this.#pageCounts.length * hashBytes;
		if (offset + hashBytes > this.#heads.length) {
			const grown = new Uint8Array(2 * this.#heads.length);
			grown.set(this.#heads);
			this.#heads = grown;
		}
		this.#heads.set(head, offset);
		this.#pageCounts.push(pages);
	}

	#take(seq: Seq, commit: Commit): void {
		const { author, supersedes } = commit;
		this.ledger.note(seq, commit);
		for (const page of supersedes) {
			const name = pageName(page);
			if (this.#supersededBy.has(name)) continue;
			const by = { seq, author };
			this.#supersededBy.set(name, by);
			this.#superseded.push({ page, by });
		}
	}
}
