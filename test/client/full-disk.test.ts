import { expect, test } from 'vitest';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import { err } from '../../protocol/result.ts';
import {
	loggedIn,
	newHandle,
	newWire,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	until
} from './edge.ts';

test('a disk that fills up while entries stream in stops them, blames nobody, and goes on with room', async () => {
	const edge = await startEdge();
	const handle = newHandle();
	const writer = await signedUp(edge, handle);
	const disk = createMemoryStore();
	const full: { is: boolean; refuse: () => void } = { is: false, refuse: () => undefined };
	const refused = new Promise<void>((resolve) => {
		full.refuse = resolve;
	});
	const applyLog: Store['applyLog'] = async (batch) => {
		if (!full.is) return disk.applyLog(batch);
		await refused;
		return err('store_full');
	};
	const store = new Proxy(disk, {
		get(target, name: keyof Store) {
			if (name === 'applyLog') return applyLog;
			return (Reflect.get(target, name) as () => unknown).bind(target);
		}
	});
	const wire = newWire(encodeSpaceFrame);
	const reader = await loggedIn(edge, handle, { store, WebSocket: wire.WebSocket });
	const [from, to] = [spaceOf(writer), spaceOf(reader)];
	await synced(to);

	full.is = true;
	let arrived = 0;
	wire.only = to.id;
	wire.down = (frame) => {
		if (frame.type === 'entries') arrived += frame.entries.length;
		if (arrived >= 4) full.refuse();
		return frame;
	};
	for (const title of ['one', 'two', 'three', 'four', 'five']) {
		await from.create({ title });
		await synced(from);
	}
	await until(to, () => to.sync.problem === 'storage_full');
	await until(to, () => to.sync.connection === 'offline');
	full.is = false;
	to.syncNow();
	await until(to, () => to.items.length === 5 || to.sync.trust.state !== 'verified');
	expect(to.sync.trust).toEqual({ state: 'verified' });
	await Promise.all([writer.tacet.close(), reader.tacet.close()]);
	await edge.remove();
});
