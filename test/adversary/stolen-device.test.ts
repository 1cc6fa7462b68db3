// Who has a copy of a locked device, and time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import {
	loadOpaque,
	newDevice,
	newHandle,
	password,
	signedUp,
	startEdge,
	type Edge
} from '../client/edge.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const allPins = function* (): Generator<string> {
	for (let pin = 0; pin < 1_000_000; pin += 1) yield String(pin).padStart(6, '0');
};

describe('a thief of a locked device', () => {
	test('THF-01 finds nothing that any of a million PINs opens: none of them can be a password', async () => {
		const core = startCryptoInProcess(loadOpaque);
		let taken = 0;
		for (const pin of allPins()) {
			const started = await core.port.startRegistration(pin);
			if (started.ok || started.error !== 'password_too_short') taken += 1;
		}
		expect(taken).toBe(0);
		core.end();
	}, 120_000);

	test('THF-01 can’t even try passwords without the edge, unless the person chose that', async () => {
		const owner = await signedUp(edge, newHandle());
		await owner.tacet.lock();
		const profile = await owner.store.loadProfile();
		if (!profile.ok || profile.value === null) throw new Error('a locked device has a profile');
		expect(profile.value.deviceKeyslot).toBeNull();
		const stolen = createMemoryStore();
		await stolen.saveProfile(profile.value);
		const asked: string[] = [];
		const thief = await newDevice(edge, {
			store: stolen,
			fetch: (url) => {
				asked.push(new URL(url instanceof Request ? url.url : url).pathname);
				return Promise.reject(new TypeError('no network'));
			}
		});
		expect(thief.tacet.state).toMatchObject({ phase: 'locked', offlineUnlock: false });
		// The right password and a wrong one are refused alike: nothing here tells them apart.
		for (const guess of [password, '123456', 'not the password']) {
			const tried = await thief.tacet.unlock({ password: guess });
			expect(tried).toEqual({ ok: false, error: { code: 'offline' } });
		}
		expect(new Set(asked)).toEqual(new Set(['/v1/login/start']));
		await thief.tacet.close();
		await owner.tacet.close();
	});
});
