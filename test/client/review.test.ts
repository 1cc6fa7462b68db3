import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { TacetOptions } from '../../client/api.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import type { TabMessage } from '../../client/tabs.ts';
import { encodeSpaceFrame, type Entry } from '../../protocol/frames.ts';
import { waitMs } from '../../client/errors.ts';
import { err } from '../../protocol/result.ts';
import {
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
	type Edge
} from './edge.ts';
import { newBrowser } from './browser-tabs.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const isElection = ({ name }: LockInfo): boolean => name?.endsWith('tacet-sync') === true;

/** A store that does some things differently. */
const storeWith = (store: Store, own: Partial<Store>): Store =>
	new Proxy(store, {
		get(target, name: keyof Store) {
			const method = Reflect.get(name in own ? own : target, name) as () => unknown;
			return method.bind(target);
		}
	});

test('pages that no commit signs do not stand in for the bytes of the next one', async () => {
	const handle = newHandle();
	const wire = newWire(encodeSpaceFrame);
	const writer = await signedUp(edge, handle);
	await synced(spaceOf(writer));
	const reader = await loggedIn(edge, handle, { WebSocket: wire.WebSocket });
	await synced(spaceOf(reader));
	const held: Entry[] = [];
	wire.only = spaceOf(reader).id;
	wire.down = (frame) => {
		if (frame.type !== 'entries' || frame.entries.length === 0) return frame;
		held.push(...frame.entries);
		const [one, two] = held;
		if (one === undefined || two === undefined) return null;
		wire.down = (next) => next;
		const pages = [...one.pages, ...two.pages];
		const forged = two.pages.map((page) => page && page.map((byte) => byte ^ 1));
		return {
			...frame,
			entries: [
				{ ...one, pages },
				{ ...two, pages: forged }
			]
		};
	};
	for (const title of ['First', 'Second']) {
		await spaceOf(writer).create({ title });
		await synced(spaceOf(writer));
	}
	await until(spaceOf(reader), () => spaceOf(reader).sync.verified?.seq === 3);
	await synced(spaceOf(reader));
	expect(spaceOf(reader).sync.setAside).toBe(0);
	expect(spaceOf(reader).items.map(({ title }) => title)).toEqual(['Second', 'First']);
	await Promise.all([writer.tacet.close(), reader.tacet.close()]);
});

test('a login that replaces a session leaves nobody asking for tokens of the old one', async () => {
	const refused: string[] = [];
	const watched: typeof fetch = async (...input) => {
		const response = await fetch(...input);
		if (response.status === 401) refused.push(response.url);
		return response;
	};
	const device = await signedUp(edge, newHandle(), { fetch: watched });
	await synced(spaceOf(device));
	expect(await device.tacet.setOfflineUnlock({ enabled: true, password })).toMatchObject({
		ok: true
	});
	await spaceOf(device).create({ title: 'After' });
	await synced(spaceOf(device));
	expect(refused).toEqual([]);
	await device.tacet.close();
});

test('keys that were handed to a tab which can not open its notes are ended', async () => {
	const store = createMemoryStore();
	const { tab } = newBrowser(store);
	const first = await signedUp(edge, newHandle(), tab(newWire(encodeSpaceFrame)));
	const broken = storeWith(store, {
		loadState: () => Promise.resolve(err('store_unavailable'))
	});
	const second = await newDevice(edge, { ...tab(newWire(encodeSpaceFrame)), store: broken });
	expect(second.tacet.state.phase).toBe('locked');
	expect(second.cores.running).toBe(0);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('keys are ended by locking even if the last words can not be saved', async () => {
	const kept = createMemoryStore();
	let isBroken = false;
	const store = storeWith(kept, {
		addToOutbox: (rows) => (isBroken ? Promise.reject(new Error('broken')) : kept.addToOutbox(rows))
	});
	const device = await signedUp(edge, newHandle(), { store });
	const made = await spaceOf(device).create({ title: 'Typed' });
	if (!made.ok) throw new Error(made.error.code);
	const opened = await spaceOf(device).open(made.value);
	if (!opened.ok) throw new Error(opened.error.code);
	isBroken = true;
	opened.value.body.insert(0, 'last words');
	await device.tacet.lock().catch(() => undefined);
	expect(device.tacet.state.phase).toBe('locked');
	expect(device.cores.running).toBe(0);
	await device.tacet.close();
});

test('a space that was made and can not be opened here is said to be that, and not waited for', async () => {
	const kept = createMemoryStore();
	let isBroken = false;
	const loads = new Map<string, number>();
	const store = storeWith(kept, {
		// Making it reads it once, opening it once more.
		loadState: (space) => {
			const count = (loads.get(space) ?? 0) + 1;
			loads.set(space, count);
			const refused = isBroken && count === 2;
			return refused ? Promise.resolve(err('store_unavailable')) : kept.loadState(space);
		}
	});
	const device = await signedUp(edge, newHandle(), { store });
	loads.clear();
	isBroken = true;
	const made = await device.tacet.createSpace({ name: 'Unreadable' });
	expect(made).toMatchObject({ ok: false, error: { code: 'store_unavailable' } });
	await device.tacet.close();
});

test('a tab that takes over asks nothing of an edge that the tab before it caught', async () => {
	const { tab } = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), tab(wires[0]));
	await spaceOf(first).create({ title: 'True' });
	await synced(spaceOf(first));
	const second = await newDevice(edge, tab(wires[1]));
	const { id } = spaceOf(first);
	const isOfSpace = ({ url }: { readonly url: string }) => url.includes(id);
	wires[0].down = (frame, socket) => {
		if (!isOfSpace(socket)) return frame;
		if (frame.type === 'hello') return { ...frame, offered: { ...frame.offered, seq: 1 } };
		socket.close();
		return null;
	};
	await spaceOf(first).create({ title: 'Kept here' });
	await until(spaceOf(first), () => spaceOf(first).sync.trust.state === 'not_trusted');
	await until(spaceOf(second), () => spaceOf(second).sync.trust.state === 'not_trusted');
	const { locks } = tab(wires[1]);
	await first.tacet.close();
	await vi.waitFor(async () => {
		const { held, pending } = (await locks?.query()) ?? {};
		expect([held?.filter(isElection).length, pending?.filter(isElection).length]).toEqual([1, 0]);
	});
	// The keyring, of which nothing untrue was said, is asked for after every space.
	await vi.waitFor(() => {
		expect(wires[1].sent).not.toEqual([]);
	});
	expect(await second.tacet.account()).toMatchObject({ ok: true });
	expect(spaceOf(second).sync.trust.state).toBe('not_trusted');
	await second.tacet.lock();
	expect(wires[1].sent.filter(isOfSpace)).toEqual([]);
	await second.tacet.close();
});

test('logging out counts what was typed a moment ago', async () => {
	const device = await signedUp(edge, newHandle());
	const space = spaceOf(device);
	const made = await space.create({ title: 'Typed' });
	if (!made.ok) throw new Error(made.error.code);
	const opened = await space.open(made.value);
	if (!opened.ok) throw new Error(opened.error.code);
	await synced(space);
	opened.value.body.insert(0, 'a moment ago');
	expect(await device.tacet.logOut()).toMatchObject({
		ok: false,
		error: { code: 'unsent_changes', unsent: 1 }
	});
	await device.tacet.close();
});

test('a tab that takes over does not send again what the tab before it has sent', async () => {
	const { tab } = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	// It ends after its store has the entries, and before it could tell anybody.
	const mute: TacetOptions['channel'] = (name) => {
		const channel = tab(wires[0]).channel?.(name);
		if (channel === undefined) throw new Error('a profile has a channel');
		const tell = channel.postMessage.bind(channel);
		channel.postMessage = (message: TabMessage) => {
			if (message.type !== 'stored' || message.settled.length === 0) tell(message);
		};
		return channel;
	};
	const first = await signedUp(edge, newHandle(), { ...tab(wires[0]), channel: mute });
	await synced(spaceOf(first));
	wires[1].only = spaceOf(first).id;
	const second = await newDevice(edge, tab(wires[1]));
	await spaceOf(second).create({ title: 'Once' });
	await until(spaceOf(first), () => spaceOf(first).items[0]?.waiting === false);
	await first.tacet.close();
	await synced(spaceOf(second));
	const appended = wires[1].sent.filter(({ frame }) => frame.type === 'append');
	expect(appended).toEqual([]);
	expect(spaceOf(second).items.map(({ title }) => title)).toEqual(['Once']);
	await second.tacet.close();
});

test.each([1e12, Number.MAX_SAFE_INTEGER])(
	'an edge that asks to wait %d seconds is asked again within the hour, and not at once',
	(retryAfterSeconds) => {
		expect(waitMs({ code: 'unavailable', retryAfterSeconds }, 5)).toBe(3_600_000);
	}
);

test('a log-out that can not erase this device leaves it locked, not half open', async () => {
	const store = storeWith(createMemoryStore(), {
		erase: () => Promise.resolve(err('store_unavailable'))
	});
	const device = await signedUp(edge, newHandle(), { store });
	expect(await device.tacet.logOut({ discardUnsent: true })).toMatchObject({
		ok: false,
		error: { code: 'store_unavailable' }
	});
	expect(device.tacet.state.phase).toBe('locked');
	expect(await device.tacet.unlock({ password })).toMatchObject({ ok: true });
	await device.tacet.close();
});
