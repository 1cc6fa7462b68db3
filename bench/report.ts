// From figures to verdicts: the budgets of this project, and what this run says of each. What a run
// did not measure stays in the table, as not run.
import type { AttemptFigures } from './attempts.ts';
import type { BrowserSyncFigures } from './browser-sync.ts';
import {
	bytes,
	count,
	dollars,
	inOrder,
	judge,
	kilobytes,
	ms,
	spread,
	times,
	trips,
	type Budget,
	type Test
} from './budget.ts';
import type { ChainFigures } from './chain.ts';
import type { ColdStartFigures } from './cold-start.ts';
import type { CompactionFigures, EditCost } from './compaction.ts';
import type { CostFigures } from './cost.ts';
import type { LiveFigures } from './live.ts';
import type { LoginFigures } from './login.ts';
import type { MemberFigures } from './members.ts';
import { noteBytes, bodyLength } from './notes.ts';
import type { TripFigures } from './pull-trips.ts';
import type { RowFigures } from './rows.ts';
import type { SealResults } from './seal.ts';
import type { SearchFigures } from './search.ts';
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
	/** Absent: not measured in this run. Null: can't be measured on this machine. */
	readonly login?: LoginFigures;
	readonly attempts?: AttemptFigures;
	readonly rows?: RowFigures;
	readonly cost?: CostFigures;
	readonly members?: MemberFigures;
	readonly chain?: ChainFigures;
	readonly compaction?: CompactionFigures;
	readonly sizes?: SizeFigures;
	readonly trips?: TripFigures;
	readonly browserSync?: BrowserSyncFigures | null;
	readonly coldStart?: ColdStartFigures | null;
	readonly seal?: SealResults;
	readonly live?: LiveFigures;
	readonly search?: SearchFigures;
}

export const budgetsOf = (runs: Runs): readonly Budget[] =>
	inOrder(
		[
			...speedTests(runs),
			...browserTests(runs),
			...latencyTests(runs),
			...tripTests(runs),
			...byteTests(runs),
			...memoryTests(runs),
			...clientTests(runs),
			...edgeTests(runs),
			...laterTests,
			...growthTests(runs),
			...sharingTests(runs),
			...costTests(runs),
			...floodTests(runs),
			...moneyTests(runs)
		].map(judge)
	);

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

function browserTests({ browserSync, coldStart }: Runs): readonly Test[] {
	const put = { id: 'B3', shown: times, must: 0.1, stretch: 0.2, better: 'more' } as const;
	const start = { id: 'B14', shown: times, must: 2.5, stretch: 1.5, better: 'less' } as const;
	const busy = { ...start, shown: ms, must: 50, stretch: 50 };
	const of = "by IndexedDB's own speed with pages";
	return [
		{ ...put, what: `push in Chromium ${of}`, ...spread(browserSync?.pushRatio) },
		{ ...put, what: `pull in Chromium ${of}`, ...spread(browserSync?.pullRatio) },
		{
			...{ ...start, what: 'offline reload to the first list, by reading and decrypting alone' },
			...spread(coldStart?.listRatio)
		},
		{
			...{ ...busy, what: "offline reload: the longest that the page's thread was blocked" },
			...spread(coldStart?.reload.longestTaskMs)
		}
	];
}

function tripTests({ trips: figures }: Runs): readonly Test[] {
	const trip = { id: 'B5', shown: trips, better: 'less' } as const;
	return [
		{
			...{ ...trip, what: 'round trips of a pull, with a session' },
			...{ value: figures?.withSession ?? null, must: 1.5, stretch: 1 }
		},
		{
			...{ ...trip, what: 'round trips of a pull, with a whole login' },
			...{ value: figures?.withLogin ?? null, must: 3, stretch: 3 }
		}
	];
}

/** Of the same repeat: Jazz's peak and this one's. */
function memoryTests({ many }: Runs): readonly Test[] {
	const ratio = (of: (figures: SyncFigures) => number): Spread | null => {
		const peers = many['jazz'] ?? [];
		const ratios = (many['tacet'] ?? []).flatMap((figures, repeat) => {
			const peer = peers[repeat];
			return peer ? [of(figures) / of(peer)] : [];
		});
		return ratios.length > 0 ? spreadOf(ratios) : null;
	};
	const memory = { id: 'B8', shown: times, must: 0.4, stretch: 0.3, better: 'less' } as const;
	const client = ratio((figures) => Math.max(figures.writerMemoryMib, figures.readerMemoryMib));
	const edge = ratio(({ serverMemoryMib }) => serverMemoryMib);
	return [
		{ ...memory, what: "peak memory of a client, by Jazz's", ...spread(client) },
		{ ...memory, what: "peak memory of the edge's process, by Jazz's", ...spread(edge) }
	];
}

function clientTests({ login, seal, search }: Runs): readonly Test[] {
	const better = 'less';
	const sealing = { id: 'B12', shown: times, must: 1.4, stretch: 1.2, better } as const;
	return [
		{
			...{ id: 'B11', what: 'login less its requests, by serenity-kit alone', shown: times },
			...{ ...spread(login?.ownRatio), must: 1.1, stretch: 1.05, better }
		},
		{
			...{ ...sealing, what: 'a page sealed, by AES-GCM of as many bytes, in Chromium' },
			...spread(seal?.chromium?.sealRatio)
		},
		{
			...{ id: 'B16', what: 'local search, p95', shown: ms, better },
			...{ value: search?.p95Ms ?? null, must: 20, stretch: 5 }
		},
		{
			...{ id: 'B16', what: 'local search, p95 by a linear scan', shown: times, better },
			...{ value: search?.ratio ?? null, must: 0.3, stretch: 0.3 }
		}
	];
}

const edgeTests = ({ live }: Runs): readonly Test[] => [
	{
		...{ id: 'B15', what: `one writer, 50 live clients, by insert and broadcast alone` },
		...{ ...spread(live?.ratio), shown: times, must: 0.5, stretch: 0.7, better: 'more' }
	}
];

/** Rows of the table that nothing here measures yet. */
const laterTests: readonly Test[] = [
	{
		...{ id: 'B13', what: 'a file of 100 MB up and down, by the slower of PUT and AES-GCM' },
		...{ value: null, shown: times, must: 0.8, stretch: 0.9, better: 'more', waitsFor: 'files' }
	}
];

/** Of an edit's processor time, client and edge together: the most grown by the first. */
function growthTests({ compaction }: Runs): readonly Test[] {
	const edits = compaction?.edits ?? [];
	// First a log that grows, then spaces with more and more items, each with a short log.
	const turn = edits.findIndex(({ history }, at) => history < (edits[at - 1]?.history ?? 0));
	const growth = (series: readonly EditCost[]): number | null => {
		const [first, last] = [series[0], series.at(-1)];
		if (first === undefined || last === undefined || first === last) return null;
		const cost = ({ clientCpuMs, edgeCpuMs }: EditCost): number => clientCpuMs + edgeCpuMs;
		return cost(last) / cost(first);
	};
	const common = { id: 'B17', shown: times, must: 1.2, stretch: 1.05, better: 'less' } as const;
	return [
		{
			...{ ...common, what: "an edit's processor time as its log grows" },
			value: growth(turn < 0 ? edits : edits.slice(0, turn))
		},
		{
			...{ ...common, what: "an edit's processor time as items grow" },
			value: turn < 0 ? null : growth(edits.slice(turn))
		}
	];
}

const named = (value: number): string => value.toLocaleString('en');

function sharingTests({ members, chain }: Runs): readonly Test[] {
	const better = 'less';
	const at = `in a space of ${named(members?.items ?? 10_000)} items`;
	const many = `${named(chain?.commits ?? 10_000)} commits verified by bare signature checks`;
	const ratio = { id: 'chain', shown: times, must: 1.5, stretch: 1.25, better } as const;
	return [
		{
			...{ id: 'member', what: `commits of a new member ${at}`, shown: count, better },
			...{ value: members?.commitsEach.highest ?? null, must: 1, stretch: 1 }
		},
		{
			...{ id: 'member', what: `the client's CPU of a new member ${at}`, shown: ms, better },
			...spread(members?.clientCpuMs),
			...{ must: 50, stretch: 25 }
		},
		{
			...{ ...ratio, what: `${many}, processor time` },
			...spread(chain?.cpuRatio)
		},
		{
			...{ ...ratio, what: `${many}, elapsed time` },
			...spread(chain?.wallRatio)
		}
	];
}

function costTests({ login, rows, sizes }: Runs): readonly Test[] {
	const better = 'less';
	const round = { id: 'B9', shown: count, better } as const;
	const size = { id: 'size', shown: kilobytes, better } as const;
	return [
		{
			...{ ...round, what: 'rows written by 1,000 edits', value: rows?.perThousandEdits ?? null },
			...{ must: 2_100, stretch: 1_100 }
		},
		{
			...{
				...round,
				what: 'rows written by 10,000 imported',
				value: rows?.perTenThousandImported ?? null
			},
			...{ must: 250, stretch: 180 }
		},
		{
			...{ id: 'B10', what: 'OPAQUE, CPU of the edge a login', value: login?.answerMs ?? null },
			...{ shown: ms, must: 3, stretch: 2 * (login?.limitMs ?? 1.2), better }
		},
		{
			...{ ...size, what: 'JavaScript of the locked page, gzip' },
			...{ value: sizes?.lockedPageGzipBytes ?? null, must: 90_000, stretch: 90_000 }
		},
		{
			...{ ...size, what: 'Worker bundle, gzip', value: sizes?.workerGzipBytes ?? null },
			...{ must: 300_000, stretch: 300_000 }
		}
	];
}

/** Twenty at a time guess at one account, from fifty addresses. */
function floodTests({ attempts }: Runs): readonly Test[] {
	const flood = { id: 'flood', shown: ms, better: 'less' } as const;
	return [
		{
			...{ ...flood, what: 'a known device unlocks in a flood of guesses, p99' },
			...{ value: attempts?.knownDevice.flooded.p99Ms ?? null, must: 3_000, stretch: 2_000 }
		},
		{
			...{ ...flood, what: 'CPU of the edge, a guess that is answered' },
			...{ value: attempts?.manyAccounts.serverCpuMs ?? null, must: 6, stretch: 4 }
		},
		{
			...{ ...flood, what: 'CPU of the edge, a guess that is refused' },
			...{ value: attempts?.oneAccountSpent.serverCpuMs ?? null, must: 2, stretch: 1 }
		}
	];
}

function moneyTests({ cost }: Runs): readonly Test[] {
	const money = { id: 'W8', shown: dollars, better: 'less' } as const;
	const freePlan = cost?.freePlanEdits;
	return [
		{
			...{
				...money,
				what: '1,000 edits, list price',
				value: cost?.dollarsPerThousandEdits ?? null
			},
			...{ must: 0.0022, stretch: 0.0012 }
		},
		{
			...{ ...money, what: '1,000 people a month, list price, all in objects' },
			...{ value: cost?.listDollarsOfThousand ?? null, must: 5.02, stretch: 1.5 }
		},
		{
			...{
				id: 'W8',
				what: `edits a day on the free plan (${freePlan?.boundBy ?? 'by what runs out first'})`
			},
			...{ value: freePlan?.times ?? null, shown: count, better: 'more' },
			...{ must: 47_000, stretch: 90_000 }
		}
	];
}
