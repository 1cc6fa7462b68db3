// How often a password may be tried, as time goes by: whatever is asked at once, whenever the object
// forgets what it had in memory, and whoever else is trying.
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import type { AccountLoginStore, Attempts } from '../../durable-objects/account-login-store.ts';
import {
	loginFailuresKeptMs,
	loginFailuresPerDoubling,
	loginRatePerAccount,
	loginRatePerNetwork,
	maxLoginIntervalMs,
	maxNetworksRemembered
} from '../../durable-objects/limits.ts';
import { Account } from '../../durable-objects/account.ts';
import { LoginBudget, loginCostMs, type Attempter } from '../../durable-objects/login-budget.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { accountObject, bindings, openEdge } from './edge.ts';
import { call, newDeviceId, newHandle, Person, type Edge } from './person.ts';
import { keyOf, newBoundKey, proofBy } from './proving.ts';
import { dump, dumpEverything } from './storage.ts';

const { burst, intervalMs } = loginRatePerNetwork;

interface Memory {
	readonly store: AccountLoginStore;
	saved: number;
}

/** What outlives an object: nothing of what it has in memory. */
function memory(): Memory {
	let kept = '[]';
	const own: Memory = { saved: 0, store: null as unknown as AccountLoginStore };
	const store: Pick<AccountLoginStore, keyof AccountLoginStore> = {
		isKept: true,
		loadAttempts: () => new Map(JSON.parse(kept) as [string | null, Attempts][]),
		saveAttempts: (attempts) => {
			own.saved += 1;
			kept = JSON.stringify([...attempts]);
		}
	};
	return Object.assign(own, { store: store as AccountLoginStore });
}

const from = (network: string): Attempter => ({ network, device: null });

interface Guesses {
	readonly passedAtMs: readonly number[];
	readonly nowMs: number;
}

/** As many guesses as get through, each as soon as the refusal before said. */
function guess(
	budget: () => LoginBudget,
	{ wanted, startMs = 0 }: { readonly wanted: number; readonly startMs?: number }
): Guesses {
	const passedAtMs: number[] = [];
	let nowMs = startMs;
	while (passedAtMs.length < wanted) {
		const taken = budget().take(from('here'), nowMs);
		if (taken.ok) passedAtMs.push(nowMs);
		else nowMs += 1_000 * (taken.error.retryAfterSeconds ?? NaN);
	}
	return { passedAtMs, nowMs };
}

describe('failures', () => {
	it('make the next attempt rarer, twice as rare after each twenty, up to one an hour', () => {
		expect(loginCostMs(0)).toBe(30_000);
		expect(loginCostMs(loginFailuresPerDoubling - 1)).toBe(30_000);
		expect(loginCostMs(loginFailuresPerDoubling)).toBe(60_000);
		expect(loginCostMs(5 * loginFailuresPerDoubling)).toBe(960_000);
		expect(loginCostMs(7 * loginFailuresPerDoubling)).toBe(maxLoginIntervalMs);
		expect(loginCostMs(1e9)).toBe(3_600_000);
		const budget = new LoginBudget(memory().store);
		const { passedAtMs } = guess(() => budget, { wanted: 200 });
		const gapsMs = passedAtMs.slice(1).map((ms, index) => ms - (passedAtMs[index] ?? NaN));
		expect(gapsMs.slice(0, burst - 1)).toEqual(new Array(burst - 1).fill(0));
		// What an attempt cost is what the one after it waits for.
		expect(gapsMs.slice(burst)).toEqual(
			passedAtMs.slice(burst + 1).map((_, index) => loginCostMs(burst + index))
		);
		expect(gapsMs.at(-1)).toBe(maxLoginIntervalMs);
	});

	it('are told of with the time after which, and not before which, the next is let through', () => {
		const { store } = memory();
		const budget = new LoginBudget(store);
		const { nowMs } = guess(() => budget, { wanted: burst + 30 });
		const refused = budget.take(from('here'), nowMs);
		if (refused.ok) throw new Error('it has just been tried');
		const waitMs = 1_000 * (refused.error.retryAfterSeconds ?? NaN);
		expect(waitMs).toBeGreaterThan(intervalMs);
		expect(new LoginBudget(store).take(from('here'), nowMs + waitMs - 1_001).ok).toBe(false);
		expect(budget.take(from('here'), nowMs + waitMs).ok).toBe(true);
	});

	it('tell of the longer wait where the network and the total both refuse', () => {
		const budget = new LoginBudget(memory().store);
		const { nowMs } = guess(() => budget, { wanted: 3 * loginFailuresPerDoubling + burst });
		const asked = 2 * loginRatePerAccount.burst;
		for (let index = 0; index < asked; index++) budget.take(from(String(index)), nowMs);
		const refusedFor = (network: string) => {
			const taken = budget.take(from(network), nowMs);
			return taken.ok ? 0 : taken.error.retryAfterSeconds;
		};
		expect([refusedFor('never seen'), refusedFor('here')]).toEqual([30, 240]);
	});

	it('are the same for whoever makes the object restart before each attempt', () => {
		const [awake, { store }] = [new LoginBudget(memory().store), memory()];
		const one = guess(() => awake, { wanted: 120 });
		const other = guess(() => new LoginBudget(store), { wanted: 120 });
		expect(other).toEqual(one);
	});

	it('are forgotten by a success, there alone, and also by whoever sleeps then', () => {
		const { store } = memory();
		const budget = new LoginBudget(store);
		const { nowMs } = guess(() => budget, { wanted: 90 });
		while (budget.take(from('there'), nowMs).ok);
		budget.refund(from('here'));
		for (const later of [budget, new LoginBudget(store)]) {
			expect(later.take(from('there'), nowMs).ok).toBe(false);
		}
		const woken = new LoginBudget(store);
		for (let left = burst; left > 0; left--) expect(woken.take(from('here'), nowMs).ok).toBe(true);
		expect(woken.take(from('here'), nowMs)).toMatchObject({ error: { retryAfterSeconds: 30 } });
	});

	it('that there are none of cost a success no row', () => {
		const kept = memory();
		const budget = new LoginBudget(kept.store);
		budget.take(from('here'), 0);
		budget.refund(from('here'));
		expect(kept.saved).toBe(1);
		budget.take(from('here'), 1);
		budget.take(from('here'), 2);
		budget.refund(from('here'));
		expect(kept.saved).toBe(4);
	});

	it('gain nobody more who waits until they are forgotten than who goes on', () => {
		for (let wanted = burst; wanted < 200; wanted += 5) {
			const { store } = memory();
			guess(() => new LoginBudget(store), { wanted });
			const untilMs = store.loadAttempts().get('here')?.arrivalMs ?? NaN;
			expect(new LoginBudget(store).take(from('here'), untilMs + loginFailuresKeptMs).ok).toBe(
				true
			);
			const kept = store.loadAttempts().get('here')?.failures;
			expect(kept).toBe(wanted + 1);
			expect(wanted / (untilMs + loginFailuresKeptMs)).toBeLessThan(1 / maxLoginIntervalMs);
		}
	});

	it('are remembered of so many networks at most, the newest', () => {
		const { store } = memory();
		for (let index = 0; index < 3 * maxNetworksRemembered; index++) {
			new LoginBudget(store).take(from(String(index)), index * loginRatePerAccount.intervalMs);
		}
		const kept = [...store.loadAttempts().keys()];
		expect(kept.length).toBeLessThanOrEqual(maxNetworksRemembered);
		expect(kept).toContain(null);
		expect(kept).toContain(String(3 * maxNetworksRemembered - 1));
	});
});

interface Stage {
	readonly ada: Person;
	readonly home: Awaited<ReturnType<Person['logIn']>>;
	readonly stub: ReturnType<typeof accountObject>;
	readonly ke1: string;
	/** From a network of its own: status and Retry-After. */
	readonly elsewhere: () => Promise<Edge>;
}

async function onStage(): Promise<Stage> {
	const edge = await openEdge();
	const ada = await Person.signUp(edge);
	const home = await ada.logIn();
	const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'guess' });
	const stub = accountObject(home.answer.handleHash);
	return { ada, home, stub, ke1, elsewhere: openEdge };
}

/** Until nobody gets through who is not known, from anywhere. */
async function flood({ ada, ke1, elsewhere }: Stage): Promise<void> {
	const networks = Math.ceil(loginRatePerAccount.burst / burst) + 1;
	for (let network = 0; network < networks; network++) {
		const edge = await elsewhere();
		const asked = Array.from({ length: burst + 1 }, () =>
			call(edge, 'loginStart', { handle: ada.handle, ke1 })
		);
		await Promise.all(asked);
	}
	const asked = await call(await elsewhere(), 'loginStart', { handle: ada.handle, ke1 });
	expect(asked.status).toBe(429);
}

describe('a known device', () => {
	it('EDG-04, PWD-06 gets in while its account is flooded, and nobody else does', async () => {
		const stage = await onStage();
		await flood(stage);
		const { ada, home } = stage;
		await expect(ada.login(newDeviceId())).rejects.toThrow('rate_limited');
		const request = await ada.login(home.device, { knownBy: home.token });
		if (request === null) throw new Error('the password is the right one');
		expect((await call(ada.edge, 'loginFinish', request)).status).toBe(200);
	});

	it('EDG-04 steps up while its account is flooded', async () => {
		const stage = await onStage();
		await flood(stage);
		const { ada, home, ke1 } = stage;
		expect((await call(ada.edge, 'stepUpStart', { ke1 }, home.token)).status).toBe(200);
	});

	it('has a budget of its own, which nobody else’s failures touch, nor its own theirs', async () => {
		const { ada, home, ke1, elsewhere, stub } = await onStage();
		const other = await ada.logIn();
		const asked = (edge: Edge, token?: string) =>
			call(edge, 'loginStart', { handle: ada.handle, ke1 }, token);
		// Each from another network: what is counted is the device.
		const statuses = [];
		for (let tries = 0; tries < burst + 3; tries++) {
			statuses.push((await asked(await elsewhere(), home.token)).status);
		}
		expect(statuses.filter((status) => status === 200)).toHaveLength(burst);
		expect(statuses.slice(burst)).toEqual([429, 429, 429]);
		expect((await asked(ada.edge, other.token)).status).toBe(200);
		expect((await asked(ada.edge)).status).toBe(200);
		const [row] = (await dump(stub))['login_attempts'] ?? [];
		expect(Object.keys(JSON.parse(row?.['attempts'] as string) as object)).toEqual(
			expect.arrayContaining([`device:${home.device}`, `device:${other.device}`])
		);
	});

	it('SES-02 is one no more once its session has ended, or its device was removed', async () => {
		const stage = await onStage();
		const { ada, home, ke1 } = stage;
		const [ended, removed] = [await ada.logIn(), await ada.logIn()];
		await flood(stage);
		const statusBy = async (token: string) => {
			const asked = { handle: ada.handle, ke1 };
			return (await call(ada.edge, 'loginStart', asked, token)).status;
		};
		for (const { token } of [ended, removed]) expect(await statusBy(token)).toBe(200);
		const sessions = [ended.answer.session.id];
		expect((await call(ada.edge, 'sessionsEnd', { sessions }, home.token)).status).toBe(200);
		const removal = { type: 'device_remove', device: removed.device } as const;
		expect((await ada.change(home.token, removal)).status).toBe(200);
		for (const { token } of [ended, removed]) expect(await statusBy(token)).toBe(429);
		expect(await statusBy(home.token)).toBe(200);
	});

	it('is not who shows a proof of another request, another address, by another key, or none', async () => {
		const stage = await onStage();
		await flood(stage);
		const { ada, home, ke1 } = stage;
		const body = JSON.stringify({ handle: ada.handle, ke1 });
		const url = `${ada.edge.origin}/v1/login/start`;
		const request = { method: 'POST', url, body };
		const own = keyOf(home.token);
		const ask = async (proof: string) => {
			const headers = { 'Content-Type': 'application/json', DPoP: proof };
			return ada.edge.send('/v1/login/start', { method: 'POST', headers, body });
		};
		const good = await proofBy(own, request, null);
		expect((await ask(good)).status).toBe(200);
		const [header = '', claims = '', signature = ''] = good.split('.');
		const other = await proofBy(await newBoundKey(), request, null);
		const wrong = [
			await proofBy(own, { ...request, body: body.replace(ke1, 'A'.repeat(128)) }, null),
			await proofBy(own, { ...request, url: `${ada.edge.origin}/v1/login/finish` }, null),
			await proofBy(own, { ...request, url: 'https://other.test/v1/login/start' }, null),
			await proofBy(own, { ...request, method: 'GET' }, null),
			await proofBy(own, request, home.token),
			other,
			[header, ...other.split('.').slice(1)].join('.'),
			[header, claims, toBase64Url(randomBytes(64))].join('.'),
			`${header}.${claims}.`,
			`${good}, ${good}`,
			signature,
			'x'
		];
		for (const proof of wrong) expect((await ask(proof)).status, proof).toBe(429);
	});

	it('PWD-05 of an unknown handle is answered as one of a known handle, and nothing is written', async () => {
		const stage = await onStage();
		const { ada, home, ke1 } = stage;
		const unknown = newHandle();
		const before = await dumpEverything();
		const shape = async (handle: string, token: string) => {
			const { status, body } = await call(ada.edge, 'loginStart', { handle, ke1 }, token);
			return {
				status,
				lengths: [body.login, body.ke2, body.handleHash].map(({ length }) => length)
			};
		};
		const strangers = [await shape(unknown, home.token), await shape(unknown, 'stray')];
		expect(await dumpEverything()).toBe(before);
		const known = [await shape(ada.handle, home.token), await shape(ada.handle, 'stray')];
		expect(strangers).toEqual(known);
	});
});

describe('an account', () => {
	it('makes attempts rarer after failures, also if it ends among them and they come at once', async () => {
		const { ada, ke1, stub } = await onStage();
		const place = { origin: ada.edge.origin, network: 'there', where: null };
		await runInDurableObject(stub, async (_object: Account, state) => {
			/** Wakes it, as with nothing but what it has written down; asks for so many at once. */
			const ask = async (attempts: number) => {
				const woken = new Account(state, bindings);
				const asked = Array.from({ length: attempts }, () =>
					woken.loginStart({ handle: ada.handle, ke1 }, place)
				);
				return Promise.all(asked);
			};
			const failures = 3 * loginFailuresPerDoubling;
			const old = JSON.stringify({ there: { arrivalMs: Date.now() - 60_000, failures } });
			state.storage.sql.exec('UPDATE login_attempts SET attempts = ?', old);
			const answers = [];
			for (let woken = 0; woken < 5; woken++) answers.push(...(await ask(2)));
			const costMs = loginCostMs(failures);
			const lastsMs = (burst - 1) * intervalMs;
			const fits = Math.floor(lastsMs / costMs) + 1;
			expect(answers.map(({ ok }) => ok)).toEqual([
				...new Array<boolean>(fits).fill(true),
				...new Array<boolean>(10 - fits).fill(false)
			]);
			const [refused] = await ask(1);
			const waitMs = refused?.ok === false ? 1_000 * (refused.error.retryAfterSeconds ?? NaN) : 0;
			expect(waitMs).toBeGreaterThan(fits * costMs - lastsMs - 30_000);
			expect(waitMs).toBeLessThanOrEqual(fits * costMs - lastsMs);
		});
	});
});
