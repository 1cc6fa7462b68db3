// The test of a share of the seeds: files of tests run side by side, and seeds are many.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareRuns, type SpaceRuns } from './space-run.ts';

const slow = process.env['SLOW'] !== undefined;
const only = process.env['SEED'];
const actions = 60;
const sample = 36;
const many = 1_000;
const shares = 2;
/** Came out wrong once: a commit was given up while the one after it was being formed. */
const remembered = [897];

/** What must have come up: a schedule that never gets there shows nothing. */
const often = [
	...['entries', 'pages sealed again', 'epochs opened', 'connections broken', 'connections cut'],
	...[
		'devices crashed before a call of their store',
		'devices crashed after a call of their store'
	],
	...['spaces crashed at rest', 'spaces put to sleep', 'sessions ended', 'spells offline'],
	...[
		'heads told to another device',
		'add: done',
		'change_role: done',
		'rotate: done',
		'remove: done'
	],
	...['delete on the log', 'trash on the log', 'settled', 'spells slept', 'add: offline']
];
const rarely = [
	...['spaces crashed at work', 'months slept', 'leave: done', 'owed epochs opened by an editor'],
	...['add: admin_conflict', 'change_role: admin_conflict', 'settings: done', 'months slept']
];

/** @param share from 0: which of the seeds. */
export function testSeeds(share: number): void {
	let runs: SpaceRuns;
	beforeAll(async () => {
		runs = await prepareRuns(actions);
	}, 120_000);
	afterAll(() => runs.end());

	const first = Array.from({ length: slow ? many : sample }, (_, index) => index + 1);
	const all = new Set([...first, ...remembered]);
	const seeds = only === undefined ? [...all] : [Number(only)];
	const mine = seeds.filter((seed) => seed % shares === share);

	test.runIf(mine.length > 0)(
		'whatever breaks, all who read come to the same, and nothing acknowledged is lost',
		async () => {
			const total = new Map<string, number>();
			for (const seed of mine) {
				const { faults, tally } = await runs.run(seed);
				for (const [what, times] of tally) total.set(what, (total.get(what) ?? 0) + times);
				expect(faults, `seed ${String(seed)}; again: ${again(seed)}`).toEqual([]);
			}
			if (only !== undefined) return;
			for (const what of slow ? [...often, ...rarely] : often) {
				expect(total.get(what) ?? 0, what).toBeGreaterThan(0);
			}
		},
		slow ? 1_800_000 : 120_000
	);
}

const again = (seed: number): string =>
	`SEED=${String(seed)} npx vitest run --project node test/simulation/space`;
