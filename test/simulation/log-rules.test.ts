// Random schedules over the real rules of the log. A failing seed says how to run it again.
import { beforeAll, expect, test, vi } from 'vitest';
import type * as identityModule from '../../crypto/identity.ts';
import { toHex } from '../../protocol/bytes.ts';
import { makePerson, type Person } from '../crypto/log-fixture.ts';
import { LogWorld } from './log-world.ts';

// The same few identities are read hundreds of thousands of times: remembered, not judged anew.
vi.mock('../../crypto/identity.ts', async (original) => {
	const real = await original<typeof identityModule>();
	const known = new Map<string, ReturnType<typeof real.readIdentity>>();
	return {
		...real,
		readIdentity: (bytes: Uint8Array) => {
			const key = toHex(bytes);
			const read = known.get(key) ?? real.readIdentity(bytes);
			known.set(key, read);
			return read;
		}
	};
});

const slow = process.env['SLOW'] !== undefined;
const only = process.env['SEED'];
const seeds = only === undefined ? (slow ? 5_000 : 200) : 1;
const firstSeed = Number(only ?? 1);
const lyingSteps = 120;
const honestSteps = 50;

let people: readonly Person[] = [];
beforeAll(async () => {
	people = await Promise.all([1, 2, 3, 4, 5, 6].map(makePerson));
});

function explore(steps: number, step: (world: LogWorld) => void): Map<string, number> {
	const total = new Map<string, number>();
	for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
		try {
			const world = new LogWorld(seed, people);
			for (let count = 0; count < steps; count++) step(world);
			for (const [what, times] of world.tally) total.set(what, (total.get(what) ?? 0) + times);
		} catch (error) {
			const again = `SEED=${seed} npx vitest run --project node test/simulation/log-rules.test.ts`;
			throw new Error(`seed ${seed}: ${String(error)}\nAgain: ${again}`, { cause: error });
		}
	}
	return total;
}

test(
	'whatever the edge and a colluding member do, no honest device takes what the rules forbid',
	() => {
		const total = explore(lyingSteps, (world) => {
			world.step();
		});
		if (only !== undefined) return;
		const reached = [
			...['pages', 'left', 'removed', 'identity replaced', 'owed epoch opened by an editor'],
			...['forks', 'replays refused', 'colluder’s entry taken', 'colluder’s entry refused'],
			...['fault seen_unknown', 'fault count_wrong', 'fault admin_conflict']
		];
		for (const what of reached) expect(total.get(what) ?? 0, what).toBeGreaterThan(0);
	},
	slow ? 600_000 : 60_000
);

test(
	'with an honest edge every commit formed at the head is taken, by everybody alike',
	() => {
		const total = explore(honestSteps, (world) => {
			world.honestStep();
		});
		if (only !== undefined) return;
		expect(total.get('honest commits') ?? 0).toBeGreaterThan(10 * seeds);
		expect([...total.keys()].filter((what) => what.startsWith('fault'))).toEqual([]);
	},
	slow ? 600_000 : 60_000
);
