// Two tabs of a profile and the one outbox that they share: rows of the one are sent by the other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import { startEdge, type Edge } from './edge.ts';
import { close, foundedBy, newDesk, newPerson, synced, type Person } from './people.ts';

let edge: Edge;
let ada: Person;
beforeAll(async () => {
	edge = await startEdge();
	ada = await newPerson(edge);
});
afterAll(() => edge.remove());

test('a change that the other tab has sent before its own tab heard that it was stored waits for nothing', async () => {
	const store = createMemoryStore();
	let hear = (): void => undefined;
	const heard = new Promise<void>((resolve) => {
		hear = resolve;
	});
	// The store of the tab that writes keeps what it is given at once, and says so late.
	const late = new Proxy(store, {
		get: (target, name: keyof Store) => {
			if (name !== 'addToOutbox') return Reflect.get(target, name).bind(target) as unknown;
			return async (rows: Parameters<Store['addToOutbox']>[0]) => {
				const added = await target.addToOutbox(rows);
				await heard;
				return added;
			};
		}
	});
	const told: (readonly number[])[] = [];
	const syncing = await foundedBy(ada, {
		store,
		onStored: (settled) => {
			if (settled.length > 0) told.push(settled);
		}
	});
	const writing = newDesk(ada, syncing.space, { store: late });
	await writing.sync.load();
	const written = writing.write('Sent by the other');
	await syncing.sync.look([]);
	await syncing.until(() => syncing.titles.length === 1);
	await synced(syncing);
	for (const settled of told) await writing.sync.look(settled);
	hear();
	await written;
	expect(writing.titles).toEqual(['Sent by the other']);
	expect(writing.sync.status.waiting).toBe(0);
	await close(writing, syncing);
});

test('a change of a tab that ended before it could tell of it goes out when the other tries again', async () => {
	const store = createMemoryStore();
	const syncing = await foundedBy(ada, { store });
	// Nobody hears of what it stores.
	const ended = newDesk(ada, syncing.space, { store });
	await ended.sync.load();
	await ended.write('Told to nobody');
	await close(ended);
	syncing.sync.retryNow();
	await syncing.until(() => syncing.titles.length === 1);
	await synced(syncing);
	await close(syncing);
});

test('and when the connection of the other is lost', async () => {
	const store = createMemoryStore();
	const sockets: WebSocket[] = [];
	class Known extends WebSocket {
		constructor(url: string | URL, protocols?: string | string[]) {
			super(url, protocols);
			sockets.push(this);
		}
	}
	const syncing = await foundedBy(ada, { store, WebSocket: Known });
	const ended = newDesk(ada, syncing.space, { store });
	await ended.sync.load();
	await ended.write('Told to nobody');
	await close(ended);
	for (const socket of sockets) socket.close();
	await syncing.until(() => syncing.titles.length === 1);
	await synced(syncing);
	await close(syncing);
});
