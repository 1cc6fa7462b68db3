import { describe, expect, it } from 'vitest';
import { createIdbStore } from '../../client/idb-store.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { bytesOf, storeSuite, valueOf } from './store-suite.ts';

const space = '00'.repeat(16) as SpaceId;
const unavailable = { ok: false, error: 'store_unavailable' };
const freshName = (): string => `store-${crypto.randomUUID()}`;

storeSuite('the store in IndexedDB', () => createIdbStore({ name: freshName() }));

/** A connection that a test holds open itself. */
function connect(name: string, version: number): Promise<IDBDatabase> {
	return new Promise((resolve, reject) => {
		const request = indexedDB.open(name, version);
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(new Error('no connection', { cause: request.error }));
	});
}

async function withIndexedDb(factory: object, run: () => Promise<void>): Promise<void> {
	const original = Object.getOwnPropertyDescriptor(globalThis, 'indexedDB');
	Object.defineProperty(globalThis, 'indexedDB', { value: factory, configurable: true });
	try {
		await run();
	} finally {
		if (original) Object.defineProperty(globalThis, 'indexedDB', original);
	}
}

interface StorageBuckets {
	open(name: string, options: { quota: number }): Promise<{ readonly indexedDB: IDBFactory }>;
}
/** Chromium only so far: https://wicg.github.io/storage-buckets/ */
const storageBuckets = (): StorageBuckets =>
	(navigator as unknown as { readonly storageBuckets: StorageBuckets }).storageBuckets;

describe('two stores over one database', () => {
	it('see what the other one saved', async () => {
		const name = freshName();
		const [one, two] = [createIdbStore({ name }), createIdbStore({ name })];
		valueOf(await one.saveRecord('draft', bytesOf(3, 1)));
		expect(valueOf(await two.loadRecord('draft'))).toEqual(bytesOf(3, 1));
		const rows = [{ space, sealed: bytesOf(1, 1), changes: 1 }];
		const ids = await Promise.all([one.addToOutbox(rows), two.addToOutbox(rows)]);
		expect(new Set(ids.flatMap(valueOf)).size).toBe(2);
		one.close();
		two.close();
	});

	it('find everything again after the first was closed', async () => {
		const name = freshName();
		const before = createIdbStore({ name });
		const [id] = valueOf(await before.addToOutbox([{ space, sealed: bytesOf(5, 1), changes: 2 }]));
		before.close();
		const after = createIdbStore({ name });
		const rows = valueOf(await after.loadOutbox(space, 0));
		expect(rows).toEqual([{ id, space, sealed: bytesOf(5, 1), changes: 2 }]);
		after.close();
	});
});

describe('entries that are read ahead', () => {
	const batchOf = (seqs: readonly number[]) => ({
		space,
		entries: seqs.map((seq) => ({
			seq,
			commit: bytesOf(3, seq),
			signature: bytesOf(64, seq),
			head: bytesOf(32, seq),
			pages: [bytesOf(70_000, seq)],
			keys: new Uint8Array()
		})),
		sealedState: bytesOf(4, 1),
		superseded: [],
		settledCounts: []
	});

	it('are given once, to whoever reads from the beginning, and no more than asked for', async () => {
		const name = freshName();
		const writer = createIdbStore({ name });
		valueOf(await writer.applyLog(batchOf([1, 2, 3])));
		const store = createIdbStore({ name });
		store.readAhead([space]);
		// In order behind it: what is written now was not read.
		await store.loadRecord('any');
		valueOf(await writer.applyLog(batchOf([4])));
		const seqs = async (after: number, limit: number): Promise<readonly number[]> =>
			valueOf(await store.loadEntries(space, after, limit)).map(({ seq }) => seq);
		expect(await seqs(0, 2)).toEqual([1, 2]);
		expect(await seqs(0, 9)).toEqual([1, 2, 3, 4]);
		store.readAhead([space]);
		expect(await seqs(2, 9)).toEqual([3, 4]);
		expect(valueOf(await store.loadEntries(space, 0, 9))).toEqual(
			valueOf(await writer.loadEntries(space, 0, 9))
		);
		store.close();
		writer.close();
	});

	it('may be none yet: then the store is asked again', async () => {
		const store = createIdbStore({ name: freshName() });
		store.readAhead([space]);
		await store.loadRecord('any');
		valueOf(await store.applyLog(batchOf([1])));
		expect(valueOf(await store.loadEntries(space, 0, 9))).toHaveLength(1);
		store.close();
	});
});

describe('a database that another tab wants to change', () => {
	it('is let go at once, and is unavailable to this version from then on', async () => {
		const name = freshName();
		const closed = Promise.withResolvers<undefined>();
		const store = createIdbStore({ name, onClosed: () => closed.resolve(undefined) });
		valueOf(await store.saveRecord('draft', bytesOf(1, 1)));
		const newer = await connect(name, 99);
		await closed.promise;
		expect(await store.loadRecord('draft')).toEqual(unavailable);
		newer.close();
	});

	it('that is deleted while the store is open is unavailable to it: a new one is another', async () => {
		const name = freshName();
		const store = createIdbStore({ name });
		valueOf(await store.saveRecord('draft', bytesOf(1, 1)));
		await new Promise((resolve, reject) => {
			const request = indexedDB.deleteDatabase(name);
			request.onsuccess = resolve;
			request.onerror = reject;
			request.onblocked = reject;
		});
		for (let time = 0; time < 2; time++) {
			expect(await store.saveRecord('draft', bytesOf(1, 2))).toEqual(unavailable);
		}
		const next = createIdbStore({ name });
		expect(valueOf(await next.loadRecord('draft'))).toBeNull();
		expect(await store.loadRecord('draft')).toEqual(unavailable);
		store.close();
		next.close();
	});

	it('whose connection alone was ended is opened again', async () => {
		const name = freshName();
		const store = createIdbStore({ name });
		valueOf(await store.saveRecord('draft', bytesOf(1, 1)));
		valueOf(await store.erase());
		valueOf(await store.saveRecord('draft', bytesOf(1, 2)));
		// As a tab does that would like to upgrade it, and does not.
		const wish = indexedDB.open(name, 2);
		await new Promise((resolve) => {
			wish.onupgradeneeded = () => {
				wish.transaction?.abort();
			};
			wish.onerror = resolve;
		});
		expect(valueOf(await store.loadRecord('draft'))).toEqual(bytesOf(1, 2));
		store.close();
	});
});

describe('a database that does not open', () => {
	it('because a tab holds an old version is unavailable, and answers in bounded time', async () => {
		const name = freshName();
		// Holds on when it is asked to let go, as a frozen tab does.
		const holder = await connect(name, 1);
		const upgrade = indexedDB.open(name, 2);
		await new Promise((resolve) => {
			upgrade.onblocked = resolve;
		});
		const store = createIdbStore({ name, openTimeoutMs: 50 });
		expect(await store.loadRecord('draft')).toEqual(unavailable);
		const upgraded = new Promise((resolve) => {
			upgrade.onsuccess = resolve;
		});
		holder.close();
		await upgraded;
		upgrade.result.close();
		// Version 2 is newer than what this store knows.
		expect(await store.loadRecord('draft')).toEqual(unavailable);
		store.close();
	});

	it('because the browser forbids it is unavailable, and tried again at the next call', async () => {
		// A browser without storage has the object, and refuses every open.
		const refusing = {
			open(): never {
				throw new DOMException('The operation is insecure.', 'SecurityError');
			}
		};
		const store = createIdbStore({ name: freshName() });
		await withIndexedDb(refusing, async () => {
			expect(await store.loadProfile()).toEqual(unavailable);
		});
		expect(valueOf(await store.loadProfile())).toBeNull();
		store.close();
	});
});

describe('a browser whose quota is reached', () => {
	it('gives store_full, keeps nothing of the call, and still takes what fits', async () => {
		// A bucket of the origin's storage with a quota of its own, enforced by the browser.
		const bucket = await storageBuckets().open(freshName(), { quota: 300_000 });
		await withIndexedDb(bucket.indexedDB, async () => {
			const store = createIdbStore({ name: freshName() });
			valueOf(await store.saveRecord('draft', bytesOf(10, 1)));
			const sealed = crypto.getRandomValues(new Uint8Array(65_536));
			const rows = Array.from({ length: 64 }, () => ({ space, sealed, changes: 1 }));
			expect(await store.addToOutbox(rows)).toEqual({ ok: false, error: 'store_full' });
			expect(valueOf(await store.loadOutbox(space, 0))).toEqual([]);
			expect(valueOf(await store.loadRecord('draft'))).toEqual(bytesOf(10, 1));
			valueOf(await store.addToOutbox([{ space, sealed: bytesOf(10, 1), changes: 1 }]));
			expect(valueOf(await store.loadOutbox(space, 0))).toHaveLength(1);
			store.close();
		});
	});
});
