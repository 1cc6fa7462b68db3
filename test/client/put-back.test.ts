import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { PuttingBack } from '../../client/status.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import { maxFrameBytes } from '../../protocol/limits.ts';
import { err } from '../../protocol/result.ts';
import { newWire, startEdge, type Edge, type Wire } from './edge.ts';
import {
	caughtUpWith,
	close,
	done,
	failed,
	foundedBy,
	joined,
	newDesk,
	newPerson,
	synced,
	type Desk,
	type Person
} from './people.ts';
import { backUp, restore } from './restore.ts';

let edge: Edge;
let ada: Person;
let bob: Person;
/** One of an owner and an editor for each test, in the backup. */
const stages: (readonly [owner: Desk, editor: Desk])[] = [];
let backup: string;
beforeAll(async () => {
	edge = await startEdge();
	[ada, bob] = [await newPerson(edge), await newPerson(edge)];
	for (let stage = 0; stage < 15; stage++) {
		const founded = await foundedBy(ada);
		const member = await joined(founded, bob, 'editor');
		await write(founded, 'Before');
		await caughtUpWith(member, founded);
		await close(founded, member);
		stages.push([founded, member]);
	}
	backup = await backUp(edge);
}, 120_000);
afterAll(async () => {
	await edge.remove();
	await rm(backup, { recursive: true });
});

/** The same device after a restart. */
async function reopened({ person, space, store }: Desk, socket = WebSocket): Promise<Desk> {
	const desk = newDesk(person, space, { store, WebSocket: socket });
	await desk.sync.load();
	await desk.sync.lead();
	return desk;
}

const faultOf = ({ sync }: Desk): string | null => {
	const { trust } = sync.status;
	return trust.state === 'not_trusted' ? trust.fault : null;
};

const distrusted = (desk: Desk): Promise<void> => {
	desk.sync.retryNow();
	return desk.until(() => faultOf(desk) !== null);
};

/** Notes of one commit each. */
async function write(desk: Desk, ...titles: readonly string[]): Promise<void> {
	for (const title of titles) {
		await desk.write(title);
		await synced(desk);
	}
}

/** Notes of nearly a megabyte, one commit each: six are more than a frame takes. */
async function writeLarge(desk: Desk, count: number): Promise<readonly string[]> {
	const titles = Array.from({ length: count }, (_, index) => `Large ${String(index)}`);
	for (const title of titles) {
		await desk.write(title, title.padEnd(900_000, ' and on'));
		await synced(desk);
	}
	return titles;
}

/** What somebody sees who has nothing: all of it comes from the edge. */
async function titlesFor(person: Person, { space }: Desk): Promise<readonly string[]> {
	const fresh = newDesk(person, space);
	await fresh.sync.load();
	await fresh.sync.lead();
	await fresh.until(() => fresh.sync.caughtUp || faultOf(fresh) !== null);
	expect(faultOf(fresh)).toBeNull();
	expect(fresh.sync.status.setAside).toBe(0);
	const { titles } = fresh;
	await close(fresh);
	return titles;
}

let owner: Desk;
let editor: Desk;
let wire: Wire;
/** Where the log stood when the backup was made. */
let backedUp: number;
beforeEach(async () => {
	wire = newWire(encodeSpaceFrame);
	const stage = stages.shift();
	if (stage === undefined) throw new Error('every test has one');
	owner = await reopened(stage[0], wire.WebSocket);
	editor = await reopened(stage[1]);
	await Promise.all([synced(owner), synced(editor)]);
	backedUp = owner.sync.head.seq;
});
afterEach(() => close(owner, editor));

async function rollBack(to = backup): Promise<void> {
	await Promise.all([caughtUpWith(owner, editor), caughtUpWith(editor, owner)]);
	await restore(edge, to);
	await Promise.all([distrusted(owner), distrusted(editor)]);
	expect([faultOf(owner), faultOf(editor)]).toEqual(['rollback', 'rollback']);
}

const putBacks = () => wire.sent.filter(({ frame }) => frame.type === 'put_back');

describe('an edge that was restored to an earlier time', () => {
	test('is given back what it lost when a person asks, and followed again', async () => {
		await write(owner, 'Mine');
		await write(editor, 'Theirs');
		await caughtUpWith(owner, editor);
		expect(await owner.sync.administer({ type: 'rotate' })).toEqual(done);
		await write(owner, 'After the new key');
		await rollBack();
		const lacking = owner.sync.head.seq - backedUp;
		const { head } = owner.sync;

		const before = wire.sent.length;
		expect(await owner.sync.repair.plan()).toEqual({
			ok: true,
			value: { lacking, possible: lacking, stop: null }
		});
		expect(wire.sent).toHaveLength(before);
		expect(await owner.sync.repair.run()).toEqual({
			ok: true,
			value: { entries: lacking, stop: null }
		});
		expect(owner.sync.status).toMatchObject({ connection: 'online', puttingBack: null });
		expect(owner.sync.head.seq).toBeGreaterThanOrEqual(head.seq);
		expect(owner.sync.status.trust).toEqual({ state: 'verified' });
		expect(owner.sync.status.earlierFaults).toMatchObject([
			{ fault: 'rollback', verified: { seq: head.seq }, offered: { seq: backedUp } }
		]);

		// Nothing is mended on another device before its person asks there.
		expect(faultOf(editor)).toBe('rollback');
		expect(await editor.sync.repair.run()).toMatchObject({ ok: true, value: { entries: 0 } });
		await write(editor, 'Onward');
		await caughtUpWith(owner, editor);
		const titles = ['After the new key', 'Before', 'Mine', 'Onward', 'Theirs'];
		expect(owner.titles).toEqual(titles);
		expect(await titlesFor(bob, owner)).toEqual(titles);
	});

	test('gets what waits on this device only after what it lost', async () => {
		await write(owner, 'Lost');
		await rollBack();
		await owner.write('Written meanwhile');
		expect(owner.sync.status.waiting).toBe(1);
		expect(await owner.sync.repair.run()).toMatchObject({ ok: true });
		await synced(owner);
		expect(await titlesFor(bob, owner)).toEqual(['Before', 'Lost', 'Written meanwhile']);
	});

	test('gets no page back that nothing needs, and misses none', async () => {
		await write(owner, 'Doomed');
		const item = owner.items.list.find(({ title }) => title === 'Doomed');
		if (item === undefined) throw new Error('it was written');
		await owner.sync.write([{ type: 'tombstone', item: item.id }]);
		await synced(owner);
		await write(owner, 'Kept');
		const stored = await owner.store.loadEntries(owner.space.space, backedUp, 3);
		expect(
			stored.ok && stored.value.map(({ pages }) => pages.map((page) => page !== null))
		).toEqual([[false], [true], [true]]);
		await rollBack();
		expect(await owner.sync.repair.run()).toMatchObject({ ok: true, value: { entries: 3 } });
		expect(await titlesFor(bob, owner)).toEqual(['Before', 'Kept']);
	});

	test('is given more than one frame takes in several, each as a whole', async () => {
		const titles = await writeLarge(owner, 6);
		await rollBack();
		const seen: (PuttingBack | null)[] = [];
		const put = owner.sync.repair.run();
		await owner.until(() => {
			seen.push(owner.sync.status.puttingBack);
			return owner.sync.status.puttingBack === null && faultOf(owner) === null;
		});
		expect(await put).toMatchObject({ ok: true, value: { entries: 6 } });
		expect(seen).toContainEqual({ done: 0, total: 6 });
		expect(putBacks().length).toBeGreaterThan(1);
		for (const { bytes } of putBacks()) expect(bytes.length).toBeLessThanOrEqual(maxFrameBytes);
		expect(await titlesFor(bob, owner)).toEqual(['Before', ...titles]);
	});

	test('is given back by two devices at once, and each of them goes on', async () => {
		await write(owner, 'One', 'Two', 'Three');
		await rollBack();
		const both = await Promise.all([owner.sync.repair.run(), editor.sync.repair.run()]);
		expect(both).toMatchObject([
			{ ok: true, value: { stop: null } },
			{ ok: true, value: { stop: null } }
		]);
		await write(owner, 'Four');
		await write(editor, 'Five');
		expect(await titlesFor(bob, owner)).toEqual(['Before', 'Five', 'Four', 'One', 'Three', 'Two']);
	});
});

describe('what a device does not have whole', () => {
	test('stays out with all that follows: keys that another device wrapped for others', async () => {
		await write(owner, 'Mine');
		expect(await owner.sync.administer({ type: 'rotate' })).toEqual(done);
		await write(owner, 'After the new key');
		await rollBack();
		const rotated = backedUp + 2;
		const stop = { seq: rotated, why: 'keys_missing', author: ada.me.account };
		expect(await editor.sync.repair.plan()).toMatchObject({ value: { possible: 1, stop } });
		expect(await editor.sync.repair.run()).toEqual({ ok: true, value: { entries: 1, stop } });
		expect(faultOf(editor)).toBe('rollback');

		// Whose device has them gives the rest.
		const rest = owner.sync.head.seq - backedUp - 1;
		expect(await owner.sync.repair.run()).toMatchObject({ ok: true, value: { entries: rest } });
		expect(await editor.sync.repair.run()).toMatchObject({ ok: true, value: { entries: 0 } });
		expect(faultOf(editor)).toBeNull();
	});

	test('stays out: a page whose end lies further on than one frame reaches', async () => {
		await write(owner, 'First', 'Doomed');
		const item = owner.items.list.find(({ title }) => title === 'Doomed');
		if (item === undefined) throw new Error('it was written');
		await writeLarge(owner, 6);
		await owner.sync.write([{ type: 'tombstone', item: item.id }]);
		await synced(owner);
		await rollBack();
		const stop = { seq: backedUp + 2, why: 'too_large', author: ada.me.account };
		expect(await owner.sync.repair.run()).toEqual({ ok: true, value: { entries: 1, stop } });
		expect(faultOf(owner)).toBe('rollback');
	});

	test('stays out: pages that an auditor was never given', async () => {
		const carl = await newPerson(edge);
		const auditor = await joined(owner, carl, 'auditor');
		const withAuditor = await backUp(edge);
		backedUp = owner.sync.head.seq;
		for (const desk of [owner, editor, auditor]) {
			desk.sync.retryNow();
			await synced(desk);
		}
		await write(owner, 'Not for auditors');
		await caughtUpWith(auditor, owner);
		await rollBack(withAuditor);
		await distrusted(auditor);
		expect(await auditor.sync.repair.run()).toMatchObject({
			value: { entries: 0, stop: { seq: backedUp + 1, why: 'page_missing' } }
		});
		expect(faultOf(auditor)).toBe('rollback');
		await close(auditor);
		await rm(withAuditor, { recursive: true });
	});

	test('is asked of the device that has it: nothing is mended before the keyring’s heads are shown', async () => {
		await write(owner, 'Seen by both');
		await rollBack();
		editor.sync.expect({ seq: editor.sync.head.seq + 3, hash: new Uint8Array(32).fill(7) });
		const stop = { why: 'more_elsewhere', author: null };
		expect(await editor.sync.repair.plan()).toMatchObject({ value: { possible: 1, stop } });
		expect(await editor.sync.repair.run()).toMatchObject({ value: { entries: 1, stop } });
		expect(faultOf(editor)).toBe('rollback');
	});
});

describe('where others have written since the restore', () => {
	test('it is a fork, and nothing is put back', async () => {
		await write(owner, 'Lost one', 'Lost two', 'Lost three');
		await caughtUpWith(editor, owner);
		await close(owner);
		await restore(edge, backup);
		// A device that has seen nothing of it can't tell.
		const fresh = newDesk(bob, owner.space);
		await close(editor);
		await fresh.sync.load();
		await fresh.sync.lead();
		await synced(fresh);
		await write(fresh, 'Meanwhile');
		const again = await reopened(owner, wire.WebSocket);
		await distrusted(again);
		expect(faultOf(again)).toBe('fork');
		expect(await again.sync.repair.plan()).toEqual(failed('not_trusted'));
		expect(await again.sync.repair.run()).toEqual(failed('not_trusted'));
		expect(putBacks()).toEqual([]);
		await close(again, fresh);
	});
});

describe('when it is interrupted', () => {
	test('without a connection nothing changes, and the person asks again', async () => {
		await write(owner, 'Lost');
		await rollBack();
		wire.isUp = false;
		expect(await owner.sync.repair.run()).toEqual(failed('offline'));
		expect(faultOf(owner)).toBe('rollback');
		wire.isUp = true;
		expect(await owner.sync.repair.run()).toMatchObject({ ok: true, value: { entries: 1 } });
	});

	test('an answer that was lost is found out from the next greeting', async () => {
		await write(owner, 'Lost');
		await rollBack();
		let lost = 0;
		wire.down = (frame, socket) => {
			if (frame.type !== 'stands') return frame;
			lost += 1;
			socket.close();
			return null;
		};
		expect(await owner.sync.repair.run()).toMatchObject({ ok: true, value: { stop: null } });
		expect([lost, putBacks().length]).toEqual([1, 1]);
		expect(faultOf(owner)).toBeNull();
	});

	test('a restart in the middle finds the fault as it was, and goes on when asked', async () => {
		await write(owner, 'Lost');
		await rollBack();
		const given = new Promise<void>((resolve) => {
			wire.down = (frame) => {
				if (frame.type === 'stands') resolve();
				return frame.type === 'stands' ? null : frame;
			};
		});
		const running = owner.sync.repair.run();
		await given;
		await close(owner);
		expect(await running).toEqual(failed('offline'));
		wire.down = (frame) => frame;
		owner = await reopened(owner, wire.WebSocket);
		expect(faultOf(owner)).toBe('rollback');
		expect(await owner.sync.repair.run()).toMatchObject({ ok: true, value: { entries: 0 } });
		expect(faultOf(owner)).toBeNull();
	});

	test('a store that can’t keep the end of it leaves the fault in place', async () => {
		const store = createMemoryStore();
		let isFull = false;
		const full = new Proxy(store, {
			get(target, name) {
				const own: unknown = Reflect.get(target, name);
				if (typeof own !== 'function') return own;
				const call = own.bind(target) as (...input: unknown[]) => unknown;
				return (...input: unknown[]): unknown =>
					isFull && name === 'saveRecord' && String(input[0]).startsWith('fault/')
						? Promise.resolve(err('store_full'))
						: call(...input);
			}
		});
		await write(owner, 'Lost');
		const second = newDesk(ada, owner.space, { store: full });
		await second.sync.load();
		await second.sync.lead();
		await caughtUpWith(second, owner);
		await rollBack();
		await distrusted(second);
		isFull = true;
		expect(await second.sync.repair.run()).toEqual(failed('store_full'));
		expect(faultOf(second)).toBe('rollback');
		expect(second.sync.status.connection).toBe('offline');
		isFull = false;
		expect(await second.sync.repair.run()).toMatchObject({ ok: true });
		expect(faultOf(second)).toBeNull();
		await close(second);
	});

	test('the fault and its end are seen by a restart, and by a tab that does not sync', async () => {
		await write(owner, 'Lost');
		const { store } = owner;
		await rollBack();
		// It takes its turn after the finding was stored.
		await owner.sync.look([]);
		const tab = newDesk(ada, owner.space, { store });
		await tab.sync.load();
		expect(faultOf(tab)).toBe('rollback');
		expect(await owner.sync.repair.run()).toMatchObject({ ok: true });
		await tab.sync.look([]);
		expect(faultOf(tab)).toBeNull();
		expect(tab.sync.status.earlierFaults).toHaveLength(1);
		await close(owner, tab);
		owner = await reopened(owner);
		await synced(owner);
		expect(owner.sync.status.earlierFaults).toMatchObject([{ fault: 'rollback' }]);
	});
});
