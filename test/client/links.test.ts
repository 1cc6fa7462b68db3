// Share links: whoever has one reads the space without an account, and nobody else does.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Space } from '../../client/api.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { parseLinkUrl } from '../../client/link-url.ts';
import { openShareLink } from '../../client/open-share-link.ts';
import { randomBytes } from '../../crypto/random.ts';
import { parseClientFrame } from '../../protocol/frames.ts';
import { idFromBytes, type LinkId } from '../../protocol/ids.ts';
import {
	bodyOf,
	loadOpaque,
	loggedIn,
	newHandle,
	signedUp,
	spaceNamed,
	stateOf,
	startEdge,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';

let edge: Edge;
let owner: Device;
/** Whether the edge has lost the doors of links. */
let forgets = false;
beforeAll(async () => {
	edge = await startEdge();
	owner = await signedUp(edge, newHandle(), {
		fetch: async (url, init) => {
			const response = await fetch(url, init);
			const isList = typeof url === 'string' && url.endsWith('/v1/links/list');
			return isList && forgets ? Response.json({ links: [] }) : response;
		}
	});
});
afterAll(async () => {
	await owner.tacet.close();
	await edge.remove();
});

const plain = { label: 'Crew', expiresAtMs: null, openings: null, passphrase: null };
const passphrase = 'nine bells at dusk';

const open = (url: string, typed?: string) =>
	openShareLink(
		{ origin: edge.url, startCrypto: () => startCryptoInProcess(loadOpaque) },
		url,
		typed
	);

async function newSpace(): Promise<Space> {
	const space = valueOf(await owner.tacet.createSpace({ name: 'Chart room' }));
	await space.create({ title: 'Shoals', body: 'keep to the east' });
	await synced(space);
	return space;
}

async function newLink(space: Space, input: Partial<Parameters<Space['createLink']>[0]> = {}) {
	const link = valueOf(await space.createLink({ ...plain, ...input }));
	if (link.url === null) throw new Error('an own link has no address');
	return { ...link, url: link.url };
}

const refusedWith = (code: string) => ({ ok: false, error: { code } });

describe('a share link', () => {
	test('shows the space to whoever has it, live, and lets nobody write', async () => {
		const space = await newSpace();
		const { url } = await newLink(space);
		const view = valueOf(await open(url));
		expect(view).toMatchObject({ spaceName: 'Chart room', expiresAtMs: null });
		expect(await bodyOf(view.space, 'Shoals')).toBe('keep to the east');
		expect(view.space.role).toBe('viewer');
		expect(view.space.sync.trust.state).toBe('verified');
		await space.create({ title: 'Buoys' });
		await until(view.space, () => view.space.items.length === 2);
		expect(await view.space.create({ title: 'Mine' })).toMatchObject(refusedWith('forbidden'));
		expect(await view.space.rotate()).toMatchObject(refusedWith('forbidden'));
		await view.close();
	});

	test('is listed with its label, and how often it was opened', async () => {
		const space = await newSpace();
		const { url, link } = await newLink(space, { openings: 2 });
		await valueOf(await open(url)).close();
		const listed = { link, url, label: 'Crew', openingsLeft: 1, opened: 1, frozen: false };
		expect(valueOf(await space.links())).toMatchObject([listed]);
		await valueOf(await open(url)).close();
		expect(await open(url)).toMatchObject(refusedWith('link_ended'));
	});

	test('that is taken back ends for those who have it open, and opens nothing new', async () => {
		const space = await newSpace();
		const { url, link } = await newLink(space);
		const view = valueOf(await open(url));
		valueOf(await space.revokeLink(link));
		await until(view.space, () => view.space.sync.connection === 'offline');
		expect(space.epoch.number).toBe(2);
		expect(space.members).toHaveLength(1);
		expect(await open(url)).toMatchObject(refusedWith('link_invalid'));
		expect(valueOf(await space.links())).toEqual([]);
		await view.close();
	});

	test('opens nothing when it was cut short or altered', async () => {
		const space = await newSpace();
		const { url } = await newLink(space);
		expect(await open(url.slice(0, -3))).toMatchObject(refusedWith('link_invalid'));
		const other = url.slice(0, -43) + 'A'.repeat(43);
		expect(await open(other)).toMatchObject(refusedWith('link_invalid'));
	});
});

describe('making a share link that breaks off', () => {
	test('before it has a key leaves one that opens nothing, and can be taken back', async () => {
		const handle = newHandle();
		let half: Space | null = null;
		let cut = (): void => undefined;
		const isCut = new Promise<void>((resolve) => (cut = resolve));
		class CutSocket extends WebSocket {
			override send(data: Uint8Array<ArrayBuffer>): void {
				const frame = parseClientFrame(data);
				const isHalf = half !== null && this.url.includes(half.id);
				if (isHalf && frame.ok && frame.value.type === 'append') cut();
				else super.send(data);
			}
		}
		const device = await signedUp(edge, handle, {
			WebSocket: CutSocket,
			fetch: (url, init) => {
				if (typeof url === 'string' && url.endsWith('/v1/links/remove')) {
					throw new TypeError('unreachable');
				}
				return fetch(url, init);
			}
		});
		const space = valueOf(await device.tacet.createSpace({ name: 'Half' }));
		await synced(space);
		// The edge has its door; the commit that would give it a key is lost, and the tab with it.
		half = space;
		const making = space.createLink(plain);
		await isCut;
		const closed = device.tacet.close();
		expect((await making).ok).toBe(false);
		await closed;

		const again = await loggedIn(edge, handle);
		const there = await spaceNamed(again, 'Half');
		await synced(there);
		const [left, ...others] = valueOf(await there.links());
		expect(others).toEqual([]);
		if (left === undefined) throw new Error('its door is not known any more');
		expect(left.openingsLeft).toBe(0);
		valueOf(await there.revokeLink(left.link));
		expect(valueOf(await there.links())).toEqual([]);
		expect(there.members).toHaveLength(1);
		await again.tacet.close();
	});

	test('that a device does not know of yet is taken back with its key, or not at all', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const space = valueOf(await first.tacet.createSpace({ name: 'Behind' }));
		const { link } = valueOf(await space.createLink(plain));
		let isShut = true;
		class Gate extends WebSocket {
			constructor(url: string | URL, protocols?: string | string[]) {
				super(isShut && String(url).includes(space.id) ? 'ws://127.0.0.1:1/' : url, protocols);
			}
		}
		const second = await loggedIn(edge, handle, { WebSocket: Gate });
		const find = () => stateOf(second).spaces.find(({ id }) => id === space.id);
		await until(second.tacet, () => find() !== undefined);
		const there = find();
		if (there === undefined) throw new Error('it went away');
		expect(await there.revokeLink(link)).toEqual(refusedWith('offline'));
		expect(valueOf(await space.links())).toMatchObject([{ link }]);
		isShut = false;
		there.syncNow();
		await until(there, () => there.sync.connection === 'online');
		valueOf(await there.revokeLink(link));
		expect(there.members).toHaveLength(1);
		await until(space, () => space.members.length === 1);
		expect(valueOf(await space.links())).toEqual([]);
		await second.tacet.close();
		await first.tacet.close();
	});

	test('of which a key is left and no door is listed, and taken back', async () => {
		const space = await newSpace();
		const { link } = await newLink(space);
		forgets = true;
		const [left, ...others] = valueOf(await space.links());
		expect(others).toEqual([]);
		expect(left).toMatchObject({ url: null, openingsLeft: 0 });
		expect(left?.link).not.toBe(link);
		expect(space.members).toHaveLength(2);
		if (left !== undefined) valueOf(await space.revokeLink(left.link));
		expect(space.members).toHaveLength(1);
		expect(space.epoch.number).toBe(2);
		forgets = false;
		expect(valueOf(await space.links())).toEqual([]);
	});

	test('of another owner, that is listed no more, is not said to be taken back while it may have a key', async () => {
		const space = await newSpace();
		const { link } = await newLink(space);
		const another = idFromBytes<LinkId>(randomBytes(16));
		forgets = true;
		expect(await space.revokeLink(another)).toEqual(refusedWith('not_found'));
		expect(space.members).toHaveLength(2);
		forgets = false;
		valueOf(await space.revokeLink(link));
		// No link has a key any more: it is taken back, whichever it was.
		valueOf(await space.revokeLink(another));
	});
});

describe('a passphrase', () => {
	test('is asked for, and opens the link', async () => {
		const space = await newSpace();
		const { url } = await newLink(space, { passphrase });
		expect(await open(url)).toMatchObject(refusedWith('passphrase_needed'));
		expect(await open(url, 'ten bells at dawn')).toMatchObject(refusedWith('wrong_passphrase'));
		const view = valueOf(await open(url, passphrase));
		expect(await bodyOf(view.space, 'Shoals')).toBe('keep to the east');
		await view.close();
	});

	test('that is guessed wrong ten times freezes the link', async () => {
		const space = await newSpace();
		const { url, link } = await newLink(space, { passphrase });
		for (let guess = 0; guess < 10; guess++) {
			const refused = await open(url, `guess number ${String(guess)}`);
			expect(refused).toMatchObject(refusedWith('wrong_passphrase'));
		}
		expect(await open(url, passphrase)).toMatchObject(refusedWith('link_frozen'));
		expect(valueOf(await space.links())).toMatchObject([{ link, frozen: true }]);
	});
});

test('an address is read whole or not at all', () => {
	const secret = 'A'.repeat(43);
	const place = 'B'.repeat(43).slice(0, 42) + 'A';
	const url = `https://notes.example/#/join/${place}.${secret}`;
	expect(parseLinkUrl(url)).toMatchObject({ type: 'join' });
	expect(parseLinkUrl(`https://notes.example/#/s/${place}.${secret}`)?.type).toBe('share');
	for (const cut of [1, 10, 44, 60]) expect(parseLinkUrl(url.slice(0, -cut))).toBeNull();
	expect(parseLinkUrl(url.replace('join', 'join2'))).toBeNull();
	expect(parseLinkUrl(`${url}.${secret}`)).toBeNull();
	expect(parseLinkUrl('')).toBeNull();
});
