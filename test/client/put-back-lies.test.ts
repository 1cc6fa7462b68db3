// An edge that lies while it is given back what it says it lost. Whatever it says, the fault stands
// until it shows the newest entry that was verified here, and what is followed then is judged as ever.
import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { randomBytes } from '../../crypto/random.ts';
import type { Head } from '../../protocol/commit.ts';
import { encodeSpaceFrame, type SpaceFrame } from '../../protocol/frames.ts';
import { newWire, startEdge, type Edge, type Wire } from './edge.ts';
import {
	close,
	failed,
	foundedBy,
	newDesk,
	newPerson,
	synced,
	type Desk,
	type Person
} from './people.ts';
import { backUp, restore } from './restore.ts';

let edge: Edge;
let wire: Wire;
let desk: Desk;
let person: Person;
let backup: string;
let backedUp: Head;
/** Spaces that the backup holds, one for each test. */
const stages: Pick<Desk, 'space' | 'store'>[] = [];
beforeAll(async () => {
	edge = await startEdge();
	person = await newPerson(edge);
	for (let stage = 0; stage < 12; stage++) {
		const founded = await foundedBy(person);
		stages.push(founded);
		await close(founded);
	}
	backup = await backUp(edge);
}, 120_000);
afterAll(async () => {
	await edge.remove();
	await rm(backup, { recursive: true });
});

const faultOf = ({ sync }: Desk): string | null => {
	const { trust } = sync.status;
	return trust.state === 'not_trusted' ? trust.fault : null;
};

/** Three entries were lost, and the device knows. */
beforeEach(async () => {
	wire = newWire(encodeSpaceFrame);
	const stage = stages.shift();
	if (stage === undefined) throw new Error('every test has one');
	const { space, store } = stage;
	desk = newDesk(person, space, { store, WebSocket: wire.WebSocket });
	await desk.sync.load();
	await desk.sync.lead();
	await synced(desk);
	backedUp = { seq: desk.sync.head.seq, hash: desk.sync.head.hash.slice() };
	for (const title of ['One', 'Two', 'Three']) {
		await desk.write(title);
		await synced(desk);
	}
	await restore(edge, backup);
	desk.sync.retryNow();
	await desk.until(() => faultOf(desk) === 'rollback');
	wire.sent.length = 0;
});
afterEach(() => close(desk));

const randomHead = (seq: number): Head => ({ seq, hash: randomBytes(32) });

/** Says something in the edge's name. */
const say = (socket: WebSocket, frame: SpaceFrame): boolean =>
	socket.dispatchEvent(
		new MessageEvent('message', { data: encodeSpaceFrame(frame).slice().buffer })
	);

/** Answers every run by these words, and takes none. */
const answersRuns = (frame: () => SpaceFrame): void => {
	wire.up = ({ type }, socket) => {
		if (type === 'put_back') say(socket, frame());
		return type !== 'put_back';
	};
};

const isHonest = (): void => {
	wire.up = () => true;
	wire.down = (frame) => frame;
};

/** The space is stopped, also after a restart, and nothing leaves it. */
async function expectStopped(fault: 'rollback' | 'fork'): Promise<void> {
	expect(faultOf(desk)).toBe(fault);
	expect(desk.titles).toEqual(['One', 'Three', 'Two']);
	const { length } = wire.sent;
	desk.sync.retryNow();
	expect(wire.sent).toHaveLength(length);
	const { store, person, space } = desk;
	const again = newDesk(person, space, { store });
	await again.sync.load();
	expect(faultOf(again)).toBe(fault);
	await close(again);
}

async function expectMendable(): Promise<void> {
	isHonest();
	expect(await desk.sync.repair.run()).toMatchObject({ ok: true, value: { entries: 3 } });
	expect(faultOf(desk)).toBeNull();
}

const standsAtHead = (): SpaceFrame => ({ type: 'stands', offered: headNow() });
const headNow = (): Head => ({ seq: desk.sync.head.seq, hash: desk.sync.head.hash.slice() });

test('saying that all stands does not do: what was verified last must be shown', async () => {
	answersRuns(standsAtHead);
	expect(await desk.sync.repair.run()).toEqual(failed('server_misbehaved'));
	await expectStopped('rollback');
	await expectMendable();
});

test('nor does a greeting with the head that it lost', async () => {
	wire.down = (frame) => (frame.type === 'hello' ? { ...frame, offered: headNow() } : frame);
	expect(await desk.sync.repair.run()).toEqual(failed('server_misbehaved'));
	await expectStopped('rollback');
	await expectMendable();
});

test('nor entries that it promises and does not give', async () => {
	answersRuns(standsAtHead);
	wire.down = (frame) =>
		frame.type === 'entries' ? { ...frame, entries: [], offered: randomHead(900) } : frame;
	expect(await desk.sync.repair.run()).toEqual(failed('server_misbehaved'));
	await expectStopped('rollback');
	await expectMendable();
});

test('taking a run and standing where it stood is no answer', async () => {
	answersRuns(() => ({ type: 'stands', offered: backedUp }));
	expect(await desk.sync.repair.run()).toEqual(failed('server_misbehaved'));
	await expectStopped('rollback');
	await expectMendable();
});

test('refusing the run leaves the fault as it was', async () => {
	answersRuns(() => ({ type: 'refused', count: null, refusal: { code: 'unknown_head' } }));
	expect(await desk.sync.repair.run()).toEqual(failed('unknown_head'));
	await expectStopped('rollback');
	await expectMendable();
});

test('hanging up at every run is given up after two of them', async () => {
	wire.up = ({ type }, socket) => {
		if (type === 'put_back') socket.close();
		return type !== 'put_back';
	};
	expect(await desk.sync.repair.run()).toEqual(failed('offline'));
	expect(wire.sent).toHaveLength(2);
	await expectStopped('rollback');
	await expectMendable();
});

test('another history, greeted with, is a fork: nothing is given to it', async () => {
	wire.down = (frame) =>
		frame.type === 'hello' ? { ...frame, offered: randomHead(backedUp.seq) } : frame;
	expect(await desk.sync.repair.run()).toEqual(failed('not_trusted'));
	expect(wire.sent).toEqual([]);
	await expectStopped('fork');
	// What it was caught with first is kept beside it.
	expect(desk.sync.status.earlierFaults).toMatchObject([
		{ fault: 'rollback', mendedAtMs: null, offered: { seq: backedUp.seq } }
	]);
	isHonest();
	expect(await desk.sync.repair.run()).toEqual(failed('not_trusted'));
	expect(await desk.sync.repair.plan()).toEqual(failed('not_trusted'));
	expect(wire.sent).toEqual([]);
});

test('another history, answered with in the middle, is a fork', async () => {
	answersRuns(() => ({ type: 'stands', offered: randomHead(desk.sync.head.seq) }));
	expect(await desk.sync.repair.run()).toEqual(failed('not_trusted'));
	await expectStopped('fork');
});

test('another entry shown in the place of the newest is a fork, with that entry as evidence', async () => {
	const { store, space } = desk;
	const stored = await store.loadEntries(space.space, 0, 100);
	const first = stored.ok ? stored.value[0] : undefined;
	if (first === undefined) throw new Error('it has a genesis');
	wire.down = (frame) => {
		if (frame.type !== 'entries') return frame;
		const { commit, signature } = first;
		return { ...frame, entries: frame.entries.map((entry) => ({ ...entry, commit, signature })) };
	};
	expect(await desk.sync.repair.run()).toEqual(failed('not_trusted'));
	await expectStopped('fork');
	const { trust } = desk.sync.status;
	if (trust.state !== 'not_trusted') throw new Error('it is stopped');
	expect(trust.evidence.entry?.commit).toEqual(first.commit);
});

test('rolling back once more in the middle is met from there, and never goes further back here', async () => {
	let rolledBack = false;
	wire.down = (frame, socket) => {
		if (frame.type !== 'stands' || rolledBack) return frame;
		rolledBack = true;
		// It took them, and has lost them again by the next greeting.
		void restore(edge, backup);
		socket.close();
		return null;
	};
	const { seq } = desk.sync.head;
	const first = await desk.sync.repair.run();
	// However long the edge was away: at the latest when asked once more it has everything.
	if (!first.ok) expect(await asked()).toMatchObject({ ok: true });
	expect(rolledBack).toBe(true);
	expect(faultOf(desk)).toBeNull();
	expect(desk.sync.head.seq).toBe(seq);
	expect(wire.sent.filter(({ frame }) => frame.type === 'put_back')).toHaveLength(2);
});

async function asked(): Promise<unknown> {
	for (;;) {
		const put = await desk.sync.repair.run();
		if (put.ok || put.error.code !== 'offline') return put;
	}
}

test('rolling back after the repair is a rollback like the first', async () => {
	await expectMendable();
	await restore(edge, backup);
	desk.sync.retryNow();
	await desk.until(() => faultOf(desk) !== null);
	await expectStopped('rollback');
	expect(desk.sync.status.earlierFaults).toHaveLength(1);
	await expectMendable();
	expect(desk.sync.status.earlierFaults).toHaveLength(2);
});

test('showing an older state just after the repair stops the space at once', async () => {
	let mended = false;
	wire.down = (frame) => {
		if (frame.type === 'stands') mended = true;
		// The second greeting is the one that is followed.
		if (frame.type === 'hello' && mended) return { ...frame, offered: backedUp };
		return frame;
	};
	expect(await desk.sync.repair.run()).toEqual(failed('not_trusted'));
	await expectStopped('rollback');
});
