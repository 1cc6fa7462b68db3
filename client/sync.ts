// Keeps one space in step with its log at the edge. Pulls, and believes nothing that was not
// verified (receive.ts); pushes what waits (outbox.ts); stops for good at a chain fault. Frames are
// taken one turn after another; what the edge learns from this side is the same whatever was wrong.
import { writesItems, readsContent } from '../crypto/log-state.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { Head } from '../protocol/commit.ts';
import { wireErrors, type Refusal } from '../protocol/errors.ts';
import {
	encodeClientFrame,
	parseSpaceFrame,
	type Entry,
	type FetchedPage,
	type SignedCommit,
	type SpaceFrame
} from '../protocol/frames.ts';
import type { DeviceId, SpaceId } from '../protocol/ids.ts';
import { maxPagesPerFetch } from '../protocol/limits.ts';
import type { Change } from '../protocol/page.ts';
import { ok, type Result } from '../protocol/result.ts';
import { countKey } from '../crypto/log-state.ts';
import { Chain, pageName } from './chain.ts';
import type { CryptoPort, FormedCommit, UnlockedAccount } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import { LocalLog } from './local-log.ts';
import { Outbox } from './outbox.ts';
import { Pages, type MissingPage } from './pages.ts';
import { Receiver, type Content, type Taken } from './receive.ts';
import { SpaceSocket, type SocketOptions } from './socket.ts';
import type { ChainFault, ChainFaultCode, SyncProblem, SyncStatus } from './status.ts';
import type { PendingCommit, Store, StoreFault } from './store.ts';

export interface SyncOptions extends Pick<SocketOptions, 'origin' | 'WebSocket' | 'token'> {
	readonly space: SpaceId;
	readonly genesisHash: Uint8Array;
	readonly me: UnlockedAccount;
	readonly device: DeviceId;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly content: Content;
	readonly nowMs: () => number;
	/** The status changed. */
	readonly onChange: () => void;
	/** The store changed: other tabs should look again; these rows are on the log. */
	readonly onStored: (settled: readonly number[]) => void;
}

/** Commits under way at once: enough to keep edge and signing busy, few enough to lose little. */
const maxInFlight = 8;
/** Formed at once, so that sealing the next ones goes on while the first travel. */
const formedAtOnce = 2;
const dayMs = 86_400_000;
const retrySeconds = 5;
const maxRefusalsInARow = 5;

type Frame = SpaceFrame & { readonly connection: number };

export class SpaceSync {
	readonly #options: SyncOptions;
	readonly #chain: Chain;
	readonly #pages: Pages;
	readonly #log: LocalLog;
	readonly #outbox: Outbox;
	readonly #receiver: Receiver;
	readonly #socket: SpaceSocket;
	readonly #frames: Frame[] = [];
	readonly #inFlight = new Set<number>();
	readonly #waiters = new Set<() => void>();
	#turn: Promise<void> = Promise.resolve();
	#draining = false;
	#connection = 0;
	#leading = false;
	#caughtUp = false;
	#pushing = false;
	#pushAgain = false;
	#fault: ChainFault | null = null;
	#problem: SyncProblem | null = null;
	/** Set by a refusal that must not be repeated; the connection after next may try again. */
	#blocked = false;
	#expected: readonly Head[] = [];
	#giveUpFrom: number | null = null;
	#refusalsInARow = 0;
	#lastError: TacetError | null = null;
	#losses = 0;
	#unsaved = 0;
	#offered: Head | null = null;
	#syncedAtMs: number | null = null;
	#verifiedAtMs: number | null = null;
	#pauseTimer: ReturnType<typeof setTimeout> | undefined;
	#status: SyncStatus | null = null;

	constructor(options: SyncOptions) {
		const { space, store, crypto, me, device, content, genesisHash } = options;
		this.#options = options;
		this.#chain = new Chain(space);
		this.#pages = new Pages(space, crypto, me);
		this.#log = new LocalLog(space, store, crypto);
		this.#outbox = new Outbox({ space, store, crypto });
		this.#receiver = new Receiver({
			chain: this.#chain,
			pages: this.#pages,
			log: this.#log,
			outbox: this.#outbox,
			content,
			crypto,
			me,
			device,
			genesisHash
		});
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
	}

	get head(): Head {
		return this.#chain.head;
	}

	/** Formed commits that are not on the log yet. */
	get hasPending(): boolean {
		return [...this.#outbox.pending].length > 0;
	}

	get caughtUp(): boolean {
		return this.#caughtUp;
	}

	/** Reads what this device has; nothing is sent. */
	async load(): Promise<Result<null, StoreFault>> {
		const fault = await this.#log.loadFault();
		if (!fault.ok) return fault;
		this.#fault = fault.value;
		return this.#inTurn(() => this.#look());
	}

	/** This tab syncs from now on. */
	async lead(): Promise<void> {
		const ready = await this.#inTurn(async () => {
			const looked = await this.#look();
			return looked.ok ? this.#outbox.loadPending() : looked;
		});
		if (!ready.ok) {
			this.#setProblem(storeProblem(ready.error));
			return;
		}
		this.#leading = true;
		if (this.#fault === null) this.#socket.start();
		this.#changed();
	}

	stop(): void {
		this.#leading = false;
		this.#caughtUp = false;
		clearTimeout(this.#pauseTimer);
		this.#socket.stop();
		this.#changed();
	}

	/** Ends when nothing of this instance runs any more. */
	async close(): Promise<void> {
		this.stop();
		this.#frames.length = 0;
		await this.#turn;
	}

	retryNow(): void {
		if (this.#problem === 'storage_full') this.#setProblem(null);
		if (this.#leading && this.#fault === null) {
			this.#socket.start();
			this.#socket.retryNow();
		}
	}

	/** Another tab stored something. */
	async look(settled: readonly number[]): Promise<void> {
		await this.#inTurn(async () => {
			const looked = await this.#look();
			this.#outbox.drop(settled);
			this.#options.content.removeOutbox(settled);
			if (!looked.ok) this.#setProblem(storeProblem(looked.error));
		});
		this.#changed();
		void this.#push();
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
	async write(changes: readonly Change[]): Promise<Result<void, StoreFault | 'note_too_large'>> {
		this.#unsaved += 1;
		const saved = await this.#outbox.write(changes, this.#options.nowMs());
		if (!saved.ok) {
			// Still counted as unsaved: whoever wrote keeps them, and tries again.
			this.#unsaved -= 1;
			if (saved.error !== 'note_too_large') this.#setProblem(storeProblem(saved.error));
			return saved;
		}
		this.#unsaved -= 1;
		if (this.#problem === 'storage_full') this.retryNow();
		this.#options.content.applyOutbox(saved.value);
		this.#options.onStored([]);
		this.#changed();
		void this.#push();
		return ok(undefined);
	}

	/** Makes the space itself: its entry 1 goes out as soon as the edge says that there is none. */
	async createGenesis(formed: FormedCommit): Promise<Result<null, StoreFault>> {
		const saved = await this.#outbox.saveGenesis(formed);
		if (!saved.ok) return saved;
		void this.#push();
		return ok(null);
	}

	/** A head that this account has verified elsewhere counts as seen here (rule 2). */
	expect(head: Head): void {
		if (this.#chain.holds(head)) return;
		this.#expected = [...this.#expected, head];
		// Judged on the answer to a request begun after it was known.
		if (this.#socket.isOpen) this.#pull();
	}

	/**
	 * Waits until `test` holds. Ends early with why it may not come true by itself: not connected,
	 * refused, or no longer trusted.
	 */
	until(test: () => boolean): Promise<Result<null, TacetError>> {
		const losses = this.#losses;
		return new Promise((resolve) => {
			const look = (): void => {
				const answer = test() ? ok(null) : this.#whyNot(losses);
				if (answer === null) return;
				this.#waiters.delete(look);
				resolve(answer);
			};
			this.#waiters.add(look);
			look();
		});
	}

	#whyNot(losses: number): Result<never, TacetError> | null {
		if (this.#fault !== null) return fail('not_trusted');
		if (this.#problem === 'store_unavailable') return fail('store_unavailable');
		if (this.#problem === 'storage_full') return fail('store_full');
		if (this.#losses === losses || this.#lastError === null) return null;
		return { ok: false, error: this.#lastError };
	}

	get status(): SyncStatus {
		this.#status ??= this.#describe();
		return this.#status;
	}

	#describe(): SyncStatus {
		const { seq } = this.#chain.head;
		const total = this.#offered?.seq ?? 0;
		return {
			connection: this.#connectionState(),
			waiting: this.#outbox.waiting,
			savedOnDevice: this.#unsaved === 0 && this.#problem !== 'storage_full',
			syncedAtMs: this.#syncedAtMs,
			verified: seq === 0 ? null : { seq, atMs: this.#verifiedAtMs },
			pulling: this.#socket.isOpen && total > seq ? { done: seq, total } : null,
			trust:
				this.#fault === null
					? { state: 'verified' }
					: { state: 'not_trusted', fault: this.#fault.fault, evidence: this.#fault },
			setAside: this.#pages.setAside.size,
			setAsideAuthors: [...new Set(this.#pages.setAside.values())],
			problem: this.#problem
		};
	}

	#connectionState(): SyncStatus['connection'] {
		if (this.#socket.isOpen) return this.#caughtUp ? 'online' : 'connecting';
		if (!this.#leading || this.#fault !== null || this.#lastError !== null) return 'offline';
		return 'connecting';
	}

	#changed(): void {
		this.#status = null;
		for (const look of [...this.#waiters]) look();
		this.#options.onChange();
	}

	#setProblem(problem: SyncProblem | null): void {
		this.#problem = problem;
		this.#changed();
	}

	#inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
		const done = this.#turn.then(work);
		this.#turn = done.then(
			() => undefined,
			() => undefined
		);
		return done;
	}

	#opened(): void {
		this.#connection += 1;
		this.#frames.length = 0;
		this.#inFlight.clear();
		this.#receiver.reset();
		this.#caughtUp = false;
		this.#blocked = false;
		this.#giveUpFrom = null;
		this.#lastError = null;
		for (const page of this.#pages.missing.values()) page.asked = 0;
		if (this.#problem === 'over_quota' || this.#problem === 'logged_out') this.#problem = null;
		this.#pull();
		this.#changed();
	}

	#pull(): void {
		this.#caughtUp = false;
		this.#socket.send(encodeClientFrame({ type: 'pull', after: this.#chain.head.seq }));
	}

	#lost(error: TacetError): void {
		this.#caughtUp = false;
		this.#inFlight.clear();
		this.#lastError = error;
		this.#losses += 1;
		if (error.code === 'version_too_old') this.#problem = 'version_too_old';
		if (error.code === 'unauthenticated') this.#problem = 'logged_out';
		this.#changed();
	}

	#arrived(bytes: Uint8Array): void {
		const frame = parseSpaceFrame(bytes);
		if (!frame.ok) {
			// No frame of this version: like a connection that was lost.
			this.#socket.stop();
			this.#lost({ code: 'server_misbehaved' });
			return;
		}
		this.#frames.push({ ...frame.value, connection: this.#connection });
		if (this.#draining) return;
		this.#draining = true;
		void this.#inTurn(() => this.#drain()).finally(() => {
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
		else if (offered.seq > head.seq) this.#changed();
		else if (offered.seq > 0 && !equalBytes(offered.hash, head.hash)) {
			await this.#distrust('fork', offered, null);
		} else await this.#reached(offered);
	}

	async #takeEntries(entries: readonly Entry[], offered: Head): Promise<void> {
		const taken = await this.#receiver.take(entries);
		if (!(await this.#believe(taken, offered))) return;
		this.#offered = offered;
		const { head } = this.#chain;
		if (offered.seq > head.seq) {
			// A long log comes in parts: one that ends without entries asks to be pulled on.
			if (entries.length === 0) this.#pull();
			this.#changed();
		} else if (!this.#chain.holds(offered)) await this.#distrust('fork', offered, null);
		else if (offered.seq === head.seq) await this.#reached(offered);
		else this.#changed();
	}

	async #takeAcknowledgements(first: SpaceFrame & { type: 'appended' }): Promise<void> {
		let frame: SpaceFrame | undefined = first;
		while (frame?.type === 'appended') {
			const { count, seq } = frame;
			const pending = this.#outbox.pendingAt(count);
			this.#refusalsInARow = 0;
			if (pending !== undefined) this.#receiver.acknowledge(seq, pending);
			frame = this.#frames[0]?.type === 'appended' ? this.#frames.shift() : undefined;
		}
		const taken = await this.#receiver.take([]);
		if (!(await this.#believe(taken, this.#chain.head))) return;
		this.#noteSynced();
		this.#changed();
		void this.#push();
	}

	/** Whether to go on after entries were taken in. */
	async #believe(taken: Taken, offered: Head): Promise<boolean> {
		for (const count of this.#inFlight) {
			if (this.#outbox.pendingAt(count) === undefined) this.#inFlight.delete(count);
		}
		if (taken.settled.length > 0 || taken.fault === null) this.#options.onStored(taken.settled);
		if (taken.storeFault !== null) {
			// What can't be kept is not taken: the log comes again when there is room.
			this.#socket.stop();
			this.#caughtUp = false;
			this.#setProblem(storeProblem(taken.storeFault));
			return false;
		}
		if (taken.copied) {
			this.#blocked = true;
			this.#problem = 'device_copied';
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
		const missing = this.#liveMissing();
		if (missing.some(({ asked }) => asked > 1)) {
			await this.#distrust('page_missing', offered, null);
			return;
		}
		await this.#giveUpRefused();
		this.#caughtUp = true;
		this.#verifiedAtMs = this.#options.nowMs();
		this.#socket.confirm();
		this.#fetch(missing.filter(({ asked }) => asked === 0));
		this.#noteSynced();
		this.#changed();
		void this.#push();
	}

	#noteSynced(): void {
		const settled = this.#caughtUp && this.#outbox.waiting === 0;
		if (settled) this.#syncedAtMs = this.#options.nowMs();
	}

	/** Missing pages that nothing explains: not superseded, not expired, meant for this role. */
	#liveMissing(): MissingPage[] {
		const member = this.#chain.state.members.get(this.#options.me.account);
		if (member === undefined || !readsContent(member.role)) return [];
		const explainedUntilMs = this.#options.nowMs() + dayMs;
		return [...this.#pages.missing.values()].filter(
			(page) =>
				!this.#chain.isSuperseded(page) &&
				!(page.header.expiresAtMs !== null && page.header.expiresAtMs <= explainedUntilMs)
		);
	}

	#fetch(missing: readonly MissingPage[]): void {
		for (let start = 0; start < missing.length; start += maxPagesPerFetch) {
			const pages = missing.slice(start, start + maxPagesPerFetch);
			for (const page of pages) page.asked = 1;
			this.#socket.send(encodeClientFrame({ type: 'fetch', pages }));
		}
	}

	/** Rule 10: bytes that were asked for again; without them, what is live now is asked first. */
	async #takePages(fetched: readonly FetchedPage[]): Promise<void> {
		let absent = false;
		for (const { seq, index, page } of fetched) {
			const missing = this.#pages.missing.get(pageName({ seq, index }));
			if (missing === undefined) continue;
			const filled = page !== null && (await this.#fill(missing, page));
			if (filled) continue;
			missing.asked = 2;
			absent = true;
		}
		if (absent) this.#pull();
		this.#changed();
	}

	async #fill(missing: MissingPage, page: Uint8Array): Promise<boolean> {
		const { seq, index, commit } = missing;
		const slots = commit.pages.map((_, slot) => (slot === index ? page : null));
		const entry = { seq, commit, pages: slots, wraps: [], previousKey: null };
		const [checked] = await this.#pages.check([entry]);
		if (checked?.[index] == null) return false;
		const kept = await this.#options.store.fillPages(this.#options.space, [{ seq, index, page }]);
		if (!kept.ok) return true;
		const others = new Map(this.#pages.missing);
		const placed = await this.#pages.open([entry]);
		for (const slot of commit.pages.keys()) {
			const name = pageName({ seq, index: slot });
			if (slot === index || !others.has(name)) this.#pages.missing.delete(name);
		}
		this.#options.content.applyPages(placed);
		this.#options.onStored([]);
		return true;
	}

	/** A chain fault: both versions are kept, and nothing is sent any more. */
	async #distrust(
		fault: ChainFaultCode,
		offered: Head,
		entry: SignedCommit | null
	): Promise<void> {
		const { head } = this.#chain;
		const evidence = entry && { commit: entry.commit, signature: entry.signature };
		const foundAtMs = this.#options.nowMs();
		this.#fault = { fault, verified: head, offered, entry: evidence, foundAtMs };
		this.#caughtUp = false;
		this.#socket.stop();
		await this.#log.saveFault(this.#fault);
		this.#changed();
	}

	#refused(count: number | null, refusal: Refusal): void {
		if (count === null) {
			this.#pause(refusal, () => {
				this.#pull();
			});
			return;
		}
		this.#inFlight.delete(count);
		// Commits behind a refused one are refused for their count: that says nothing about them.
		if (this.#giveUpFrom !== null && count > this.#giveUpFrom) return;
		if (this.#pauseTimer !== undefined) return;
		const { retry } = wireErrors[refusal.code];
		this.#refusalsInARow += 1;
		const again = retry === 'after_refetch' && this.#refusalsInARow <= maxRefusalsInARow;
		if (refusal.code === 'over_quota' || retry === 'backoff') {
			if (refusal.code === 'over_quota') this.#problem = 'over_quota';
			this.#pause(refusal, () => void this.#push());
		} else if (retry === 'after_upgrade' || retry === 'after_login') {
			this.#blocked = true;
			this.#problem = retry === 'after_upgrade' ? 'version_too_old' : this.#problem;
		} else {
			// Only what is verified decides whether the commit can still be valid: pull first.
			this.#giveUpFrom = count;
			if (!again) {
				this.#blocked = true;
				this.#problem = 'refused';
			}
			this.#pull();
		}
		this.#changed();
	}

	#pause({ retryAfterSeconds }: Refusal, then: () => void): void {
		clearTimeout(this.#pauseTimer);
		const delayMs = (retryAfterSeconds ?? retrySeconds) * 1_000;
		this.#pauseTimer = setTimeout(() => {
			this.#pauseTimer = undefined;
			this.#inFlight.clear();
			then();
		}, delayMs);
	}

	/** Refused commits that are not on the log after all: their changes are formed anew. */
	async #giveUpRefused(): Promise<void> {
		const from = this.#giveUpFrom;
		if (from === null) return;
		this.#giveUpFrom = null;
		const counts = [...this.#outbox.pending].map(({ count }) => count);
		await this.#outbox.giveUp(counts.filter((count) => count >= from));
	}

	get #mayPush(): boolean {
		return (
			this.#leading &&
			this.#caughtUp &&
			this.#socket.isOpen &&
			this.#fault === null &&
			!this.#blocked &&
			this.#pauseTimer === undefined
		);
	}

	/** Sends what is formed, and forms what waits, while there is room under way. */
	async #push(): Promise<void> {
		this.#pushAgain = true;
		if (this.#pushing) return;
		this.#pushing = true;
		while (this.#pushAgain && this.#mayPush) {
			this.#pushAgain = false;
			this.#sendPending();
			if (await this.#form()) this.#pushAgain = true;
		}
		this.#pushing = false;
	}

	#sendPending(): void {
		for (const pending of this.#outbox.pending) {
			if (this.#inFlight.size >= maxInFlight) return;
			if (!this.#inFlight.has(pending.count)) this.#send(pending);
		}
	}

	#send(pending: PendingCommit): void {
		const { commit, signature, pages, wraps, previousKey, count } = pending;
		const type = 'append';
		const frame = encodeClientFrame({ type, commit, signature, pages, wraps, previousKey });
		if (this.#socket.send(frame)) this.#inFlight.add(count);
	}

	/** Whether commits were formed that can be sent now. */
	async #form(): Promise<boolean> {
		const room = Math.min(formedAtOnce, maxInFlight - this.#inFlight.size);
		const { state } = this.#chain;
		const { me, device, nowMs } = this.#options;
		if (room <= 0 || !this.#outbox.hasUnformed || state.head.seq === 0) return false;
		const member = state.members.get(me.account);
		if (member === undefined || !writesItems(member.role) || state.epochOwed) {
			this.#blocked = true;
			this.#setProblem('refused');
			return false;
		}
		const formed = await this.#outbox.form(
			device,
			{
				count: this.#nextCount(),
				seen: state.head,
				timeMs: nowMs(),
				epoch: state.openEpoch
			},
			room
		);
		if (!formed.ok) this.#setProblem(storeProblem(formed.error));
		return formed.ok && formed.value.length > 0;
	}

	#nextCount(): number {
		const { me, device } = this.#options;
		const counted = this.#chain.state.counts.get(countKey(me.account, device)) ?? 0;
		return Math.max(counted, ...[...this.#outbox.pending].map(({ count }) => count)) + 1;
	}
}

const storeProblem = (fault: StoreFault): SyncProblem =>
	fault === 'store_full' ? 'storage_full' : 'store_unavailable';
