// A device of a simulation: one browser profile of one person, with one tab or several (simulated-tab.ts)
// on a store that outlives them.
import type { HandedKeys } from '../../client/crypto-port.ts';
import { fail, type TacetError } from '../../client/errors.ts';
import { generateDeviceKeyPair } from '../../client/profile.ts';
import type { AccountId, DeviceId, SessionId, SpaceId } from '../../protocol/ids.ts';
import { ok, type Result } from '../../protocol/result.ts';
import type { SimulatedEdge } from './simulated-edge.ts';
import { ProfileChannel, ProfileLock, StoreWitness, type Mark } from './simulated-profile.ts';
import { SimulatedTab, type ClientCode, type NamedSpace, type TabParts } from './simulated-tab.ts';
import type { SimulatedTime } from './simulated-time.ts';

export interface DeviceParts
	extends Pick<TabParts, 'latencyMs' | 'losesCalls' | 'skewMs' | 'newMark' | 'tell' | 'onError'> {
	readonly name: string;
	readonly time: SimulatedTime;
	readonly edge: SimulatedEdge;
	readonly code: ClientCode;
	readonly keys: HandedKeys;
	/** What the account's keyring names. */
	readonly known: () => readonly NamedSpace[];
	readonly newSession: () => SessionId;
}

export class SimulatedDevice {
	readonly #parts: DeviceParts;
	readonly #store;
	readonly #lock: ProfileLock;
	readonly #channel: ProfileChannel;
	readonly #witness = new StoreWitness();
	readonly #tabs = new Set<SimulatedTab>();
	#keys: HandedKeys;
	#deviceKey: Promise<CryptoKeyPair> | null = null;
	#session: SessionId;
	#token: { readonly text: string; readonly untilMs: number } | null = null;
	#opened = 0;
	isOnline = true;

	constructor(parts: DeviceParts) {
		this.#parts = parts;
		this.#keys = parts.keys;
		this.#store = parts.code.createMemoryStore();
		this.#lock = new ProfileLock(parts.time);
		this.#channel = new ProfileChannel(parts.time);
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

	get tabs(): readonly SimulatedTab[] {
		return [...this.#tabs];
	}

	/** The one that syncs, or that waits for it. */
	get tab(): SimulatedTab | null {
		return this.tabs.find(({ isLeading }) => isLeading) ?? this.tabs[0] ?? null;
	}

	get isRunning(): boolean {
		return this.#tabs.size > 0;
	}

	get saved(): ReadonlySet<Mark> {
		return this.#witness.saved;
	}

	get settled(): ReadonlySet<Mark> {
		return this.#witness.settled;
	}

	marksAt(space: SpaceId, count: number): readonly Mark[] {
		return this.#witness.marksAt(space, count);
	}

	/** Whether its store holds what is not on the log. */
	waitsIn(space: SpaceId): boolean {
		return this.#witness.waitsIn(space);
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
		this.retryNow();
	}

	goOffline(): void {
		this.isOnline = false;
		for (const { line } of this.#tabs) line.cut(0, 60_000);
	}

	goOnline(): void {
		this.isOnline = true;
		this.retryNow();
	}

	cut(): void {
		for (const { line } of this.#tabs) line.cut(30_000, 90_000);
	}

	retryNow(): void {
		for (const tab of this.#tabs) tab.retryNow();
	}

	/** From now on it unlocks to these: its tabs are opened anew. */
	takeKeys(keys: HandedKeys): void {
		for (const tab of this.tabs) tab.crash();
		this.#keys = keys;
	}

	/** One tab more. */
	async openTab(): Promise<SimulatedTab> {
		const { known, name, onError, ...parts } = this.#parts;
		this.#deviceKey ??= generateDeviceKeyPair();
		const deviceKey = await this.#deviceKey;
		const tab = new SimulatedTab({
			...parts,
			onError,
			keys: this.#keys,
			deviceKey,
			name: `${name}, tab ${String(++this.#opened)}`,
			store: this.#store,
			lock: this.#lock,
			channel: this.#channel,
			witness: this.#witness,
			token: (refused) => this.#accessToken(refused),
			isOnline: () => this.isOnline,
			onOver: (over) => this.#tabs.delete(over)
		});
		this.#tabs.add(tab);
		await tab.start(known());
		// What was named meanwhile.
		for (const named of known()) await tab.enter(named);
		return tab;
	}

	/** The keyring names one space more. */
	enter(named: NamedSpace): void {
		for (const tab of this.#tabs) void tab.enter(named);
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
}
