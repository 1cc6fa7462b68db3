// Following the log of one space: frames are taken in turn, nothing is believed that was not verified
// (receive.ts), and the first chain fault ends it for good. The edge learns the same whatever was wrong.
import { readsContent } from '../crypto/log-state.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { Head } from '../protocol/commit.ts';
import type { Refusal } from '../protocol/errors.ts';
import {
	encodeClientFrame,
	parseSpaceFrame,
	type Entry,
	type FetchedPage,
	type SignedCommit,
	type SpaceFrame
} from '../protocol/frames.ts';
import type { SignedHeartbeat } from '../protocol/heartbeat.ts';
import type { AccountId, Seq } from '../protocol/ids.ts';
import type { Result } from '../protocol/result.ts';
import type { Chain } from './chain.ts';
import { ChainFaults } from './chain-faults.ts';
import type { Coverage } from './coverage.ts';
import type { TacetError } from './errors.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { LocalLog } from './local-log.ts';
import type { Outbox } from './outbox.ts';
import type { Pages } from './pages.ts';
import { PastPages, type PastPagesParts } from './past-pages.ts';
import type { Presence } from './presence.ts';
import type { Pusher } from './push.ts';
import type { Content, Receiver, Taken } from './receive.ts';
import type { SpaceSocket } from './socket.ts';
import type { ChainFault, ChainFaultCode, EarlierFault } from './status.ts';
import type { StoreFault } from './store.ts';
import { storeProblem, type SyncReport } from './sync-report.ts';
import type { Turns } from './turns.ts';

export interface FollowerParts extends PastPagesParts {
	readonly account: AccountId;
	readonly chain: Chain;
	readonly pages: Pages;
	readonly receiver: Receiver;
	readonly presence: Presence;
	readonly pusher: Pusher;
	readonly coverage: Coverage;
	readonly heartbeats: Heartbeats;
	readonly outbox: Outbox;
	readonly content: Pick<Content, 'applyPages'>;
	readonly log: LocalLog;
	readonly report: SyncReport;
	readonly socket: SpaceSocket;
	readonly turns: Turns;
	readonly nowMs: () => number;
	readonly onStored: (settled: readonly number[]) => void;
	readonly onNotice: () => void;
	readonly onAccount: () => void;
	/** All on offer is verified: before anything is made of that. */
	readonly onVerified: () => void;
	/** All on offer is verified, and shown. */
	readonly onCaughtUp: () => void;
	/** Nothing goes out any more: a chain fault, or this device's name under what it did not write. */
	readonly onStuck: (code: 'not_trusted' | 'device_copied') => void;
}

/** What came was no answer: like a connection that was lost. */
const noAnswer: TacetError = { code: 'server_misbehaved' };

type Frame = SpaceFrame & { readonly connection: number };

/** A head that must lie on this log, and what it means if the log ends before it. */
interface Expected {
	readonly head: Head;
	readonly ifAbsent: ChainFaultCode;
	/** Where this log ended when it was asked for last; null before. */
	askedAt: Seq | null;
	/** Requests on this connection that were begun before it was known: their answers say nothing of it. */
	earlier: number;
}

export class Follower {
	readonly #parts: FollowerParts;
	readonly past: PastPages;
	readonly #frames: Frame[] = [];
	#draining = false;
	#connection = 0;
	#pulledAfter: Seq = 0;
	#caughtUp = false;
	readonly #faults: ChainFaults;
	#expected: readonly Expected[] = [];
	/** Begun on this connection. */
	#requests = 0;
	/** Verified but for pages that were asked for again: the head that is reached with them. */
	#awaitsPages: Head | null = null;
	#offered: Head | null = null;
	/** The entry that was asked for again, for the key that it brings, and whether it came. */
	#linking: { readonly seq: Seq; came: boolean } | null = null;

	constructor(parts: FollowerParts) {
		this.#parts = parts;
		this.past = new PastPages(parts);
		this.#faults = new ChainFaults(parts);
	}

	get isCaughtUp(): boolean {
		return this.#caughtUp;
	}

	get fault(): ChainFault | null {
		return this.#faults.open;
	}

	get shownFault(): ChainFault | null {
		return this.#faults.shown;
	}

	/** The furthest place that another device of this account is known to have verified; 0: none. */
	get expectedSeq(): Seq {
		const absent = this.#expected.filter(({ head }) => !this.#parts.chain.holds(head));
		return Math.max(0, ...absent.map(({ head }) => head.seq));
	}

	get earlierFaults(): readonly EarlierFault[] {
		return this.#faults.earlier;
	}

	get offeredSeq(): Seq {
		return this.#offered?.seq ?? 0;
	}

	/** The evidence against the edge, which another tab may have found meanwhile. */
	loadFault(): Promise<Result<null, StoreFault>> {
		return this.#faults.load();
	}

	/** A person had the edge given back what it lacked, and it shows all of it: the log is followed again. */
	mend(): Promise<Result<null, StoreFault>> {
		return this.#faults.mend();
	}

	/** Nothing that came is looked at any more. */
	stop(): void {
		this.#caughtUp = false;
		this.past.lost();
		this.#frames.length = 0;
	}

	/** A new connection is asked for, and with its address what stands after this log: its first pull. */
	begin(): Seq {
		this.#connection += 1;
		this.#frames.length = 0;
		this.#requests = 0;
		for (const expected of this.#expected) expected.earlier = 0;
		return this.#noteRequest(this.#parts.chain.head.seq);
	}

	/** A new connection answers anew. */
	opened(): void {
		const { pusher, receiver, presence, heartbeats, report } = this.#parts;
		pusher.reset();
		receiver.reset();
		heartbeats.reset();
		// What came over the connection before may have been taken in since this one was asked for.
		this.#caughtUp = false;
		this.#awaitsPages = null;
		this.#linking = null;
		presence.reset();
		report.noteOpened();
	}

	lost(error: TacetError): void {
		this.#caughtUp = false;
		this.past.lost();
		this.#parts.pusher.stop();
		this.#parts.report.noteLoss(error);
	}

	/** A head that was verified elsewhere counts as seen here (rule 2). */
	expect(head: Head, ifAbsent: ChainFaultCode = 'rollback'): void {
		if (this.#parts.chain.holds(head)) return;
		const earlier = this.#requests;
		this.#expected = [...this.#expected, { head, ifAbsent, askedAt: null, earlier }];
		// Judged on the answer to a request begun after it was known. One that is under way comes first.
		if (this.#caughtUp) this.pull();
	}

	readonly pull = (): void => {
		this.#awaitsPages = null;
		this.#pullAfter(this.#parts.chain.head.seq);
	};

	#pullAfter(seq: Seq): void {
		const after = this.#noteRequest(seq);
		this.#parts.socket.send(encodeClientFrame({ type: 'pull', after }));
	}

	#noteRequest(after: Seq): Seq {
		this.#caughtUp = false;
		this.#pulledAfter = after;
		this.#requests += 1;
		return after;
	}

	/** An edge that has sent a lot waits for the next pull, which shows how far this side is. */
	#pullOn(entriesTaken: number): void {
		const { seq } = this.#parts.chain.head;
		if (entriesTaken === 0 && seq > this.#pulledAfter) this.pull();
		else if (entriesTaken === 0) this.#parts.socket.hangUp(noAnswer);
		this.#parts.report.changed();
	}

	arrived(bytes: Uint8Array): void {
		const frame = parseSpaceFrame(bytes);
		if (!frame.ok) {
			this.#parts.socket.hangUp(noAnswer);
			return;
		}
		this.#frames.push({ ...frame.value, connection: this.#connection });
		if (this.#draining) return;
		this.#draining = true;
		void this.#parts.turns
			.take(() => this.#drain())
			.finally(() => {
				this.#draining = false;
			});
	}

	async #drain(): Promise<void> {
		for (let frame = this.#frames.shift(); frame !== undefined; frame = this.#frames.shift()) {
			if (frame.connection !== this.#connection || this.#faults.open !== null) continue;
			await this.#receive(frame);
		}
	}

	async #receive(frame: SpaceFrame): Promise<void> {
		switch (frame.type) {
			case 'hello':
				await this.#compare(frame.offered);
				break;
			case 'entries':
				await this.#takeEntries(frame.entries, frame.offered);
				break;
			case 'appended':
				await this.#takeAcknowledgements(frame);
				break;
			case 'refused':
				this.#refused(frame.count, frame.refusal);
				break;
			case 'pages':
				await this.#takePages(frame.pages);
				break;
			case 'heartbeats':
				await this.#takeHeartbeats(frame.heartbeats);
				break;
			case 'notice':
				this.#parts.onNotice();
				break;
			case 'account':
				this.#parts.onAccount();
				break;
			case 'stands':
				// Nothing was put back over this connection.
				this.#parts.socket.hangUp(noAnswer);
				break;
		}
	}

	/** Rule 2, on the head that a new connection offers. */
	async #compare(offered: Head): Promise<void> {
		const { head } = this.#parts.chain;
		this.#offered = offered;
		if (offered.seq < head.seq) await this.distrust(this.#faultOf(offered), offered, null);
		else if (offered.seq > head.seq) this.#parts.report.changed();
		else if (offered.seq > 0 && !equalBytes(offered.hash, head.hash)) {
			await this.distrust('fork', offered, null);
		} else await this.#reached(offered);
	}

	/** Less than was verified here: the same log as it was, or another one. */
	#faultOf(offered: Head): ChainFaultCode {
		return this.#parts.chain.holds(offered) ? 'rollback' : 'fork';
	}

	async #takeEntries(entries: readonly Entry[], offered: Head): Promise<void> {
		this.#awaitsPages = null;
		const { chain, receiver } = this.#parts;
		const linking = this.#linking;
		if (linking !== null) linking.came ||= entries.some(({ seq }) => seq === linking.seq);
		const taken = await receiver.take(entries);
		if (!(await this.#believe(taken, offered))) return;
		this.#offered = offered;
		const { head } = chain;
		if (offered.seq > head.seq) this.#pullOn(entries.length);
		else if (!chain.holds(offered)) await this.distrust('fork', offered, null);
		else if (offered.seq === head.seq) await this.#reached(offered);
		else await this.distrust('rollback', offered, null);
	}

	async #takeAcknowledgements(first: SpaceFrame & { type: 'appended' }): Promise<void> {
		const { chain, receiver, outbox, coverage, pusher, report, nowMs } = this.#parts;
		let frame: SpaceFrame | undefined = first;
		while (frame?.type === 'appended') {
			const { count, seq } = frame;
			const pending = outbox.pendingAt(count);
			if (pending !== undefined) receiver.acknowledge(seq, pending);
			frame = this.#frames[0]?.type === 'appended' ? this.#frames.shift() : undefined;
		}
		const taken = await receiver.take([]);
		if (!(await this.#believe(taken, chain.head))) return;
		if (this.#caughtUp) await coverage.check();
		pusher.noteProgress();
		report.noteSynced(nowMs());
		report.changed();
		pusher.push();
		if (this.#caughtUp) this.#parts.onCaughtUp();
	}

	/** Whether to go on after entries were taken in. */
	async #believe(taken: Taken, offered: Head): Promise<boolean> {
		const { socket, report, pusher, onStored } = this.#parts;
		if (taken.settled.length > 0 || taken.fault === null) onStored(taken.settled);
		if (taken.storeFault !== null) {
			// What can't be kept is not taken, nor what came behind it: the log comes again when there is room.
			socket.stop();
			this.stop();
			report.setProblem(storeProblem(taken.storeFault));
			return false;
		}
		if (taken.copied) {
			pusher.block();
			report.setProblem('device_copied');
			this.#parts.onStuck('device_copied');
		}
		if (taken.fault === null) return true;
		await this.distrust(taken.fault.code, offered, taken.fault.entry);
		return false;
	}

	/** Everything on offer is verified. */
	async #reached(offered: Head): Promise<void> {
		const { chain, presence, pusher, coverage, socket, report, heartbeats, nowMs } = this.#parts;
		const absent = this.#expected.find(({ head }) => !chain.holds(head));
		if (absent !== undefined) {
			await this.#judgeAbsent(absent, offered);
			return;
		}
		this.#expected = [];
		if (await this.#asksForLinks(offered)) return;
		if (presence.isBroken) {
			await this.distrust('page_missing', offered, null);
			return;
		}
		if (presence.ask()) {
			this.#caughtUp = false;
			this.#awaitsPages = offered;
			report.changed();
			return;
		}
		this.#awaitsPages = null;
		await pusher.giveUpRefused();
		this.#caughtUp = true;
		this.#parts.onVerified();
		await coverage.check();
		socket.confirm();
		report.noteVerified(nowMs());
		report.changed();
		pusher.push();
		await heartbeats.caughtUp();
		this.#parts.onCaughtUp();
	}

	/**
	 * Who begins to read content was not given the keys before those epochs when their entries came:
	 * they are asked for again, first things first, since an answer may be given in parts.
	 */
	async #asksForLinks(offered: Head): Promise<boolean> {
		const { chain, pages, account } = this.#parts;
		const first = pages.firstUnlinked;
		const role = chain.state.members.get(account)?.role;
		if (first === null || role === undefined || !readsContent(role)) return false;
		if (first === this.#linking?.seq) {
			// What is appended meanwhile comes before the answer, and is none.
			if (this.#linking.came) await this.distrust('wraps_wrong', offered, null);
		} else {
			this.#linking = { seq: first, came: false };
			this.#pullAfter(first - 1);
		}
		return true;
	}

	/**
	 * The answer may be that to an earlier request, or none: entries come by themselves, one after
	 * another. So the same is asked again, from wherever the log goes on to, until more answers brought
	 * nothing than there were requests before.
	 */
	async #judgeAbsent(absent: Expected, offered: Head): Promise<void> {
		const { seq } = this.#parts.chain.head;
		const isAhead = absent.head.seq > seq;
		const isNew = absent.askedAt !== seq;
		if (isAhead && (isNew || absent.earlier > 0)) {
			if (!isNew) absent.earlier -= 1;
			absent.askedAt = seq;
			this.pull();
			return;
		}
		await this.distrust(isAhead ? absent.ifAbsent : 'fork', offered, null);
	}

	/** Pages that were asked for again; without them, what is live now is asked first. */
	async #takePages(fetched: readonly FetchedPage[]): Promise<void> {
		this.past.arrived(fetched);
		const complete = await this.#parts.presence.take(fetched);
		const awaits = this.#awaitsPages;
		if (!complete) this.pull();
		else if (awaits !== null) await this.#reached(awaits);
		this.#parts.onStored([]);
		this.#parts.report.changed();
	}

	/**
	 * Of entries that this tab has read before: what another tab was given since. Answers whether it
	 * has all that is live and its role reads: before that nobody is said to have left anything out.
	 */
	async recall(): Promise<boolean> {
		const { pages, log, content, presence } = this.#parts;
		let first = pages.firstUnlinked;
		while (first !== null) {
			const previousKey = await log.loadLink(first);
			if (previousKey === null || !(await pages.link(first, previousKey))) break;
			first = pages.firstUnlinked;
		}
		content.applyPages(await pages.openLocked());
		return (await presence.recall()) && first === null;
	}

	/** What other devices have verified must lie on this log, or lie ahead and come. */
	async #takeHeartbeats(signed: readonly SignedHeartbeat[]): Promise<void> {
		const heads = await this.#parts.heartbeats.take(signed);
		const { chain, report } = this.#parts;
		for (const head of heads) {
			if (head.seq <= chain.head.seq && !chain.holds(head)) {
				await this.distrust('fork', head, null);
				return;
			}
			this.expect(head, 'withheld');
		}
		report.changed();
	}

	/** A chain fault: both versions are kept, and nothing is sent any more. */
	async distrust(fault: ChainFaultCode, offered: Head, entry: SignedCommit | null): Promise<void> {
		const { chain, socket, report } = this.#parts;
		const evidence = entry && { commit: entry.commit, signature: entry.signature };
		this.#faults.found({ fault, verified: chain.head, offered, entry: evidence });
		this.#caughtUp = false;
		socket.stop();
		this.#parts.onStuck('not_trusted');
		await this.#faults.keep();
		report.changed();
	}

	#refused(count: number | null, refusal: Refusal): void {
		const { pusher, report } = this.#parts;
		if (count !== null) pusher.refused(count, refusal);
		else pusher.pause(refusal, this.pull);
		report.changed();
	}
}
