// Sending what waits: commits whose bytes are stored first, a few under way at once, and again after
// a connection was lost. What follows a refusal is read from the table of wire errors; a commit is given
// up only once the log shows that it can never stand there, or where there is no room for it.
import { countKey, writesItems, type Member } from '../crypto/log-state.ts';
import { parseCommit, type PageId } from '../protocol/commit.ts';
import { wireErrors, type Refusal } from '../protocol/errors.ts';
import { encodeClientFrame } from '../protocol/frames.ts';
import type { AccountId, DeviceId, Epoch } from '../protocol/ids.ts';
import { maxSupersedesPerCommit } from '../protocol/limits.ts';
import type { Change } from '../protocol/page.ts';
import { ok, type Result } from '../protocol/result.ts';
import { draftOwed } from './admin-draft.ts';
import type { Chain } from './chain.ts';
import type { CommitDraft } from './crypto-port.ts';
import type { LocalRow } from './items.ts';
import type { NextCommit, Outbox, Outcome } from './outbox.ts';
import type { Content } from './receive.ts';
import { waitMs } from './errors.ts';
import type { SyncProblem } from './status.ts';
import type { PendingCommit, StoreFault } from './store.ts';

export interface PusherParts {
	readonly chain: Chain;
	readonly outbox: Outbox;
	readonly content: Pick<Content, 'freedBy'>;
	readonly account: AccountId;
	/** Whether the member entry holds this account's identity: only then what it signs counts. */
	readonly isOneself: () => boolean;
	/** Whether it holds the one of before a renewal. */
	readonly isEarlier: () => boolean;
	/** Whether the key of an epoch is here. */
	readonly knows: (epoch: Epoch) => boolean;
	readonly device: DeviceId;
	readonly nowMs: () => number;
	/** Whether this tab leads, is connected, and has verified all that is on offer. */
	readonly isReady: () => boolean;
	/** Whether this device may write here; one that nobody vouched for waits. */
	readonly mayWrite: () => boolean;
	readonly send: (frame: Uint8Array) => boolean;
	/** Asks for what was appended meanwhile. */
	readonly pull: () => void;
	/** Null: what kept changes from being sent does so no more. */
	readonly onProblem: (problem: SyncProblem | null) => void;
	readonly onStoreFault: (fault: StoreFault) => void;
}

/** A commit that is formed when nothing else is under way, and stands for itself. */
export interface LoneCommit {
	/** What it says, by the state of this moment; null if there is nothing to be said any more. */
	draft(): Omit<CommitDraft, 'space' | 'count' | 'seen' | 'timeMs'> | null;
	/** Its bytes are kept, and go out until they stand or never can. */
	formed(outcome: Promise<Outcome>): void;
	failed(fault: StoreFault | Refused): void;
}

/** Why changes can't be saved. */
type SaveRefusal = StoreFault | 'note_too_large';

/** Something before it is not taken by the edge, and stays: nothing is formed behind that. */
export type Refused = 'refused' | 'over_quota';

/** Commits under way at once: enough to keep edge and signing busy, few enough to lose little. */
const maxInFlight = 8;
/** Formed at once, so that sealing the next ones goes on while the first travel. */
const formedAtOnce = 2;
const [retrySeconds, maxRefusalsInARow] = [5, 5];

export class Pusher {
	readonly #parts: PusherParts;
	readonly #inFlight = new Set<number>();
	#pushing = false;
	#idle: Promise<void> = Promise.resolve();
	#again = false;
	/** Set by what must not be repeated on this connection. */
	#blocked = false;
	/** The edge never takes a commit, it says; what the role forbids is held here besides. */
	#denied = false;
	#refusedFrom: number | null = null;
	/** Whether pages of this account counted when it was looked at last. */
	#wrote = true;
	/** What was refused is looked at: counts may become free, and nothing is formed meanwhile. */
	#givingUp = false;
	/** What the edge has no room for, by its count, and is about to go out again. */
	#full: number | null = null;
	/** A problem is shown that goes with what was refused. */
	#complained = false;
	#refusalsInARow = 0;
	#pauseTimer: ReturnType<typeof setTimeout> | undefined;
	readonly #alone: LoneCommit[] = [];
	/** Why nothing that waits may go out. */
	#held: SyncProblem | null = null;

	constructor(parts: PusherParts) {
		this.#parts = parts;
	}

	/** A new connection: nothing is under way on it yet. */
	reset(): void {
		this.#inFlight.clear();
		[this.#blocked, this.#denied] = [false, false];
		[this.#refusedFrom, this.#full] = [null, null];
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

	/** The edge took a commit: whatever it said of earlier ones is over. */
	noteProgress(): void {
		this.#refusalsInARow = 0;
		this.#full = null;
		this.#forgetSettled();
		this.#endComplaint();
	}

	/** What stands is not under way any more, however this device came to know. */
	#forgetSettled(): void {
		const { outbox } = this.#parts;
		for (const count of this.#inFlight) {
			if (outbox.pendingAt(count) === undefined) this.#inFlight.delete(count);
		}
		if (outbox.waiting === 0 && isEmpty(outbox.pending)) this.#endComplaint();
	}

	#endComplaint(): void {
		if (!this.#complained) return;
		this.#complained = false;
		this.#parts.onProblem(this.#held);
	}

	/** Commits that wait, or changes: what the person must know when they do not go out. */
	#complain(problem: SyncProblem): void {
		const { outbox, onProblem } = this.#parts;
		if (outbox.waiting === 0 && !outbox.hasAdministrative) return;
		this.#complained = true;
		onProblem(problem);
	}

	/** Forms this one before anything else that waits. */
	pushAlone(commit: LoneCommit): void {
		if (this.#denied && !isEmpty(this.#parts.outbox.pending)) {
			commit.failed('refused');
			return;
		}
		this.#alone.push(commit);
		this.push();
	}

	/** Takes it back, if it was not formed yet. */
	withdraw(commit: LoneCommit): void {
		const index = this.#alone.indexOf(commit);
		if (index >= 0) this.#alone.splice(index, 1);
	}

	/** Whether a commit of this device is on its way, or waits for its turn. */
	get isBusy(): boolean {
		const { outbox } = this.#parts;
		return this.#alone.length > 0 || outbox.hasUnformed || !isEmpty(outbox.pending);
	}

	/**
	 * Saves changes. With nothing before them, their commit is formed meanwhile and kept together with
	 * them: it was sent when this answers.
	 */
	async write(changes: readonly Change[]): Promise<Result<readonly LocalRow[], SaveRefusal>> {
		const { outbox, nowMs } = this.#parts;
		// What frees pages is formed once its items know that it waits.
		const next = changes.some(({ type }) => type === 'tombstone') ? null : this.#liveCommit;
		if (next === null) return outbox.write(changes, nowMs());
		this.#pushing = true;
		const written = outbox.write(changes, nowMs(), next);
		this.#idle = Promise.allSettled([written]).then(() => undefined);
		try {
			return await written;
		} finally {
			this.#pushing = false;
			this.push();
		}
	}

	/** What changes that are written now may be formed into at once; null if anything comes before them. */
	get #liveCommit(): NextCommit | null {
		const { chain, outbox, device } = this.#parts;
		const isFree = !this.#pushing && this.#maySend && this.#alone.length === 0 && outbox.isIdle;
		if (!isFree || this.#member === undefined || !this.#writes || this.#owed !== null) return null;
		return { device, draft: { ...this.#next(), epoch: chain.state.openEpoch } };
	}

	/** Sends what is formed, and forms what waits, while there is room under way. */
	push(): void {
		this.#noteHold();
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
			if (this.#full !== null) await this.#stepAside();
			this.#sendPending();
			if (await this.#form()) this.#again = true;
		}
		this.#pushing = false;
	}

	get #maySend(): boolean {
		const { isReady, mayWrite } = this.#parts;
		const isHeldUp = this.#blocked || this.#denied || this.#givingUp;
		return isReady() && mayWrite() && !isHeldUp && this.#pauseTimer === undefined;
	}

	get #member(): Member | undefined {
		return this.#parts.chain.state.members.get(this.#parts.account);
	}

	/** What the next page of this account has to bring with it. */
	get #owed(): CommitDraft['admin'] {
		const member = this.#member;
		return member === undefined ? null : draftOwed(this.#parts.chain.state, member.role);
	}

	/** Whether pages of this account count; entry 1 makes its author a member. */
	get #writes(): boolean {
		const { chain, isOneself } = this.#parts;
		if (chain.head.seq === 0) return true;
		const member = this.#member;
		if (member === undefined || !writesItems(member.role)) return false;
		return isOneself() && this.#hasKey;
	}

	/** Of the open epoch, or of the one that is owed: an owner may have given a key that opens nothing. */
	get #hasKey(): boolean {
		const { chain, knows } = this.#parts;
		return chain.state.epochOwed || knows(chain.state.openEpoch);
	}

	/** What waits here although the role, or the device, may not send it. */
	#noteHold(): void {
		const { chain, outbox, isEarlier, mayWrite, onProblem } = this.#parts;
		const writes = this.#writes;
		// What was refused to another role goes out again.
		if (writes && !this.#wrote) this.#denied = false;
		this.#wrote = writes;
		const mayNot = isEarlier() ? 'identity_renewed' : writes ? null : 'refused';
		const holds = mayNot ?? (mayWrite() ? null : 'unconfirmed');
		const held = chain.head.seq > 0 && outbox.waiting > 0 ? holds : null;
		if (held === this.#held) return;
		this.#held = held;
		this.#denied = false;
		onProblem(held);
	}

	#sendPending(): void {
		for (const pending of this.#parts.outbox.pending) {
			if (this.#inFlight.size >= maxInFlight) return;
			// Counts have no gaps: what comes behind waits with it.
			if (pending.pages.length > 0 && !this.#writes) return;
			if (!this.#inFlight.has(pending.count)) this.#send(pending);
		}
	}

	#send(pending: PendingCommit): void {
		const { commit, signature, pages, wraps, previousKey, count } = pending;
		const append = { type: 'append', commit, signature, pages, wraps, previousKey } as const;
		const frame = encodeClientFrame(append);
		if (this.#parts.send(frame)) this.#inFlight.add(count);
	}

	/** Whether commits were formed that can be sent now. */
	async #form(): Promise<boolean> {
		const { chain, outbox } = this.#parts;
		// What stands after a change of the administration shows once it stands.
		if (chain.head.seq === 0 || outbox.hasAdministrative) return false;
		const [alone] = this.#alone;
		if (alone !== undefined) return this.#formAlone(alone);
		if (!outbox.hasUnformed || !this.#writes) return false;
		const owed = this.#owed;
		if (owed !== null && !isEmpty(outbox.pending)) return false;
		const room = Math.min(formedAtOnce, maxInFlight - this.#inFlight.size);
		if (room <= 0 || (this.#inFlight.size > 0 && outbox.isGathering)) return false;
		return this.#formRows(owed === null ? room : 1, owed);
	}

	/**
	 * What there is no room for lets pass what gives room back, and what changes the administration: it is
	 * taken apart, and its rows stay. To an edge that has placed it all the same this device looks like a
	 * copy, and nothing is lost. Not waited for in vain: an edit takes its short way only between pushes.
	 */
	async #stepAside(): Promise<void> {
		const from = this.#full;
		if (from === null || this.#inFlight.size > 0) return;
		this.#full = null;
		const { outbox } = this.#parts;
		const refused = outbox.pendingAt(from)?.outboxIds ?? [];
		const { endings } = outbox;
		const isNew = this.#writes && endings.some((id) => !refused.includes(id));
		const frees = isNew && this.#freedBy(endings, new Set()).length > 0;
		// Whoever asked for a change of the administration was told that it was refused.
		const mayGo = outbox.hasAdministrative && outbox.hasUnformed;
		if (!frees && !mayGo && this.#alone.length === 0) return;
		const counts = [...outbox.pending].map(({ count }) => count).filter((count) => count >= from);
		const free = await this.#setAside(counts);
		if (!free.ok) this.#parts.onStoreFault(free.error);
		else if (frees) await this.#formRows(1, this.#owed, new Set(endings));
	}

	/** Rule 8d: what is owed comes with the next page, in a commit of its own. */
	async #formRows(
		limit: number,
		owed: CommitDraft['admin'],
		only?: ReadonlySet<number>
	): Promise<boolean> {
		const { chain, outbox, device } = this.#parts;
		const { openEpoch } = chain.state;
		const epoch = owed?.opensEpoch === true ? openEpoch + 1 : openEpoch;
		const next = { ...this.#next(), epoch, admin: owed ?? null };
		const formed = await outbox.form(device, next, {
			limit,
			...(only && { only }),
			freedBy: (rows, before) => this.#freedBy(rows, before)
		});
		if (!formed.ok) this.#parts.onStoreFault(formed.error);
		return formed.ok && formed.value.length > 0;
	}

	async #formAlone(alone: LoneCommit): Promise<boolean> {
		const { outbox, device, onStoreFault } = this.#parts;
		const unsendable = [...outbox.pending].map(({ count }) => count);
		if (unsendable.length > 0 && this.#writes) return false;
		this.withdraw(alone);
		const draft = alone.draft();
		if (draft === null) return true;
		// What it says and what it has seen are of one moment.
		const next = { ...this.#next(Math.min(...unsendable)), ...draft };
		const free = await this.#setAside(unsendable);
		const formed = free.ok ? await outbox.formAlone(device, next) : free;
		if (formed.ok) alone.formed(formed.value);
		else {
			alone.failed(formed.error);
			onStoreFault(formed.error);
		}
		return formed.ok;
	}

	/**
	 * What stands in the way of whoever wants to leave, or to make room, is taken apart, and its rows stay.
	 * Under the count that the other one takes, its bytes can never stand.
	 */
	async #setAside(counts: readonly number[]): Promise<Result<void, StoreFault>> {
		return counts.length === 0 ? ok(undefined) : this.#parts.outbox.giveUp(counts);
	}

	/** @param count of commits that are about to be taken apart, the lowest. */
	#next(count = Infinity): Pick<CommitDraft, 'count' | 'seen' | 'timeMs'> {
		const { chain, nowMs } = this.#parts;
		return { count: Math.min(count, this.#nextCount()), seen: chain.head, timeMs: nowMs() };
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
			if (refusal.code === 'over_quota') {
				this.#complain('over_quota');
				this.#turnAway(count, 'over_quota');
				this.#full = Math.min(count, this.#full ?? count);
			}
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
				this.#denied = true;
				this.#complain('refused');
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
		this.#forgetSettled();
		const from = this.#refusedFrom;
		if (from === null) return;
		this.#refusedFrom = null;
		this.#givingUp = true;
		// What is being formed took the next count: were one before it given up now, a gap would stay,
		// and the edge would refuse all that comes behind it for good.
		await this.#idle
			.then(() => this.#giveUpFrom(from))
			.finally(() => {
				this.#givingUp = false;
			});
	}

	async #giveUpFrom(from: number): Promise<void> {
		const pending = [...this.#parts.outbox.pending].filter(({ count }) => count >= from);
		const lost = pending.find((commit) => this.#canNeverStand(commit));
		if (lost === undefined) {
			// It may be placed yet, whatever the edge says: whoever waits for it is told that it is not.
			if (this.#denied) this.#turnAway(from, 'refused');
			return;
		}
		const counts = pending.map(({ count }) => count).filter((count) => count >= lost.count);
		const givenUp = await this.#parts.outbox.giveUp(counts);
		if (!givenUp.ok) this.#parts.onStoreFault(givenUp.error);
		else if (this.#refusalsInARow <= maxRefusalsInARow) this.#unblock();
	}

	/** Nobody is kept waiting for what the edge does not take, nor for what would come after it. */
	#turnAway(count: number, why: Refused): void {
		this.#parts.outbox.leave(count, why);
		for (const alone of this.#alone.splice(0)) alone.failed(why);
	}

	/** What was refused is gone. */
	#unblock(): void {
		if (this.#denied) this.#endComplaint();
		this.#denied = false;
	}

	/** Its count is taken, its epoch is closed, or another one changed the administration first. */
	#canNeverStand({ commit, count }: PendingCommit): boolean {
		const { account, device, chain } = this.#parts;
		const { state } = chain;
		if (count <= (state.counts.get(countKey(account, device)) ?? 0)) return true;
		const parsed = parseCommit(commit);
		if (!parsed.ok) throw new Error('a pending commit was formed here');
		const { admin, pages, seen } = parsed.value;
		if (admin !== null && state.lastAdminSeq > seen.seq) return true;
		const epoch = admin?.epoch?.number ?? state.openEpoch;
		if (pages.some((page) => page.epoch !== epoch)) return true;
		if (state.epochOwed && pages.length > 0 && !admin?.epoch) return true;
		const { role } = this.#member ?? {};
		return role === 'owner' && state.auditOwed && pages.length > 0 && !admin?.audit;
	}
}

const isEmpty = (values: Iterable<unknown>): boolean =>
	values[Symbol.iterator]().next().done === true;
