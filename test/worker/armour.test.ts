// What meets a request before anything is looked up for it: how it came, from which page, from which
// network, and how often.
import { describe, expect, it } from 'vitest';
import { createApp } from '../../worker/app.ts';
import {
	loginRatePerAccount,
	loginRatePerNetwork,
	networkRates
} from '../../durable-objects/limits.ts';
import type { Env } from '../../durable-objects/env.ts';
import { routes, spaceSocketPath, type RouteName } from '../../protocol/http.ts';
import { idFromBytes, type SpaceId } from '../../protocol/ids.ts';
import { bindings, fetchWorker, openEdge, origin } from '../durable-objects/edge.ts';
import { newHandle } from '../durable-objects/person.ts';

const names = Object.keys(routes) as RouteName[];
const socketPath = spaceSocketPath(idFromBytes<SpaceId>(new Uint8Array(16)));

/** Asks the Worker's own code, in an environment that is changed in one place. */
const askWith = (
	env: Partial<Env>,
	path: string,
	{ cf, ...init }: RequestInit & { cf?: unknown } = {}
): Promise<Response> => {
	const request = new Request(origin + path, init);
	if (cf !== undefined) Object.defineProperty(request, 'cf', { value: cf });
	return Promise.resolve(createApp().fetch(request, { ...bindings, ...env }));
};

const codeOf = (answer: Response): string | null => answer.headers.get('Tacet-Code');

describe('TLS', () => {
	const paths = [...names.map((name) => routes[name].path), socketPath, '/v1/nothing'];

	it.each(paths)('before 1.3 is refused, whatever is asked of %s', async (path) => {
		for (const tlsVersion of ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'SSLv3', 'none', '', undefined, 7]) {
			const answer = await askWith({ TACET_TLS: '1.3' }, path, { cf: { tlsVersion } });
			expect([answer.status, codeOf(answer)]).toEqual([403, 'tls_too_old']);
		}
	});

	it('that nobody speaks of is refused, and so is every setting but the one word', async () => {
		for (const TACET_TLS of ['1.3', '', 'ANY', '1.2', undefined]) {
			const answer = await askWith({ TACET_TLS } as Partial<Env>, '/v1/health');
			expect(codeOf(answer)).toBe('tls_too_old');
		}
	});

	it('1.3 is let in, also inside of QUIC; and any, where that is the setting', async () => {
		for (const tlsVersion of ['TLSv1.3', 'QUIC']) {
			const answer = await askWith({ TACET_TLS: '1.3' }, '/v1/health', { cf: { tlsVersion } });
			expect(answer.status).toBe(200);
		}
		const cf = { tlsVersion: 'TLSv1.2' };
		expect((await askWith({ TACET_TLS: 'any' }, '/v1/health', { cf })).status).toBe(200);
	});
});

describe('a request that a browser makes for another site', () => {
	it.each([...names.map((name) => routes[name]), { path: socketPath, method: 'GET' }])(
		'to $path is refused, also when it says nothing of its origin',
		async ({ path, method }) => {
			for (const site of ['cross-site', 'same-site', '', 'x']) {
				const headers = { 'Sec-Fetch-Site': site, Upgrade: 'websocket' };
				expect(codeOf(await fetchWorker(path, { method, headers }))).toBe('forbidden');
			}
		}
	);

	it('is answered when it is our own page, or a person', async () => {
		for (const site of ['same-origin', 'none']) {
			const answer = await fetchWorker('/v1/health', { headers: { 'Sec-Fetch-Site': site } });
			expect(answer.status).toBe(200);
		}
	});
});

describe('the outer guard', () => {
	const post = (env: Partial<Env>, address: string) =>
		askWith(env, routes.registrationStart.path, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json', 'CF-Connecting-IP': address },
			body: JSON.stringify({
				...{ handle: newHandle(), invite: null },
				registrationRequest: 'A'.repeat(43)
			})
		});

	/** Objects that are named in an environment, whatever they are then asked. */
	function watched(): { readonly env: Partial<Env>; readonly woken: string[] } {
		const woken: string[] = [];
		const watch = <Name extends 'ACCOUNT' | 'SPACE' | 'DEPLOYMENT' | 'LIMITER'>(name: Name) => ({
			getByName: (object: string) => {
				woken.push(name);
				return bindings[name].getByName(object);
			}
		});
		const env = {
			...{ ACCOUNT: watch('ACCOUNT'), SPACE: watch('SPACE') },
			...{ DEPLOYMENT: watch('DEPLOYMENT'), LIMITER: watch('LIMITER') }
		};
		return { env: env as unknown as Partial<Env>, woken };
	}

	it('EDG-04 stops a flood of one network before any object wakes', async () => {
		const { env, woken } = watched();
		const { RATE_LIMITER } = bindings;
		const key = 'c0000209';
		// The platform counts by windows of ten seconds, one of which may end just now.
		for (let windows = 0; windows < 20; windows++) {
			while ((await RATE_LIMITER?.limit({ key }))?.success === true);
			woken.length = 0;
			const answer = await post(env, '192.0.2.9');
			if (answer.status !== 429) continue;
			expect([codeOf(answer), answer.headers.get('Retry-After')]).toEqual(['rate_limited', '10']);
			expect(woken).toEqual([]);
			return;
		}
		expect.fail('no request was refused');
	});

	it('EDG-04 leaves it to the exact count of a network how many reach an account', async () => {
		const { env, woken } = watched();
		const rest = { ...env, RATE_LIMITER: undefined } as unknown as Partial<Env>;
		const startedAtMs = Date.now();
		const { burst, intervalMs } = networkRates.registration;
		await Promise.all(Array.from({ length: 3 * burst }, () => post(rest, '192.0.2.9')));
		const asked = woken.filter((name) => name === 'ACCOUNT').length;
		expect(asked).toBeGreaterThanOrEqual(burst);
		expect(asked).toBeLessThanOrEqual(burst + 1 + (Date.now() - startedAtMs) / intervalMs);
	});

	it('takes the addresses of one subscriber for one, and each IPv4 address for itself', async () => {
		const keys: string[] = [];
		const RATE_LIMITER = {
			limit: ({ key }: { key: string }) => {
				keys.push(key);
				return Promise.resolve({ success: false });
			}
		};
		const addresses = [
			...['2001:db8:0:7::1', '2001:0DB8::7:ffff:1:2:3', '2001:db8:0:8::1'],
			...['198.51.100.7', '::ffff:198.51.100.7', '198.51.100.8']
		];
		for (const address of addresses) {
			expect((await post({ RATE_LIMITER }, address)).status).toBe(429);
		}
		expect(keys).toEqual([
			...['20010db800000007', '20010db800000007', '20010db800000008'],
			...['c6336407', 'c6336407', 'c6336408']
		]);
	});

	it('is not missed where there is none', async () => {
		const env = { RATE_LIMITER: undefined } as unknown as Partial<Env>;
		expect((await post(env, '192.0.2.10')).status).not.toBe(429);
	});
});

describe('guesses at one account', () => {
	const guess = async (handle: string, headers: Record<string, string>): Promise<Response> => {
		const { opaque } = await openEdge();
		const { startLoginRequest: ke1 } = opaque.startLogin({ password: 'x' });
		// A shield that is fresh wherever the platform asks it: it refuses nobody.
		const env = { RATE_LIMITER: undefined } as unknown as Partial<Env>;
		return askWith(env, routes.loginStart.path, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json', ...headers },
			body: JSON.stringify({ handle, ke1 })
		});
	};
	const statusesOf = async (asked: readonly Promise<Response>[]): Promise<number[]> =>
		(await Promise.all(asked)).map(({ status }) => status);

	it('EDG-02 from 300 networks at once, seen by 300 places of the platform, are counted as one by one', async () => {
		const handle = newHandle();
		const asked = Array.from({ length: 300 }, (_, index) =>
			guess(handle, { 'CF-Connecting-IP': `2001:db8:${index.toString(16)}::1` })
		);
		const statuses = await statusesOf(asked);
		expect(statuses.filter((status) => status === 200)).toHaveLength(loginRatePerAccount.burst);
		expect(statuses.filter((status) => status === 429)).toHaveLength(
			300 - loginRatePerAccount.burst
		);
	}, 120_000);

	it('EDG-02 from one network are not more for another address of it, nor for what a client says of itself', async () => {
		const handle = newHandle();
		const asked = Array.from({ length: 60 }, (_, index) => {
			const claimed = `203.0.113.${String(index)}`;
			return guess(handle, {
				'CF-Connecting-IP': `2001:db8:ffff:1:${index.toString(16)}:${index.toString(16)}::7`,
				...{ 'X-Forwarded-For': claimed, 'X-Real-IP': claimed, 'True-Client-IP': claimed },
				...{ Forwarded: `for=${claimed}`, 'CF-Connecting-IPv6': claimed }
			});
		});
		const statuses = await statusesOf(asked);
		expect(statuses.filter((status) => status === 200)).toHaveLength(loginRatePerNetwork.burst);
	}, 120_000);
});
