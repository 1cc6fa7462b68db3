// How a device shows its key to an edge that has forgotten what it gave.
import { describe, expect, test } from 'vitest';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import {
	bodyOf,
	newHandle,
	newWire,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	until,
	valueOf,
	type Device
} from './edge.ts';

const sealedSessionOf = async ({ store }: Device): Promise<Uint8Array | null> => {
	const profile = await store.loadProfile();
	return profile.ok ? (profile.value?.sealedSession ?? null) : null;
};

describe('an edge that has slept', () => {
	test('costs each socket one opening more, and no new tokens', async () => {
		const lonely = await startEdge();
		const wire = newWire(encodeSpaceFrame);
		const ends: string[] = [];
		class Noted extends wire.WebSocket {
			constructor(url: string | URL, protocols?: string | string[]) {
				super(url, protocols);
				super.addEventListener('close', (event: unknown) => {
					const { code, reason } = event as CloseEvent;
					ends.push(`${String(code)} ${reason.split(' ')[0] ?? ''}`);
				});
			}
		}
		const device = await signedUp(lonely, newHandle(), { WebSocket: Noted });
		const space = spaceOf(device);
		await space.create({ title: 'Before', body: 'it slept' });
		await synced(space);
		const session = await sealedSessionOf(device);
		const problems = new Set<unknown>();
		const stop = space.subscribe(() => problems.add(space.sync.problem));

		await lonely.kill();
		await until(space, () => space.sync.connection !== 'online');
		await lonely.restart();
		space.syncNow();
		await space.create({ title: 'After', body: 'it slept' });
		await synced(space);
		stop();

		expect(await bodyOf(space, 'After')).toBe('it slept');
		const stale = ends.filter((end) => end === '4401 use_dpop_nonce');
		// The keyring's and the space's; whoever is first tells the other one, perhaps.
		expect([1, 2]).toContain(stale.length);
		expect(problems.has('logged_out')).toBe(false);
		expect(await sealedSessionOf(device)).toEqual(session);
		expect((await device.tacet.account()).ok).toBe(true);
		await device.tacet.close();
		await lonely.remove();
	});

	test('is asked again at once by whoever asks by HTTP', async () => {
		const lonely = await startEdge();
		const asked: string[] = [];
		const device = await signedUp(lonely, newHandle(), {
			fetch: async (url, init) => {
				const answer = await fetch(url, init);
				const { pathname } = new URL(answer.url);
				asked.push(`${pathname} ${answer.headers.get('tacet-code') ?? String(answer.status)}`);
				return answer;
			}
		});
		await synced(spaceOf(device));
		await lonely.kill();
		await lonely.restart();
		asked.length = 0;
		valueOf(await device.tacet.account());
		expect(asked.filter((what) => what.startsWith('/v1/account'))).toContain(
			'/v1/account/read 200'
		);
		expect(asked.filter((what) => what === '/v1/account/read use_dpop_nonce').length).toBeLessThan(
			2
		);
		await device.tacet.close();
		await lonely.remove();
	});
});
