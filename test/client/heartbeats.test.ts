import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import { encodeSpaceFrame, type SpaceFrame } from '../../protocol/frames.ts';
import { randomBytes } from '../../crypto/random.ts';
import { parseHeartbeat, type Heartbeat, type SignedHeartbeat } from '../../protocol/heartbeat.ts';
import { idFromBytes, type DeviceId } from '../../protocol/ids.ts';
import { heartbeatIntervalSeconds } from '../../protocol/limits.ts';
import { loadOpaque, newWire, startEdge, type Edge, type Wire } from './edge.ts';
import {
	close,
	foundedBy,
	joined,
	newDesk,
	newPerson,
	synced,
	type Desk,
	type Person
} from './people.ts';

// Every account stretches a password on purpose, and tests share the machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let edge: Edge;
let ada: Person;
let bob: Person;
beforeAll(async () => {
	edge = await startEdge();
	[ada, bob] = [await newPerson(edge), await newPerson(edge)];
});
afterAll(() => edge.remove());

const beatsOf = (wire: Wire): readonly Heartbeat[] =>
	wire.sent.flatMap(({ frame }) => {
		const parsed = frame.type === 'beat' ? parseHeartbeat(frame.heartbeat.body) : null;
		return parsed?.ok ? [parsed.value] : [];
	});

const faultOf = (desk: Desk): string | null => {
	const { trust } = desk.sync.status;
	return trust.state === 'not_trusted' ? trust.fault : null;
};

test('a device gives one a day, remembers that, and one more when it is asked to', async () => {
	const wire = newWire(encodeSpaceFrame);
	const store = createMemoryStore();
	let nowMs = Date.now();
	const options = { WebSocket: wire.WebSocket, store, nowMs: () => nowMs };
	const first = await foundedBy(ada, options);
	const reopened = async (desk: Desk): Promise<Desk> => {
		await close(desk);
		const again = newDesk(ada, desk.space, options);
		await again.sync.load();
		await again.sync.lead();
		await again.until(() => again.sync.caughtUp);
		// Its turn comes after the one in which the heartbeat was due.
		await again.sync.look([]);
		await again.sync.close();
		return again;
	};
	const second = await reopened(first);
	expect(beatsOf(wire).length).toBe(1);
	const third = await reopened(second);
	expect(beatsOf(wire).length).toBe(1);
	nowMs += heartbeatIntervalSeconds * 1_000;
	await reopened(third);
	expect(beatsOf(wire).length).toBe(2);
	expect(beatsOf(wire)[1]?.head.seq).toBe(1);
	const last = newDesk(ada, first.space, options);
	await last.sync.load();
	last.sync.beatNow();
	await last.sync.lead();
	await last.until(() => last.sync.caughtUp);
	await last.sync.look([]);
	await last.sync.close();
	expect(beatsOf(wire).length).toBe(3);
});

test('others see how far a member has verified who never writes', async () => {
	const owner = await foundedBy(ada);
	await owner.write('Read me');
	await synced(owner);
	const member = await joined(owner, bob, 'viewer');
	const { account } = bob.me;
	await owner.until(() => owner.sync.heartbeats.some((other) => other.account === account));
	expect(owner.sync.heartbeats).toMatchObject([{ account, device: bob.device, seq: 3 }]);
	expect(faultOf(owner)).toBe(null);
	await close(owner, member);
});

/** What another member says of the log, signed by them, in the place of what they said. */
async function toldBy(person: Person, desk: Desk, head: Heartbeat['head']): Promise<SpaceFrame> {
	const heartbeat = { space: desk.space.space, head, audit: null, timeMs: Date.now() };
	return { type: 'heartbeats', heartbeats: [await person.crypto.signHeartbeat(heartbeat)] };
}

async function reader(): Promise<{ owner: Desk; member: Desk; wire: Wire }> {
	const owner = await foundedBy(ada);
	const wire = newWire(encodeSpaceFrame);
	const member = await joined(owner, bob, 'viewer', { WebSocket: wire.WebSocket });
	return { owner, member, wire };
}

test('one that is on another log is a fork', async () => {
	const { owner, member, wire } = await reader();
	const lie = await toldBy(ada, owner, { seq: 1, hash: new Uint8Array(32).fill(7) });
	wire.down = (frame) => (frame.type === 'entries' ? lie : frame);
	await owner.write('Wakes them');
	await member.until(() => faultOf(member) !== null);
	expect(faultOf(member)).toBe('fork');
	await close(owner, member);
});

test('one that is ahead of everything on offer shows that something is withheld', async () => {
	const { owner, member, wire } = await reader();
	await owner.write('Withheld');
	await synced(owner);
	const { head } = owner.sync;
	await member.until(() => member.sync.head.seq === head.seq);
	const ahead = await toldBy(ada, owner, { seq: head.seq + 5, hash: new Uint8Array(32).fill(9) });
	let told = false;
	wire.down = (frame) => {
		if (frame.type !== 'entries' || told) return frame;
		told = true;
		return ahead;
	};
	await owner.write('Wakes them');
	await member.until(() => faultOf(member) !== null);
	expect(faultOf(member)).toBe('withheld');
	await close(owner, member);
});

test('one that is ahead and whose entries come is only news', async () => {
	const { owner, member } = await reader();
	owner.sync.beatNow();
	await member.until(() => member.sync.heartbeats.length === 1);
	await owner.write('Later');
	await synced(owner);
	owner.sync.beatNow();
	await member.until(() => (member.sync.heartbeats[0]?.seq ?? 0) === owner.sync.head.seq);
	await member.until(() => member.sync.caughtUp && member.titles.length === 1);
	expect(faultOf(member)).toBe(null);
	await close(owner, member);
});

test('a member who makes up devices is remembered by as many as an edge keeps', async () => {
	const { owner, member, wire } = await reader();
	const { head } = member.sync;
	const { port } = startCryptoInProcess(loadOpaque);
	const keys = await ada.crypto.handKeys();
	const heartbeats: SignedHeartbeat[] = [];
	const made = Array.from({ length: 20 }, () => idFromBytes<DeviceId>(randomBytes(16)));
	for (const [index, device] of made.entries()) {
		await port.takeKeys({ ...keys, device });
		const timeMs = Date.now() + index * 1_000;
		const heartbeat = { space: owner.space.space, head, audit: null, timeMs };
		heartbeats.push(await port.signHeartbeat(heartbeat));
	}
	wire.down = (frame) => (frame.type === 'entries' ? { type: 'heartbeats', heartbeats } : frame);
	await owner.write('Wakes them');
	await member.until(() => member.sync.heartbeats.length > 1);
	expect(member.sync.heartbeats.length).toBe(8);
	const kept = member.sync.heartbeats.map(({ device }) => device);
	expect(kept).toEqual(made.slice(-8).reverse());
	expect(faultOf(member)).toBe(null);
	await close(owner, member);
});

test('one that nobody of the space signed says nothing', async () => {
	const { owner, member, wire } = await reader();
	const stranger = await newPerson(edge);
	const forged = await toldBy(stranger, owner, { seq: 1, hash: new Uint8Array(32).fill(7) });
	let told = false;
	wire.down = (frame) => {
		if (frame.type !== 'heartbeats') return frame;
		told = true;
		return forged;
	};
	owner.sync.beatNow();
	await owner.write('Afterwards');
	await member.until(() => member.titles.length === 1);
	expect(told).toBe(true);
	expect(faultOf(member)).toBe(null);
	expect(member.sync.heartbeats).toEqual([]);
	await close(owner, member);
});
