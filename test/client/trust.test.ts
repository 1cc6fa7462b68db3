import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeSpaceFrame, type Entry, type SpaceFrame } from '../../protocol/frames.ts';
import {
	loggedIn,
	newDevice,
	newHandle,
	newWire,
	password,
	signedUp,
	spaceNamed,
	spaceOf,
	startEdge,
	stateOf,
	synced,
	until,
	valueOf,
	type Device,
	type Edge,
	type Wire
} from './edge.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

interface Pair {
	readonly writer: Device;
	readonly reader: Device;
	/** Between the reader and the edge. */
	readonly wire: Wire;
	end(): Promise<void>;
}

/** Two devices of one account; the reader's edge can be made to lie. Both hold one note. */
async function pair(): Promise<Pair> {
	const handle = newHandle();
	const wire = newWire(encodeSpaceFrame);
	const writer = await signedUp(edge, handle);
	await spaceOf(writer).create({ title: 'True' });
	await synced(spaceOf(writer));
	const reader = await loggedIn(edge, handle, { WebSocket: wire.WebSocket });
	await until(spaceOf(reader), () => spaceOf(reader).items.length === 1);
	await synced(spaceOf(reader));
	wire.only = spaceOf(reader).id;
	const end = async (): Promise<void> => {
		await Promise.all([writer.tacet.close(), reader.tacet.close()]);
	};
	return { writer, reader, wire, end };
}

const changed = (bytes: Uint8Array): Uint8Array => {
	const copy = bytes.slice();
	copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
	return copy;
};

/** Changes every entry that comes down. */
const withEntries =
	(change: (entry: Entry) => Entry) =>
	(frame: SpaceFrame): SpaceFrame =>
		frame.type === 'entries' ? { ...frame, entries: frame.entries.map(change) } : frame;

const distrusted = ({ reader }: Pair): Promise<void> =>
	until(spaceOf(reader), () => spaceOf(reader).sync.trust.state === 'not_trusted');

const faultOf = ({ reader }: Pair): string | null => {
	const { trust } = spaceOf(reader).sync;
	return trust.state === 'not_trusted' ? trust.fault : null;
};

describe('an edge that lies', () => {
	test.each<[string, (entry: Entry) => Entry, string]>([
		[
			'changes a signature',
			(entry) => ({ ...entry, signature: changed(entry.signature) }),
			'signature_invalid'
		],
		['changes a commit', (entry) => ({ ...entry, commit: changed(entry.commit) }), 'malformed'],
		['leaves an entry out', (entry) => ({ ...entry, seq: entry.seq + 1 }), 'head_wrong'],
		['puts another entry at a known place', (entry) => ({ ...entry, seq: 2 }), 'fork']
	])('and %s is not believed', async (_what, change, fault) => {
		const both = await pair();
		both.wire.down = withEntries(change);
		await spaceOf(both.writer).create({ title: 'False' });
		await distrusted(both);
		expect(faultOf(both)).toBe(fault);
		expect(spaceOf(both.reader).items.map(({ title }) => title)).toEqual(['True']);
		expect(spaceOf(both.reader).sync.connection).toBe('offline');
		await both.end();
	});

	test('rolls back: the newer state stays, nothing is sent, and a restart does not forget it', async () => {
		const both = await pair();
		const space = spaceOf(both.reader);
		let cut = false;
		both.wire.down = (frame, socket) => {
			if (frame.type === 'hello') {
				const { hash } = frame.offered;
				return { ...frame, offered: { seq: 0, hash } };
			}
			if (!cut) socket.close();
			cut = true;
			return frame;
		};
		await spaceOf(both.writer).create({ title: 'Newer' });
		await until(space, () => cut);
		space.syncNow();
		await distrusted(both);
		expect(faultOf(both)).toBe('rollback');
		const sentBefore = both.wire.sent.length;
		await space.create({ title: 'Kept here' });
		space.syncNow();
		expect(space.sync.waiting).toBe(1);
		await both.reader.tacet.close();
		both.wire.down = (frame) => frame;

		const again = await newDevice(edge, {
			store: both.reader.store,
			WebSocket: both.wire.WebSocket
		});
		expect(await again.tacet.unlock({ password })).toMatchObject({ ok: true });
		const { sync, items } = spaceOf(again);
		expect(sync.trust).toMatchObject({
			state: 'not_trusted',
			fault: 'rollback',
			evidence: { offered: { seq: 0 } }
		});
		expect(items.map(({ title }) => title)).toContain('Kept here');
		await again.tacet.close();
		const appended = both.wire.sent
			.slice(sentBefore)
			.filter(({ frame }) => frame.type === 'append');
		expect(appended).toEqual([]);
		await both.writer.tacet.close();
	});

	test('rolls back the keyring: the space is not synced with it either', async () => {
		const both = await pair();
		const { id } = spaceOf(both.reader);
		await both.reader.tacet.lock();
		both.wire.only = null;
		both.wire.down = (frame, socket) =>
			frame.type === 'hello' && !socket.url.includes(id)
				? { ...frame, offered: { ...frame.offered, seq: 0 } }
				: frame;
		expect(await both.reader.tacet.unlock({ password })).toMatchObject({ ok: true });
		await distrusted(both);
		expect(faultOf(both)).toBe('rollback');
		await spaceOf(both.reader).create({ title: 'Not sent' });
		expect(spaceOf(both.reader).sync).toMatchObject({ connection: 'offline', waiting: 1 });
		await both.end();
	});

	test('withholds the bytes of a live page: they are asked for once more, and then it is a fault', async () => {
		const both = await pair();
		both.wire.down = (frame) => {
			if (frame.type === 'pages') {
				return { ...frame, pages: frame.pages.map((page) => ({ ...page, page: null })) };
			}
			return withEntries((entry) => ({ ...entry, pages: entry.pages.map(() => null) }))(frame);
		};
		await spaceOf(both.writer).create({ title: 'Withheld' });
		await distrusted(both);
		expect(faultOf(both)).toBe('page_missing');
		expect(both.wire.sent.filter(({ frame }) => frame.type === 'fetch')).toHaveLength(1);
		await both.end();
	});

	test('gives a page changed and then right: it is shown, and nothing is lost', async () => {
		const both = await pair();
		both.wire.down = withEntries((entry) => ({
			...entry,
			pages: entry.pages.map((page) => page && changed(page))
		}));
		await spaceOf(both.writer).create({ title: 'Second try' });
		await until(spaceOf(both.reader), () => spaceOf(both.reader).items.length === 2);
		expect(faultOf(both)).toBeNull();
		expect(spaceOf(both.reader).sync.setAside).toBe(0);
		await both.end();
	});

	test('learns nothing from what was wrong: the outgoing trace is the same for each lie', async () => {
		const traces: string[][] = [];
		for (const change of [
			(entry: Entry) => ({ ...entry, signature: changed(entry.signature) }),
			(entry: Entry) => ({ ...entry, commit: changed(entry.commit) }),
			(entry: Entry) => ({ ...entry, seq: entry.seq + 5 })
		]) {
			const both = await pair();
			const before = both.wire.sent.length;
			both.wire.down = withEntries(change);
			await spaceOf(both.writer).create({ title: 'Probe' });
			await distrusted(both);
			// The day's heartbeat is due whatever comes.
			const types = both.wire.sent.slice(before).map(({ frame }) => frame.type);
			traces.push(types.filter((type) => type !== 'beat'));
			await both.end();
		}
		expect(traces).toEqual([[], [], []]);
	});
});

test('a space that is not trusted can be given up by its last owner: the devices forget it, its log is not told', async () => {
	const handle = newHandle();
	const wire = newWire(encodeSpaceFrame);
	const device = await signedUp(edge, handle, { WebSocket: wire.WebSocket });
	const other = await loggedIn(edge, handle);
	const space = valueOf(await device.tacet.createSpace({ name: 'Given up' }));
	await synced(space);
	const there = await spaceNamed(other, 'Given up');
	await synced(there);
	const last = { ok: false, error: { code: 'last_owner' } };
	expect(await space.leave()).toMatchObject(last);
	let cut = false;
	wire.down = (frame, socket) => {
		if (!socket.url.includes(space.id)) return frame;
		if (frame.type === 'hello') return { ...frame, offered: { ...frame.offered, seq: 1 } };
		if (!cut) socket.close();
		cut = true;
		return frame;
	};
	await space.create({ title: 'Cut off' });
	await until(space, () => cut);
	space.syncNow();
	await until(space, () => space.sync.trust.state === 'not_trusted');
	valueOf(await space.leave());
	await until(device.tacet, () => !stateOf(device).spaces.includes(space));
	await until(other.tacet, () => !stateOf(other).spaces.includes(there));
	expect([there.role, there.sync.trust.state]).toEqual(['owner', 'verified']);
	await Promise.all([device.tacet.close(), other.tacet.close()]);
});

test('the first space can be given up like any other once it is not trusted, and another one is the first', async () => {
	const handle = newHandle();
	const wire = newWire(encodeSpaceFrame);
	const device = await signedUp(edge, handle, { WebSocket: wire.WebSocket });
	const first = spaceOf(device);
	await first.create({ title: 'To be kept' });
	await synced(first);
	let cut = false;
	wire.down = (frame, socket) => {
		if (!socket.url.includes(first.id)) return frame;
		if (frame.type === 'hello') return { ...frame, offered: { ...frame.offered, seq: 1 } };
		if (!cut) socket.close();
		cut = true;
		return frame;
	};
	await first.create({ title: 'Cut off' });
	await until(first, () => cut);
	first.syncNow();
	await until(first, () => first.sync.trust.state === 'not_trusted');
	const next = valueOf(await first.continueInNewSpace());
	expect(next.items.map(({ title }) => title).sort()).toEqual(['Cut off', 'To be kept']);
	valueOf(await first.leave());
	await until(device.tacet, () => !stateOf(device).spaces.includes(first));
	expect(spaceOf(device).id).toBe(next.id);
	await synced(next);
	const other = await loggedIn(edge, handle);
	expect(spaceOf(other).id).toBe(next.id);
	await Promise.all([device.tacet.close(), other.tacet.close()]);
});

test('a frame that is none ends the connection, and the next one goes on', async () => {
	const both = await pair();
	let nonsense = 0;
	both.wire.down = (frame) => {
		if (frame.type !== 'entries' || nonsense > 0) return frame;
		nonsense += 1;
		// A count of zero stands nowhere in the formats.
		return { type: 'appended', count: 0, seq: 0 };
	};
	await spaceOf(both.writer).create({ title: 'After all' });
	await until(
		spaceOf(both.reader),
		() => nonsense === 1 && spaceOf(both.reader).items.length === 2
	);
	expect(spaceOf(both.reader).sync.trust).toEqual({ state: 'verified' });
	await both.end();
});
