// What is asked of an edge before anything can be shown: each thing that waits for the answer to the
// one before is a round trip.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HeldFrames } from '../../client/held-frames.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import {
	loggedIn,
	newDevice,
	newHandle,
	newWire,
	password,
	signedUp,
	spaceOf,
	spaceNamed,
	startEdge,
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

/** The space that an address is about. */
const spaceIn = (url: string): SpaceId => (/spaces\/(\w+)\//.exec(url)?.[1] ?? '') as SpaceId;

/** A wire that also keeps the addresses of what is opened, in order. */
function noted(wire: Wire): { readonly addresses: string[]; readonly WebSocket: typeof WebSocket } {
	const addresses: string[] = [];
	class Noted extends wire.WebSocket {
		constructor(url: string | URL, protocols?: string | string[]) {
			super(url, protocols);
			addresses.push(String(url));
		}
	}
	return { addresses, WebSocket: Noted };
}

async function logIn(handle: string, WebSocket: Wire['WebSocket']): Promise<Device> {
	const device = await newDevice(edge, { WebSocket });
	valueOf(await device.tacet.logIn({ handle, password }));
	return device;
}

test('a connection that comes back goes on by its address, and asks for nothing else', async () => {
	const handle = newHandle();
	const writer = await signedUp(edge, handle);
	const wire = newWire(encodeSpaceFrame);
	const opened: WebSocket[] = [];
	class Noted extends wire.WebSocket {
		constructor(url: string | URL, protocols?: string | string[]) {
			super(url, protocols);
			opened.push(this);
		}
	}
	const reader = await loggedIn(edge, handle, { WebSocket: Noted });
	const space = spaceOf(reader);
	await synced(space);
	await synced(spaceOf(writer));
	const toSpace = (): WebSocket[] => opened.filter(({ url }) => url.includes(space.id));
	const before = { sent: wire.sent.length, sockets: toSpace().length };
	const seq = space.sync.verified?.seq ?? 0;

	wire.isUp = false;
	for (const socket of toSpace()) socket.close();
	await until(space, () => space.sync.connection !== 'online');
	await spaceOf(writer).create({ title: 'Meanwhile' });
	await synced(spaceOf(writer));
	wire.isUp = true;
	space.syncNow();
	await until(space, () => space.items.some(({ title }) => title === 'Meanwhile'));
	await synced(space);

	const again = toSpace().slice(before.sockets);
	expect(again.map(({ url }) => new URL(url).search)).toEqual([`?after=${String(seq)}`]);
	const asked = wire.sent.slice(before.sent).filter(({ url }) => url === again[0]?.url);
	expect(asked.map(({ frame }) => frame.type)).toEqual([]);
	await reader.tacet.close();
	await writer.tacet.close();
});

test('a new device asks for the keyring and for its first space at once, and for nothing besides', async () => {
	const handle = newHandle();
	const first = await signedUp(edge, handle);
	await spaceOf(first).create({ title: 'There' });
	await synced(spaceOf(first));
	const wire = newWire(encodeSpaceFrame);
	const { addresses, WebSocket } = noted(wire);
	let openedBefore = -1;
	wire.down = (frame) => {
		if (openedBefore < 0) openedBefore = addresses.length;
		return frame;
	};
	const second = await logIn(handle, WebSocket);
	const space = spaceOf(second);
	await until(space, () => space.items.length === 1);
	expect(openedBefore).toBe(2);
	expect(addresses.map((url) => new URL(url).search)).toEqual(['?after=0', '?after=0']);
	expect(addresses.map(spaceIn)).toContain(space.id);
	expect(wire.sent.filter(({ frame }) => frame.type === 'pull')).toEqual([]);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('what comes of the first space before the keyring names it is believed by nobody', async () => {
	const handle = newHandle();
	const first = await signedUp(edge, handle);
	await spaceOf(first).create({ title: 'There' });
	await synced(spaceOf(first));
	const { id } = spaceOf(first);
	const wire = newWire(encodeSpaceFrame);
	const held: (() => void)[] = [];
	let came = (): void => undefined;
	const hasCome = new Promise<void>((resolve) => {
		came = resolve;
	});
	// The keyring's frames wait until all of the space's have come.
	class Slow extends wire.WebSocket {
		override addEventListener(type: string, listener: unknown): void {
			const listen = listener as (event: unknown) => void;
			super.addEventListener(type, (event: unknown) => {
				const isKeyrings = type === 'message' && spaceIn(this.url) !== id;
				if (isKeyrings && held !== released) held.push(() => listen(event));
				else listen(event);
			});
		}
	}
	let released: unknown = null;
	wire.down = (frame, socket) => {
		if (frame.type === 'entries' && spaceIn(socket.url) === id) setTimeout(came);
		return frame;
	};
	const device = await newDevice(edge, { WebSocket: Slow });
	const entering = device.tacet.logIn({ handle, password });
	await hasCome;
	expect(await device.store.loadEntries(id, 0, 10)).toEqual({ ok: true, value: [] });
	expect(device.tacet.state.phase).not.toBe('unlocked');
	released = held;
	for (const hear of held) hear();
	valueOf(await entering);
	await until(spaceOf(device), () => spaceOf(device).items.length === 1);
	await Promise.all([first.tacet.close(), device.tacet.close()]);
});

test('a first space that is gone is no fault, and nothing is shown of it', async () => {
	const handle = newHandle();
	const first = await signedUp(edge, handle);
	const { id } = spaceOf(first);
	valueOf(await first.tacet.createSpace({ name: 'Other' }));
	const other = await spaceNamed(first, 'Other');
	await synced(other);
	valueOf(await spaceOf(first).destroy());
	await until(first.tacet, () => spaceOf(first).id === other.id);
	await synced(other);
	const { addresses, WebSocket } = noted(newWire(encodeSpaceFrame));
	const second = await logIn(handle, WebSocket);
	expect(addresses.map(spaceIn)).toContain(id);
	await spaceNamed(second, 'Other');
	expect(spaceOf(second).id).toBe(other.id);
	expect(spaceOf(second).sync.trust.state).toBe('verified');
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('a first space that another device began and no keyring names is not taken for one’s own', async () => {
	const handle = newHandle();
	const wire = newWire(encodeSpaceFrame);
	const { addresses, WebSocket } = noted(wire);
	let stopped = (): void => undefined;
	const isStopped = new Promise<void>((resolve) => {
		stopped = resolve;
	});
	// The sign-up ends before the keyring has said which space there is.
	wire.up = (frame, socket) => {
		if (frame.type !== 'append' || frame.pages.length === 0) return true;
		wire.isUp = false;
		setTimeout(() => {
			socket.close();
			stopped();
		});
		return false;
	};
	const first = await newDevice(edge, { WebSocket });
	const signingUp = first.tacet.signUp({ handle, password, withAccountKey: false });
	await isStopped;
	const begun = new Set(addresses.map(spaceIn));
	expect(begun.size).toBe(2);
	const second = await logIn(handle, newWire(encodeSpaceFrame).WebSocket);
	expect(begun).not.toContain(spaceOf(second).id);
	valueOf(await spaceOf(second).create({ title: 'Here' }));
	await synced(spaceOf(second));
	await second.tacet.close();
	expect((await signingUp).ok).toBe(false);
	await first.tacet.close();
});

test('no more is held than an honest edge sends at once', () => {
	const held = new HeldFrames();
	const mebibyte = new Uint8Array(1_048_576);
	for (let count = 0; count < 33; count++) expect(held.take(mebibyte)).toBe(true);
	let taken = 33;
	while (held.take(mebibyte)) taken += 1;
	expect(taken).toBeLessThan(64);
	expect(held.empty()).toEqual([]);
});
