// A device: the client that is shipped, in Node, with a store of its own and a liar before it.
import assert from 'node:assert/strict';
import { createMemoryStore, createTacet, type Space, type Tacet } from '../../client/index.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { CryptoWorker, HandedKeys } from '../../client/crypto-port.ts';
import { Proofs } from '../../client/proofs.ts';
import type { Store } from '../../client/store.ts';
import opaqueModule from '../../crypto/opaque-ke/opaque-ke.wasm';
import type { Seq, SpaceId } from '../../protocol/ids.ts';
import { Liar } from './liar.ts';

export interface Credentials {
	readonly handle: string;
	readonly password: string;
}

export class Device {
	readonly tacet: Tacet;
	readonly store: Store;
	readonly liar: Liar;
	readonly #cores: readonly CryptoWorker[];
	readonly #at: SpaceId | null;

	constructor(parts: {
		tacet: Tacet;
		store: Store;
		liar: Liar;
		cores: readonly CryptoWorker[];
		at: SpaceId | null;
	}) {
		this.#at = parts.at;
		this.tacet = parts.tacet;
		this.store = parts.store;
		this.liar = parts.liar;
		this.#cores = parts.cores;
	}

	/** The one that this device is looked at for: the account's first, unless it was told another. */
	get space(): Space {
		const { state } = this.tacet;
		assert(state.phase === 'unlocked', state.phase);
		return this.#at === null ? state.space : this.spaceAt(this.#at);
	}

	/** Whether the keyring has named the space to look at. */
	get isThere(): boolean {
		const { state } = this.tacet;
		const at = this.#at;
		if (state.phase !== 'unlocked') return false;
		return at === null || state.spaces.some(({ id }) => id === at);
	}

	/** Unlocked, and the space is open; or the keyring itself is not trusted. */
	async arrives(): Promise<void> {
		await when(this.tacet, () => {
			const { state } = this.tacet;
			return this.isThere || (state.phase === 'unlocked' && isDistrusted(state.space));
		});
	}

	spaceAt(id: SpaceId): Space {
		const { state } = this.tacet;
		assert(state.phase === 'unlocked', state.phase);
		const space = state.spaces.find((open) => open.id === id);
		assert(space, 'the space is not open here');
		return space;
	}

	/** Keys as one tab hands them to another: copies. */
	async keys(): Promise<HandedKeys> {
		const core = this.#cores.at(-1);
		assert(core);
		return core.port.handKeys();
	}

	/** The keyring's log, whose name follows from the root. */
	async keyring(): Promise<SpaceId> {
		const core = this.#cores.at(-1);
		assert(core);
		return (await core.port.keyringSpace()).space;
	}

	/** What its own key makes, beside the client. */
	async proofs(): Promise<Proofs> {
		const profile = await this.store.loadProfile();
		assert(profile.ok && profile.value);
		return new Proofs(profile.value.deviceKey, Date.now);
	}

	/** Pulls the plug: nothing is sent any more, not even what closing would send. */
	async close(): Promise<void> {
		await this.liar.stop();
		await this.tacet.close();
	}
}

export interface StartOptions {
	readonly store?: Store;
	readonly keys?: HandedKeys;
	readonly liar?: Liar;
	readonly nowMs?: () => number;
	/** The space to look at. */
	readonly at?: SpaceId | null;
	/** How long to leave what others left out, or sealed under an old key; absent: as in the page. */
	readonly repairWaitMs?: () => number;
	readonly deviceName?: string;
}

/** Longer than any test: what a device would repair or seal again stays as it is. */
export const neverRepairs = (): number => 2_000_000_000;

/**
 * Starts the client at an edge. With `keys` it is unlocked like another tab of the same profile,
 * so that a restart costs no stretching of a password.
 */
export async function startDevice(edgeUrl: string, options: StartOptions = {}): Promise<Device> {
	const liar = options.liar ?? (await Liar.start(edgeUrl));
	const store = options.store ?? createMemoryStore();
	const cores: CryptoWorker[] = [];
	const { keys, nowMs, repairWaitMs, deviceName, at = null } = options;
	const tacet = createTacet({
		origin: liar.url,
		store,
		startCrypto: () => {
			const core = startCryptoInProcess(() => Promise.resolve(opaqueModule));
			cores.push(core);
			return core;
		},
		...(keys && { channel: () => unlockedTab(keys) }),
		...(nowMs && { nowMs }),
		...(repairWaitMs && { repairWaitMs }),
		...(deviceName !== undefined && { deviceName })
	});
	return new Device({ tacet, store, liar, cores, at });
}

/** A channel at whose other end an unlocked tab of the profile hands out keys, and nothing else. */
function unlockedTab(keys: HandedKeys): BroadcastChannel {
	const target = new EventTarget();
	const copy = (): HandedKeys => ({
		...keys,
		kemSeed: keys.kemSeed.slice(),
		keyringEpochKey: keys.keyringEpochKey.slice()
	});
	return Object.assign(target, {
		name: 'tacet',
		onmessage: null,
		onmessageerror: null,
		postMessage(message: { readonly type: string }) {
			if (message.type !== 'keys_wanted') return;
			const data = { type: 'keys', keys: copy() };
			queueMicrotask(() => target.dispatchEvent(new MessageEvent('message', { data })));
		},
		close() {}
	});
}

/** A store with nothing but the profile: the device has lost everything else. */
export async function storeWithProfile(from: Store): Promise<Store> {
	const to = createMemoryStore();
	const profile = await from.loadProfile();
	assert(profile.ok && profile.value);
	assert((await to.saveProfile(profile.value)).ok);
	return to;
}

/** A copy of all that a device has. */
export async function copyStore(from: Store, spaces: readonly SpaceId[]): Promise<Store> {
	const to = await storeWithProfile(from);
	for (const space of spaces) {
		await copyLog(from, to, space);
		const fault = await from.loadRecord(`fault/${space}`);
		assert(fault.ok);
		if (fault.value) assert((await to.saveRecord(`fault/${space}`, fault.value)).ok);
		await copyOutbox(from, to, space);
	}
	return to;
}

async function copyLog(from: Store, to: Store, space: SpaceId): Promise<void> {
	const state = await from.loadState(space);
	const entries = await from.loadEntries(space, 0, 1_000_000);
	assert(state.ok && entries.ok);
	if (state.value === null) return;
	const copied = await to.applyLog({
		space,
		entries: entries.value,
		sealedState: state.value,
		superseded: [],
		settledCounts: []
	});
	assert(copied.ok);
}

async function copyOutbox(from: Store, to: Store, space: SpaceId): Promise<void> {
	const rows = await from.loadOutbox(space, 0);
	const pending = await from.loadPending(space);
	assert(rows.ok && pending.ok);
	const added = await to.addToOutbox(
		rows.value.map(({ sealed, changes }) => ({ space, sealed, changes }))
	);
	assert(added.ok);
	const ids = new Map(rows.value.map(({ id }, index) => [id, added.value[index] ?? 0]));
	const saved = await to.savePending(
		pending.value.map((commit) => ({
			...commit,
			outboxIds: commit.outboxIds.map((id) => ids.get(id) ?? 0)
		}))
	);
	assert(saved.ok);
}

/** Settles when `test` holds, which is looked at whenever something changed. */
export function when(
	source: { subscribe(listener: () => void): () => void },
	test: () => boolean
): Promise<void> {
	return new Promise((resolve) => {
		const look = (): void => {
			if (!test()) return;
			unsubscribe();
			resolve();
		};
		const unsubscribe = source.subscribe(look);
		queueMicrotask(look);
	});
}

export const isOnline = ({ sync }: Space): boolean =>
	sync.connection === 'online' && sync.waiting === 0;
export const isDistrusted = ({ sync }: Space): boolean => sync.trust.state === 'not_trusted';

/** The place of the newest verified entry. */
export const seqOf = ({ sync }: Space): Seq => sync.verified?.seq ?? 0;

/** The edge was believed, all of it; or it is not any more. */
export const settled = (space: Space): Promise<void> =>
	when(space, () => isOnline(space) || isDistrusted(space));

/** What a person sees: every item, in full. */
export async function viewOf(space: Space): Promise<string> {
	const items = [];
	for (const { id, title, snippet, path, createdAtMs, trashedAtMs } of [
		...space.items,
		...space.trashed
	]) {
		const read = await space.read(id);
		assert(read.ok);
		items.push({ id, title, snippet, path, createdAtMs, trashedAtMs, text: read.value });
	}
	return JSON.stringify(
		items.sort((a, b) => (a.id < b.id ? -1 : 1)),
		null,
		'\t'
	);
}
