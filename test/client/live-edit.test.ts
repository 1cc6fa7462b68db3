// One edit where nothing else waits: its commit is formed while it is being saved, kept with it, and
// only then sent; and it is shown elsewhere a moment before it is kept there.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { PendingCommit, Store } from '../../client/store.ts';
import { parseCommit } from '../../protocol/commit.ts';
import { encodeSpaceFrame, type SpaceFrame } from '../../protocol/frames.ts';
import { err } from '../../protocol/result.ts';
import { newWire, startEdge, type Edge } from './edge.ts';
import {
	caughtUpWith,
	close,
	foundedBy,
	joined,
	newDesk,
	newPerson,
	synced,
	type Person
} from './people.ts';

let edge: Edge;
let ada: Person;
let ben: Person;
beforeAll(async () => {
	edge = await startEdge();
	[ada, ben] = await Promise.all([newPerson(edge), newPerson(edge)]);
});
afterAll(() => edge.remove());

/** A store with some methods of another kind. */
const storeWith = (kept: Store, methods: Partial<Store>): Store =>
	new Proxy(kept, {
		get: (target, name: keyof Store) =>
			methods[name] ?? ((Reflect.get(target, name) as () => unknown).bind(target) as unknown)
	});

/** What a store has done, in order. */
function watched(kept: Store, seen: string[]): Store {
	return storeWith(kept, {
		addToOutbox: async (rows, formed) => {
			const added = await kept.addToOutbox(rows, formed);
			seen.push(formed === undefined ? 'row kept' : 'row and commit kept');
			return added;
		},
		savePending: async (pending) => {
			const saved = await kept.savePending(pending);
			seen.push('commit kept');
			return saved;
		}
	});
}

const pendingIn = async (store: Store, desk: { space: { space: string } }) => {
	const loaded = await store.loadPending(desk.space.space as PendingCommit['space']);
	return loaded.ok ? loaded.value : [];
};

test('row and commit are kept in one transaction, and sent after it', async () => {
	const seen: string[] = [];
	const wire = newWire(encodeSpaceFrame);
	const store = watched(createMemoryStore(), seen);
	const desk = await foundedBy(ada, { store, WebSocket: wire.WebSocket });
	seen.length = 0;
	wire.up = (frame) => {
		if (frame.type === 'append') seen.push('sent');
		return true;
	};
	await desk.write('At rest');
	const [kept] = await pendingIn(store, desk);
	const { frame } = wire.sent.findLast(({ frame: { type } }) => type === 'append') ?? {};
	expect(seen).toEqual(['row and commit kept', 'sent']);
	expect(frame).toMatchObject({ commit: kept?.commit, pages: kept?.pages });
	await synced(desk);
	expect(desk.sync.head.seq).toBe(2);
	expect(await pendingIn(store, desk)).toEqual([]);
	await close(desk);
});

test('what is written while another edit is under way takes its turn, with the next count', async () => {
	const seen: string[] = [];
	const wire = newWire(encodeSpaceFrame);
	const store = watched(createMemoryStore(), seen);
	const desk = await foundedBy(ada, { store, WebSocket: wire.WebSocket });
	seen.length = 0;
	await Promise.all(['one', 'two', 'three'].map((title) => desk.write(title)));
	await synced(desk);
	expect(seen.filter((what) => what === 'row and commit kept')).toHaveLength(1);
	const counts = wire.sent.flatMap(({ frame }) => {
		const commit = frame.type === 'append' ? parseCommit(frame.commit) : null;
		return commit?.ok ? [commit.value.count] : [];
	});
	expect(counts).toEqual(Array.from({ length: counts.length }, (_, index) => index + 1));
	expect(desk.titles).toEqual(['one', 'three', 'two']);
	await close(desk);
});

test('a tab that ends before it could send leaves the same bytes to the next one', async () => {
	const wire = newWire(encodeSpaceFrame);
	const store = createMemoryStore();
	const desk = await foundedBy(ada, { store, WebSocket: wire.WebSocket });
	wire.up = ({ type }) => type !== 'append';
	await desk.write('Kept');
	const [kept] = await pendingIn(store, desk);
	await close(desk);
	const next = newWire(encodeSpaceFrame);
	const again = newDesk(ada, desk.space, { store, WebSocket: next.WebSocket });
	await again.sync.load();
	await again.sync.lead();
	await synced(again);
	const sent = next.sent.flatMap(({ frame }) => (frame.type === 'append' ? [frame.commit] : []));
	expect(sent).toEqual([kept?.commit]);
	expect(again.sync.status).toMatchObject({ problem: null, trust: { state: 'verified' } });
	expect(again.titles).toEqual(['Kept']);
	await close(again);
});

test('where there is room for the row and not for its commit, the row is kept alone', async () => {
	const kept = createMemoryStore();
	let isFull = true;
	const store = storeWith(kept, {
		addToOutbox: async (rows, formed) =>
			formed !== undefined && isFull ? err('store_full') : kept.addToOutbox(rows, formed),
		savePending: async (pending) => (isFull ? err('store_full') : kept.savePending(pending))
	});
	const desk = await foundedBy(ada, { store: storeWith(kept, {}) });
	await close(desk);
	const again = newDesk(ada, desk.space, { store });
	await again.sync.load();
	await again.sync.lead();
	await again.until(() => again.sync.caughtUp);
	await again.write('Small');
	await again.until(() => again.sync.status.problem === 'storage_full');
	expect(await pendingIn(kept, again)).toEqual([]);
	expect(again.sync.status.waiting).toBe(1);
	isFull = false;
	again.sync.retryNow();
	await synced(again);
	expect(again.sync.head.seq).toBe(2);
	await close(again);
});

test('what another one wrote is shown before it is kept, and counts only then', async () => {
	const kept = createMemoryStore();
	let mayKeep: () => void = () => undefined;
	let wait: Promise<void> = Promise.resolve();
	const store = storeWith(kept, { applyLog: (batch) => wait.then(() => kept.applyLog(batch)) });
	const owner = await foundedBy(ada);
	const reader = await joined(owner, ben, 'editor', { store });
	await caughtUpWith(reader, owner);
	wait = new Promise((resolve) => {
		mayKeep = resolve;
	});
	const { seq } = reader.sync.head;
	await owner.write('Soon');
	await reader.until(() => reader.titles.includes('Soon'));
	expect(reader.sync.head.seq).toBe(seq);
	expect(await kept.loadEntries(owner.space.space, seq, 9)).toEqual({ ok: true, value: [] });
	mayKeep();
	await reader.until(() => reader.sync.head.seq === seq + 1);
	await close(owner, reader);
});

test('another entry in the place of one that was shown, and could not be kept, is a fork', async () => {
	const kept = createMemoryStore();
	let isFull = false;
	const store = storeWith(kept, {
		applyLog: async (batch) => (isFull ? err('store_full') : kept.applyLog(batch))
	});
	const wire = newWire(encodeSpaceFrame);
	const owner = await foundedBy(ada);
	const reader = await joined(owner, ben, 'editor', { store, WebSocket: wire.WebSocket });
	await caughtUpWith(reader, owner);
	isFull = true;
	await owner.write('Shown');
	await reader.until(() => reader.sync.status.problem === 'storage_full');
	expect(reader.titles).toEqual(['Shown']);
	isFull = false;
	wire.down = (frame): SpaceFrame => {
		if (frame.type !== 'entries') return frame;
		const entries = frame.entries.map((entry) => ({ ...entry, signature: new Uint8Array(64) }));
		return { ...frame, entries };
	};
	reader.sync.retryNow();
	await reader.until(() => reader.sync.status.trust.state === 'not_trusted');
	expect(reader.sync.status.trust).toMatchObject({ fault: 'fork' });
	await close(owner, reader);
});
