import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { bytesOf, entryOf, storeSuite, valueOf } from './store-suite.ts';

storeSuite('the store in memory', () => createMemoryStore());

describe('a store in memory with a quota', () => {
	const space = '00'.repeat(16) as SpaceId;

	it('keeps nothing of a call that does not fit, and takes what fits afterwards', async () => {
		const store = createMemoryStore({ quotaBytes: 1_000 });
		valueOf(await store.saveRecord('draft', bytesOf(600, 1)));
		const rows = [300, 300].map((length) => ({ space, sealed: bytesOf(length, 1), changes: 1 }));
		expect(await store.addToOutbox(rows)).toEqual({ ok: false, error: 'store_full' });
		expect(valueOf(await store.loadOutbox(space, 0))).toEqual([]);
		const log = {
			space,
			entries: [entryOf(1, [bytesOf(400, 1)])],
			sealedState: bytesOf(1, 1),
			superseded: [],
			settledCounts: []
		};
		expect(await store.applyLog(log)).toEqual({ ok: false, error: 'store_full' });
		expect(valueOf(await store.loadState(space))).toBeNull();
		valueOf(await store.saveRecord('draft', bytesOf(10, 1)));
		valueOf(await store.addToOutbox(rows));
		expect(valueOf(await store.loadOutbox(space, 0))).toHaveLength(2);
	});
});
