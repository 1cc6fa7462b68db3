import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { arrive } from '../../durable-objects/gcra.ts';
import { networkRates } from '../../durable-objects/limits.ts';
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

describe('a limiter', () => {
	const fresh = () => bindings.LIMITER.getByName(toHex(randomBytes(32)));

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

	it('forgets itself when its limits have run out', async () => {
		const stub = fresh();
		await stub.take('session');
		await runInDurableObject(stub, (_object: unknown, state: DurableObjectState) => {
			state.storage.sql.exec('UPDATE arrivals SET arrival_ms = 0');
		});
		expect(await runDurableObjectAlarm(stub)).toBe(true);
		expect(await dump(stub)).toEqual({});
		expect((await stub.take('session')).ok).toBe(true);
	});
});
