// What a login shows, and to whom; and how many attempts at a password there are.
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { Account } from '../../durable-objects/account.ts';
import type { Attempts } from '../../durable-objects/account-login-store.ts';
import { loginRatePerNetwork } from '../../durable-objects/limits.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { accountObject, bindings, openEdge, origin } from './edge.ts';
import { call, newDeviceId, newDeviceJwk, newHandle, Person } from './person.ts';
import { dump, dumpEverything } from './storage.ts';
describe('login', () => {
	it('says the same of an unknown handle as of a wrong password, and writes nothing for it', async () => {
		const edge = await openEdge();
		const known = await Person.signUp(edge);
		const unknown = newHandle();
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'wrong' });
		const before = await dumpEverything();
		const fake = await call(edge, 'loginStart', { handle: unknown, ke1 });
		const again = await call(edge, 'loginStart', { handle: unknown, ke1 });
		const finish = async (handle: string, login: string) =>
			call(edge, 'loginFinish', {
				...{ handle, login, ke3: toBase64Url(randomBytes(64)) },
				device: {
					id: newDeviceId(),
					jwk: await newDeviceJwk(),
					binding: toBase64Url(randomBytes(32))
				},
				...{ whenFull: 'end_oldest', after: 0, keep: 'answer' }
			});
		const fakeFailure = await finish(unknown, fake.body.login);
		expect(await dumpEverything()).toBe(before);

		const real = await call(edge, 'loginStart', { handle: known.handle, ke1 });
		expect(fake.status).toBe(real.status);
		const shape = (body: object) =>
			Object.entries(body).map(([name, value]) => [name, String(value).length]);
		expect(shape(fake.body)).toEqual(shape(real.body));
		expect(again.body.handleHash).toBe(fake.body.handleHash);
		// The same evaluated element each time (RFC 9807 §6.3.2.2), as for a record that is there.
		expect(again.body.ke2.slice(0, 42)).toBe(fake.body.ke2.slice(0, 42));
		expect(fakeFailure).toEqual({ status: 401, body: { error: { code: 'login_failed' } } });
		expect(await finish(known.handle, real.body.login)).toEqual(fakeFailure);
		expect(await dump(accountObject(fake.body.handleHash))).toEqual({});
	});

	it('fails with a wrong password', async () => {
		const ada = await Person.signUp(await openEdge());
		expect(await ada.login(newDeviceId(), { password: 'wrong horse' })).toBeNull();
	});

	it('takes each last message once, and none from another login', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [first, second] = [await ada.login(), await ada.login()];
		if (first === null || second === null) throw new Error('the password is the right one');
		const crossed = { ...first, login: second.login };
		expect((await call(edge, 'loginFinish', crossed)).status).toBe(401);
		expect((await call(edge, 'loginFinish', first)).status).toBe(200);
		expect((await call(edge, 'loginFinish', first)).status).toBe(401);
		expect((await call(edge, 'loginFinish', second)).status).toBe(401);
	});

	it('binds the device key to the password, the origin and nothing else', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const relayed = await ada.login(newDeviceId(), { origin: 'https://evil.test' });
		const swapped = await ada.login();
		if (relayed === null || swapped === null) throw new Error('the password is the right one');
		expect((await call(edge, 'loginFinish', relayed)).status).toBe(401);
		const device = { ...swapped.device, jwk: await newDeviceJwk() };
		expect((await call(edge, 'loginFinish', { ...swapped, device })).status).toBe(401);
	});

	it('refuses a device key that is no point of the curve', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [x, y] = [toBase64Url(randomBytes(32)), toBase64Url(randomBytes(32))];
		const login = await ada.login(newDeviceId(), { jwk: { kty: 'EC', crv: 'P-256', x, y } });
		if (login === null) throw new Error('the password is the right one');
		expect((await call(edge, 'loginFinish', login)).body).toEqual({ error: { code: 'malformed' } });
	});

	it('is refused after too many attempts from one network, and not to another', async () => {
		const home = await openEdge();
		const ada = await Person.signUp(home);
		const elsewhere = await openEdge();
		const { startLoginRequest: ke1 } = elsewhere.opaque.startLogin({ password: 'guess' });
		for (const handle of [ada.handle, newHandle()]) {
			const attempts = Array.from({ length: loginRatePerNetwork.burst + 5 }, () =>
				call(elsewhere, 'loginStart', { handle, ke1 })
			);
			const statuses = (await Promise.all(attempts)).map(({ status }) => status);
			expect(statuses.filter((status) => status === 200)).toHaveLength(loginRatePerNetwork.burst);
			expect(statuses.filter((status) => status === 429)).toHaveLength(5);
		}
		await expect(ada.logIn()).resolves.toBeDefined();
	});

	it('counts attempts through the sleep of the object', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'guess' });
		const start = () => call(edge, 'loginStart', { handle: ada.handle, ke1 });
		const { handleHash } = (await start()).body;
		for (let attempt = 1; attempt < loginRatePerNetwork.burst; attempt++) await start();
		// The object as it would wake: one with a login in progress is not put to sleep.
		const refused = await runInDurableObject(
			accountObject(handleHash),
			async (_object: Account, state: DurableObjectState) => {
				const network = networkOf(state);
				const woken = new Account(state, bindings);
				return woken.loginStart({ handle: ada.handle, ke1 }, { origin, network, where: null });
			}
		);
		expect(refused).toMatchObject({ ok: false, error: { code: 'rate_limited' } });
	});
});

describe('attempts at a password', () => {
	it('are no more for whoever makes the object restart between them', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'guess' });
		const start = () => call(edge, 'loginStart', { handle: ada.handle, ke1 });
		const { handleHash } = (await start()).body;
		await runInDurableObject(accountObject(handleHash), async (_object: Account, state) => {
			const network = networkOf(state);
			let passed = 1;
			for (let restart = 0; restart < 10; restart++) {
				const woken = new Account(state, bindings);
				const attempts = Array.from({ length: 5 }, () =>
					woken.loginStart({ handle: ada.handle, ke1 }, { origin, network, where: null })
				);
				passed += (await Promise.all(attempts)).filter(({ ok }) => ok).length;
			}
			expect(passed).toBe(loginRatePerNetwork.burst);
		});
	});

	it('count no more for whoever knew it, and still for whoever did not', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'guess' });
		const start = () => call(edge, 'loginStart', { handle: ada.handle, ke1 });
		const { handleHash } = (await start()).body;
		const arrivalsOf = async () => {
			const [row] = (await dump(accountObject(handleHash)))['login_attempts'] ?? [];
			const attempts = JSON.parse(row?.['attempts'] as string) as Record<string, Attempts>;
			const { '': total, ...networks } = attempts;
			return [total, Object.values(networks)[0]].map((counted) => counted?.arrivalMs);
		};
		const [guessed = NaN] = await arrivalsOf();
		await ada.logIn();
		await start();
		// The guess before, and this one; the network of the login began afresh.
		const [total = NaN, here = NaN] = await arrivalsOf();
		expect(total - guessed).toBeLessThanOrEqual(loginRatePerNetwork.intervalMs);
		expect(total - here).toBeGreaterThan(loginRatePerNetwork.intervalMs / 2);
	});
});

/** The network that an account has counted attempts from. */
function networkOf({ storage }: DurableObjectState): string {
	const { attempts } = storage.sql
		.exec<{ attempts: string }>('SELECT attempts FROM login_attempts')
		.one();
	const names = Object.keys(JSON.parse(attempts) as object);
	return names.find((name) => name !== '') ?? '';
}
