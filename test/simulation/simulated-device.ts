// A device of a simulation: the real engine for one space, on a store that outlives it. It can crash
// at any call of its store, before or after the call was carried out, and starts again from what is
// stored.
import type { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { HandedKeys, NewSpace } from '../../client/crypto-port.ts';
import type { AdminIntent } from '../../client/admin-draft.ts';
import type { Items } from '../../client/items.ts';
import type { createMemoryStore } from '../../client/memory-store.ts';
import type { LogBatch, OutboxRow, PendingCommit, Store } from '../../client/store.ts';
import type { SpaceSync } from '../../client/sync.ts';
import { fail, type TacetError } from '../../client/errors.ts';
import type { AccountId, DeviceId, SessionId, SpaceId } from '../../protocol/ids.ts';
import type { Change } from '../../protocol/page.ts';
import { ok, type Result } from '../../protocol/result.ts';
import type { Connection } from './connection.ts';
import type { SimulatedEdge } from './simulated-edge.ts';
import type { SimulatedTime } from './simulated-time.ts';

/** The client's code, as it is or with one thing changed. */
export interface ClientCode {
	readonly SpaceSync: typeof SpaceSync;
	readonly Items: typeof Items;
	readonly startCryptoInProcess: typeof startCryptoInProcess;
	readonly createMemoryStore: typeof createMemoryStore;
}

/** Something that a person did, and that must not be lost. */
export interface Mark {
	readonly name: string;
	readonly item: string;
	readonly kind: 'create' | 'edit' | 'trash' | 'restore' | 'delete';
}

export interface DeviceParts {
	readonly name: string;
	readonly time: SimulatedTime;
	readonly edge: SimulatedEdge;
	readonly code: ClientCode;
	readonly keys: HandedKeys;
	readonly space: Pick<NewSpace, 'space' | 'genesisHash'>;
	readonly newSession: () => SessionId;
	/** How far its clock is off. */
	readonly skewMs: number;
	readonly latencyMs: () => number;
	readonly tell: (what: string) => void;
	readonly onError: (error: unknown) => void;
}

/** From one start to the crash after it. */
interface Run {
	readonly sync: SpaceSync;
	readonly items: Items;
	isOver: boolean;
	connection: Connection | null;
}

const never = new Promise<never>(() => undefined);
const longestRepairWaitMs = 5_000;

export class SimulatedDevice {
	readonly #parts: DeviceParts;
	readonly #store: Store;
	#run: Run | null = null;
	#session: SessionId;
	#token: { readonly text: string; readonly untilMs: number } | null = null;
	/** Calls of the store until it crashes. */
	#callsLeft = Number.POSITIVE_INFINITY;
	#isStarting = false;
	isOnline = true;
	isWriting = false;
	/** What the row that is written now says. */
	#writing: Mark | null = null;
	readonly #markOfRow = new Map<number, Mark>();
	readonly #rowsOfCount = new Map<number, readonly number[]>();
	/** Kept by its store. */
	readonly saved = new Set<Mark>();
	/** Seen at their places on the verified log. */
	readonly settled = new Set<Mark>();
	/** Rows that its store holds. */
	readonly waitingRows = new Set<number>();

	constructor(parts: DeviceParts) {
		this.#parts = parts;
		this.#store = parts.code.createMemoryStore();
		this.#session = this.#logIn();
	}

	get name(): string {
		return this.#parts.name;
	}

	get account(): AccountId {
		return this.#parts.keys.account;
	}

	get id(): DeviceId {
		return this.#parts.keys.device;
	}

	/** Two at once of the same device would be what a copied profile is. */
	get isRunning(): boolean {
		return this.#run !== null || this.#isStarting;
	}

	get sync(): SpaceSync | null {
		return this.#run?.sync ?? null;
	}

	get items(): Items | null {
		return this.#run?.items ?? null;
	}

	#logIn(): SessionId {
		const session = this.#parts.newSession();
		this.#parts.edge.logIn(session);
		this.#token = null;
		return session;
	}

	/** The edge forgets its session; the person logs in again later. */
	logOut(): void {
		this.#parts.edge.logOut(this.#session);
	}

	logInAgain(): void {
		this.#session = this.#logIn();
		this.#run?.sync.retryNow();
	}

	goOffline(): void {
		this.isOnline = false;
		this.#run?.connection?.cut(0, this.#parts.time.upTo(60_000));
	}

	goOnline(): void {
		this.isOnline = true;
		this.#run?.sync.retryNow();
	}

	cut(): void {
		const { time } = this.#parts;
		this.#run?.connection?.cut(time.upTo(30_000), time.upTo(90_000));
	}

	/** Dies at one of its next calls of the store. */
	crashWithin(calls: number): void {
		this.#callsLeft = calls;
	}

	#crash(): void {
		const run = this.#run;
		this.#callsLeft = Number.POSITIVE_INFINITY;
		if (run === null) return;
		run.isOver = true;
		this.#run = null;
		this.isWriting = false;
		run.connection?.cut(0, this.#parts.time.upTo(60_000));
	}

	crashNow(): void {
		this.#crash();
	}

	/** @param own what entry 1 is made of, on the device that makes the space. */
	async start(own: NewSpace | null = null): Promise<void> {
		this.#isStarting = true;
		const { code, keys, time } = this.#parts;
		const core = code.startCryptoInProcess(() => Promise.reject(new Error('not asked for')));
		const me = await core.port.takeKeys(keys);
		const items = new code.Items();
		const { space, genesisHash } = this.#parts.space;
		const life = { isOver: false };
		const sync = new code.SpaceSync({
			origin: 'http://edge.test',
			WebSocket: this.#socketClass(life),
			token: (refused) => (life.isOver ? never : this.#accessToken(refused)),
			...{ space, genesisHash, me, device: keys.device, content: items, crypto: core.port },
			store: this.#fragile(life),
			nowMs: () => time.nowMs + this.#parts.skewMs,
			repairWaitMs: () => time.upTo(longestRepairWaitMs),
			onChange: () => undefined,
			onStored: () => undefined
		});
		const run: Run = Object.assign(life, { sync, items, connection: null });
		this.#run = run;
		this.#isStarting = false;
		const loaded = await sync.load();
		if (!loaded.ok) throw new Error(loaded.error);
		await sync.lead();
		if (own === null) return;
		const formed = await core.port.formGenesis({
			...{ space: own, kind: 'items', device: keys.device, timeMs: time.nowMs }
		});
		await sync.createGenesis(formed);
	}

	async #accessToken(refused: boolean): Promise<Result<string, TacetError>> {
		const { time, edge } = this.#parts;
		await time.wait(this.#parts.latencyMs());
		if (!this.isOnline) return fail('offline');
		if (this.#token !== null && !refused && this.#token.untilMs > time.nowMs + 30_000) {
			return ok(this.#token.text);
		}
		const { account, id: device } = this;
		const text = await edge.accessToken({ account, device, session: this.#session });
		if (text === null) return fail('unauthenticated');
		this.#token = { text, untilMs: time.nowMs + 900_000 };
		return ok(text);
	}

	/** Whether this account may write here, as the page asks before it lets anybody type. */
	get mayEdit(): boolean {
		const role = this.#run?.sync.role;
		return role === 'owner' || role === 'editor';
	}

	/** A person does one thing, and waits until it is saved. */
	async write(mark: Mark, changes: readonly Change[]): Promise<void> {
		const run = this.#run;
		if (run === null || this.isWriting) return;
		this.isWriting = true;
		this.#writing = mark;
		const saved = await run.sync.write(changes);
		if (run.isOver) return;
		this.isWriting = false;
		this.#writing = null;
		if (!saved.ok) this.#parts.onError(new Error(`writing failed: ${saved.error}`));
	}

	/** What its commit of that count says. */
	marksAt(count: number): readonly Mark[] {
		const rows = this.#rowsOfCount.get(count) ?? [];
		return rows.flatMap((row) => this.#markOfRow.get(row) ?? []);
	}

	administer(intent: AdminIntent): Promise<Result<null, TacetError>> {
		return this.#run?.sync.administer(intent) ?? Promise.resolve(fail('locked'));
	}

	/** A store that takes its time, and at one call takes the device with it. */
	#fragile(life: { isOver: boolean }): Store {
		const { time, tell } = this.#parts;
		const hasEnded = (): boolean => life.isOver;
		const call = async (name: string, work: () => Promise<unknown>, inputs: readonly unknown[]) => {
			if (hasEnded()) return never;
			this.#callsLeft -= 1;
			const dies = this.#callsLeft <= 0;
			const diesFirst = dies && time.happens(0.5);
			if (diesFirst) {
				tell('devices crashed before a call of their store');
				this.#crash();
				return never;
			}
			const answer = await work();
			this.#observe(name, inputs, answer);
			if (dies) {
				tell('devices crashed after a call of their store');
				this.#crash();
			}
			const later = await time.lagging(answer);
			return hasEnded() ? never : later;
		};
		return new Proxy(this.#store, {
			get: (store, name) => {
				const method: unknown = Reflect.get(store, name);
				if (typeof method !== 'function') return method;
				return (...inputs: readonly unknown[]) =>
					call(
						String(name),
						() => Reflect.apply(method, store, inputs) as Promise<unknown>,
						inputs
					);
			}
		});
	}

	/** What became true in the store. */
	#observe(name: string, inputs: readonly unknown[], answer: unknown): void {
		const { ok: isDone, value } = answer as { readonly ok: boolean; readonly value?: unknown };
		if (!isDone) return;
		if (name === 'addToOutbox') this.#noteRows(value as readonly number[]);
		if (name === 'dropFromOutbox') this.#forgetRows(inputs[0] as readonly OutboxRow['id'][]);
		if (name === 'savePending') {
			for (const { count, outboxIds } of inputs[0] as readonly PendingCommit[]) {
				this.#rowsOfCount.set(count, outboxIds);
			}
		}
		if (name !== 'applyLog') return;
		for (const count of (inputs[0] as LogBatch).settledCounts) {
			const rows = this.#rowsOfCount.get(count) ?? [];
			for (const row of rows) {
				const mark = this.#markOfRow.get(row);
				if (mark !== undefined) this.settled.add(mark);
			}
			this.#forgetRows(rows);
		}
	}

	#noteRows(rows: readonly number[]): void {
		const mark = this.#writing;
		for (const row of rows) {
			this.waitingRows.add(row);
			if (mark === null) continue;
			this.#markOfRow.set(row, mark);
			this.saved.add(mark);
		}
	}

	#forgetRows(rows: readonly number[]): void {
		for (const row of rows) this.waitingRows.delete(row);
	}

	#socketClass(life: { isOver: boolean }): typeof WebSocket {
		const { time, edge } = this.#parts;
		const hasEnded = (): boolean => life.isOver;
		const isAway = (): boolean => !this.isOnline;
		const connect = async (
			socket: DeviceSocket,
			url: string,
			protocols: readonly string[]
		): Promise<void> => {
			await time.wait(this.#parts.latencyMs());
			if (hasEnded()) return;
			const space = (/spaces\/(\w+)\//.exec(url)?.[1] ?? '') as SpaceId;
			if (isAway()) socket.caller.closed(1006);
			else {
				const connection = await edge.upgrade(space, protocols, socket.caller).catch(() => {
					socket.caller.closed(1006);
					return null;
				});
				socket.attach(connection);
				if (this.#run !== null && !hasEnded()) this.#run.connection = connection;
				if (hasEnded() || isAway()) connection?.cut(0, time.upTo(60_000));
			}
		};
		class Bound extends DeviceSocket {
			constructor(url: string | URL, protocols: readonly string[] = []) {
				super(life);
				void connect(this, String(url), protocols);
			}
		}
		return Bound as unknown as typeof WebSocket;
	}
}

type Listener = (event: unknown) => void;

/** The browser's WebSocket, as far as the engine uses it. */
class DeviceSocket {
	binaryType = 'blob';
	readonly #life: { readonly isOver: boolean };
	readonly #listeners = new Map<string, Listener[]>();
	#connection: Connection | null = null;
	#isClosed = false;

	constructor(life: { readonly isOver: boolean }) {
		this.#life = life;
	}

	addEventListener(type: string, listener: Listener): void {
		this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
	}

	attach(connection: Connection | null): void {
		this.#connection = connection;
		if (this.#isClosed) connection?.closeUp(1000);
	}

	send(data: Uint8Array | string): void {
		if (!this.#isClosed) this.#connection?.up(data);
	}

	close(code = 1000): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#connection?.closeUp(code);
	}

	readonly caller = {
		opened: () => {
			if (!this.#isClosed) this.#tell('open', {});
		},
		message: (data: ArrayBuffer | string) => {
			if (!this.#isClosed) this.#tell('message', { data });
		},
		closed: (code: number) => {
			this.#isClosed = true;
			this.#tell('close', { code });
		}
	};

	#tell(type: string, event: unknown): void {
		if (this.#life.isOver) return;
		for (const listener of this.#listeners.get(type) ?? []) listener(event);
	}
}
