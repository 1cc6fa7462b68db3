// Keeps one space in step with its log at the edge. Pulls, and believes nothing that was not
// verified (receive.ts); pushes what waits (outbox.ts); stops for good at a chain fault. Frames are
// taken one turn after another; what the edge learns from this side is the same whatever was wrong.
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
import type { DeviceId, Seq, SpaceId } from '../protocol/ids.ts';
import type { Change } from '../protocol/page.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { Chain } from './chain.ts';
import { Coverage } from './coverage.ts';
import type { CryptoPort, FormedCommit, UnlockedAccount } from './crypto-port.ts';
import type { TacetError } from './errors.ts';
import { LocalLog } from './local-log.ts';
import type { SaveFault } from './open-item.ts';
import { Outbox } from './outbox.ts';
import { Pages } from './pages.ts';
import { Presence } from './presence.ts';
import { Pusher } from './push.ts';
import { Receiver, type Content, type Taken } from './receive.ts';
import { storeProblem, SyncReport, type SyncSight } from './sync-report.ts';
import { SpaceSocket, type SocketOptions } from './socket.ts';
import type { ChainFault, ChainFaultCode, SyncStatus } from './status.ts';
import type { Store, StoreFault } from './store.ts';
import { Turns } from './turns.ts';

export interface SyncOptions extends Pick<SocketOptions, 'origin' | 'WebSocket' | 'token'> {
	readonly space: SpaceId;
	readonly genesisHash: Uint8Array;
	readonly me: UnlockedAccount;
	readonly device: DeviceId;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly content: Content;
	readonly nowMs: () => number;
	readonly repairWaitMs: () => number;
	/** The status changed. */
	readonly onChange: () => void;
	/** The store changed: other tabs should look again; these rows are on the log. */
	readonly onStored: (settled: readonly number[]) => void;
}

/** What came was no answer: like a connection that was lost. */
const noAnswer: TacetError = { code: 'server_misbehaved' };

type Frame = SpaceFrame & { readonly connection: number };

export class SpaceSync {
	readonly #options: SyncOptions;
	readonly #chain: Chain;
	readonly #pages: Pages;
	readonly #log: LocalLog;
	readonly #outbox: Outbox;
	readonly #receiver: Receiver;
	readonly #socket: SpaceSocket;
	readonly #pusher: Pusher;
	readonly #presence: Presence;
	readonly #coverage: Coverage;
	readonly #report: SyncReport;
	readonly #turns = new Turns();
	readonly #frames: Frame[] = [];
	#draining = false;
	#connection = 0;
	#pulledAfter: Seq = 0;
	#leading = false;
	#closed = false;
	/** Calls of others that are under way: closing waits for them. */
	readonly #calls = new Set<Promise<unknown>>();
	#caughtUp = false;
	#fault: ChainFault | null = null;
	#expected: readonly Head[] = [];
	/** Verified but for pages that were asked for again: the head that is reached with them. */
	#awaitsPages: Head | null = null;
	#offered: Head | null = null;

	constructor(options: SyncOptions) {
		const { space, store, crypto, me, device, content, genesisHash } = options;
		this.#options = options;
		this.#chain = new Chain(space);
		this.#pages = new Pages(space, crypto, me);
		this.#log = new LocalLog(space, store, crypto);
		this.#outbox = new Outbox({ space, store, crypto });
		const parts = {
			...{ space, store, crypto, me, device, content, genesisHash },
			account: me.account,
			nowMs: options.nowMs,
			chain: this.#chain,
			pages: this.#pages,
			log: this.#log,
			outbox: this.#outbox,
			send: (frame: Uint8Array) => this.#socket.send(frame),
			onStoreFault: (fault: StoreFault) => {
				this.#report.setProblem(storeProblem(fault));
			}
		};
		this.#receiver = new Receiver(parts);
		this.#socket = new SpaceSocket({
			...options,
			onOpen: () => {
				this.#opened();
			},
			onFrame: (bytes) => {
				this.#arrived(bytes);
			},
			onLost: (error) => {
				this.#lost(error);
			}
		});
		this.#report = new SyncReport(() => this.#sight(), options.onChange);
		this.#presence = new Presence(parts);
		this.#pusher = new Pusher({
			...parts,
			isReady: () => this.#leading && this.#caughtUp && this.#fault === null,
			pull: this.#pull,
			onProblem: (problem) => {
				this.#report.setProblem(problem);
			}
		});
		this.#coverage = new Coverage({
			...parts,
			repairWaitMs: options.repairWaitMs,
			leads: () => this.#leading,
			pull: () => {
				if (this.#socket.isOpen) this.#pull();
			},
			write: (changes) => this.write(changes),
			onChange: () => {
				this.#report.changed();
			}
		});
	}

	get head(): Head {
		return this.#chain.head;
	}

	get hasPending(): boolean {
		return [...this.#outbox.pending].length > 0;
	}

	get caughtUp(): boolean {
		return this.#caughtUp;
	}

	/** Reads what this device has; nothing is sent. */
	async load(): Promise<Result<null, StoreFault>> {
		const fault = await this.loadFault();
		return fault.ok ? this.#turns.take(() => this.#look()) : fault;
	}

	/** The evidence against the edge, which another tab may have found meanwhile. */
	async loadFault(): Promise<Result<null, StoreFault>> {
		const fault = await this.#log.loadFault();
		if (!fault.ok) return fault;
		this.#fault ??= fault.value;
		return ok(null);
	}

	/** This tab syncs from now on. */
	async lead(): Promise<void> {
		if (this.#closed) return;
		const ready = await this.#turns.take(() => this.#takeOver());
		if (!ready.ok) this.#report.setProblem(storeProblem(ready.error));
		else this.#startLeading();
		this.#report.changed();
	}

	/** Unless it was closed, or lost its trust, before it could begin. */
	#startLeading(): void {
		if (this.#closed) return;
		this.#leading = true;
		if (this.#fault === null) this.#socket.start();
	}

	/** What the tab before this one left: its log, its verdict, and what it formed or settled. */
	async #takeOver(): Promise<Result<null, StoreFault>> {
		const fault = await this.loadFault();
		const looked = fault.ok ? await this.#look() : fault;
		const settled = looked.ok ? await this.#outbox.dropSettled() : looked;
		if (!settled.ok) return settled;
		this.#options.content.removeOutbox(settled.value);
		return this.#outbox.loadPending(this.#options.device);
	}

	stop(): void {
		this.#leading = false;
		this.#caughtUp = false;
		this.#pusher.stop();
		this.#socket.stop();
		this.#report.changed();
	}

	/** Ends when nothing of this instance runs any more, and nothing will. */
	async close(): Promise<void> {
		this.#closed = true;
		this.stop();
		this.#coverage.stop();
		this.#frames.length = 0;
		await Promise.all([this.#turns.ended, this.#pusher.idle, ...this.#calls]);
	}

	retryNow(): void {
		if (this.#report.problem === 'storage_full') this.#report.setProblem(null);
		if (this.#leading && this.#fault === null) {
			this.#socket.start();
			this.#socket.retryNow();
		}
	}

	/** Another tab stored something. */
	async look(settled: readonly number[]): Promise<void> {
		if (this.#closed) return;
		await this.#turns.take(async () => {
			const looked = await this.#look();
			this.#outbox.drop(settled);
			this.#options.content.removeOutbox(settled);
			if (!looked.ok) this.#report.setProblem(storeProblem(looked.error));
			await this.#coverage.check();
		});
		this.#report.changed();
		this.#pusher.push();
	}

	async #look(): Promise<Result<null, StoreFault>> {
		const { content } = this.#options;
		const loaded = await this.#log.load(this.#chain, this.#pages, (placed) => {
			content.applyPages(placed);
		});
		if (!loaded.ok) return loaded;
		const rows = await this.#outbox.load();
		if (!rows.ok) return rows;
		content.applyOutbox(rows.value);
		return ok(null);
	}

	/** Saves changes, shows them, and sends them when that is possible. */
	write(changes: readonly Change[]): Promise<Result<void, SaveFault>> {
		if (this.#closed) return Promise.resolve(err('locked'));
		const call = this.#write(changes).finally(() => this.#calls.delete(call));
		this.#calls.add(call);
		return call;
	}

	async #write(changes: readonly Change[]): Promise<Result<void, SaveFault>> {
		this.#report.unsaved += 1;
		const saved = await this.#outbox.write(changes, this.#options.nowMs());
		if (!saved.ok) {
			// Still counted as unsaved: whoever wrote keeps them, and tries again.
			this.#report.unsaved -= 1;
			if (saved.error !== 'note_too_large') this.#report.setProblem(storeProblem(saved.error));
			return saved;
		}
		this.#report.unsaved -= 1;
		if (this.#report.problem === 'storage_full') this.retryNow();
		this.#options.content.applyOutbox(saved.value);
		this.#options.onStored([]);
		this.#report.changed();
		this.#pusher.push();
		return ok(undefined);
	}

	/** Makes the space itself: its entry 1 goes out as soon as the edge says that there is none. */
	async createGenesis(formed: FormedCommit): Promise<Result<null, StoreFault>> {
		const saved = await this.#outbox.saveGenesis(formed);
		if (!saved.ok) return saved;
		this.#pusher.push();
		return ok(null);
	}

	/** A head that this account has verified elsewhere counts as seen here (rule 2). */
	expect(head: Head): void {
		if (this.#chain.holds(head)) return;
		this.#expected = [...this.#expected, head];
		// Judged on the answer to a request begun after it was known.
		if (this.#socket.isOpen) this.#pull();
	}

	/** Waits until `test` holds, or shows why it may not come true by itself. */
	until(test: () => boolean): Promise<Result<null, TacetError>> {
		return this.#report.until(test);
	}

	get status(): SyncStatus {
		return this.#report.status;
	}

	#sight(): SyncSight {
		return {
			seq: this.#chain.head.seq,
			offeredSeq: this.#offered?.seq ?? 0,
			waiting: this.#outbox.waiting,
			isOpen: this.#socket.isOpen,
			isLeading: this.#leading,
			isClosed: this.#closed,
			isCaughtUp: this.#caughtUp,
			fault: this.#fault,
			setAside: [...this.#pages.setAside.values()],
			losses: this.#coverage.losses
		};
	}

	#opened(): void {
		this.#connection += 1;
		this.#frames.length = 0;
		this.#pusher.reset();
		this.#receiver.reset();
		this.#caughtUp = false;
		this.#presence.reset();
		this.#pull();
		this.#report.noteOpened();
	}

	/** An edge that has sent a lot waits for the next pull, which shows how far this side is. */
	#pullOn(entriesTaken: number): void {
		const { seq } = this.#chain.head;
		if (entriesTaken === 0 && seq > this.#pulledAfter) this.#pull();
		else if (entriesTaken === 0) this.#socket.hangUp(noAnswer);
		this.#report.changed();
	}

	readonly #pull = (): void => {
		this.#caughtUp = false;
		this.#awaitsPages = null;
		this.#pulledAfter = this.#chain.head.seq;
		this.#socket.send(encodeClientFrame({ type: 'pull', after: this.#chain.head.seq }));
	};

	#lost(error: TacetError): void {
		this.#caughtUp = false;
		this.#pusher.stop();
		this.#report.noteLoss(error);
	}

	#arrived(bytes: Uint8Array): void {
		const frame = parseSpaceFrame(bytes);
		if (!frame.ok) {
			this.#socket.hangUp(noAnswer);
			return;
		}
		this.#frames.push({ ...frame.value, connection: this.#connection });
		if (this.#draining) return;
		this.#draining = true;
		void this.#turns
			.take(() => this.#drain())
			.finally(() => {
				this.#draining = false;
			});
	}

	async #drain(): Promise<void> {
		for (let frame = this.#frames.shift(); frame !== undefined; frame = this.#frames.shift()) {
			if (frame.connection !== this.#connection || this.#fault !== null) continue;
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
		}
	}

	/** Rule 2, on the head that a new connection offers. */
	async #compare(offered: Head): Promise<void> {
		const { head } = this.#chain;
		this.#offered = offered;
		if (offered.seq < head.seq) await this.#distrust('rollback', offered, null);
		else if (offered.seq > head.seq) this.#report.changed();
		else if (offered.seq > 0 && !equalBytes(offered.hash, head.hash)) {
			await this.#distrust('fork', offered, null);
		} else await this.#reached(offered);
	}

	async #takeEntries(entries: readonly Entry[], offered: Head): Promise<void> {
		this.#awaitsPages = null;
		const taken = await this.#receiver.take(entries);
		if (!(await this.#believe(taken, offered))) return;
		this.#offered = offered;
		const { head } = this.#chain;
		if (offered.seq > head.seq) this.#pullOn(entries.length);
		else if (!this.#chain.holds(offered)) await this.#distrust('fork', offered, null);
		else if (offered.seq === head.seq) await this.#reached(offered);
		else await this.#distrust('rollback', offered, null);
	}

	async #takeAcknowledgements(first: SpaceFrame & { type: 'appended' }): Promise<void> {
		let frame: SpaceFrame | undefined = first;
		while (frame?.type === 'appended') {
			const { count, seq } = frame;
			const pending = this.#outbox.pendingAt(count);
			if (pending !== undefined) this.#receiver.acknowledge(seq, pending);
			frame = this.#frames[0]?.type === 'appended' ? this.#frames.shift() : undefined;
		}
		const taken = await this.#receiver.take([]);
		if (!(await this.#believe(taken, this.#chain.head))) return;
		if (this.#caughtUp) await this.#coverage.check();
		this.#pusher.noteProgress();
		this.#report.noteSynced(this.#options.nowMs());
		this.#report.changed();
		this.#pusher.push();
	}

	/** Whether to go on after entries were taken in. */
	async #believe(taken: Taken, offered: Head): Promise<boolean> {
		if (taken.settled.length > 0 || taken.fault === null) this.#options.onStored(taken.settled);
		if (taken.storeFault !== null) {
			// What can't be kept is not taken: the log comes again when there is room.
			this.#socket.stop();
			this.#caughtUp = false;
			this.#report.setProblem(storeProblem(taken.storeFault));
			return false;
		}
		if (taken.copied) {
			this.#pusher.block();
			this.#report.setProblem('device_copied');
		}
		if (taken.fault === null) return true;
		await this.#distrust(taken.fault.code, offered, taken.fault.entry);
		return false;
	}

	/** Everything on offer is verified. */
	async #reached(offered: Head): Promise<void> {
		const absent = this.#expected.find((head) => !this.#chain.holds(head));
		if (absent !== undefined) {
			const fault = absent.seq > this.#chain.head.seq ? 'rollback' : 'fork';
			await this.#distrust(fault, offered, null);
			return;
		}
		this.#expected = [];
		if (this.#presence.isBroken) {
			await this.#distrust('page_missing', offered, null);
			return;
		}
		if (this.#presence.ask()) {
			this.#caughtUp = false;
			this.#awaitsPages = offered;
			this.#report.changed();
			return;
		}
		this.#awaitsPages = null;
		await this.#pusher.giveUpRefused();
		this.#caughtUp = true;
		await this.#coverage.check();
		this.#socket.confirm();
		this.#report.noteVerified(this.#options.nowMs());
		this.#report.changed();
		this.#pusher.push();
	}

	/** Pages that were asked for again; without them, what is live now is asked first. */
	async #takePages(fetched: readonly FetchedPage[]): Promise<void> {
		const complete = await this.#presence.take(fetched);
		const awaits = this.#awaitsPages;
		if (!complete) this.#pull();
		else if (awaits !== null) await this.#reached(awaits);
		this.#options.onStored([]);
		this.#report.changed();
	}

	/** A chain fault: both versions are kept, and nothing is sent any more. */
	async #distrust(fault: ChainFaultCode, offered: Head, entry: SignedCommit | null): Promise<void> {
		const { head } = this.#chain;
		const evidence = entry && { commit: entry.commit, signature: entry.signature };
		const foundAtMs = this.#options.nowMs();
		this.#fault = { fault, verified: head, offered, entry: evidence, foundAtMs };
		this.#caughtUp = false;
		this.#socket.stop();
		await this.#log.saveFault(this.#fault);
		this.#report.changed();
	}

	#refused(count: number | null, refusal: Refusal): void {
		if (count !== null) this.#pusher.refused(count, refusal);
		else this.#pusher.pause(refusal, this.#pull);
		this.#report.changed();
	}
}
