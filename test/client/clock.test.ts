// A device whose clock is wrong: what it holds is judged by the time that has passed, and by what the
// edge says, never by what the clock says.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routes } from '../../protocol/http.ts';
import {
	loggedIn,
	newDevice,
	newHandle,
	password,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';
import { isTo } from './guarded.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Requests for another token, in order. */
function refreshes(): { readonly count: () => number; readonly fetch: typeof fetch } {
	let asked = 0;
	return {
		count: () => asked,
		fetch: (input, init) => {
			if (isTo(routes.sessionRefresh.path, input)) asked += 1;
			return fetch(input, init);
		}
	};
}

const titles = (device: Device) => spaceOf(device).items.map(({ title }) => title);

describe('a clock', () => {
	test.each([26 * minuteMs, -26 * minuteMs, 12 * hourMs, -12 * hourMs])(
		'that is off by %d ms keeps nobody from logging in, unlocking and syncing',
		async (offMs) => {
			const handle = newHandle();
			const right = await signedUp(edge, handle);
			const { count, fetch } = refreshes();
			const options = { nowMs: () => Date.now() + offMs, fetch };
			const wrong = await loggedIn(edge, handle, options);
			valueOf(await spaceOf(wrong).create({ title: 'From the wrong one' }));
			await synced(spaceOf(wrong));
			await wrong.tacet.lock();
			valueOf(await wrong.tacet.unlock({ password }));
			valueOf(await spaceOf(wrong).create({ title: 'Once more' }));
			await synced(spaceOf(wrong));
			await until(spaceOf(right), () => titles(right).length === 2);
			valueOf(await spaceOf(right).create({ title: 'From the right one' }));
			await until(spaceOf(wrong), () => titles(wrong).length === 3);
			expect(valueOf(await wrong.tacet.account()).sessions).toHaveLength(2);
			expect(count()).toBe(0);
			await Promise.all([right.tacet.close(), wrong.tacet.close()]);
		}
	);

	test.each([13 * hourMs, -13 * hourMs])(
		'that is put right by %d ms while it runs, or while the device is off, costs a token at most',
		async (jumpMs) => {
			const handle = newHandle();
			let offMs = -jumpMs;
			const { count, fetch } = refreshes();
			const options = { nowMs: () => Date.now() + offMs, fetch };
			const device = await signedUp(edge, handle, options);
			await synced(spaceOf(device));
			offMs = 0;
			spaceOf(device).syncNow();
			valueOf(await spaceOf(device).create({ title: 'Afterwards' }));
			await synced(spaceOf(device));
			valueOf(await device.tacet.account());
			valueOf(await device.tacet.account());
			expect(count()).toBeLessThanOrEqual(1);
			await device.tacet.close();
			offMs = jumpMs;
			const again = await newDevice(edge, { ...options, store: device.store });
			valueOf(await again.tacet.unlock({ password }));
			await synced(spaceOf(again));
			expect(titles(again)).toEqual(['Afterwards']);
			expect(count()).toBeLessThanOrEqual(1);
			await again.tacet.close();
		}
	);
});
