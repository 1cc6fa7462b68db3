// The whole server restored: the account's own keyring went back with everything else.
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Space } from '../../client/api.ts';
import {
	loggedIn,
	newDevice,
	newHandle,
	signedUp,
	spaceNamed,
	spaceOf,
	startEdge,
	stateOf,
	synced,
	until,
	valueOf,
	type Edge
} from './edge.ts';
import { backUp, restore } from './restore.ts';
import { newBrowser } from './browser-tabs.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const titles = ({ items }: Space): readonly string[] => items.map(({ title }) => title).sort();
const faultOf = ({ sync }: Space): string | null =>
	sync.trust.state === 'not_trusted' ? sync.trust.fault : null;

test('a keyring and a space that was made since are given back from any tab, one after the other', async () => {
	const handle = newHandle();
	const options = newBrowser().tab();
	const first = await signedUp(edge, handle, options);
	const home = spaceOf(first);
	await home.create({ title: 'Before' });
	await synced(home);
	const backup = await backUp(edge);
	home.syncNow();
	await synced(home);
	const later = valueOf(await first.tacet.createSpace({ name: 'Made later' }));
	valueOf(await later.create({ title: 'In it' }));
	valueOf(await home.create({ title: 'After' }));
	await Promise.all([synced(later), synced(home)]);

	const second = await newDevice(edge, options);
	await restore(edge, backup);
	home.syncNow();
	await until(home, () => faultOf(home) !== null && faultOf(later) !== null);
	// The keyring says that there is more of every space: nothing else is asked before it is whole.
	const there = await spaceNamed(second, 'Made later');
	const atHome = stateOf(second).space;
	for (let asked = 0; asked < 8; asked++) {
		for (const space of [atHome, there]) {
			const plan = valueOf(await space.planPutBack());
			expect(plan).toMatchObject({ possible: plan.lacking, stop: null });
			const put = await space.putBack();
			// The edge was started again just now: a connection may be lost, and it is asked once more.
			if (!put.ok) expect(put.error.code).toBe('offline');
		}
		// The spaces are asked only now: until they have answered, nothing is known of them.
		await Promise.race([synced(home), until(home, () => faultOf(home) !== null)]);
		await Promise.race([synced(later), until(later, () => faultOf(later) !== null)]);
		if (faultOf(home) === null && faultOf(later) === null) break;
	}
	await Promise.all([synced(home), synced(later)]);
	for (const space of [atHome, there]) await until(space, () => faultOf(space) === null);

	const fresh = await loggedIn(edge, handle);
	const found = await spaceNamed(fresh, 'Made later');
	await synced(found);
	expect(titles(found)).toEqual(['In it']);
	await until(spaceOf(fresh), () => titles(spaceOf(fresh)).length === 2);
	expect(titles(spaceOf(fresh))).toEqual(['After', 'Before']);
	expect(fresh.tacet.state).toMatchObject({ phase: 'unlocked' });
	await Promise.all([first, second, fresh].map(({ tacet }) => tacet.close()));
	await rm(backup, { recursive: true });
});
