// Random schedules over the real rules of the log. A failing seed says how to run it again.
import { beforeAll, expect, test, vi } from 'vitest';
import type * as identityModule from '../../crypto/identity.ts';
import { toHex } from '../../protocol/bytes.ts';
import { roles } from '../../protocol/commit.ts';
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
const seeds = only === undefined ? (slow ? 5_000 : 80) : 1;
const firstSeed = Number(only ?? 1);
const lyingSteps = 120;
const honestSteps = 40;

/** What the colluder or the edge has tried in vain. */
const refusals = [
	...['not_a_member', 'identity_mismatch', 'signature_invalid', 'count_wrong', 'seen_unknown'],
	...['role_forbids', 'admin_conflict', 'member_change_invalid', 'wraps_wrong'],
	...['epoch_missing', 'epoch_number_wrong', 'epoch_not_open', 'audit_key_missing']
].map((fault) => `refused ${fault}`);

/** What every run of a sample must have come to: a schedule that never gets there shows nothing. */
const often = [
	...['pages', 'left', 'removed', 'identity replaced', 'audit key set', 'owed epoch opened'],
	...['owed epoch opened by an editor, a person', 'links allowed', 'links forbidden'],
	...['link editor added', 'link viewer removed', 'person owner left', 'person auditor left'],
	...['forks', 'replays refused', 'colluder’s entry taken', 'colluder’s entry refused'],
	...['fault seen_unknown', 'fault count_wrong', ...refusals]
];
/** What the long run must have come to as well. */
const rarely = [
	...['owed epoch opened by an editor, a link', 'person editor left', 'person viewer left'],
	...['link: viewer to editor', 'link: editor to viewer', 'fault admin_conflict'],
	'refused no_owner_left',
	...roles.flatMap((from) =>
		roles.filter((to) => to !== from).map((to) => `person: ${from} to ${to}`)
	)
];

let people: readonly Person[] = [];
beforeAll(async () => {
	people = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(makePerson));
});

function explore(
	steps: number,
	step: (world: LogWorld) => void,
	end: (world: LogWorld) => void = () => undefined
): Map<string, number> {
	const total = new Map<string, number>();
	for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
		try {
			const world = new LogWorld(seed, people);
			for (let count = 0; count < steps; count++) step(world);
			end(world);
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
		const reached = slow ? [...often, ...rarely] : often;
		for (const what of reached) expect(total.get(what) ?? 0, what).toBeGreaterThan(0);
	},
	slow ? 1_800_000 : 60_000
);

test(
	'with an honest edge every commit formed at the head is taken, by everybody alike',
	() => {
		const total = explore(
			honestSteps,
			(world) => {
				world.honestStep();
			},
			(world) => {
				world.settle();
			}
		);
		if (only !== undefined) return;
		expect(total.get('honest commits') ?? 0).toBeGreaterThan(8 * seeds);
		expect([...total.keys()].filter((what) => what.startsWith('fault'))).toEqual([]);
	},
	slow ? 1_800_000 : 60_000
);
