// `npm run bench`: measures Tacet beside its limit and its peers, in one run and in random order,
// and writes bench/results.json and docs/performance.md from it. --quick: three repeats, small counts in the browser, no PouchDB.
// --only=a,b: these systems, or these workloads alone, into .cache/bench/results.json.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, loadavg } from 'node:os';
import path from 'node:path';
import { format } from 'prettier';
import { prepare } from '../scripts/install.mjs';

await prepare(console.log);
const { inProject } = await import('../scripts/project.mjs');
const { build } = await import('../scripts/build.mjs');
// What is measured imports what is built.
await build({ log: console.log });
const { measureAttempts } = await import('./attempts.ts');
const { measureBrowserSync } = await import('./browser-sync.ts');
const { measureChain } = await import('./chain.ts');
const { measureCompaction } = await import('./compaction.ts');
const { measureColdStart } = await import('./cold-start.ts');
const { measureCost } = await import('./cost.ts');
const { measureLive } = await import('./live.ts');
const { measureLogin } = await import('./login.ts');
const { measureMembers } = await import('./members.ts');
const { measureTrips } = await import('./pull-trips.ts');
const { budgetsOf } = await import('./report.ts');
const { measureRows } = await import('./rows.ts');
const { measureSeal } = await import('./seal.ts');
const { measureSearch } = await import('./search.ts');
const { measureSizes } = await import('./sizes.ts');
const { shuffled, spreadOf } = await import('./statistics.ts');
const { measureSync } = await import('./sync.ts');
const { systems } = await import('./systems.ts');
const { measureTyping } = await import('./typing.ts');

type SyncFigures = Awaited<ReturnType<typeof measureSync>>;
type System = (typeof systems)[number];

const isQuick = process.argv.includes('--quick');
const only = process.argv
	.find((word) => word.startsWith('--only='))
	?.slice('--only='.length)
	.split(',');
const repeats = isQuick ? 3 : 5;
const logins = isQuick ? 10 : 30;
const fewNotes = 1_000;
const manyNotes = 10_000;
/** For the plots alone, of those that a whole run has the time for, and fewer times. */
const mostNotes = 100_000;
const mostRepeats = 3;
const growing = ['tacet', 'floor', 'floor-pages'];
const rttMs = 80;
/** How far a log, or a space's items, have grown when the cost of one edit is taken. */
const histories = isQuick ? [1_000, 10_000] : [1_000, 10_000, 100_000];
const browserNotes = isQuick ? 2_000 : 10_000;
const longestMs = 90 * 60_000;
/** Systems whose work at a delay says something. */
const delayed = ['tacet', 'floor', 'jazz', 'hocuspocus'];

setTimeout(() => {
	console.error('Stopped: this takes longer than anything here should.');
	process.exit(1);
}, longestMs).unref();

/** Each alone with --only=<name>; the one called `sync` is what systems are compared by. */
const workloads = {
	login: () => measureLogin(logins),
	attempts: () => measureAttempts(logins),
	rows: () => measureRows(),
	cost: () => measureCost(),
	members: () => measureMembers(repeats),
	chain: () => measureChain(repeats),
	compaction: () => measureCompaction(histories, histories),
	sizes: () => measureSizes(),
	trips: () => measureTrips({ notes: fewNotes, repeats }),
	seal: () => measureSeal(isQuick ? 5 : 15),
	search: () => measureSearch(manyNotes),
	live: () => measureLive({ commits: isQuick ? 200 : 500, repeats }),
	browserSync: () => measureBrowserSync({ notes: browserNotes, repeats }),
	coldStart: () => measureColdStart({ notes: browserNotes, repeats }),
	typing: () => measureTyping({ notes: browserNotes, keys: isQuick ? 60 : 200 })
};
type Figures = {
	-readonly [Name in keyof typeof workloads]?: Awaited<ReturnType<(typeof workloads)[Name]>>;
};

const isWanted = (name: string): boolean => only === undefined || only.includes(name);
const comparesSystems =
	isWanted('sync') || systems.some(({ name }) => only?.includes(name) === true);

const notRun: Record<string, string> = {};
/** Repeats of peers that did not come to an end: left out, and told. */
const failures: string[] = [];
const startedAt = new Date().toISOString();
const loadBefore = loadavg();

async function present(): Promise<readonly System[]> {
	if (!comparesSystems) return [];
	const named = systems.filter(({ name }) => only?.includes(name) === true);
	const wanted = (named.length > 0 ? named : systems).map(({ name }) => name);
	const chosen: System[] = [];
	for (const system of systems) {
		if (!wanted.includes(system.name) || (isQuick && !only && system.name === 'pouch')) continue;
		const why = await system.install();
		if (why === null) chosen.push(system);
		else notRun[system.name] = why;
	}
	return chosen;
}

async function repeated(
	chosen: readonly System[],
	options: { readonly notes: number; readonly rttMs: number },
	times = repeats
): Promise<Record<string, SyncFigures[]>> {
	const runs: Record<string, SyncFigures[]> = {};
	for (let repeat = 1; repeat <= times; repeat++) {
		for (const system of shuffled(chosen)) {
			const { name } = system;
			try {
				const figures = await measureSync(system, options);
				(runs[name] ??= []).push(figures);
				const { pushMs, pullMs, editMedianMs } = figures;
				const ms = [pushMs, pullMs, editMedianMs].map((value) => value.toFixed(1)).join(' / ');
				console.log(
					`${repeat}/${times} ${options.notes} notes, RTT ${options.rttMs}: ${name} ${ms}`
				);
			} catch (error) {
				if (name === 'tacet') throw error;
				const why = error instanceof Error ? error.message : String(error);
				failures.push(`${name}, ${options.notes} notes, RTT ${options.rttMs}: ${why}`);
			}
		}
	}
	return runs;
}

const summary = (runs: Record<string, SyncFigures[]>) =>
	Object.fromEntries(
		Object.entries(runs).map(([name, figures]) => {
			const keys = Object.keys(figures[0] ?? {}) as (keyof SyncFigures)[];
			const spread = (key: keyof SyncFigures) => spreadOf(figures.map((one) => one[key]));
			return [name, Object.fromEntries(keys.map((key) => [key, rounded(spread(key))]))];
		})
	);

const rounded = ({ median, lowest, highest }: ReturnType<typeof spreadOf>) =>
	[median, lowest, highest].map((value) => Number(value.toFixed(2)));

function printSync(title: string, runs: Record<string, SyncFigures[]>, notes: number): void {
	if (Object.keys(runs).length === 0) return;
	console.log(`\n${title} (median; push and pull with their range)`);
	console.table(
		Object.fromEntries(
			systems.flatMap(({ name, title }) => {
				const figures = runs[name];
				if (figures === undefined) return [];
				const of = (key: keyof SyncFigures) => spreadOf(figures.map((one) => one[key]));
				const range = (key: keyof SyncFigures) => {
					const { median, lowest, highest } = of(key);
					return `${median.toFixed(0)} (${lowest.toFixed(0)}–${highest.toFixed(0)})`;
				};
				const each = (key: keyof SyncFigures) => Math.round(of(key).median / notes);
				const edit = (key: keyof SyncFigures) => Math.round(of(key).median);
				return [
					[
						title,
						{
							'push ms': range('pushMs'),
							'pull ms': range('pullMs'),
							'edit ms': of('editMedianMs').median.toFixed(1),
							'p95 ms': of('editP95Ms').median.toFixed(1),
							'up B/note': each('pushUpBytes'),
							'down B/note': each('pullDownBytes'),
							'stored B/note': each('storedBytes'),
							'edit B up/down': `${edit('editWriterUpBytes')}/${edit('editReaderDownBytes')}`,
							'MiB w/r/server': `${edit('writerMemoryMib')}/${edit('readerMemoryMib')}/${edit('serverMemoryMib')}`
						}
					]
				];
			})
		)
	);
}

/** Tables of a whole workload stay in the file. */
function hidingLong(key: string, value: unknown): unknown {
	return key === 'operations' ? undefined : value;
}

const chosen = await present();
console.log(`Load ${loadBefore.map((load) => load.toFixed(1)).join(' ')}; ${repeats} repeats.`);
const figures: Figures = {};
for (const [name, measure] of Object.entries(workloads)) {
	if (!isWanted(name)) continue;
	console.log(`Measuring: ${name}`);
	const startedMs = performance.now();
	try {
		Object.assign(figures, { [name]: await measure() });
		console.log(`It took ${((performance.now() - startedMs) / 1_000).toFixed(0)} s.`);
	} catch (error) {
		// One that fails leaves its row empty, and the others their time.
		failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
	}
}
if (chosen.length > 0) console.log('Measuring: sync');
const few = await repeated(chosen, { notes: fewNotes, rttMs: 0 });
const many = await repeated(chosen, { notes: manyNotes, rttMs: 0 });
const growingSystems = isQuick ? [] : chosen.filter(({ name }) => growing.includes(name));
const most = await repeated(growingSystems, { notes: mostNotes, rttMs: 0 }, mostRepeats);
const delayedSystems = chosen.filter(({ name }) => delayed.includes(name));
const far = await repeated(delayedSystems, { notes: fewNotes, rttMs });

const budgets = budgetsOf({
	...{ few, many, delayed: far, fewNotes, manyNotes, rttMs },
	...figures
});
printSync(`${fewNotes} notes`, few, fewNotes);
printSync(`${manyNotes} notes`, many, manyNotes);
printSync(`${mostNotes} notes`, most, mostNotes);
printSync(`${fewNotes} notes, RTT ${rttMs} ms`, far, fewNotes);
for (const [name, why] of Object.entries(notRun)) console.log(`Not run: ${name}: ${why}`);
for (const failure of failures) console.log(`Failed: ${failure}`);
for (const [name, figure] of Object.entries(figures)) {
	console.log(`\n${name}`, JSON.stringify(figure, hidingLong));
}
console.table(budgets);

const workerd = createRequire(import.meta.url)('workerd/package.json') as { version: string };
const results = {
	startedAt,
	machine: {
		platform: `${process.platform}-${process.arch}`,
		processors: availableParallelism(),
		node: process.versions.node,
		workerd: workerd.version,
		loadBefore,
		loadAfter: loadavg()
	},
	note: 'Each triple is [median, lowest, highest] over the repeats of one run. Read ratios.',
	repeats,
	budgets,
	...figures,
	sync: {
		[`${fewNotes} notes`]: summary(few),
		[`${manyNotes} notes`]: summary(many),
		...(growingSystems.length > 0 && { [`${mostNotes} notes`]: summary(most) }),
		[`${fewNotes} notes, RTT ${rttMs} ms`]: summary(far)
	},
	notRun,
	failures
};
const json = await format(JSON.stringify(results), {
	parser: 'json',
	useTabs: true,
	printWidth: 100
});
// What stands in the project is of a whole run.
const file = only === undefined ? 'bench/results.json' : '.cache/bench/results.json';
mkdirSync(path.dirname(inProject(file)), { recursive: true });
writeFileSync(inProject(file), json);
console.log(`${file} is written.`);
if (only === undefined) await import('./write-page.ts');
process.exit(0);
