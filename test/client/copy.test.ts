import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { CryptoPort } from '../../client/crypto-port.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import {
	loadOpaque,
	loggedIn,
	newDevice,
	newHandle,
	password,
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

test('a copied profile is noticed, and goes on under a new name with nothing lost', async () => {
	const handle = newHandle();
	const original = await signedUp(edge, handle);
	await spaceOf(original).create({ title: 'Original' });
	await synced(spaceOf(original));
	const profile = await original.store.loadProfile();
	if (!profile.ok || profile.value === null) throw new Error('no profile');
	await original.tacet.close();

	const store = createMemoryStore();
	await store.saveProfile(profile.value);
	const copy = await newDevice(edge, { store });
	expect(await copy.tacet.unlock({ password })).toMatchObject({ ok: true });
	await until(spaceOf(copy), () => spaceOf(copy).sync.problem === 'device_copied');
	await spaceOf(copy).create({ title: 'By the copy' });
	expect(spaceOf(copy).sync.waiting).toBe(1);
	// What has to stand on a log first is not waited for.
	expect(await copy.tacet.createSpace({ name: 'By the copy' })).toMatchObject({
		...{ ok: false, error: { code: 'device_copied' } }
	});
	expect(await spaceOf(copy).rotate()).toMatchObject({ error: { code: 'device_copied' } });
	const before = copy.tacet.state.phase === 'unlocked' && copy.tacet.state.device;

	await copy.tacet.lock();
	expect(await copy.tacet.unlock({ password })).toMatchObject({ ok: true });
	await synced(spaceOf(copy));
	expect(spaceOf(copy).sync.problem).toBeNull();
	expect(copy.tacet.state.phase === 'unlocked' && copy.tacet.state.device).not.toBe(before);
	const reader = await loggedIn(edge, handle);
	await synced(spaceOf(reader));
	const titles = spaceOf(reader).items.map(({ title }) => title);
	expect(titles.sort()).toEqual(['By the copy', 'Original']);
	await Promise.all([copy.tacet.close(), reader.tacet.close()]);
});

test('a page that opens to nonsense is set aside under its author, and the log goes on', async () => {
	const handle = newHandle();
	let spoils = false;
	const spoiling = () => {
		const core = startCryptoInProcess(loadOpaque);
		const formCommits: CryptoPort['formCommits'] = (device, drafts) =>
			core.port.formCommits(
				device,
				drafts.map((draft) => (spoils ? { ...draft, pages: [Uint8Array.of(1, 2, 3)] } : draft))
			);
		const port = new Proxy(core.port, {
			get: (target, name) => {
				const value: unknown = Reflect.get(target, name, target);
				if (name === 'formCommits') return formCommits;
				return typeof value === 'function' ? (value.bind(target) as unknown) : value;
			}
		});
		return {
			port,
			end() {
				core.end();
			}
		};
	};
	const writer = await signedUp(edge, handle, { startCrypto: spoiling });
	await synced(spaceOf(writer));
	const reader = await loggedIn(edge, handle);
	await synced(spaceOf(reader));
	spoils = true;
	await spaceOf(writer).create({ title: 'Nonsense' });
	await until(spaceOf(reader), () => spaceOf(reader).sync.setAside === 1);
	spoils = false;
	await synced(spaceOf(writer));
	await spaceOf(writer).create({ title: 'Sense' });
	await until(spaceOf(reader), () => spaceOf(reader).items.length === 1);
	const { sync, items } = spaceOf(reader);
	expect(items.map(({ title }) => title)).toEqual(['Sense']);
	expect(sync.trust).toEqual({ state: 'verified' });
	const author = writer.tacet.state.phase === 'unlocked' && writer.tacet.state.account;
	expect(sync.setAsideAuthors).toEqual([author]);
	await Promise.all([writer.tacet.close(), reader.tacet.close()]);
});
