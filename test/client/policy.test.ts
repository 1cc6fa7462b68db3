// Rules that owners set for a space: how long the history stays, and whether there are share links.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Space } from '../../client/api.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { openShareLink } from '../../client/open-share-link.ts';
import {
	loadOpaque,
	newHandle,
	signedUp,
	startEdge,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';

let edge: Edge;
let owner: Device;
/** Requests about links that the edge was sent. */
const asked: string[] = [];
beforeAll(async () => {
	edge = await startEdge();
	owner = await signedUp(edge, newHandle(), {
		fetch: (url, init) => {
			if (typeof url === 'string' && url.includes('/v1/links/')) asked.push(url);
			return fetch(url, init);
		}
	});
});
afterAll(async () => {
	await owner.tacet.close();
	await edge.remove();
});

const plain = { label: 'Crew', expiresAtMs: null, openings: null, passphrase: null };
const refusedWith = (code: string) => ({ ok: false, error: { code } });

const open = (url: string) =>
	openShareLink({ origin: edge.url, startCrypto: () => startCryptoInProcess(loadOpaque) }, url);

async function newSpace(): Promise<Space> {
	const space = valueOf(await owner.tacet.createSpace({ name: 'Chart room' }));
	await space.create({ title: 'Shoals', body: 'keep to the east' });
	await synced(space);
	return space;
}

describe('the rules of a space', () => {
	test('are thirty days and links allowed, until an owner says otherwise on the log', async () => {
		const space = await newSpace();
		expect(space.policy).toMatchObject({ retentionDays: 30, linksAllowed: true });
		valueOf(await space.setPolicy({ retentionDays: 7 }));
		expect(space.policy).toMatchObject({ retentionDays: 7, linksAllowed: true });
		expect(space.activity(1)).toMatchObject([{ events: [{ type: 'settings' }] }]);
		valueOf(await space.setPolicy({ linksAllowed: false }));
		expect(space.policy).toMatchObject({ retentionDays: 7, linksAllowed: false });
	});

	test('are read by whoever is in the space, and changed by its owners alone', async () => {
		const space = await newSpace();
		valueOf(await space.setPolicy({ retentionDays: 90 }));
		const { url } = valueOf(await space.createLink(plain));
		const view = valueOf(await open(url ?? ''));
		expect(view.space.policy).toMatchObject({ retentionDays: 90, linksAllowed: true });
		expect(await view.space.setPolicy({ retentionDays: 1 })).toMatchObject(
			refusedWith('forbidden')
		);
		valueOf(await space.setPolicy({ retentionDays: 365 }));
		await until(view.space, () => view.space.policy.retentionDays === 365);
		await view.close();
	});

	test('take whole days, from one to ten years, and nothing that stands already', async () => {
		const space = await newSpace();
		const before = space.activity(10).length;
		for (const retentionDays of [0, -1, 1.5, 3_651, Number.NaN]) {
			expect(await space.setPolicy({ retentionDays })).toMatchObject(refusedWith('malformed'));
		}
		valueOf(await space.setPolicy({ retentionDays: 30, linksAllowed: true }));
		expect(space.activity(10)).toHaveLength(before);
	});
});

describe('turning share links off', () => {
	test('takes those that there are back in the same step, with a new key', async () => {
		const space = await newSpace();
		const first = valueOf(await space.createLink(plain));
		valueOf(await space.createLink({ ...plain, label: 'Pilots' }));
		const view = valueOf(await open(first.url ?? ''));
		expect(space.members).toHaveLength(3);
		const { number } = space.epoch;
		valueOf(await space.setPolicy({ linksAllowed: false }));
		expect(space.members).toHaveLength(1);
		expect(space.epoch.number).toBe(number + 1);
		expect(valueOf(await space.links())).toEqual([]);
		await until(view.space, () => view.space.sync.connection === 'offline');
		expect(await open(first.url ?? '')).toMatchObject(refusedWith('link_invalid'));
		await view.close();
	});

	test('lets none be made, before the edge is asked; turned on again, new ones are', async () => {
		const space = await newSpace();
		valueOf(await space.setPolicy({ linksAllowed: false }));
		asked.length = 0;
		expect(await space.createLink(plain)).toMatchObject(refusedWith('links_off'));
		expect(asked).toEqual([]);
		valueOf(await space.setPolicy({ linksAllowed: true }));
		const { url } = valueOf(await space.createLink(plain));
		await valueOf(await open(url ?? '')).close();
	});
});
