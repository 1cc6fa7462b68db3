// The test of a share of the seeds: files of tests run side by side, and seeds are many.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareRuns, type SpaceRuns } from './space-run.ts';

const slow = process.env['SLOW'] !== undefined;
const only = process.env['SEED'];
const actions = 60;
const sample = 18;
const many = 1_000;
/** What once came out wrong, and needs rare turns of events. */
const known = [497, 629, 752];
const shares = 2;

/** What must have come up: a schedule that never gets there shows nothing. */
const often = [
	...['entries', 'pages sealed again', 'epochs opened', 'connections broken', 'connections cut'],
	...['tabs opened beside others', 'tabs closed', 'tabs that sync to crash'],
	...['spaces crashed at rest', 'spaces put to sleep', 'sessions ended', 'spells offline'],
	...['heads told to another device', 'add: done', 'change_role: done', 'rotate: done'],
	...['delete on the log', 'trash on the log', 'settled', 'spells slept', 'add: offline'],
	...['link made: done', 'link opened: link_invalid']
];
const rarely = [
	...[
		'tabs crashed before a call of their store',
		'tabs crashed after a call of their store',
		'administer asked of another tab',
		'remove: done'
	],
	...['spaces crashed at work', 'months slept', 'leave: done', 'owed epochs opened by an editor'],
	...['add: admin_conflict', 'change_role: admin_conflict', 'settings: done', 'destroy: done'],
	...['move: done', 'move on the log', 'copy on the log', 'moveItem asked of another tab'],
	...[
		'link opened: done',
		'links opened at rest',
		'link taken back: done',
		'link opened: link_ended',
		'link opened: wrong_passphrase'
	],
	...['link made: offline', 'link made: links_off', 'identities renewed']
];

/** @param share from 0: which of the seeds. */
export function testSeeds(share: number): void {
	let runs: SpaceRuns;
	beforeAll(async () => {
		runs = await prepareRuns(actions);
	}, 120_000);
	afterAll(() => runs.end());

	const first = Array.from({ length: slow ? many : sample }, (_, index) => index + 1);
	const all = [...first, ...(slow ? [] : known)];
	const seeds = only === undefined ? all : [Number(only)];
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
		slow ? 3_600_000 : 300_000
	);
}

const again = (seed: number): string =>
	`SEED=${String(seed)} npx vitest run --project node test/simulation/space`;
