// Sending what waits: commits whose bytes are stored first, a few under way at once, and again after
// a connection was lost. What follows a refusal is read from the table of wire errors; a commit is
// given up only once the log itself shows that it can never stand there.
import { countKey, writesItems } from '../crypto/log-state.ts';
import { parseCommit, type PageId } from '../protocol/commit.ts';
import { wireErrors, type Refusal } from '../protocol/errors.ts';
import { encodeClientFrame } from '../protocol/frames.ts';
import type { AccountId, DeviceId } from '../protocol/ids.ts';
import { maxSupersedesPerCommit } from '../protocol/limits.ts';
import type { Chain } from './chain.ts';
import type { Outbox } from './outbox.ts';
import type { Content } from './receive.ts';
import { waitMs } from './errors.ts';
import type { SyncProblem } from './status.ts';
import type { PendingCommit, StoreFault } from './store.ts';

export interface PusherParts {
	readonly chain: Chain;
	readonly outbox: Outbox;
	readonly content: Pick<Content, 'freedBy'>;
	readonly account: AccountId;
	readonly device: DeviceId;
	readonly nowMs: () => number;
	/** Whether this tab leads, is connected, and has verified all that is on offer. */
	readonly isReady: () => boolean;
	readonly send: (frame: Uint8Array) => boolean;
	/** Asks for what was appended meanwhile. */
	readonly pull: () => void;
	readonly onProblem: (problem: SyncProblem) => void;
	readonly onStoreFault: (fault: StoreFault) => void;
}

/** Commits under way at once: enough to keep edge and signing busy, few enough to lose little. */
const maxInFlight = 8;
/** Formed at once, so that sealing the next ones goes on while the first travel. */
const formedAtOnce = 2;
const retrySeconds = 5;
const maxRefusalsInARow = 5;

export class Pusher {
	readonly #parts: PusherParts;
	readonly #inFlight = new Set<number>();
	#pushing = false;
	#idle: Promise<void> = Promise.resolve();
	#again = false;
	/** Set by a refusal that must not be repeated on this connection. */
	#blocked = false;
	#refusedFrom: number | null = null;
	#refusalsInARow = 0;
	#pauseTimer: ReturnType<typeof setTimeout> | undefined;

	constructor(parts: PusherParts) {
		this.#parts = parts;
	}

	/** A new connection: nothing is under way on it yet. */
	reset(): void {
		this.#inFlight.clear();
		this.#blocked = false;
		this.#refusedFrom = null;
		this.#endPause();
	}

	stop(): void {
		this.#inFlight.clear();
		this.#endPause();
	}

	/** Nothing more goes out until the next connection. */
	block(): void {
		this.#blocked = true;
	}

	/** The edge took a commit. */
	noteProgress(): void {
		this.#refusalsInARow = 0;
		for (const count of this.#inFlight) {
			if (this.#parts.outbox.pendingAt(count) === undefined) this.#inFlight.delete(count);
		}
	}

	/** Sends what is formed, and forms what waits, while there is room under way. */
	push(): void {
		this.#again = true;
		if (this.#pushing) return;
		this.#pushing = true;
		this.#idle = this.#run();
	}

	/** Settles when no push is under way. */
	get idle(): Promise<void> {
		return this.#idle;
	}

	async #run(): Promise<void> {
		while (this.#again && this.#maySend) {
			this.#again = false;
			this.#sendPending();
			if (await this.#form()) this.#again = true;
		}
		this.#pushing = false;
	}

	get #maySend(): boolean {
		return this.#parts.isReady() && !this.#blocked && this.#pauseTimer === undefined;
	}

	#sendPending(): void {
		for (const pending of this.#parts.outbox.pending) {
			if (this.#inFlight.size >= maxInFlight) return;
			if (!this.#inFlight.has(pending.count)) this.#send(pending);
		}
	}

	#send(pending: PendingCommit): void {
		const { commit, signature, pages, wraps, previousKey, count } = pending;
		const type = 'append';
		const frame = encodeClientFrame({ type, commit, signature, pages, wraps, previousKey });
		if (this.#parts.send(frame)) this.#inFlight.add(count);
	}

	/** Whether commits were formed that can be sent now. */
	async #form(): Promise<boolean> {
		const { chain, outbox, account, device, nowMs } = this.#parts;
		const room = Math.min(formedAtOnce, maxInFlight - this.#inFlight.size);
		const { state } = chain;
		if (room <= 0 || !outbox.hasUnformed || state.head.seq === 0) return false;
		if (this.#inFlight.size > 0 && outbox.isGathering) return false;
		const member = state.members.get(account);
		if (member === undefined || !writesItems(member.role) || state.epochOwed) {
			this.#blocked = true;
			this.#parts.onProblem('refused');
			return false;
		}
		const count = this.#nextCount();
		const next = { count, seen: state.head, timeMs: nowMs(), epoch: state.openEpoch };
		const formed = await outbox.form(device, next, {
			limit: room,
			freedBy: (rows, before) => this.#freedBy(rows, before)
		});
		if (!formed.ok) this.#parts.onStoreFault(formed.error);
		return formed.ok && formed.value.length > 0;
	}

	/** A deletion frees what it can in its own commit; what is beyond the limit stays. */
	#freedBy(rows: readonly number[], before: ReadonlySet<number>): readonly PageId[] {
		const { chain, content } = this.#parts;
		const freed = content.freedBy(rows, before).filter((page) => !chain.isSuperseded(page));
		return freed.slice(0, maxSupersedesPerCommit);
	}

	#nextCount(): number {
		const { chain, outbox, account, device } = this.#parts;
		const counted = chain.state.counts.get(countKey(account, device)) ?? 0;
		return Math.max(counted, ...[...outbox.pending].map(({ count }) => count)) + 1;
	}

	refused(count: number, refusal: Refusal): void {
		this.#inFlight.delete(count);
		// Commits behind a refused one are refused for their count: that says nothing about them.
		const behind = this.#refusedFrom !== null && count > this.#refusedFrom;
		if (behind || this.#pauseTimer !== undefined) return;
		const { retry } = wireErrors[refusal.code];
		this.#refusalsInARow += 1;
		if (refusal.code === 'over_quota' || retry === 'backoff') {
			if (refusal.code === 'over_quota') this.#parts.onProblem('over_quota');
			this.pause(refusal, () => {
				this.#inFlight.clear();
				this.push();
			});
		} else if (retry === 'after_upgrade') {
			this.#blocked = true;
			this.#parts.onProblem('version_too_old');
		} else if (retry === 'after_login') {
			// The edge closes the socket as well: the next one brings a new token.
			this.#blocked = true;
		} else {
			this.#refusedFrom = count;
			if (retry === 'never' || this.#refusalsInARow > maxRefusalsInARow) {
				this.#blocked = true;
				this.#parts.onProblem('refused');
			}
			this.#parts.pull();
		}
	}

	/** Waits as long as the edge asks, and tries again. */
	pause(refusal: Refusal, then: () => void): void {
		clearTimeout(this.#pauseTimer);
		this.#pauseTimer = setTimeout(
			() => {
				this.#pauseTimer = undefined;
				then();
			},
			waitMs(refusal, retrySeconds)
		);
	}

	#endPause(): void {
		clearTimeout(this.#pauseTimer);
		this.#pauseTimer = undefined;
	}

	/**
	 * All on offer is verified: what was refused and can never stand is formed anew, with what comes
	 * after it. Anything else goes out again with the same bytes: under a count that was used twice,
	 * an edge could place what it had refused, and this device would look like a copy of itself.
	 */
	async giveUpRefused(): Promise<void> {
		const from = this.#refusedFrom;
		if (from === null) return;
		this.#refusedFrom = null;
		const pending = [...this.#parts.outbox.pending].filter(({ count }) => count >= from);
		const lost = pending.find((commit) => this.#canNeverStand(commit));
		if (lost === undefined) return;
		const counts = pending.map(({ count }) => count).filter((count) => count >= lost.count);
		const givenUp = await this.#parts.outbox.giveUp(counts);
		if (!givenUp.ok) this.#parts.onStoreFault(givenUp.error);
	}

	/** Its count is taken, or its epoch is closed. */
	#canNeverStand({ commit, count }: PendingCommit): boolean {
		const { state } = this.#parts.chain;
		const { account, device } = this.#parts;
		if (count <= (state.counts.get(countKey(account, device)) ?? 0)) return true;
		const parsed = parseCommit(commit);
		if (!parsed.ok) throw new Error('a pending commit was formed here');
		const isClosed = parsed.value.pages.some(({ epoch }) => epoch !== state.openEpoch);
		return isClosed || (state.epochOwed && parsed.value.pages.length > 0);
	}
}
