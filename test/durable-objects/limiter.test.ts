import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { Chance } from '../../bench/scale/chance.ts';
import { arrive } from '../../durable-objects/gcra.ts';
import { forgottenAfterMs, networkRates, type NetworkRate } from '../../durable-objects/limits.ts';
import { NetworkBudget, type ArrivalStore } from '../../durable-objects/network-budget.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toHex } from '../../protocol/bytes.ts';
import { bindings } from './edge.ts';
import { dump, rowsWrittenBy } from './storage.ts';

describe('the rate algorithm', () => {
	const rate = { burst: 3, intervalMs: 1_000 };
	const run = (times: readonly number[]) => {
		let arrivalMs: number | undefined;
		return times.map((nowMs) => {
			const arrival = arrive(rate, arrivalMs, nowMs);
			if (arrival.allowed) ({ arrivalMs } = arrival);
			return arrival.allowed ? 'ok' : arrival.retryAfterSeconds;
		});
	};

	it('allows a burst, then one each interval', () => {
		expect(run([0, 0, 0, 0, 999, 1_000, 1_001])).toEqual(['ok', 'ok', 'ok', 1, 1, 'ok', 1]);
	});

	it('allows the whole burst again after it was left alone', () => {
		expect(run([0, 0, 0, 9_000, 9_000, 9_000, 9_000])).toEqual([
			...['ok', 'ok', 'ok', 'ok', 'ok', 'ok', 1]
		]);
	});

	it('does not let refused ones push the next further away', () => {
		expect(run([0, 0, 0, ...new Array<number>(50).fill(500), 1_000]).at(-1)).toBe('ok');
	});
});

describe('a budget that sleeps', () => {
	const memory = (): ArrivalStore & { saved: number } => {
		const arrivals = new Map<NetworkRate, number>();
		return {
			saved: 0,
			loadArrivals: () => new Map(arrivals),
			saveArrival(rate, arrivalMs) {
				this.saved += 1;
				arrivals.set(rate, arrivalMs);
			}
		};
	};
	const rates = Object.keys(networkRates) as NetworkRate[];

	/** Requests at random, in floods, trickles and pauses, one answered beside the other. */
	function* requests(seed: number) {
		const chance = new Chance(seed);
		const unit = () => chance.unit();
		let nowMs = 1_000_000;
		for (let flood = 0; flood < 60; flood++) {
			const rate = rates[Math.floor(unit() * rates.length)] ?? 'login';
			const pauseMs = unit() ** 4 * 20_000;
			for (let left = Math.ceil(unit() ** 2 * 500); left > 0; left--) {
				nowMs += Math.floor(unit() * pauseMs);
				yield { rate, nowMs };
			}
		}
	}

	it('is not put to sleep by the platform sooner than is reckoned with', () => {
		const platformSleepsAfterMs = 10_000;
		expect(forgottenAfterMs).toBeLessThan(platformSleepsAfterMs);
	});

	it('answers to the request what one answers that never sleeps', () => {
		let refused = 0;
		let slept = 0;
		for (let seed = 1; seed <= 20; seed++) {
			const store = memory();
			const awake = new NetworkBudget(memory());
			let sleeping = new NetworkBudget(store);
			let lastMs = 0;
			for (const { rate, nowMs } of requests(seed)) {
				// As soon as it may, each time that it may.
				if (nowMs - lastMs >= forgottenAfterMs) {
					sleeping = new NetworkBudget(store);
					slept += 1;
				}
				lastMs = nowMs;
				const [here, there] = [sleeping.take(rate, nowMs), awake.take(rate, nowMs)];
				expect(here.allowed).toBe(there.allowed);
				if (!there.allowed) refused += 1;
			}
		}
		expect(refused).toBeGreaterThan(1_000);
		expect(slept).toBeGreaterThan(1_000);
	});

	it('lets through no more than its burst and what the time gives, in any window', () => {
		const { burst, intervalMs } = networkRates.registration;
		for (let seed = 1; seed <= 20; seed++) {
			const store = memory();
			let budget = new NetworkBudget(store);
			let lastMs = 0;
			const passedAtMs: number[] = [];
			for (const { nowMs } of requests(seed)) {
				if (nowMs - lastMs >= forgottenAfterMs) budget = new NetworkBudget(store);
				lastMs = nowMs;
				if (budget.take('registration', nowMs).allowed) passedAtMs.push(nowMs);
			}
			for (const [from, fromMs] of passedAtMs.entries()) {
				for (let to = from; to < passedAtMs.length; to += 1 + Math.floor(to / 7)) {
					const windowMs = (passedAtMs[to] ?? NaN) - fromMs;
					expect(to - from + 1).toBeLessThanOrEqual(burst + Math.floor(windowMs / intervalMs));
				}
			}
		}
	});

	it('has written down what a flood left, even if it is ended in the middle of it', () => {
		const store = memory();
		const { burst } = networkRates.session;
		let passed = 0;
		for (let torn = 0; torn < 5; torn++) {
			const budget = new NetworkBudget(store);
			while (budget.take('session', 0).allowed) passed += 1;
		}
		expect(passed).toBe(burst);
	});
});

describe('a limiter', () => {
	const fresh = () => bindings.LIMITER.getByName(toHex(randomBytes(32)));
	const alarmOf = (stub: DurableObjectStub) =>
		runInDurableObject(stub, (_object: unknown, { storage }: DurableObjectState) =>
			storage.getAlarm()
		);

	it('refuses what is too much, says when to come back, and writes nothing for it', async () => {
		const stub = fresh();
		const { burst } = networkRates.registration;
		const answers = await Promise.all(
			Array.from({ length: burst }, () => stub.take('registration'))
		);
		expect(answers.every(({ ok }) => ok)).toBe(true);
		const rows = await rowsWrittenBy(stub, async () => {
			const refused = await stub.take('registration');
			expect(refused).toMatchObject({ ok: false, error: { code: 'rate_limited' } });
			if (!refused.ok) expect(refused.error.retryAfterSeconds).toBeGreaterThan(0);
		});
		expect(rows).toBe(0);
		expect((await stub.take('login')).ok).toBe(true);
	});

	it('writes nothing for an ordinary visitor, and sets no alarm', async () => {
		const stub = fresh();
		const rows = await rowsWrittenBy(stub, async () => {
			for (const rate of ['login', 'login', 'session', 'socket', 'socket'] as const) {
				expect((await stub.take(rate)).ok).toBe(true);
			}
		});
		expect(rows).toBe(0);
		expect(await dump(stub)).toEqual({});
		expect(await alarmOf(stub)).toBeNull();
	});

	it('writes its tables and one row with the first that outlives its sleep', async () => {
		const stub = fresh();
		const rows = await rowsWrittenBy(stub, async () => {
			for (let asked = 0; asked < 9; asked++) await stub.take('session');
		});
		const tables = 6;
		expect(rows).toBe(tables + 1);
	});

	it('goes on from where it was when it is evicted in a flood', async () => {
		const stub = fresh();
		const { burst } = networkRates.lookup;
		let passed = 0;
		for (let evicted = 0; evicted < 5; evicted++) {
			const answers = await Promise.all(
				Array.from({ length: burst / 4 }, () => stub.take('lookup'))
			);
			passed += answers.filter(({ ok }) => ok).length;
			await evictDurableObject(stub);
		}
		expect(passed).toBe(burst);
		expect((await stub.take('lookup')).ok).toBe(false);
	});

	it('erases itself when its limits have run out, and not before', async () => {
		const stub = fresh();
		for (let asked = 0; asked < 20; asked++) await stub.take('session');
		const alarmMs = await alarmOf(stub);
		expect(alarmMs).not.toBeNull();
		expect(await runDurableObjectAlarm(stub)).toBe(true);
		expect(await dump(stub)).not.toEqual({});
		expect(await alarmOf(stub)).not.toBeNull();
		await runInDurableObject(stub, (_object: unknown, state: DurableObjectState) => {
			state.storage.sql.exec('UPDATE arrivals SET arrival_ms = 0');
		});
		await evictDurableObject(stub);
		expect(await runDurableObjectAlarm(stub)).toBe(true);
		expect(await dump(stub)).toEqual({});
		expect((await stub.take('session')).ok).toBe(true);
	});
});
