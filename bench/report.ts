// From figures to verdicts: the budgets of this project, and what this run says of each.
import type { ChainFigures } from './chain.ts';
import type { LoginFigures } from './login.ts';
import type { MemberFigures } from './members.ts';
import { noteBytes, bodyLength } from './notes.ts';
import type { RowFigures } from './rows.ts';
import type { SizeFigures } from './sizes.ts';
import { median, spreadOf, type Spread } from './statistics.ts';
import type { SyncFigures } from './sync.ts';

/** By system, one for each repeat. */
export type SyncRuns = Readonly<Record<string, readonly SyncFigures[]>>;

export interface Runs {
	/** At no added delay; the larger set is what budgets are about. */
	readonly few: SyncRuns;
	readonly many: SyncRuns;
	readonly fewNotes: number;
	readonly manyNotes: number;
	readonly delayed: SyncRuns;
	readonly rttMs: number;
	readonly login: LoginFigures;
	readonly rows: RowFigures;
	readonly members: MemberFigures;
	readonly chain: ChainFigures;
	readonly sizes: SizeFigures;
}

export interface Budget {
	readonly id: string;
	readonly what: string;
	readonly figure: string;
	readonly must: string;
	readonly stretch: string;
	readonly verdict: 'stretch' | 'met' | 'missed' | 'not run';
}

interface Test {
	readonly id: string;
	readonly what: string;
	/** Null: could not be measured here. */
	readonly value: number | null;
	readonly shown: (value: number) => string;
	readonly must: number;
	readonly stretch: number;
	readonly better: 'more' | 'less';
	readonly range?: Spread;
}

export const budgetsOf = (runs: Runs): readonly Budget[] =>
	[
		...speedTests(runs),
		...latencyTests(runs),
		...byteTests(runs),
		...sharingTests(runs),
		...costTests(runs)
	].map(judge);

function judge(test: Test): Budget {
	const { id, what, value, shown, must, stretch, better, range } = test;
	const sign = better === 'more' ? '≥' : '≤';
	const within = range ? ` (${shown(range.lowest)} to ${shown(range.highest)})` : '';
	return {
		id,
		what,
		figure: value === null ? '–' : `${shown(value)}${within}`,
		must: `${sign} ${shown(must)}`,
		stretch: `${sign} ${shown(stretch)}`,
		verdict: verdictOf(test)
	};
}

function verdictOf({ value, must, stretch, better }: Test): Budget['verdict'] {
	if (value === null || Number.isNaN(value)) return 'not run';
	const reaches = (limit: number) => (better === 'more' ? value >= limit : value <= limit);
	if (reaches(stretch)) return 'stretch';
	return reaches(must) ? 'met' : 'missed';
}

const times = (value: number): string => `${value.toFixed(2)}×`;
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const bytes = (value: number): string => `${value.toFixed(0)} B`;
const kilobytes = (value: number): string => `${(value / 1_000).toFixed(1)} kB`;
const count = (value: number): string => value.toFixed(0);

/** How many times as fast as the other, in each repeat. */
function faster(runs: SyncRuns, other: string, what: 'pushMs' | 'pullMs'): Spread | null {
	const own = runs['tacet'] ?? [];
	const others = runs[other] ?? [];
	const ratios = own.flatMap((figures, repeat) => {
		const theirs = others[repeat];
		return theirs ? [theirs[what] / figures[what]] : [];
	});
	return ratios.length > 0 ? spreadOf(ratios) : null;
}

function speedTests({ many }: Runs): readonly Test[] {
	const better = 'more';
	return (
		[
			['B1', 'push', 'pushMs', 6],
			['B2', 'pull', 'pullMs', 5]
		] as const
	).flatMap(([id, verb, what, jazzMust]) => {
		const jazz = faster(many, 'jazz', what);
		const yjs = faster(many, 'hocuspocus', what);
		const test = (peer: string, range: Spread | null, must: number, stretch: number): Test => ({
			...{ id, what: `${verb}, as fast as ${peer}`, value: range?.median ?? null },
			...{ shown: times, must, stretch, better },
			...(range && { range })
		});
		return [test('Jazz', jazz, jazzMust, jazzMust), test('plain Yjs (stretch only)', yjs, 0, 0.9)];
	});
}

const medianOf = (runs: SyncRuns, system: string, of: (figures: SyncFigures) => number): number =>
	median((runs[system] ?? []).map(of));

function latencyTests({ many, delayed, rttMs }: Runs): readonly Test[] {
	const jazzMs = medianOf(many, 'jazz', ({ editMedianMs }) => editMedianMs);
	const at = (runs: SyncRuns, delayMs: number): readonly Test[] => {
		const common = { id: 'B4', shown: ms, better: 'less' } as const;
		const medians = (runs['tacet'] ?? []).map(({ editMedianMs }) => editMedianMs);
		const p95s = (runs['tacet'] ?? []).map(({ editP95Ms }) => editP95Ms);
		const stretch = delayMs === 0 && !Number.isNaN(jazzMs) ? jazzMs : delayMs + 5;
		const name = `edit → visible elsewhere at RTT ${delayMs} ms`;
		return [
			{
				...{ ...common, what: `${name}, median`, value: median(medians) },
				...{ must: delayMs + 5, stretch, range: spreadOf(medians) }
			},
			{
				...{ ...common, what: `${name}, p95`, value: median(p95s) },
				...{ must: delayMs + 15, stretch: delayMs + 15, range: spreadOf(p95s) }
			}
		];
	};
	return [...at(many, 0), ...at(delayed, rttMs)];
}

function byteTests({ many, manyNotes }: Runs): readonly Test[] {
	const payload = manyNotes * noteBytes;
	const of = (pick: (figures: SyncFigures) => number) => medianOf(many, 'tacet', pick);
	const push = of(({ pushUpBytes, pushDownBytes }) => pushUpBytes + pushDownBytes) / payload;
	const pull = of(({ pullUpBytes, pullDownBytes }) => pullUpBytes + pullDownBytes) / payload;
	const writer = of((f) => f.editWriterUpBytes + f.editWriterDownBytes) - bodyLength;
	const reader = of((f) => f.editReaderUpBytes + f.editReaderDownBytes) - bodyLength;
	const stored = of(({ storedBytes }) => storedBytes) / payload;
	const bulk = { shown: times, must: 1.15, stretch: 1.08, better: 'less' } as const;
	const edit = { shown: bytes, must: 450, stretch: 300, better: 'less' } as const;
	return [
		{ id: 'B6', what: 'bytes on the wire by payload, push', value: push, ...bulk },
		{ id: 'B6', what: 'bytes on the wire by payload, pull', value: pull, ...bulk },
		{ id: 'B6', what: "an edit's fixed cost, writer's connection", value: writer, ...edit },
		{ id: 'B6', what: "an edit's fixed cost, reader's connection", value: reader, ...edit },
		{
			...{ id: 'B7', what: 'bytes stored by payload', value: stored },
			...{ ...bulk, must: 1.25, stretch: 1.12 }
		}
	];
}

function sharingTests({ members, chain }: Runs): readonly Test[] {
	const better = 'less';
	const at = `in a space of ${members.items.toLocaleString('en')} items`;
	const many = `${chain.commits.toLocaleString('en')} commits verified by bare signature checks`;
	const ratio = { id: 'chain', shown: times, must: 1.5, stretch: 1.25, better } as const;
	return [
		{
			...{ id: 'member', what: `commits of a new member ${at}`, shown: count, better },
			...{ value: members.commitsEach.highest, must: 1, stretch: 1 }
		},
		{
			...{ id: 'member', what: `the client's CPU of a new member ${at}`, shown: ms, better },
			...{ value: members.clientCpuMs.median, range: members.clientCpuMs },
			...{ must: 50, stretch: 25 }
		},
		{
			...{ ...ratio, what: `${many}, processor time` },
			...{ value: chain.cpuRatio.median, range: chain.cpuRatio }
		},
		{
			...{ ...ratio, what: `${many}, elapsed time` },
			...{ value: chain.wallRatio.median, range: chain.wallRatio }
		}
	];
}

function costTests({ login, rows, sizes }: Runs): readonly Test[] {
	const better = 'less';
	const round = { id: 'B9', shown: count, better } as const;
	const size = { id: 'size', shown: kilobytes, better } as const;
	return [
		{
			...{ ...round, what: 'rows written by 1,000 edits', value: rows.perThousandEdits },
			...{ must: 2_100, stretch: 1_100 }
		},
		{
			...{ ...round, what: 'rows written by 10,000 imported', value: rows.perTenThousandImported },
			...{ must: 250, stretch: 180 }
		},
		{
			...{ id: 'B10', what: 'OPAQUE, CPU of the edge a login', value: login.answerMs },
			...{ shown: ms, must: 3, stretch: 2 * login.limitMs, better }
		},
		{
			...{ ...size, what: 'JavaScript of the locked page, gzip' },
			...{ value: sizes.lockedPageGzipBytes, must: 90_000, stretch: 90_000 }
		},
		{
			...{ ...size, what: 'Worker bundle, gzip', value: sizes.workerGzipBytes },
			...{ must: 300_000, stretch: 300_000 }
		}
	];
}
