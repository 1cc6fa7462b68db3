import * as Y from 'yjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bytesOfId, idFromBytes, type ItemId } from '../../protocol/ids.ts';
import { encodeCbor } from '../../protocol/cbor.ts';
import { encodePage } from '../../protocol/page.ts';
import { randomBytes } from '../../crypto/random.ts';
import { roles } from '../../protocol/commit.ts';
import { concatBytes, toHex } from '../../protocol/bytes.ts';
import { parseClientFrame } from '../../protocol/frames.ts';
import {
	copyStore,
	isOnline,
	settled,
	startDevice,
	storeWithProfile,
	viewOf,
	when
} from './device.ts';
import { adding, Insider, newSigner, ownerOf } from './insider.ts';
import { strangerEntries, tell } from './lies.ts';
import { readUnder, traceOf } from './reading.ts';
import { makeWorld, type World } from './world.ts';
import { materialOf } from './property.ts';
import { chanceOf } from './random.ts';

let world: World;
beforeAll(async () => {
	world = await makeWorld({ seed: 31, steps: 6 });
}, 60_000);
afterAll(() => world.end(), 60_000);

const newItem = (): ItemId => idFromBytes<ItemId>(randomBytes(16));
const seed = (item: ItemId, title: string) =>
	({ type: 'seed', item, seed: { createdAtMs: 1, title, body: 'body', path: null } }) as const;

/** What a device makes of the log with an insider's entries at its end. */
async function read(insider: Insider) {
	const store = world.stores.get(4);
	if (!store) throw new Error('the history is longer');
	const device = await startDevice(world.edge.url, {
		keys: world.keys,
		store: await copyStore(store, [world.keyring, world.space])
	});
	device.liar.lie = insider.lie;
	await device.tacet.start();
	await settled(device.space);
	const { trust, setAside, setAsideAuthors, verified } = device.space.sync;
	const { items } = device.space;
	const view = await viewOf(device.space);
	const trace = traceOf(device.liar.sent, world.space);
	await device.close();
	return { trust, setAside, setAsideAuthors, seq: verified?.seq ?? 0, items, view, trace };
}

const honestView = (): string => world.views.get(world.head.seq) ?? '';

describe('a key that somebody else grants', () => {
	test('KEY-07 a wrap changed, missing or moved: nothing opens under another key, nothing is written under it', async () => {
		for (const name of ['flip a bit of a wrap', 'leave out the wraps', 'move a wrap'] as const) {
			for (const about of ['space', 'keyring'] as const) {
				const material = await materialOf(world, about, 1);
				const space = about === 'space' ? world.space : world.keyring;
				const lie = tell(name, { space, material, times: 1, after: 0 });
				const outcome = await readUnder(world, lie, { from: 0 });
				expect(lie.told).toBe(1);
				const expected = about === 'space' ? 'distrusted' : 'locked';
				expect(outcome.under, `${name} of ${about}`).toBe(expected);
				expect(outcome.trace.filter((line) => line.startsWith('append'))).toEqual([]);
			}
		}
	});

	test('KEY-06 a space that the keyring does not name is not shown, whoever wraps its key', async () => {
		const other = await makeWorld({ seed: 32, steps: 1, handle: 'mallory', edge: world.edge });
		const device = await startDevice(world.edge.url, {
			keys: world.keys,
			store: await storeWithProfile(world.reader.store)
		});
		// Mallory's whole log stands where this account's keyring names another space.
		device.liar.lie = {
			toClient(frame, { space }) {
				if (space !== world.space) return undefined;
				if (frame.type === 'hello') return [{ type: 'hello', offered: other.head }];
				if (frame.type !== 'entries') return undefined;
				return [{ type: 'entries', entries: other.entries, offered: other.head }];
			}
		};
		await device.tacet.start();
		await settled(device.space);
		expect(device.space.sync.trust).toMatchObject({ state: 'not_trusted', fault: 'wrong_space' });
		expect(device.space.items).toEqual([]);
		await device.close();
		await other.end();
	}, 60_000);

	test('KEY-06 another genesis in the place of the right one opens nothing', async () => {
		const { entries } = world;
		const [first] = entries;
		if (!first) throw new Error('a log has a beginning');
		const outcome = await readUnder(
			world,
			{
				toClient(frame, { space }) {
					if (space !== world.space || frame.type !== 'entries') return undefined;
					const keyringFirst = world.keyringEntries.slice(0, 1);
					return [{ ...frame, entries: [...keyringFirst, ...frame.entries.slice(1)] }];
				}
			},
			{ from: 0 }
		);
		expect(outcome).toMatchObject({ under: 'distrusted', fault: 'wrong_space', seq: 0 });
	});

	test('KEY-12 a member whom no owner has signed for is no member, and the device stops', async () => {
		for (const [index] of (await strangerEntries(world.entries)).entries()) {
			const material = await materialOf(world, 'space', 1);
			const lie = tell('add an entry that a stranger signed', {
				space: world.space,
				material: {
					...material,
					chance: { ...chanceOf(1), pick: (values) => values[index] as (typeof values)[number] }
				},
				times: 1,
				after: 0
			});
			const outcome = await readUnder(world, lie, { from: 4 });
			expect(lie.told).toBe(1);
			expect(outcome.under).toBe('distrusted');
			expect(['signature_invalid', 'not_a_member', 'identity_mismatch']).toContain(outcome.fault);
		}
	});
});

describe('a member who writes what their role does not allow', () => {
	for (const role of roles) {
		const may = role === 'owner' || role === 'editor';
		test(`COM-01 an entry by ${role} ${may ? 'counts' : 'stops every device, whatever the edge says'}`, async () => {
			const bob = await newSigner();
			const insider = new Insider(world);
			await insider.commit(await ownerOf(world), { admin: adding(bob, role) });
			await insider.commit(bob, { supersedes: [{ seq: 2, index: 0 }] });
			const { trust, seq } = await read(insider);
			if (may) expect(trust.state).toBe('verified');
			else expect(trust).toMatchObject({ state: 'not_trusted', fault: 'role_forbids' });
			expect(seq).toBe(world.head.seq + (may ? 2 : 1));
		});
	}

	test('COM-01, KEY-12 only an owner changes members: editors, viewers and auditors raise nobody', async () => {
		for (const role of ['editor', 'viewer', 'auditor'] as const) {
			const [bob, carl] = [await newSigner(), await newSigner()];
			const insider = new Insider(world);
			await insider.commit(await ownerOf(world), { admin: adding(bob, role) });
			await insider.commit(bob, { admin: adding(carl, 'owner') });
			const { trust, view } = await read(insider);
			expect(trust, role).toMatchObject({ state: 'not_trusted', fault: 'role_forbids' });
			expect(view).toBe(honestView());
		}
	});
});

describe('pages that an author has spoilt', () => {
	const item = newItem();
	const good = () => encodePage([seed(item, 'good')]);
	const spoilt: readonly [string, readonly Uint8Array[], ((page: Uint8Array) => Uint8Array)?][] = [
		['a tag', [good()], (page) => page.map((byte, i) => (i === page.length - 1 ? byte ^ 1 : byte))],
		['a nonce', [good()], (page) => page.map((byte, i) => (i === 0 ? byte ^ 1 : byte))],
		['the whole page', [good()], (page) => randomBytes(page.length)],
		['CBOR', [Uint8Array.of(0xff, 0xff)]],
		['the version', [encodeCbor([2, [[bytesOfId(item), 3]]])]],
		['the list of changes', [encodeCbor([1, []])]],
		['the kind of a change', [encodeCbor([1, [[bytesOfId(item), 9, null]]])]],
		['a field too many', [encodeCbor([1, [[bytesOfId(item), 3, null]]])]],
		['an id', [encodeCbor([1, [[Uint8Array.of(1), 3]]])]],
		['nothing at all', [new Uint8Array()]]
	];

	test('KEY-10 are set aside under their name, and leave no trace that tells what was wrong', async () => {
		const traces = new Set<string>();
		for (const [what, plaintexts, change] of spoilt) {
			const insider = new Insider(world);
			await insider.write(plaintexts, change);
			const { trust, setAside, setAsideAuthors, view, trace, seq } = await read(insider);
			expect(trust.state, what).toBe('verified');
			expect(setAside, what).toBe(1);
			expect(setAsideAuthors).toEqual([world.keys.account]);
			expect(view).toBe(honestView());
			expect(seq).toBe(world.head.seq + 1);
			traces.add(JSON.stringify(trace));
		}
		const insider = new Insider(world);
		await insider.write([good()]);
		const { items, setAside, trace } = await read(insider);
		expect(setAside).toBe(0);
		expect(items.some(({ title }) => title === 'good')).toBe(true);
		traces.add(JSON.stringify(trace));
		expect([...traces]).toHaveLength(1);
	});

	test('KEY-10 updates that no document takes leave the item as it was, and the log goes on', async () => {
		const other = newItem();
		for (const update of [
			new Uint8Array(),
			Uint8Array.of(1, 2, 3),
			randomBytes(300),
			brokenUpdate()
		]) {
			const insider = new Insider(world);
			await insider.write([encodePage([seed(other, 'stays')])]);
			await insider.write([encodePage([{ type: 'update', item: other, update }])]);
			await insider.write([encodePage([seed(newItem(), 'after')])]);
			const { trust, items, trace } = await read(insider);
			expect(trust.state).toBe('verified');
			expect(items.map(({ title }) => title)).toContain('stays');
			expect(items.map(({ title }) => title)).toContain('after');
			expect(trace).toEqual(['socket']);
		}
	});

	test('INT-02 a page that stood elsewhere does not open in an entry of another author, though it is signed', async () => {
		const sealed = world.entries.flatMap(({ pages }) => pages.filter((page) => page !== null));
		const insider = new Insider(world);
		for (const page of sealed) await insider.commit(await ownerOf(world), { pages: [page] });
		const { setAside, view, trust } = await read(insider);
		expect(trust.state).toBe('verified');
		expect(setAside).toBe(sealed.length);
		expect(view).toBe(honestView());
	});
});

/** Begins like an update, and ends in the middle. */
function brokenUpdate(): Uint8Array {
	const doc = new Y.Doc();
	doc.getText('body').insert(0, 'some text that is cut');
	return Y.encodeStateAsUpdate(doc).slice(0, -7);
}

describe('what is sealed', () => {
	test('CRY-01 has another nonce each time, on every device and tab', () => {
		const nonces: string[] = [];
		const runs: Set<string>[] = [];
		for (const { liar } of [world.writer, world.reader]) {
			const run = new Set<string>();
			runs.push(run);
			for (const sent of liar.sent) {
				if (sent.kind !== 'frame' || typeof sent.message === 'string') continue;
				const frame = parseClientFrame(sent.message);
				if (!frame.ok || frame.value.type !== 'append') continue;
				nonces.push(...frame.value.pages.map((page) => toHex(page.subarray(0, 24))));
				for (const page of frame.value.pages) run.add(toHex(page.subarray(0, 12)));
			}
		}
		expect(nonces.length).toBeGreaterThan(6);
		expect(new Set(nonces).size).toBe(nonces.length);
		// Devices with the same key never seal in one run.
		const prefixes = runs.flatMap((run) => [...run]);
		expect(new Set(prefixes).size).toBe(prefixes.length);
	});

	test('CRY-01 twice the same, from two copies of one store, gives other bytes', async () => {
		const pages = await Promise.all(
			[0, 1].map(async () => {
				const insider = new Insider(world);
				await insider.write([encodePage([seed(idFromBytes<ItemId>(new Uint8Array(16)), 'same')])]);
				return concatBytes(...(insider.extra[0]?.pages.filter((page) => page !== null) ?? []));
			})
		);
		const [a, b] = pages.map((page) => toHex(page.subarray(0, 12)));
		expect(a).not.toBe(b);
	});

	test('CRY-03 is as long for a short note as for one twice as long, and for any password', async () => {
		const own = await makeWorld({ seed: 33, steps: 0, handle: 'paula', edge: world.edge });
		const sizes: number[] = [];
		for (const body of ['hunter2!', 'a passphrase of 28 characters', 'x'.repeat(48)]) {
			const before = own.writer.liar.sent.length;
			expect((await own.writer.space.create({ title: 'login', body })).ok).toBe(true);
			await when(own.writer.space, () => isOnline(own.writer.space));
			for (const sent of own.writer.liar.sent.slice(before)) {
				if (sent.kind !== 'frame' || typeof sent.message === 'string') continue;
				const frame = parseClientFrame(sent.message);
				if (frame.ok && frame.value.type === 'append') {
					sizes.push(...frame.value.pages.map((page) => page.length));
				}
			}
		}
		expect(sizes).toEqual([168, 168, 168]);
		await own.end();
	}, 60_000);
});

describe('a device that was locked, or logged out', () => {
	test('THF-02 keeps nothing that could be read, and after logging out nothing at all', async () => {
		const own = await makeWorld({ seed: 34, steps: 2, handle: 'thea', edge: world.edge });
		const { writer } = own;
		const word = 'canaryStolen7Qx';
		expect((await writer.space.create({ title: word, body: word })).ok).toBe(true);
		await when(writer.space, () => isOnline(writer.space));
		await writer.tacet.lock();
		const profile = await writer.store.loadProfile();
		if (!profile.ok || profile.value === null) throw new Error('a locked device has a profile');
		const { deviceKey, deviceSecret } = profile.value;
		expect(deviceKey.privateKey.extractable).toBe(false);
		expect(deviceSecret.extractable).toBe(false);
		const bytes: Uint8Array[] = [];
		const gather = (value: unknown): void => {
			if (value instanceof Uint8Array) bytes.push(value);
			else if (typeof value === 'string') bytes.push(new TextEncoder().encode(value));
			else if (typeof value === 'object' && value !== null && !(value instanceof CryptoKey)) {
				Object.values(value).forEach(gather);
			}
		};
		gather(profile.value);
		for (const space of [own.keyring, own.space]) {
			gather(await writer.store.loadState(space));
			gather(await writer.store.loadEntries(space, 0, 1_000));
			gather(await writer.store.loadOutbox(space, 0));
			gather(await writer.store.loadPending(space));
			gather(await writer.store.loadRecord(`fault/${space}`));
		}
		const dump = Buffer.concat(bytes);
		expect(dump.length).toBeGreaterThan(2_000);
		for (const secret of [word, own.password, 'thea']) {
			expect(dump.includes(secret)).toBe(false);
			expect(dump.includes(Buffer.from(secret, 'utf16le'))).toBe(false);
		}
		expect((await writer.tacet.logOut({ discardUnsent: true })).ok).toBe(true);
		expect(await writer.store.loadProfile()).toEqual({ ok: true, value: null });
		expect(await writer.store.loadEntries(own.space, 0, 10)).toEqual({ ok: true, value: [] });
		await own.end();
	}, 60_000);
});
