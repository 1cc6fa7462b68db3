// Putting back what an edge has lost: the same entries, byte for byte, after a person asked for it. Has
// a connection of its own, over which nothing is believed: the edge takes runs by the rules of every
// append, and must then show the newest entry again. Only then is the fault closed, in one write, and
// the log followed as before; whatever happens earlier leaves the fault as it was. Nothing here moves
// this device's own log: members and keys stay what they were verified to be.
import { equalBytes } from '../protocol/bytes.ts';
import type { Head } from '../protocol/commit.ts';
import { encodeClientFrame, type Entry, type PutBackRun } from '../protocol/frames.ts';
import type { SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { Chain } from './chain.ts';
import { fail, type TacetError } from './errors.ts';
import type { Follower } from './follow.ts';
import { PutBackLine, type LineOptions } from './put-back-line.ts';
import { runsAfter, type PutBackStop } from './put-back-runs.ts';
import type { PuttingBack } from './status.ts';
import type { Store, StoreFault } from './store.ts';
import type { SyncReport } from './sync-report.ts';
import type { Turns } from './turns.ts';

/** What could be put back, by what the edge offered last. */
export interface PutBackPlan {
	/** Entries that this device has verified and the edge did not offer. */
	readonly lacking: number;
	/** Of those, what this device can give back whole. */
	readonly possible: number;
	/** Why that is not all of them; null if it is. */
	readonly stop: PutBackStop | null;
}

/** What was put back. */
export interface PutBackReport {
	/** Entries that the edge took from here. */
	readonly entries: number;
	/** Where it ended short of the newest one: the space is not trusted still. Null: it is again. */
	readonly stop: PutBackStop | null;
}

export interface PutBackParts extends LineOptions {
	readonly space: SpaceId;
	readonly store: Store;
	readonly chain: Chain;
	readonly follower: Follower;
	readonly report: SyncReport;
	readonly turns: Turns;
	/** Whether this tab syncs the space, and goes on with that afterwards. */
	readonly leads: () => boolean;
	/** Follows the log again. */
	readonly connect: () => void;
	readonly onStored: (settled: readonly number[]) => void;
}

/** Connections lost in a row before it is given up, for a person to begin again. */
const maxLosses = 2;

type Put = Result<PutBackReport, TacetError>;

export class PutBack {
	readonly #parts: PutBackParts;
	#line: PutBackLine | null = null;
	#running: Promise<Put> | null = null;
	#progress: PuttingBack | null = null;

	constructor(parts: PutBackParts) {
		this.#parts = parts;
	}

	/** What the status says of it. */
	get status() {
		return { puttingBack: this.#progress, earlierFaults: this.#parts.follower.earlierFaults };
	}

	/** What a person is offered; `not_trusted` for what putting back does not mend. */
	async plan(): Promise<Result<PutBackPlan, TacetError>> {
		const { chain, follower } = this.#parts;
		const { fault } = follower;
		if (fault === null) return ok({ lacking: 0, possible: 0, stop: null });
		const { seq } = fault.offered;
		if (!this.#isMendable) return fail('not_trusted');
		let possible = 0;
		const runs = runsAfter(this.#parts, seq);
		for (;;) {
			const next = await runs.next();
			if (!next.done) possible += next.value.entries.length;
			else if (!next.value.ok) return fail(next.value.error);
			else {
				const stop = next.value.value ?? this.#moreElsewhere(chain.head);
				return ok({ lacking: chain.head.seq - seq, possible, stop });
			}
		}
	}

	/** Nothing is followed before all is shown that any device of this account has verified. */
	#moreElsewhere(offered: Head): PutBackStop | null {
		const { chain, follower } = this.#parts;
		if (follower.expectedSeq <= offered.seq) return null;
		return { seq: chain.head.seq + 1, why: 'more_elsewhere', author: null };
	}

	/** What is offered is the beginning of what was verified here, and nothing else. */
	get #isMendable(): boolean {
		const { chain, follower } = this.#parts;
		const { fault } = follower;
		return fault?.fault === 'rollback' && chain.holds(fault.offered);
	}

	/** As a person asked. A call while it is under way is answered with it. */
	run(): Promise<Put> {
		this.#running ??= this.#run().finally(() => {
			this.#running = null;
		});
		return this.#running;
	}

	/** Settles when nothing is under way. */
	get idle(): Promise<unknown> {
		return this.#running ?? Promise.resolve();
	}

	/** Ends what is under way: the fault stays as it was. */
	stop(): void {
		this.#line?.end({ code: 'offline' });
	}

	async #run(): Promise<Put> {
		const { follower, report } = this.#parts;
		if (follower.fault === null) return ok({ entries: 0, stop: null });
		if (!this.#isMendable) return fail('not_trusted');
		const line = new PutBackLine(this.#parts);
		this.#line = line;
		try {
			const put = await this.#overSeveralLosses(line);
			return put.ok && put.value.stop === null ? await this.#followOn(put.value) : put;
		} finally {
			line.end({ code: 'offline' });
			this.#line = null;
			this.#progress = null;
			report.changed();
		}
	}

	/** Each connection begins with what the edge offers by then: what it has taken it keeps. */
	async #overSeveralLosses(line: PutBackLine): Promise<Put> {
		let entries = 0;
		for (let losses = 0; ; ) {
			const before = entries;
			const put = await this.#converse(line, (taken) => {
				entries += taken;
			});
			if (put.ok) return ok({ entries, stop: put.value });
			if (entries > before) losses = 0;
			losses += 1;
			if (!line.isComingBack || losses >= maxLosses) return put;
		}
	}

	async #converse(
		line: PutBackLine,
		took: (entries: number) => void
	): Promise<Result<PutBackStop | null, TacetError>> {
		const { chain } = this.#parts;
		const hello = await line.next('hello');
		if (!hello.ok) return hello;
		const { offered } = hello.value;
		if (!(await this.#accords(offered))) return fail('not_trusted');
		if (offered.seq < chain.head.seq) {
			const given = await this.#give(line, offered.seq, took);
			if (!given.ok || given.value !== null) return given;
		}
		return this.#confirm(line);
	}

	/** Whether a head can be one of this log's; what lies beyond it shows when it is followed. */
	async #accords(offered: Head): Promise<boolean> {
		const { chain, follower, turns } = this.#parts;
		if (offered.seq > chain.head.seq || chain.holds(offered)) return true;
		await turns.take(() => follower.distrust('fork', offered, null));
		return false;
	}

	async #give(
		line: PutBackLine,
		from: number,
		took: (entries: number) => void
	): Promise<Result<PutBackStop | null, TacetError>> {
		const { chain } = this.#parts;
		const runs = runsAfter(this.#parts, from);
		this.#show(from, from);
		for (;;) {
			const next = await runs.next();
			if (next.done) return next.value.ok ? next.value : storeFailed(next.value.error);
			const run = next.value;
			const last = run.after.seq + run.entries.length;
			const stands = await this.#giveRun(line, run);
			if (!stands.ok) return stands;
			if (!(await this.#accords(stands.value))) return fail('not_trusted');
			if (stands.value.seq < last) return fail('server_misbehaved');
			took(run.entries.length);
			this.#show(from, Math.min(last, chain.head.seq));
		}
	}

	async #giveRun(line: PutBackLine, run: PutBackRun): Promise<Result<Head, TacetError>> {
		line.send(encodeClientFrame({ type: 'put_back', ...run }));
		const answer = await line.next('stands', 'refused');
		if (!answer.ok) return answer;
		return answer.value.type === 'stands' ? ok(answer.value.offered) : err(answer.value.refusal);
	}

	#show(from: number, done: number): void {
		const { chain, report } = this.#parts;
		this.#progress = { done: done - from, total: chain.head.seq - from };
		report.changed();
	}

	/** What it says stands it must show: the newest entry that was verified here, at its place. */
	async #confirm(line: PutBackLine): Promise<Result<PutBackStop | null, TacetError>> {
		const { chain, follower, turns } = this.#parts;
		const { head } = chain;
		line.send(encodeClientFrame({ type: 'pull', after: head.seq - 1 }));
		const answer = await line.next('entries');
		if (!answer.ok) return answer;
		const { entries, offered } = answer.value;
		if (offered.seq < head.seq) {
			return (await this.#accords(offered)) ? fail('server_misbehaved') : fail('not_trusted');
		}
		const shown = entries.find(({ seq }) => seq === head.seq);
		if (shown === undefined) return fail('server_misbehaved');
		if (this.#isNewest(shown, offered)) return ok(this.#moreElsewhere(offered));
		await turns.take(() => follower.distrust('fork', offered, shown));
		return fail('not_trusted');
	}

	#isNewest(shown: Entry, offered: Head): boolean {
		const { chain } = this.#parts;
		if (!chain.holdsEntry(shown.seq, shown)) return false;
		return offered.seq > chain.head.seq || equalBytes(offered.hash, chain.head.hash);
	}

	/** In one write of the store; from then on the log is followed, and judged, as ever. */
	async #followOn(put: PutBackReport): Promise<Put> {
		const { follower, turns, leads, connect, report, onStored } = this.#parts;
		this.#line?.end({ code: 'offline' });
		const mended = await turns.take(() => follower.mend());
		if (!mended.ok) return storeFailed(mended.error);
		// Other tabs of the profile look at the store again.
		onStored([]);
		report.changed();
		if (!leads()) return ok(put);
		connect();
		const followed = await report.until(() => follower.isCaughtUp);
		// What was put back stands, and the fault is closed: the connection comes back by itself.
		return followed.ok || followed.error.code === 'offline' ? ok(put) : followed;
	}
}

const storeFailed = (fault: StoreFault): Result<never, TacetError> => fail(fault);
