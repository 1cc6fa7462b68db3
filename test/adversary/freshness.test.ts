import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../client/store.ts';
import {
	copyStore,
	isDistrusted,
	isOnline,
	seqOf,
	settled,
	startDevice,
	storeWithProfile,
	viewOf,
	when,
	type Device
} from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import { newGate } from './holding.ts';
import { headsOf, tell } from './lies.ts';
import { materialOf } from './property.ts';
import { readUnder, traceOf } from './reading.ts';
import { makeWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
	world = await makeWorld({ seed: 21, steps: 8 });
}, 60_000);
afterAll(() => world.end(), 60_000);

/** A store that keeps no record of this name until it may. */
function heldBack(store: Store, name: string) {
	const [may, asked] = [newGate(), newGate()];
	const saveRecord: Store['saveRecord'] = async (record, sealed) => {
		if (record.startsWith(name)) {
			asked.open();
			await may.opened;
		}
		return store.saveRecord(record, sealed);
	};
	const held = new Proxy(store, {
		get: (target, key) => {
			if (key === 'saveRecord') return saveRecord;
			const own: unknown = Reflect.get(target, key);
			return typeof own === 'function' ? (own.bind(target) as unknown) : own;
		}
	});
	return {
		held,
		keep: () => {
			may.open();
		},
		saving: asked.opened
	};
}

describe('a log as it was', () => {
	test('INT-05 is on record before it is shown: a restart at that moment believes it no more', async () => {
		const known = world.stores.get(6);
		const offered = headsOf(world.entries)[3];
		assert(known && offered);
		const store = await copyStore(known, [world.keyring, world.space]);
		const { keep, held, saving } = heldBack(store, 'fault/');
		const { keys, at } = world;
		const device = await startDevice(world.edge.url, { keys, at, store: held });
		device.liar.lie = {
			toClient: (frame, { space }) =>
				space === world.space && frame.type === 'hello' ? [{ type: 'hello', offered }] : undefined
		};
		await device.tacet.start();
		await saving;
		// Whatever is looked at anew meanwhile.
		assert((await device.space.create({ title: 'Meanwhile', body: '' })).ok);
		expect(isDistrusted(device.space)).toBe(false);
		keep();
		await when(device.space, () => isDistrusted(device.space));
		expect(await store.loadRecord(`fault/${world.space}`)).toMatchObject({ ok: true });
		await device.close();
	});

	test('INT-05 greeted with, at every place before the one that was seen, stops the device', async () => {
		const from = 6;
		for (const offered of headsOf(world.entries).slice(0, from)) {
			const outcome = await readUnder(
				world,
				{
					toClient(frame, { space }) {
						if (space !== world.space) return undefined;
						if (frame.type === 'hello') return [{ type: 'hello', offered }];
						return frame.type === 'entries' ? [{ ...frame, entries: [], offered }] : undefined;
					}
				},
				{ from }
			);
			expect(outcome).toMatchObject({ under: 'distrusted', fault: 'rollback', seq: from });
			expect(outcome.trace).toEqual(['socket', 'end 1000']);
		}
	});

	test('INT-05 offered with entries, after a greeting that was true, stops the device', async () => {
		const from = 6;
		for (const offered of headsOf(world.entries).slice(1, from)) {
			const outcome = await readUnder(
				world,
				{
					toClient: (frame, { space }) =>
						space === world.space && frame.type === 'entries'
							? [{ ...frame, entries: [], offered }]
							: undefined
				},
				{ from }
			);
			expect(outcome).toMatchObject({ under: 'distrusted', fault: 'rollback', seq: from });
		}
	});

	test('INT-05 served to a device that has seen nothing of it is taken for what it is, and followed', async () => {
		const material = await materialOf(world, 'space', 4);
		const lie = tell('show the log as it was', {
			space: world.space,
			material,
			times: 1,
			after: 0
		});
		const outcome = await readUnder(world, lie, { from: 0, patienceMs: 300 });
		expect(outcome.after).toBe('online');
	});

	test('INT-05, EDG-11 from a restored backup stops a device that has seen more, also after it starts anew', async () => {
		const own = await makeWorld({ seed: 22, steps: 3, handle: 'bertha' });
		const { writer, reader } = own;
		const folder = await own.edge.backUp();
		const before = await startEdge({ backup: folder });
		const after = await startEdge({ backup: folder });
		for (const device of [writer, reader]) {
			device.liar.edgeUrl = after.url;
			device.liar.cut();
			await when(device.space, () => device.space.sync.connection !== 'online');
			device.space.syncNow();
			await when(device.space, () => isOnline(device.space));
		}
		expect((await writer.space.create({ title: 'After the backup' })).ok).toBe(true);
		await when(writer.space, () => isOnline(writer.space));
		await when(reader.space, () => seqOf(reader.space) === seqOf(writer.space));
		const seen = await viewOf(reader.space);
		const store = await copyStore(reader.store, [own.keyring, own.space]);
		await reader.close();

		const again = await startDevice(before.url, { keys: own.keys, store });
		await again.tacet.start();
		await settled(again.space);
		expect(again.space.sync.trust).toMatchObject({ state: 'not_trusted', fault: 'rollback' });
		expect(await viewOf(again.space)).toBe(seen);
		const trace = traceOf(again.liar.sent, own.space);
		expect(trace.filter((line) => line.startsWith('append'))).toEqual([]);
		await again.close();
		await own.end();
		await before.remove();
		await after.remove();
		await rm(folder, { recursive: true });
	}, 60_000);

	test('INT-05 is found by the head that another device has left in the keyring', async () => {
		const own = await makeWorld({ seed: 23, steps: 3, handle: 'carla' });
		// Locking leaves the newest verified head behind.
		await own.writer.tacet.lock();
		const fresh = await startDevice(own.edge.url, {
			keys: own.keys,
			store: await storeWithProfile(own.reader.store)
		});
		fresh.liar.lie = {
			toClient(frame, { space }) {
				const head = headsOf(own.entries)[2];
				if (space !== own.space || !head) return undefined;
				if (frame.type === 'hello') return [{ type: 'hello', offered: head }];
				if (frame.type !== 'entries') return undefined;
				const entries = frame.entries.filter(({ seq }) => seq <= head.seq);
				return [{ ...frame, entries, offered: head }];
			}
		};
		await fresh.tacet.start();
		await when(fresh.space, () => isDistrusted(fresh.space));
		expect(fresh.space.sync.trust).toMatchObject({ fault: 'rollback' });
		expect(await viewOf(fresh.space)).toBe(own.views.get(2));
		await fresh.close();
		await own.end();
	}, 60_000);
});

describe('two histories', () => {
	test('INT-07 stop both devices as soon as either is shown the other one', async () => {
		const own = await makeWorld({ seed: 24, steps: 3, handle: 'dora' });
		const folder = await own.edge.backUp();
		const a = await startEdge({ backup: folder });
		const b = await startEdge({ backup: folder });
		const { writer, reader } = own;
		await moveTo(writer, a);
		await moveTo(reader, b);
		for (const word of ['one', 'two', 'three']) {
			expect((await writer.space.create({ title: `A ${word}` })).ok).toBe(true);
			expect((await reader.space.create({ title: `B ${word}` })).ok).toBe(true);
			await when(writer.space, () => isOnline(writer.space));
			await when(reader.space, () => isOnline(reader.space));
		}
		expect(seqOf(writer.space)).toBe(seqOf(reader.space));
		const shown = new Map<Device, string>();
		for (const device of [writer, reader]) shown.set(device, await viewOf(device.space));
		writer.liar.edgeUrl = b.url;
		reader.liar.edgeUrl = a.url;
		for (const device of [writer, reader]) {
			device.liar.cut();
			await when(device.space, () => isDistrusted(device.space));
			const { trust } = device.space.sync;
			expect(trust).toMatchObject({ state: 'not_trusted', fault: 'fork' });
			if (trust.state !== 'not_trusted') throw new Error('unreachable');
			const { verified, offered } = trust.evidence;
			expect(verified.seq).toBe(offered.seq);
			expect(verified.hash).not.toEqual(offered.hash);
			// Nothing of the other history is merged in.
			expect(await viewOf(device.space)).toBe(shown.get(device));
		}
		await own.end();
		await a.remove();
		await b.remove();
		await rm(folder, { recursive: true });
	}, 60_000);

	test('INT-07 of different length stop the device that is shown the longer one', async () => {
		const own = await makeWorld({ seed: 25, steps: 2, handle: 'erna' });
		const folder = await own.edge.backUp();
		const a = await startEdge({ backup: folder });
		const b = await startEdge({ backup: folder });
		const { writer, reader } = own;
		await moveTo(writer, a);
		await moveTo(reader, b);
		for (const word of ['one', 'two', 'three']) {
			expect((await writer.space.create({ title: `A ${word}` })).ok).toBe(true);
			await when(writer.space, () => isOnline(writer.space));
		}
		expect((await reader.space.create({ title: 'B only' })).ok).toBe(true);
		await when(reader.space, () => isOnline(reader.space));
		const shown = await viewOf(reader.space);
		reader.liar.edgeUrl = a.url;
		reader.liar.cut();
		await when(reader.space, () => isDistrusted(reader.space));
		// Entries after its own place follow another entry than the one it has there.
		expect(reader.space.sync.trust).toMatchObject({ state: 'not_trusted' });
		expect(await viewOf(reader.space)).toBe(shown);
		await own.end();
		await a.remove();
		await b.remove();
		await rm(folder, { recursive: true });
	}, 60_000);
});

async function moveTo(device: Device, edge: Edge): Promise<void> {
	device.liar.edgeUrl = edge.url;
	device.liar.cut();
	await when(device.space, () => device.space.sync.connection !== 'online');
	device.space.syncNow();
	await when(device.space, () => isOnline(device.space));
}

describe('an edge that says nothing', () => {
	test('INT-08 is never taken for up to date, and what is written is counted as unsent', async () => {
		const device = await startDevice(world.edge.url, {
			keys: world.keys,
			store: await copyStore(world.reader.store, [world.keyring, world.space])
		});
		device.liar.lie = { toClient: (_, { space }) => (space === world.space ? [] : undefined) };
		await device.tacet.start();
		await when(device.liar, () => traceOf(device.liar.sent, world.space).includes('socket'));
		expect((await device.space.create({ title: 'Waits' })).ok).toBe(true);
		expect(device.space.sync).toMatchObject({ connection: 'connecting', waiting: 1 });
		expect(device.space.sync.verified?.atMs).toBeNull();
		expect(device.space.items.find(({ title }) => title === 'Waits')).toMatchObject({
			waiting: true
		});
		await device.close();
	});
});
