// The tables and plots of docs/performance.md, written from results.json: none is typed by hand.
import type { Budget } from './budget.ts';
import type { CompactionFigures, Packed } from './compaction.ts';
import type { Plot, Series } from './scale/plot.ts';

/** Median, lowest, highest. */
type Triple = readonly [number, number, number];
/** By system, then by figure. */
type Systems = Readonly<Record<string, Readonly<Record<string, Triple>>>>;

export interface Results {
	readonly startedAt: string;
	readonly repeats: number;
	readonly machine: {
		readonly processors: number;
		readonly node: string;
		readonly workerd: string;
	};
	readonly budgets: readonly Budget[];
	readonly compaction?: CompactionFigures;
	/** By number of notes, as '10000 notes'. */
	readonly sync: Readonly<Record<string, Systems>>;
}

const names: Readonly<Record<string, string>> = {
	tacet: '**Tacet** (end-to-end encrypted)',
	jazz: 'Jazz (end-to-end encrypted)',
	hocuspocus: 'Yjs + Hocuspocus (plain)',
	pouch: 'PouchDB (plain)',
	floor: 'limit: strawman, a record a note',
	'floor-pages': 'limit: strawman, 64 notes a record'
};
const nameOf = (system: string): string => names[system] ?? system;

const grouped = (value: number, digits = 0): string =>
	value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits });

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
	const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
	return [line(head), line(rule), ...rows.map(line)].join('\n');
}

export const pageTables = (results: Results): Readonly<Record<string, string>> => ({
	run: runLine(results),
	budgets: budgetTable(results),
	systems: systemTable(results.sync['10000 notes'] ?? {}, 10_000),
	...(results.compaction === undefined ? {} : growthTables(results.compaction))
});

const runLine = ({ startedAt, repeats, machine }: Results): string =>
	`Run of ${startedAt.slice(0, 10)}: ${repeats} repeats, ${machine.processors} processors, Node ` +
	`${machine.node}, workerd ${machine.workerd}.`;

const budgetTable = ({ budgets }: Results): string =>
	table(
		['', 'what', 'figure', 'must', 'stretch', 'verdict'],
		budgets.map(({ id, what, figure, must, stretch, verdict }) => [
			...[id, what, figure, must, stretch, verdict === 'missed' ? '**missed**' : verdict]
		])
	);

function systemTable(systems: Systems, notes: number): string {
	const rows = Object.entries(systems).map(([system, figures]) => {
		const median = (figure: string): number => figures[figure]?.[0] ?? Number.NaN;
		return [
			nameOf(system),
			...['pushMs', 'pullMs'].map((figure) => grouped(median(figure))),
			...['editMedianMs', 'editP95Ms'].map((figure) => grouped(median(figure), 1)),
			...['pushUpBytes', 'pullDownBytes', 'storedBytes'].map((figure) =>
				grouped(median(figure) / notes)
			),
			...['writerMemoryMib', 'serverMemoryMib'].map((figure) => grouped(median(figure)))
		];
	});
	return table(
		[
			...['', 'push, ms', 'pull, ms', 'edit, ms', 'p95, ms'],
			...['B up a note', 'B down a note', 'B stored a note', 'writer, MiB', 'server, MiB']
		],
		rows.toSorted(([a = ''], [b = '']) => rank(a) - rank(b))
	);
}

const order = Object.values(names);
const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);

function growthTables({ before, after, commits, notes, edits, shorter }: CompactionFigures) {
	const mb = (bytes: number): string => grouped(bytes / 1e6, 2);
	const row = (name: string, figure: (side: typeof before) => string) => [
		...[name, figure(before), figure(after)]
	];
	const plots = [
		'![Megabytes that a fresh device receives, by commits](performance/packed-bytes.svg)',
		'![Seconds of its processor time, by commits](performance/packed-time.svg)'
	];
	const packed = table(
		[`${grouped(commits)} commits on ${grouped(notes)} notes`, 'before', 'after'],
		[
			row('live pages', ({ livePages }) => `${mb(livePages)} MB`),
			row('commits, which stay', (side) => `${mb(side.commits)} MB`),
			row('replaced pages, kept for the retention', (side) => `${mb(side.supersededPages)} MB`),
			row('a fresh device receives', ({ receivedBytes }) => `${mb(receivedBytes)} MB`),
			row('its processor time', ({ cpuMs }) => `${grouped(cpuMs)} ms`),
			row('until every note was read', ({ wallMs }) => `${grouped(wallMs)} ms`)
		]
	);
	return {
		compaction: [packed, ...(shorter === undefined ? [] : plots)].join('\n\n'),
		edits: table(
			['entries on the log', 'notes', 'client, ms of CPU', 'edge, ms of CPU', 'bytes sent'],
			edits.map(({ history, items, clientCpuMs, edgeCpuMs, sentBytes }) => [
				...[grouped(history), grouped(items)],
				...[grouped(clientCpuMs, 2), grouped(edgeCpuMs, 2), grouped(sentBytes)]
			])
		)
	};
}

/** W1 and W2 over the number of notes, both axes logarithmic: a line of slope one costs the same a note. */
export const pagePlots = (results: Results): Readonly<Record<string, Plot>> => ({
	push: growthPlot(results, 'pushMs', 'W1: until all are acknowledged'),
	pull: growthPlot(results, 'pullMs', 'W2: until a fresh device shows all'),
	...(results.compaction?.shorter === undefined ? {} : compactionPlots(results.compaction))
});

/** W10 over the length of a log of single edits. */
const compactionPlots = (figures: CompactionFigures): Readonly<Record<string, Plot>> => ({
	'packed-bytes': packedPlot(figures, {
		...{ title: 'W10: bytes that a fresh device receives', label: 'MB' },
		of: ({ receivedBytes }) => receivedBytes / 1e6
	}),
	'packed-time': packedPlot(figures, {
		...{ title: 'W10: its processor time', label: 's' },
		of: ({ cpuMs }) => cpuMs / 1_000
	})
});

function packedPlot(
	figures: CompactionFigures,
	{ title, label, of }: { title: string; label: string; of: (side: Packed['before']) => number }
): Plot {
	const logs = [...(figures.shorter ?? []), figures];
	const lengths = logs.map(({ commits }) => commits);
	return {
		title,
		x: {
			...{ label: 'commits', from: Math.min(...lengths), to: Math.max(...lengths) },
			...{ isLog: true, ticks: lengths }
		},
		y: { label, from: 0.1, to: 100, isLog: true, ticks: [0.1, 1, 10, 100] },
		series: [
			{ name: 'before', points: logs.map(({ commits, before }) => [commits, of(before)]) },
			{ name: 'after packing', points: logs.map(({ commits, after }) => [commits, of(after)]) }
		]
	};
}

function growthPlot({ sync }: Results, figure: string, title: string): Plot {
	const sizes = Object.entries(sync).flatMap(([name, systems]) => {
		const notes = /^(\d+) notes$/.exec(name)?.[1];
		return notes === undefined ? [] : [{ notes: Number(notes), systems }];
	});
	const series = Object.keys(names).map((system): Series => {
		const points = sizes.flatMap(({ notes, systems }) => {
			const ms = systems[system]?.[figure]?.[0];
			return ms === undefined ? [] : [[notes, ms] as const];
		});
		return { name: nameOf(system).replaceAll('*', '').replace(/ \(.*/, ''), points };
	});
	const counts = sizes.map(({ notes }) => notes);
	return {
		title,
		x: {
			...{ label: 'notes', from: Math.min(...counts), to: Math.max(...counts) },
			...{ isLog: true, ticks: counts }
		},
		y: {
			label: 'ms',
			from: 10,
			to: 100_000,
			isLog: true,
			ticks: [10, 100, 1_000, 10_000, 100_000]
		},
		series: series.filter(({ points }) => points.length > 0)
	};
}
