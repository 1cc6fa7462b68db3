import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Tacet } from '../../client/api.ts';
import type { FirstRows } from '../../client/first-rows.ts';
import type { Store } from '../../client/store.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
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
	unstarted,
	until,
	valueOf,
	type Edge
} from './edge.ts';
import { newBrowser } from './browser-tabs.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const isUnlocked = (tacet: Tacet) => until(tacet, () => tacet.state.phase === 'unlocked');

test('a new tab gets its keys from an unlocked one, and shows the same notes', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	await spaceOf(first).create({ title: 'Shared' });
	await synced(spaceOf(first));
	const second = await newDevice(edge, browser.tab(wires[1]));
	expect(second.tacet.state.phase).toBe('unlocked');
	expect(spaceOf(second).items.map(({ title }) => title)).toEqual(['Shared']);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('what another tab stores of a space while a new one reads it is not missed', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	await synced(spaceOf(first));
	const { id } = spaceOf(first);
	let go = (): void => undefined;
	const goes = new Promise<void>((resolve) => {
		go = resolve;
	});
	let hasRead = (): void => undefined;
	const read = new Promise<void>((resolve) => {
		hasRead = resolve;
	});
	let isHeld = true;
	// Has read the rows of before, and is slow to say so.
	const slow = new Proxy(browser.store, {
		get(store, name) {
			const value: unknown = Reflect.get(store, name, store);
			if (name !== 'loadOutbox') {
				return typeof value === 'function' ? (value.bind(store) as unknown) : value;
			}
			return async (...input: Parameters<Store['loadOutbox']>) => {
				const rows = await store.loadOutbox(...input);
				if (input[0] !== id || !isHeld) return rows;
				isHeld = false;
				hasRead();
				await goes;
				return rows;
			};
		}
	});
	const second = unstarted(edge, { ...browser.tab(wires[1]), store: slow });
	const starting = second.tacet.start();
	await read;
	wires[0].up = () => false;
	// Its own channel, in which messages keep their order: once this one is here, so is that of the store.
	const { channel } = browser.tab(wires[1]);
	const ear = channel!('tacet');
	const heard = new Promise<void>((resolve) => {
		ear.addEventListener('message', ({ data }: MessageEvent<{ readonly type: string }>) => {
			if (data.type === 'stored') setTimeout(resolve);
		});
	});
	await spaceOf(first).create({ title: 'Meanwhile' });
	await heard;
	ear.close();
	go();
	await starting;
	// In less time than it takes to notice that the other tab's connection is dead: that would show it too.
	await until(spaceOf(second), () => spaceOf(second).items.length === 1);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
}, 30_000);

test('a new tab is told at once what the list begins with, newest first, before it has read it', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	for (let note = 0; note < 40; note++) {
		await spaceOf(first).create({ title: `Note ${note}`, body: 'First line' });
	}
	const trashed = spaceOf(first).items.find(({ title }) => title === 'Note 39');
	valueOf(await spaceOf(first).trash(trashed!.id));
	await synced(spaceOf(first));
	const second = unstarted(edge, browser.tab(wires[1]));
	const { tacet } = second;
	const told: FirstRows[] = [];
	tacet.subscribe(() => {
		const { state } = tacet;
		if (state.phase === 'starting' && state.first !== null) told.push(state.first);
	});
	expect(tacet.state).toEqual({ phase: 'starting', first: null });
	await tacet.start();
	expect(told).toHaveLength(1);
	const { rows, total, isOfSeveral, spaces } = told[0]!;
	const read = spaceOf(second).items;
	expect(total).toBe(39);
	expect(rows).toHaveLength(30);
	expect(rows.map(({ id, title, snippet }) => [id, title, snippet])).toEqual(
		read.slice(0, 30).map(({ id, title, snippet }) => [id, title, snippet])
	);
	expect([isOfSeveral, spaces]).toEqual([false, [spaceOf(second).id]]);
	await Promise.all([first.tacet.close(), tacet.close()]);
});

test('a new tab takes the keys of a tab whose build says nothing of its list', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	const older = browser.tab(wires[1]);
	const { tacet } = unstarted(edge, {
		...older,
		channel: (name) => withoutFirstRows(older.channel!(name))
	});
	const phases: unknown[] = [];
	tacet.subscribe(() => phases.push(tacet.state));
	await tacet.start();
	expect(phases[0]).toEqual({ phase: 'starting', first: null });
	expect(tacet.state.phase).toBe('unlocked');
	await Promise.all([first.tacet.close(), tacet.close()]);
});

/** Hears keys as a build gave them that knew of no first rows. */
function withoutFirstRows(channel: BroadcastChannel): BroadcastChannel {
	channel.addEventListener('message', ({ data }: MessageEvent<{ first?: unknown }>) => {
		delete data.first;
	});
	return channel;
}

test('one tab syncs for all: an edit in the other is sent once, and shown as synced there', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	await synced(spaceOf(first));
	const second = await newDevice(edge, browser.tab(wires[1]));
	await spaceOf(second).create({ title: 'From the other tab' });
	await until(spaceOf(first), () => spaceOf(first).items.length === 1);
	await until(spaceOf(second), () => spaceOf(second).items[0]?.waiting === false);
	await synced(spaceOf(second));
	expect(spaceOf(second).sync).toMatchObject({ waiting: 0, connection: 'online' });
	expect(spaceOf(first).sync.verified?.seq).toBe(2);
	expect(wires[1].sent).toEqual([]);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('a tab that does not sync shows whom the other has heard of, and how far keys are', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const handle = newHandle();
	const first = await signedUp(edge, handle, browser.tab(wires[0]));
	const second = await newDevice(edge, browser.tab(wires[1]));
	const third = await loggedIn(edge, handle);
	const [syncing, watching] = [spaceOf(first), spaceOf(second)];
	await until(watching, () => watching.heartbeats.length === 1);
	expect(watching.heartbeats).toEqual(syncing.heartbeats);
	expect(await watching.rotate()).toMatchObject({ ok: true });
	await until(watching, () => watching.epoch.number === 2 && watching.epoch.resealing === null);
	expect(watching.epoch).toEqual(syncing.epoch);
	expect(wires[1].sent).toEqual([]);
	await Promise.all([first, second, third].map(({ tacet }) => tacet.close()));
});

test('when the syncing tab goes away, the other one takes over', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	const second = await newDevice(edge, browser.tab(wires[1]));
	await first.tacet.close();
	await spaceOf(second).create({ title: 'Alone now' });
	await synced(spaceOf(second));
	expect(wires[1].sent.some(({ frame }) => frame.type === 'append')).toBe(true);
	expect(spaceOf(second).sync.verified?.seq).toBe(2);
	await second.tacet.close();
});

test('two tabs that write at once never sync anything twice', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	const second = await newDevice(edge, browser.tab(wires[1]));
	const spaces = [spaceOf(first), spaceOf(second)];
	await Promise.all(
		spaces.flatMap((space, tab) =>
			Array.from({ length: 20 }, (_, index) =>
				space.create({ title: `${String(tab)} ${String(index)}` })
			)
		)
	);
	for (const space of spaces) {
		await until(space, () => space.items.length === 40);
		await synced(space);
	}
	const titles = new Set(spaceOf(first).items.map(({ title }) => title));
	expect(titles.size).toBe(40);
	expect(spaceOf(first).sync.problem).toBeNull();
	expect(wires[1].sent).toEqual([]);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('locking one tab locks all, unlocking one unlocks all, and log-out reaches all', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	const second = await newDevice(edge, browser.tab(wires[1]));
	await first.tacet.lock();
	await until(second.tacet, () => second.tacet.state.phase === 'locked');
	expect(await second.tacet.unlock({ password })).toMatchObject({ ok: true });
	await isUnlocked(first.tacet);
	await synced(spaceOf(second));
	expect(await second.tacet.logOut()).toMatchObject({ ok: true });
	await until(first.tacet, () => first.tacet.state.phase === 'signed_out');
	expect(await browser.store.loadProfile()).toEqual({ ok: true, value: null });
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('what only the syncing tab can do is done there for the other one', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	const second = await newDevice(edge, browser.tab(wires[1]));
	const made = valueOf(await second.tacet.createSpace({ name: 'From the other tab' }));
	expect(valueOf(await made.rotate())).toBeUndefined();
	await until(made, () => made.epoch.number === 2);
	const there = await spaceNamed(first, 'From the other tab');
	expect(there.epoch.number).toBe(2);
	const { url } = valueOf(await made.invite({ role: 'editor', expiresInDays: 1 }));
	await until(first.tacet, () => stateOf(first).spaces.length === 2);
	expect(valueOf(await there.invitations())).toMatchObject([{ url, claim: null }]);
	expect(wires[1].sent).toEqual([]);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('what was asked of a tab that goes away is answered, and not waited for', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	const second = await newDevice(edge, browser.tab(wires[1]));
	// Nothing comes down to the tab that syncs, so that it can't finish.
	wires[0].down = () => null;
	const asked = spaceOf(second).rotate();
	await first.tacet.close();
	expect(await asked).toMatchObject({ ok: false, error: { code: 'offline' } });
	await second.tacet.close();
});

test('two tabs that let the same person in at once do it once, and both hear that it is done', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const first = await signedUp(edge, newHandle(), browser.tab(wires[0]));
	const second = await newDevice(edge, browser.tab(wires[1]));
	const guest = await signedUp(edge, newHandle());
	const made = valueOf(await first.tacet.createSpace({ name: 'Both at the door' }));
	const there = await spaceNamed(second, 'Both at the door');
	const { invite, url } = valueOf(await made.invite({ role: 'editor', expiresInDays: 1 }));
	valueOf(await guest.tacet.acceptInvitation(url ?? ''));
	await until(second.tacet, () => there.role === 'owner');
	const answers = await Promise.all([made.admit(invite), there.admit(invite)]);
	expect(answers).toMatchObject([{ ok: true }, { ok: true }]);
	expect(made.members).toHaveLength(2);
	await until(there, () => there.members.length === 2);
	expect(valueOf(await made.invitations())).toEqual([]);
	await Promise.all([first, second, guest].map(({ tacet }) => tacet.close()));
});

test('a tab that does not sync reads what was replaced by way of the one that does', async () => {
	const browser = newBrowser();
	const wires = [newWire(encodeSpaceFrame), newWire(encodeSpaceFrame)] as const;
	const atOnce = { repairWaitMs: () => 0 };
	const first = await signedUp(edge, newHandle(), { ...browser.tab(wires[0]), ...atOnce });
	const space = spaceOf(first);
	const item = valueOf(await space.create({ title: 'Sealed twice', body: 'once' }));
	await synced(space);
	const before = valueOf(await space.history(item));
	valueOf(await space.rotate());
	await until(space, () => space.epoch.number === 2 && space.epoch.resealing === null);
	await synced(space);

	const second = await newDevice(edge, { ...browser.tab(wires[1]), ...atOnce });
	const there = spaceOf(second);
	await until(there, () => there.items.length === 1);
	const now = valueOf(await there.history(item));
	expect(now).toMatchObject({ earlier: 'more', versions: [{ author: null }] });
	const earlier = valueOf(await now.loadEarlier());
	expect(earlier).toMatchObject({ earlier: 'none', versions: before.versions });
	expect(wires[1].sent).toEqual([]);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});
