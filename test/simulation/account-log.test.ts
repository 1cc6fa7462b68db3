// Random accounts over the real rules of the account log, and over the rules with one of them taken
// out. A failing seed says how to run it again.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as accountLog from '../../crypto/account-log.ts';
import { changing, packagesOutside, root } from '../changed-sources.ts';
import { makeAstray, makeIdentities } from '../crypto/account-fixture.ts';
import type { AccountPeople } from './account-acts.ts';
import { accountMutants, type AccountMutant } from './account-mutants.ts';
import { AccountWorld, type AccountCode } from './account-world.ts';

const slow = process.env['SLOW'] !== undefined;
const only = process.env['SEED'];
const seeds = only === undefined ? (slow ? 2_000 : 30) : 1;
const firstSeed = Number(only ?? 1);
const steps = 60;
const mutantSeeds = 60;

/** What a sample must have come to: a schedule that never gets there shows nothing. */
const often = [
	...['a creation', 'password', 'kit', 'passkey', 'passkey removed', 'identity', 'recovery'],
	...['factor', 'factor removed', 'policy', 'device removed', 'delete'],
	...['refused: passkey removed, one way left', 'refused: kit, one way left'],
	...['refused: identity, one way left', 'refused: recovery, one way left'],
	...['refused: policy, no factor left', 'refused: factor removed, no factor left'],
	...['refused: signed by another identity', 'refused: identity that signs for itself'],
	...['shown a log', 'shown what is none', 'records', 'records lied about'],
	...['same', 'newer', 'reverted', 'fork'].map((relation) => `shown as ${relation}`)
];

let people: AccountPeople;
let folder: string;
beforeAll(async () => {
	folder = await mkdtemp(path.join(tmpdir(), 'tacet-account-'));
	const [keys, strangers] = await Promise.all([makeIdentities(1, 4), makeIdentities(40, 2)]);
	const astray = await Promise.all(
		keys.slice(0, 3).map((own, index) => makeAstray(own, 60 + index))
	);
	people = { keys, strangers, astray };
});
afterAll(() => rm(folder, { recursive: true }));

async function live(seed: number, code: AccountCode): Promise<ReadonlyMap<string, number>> {
	const world = new AccountWorld(seed, code, people);
	for (let count = 0; count < steps; count++) await world.step();
	return world.tally;
}

test(
	'devices and edge come to one state, and to what was meant, whatever an edge shows them',
	async () => {
		const total = new Map<string, number>();
		for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
			try {
				for (const [what, times] of await live(seed, accountLog)) {
					total.set(what, (total.get(what) ?? 0) + times);
				}
			} catch (error) {
				const again = `SEED=${seed} npx vitest run --project node test/simulation/account-log.test.ts`;
				throw new Error(`seed ${seed}: ${String(error)}\nAgain: ${again}`, { cause: error });
			}
		}
		if (only !== undefined) return;
		for (const what of often) expect(total.get(what) ?? 0, what).toBeGreaterThan(0);
	},
	slow ? 1_800_000 : 60_000
);

describe.runIf(only === undefined)('rules without', () => {
	for (const [index, mutant] of accountMutants.entries()) {
		test(`${mutant.without} come out wrong`, () => showsIn(mutant, index), 60_000);
	}
});

async function showsIn({ fault, from, to }: AccountMutant, index: number): Promise<void> {
	const outfile = path.join(folder, `rules-${String(index)}.mjs`);
	await build({
		...{ entryPoints: [path.join(root, 'crypto/account-log.ts')], outfile, bundle: true },
		...{ platform: 'node', format: 'esm', logLevel: 'silent' },
		plugins: [packagesOutside, changing({ file: 'crypto/account-log.ts', from, to })]
	});
	const code = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as AccountCode;
	for (let seed = 1; seed <= mutantSeeds; seed++) {
		const said = await live(seed, code).then(
			() => '',
			(error: unknown) => String(error)
		);
		if (fault.test(said)) return;
	}
	expect.fail(`none of ${String(mutantSeeds)} worlds says ${String(fault)}`);
}
