// What is asked of an edge before anything can be shown: each thing that waits for the answer to the
// one before is a round trip.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import {
	loggedIn,
	newHandle,
	newWire,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	until,
	type Edge
} from './edge.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

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
