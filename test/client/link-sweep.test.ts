// Share links that are over go by themselves: an owner's device takes their key away.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { isOver } from '../../client/link-sweep.ts';
import type { Space } from '../../client/api.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { openShareLink } from '../../client/open-share-link.ts';
import { randomBytes } from '../../crypto/random.ts';
import { idFromBytes, type AccountId, type LinkId } from '../../protocol/ids.ts';
import {
	loadOpaque,
	loggedIn,
	newHandle,
	signedUp,
	spaceNamed,
	startEdge,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';

// Every login stretches a password on purpose, and tests share the machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describe('a link is over', () => {
	const nowMs = 1_764_000_000_000;
	const link = {
		link: idFromBytes<LinkId>(randomBytes(16)),
		account: idFromBytes<AccountId>(randomBytes(16)),
		expiresAtMs: null,
		openingsLeft: null,
		opened: 3,
		inUse: true,
		guarded: false,
		frozen: false
	};

	test.each([
		['without an end', {}, false],
		['before it expires', { expiresAtMs: nowMs + 1 }, false],
		['when clocks may differ about it', { expiresAtMs: nowMs - hourMs + 1 }, false],
		['an hour after it has expired', { expiresAtMs: nowMs - hourMs }, true],
		['with openings left', { openingsLeft: 1, inUse: false }, false],
		['used up, while somebody may be reading', { openingsLeft: 0 }, false],
		['used up, and nobody reads', { openingsLeft: 0, inUse: false }, true],
		['frozen, and not over', { frozen: true, guarded: true }, false]
	])('%s: %j: %s', (_when, change, over) => {
		expect(isOver({ ...link, ...change }, nowMs)).toBe(over);
	});
});

describe('an owner’s device', () => {
	let edge: Edge;
	const handle = newHandle();
	let owner: Device;
	beforeAll(async () => {
		edge = await startEdge();
		owner = await signedUp(edge, handle, { repairWaitMs: () => 0 });
	});
	afterAll(async () => {
		await owner.tacet.close();
		await edge.remove();
	});

	const plain = { label: 'Crew', expiresAtMs: null, openings: null, passphrase: null };

	async function newSpace(name: string): Promise<Space> {
		const space = valueOf(await owner.tacet.createSpace({ name }));
		await space.create({ title: 'Shoals' });
		await synced(space);
		return space;
	}

	/** The same account, on a device on which it is some days later. */
	const daysLater = (days: number): Promise<Device> =>
		loggedIn(edge, handle, {
			nowMs: () => Date.now() + days * dayMs,
			repairWaitMs: () => 0
		});

	test('takes back those that have expired, all in one step, and leaves the others', async () => {
		const space = await newSpace('Chart room');
		const expiresAtMs = Date.now() + dayMs;
		valueOf(await space.createLink({ ...plain, expiresAtMs }));
		valueOf(await space.createLink({ ...plain, expiresAtMs }));
		const lasting = valueOf(await space.createLink(plain));
		const { number } = space.epoch;
		const later = await daysLater(2);
		const there = await spaceNamed(later, 'Chart room');
		await until(space, () => space.members.length === 2);
		expect(space.epoch.number).toBe(number + 1);
		expect(valueOf(await there.links())).toMatchObject([{ link: lasting.link }]);
		await later.tacet.close();
	});

	test('leaves what is used up to whoever reads by it', async () => {
		const space = await newSpace('Galley');
		const once = valueOf(await space.createLink({ ...plain, openings: 1 }));
		const expired = valueOf(await space.createLink({ ...plain, expiresAtMs: Date.now() + dayMs }));
		const view = valueOf(
			await openShareLink(
				{ origin: edge.url, startCrypto: () => startCryptoInProcess(loadOpaque) },
				once.url ?? ''
			)
		);
		// Both are looked at together: when the expired one is gone, the other one was left.
		const later = await daysLater(2);
		await until(space, () => space.members.length === 2);
		expect(valueOf(await space.links())).toMatchObject([{ link: once.link, openingsLeft: 0 }]);
		expect(expired.link).not.toBe(once.link);
		await space.create({ title: 'Buoys' });
		await until(view.space, () => view.space.items.length === 2);
		await view.close();
		await later.tacet.close();
	});
});
