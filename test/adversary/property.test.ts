// A random lie at a random place, to a device that has seen a random part of a random history. A
// failing run names its seeds: SEED=<run> WORLD=<history> RUNS=1 repeats it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planRun, run } from './property.ts';
import { makeWorld, type World } from './world.ts';

const isSlow = process.env['SLOW'] === '1';
const runs = Number(process.env['RUNS'] ?? (isSlow ? 6_000 : 80));
/** An edge of its own for so many: it lets one network open 600 sockets at once, and then one a second. */
const runsPerWorld = 80;
/** A long run goes on after a failure, to name the others too. */
const mostFailures = isSlow ? 5 : 0;
const firstSeed = Number(process.env['SEED'] ?? 1);
const firstWorld = Number(process.env['WORLD'] ?? 100);

let world: World;
beforeAll(async () => {
	world = await makeWorld({ seed: firstWorld });
}, 60_000);
afterAll(() => world.end(), 60_000);

const counts = new Map<string, number>();

test(
	'INT-04, INT-01, INT-10 a device under any lie ends like an honest one, or stops for good',
	async () => {
		let told = 0;
		const failed: Error[] = [];
		for (let done = 0; done < runs; done++) {
			const seed = firstSeed + done;
			if (done > 0 && done % runsPerWorld === 0) {
				await world.end();
				world = await makeWorld({ seed: firstWorld + done / runsPerWorld });
			}
			const plan = planRun(world, seed);
			const where = `WORLD=${String(firstWorld + Math.floor(done / runsPerWorld))} SEED=${String(seed)} RUNS=1`;
			const outcome = await run(world, plan).catch((cause: unknown) => {
				failed.push(new Error(where, { cause }));
			});
			if (failed.length > mostFailures) break;
			if (!outcome) continue;
			if (outcome.told > 0) told += 1;
			const key = `${outcome.under}, then ${outcome.after}${outcome.fault === null ? '' : `: ${outcome.fault}`}`;
			counts.set(key, (counts.get(key) ?? 0) + 1);
		}
		const [first, ...others] = failed;
		if (first) throw others.length === 0 ? first : new AggregateError(failed, failed.join(', '));
		// Lies that were never told would show nothing.
		expect(told).toBeGreaterThan(runs * 0.7 - 1);
		expect([...counts.keys()].some((key) => key.startsWith('distrusted')) || runs < 50).toBe(true);
	},
	isSlow ? 3_600_000 : 120_000
);

afterAll(() => {
	const lines = [...counts].sort(([, a], [, b]) => b - a);
	console.log(lines.map(([key, count]) => `${String(count).padStart(6)}  ${key}`).join('\n'));
});
