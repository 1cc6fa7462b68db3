// What happened before the edge began to lie: one account on two devices, a history of every kind of
// change, and what an honest device showed after each of its entries.
import assert from 'node:assert/strict';
import type { HandedKeys } from '../../client/crypto-port.ts';
import type { Space } from '../../client/index.ts';
import type { Store } from '../../client/store.ts';
import type { Head, Role } from '../../protocol/commit.ts';
import type { Entry } from '../../protocol/frames.ts';
import type { SignedHeartbeat } from '../../protocol/heartbeat.ts';
import type { Seq, SpaceId } from '../../protocol/ids.ts';
import {
	copyStore,
	isOnline,
	neverRepairs,
	seqOf,
	settled,
	startDevice,
	storeWithProfile,
	viewOf,
	when,
	type Device
} from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { beatsSent } from './liar.ts';
import { headsOf, writesNothing } from './lies.ts';
import { chanceOf, type Chance } from './random.ts';

export interface World {
	readonly edge: Edge;
	readonly password: string;
	readonly handle: string;
	readonly keyring: SpaceId;
	readonly space: SpaceId;
	/** The space to look at; null: the account's first. */
	readonly at: SpaceId | null;
	/** Of whoever reads. */
	readonly role: Role;
	/** Of the second device, which only ever reads. */
	readonly keys: HandedKeys;
	/** That device's store after each entry, and with nothing but its profile at 0. */
	readonly stores: ReadonlyMap<Seq, Store>;
	/** What it showed after each entry. */
	readonly views: ReadonlyMap<Seq, string>;
	/** The logs as an honest edge gives them to a device that has nothing. */
	readonly entries: readonly Entry[];
	readonly keyringEntries: readonly Entry[];
	readonly head: Head;
	/** Heartbeats that members' devices gave, about this space and others. */
	readonly beats: readonly SignedHeartbeat[];
	/** The device that wrote it all; still at work. */
	readonly writer: Device;
	readonly reader: Device;
	end(): Promise<void>;
}

export const password = 'correct horse battery staple';

export interface WorldOptions {
	readonly seed?: number;
	readonly steps?: number;
	readonly handle?: string;
	readonly edge?: Edge;
}

export async function makeWorld(options: WorldOptions = {}): Promise<World> {
	const chance = chanceOf(options.seed ?? 1);
	const handle = options.handle ?? 'alice';
	const edge = options.edge ?? (await startEdge());
	const writer = await startDevice(edge.url);
	await writer.tacet.start();
	const made = await writer.tacet.signUp({ handle, password, withAccountKey: false });
	assert(made.ok, JSON.stringify(made));
	await when(writer.space, () => isOnline(writer.space));
	const reader = await startDevice(edge.url);
	await reader.tacet.start();
	const opened = await reader.tacet.logIn({ handle, password });
	assert(opened.ok, JSON.stringify(opened));
	const spaces = [await reader.keyring(), reader.space.id] as const;
	const views = new Map<Seq, string>([[0, '[]']]);
	const stores = new Map<Seq, Store>([[0, await storeWithProfile(reader.store)]]);
	const note = async (): Promise<void> => {
		await when(writer.space, () => isOnline(writer.space));
		const seq = seqOf(writer.space);
		await when(reader.space, () => isOnline(reader.space) && seqOf(reader.space) === seq);
		views.set(seq, await viewOf(reader.space));
		stores.set(seq, await copyStore(reader.store, spaces));
	};
	await note();
	for (let step = 0; step < (options.steps ?? 12); step++) {
		await changeSomething(writer.space, chance, step);
		await note();
	}
	const logs = await readLogs(edge, stores, await reader.keys());
	const world: World = {
		edge,
		password,
		handle,
		keyring: spaces[0],
		space: spaces[1],
		at: null,
		role: 'owner',
		keys: await reader.keys(),
		stores,
		views,
		entries: logs.get(spaces[1])?.entries ?? [],
		keyringEntries: logs.get(spaces[0])?.entries ?? [],
		head: logs.get(spaces[1])?.head ?? { seq: 0, hash: new Uint8Array(32) },
		beats: beatsSent([writer.liar, reader.liar]),
		writer,
		reader,
		async end() {
			await writer.close();
			await reader.close();
			if (options.edge === undefined) await edge.remove();
		}
	};
	await addViews(world, views);
	return world;
}

/** One change of a random kind; words are unique, so that nothing can stand in for another. */
export async function changeSomething(space: Space, chance: Chance, step: number): Promise<void> {
	const word = `word${String(step)}x${String(chance.below(1e9))}`;
	const items = space.items;
	const kind = items.length < 2 ? 0 : chance.below(6);
	if (kind === 0) {
		assert((await space.create({ title: `Title ${word}`, body: `Body of ${word}` })).ok);
	} else if (kind === 1) {
		const files = [0, 1, 2].map((index) => fileOf(`folder/${word}-${String(index)}.md`, word));
		assert.equal((await space.importFiles(files)).taken, 3);
	} else if (kind === 2) {
		const item = await space.open(chance.pick(items).id);
		assert(item.ok);
		item.value.body.insert(chance.below(item.value.body.length + 1), ` ${word} `);
		assert((await item.value.close()).ok);
	} else if (kind === 3) assert((await space.trash(chance.pick(items).id)).ok);
	else if (kind === 4 && space.trashed.length > 0) {
		assert((await space.restore(chance.pick(space.trashed).id)).ok);
	} else assert((await space.deleteForever(chance.pick(items).id)).ok);
}

export function fileOf(path: string, text: string) {
	const bytes = new TextEncoder().encode(`# ${path}\n\n${text}`);
	return { path, sizeBytes: bytes.length, bytes: () => Promise.resolve(bytes) };
}

/** Listens to what the edge gives a device that has lost everything but its profile. */
export async function readLogs(
	edge: Edge,
	stores: ReadonlyMap<Seq, Store>,
	keys: HandedKeys,
	at: SpaceId | null = null
): Promise<ReadonlyMap<SpaceId, { entries: Entry[]; head: Head }>> {
	const empty = stores.get(0);
	assert(empty);
	const device = await startDevice(edge.url, {
		...{ keys, at },
		repairWaitMs: neverRepairs,
		store: await storeWithProfile(empty)
	});
	const logs = new Map<SpaceId, { entries: Entry[]; head: Head }>();
	device.liar.lie = {
		...writesNothing,
		toClient(frame, { space }) {
			if (frame.type !== 'entries') return undefined;
			const log = logs.get(space) ?? { entries: [], head: frame.offered };
			const known = log.entries.length;
			log.entries.push(...frame.entries.filter(({ seq }) => seq > known));
			log.head = frame.offered;
			logs.set(space, log);
			return undefined;
		}
	};
	await device.tacet.start();
	await when(device.space, () => isOnline(device.space));
	await device.close();
	return logs;
}

/** A step that made several entries was looked at after the last one only. */
export async function addViews(world: World, views: Map<Seq, string>): Promise<void> {
	for (const { seq } of headsOf(world.entries)) {
		if (!views.has(seq)) views.set(seq, await viewAt(world, seq));
	}
}

/** What a device shows of the beginning of a log. */
async function viewAt(world: World, until: Seq): Promise<string> {
	const { edge, keys, at, stores, entries, space } = world;
	const empty = stores.get(0);
	const offered = headsOf(entries)[until];
	assert(empty && offered);
	const store = await storeWithProfile(empty);
	const device = await startDevice(edge.url, { keys, at, repairWaitMs: neverRepairs, store });
	const isBefore = ({ seq }: Entry): boolean => seq <= until;
	device.liar.lie = {
		...writesNothing,
		toClient(frame, line) {
			if (line.space !== space) return undefined;
			if (frame.type === 'hello') return [{ type: 'hello', offered }];
			if (frame.type === 'heartbeats') return [];
			if (frame.type !== 'entries') return undefined;
			return [{ ...frame, entries: frame.entries.filter(isBefore), offered }];
		}
	};
	await device.tacet.start();
	await settled(device.space);
	assert.equal(seqOf(device.space), until);
	const view = await viewOf(device.space);
	await device.close();
	return view;
}
