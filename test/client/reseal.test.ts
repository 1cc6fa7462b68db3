import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NameChange } from '../../client/space-names.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import { parseCommit } from '../../protocol/commit.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import type { ItemId } from '../../protocol/ids.ts';
import { newWire, startEdge, type Edge } from './edge.ts';
import {
	caughtUpWith,
	close,
	foundedBy,
	joined,
	newDesk,
	newPerson,
	synced,
	type Desk,
	type Person
} from './people.ts';

let edge: Edge;
let ada: Person;
let bob: Person;
beforeAll(async () => {
	edge = await startEdge();
	[ada, bob] = [await newPerson(edge), await newPerson(edge)];
});
afterAll(() => edge.remove());

const resealed = (desk: Desk): Promise<void> =>
	desk.until(() => desk.sync.caughtUp && desk.sync.epochStatus.resealing === null);

/** One page each. */
async function write(desk: Desk, count: number): Promise<readonly string[]> {
	const titles = Array.from({ length: count }, (_, index) => `Note ${String(100 + index)}`);
	for (const title of titles) {
		await desk.write(title);
		await synced(desk);
	}
	return titles;
}

const naming = (desk: Desk, name: string): NameChange => ({
	type: 'name',
	item: desk.space.space as string as ItemId,
	kind: 'space',
	name
});

test('live pages move under the open epoch, say the same, and keep the time of each', async () => {
	const owner = await foundedBy(ada);
	const titles = await write(owner, 5);
	const before = owner.items.list.map(({ id, updatedAtMs }) => [id, updatedAtMs]);
	expect(await owner.sync.administer({ type: 'rotate' })).toMatchObject({ ok: true });
	expect(owner.sync.epochStatus.resealing).toEqual({ done: 0, total: 5 });
	await resealed(owner);
	expect(owner.sync.epochStatus).toMatchObject({ number: 2, resealing: null });
	expect(owner.titles).toEqual(titles);
	expect(owner.items.list.map(({ id, updatedAtMs }) => [id, updatedAtMs])).toEqual(before);
	expect(owner.sync.status.losses).toEqual([]);

	const fresh = newDesk(ada, owner.space);
	await fresh.sync.lead();
	await fresh.until(() => fresh.sync.caughtUp);
	expect(fresh.titles).toEqual(titles);
	expect(fresh.items.list.map(({ id, updatedAtMs }) => [id, updatedAtMs])).toEqual(before);
	expect(fresh.sync.status.losses).toEqual([]);
	await close(owner, fresh);
});

test('what one device left half-done another goes on with, and no page is said twice', async () => {
	const wire = newWire(encodeSpaceFrame);
	const owner = await foundedBy(ada, { WebSocket: wire.WebSocket });
	const titles = await write(owner, 70);
	const member = await joined(owner, bob, 'editor', { repairWaitMs: () => 1_000_000 });
	// The owner stops after the first commit of sixty-four.
	const first = new Promise<void>((resolve) => {
		wire.down = (frame) => {
			const status = owner.sync.epochStatus.resealing;
			if (frame.type === 'appended' && status?.done === 0) resolve();
			return frame;
		};
	});
	await owner.sync.administer({ type: 'rotate' });
	await first;
	await member.until(() => member.sync.epochStatus.resealing?.done === 64);
	await close(owner);
	await member.sync.close();
	const heir = newDesk(bob, owner.space, { store: member.store });
	await heir.sync.load();
	await heir.sync.lead();
	await resealed(heir);
	expect(heir.titles).toEqual(titles);
	const stored = await heir.store.loadEntries(owner.space.space, 0, 500);
	if (!stored.ok) throw new Error('not loaded');
	const named = stored.value.flatMap((entry) => {
		const commit = parseCommit(entry.commit);
		return commit.ok ? commit.value.supersedes.map(({ seq, index }) => `${seq}/${index}`) : [];
	});
	expect(named.length).toBe(70);
	expect(new Set(named).size).toBe(70);
	expect(heir.sync.status.losses).toEqual([]);
	await close(heir);
});

test('two who begin at once do no harm', async () => {
	const owner = await foundedBy(ada);
	const titles = await write(owner, 6);
	const member = await joined(owner, bob, 'editor');
	await owner.sync.administer({ type: 'rotate' });
	await Promise.all([resealed(owner), resealed(member)]);
	await member.until(() => member.sync.epochStatus.number === 2 && member.titles.length === 6);
	expect(owner.titles).toEqual(titles);
	expect(member.titles).toEqual(titles);
	expect([...owner.sync.status.losses, ...member.sync.status.losses]).toEqual([]);
	await close(owner, member);
});

test('an owner brings the audit key that is owed along with the first pages that are said again', async () => {
	const store = createMemoryStore();
	const waiting = await foundedBy(ada, { store, repairWaitMs: () => 1_000_000 });
	const titles = await write(waiting, 3);
	const auditor = await joined(waiting, bob, 'auditor');
	await waiting.sync.administer({ type: 'rotate' });
	expect(await auditor.sync.administer({ type: 'leave' })).toMatchObject({ ok: true });
	await waiting.until(() => waiting.sync.state.auditOwed);
	expect(waiting.sync.epochStatus.resealing).toEqual({ done: 0, total: 3 });
	await close(auditor, waiting);
	const owner = newDesk(ada, waiting.space, { store });
	await owner.sync.load();
	await owner.sync.lead();
	await resealed(owner);
	expect(owner.sync.state.auditOwed).toBe(false);
	expect(owner.sync.status.problem).toBe(null);
	expect(owner.titles).toEqual(titles);
	await close(owner);
});

test('a space keeps its newest name through a new epoch, for those who come later as well', async () => {
	const owner = await foundedBy(ada);
	for (const name of ['First', 'Second']) {
		await owner.sync.write([naming(owner, name)]);
		expect(owner.items.name).toMatchObject({ kind: 'space', name });
		await synced(owner);
	}
	await write(owner, 2);
	await owner.sync.administer({ type: 'rotate' });
	await resealed(owner);
	const member = await joined(owner, bob, 'editor');
	expect(member.items.name).toMatchObject({ name: 'Second' });
	await member.sync.write([naming(owner, 'Third')]);
	await synced(member);
	await caughtUpWith(owner, member);
	expect(owner.items.name).toMatchObject({ name: 'Third' });
	expect(owner.sync.status.losses).toEqual([]);
	await close(owner, member);
});

test('a device that may not write yet sends nothing, says why, and sends it when it may', async () => {
	const store = createMemoryStore();
	const owner = await foundedBy(ada, { store });
	await close(owner);
	let may = false;
	const desk = newDesk(ada, owner.space, { store, mayWrite: () => may });
	await desk.sync.load();
	await desk.sync.lead();
	await desk.write('Waits');
	await desk.until(() => desk.sync.caughtUp && desk.sync.status.problem === 'unconfirmed');
	expect(desk.sync.head.seq).toBe(1);
	may = true;
	desk.sync.push();
	await synced(desk);
	expect(desk.sync.status.problem).toBe(null);
	await close(desk);
});
