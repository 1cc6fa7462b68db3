import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Space } from '../../client/api.ts';
import { parseCommit } from '../../protocol/commit.ts';
import { encodeSpaceFrame, type ClientFrame, type SpaceFrame } from '../../protocol/frames.ts';
import type { ItemId } from '../../protocol/ids.ts';
import {
	bodyOf,
	loggedIn,
	newDevice,
	newHandle,
	newWire,
	password,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	until,
	type Edge,
	type Wire
} from './edge.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

async function openItem(space: Space, id: ItemId) {
	const opened = await space.open(id);
	if (!opened.ok) throw new Error(`not opened: ${opened.error.code}`);
	return opened.value;
}

async function created(space: Space, seed: { title: string; body?: string }): Promise<ItemId> {
	const made = await space.create(seed);
	if (!made.ok) throw new Error(`not created: ${made.error.code}`);
	return made.value;
}

/** Waits until a note says this; the body that it has then. */
async function untilBody(space: Space, id: ItemId, test: (body: string) => boolean) {
	let body = '';
	const read = async (): Promise<void> => {
		const text = await space.read(id);
		body = text.ok ? text.value.body : '';
	};
	await read();
	while (!test(body)) {
		await new Promise<void>((resolve) => {
			const stop = space.subscribe(() => {
				stop();
				resolve();
			});
		});
		await read();
	}
	return body;
}

const appends = (wire: Wire) => wire.sent.filter(({ frame }) => frame.type === 'append');

/** Appends of commits with content; entry 1 of a space has none. */
const contentAppends = (wire: Wire) =>
	appends(wire).filter(({ frame }) => frame.type === 'append' && frame.pages.length > 0);

/** All but the heartbeat, which goes out once a day. */
const requests = (wire: Wire, space: string) =>
	wire.sent
		.filter(({ url, frame }) => url.includes(space) && frame.type !== 'beat')
		.map(({ frame }) => frame.type);

const countOf = (frame: ClientFrame): number => {
	const commit = frame.type === 'append' ? parseCommit(frame.commit) : null;
	return commit?.ok ? commit.value.count : 0;
};

describe('while connected', () => {
	test('an edit appears on the other device, and one there comes back', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const second = await loggedIn(edge, handle);
		const id = await created(spaceOf(first), { title: 'Duet', body: 'one' });
		await until(spaceOf(second), () => spaceOf(second).items.length === 1);

		const here = await openItem(spaceOf(first), id);
		const there = await openItem(spaceOf(second), id);
		here.body.insert(3, ' two');
		await here.flush();
		await untilBody(spaceOf(second), id, (body) => body === 'one two');
		expect(there.body.toJSON()).toBe('one two');
		there.body.insert(7, ' three');
		await there.flush();
		await untilBody(spaceOf(first), id, (body) => body === 'one two three');
		expect(here.body.toJSON()).toBe('one two three');
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test('an edit is one frame up, and one frame down at the other device', async () => {
		const handle = newHandle();
		const up = newWire(encodeSpaceFrame);
		const first = await signedUp(edge, handle, { WebSocket: up.WebSocket });
		const id = await created(spaceOf(first), { title: 'Frames', body: '' });
		await synced(spaceOf(first));
		const down = newWire(encodeSpaceFrame);
		const second = await loggedIn(edge, handle, { WebSocket: down.WebSocket });
		await synced(spaceOf(second));
		// The keyring has sockets of its own, and may have something to say.
		const { id: space } = spaceOf(first);
		const sentBefore = [requests(up, space).length, requests(down, space).length];
		const received: SpaceFrame[] = [];
		down.down = (frame, { url }) => {
			if (url.includes(space)) received.push(frame);
			return frame;
		};
		const item = await openItem(spaceOf(first), id);
		item.body.insert(0, 'a');
		await item.flush();
		await untilBody(spaceOf(second), id, (body) => body === 'a');
		await synced(spaceOf(first));
		expect(requests(up, space).slice(sentBefore[0])).toEqual(['append']);
		const told = received.map(({ type }) => type).filter((type) => type !== 'heartbeats');
		expect(told).toEqual(['entries']);
		expect(requests(down, space).length).toBe(sentBefore[1]);
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test('trash, restore and deletion for good reach the other device', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const second = await loggedIn(edge, handle);
		const [here, there] = [spaceOf(first), spaceOf(second)];
		const id = await created(here, { title: 'Short-lived' });
		await until(there, () => there.items.length === 1);
		await here.trash(id);
		await until(there, () => there.items.length === 0 && there.trashed.length === 1);
		await there.restore(id);
		await until(here, () => here.items.length === 1);
		await here.deleteForever(id);
		await until(there, () => there.items.length + there.trashed.length === 0);
		expect(await there.read(id)).toEqual({ ok: false, error: { code: 'not_found' } });
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});
});

describe('when the connection fails', () => {
	test('both sides edit one note offline, and afterwards both have both edits', async () => {
		const lonely = await startEdge();
		const handle = newHandle();
		const first = await signedUp(lonely, handle);
		const second = await loggedIn(lonely, handle);
		const [here, there] = [spaceOf(first), spaceOf(second)];
		const id = await created(here, { title: 'Merge', body: 'middle' });
		await until(there, () => there.items.length === 1);
		// Who wrote it may be told of it later than who reads it.
		await synced(here);
		await lonely.kill();
		await until(here, () => here.sync.connection !== 'online');
		await until(there, () => there.sync.connection !== 'online');

		const left = await openItem(here, id);
		const right = await openItem(there, id);
		left.body.insert(0, 'start ');
		right.body.insert(6, ' end');
		await Promise.all([left.flush(), right.flush()]);
		expect(here.sync).toMatchObject({ waiting: 1, savedOnDevice: true, connection: 'offline' });
		expect(there.sync.waiting).toBe(1);
		expect(here.items[0]?.waiting).toBe(true);

		await lonely.restart();
		here.syncNow();
		there.syncNow();
		const both = 'start middle end';
		await untilBody(here, id, (body) => body === both);
		await untilBody(there, id, (body) => body === both);
		await Promise.all([synced(here), synced(there)]);
		expect(here.items[0]?.waiting).toBe(false);
		const isLevel = () => here.sync.verified?.seq === there.sync.verified?.seq;
		await Promise.race([until(here, isLevel), until(there, isLevel)]);
		await Promise.all([first.tacet.close(), second.tacet.close()]);
		await lonely.remove();
	});

	test('a server that dies in the middle loses nothing that it acknowledged, nor the rest', async () => {
		const lonely = await startEdge();
		const handle = newHandle();
		const wire = newWire(encodeSpaceFrame);
		const writer = await signedUp(lonely, handle, { WebSocket: wire.WebSocket });
		await synced(spaceOf(writer));
		wire.only = spaceOf(writer).id;
		let acknowledged = 0;
		const dead = new Promise<void>((resolve) => {
			wire.down = (frame) => {
				if (frame.type === 'appended') acknowledged += 1;
				if (acknowledged === 3) resolve(lonely.kill());
				return frame;
			};
		});
		const titles = Array.from({ length: 200 }, (_, index) => `note ${String(index)}`);
		for (const title of titles) await spaceOf(writer).create({ title });
		await dead;
		wire.down = (frame) => frame;
		expect(spaceOf(writer).items).toHaveLength(200);
		await lonely.restart();
		spaceOf(writer).syncNow();
		await synced(spaceOf(writer));

		const reader = await loggedIn(lonely, handle);
		await synced(spaceOf(reader));
		expect(
			spaceOf(reader)
				.items.map(({ title }) => title)
				.sort()
		).toEqual(titles.sort());
		expect(spaceOf(reader).sync.verified?.seq).toBe(spaceOf(writer).sync.verified?.seq);
		await Promise.all([writer.tacet.close(), reader.tacet.close()]);
		await lonely.remove();
	});

	test('a socket whose token ran out is replaced by itself: nothing is lost, nobody is logged out', async () => {
		const wire = newWire(encodeSpaceFrame);
		const device = await signedUp(edge, newHandle(), { WebSocket: wire.WebSocket });
		const space = spaceOf(device);
		await synced(space);
		const connections = new Set<string>();
		const problems = new Set<unknown>();
		const stop = space.subscribe(() => {
			connections.add(space.sync.connection);
			problems.add(space.sync.problem);
		});
		const before = await device.store.loadProfile();
		// What the edge does at the first frame after the token has expired.
		wire.only = space.id;
		wire.down = (frame, socket) => {
			if (frame.type !== 'appended') return frame;
			wire.down = (next) => next;
			socket.dispatchEvent(new CloseEvent('close', { code: 4401 }));
			return null;
		};
		const id = await created(space, { title: 'Kept', body: 'as it was' });
		await until(space, () => connections.size > 1);
		await synced(space);
		stop();
		expect(await untilBody(space, id, (body) => body !== '')).toBe('as it was');
		expect(problems.has('logged_out')).toBe(false);
		const after = await device.store.loadProfile();
		expect(after.ok && after.value?.sealedSession).not.toEqual(
			before.ok && before.value?.sealedSession
		);
		await device.tacet.close();
	});

	test('a lost acknowledgement sends the same bytes again, and the log has them once', async () => {
		const handle = newHandle();
		const wire = newWire(encodeSpaceFrame);
		const device = await signedUp(edge, handle, { WebSocket: wire.WebSocket });
		const space = spaceOf(device);
		await synced(space);
		wire.only = space.id;
		const before = contentAppends(wire).length;
		let lost = 0;
		wire.down = (frame, socket) => {
			if (frame.type !== 'appended' || lost > 0) return frame;
			lost += 1;
			socket.close();
			return null;
		};
		await space.create({ title: 'Once' });
		await until(space, () => lost === 1 && space.sync.connection !== 'online');
		space.syncNow();
		await synced(space);
		const sent = contentAppends(wire).slice(before);
		const [first] = sent;
		expect(first).toBeDefined();
		for (const again of sent) expect(again.bytes).toEqual(first?.bytes);
		expect(space.sync.verified?.seq).toBe(2);
		const reader = await loggedIn(edge, handle);
		await synced(spaceOf(reader));
		expect(spaceOf(reader).items).toHaveLength(1);
		await Promise.all([device.tacet.close(), reader.tacet.close()]);
	});

	test('what was written before a restart of the engine is sent after it, with its count kept', async () => {
		const handle = newHandle();
		const wire = newWire(encodeSpaceFrame);
		const device = await signedUp(edge, handle, { WebSocket: wire.WebSocket });
		await created(spaceOf(device), { title: 'Before' });
		await synced(spaceOf(device));
		// The next append leaves this device and is never answered.
		wire.only = spaceOf(device).id;
		const arrived = new Promise<void>((resolve) => {
			wire.down = (frame) => {
				if (frame.type !== 'appended') return frame;
				resolve();
				return null;
			};
		});
		await created(spaceOf(device), { title: 'Between' });
		await arrived;
		const [unanswered] = appends(wire).slice(-1);
		wire.isUp = false;
		await device.tacet.close();

		const next = newWire(encodeSpaceFrame);
		next.only = wire.only;
		const again = await newDevice(edge, { store: device.store, WebSocket: next.WebSocket });
		expect(await again.tacet.unlock({ password })).toMatchObject({ ok: true });
		await synced(spaceOf(again));
		expect(
			spaceOf(again)
				.items.map(({ title }) => title)
				.sort()
		).toEqual(['Before', 'Between']);
		expect(spaceOf(again).sync.verified?.seq).toBe(3);
		for (const { bytes, frame } of contentAppends(next)) {
			if (unanswered && countOf(frame) === countOf(unanswered.frame)) {
				expect(bytes).toEqual(unanswered.bytes);
			}
		}
		await again.tacet.close();
	});
});

describe('in bulk', () => {
	test('two thousand imported notes arrive whole, in few commits', async () => {
		const handle = newHandle();
		const writer = await signedUp(edge, handle);
		const files = Array.from({ length: 2_000 }, (_, index) => {
			const bytes = new TextEncoder().encode(`# ${String(index)}\n${'tide '.repeat(200)}`);
			const path = `notes/${String(index)}.md`;
			return { path, sizeBytes: bytes.length, bytes: () => Promise.resolve(bytes) };
		});
		const report = await spaceOf(writer).importFiles(files);
		expect(report).toMatchObject({ taken: 2_000, cancelled: false, stopped: null });
		await synced(spaceOf(writer));
		const reader = await loggedIn(edge, handle);
		await synced(spaceOf(reader));
		expect(spaceOf(reader).items).toHaveLength(2_000);
		expect(await bodyOf(spaceOf(reader), '1999')).toBe(await bodyOf(spaceOf(writer), '1999'));
		expect(spaceOf(reader).sync.verified?.seq).toBeLessThan(60);
		expect(spaceOf(reader).sync.setAside).toBe(0);
		// More than is opened in one go: what the store has comes back part by part, and whole.
		await reader.tacet.lock();
		expect(await reader.tacet.unlock({ password })).toMatchObject({ ok: true });
		expect(spaceOf(reader).items).toHaveLength(2_000);
		expect(await bodyOf(spaceOf(reader), '0')).toBe(await bodyOf(spaceOf(writer), '0'));
		expect(await bodyOf(spaceOf(reader), '1999')).toBe(await bodyOf(spaceOf(writer), '1999'));
		expect(spaceOf(reader).sync.setAside).toBe(0);
		await Promise.all([writer.tacet.close(), reader.tacet.close()]);
	});
});
