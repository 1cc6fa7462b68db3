// Whether the simulation would notice: one thing is taken out of the client or the edge, and some
// world must then come out wrong. And whether a seed says the same each time.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Change } from './space-code.ts';
import { prepareRuns, type SpaceRuns } from './space-run.ts';

interface Mutant extends Change {
	readonly without: string;
	/** What comes of it. */
	readonly fault: RegExp;
}

const mutants: readonly Mutant[] = [
	{
		without: 'a client that keeps what it wrote until it is settled',
		side: 'client',
		file: 'client/outbox.ts',
		from: 'for (const commit of pending) this.#keep(commit);\n\t\treturn ok(pending);',
		to: 'await this.#options.store.dropFromOutbox(pending.flatMap((each) => each.outboxIds));\n\t\tfor (const commit of pending) this.#keep(commit);\n\t\treturn ok(pending);',
		fault: /never came to the log/
	}
];

const actions = 60;
const mostSeeds = 12;

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
		test(`${mutant.without} comes out wrong`, async () => {
			const code = await runs.changed(mutant);
			let faults: readonly string[] = [];
			for (let seed = 1; seed <= mostSeeds && faults.length === 0; seed++) {
				({ faults } = await runs.run(seed, code));
			}
			expect(faults.join('\n')).toMatch(mutant.fault);
		}, 120_000);
	}
});
