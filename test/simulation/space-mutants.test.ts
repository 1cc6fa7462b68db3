// Whether the simulation would notice: something is taken out of the client, the edge, or the rules of
// both, and some world must then come out wrong. And whether a seed says the same each time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutants, type Mutant } from './space-mutants.ts';
import { prepareRuns, type SpaceRuns } from './space-run.ts';

const slow = process.env['SLOW'] !== undefined;
const actions = 60;
const mostSeeds = slow ? 300 : 60;

let runs: SpaceRuns;
beforeAll(async () => {
	runs = await prepareRuns(actions);
}, 120_000);
afterAll(() => runs.end());

test('a seed gives the same world each time', async () => {
	const [first, second] = [await runs.run(7), await runs.run(7)];
	expect(second.trace).toBe(first.trace);
});

describe('a world without', () => {
	for (const mutant of mutants) {
		const isDue = slow || !mutant.isRare;
		test.runIf(isDue)(`${mutant.without} comes out wrong`, () => showsIn(mutant), 600_000);
	}
});

async function showsIn({ changes, fault, seeds }: Mutant): Promise<void> {
	const code = await runs.changed(changes);
	const others = Array.from({ length: mostSeeds }, (_, index) => index + 1);
	for (const seed of new Set([...seeds, ...others])) {
		const { faults } = await runs.run(seed, code);
		if (faults.some((each) => fault.test(each))) return;
	}
	expect.fail(`none of ${String(mostSeeds)} worlds says ${String(fault)}`);
}
