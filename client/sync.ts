// Keeps one space in step with its log at the edge: the parts of that, put together. What comes is
// followed (follow.ts) and believed once verified (receive.ts); what waits (outbox.ts) is pushed
// (push.ts); changes of the administration take their turn with it (administer.ts).
import type { LogState, Member } from '../crypto/log-state.ts';
import type { Head, Role } from '../protocol/commit.ts';
import type { AccountId, DeviceId, Epoch, SpaceId } from '../protocol/ids.ts';
import type { Change } from '../protocol/page.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { ActivityEntry } from './activity.ts';
import type { AdminIntent } from './admin-draft.ts';
import { Administration } from './administer.ts';
import type { EpochStatus, OtherHeartbeat } from './api-sharing.ts';
import { Chain } from './chain.ts';
import { Compactor } from './compact.ts';
import { Coverage } from './coverage.ts';
import type { CryptoPort, FormedCommit, UnlockedAccount } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import { EventMemory } from './event-memory.ts';
import { Follower } from './follow.ts';
import { Heartbeats } from './heartbeats.ts';
import { HeldFrames } from './held-frames.ts';
import { LocalLog } from './local-log.ts';
import type { SaveFault } from './open-item.ts';
import { standingIn, type OwnIdentity } from './own-selves.ts';
import { Outbox } from './outbox.ts';
import { Pages } from './pages.ts';
import type { PastPages } from './past-pages.ts';
import { Presence } from './presence.ts';
import { Pusher } from './push.ts';
import { PutBack } from './put-back.ts';
import { Receiver, type Content } from './receive.ts';
import { Removal } from './removal.ts';
import { Resealer } from './reseal.ts';
import { Rewriter } from './rewrite.ts';
import { lesserProblems, storeProblem, SyncReport, type SyncSight } from './sync-report.ts';
import { SpaceSocket, type SocketMeans } from './socket.ts';
import type { OwnerFault, SyncProblem, SyncStatus } from './status.ts';
import type { Store, StoreFault } from './store.ts';
import { Turns } from './turns.ts';

export interface SyncOptions extends SocketMeans {
	readonly space: SpaceId;
	readonly genesisHash: Uint8Array;
	readonly me: UnlockedAccount;
	readonly device: DeviceId;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly content: Content;
	readonly nowMs: () => number;
	readonly repairWaitMs: () => number;
	/** Whether this device may write here: absent, it may. Call {@link SpaceSync.push} when it changes. */
	readonly mayWrite?: () => boolean;
	/** Whether it gives heartbeats: an opened link does not. Absent, it does. */
	readonly givesHeartbeats?: boolean;
	/** Whether the account's keyring names this space: then an edge that knows no member ends it. */
	readonly isNamed?: () => boolean;
	/** Invitations or links changed at the edge: for owners, to ask for them. */
	readonly onNotice?: () => void;
	readonly onAccount?: (() => void) | undefined;
	/** The status changed. */
	readonly onChange: () => void;
	/** The store changed: other tabs should look again; these rows are on the log. */
	readonly onStored: (settled: readonly number[]) => void;
}

export class SpaceSync {
	readonly #options: SyncOptions;
	readonly #chain: Chain;
	readonly #pages: Pages;
	readonly #log: LocalLog;
	readonly #outbox: Outbox;
	readonly #socket: SpaceSocket;
	readonly #pusher: Pusher;
	readonly #coverage: Coverage;
	readonly #heartbeats: Heartbeats;
	/** What is known here of the access log. */
	readonly events: EventMemory;
	readonly #administration: Administration;
	readonly #resealer: Resealer;
	readonly #compactor: Compactor;
	readonly #rewriter: Rewriter;
	readonly #follower: Follower;
	/** Gives a rolled-back edge what it lacks, if a person asks for it. */
	readonly repair: PutBack;
	readonly #report: SyncReport;
	readonly #turns = new Turns();
	#leading = false;
	#closed = false;
	readonly #removal: Removal;
	/** Null: what comes is followed. */
	#held: HeldFrames | null = null;
	/** Calls of others that are under way: closing waits for them. */
	readonly #calls = new Set<Promise<unknown>>();

	constructor(options: SyncOptions) {
		const { space, store, crypto, me } = options;
		this.#options = options;
		this.#chain = new Chain(space);
		this.#pages = new Pages(space, crypto, me);
		this.#log = new LocalLog(space, store, crypto);
		this.#outbox = new Outbox({ space, store, crypto });
		this.#report = new SyncReport(() => this.#sight(), options.onChange);
		this.#socket = new SpaceSocket({
			...options,
			begin: () => {
				this.#held?.empty();
				return this.#follower.begin();
			},
			onOpen: () => {
				this.#removal.rest();
				this.#follower.opened();
			},
			onFrame: (bytes) => {
				if (this.#held === null) this.#follower.arrived(bytes);
				else if (!this.#held.take(bytes)) this.#socket.stop();
			},
			onLost: (error) => {
				this.#lost(error);
			}
		});
		this.#removal = new Removal({
			log: this.#log,
			onChange: this.#report.changed.bind(this.#report),
			onKept: options.onStored.bind(null, []),
			askAgain: this.#socket.retryNow.bind(this.#socket)
		});
		this.events = new EventMemory({ space, store, crypto, keys: this.#pages.auditKeys });
		const parts = this.#parts();
		this.#pusher = new Pusher(parts);
		this.#coverage = new Coverage(parts);
		this.#heartbeats = new Heartbeats(parts);
		this.#administration = new Administration({ ...parts, pusher: this.#pusher });
		this.#resealer = new Resealer(parts);
		this.#compactor = new Compactor({ ...parts, coverage: this.#coverage });
		// Packed first, so that less is sealed anew.
		const jobs = [this.#compactor, this.#resealer];
		this.#rewriter = new Rewriter({ ...parts, pusher: this.#pusher }, jobs);
		this.#follower = new Follower({
			...parts,
			receiver: new Receiver(parts),
			presence: new Presence(parts),
			pusher: this.#pusher,
			coverage: this.#coverage,
			heartbeats: this.#heartbeats,
			socket: this.#socket
		});
		this.repair = new PutBack({ ...options, ...parts, follower: this.#follower });
	}

	/** What the parts are made of, and may ask of each other. */
	#parts() {
		const { space, store, crypto, me, device, content, genesisHash, nowMs } = this.#options;
		const { repairWaitMs, mayWrite, givesHeartbeats, onStored } = this.#options;
		const isReady = (): boolean => this.#leading && this.#isCaughtUp;
		return {
			...{ space, store, crypto, me, device, content, genesisHash, nowMs, repairWaitMs, onStored },
			account: me.account,
			isOneself: () => this.selfThere === 'in_force',
			isEarlier: () => this.selfThere === 'earlier',
			knows: (epoch: Epoch) => this.#pages.knows(epoch),
			chain: this.#chain,
			pages: this.#pages,
			log: this.#log,
			outbox: this.#outbox,
			report: this.#report,
			turns: this.#turns,
			events: this.events,
			isReady,
			gives: givesHeartbeats ?? true,
			mayWrite: mayWrite ?? (() => true),
			leads: () => this.#leading,
			onNotice: this.#options.onNotice ?? (() => undefined),
			onAccount: this.#options.onAccount ?? (() => undefined),
			send: (frame: Uint8Array) => this.#socket.send(frame),
			write: (changes: readonly Change[]) => this.write(changes),
			connect: this.retryNow.bind(this),
			pull: () => {
				if (this.#socket.isOpen) this.#follower.pull();
			},
			onChange: this.#report.changed.bind(this.#report),
			onProblem: this.#noteProblem.bind(this),
			onStoreFault: (fault: StoreFault) => {
				this.#report.setProblem(storeProblem(fault));
			},
			onStuck: (code: 'not_trusted' | 'device_copied') => {
				this.#administration.end({ code });
			},
			onVerified: () => {
				this.#removal.disproved();
			},
			onCaughtUp: () => {
				this.#administration.caughtUp();
				this.#rewriter.caughtUp();
			}
		};
	}

	/** What held changes back does so no more, unless something else is wrong meanwhile. */
	#noteProblem(problem: SyncProblem | null): void {
		const isHeld = lesserProblems.includes(this.#report.problem);
		if (problem !== null || isHeld) this.#report.setProblem(problem);
	}

	get #isCaughtUp(): boolean {
		return this.#follower.isCaughtUp && this.#follower.fault === null;
	}

	get head(): Head {
		return this.#chain.head;
	}

	/** After the newest entry that is verified and stored. */
	get state(): LogState {
		return this.#chain.state;
	}

	get members(): ReadonlyMap<AccountId, Member> {
		return this.#chain.state.members;
	}

	/** This account's; null if it is no member, or is one no more. */
	get role(): Role | null {
		if (this.#removal.isClaimed) return null;
		return this.members.get(this.#options.me.account)?.role ?? null;
	}

	/** Was a member, and is none at the end of all that is on offer. */
	get #isOut(): boolean {
		const { me } = this.#options;
		if (this.#follower.offeredSeq > this.#chain.head.seq || this.members.has(me.account))
			return false;
		return this.#chain.ledger.voucherOf(me.account) !== null;
	}

	/** Whose identity the member entry, if there is one, holds in this account's place. */
	get selfThere(): OwnIdentity {
		return standingIn(this.members, this.#options.me);
	}

	get #ownerFaults(): readonly OwnerFault[] {
		if (this.selfThere === 'another') {
			const author = this.#chain.ledger.voucherOf(this.#options.me.account);
			return author === null ? [] : [{ fault: 'identity_replaced', author }];
		}
		return this.#pages.unusableKeys.map((key) => ({ fault: 'key_unusable', ...key }));
	}

	get epochStatus(): EpochStatus {
		const { openEpoch } = this.#chain.state;
		const openedAtMs = this.#chain.ledger.openedAtMs(openEpoch);
		return { number: openEpoch, openedAtMs, resealing: this.#resealer.progress };
	}

	/** Of other devices and members, newest first. */
	get heartbeats(): readonly OtherHeartbeat[] {
		return this.#heartbeats.others;
	}

	/** What happened on the log, newest first. */
	activity(limit: number): readonly ActivityEntry[] {
		return this.#chain.ledger.activity.newest(limit);
	}

	get hasPending(): boolean {
		return [...this.#outbox.pending].length > 0;
	}

	/** Pages that are not shown any more, as for an item's earlier versions. */
	get past(): PastPages {
		return this.#follower.past;
	}

	get caughtUp(): boolean {
		return this.#follower.isCaughtUp;
	}

	/** Reads what this device has; nothing is sent. */
	async load(): Promise<Result<null, StoreFault>> {
		const fault = await this.loadFault();
		return fault.ok ? this.#turns.take(() => this.#look()) : fault;
	}

	/** The evidence against the edge, which another tab may have found meanwhile. */
	readonly loadFault = (): Promise<Result<null, StoreFault>> => this.#follower.loadFault();

	/** Nothing that comes is looked at before {@link SpaceSync.release}: it may not be meant for here. */
	hold(): void {
		this.#held = new HeldFrames();
	}

	/** Follows what has come, in order. A connection that was lost, or brought too much, is made again. */
	release(): void {
		const frames = this.#held?.empty() ?? [];
		this.#held = null;
		for (const frame of frames) this.#follower.arrived(frame);
		this.#connect();
	}

	/** This tab syncs from now on. */
	async lead(): Promise<void> {
		if (this.#closed || this.#leading) return;
		const ready = await this.#turns.take(() => this.#takeOver());
		if (!ready.ok) this.#report.setProblem(storeProblem(ready.error));
		else this.#startLeading();
		this.#report.changed();
	}

	/** Unless it was closed, or lost its trust, before it could begin. */
	#startLeading(): void {
		if (this.#closed) return;
		this.#leading = true;
		if (this.#follower.fault === null) this.#socket.start();
	}

	/** What the tab before this one left: its log, its verdict, and what it formed or settled. */
	async #takeOver(): Promise<Result<null, StoreFault>> {
		const fault = await this.loadFault();
		const looked = fault.ok ? await this.#look() : fault;
		const settled = looked.ok ? await this.#outbox.dropSettled() : looked;
		if (!settled.ok) return settled;
		this.#options.content.removeOutbox(settled.value);
		// The tab before may have ended before it could say so; a third one waits for that.
		if (settled.value.length > 0) this.#options.onStored(settled.value);
		return this.#outbox.loadPending(this.#options.device);
	}

	stop(): void {
		this.#leading = false;
		this.#removal.rest();
		this.#follower.stop();
		this.#pusher.stop();
		this.#rewriter.stop();
		this.#socket.stop();
		this.repair.stop();
		this.#administration.end({ code: 'offline' });
		this.#report.changed();
	}

	/** Ends when nothing of this instance runs any more, and nothing will. */
	async close(): Promise<void> {
		this.#closed = true;
		this.stop();
		this.#coverage.stop();
		const idle = [this.#rewriter, this.#heartbeats, this.#pusher, this.repair, this.#removal];
		await Promise.all([this.#turns.ended, ...idle.map((part) => part.idle), ...this.#calls]);
	}

	retryNow(): void {
		if (this.#report.problem === 'storage_full') this.#report.setProblem(null);
		if (this.#connect()) void this.look([]);
	}

	#connect(): boolean {
		if (!this.#leading || this.#follower.fault !== null) return false;
		this.#socket.start();
		this.#socket.retryNow();
		return true;
	}

	/** Another tab stored something, or may have, and ended before it could say so. */
	async look(settled: readonly number[]): Promise<void> {
		if (this.#closed) return;
		await this.#turns.take(async () => {
			if (!this.#leading) await this.loadFault();
			const looked = await this.#look();
			this.#outbox.drop(settled);
			this.#options.content.removeOutbox(settled);
			if (!looked.ok) this.#report.setProblem(storeProblem(looked.error));
			if (await this.#follower.recall()) await this.#coverage.check();
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
		return this.#leading ? ok(null) : this.#removal.load();
	}

	/** Saves changes, shows them, and sends them when that is possible. */
	write(changes: readonly Change[]): Promise<Result<void, SaveFault>> {
		if (this.#closed) return Promise.resolve(err('locked'));
		const call = this.#write(changes);
		this.#alongside(call);
		return call;
	}

	async #write(changes: readonly Change[]): Promise<Result<void, SaveFault>> {
		this.#report.unsaved += 1;
		const saved = await this.#pusher.write(changes);
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
		this.#follower.expect(head);
	}

	/**
	 * Changes members, roles, keys or settings: answers when the commit stands on the verified log, or
	 * never can (`admin_conflict`: another one came first; look again). What was formed before the
	 * connection was lost goes out again by itself; closing answers `offline`.
	 */
	administer(intent: AdminIntent): Promise<Result<null, TacetError>> {
		if (this.#closed) return Promise.resolve(fail('locked'));
		if (this.#follower.fault !== null) return Promise.resolve(fail('not_trusted'));
		return this.#administration.administer(intent);
	}

	/** Lets others know at once how far this device has verified, as for a hand-over. */
	beatNow(): void {
		this.#heartbeats.beatNow();
	}

	/** Looks again at what waits: this device may write now, or may not any more. */
	push(): void {
		this.#pusher.push();
		this.#report.changed();
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
			offeredSeq: this.#follower.offeredSeq,
			waiting: this.#outbox.waiting,
			isOpen: this.#socket.isOpen,
			isLeading: this.#leading,
			isClosed: this.#closed,
			isCaughtUp: this.#follower.isCaughtUp,
			fault: this.#follower.shownFault,
			details: () => ({
				setAside: this.#pages.unread,
				setAsideAuthors: this.#pages.setAsideAuthors,
				losses: this.#coverage.losses,
				ownerFaults: this.#ownerFaults,
				epoch: this.epochStatus,
				packing: this.#compactor.progress,
				...this.repair.status,
				heartbeats: this.heartbeats
			}),
			isRemoved: this.#removal.isClaimed || this.#isOut
		};
	}

	#lost(error: TacetError): void {
		this.#follower.lost(error);
		this.#rewriter.stop();
		this.#administration.lost(error);
		void this.look([]);
		// An edge that knows this space for nobody of this account: it was removed, or has left.
		const wasMember = this.#chain.head.seq > 0 || this.#options.isNamed?.() === true;
		if (error.code === 'not_found' && wasMember) this.#removal.claimed(this.#options.nowMs());
	}

	/** Closing waits for it. */
	#alongside(call: Promise<unknown>): void {
		// Whoever called hears of it if it fails.
		const settled = (): boolean => this.#calls.delete(done);
		const done = call.then(settled, settled);
		this.#calls.add(done);
	}
}
