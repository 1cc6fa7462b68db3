// The tables of docs/scaling.md, written from what was measured and simulated: none is typed by hand.
import type { Counts } from '../counting/edge.ts';
import type { Operations } from '../counting/operations.ts';
import type { DayFigures } from './day.ts';
import type { Plotted } from './plots.ts';
import type { storms, wideNetworks } from './scenarios.ts';

export interface Tabled extends Plotted {
	readonly days: readonly DayFigures[];
	readonly storms: ReturnType<typeof storms>;
	readonly networks: ReturnType<typeof wideNetworks>;
}

type Row = readonly (string | number)[];

const shown = (value: string | number): string =>
	typeof value === 'string' ? value : value.toLocaleString('en', { maximumFractionDigits: 2 });

function table(head: Row, rows: readonly Row[]): string {
	const line = (cells: Row) => `| ${cells.map(shown).join(' | ')} |`;
	const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
	return [line(head), line(rule), ...rows.map(line)].join('\n');
}

const dollars = (value: number): string =>
	value >= 100 ? `$${Math.round(value).toLocaleString('en')}` : `$${value.toFixed(2)}`;
const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

function wait(ms: number): string {
	if (ms >= 120_000) return `${(ms / 60_000).toFixed(0)} min`;
	return ms >= 1_000 ? `${(ms / 1_000).toFixed(1)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

export const tablesOf = (
	figures: Tabled,
	operations: Operations
): Readonly<Record<string, string>> => ({
	asked: askedTable(operations),
	days: daysTable(figures),
	rates: ratesTable(figures),
	deployment: deploymentTable(figures),
	updates: updatesTable(figures),
	networks: networksTable(figures),
	hot: hotTable(figures),
	money: moneyTable(figures),
	ways: waysTable(figures)
});

/** Puts each table between the two marks that name it. */
export function withTables(document: string, tables: Readonly<Record<string, string>>): string {
	return Object.entries(tables).reduce((text, [name, made]) => {
		const [from, to] = [`<!-- made: ${name} -->`, `<!-- end: ${name} -->`];
		const [begin, end] = [text.indexOf(from), text.indexOf(to)];
		if (begin < 0 || end < begin) throw new Error(`no place for the table '${name}'`);
		return `${text.slice(0, begin + from.length)}\n\n${made}\n\n${text.slice(end)}`;
	}, document);
}

function askedTable(operations: Operations): string {
	const { openAlone, refresh, connect, edit, importNotes, pullEdits, signUp } = operations;
	const row = (name: string, counts: Counts): Row => {
		const calls = (of: string) => counts[of]?.calls ?? 0;
		const objects = Object.entries(counts).filter(([of]) => of !== 'Worker');
		const sum = (of: (count: Counts[string]) => number) =>
			objects.reduce((total, [, count]) => total + of(count), 0);
		return [
			...[name, calls('Worker'), calls('Deployment'), calls('Limiter'), calls('Account')],
			...[calls('Space'), sum(({ frames }) => frames), sum(({ alarms }) => alarms)],
			...[sum(({ rowsRead }) => rowsRead), sum((one) => one.rowsWritten + one.alarmsSet)]
		];
	};
	return table(
		[
			...['what is done', 'Worker', 'Deployment', 'Limiter', 'Account', 'Space'],
			...['frames', 'alarms', 'rows read', 'rows written']
		],
		[
			row('signing up', signUp),
			row('unlocking the page, alone on a network', openAlone),
			row('a new access token', refresh),
			row('a socket opened again', connect),
			row('a fresh device pulls 1,000 edits', pullEdits),
			row('one live edit', edit),
			row('10,000 notes imported', importNotes)
		]
	);
}

function daysTable({ days }: Tabled): string {
	const each = (of: (day: DayFigures) => number): number[] => days.map(of);
	return table(
		['a day of', ...days.map(({ people }) => `${people.toLocaleString('en')} people`)],
		[
			['spaces', ...each(({ spaces }) => spaces)],
			['most members of one', ...each(({ largestSpace }) => largestSpace)],
			['networks', ...each(({ networks }) => networks)],
			['logins', ...each(({ logins }) => logins)],
			['new access tokens', ...each(({ refreshes }) => refreshes)],
			['sockets opened', ...each(({ connects }) => connects)],
			['sockets open at the busiest hour', ...each(({ mostSockets }) => mostSockets)],
			['edits', ...each(({ edits }) => edits)],
			['edits passed on', ...each(({ passedOn }) => passedOn)],
			['requests to the Worker', ...each(({ usage }) => usage.workerRequests)],
			['requests to objects', ...each(({ usage }) => Math.round(usage.objectRequests))],
			['rows written', ...each(({ usage }) => Math.round(usage.rowsWritten))],
			['rows read', ...each(({ usage }) => Math.round(usage.rowsRead))],
			['GB-s', ...each(({ usage }) => Math.round(usage.gigabyteSeconds))]
		]
	);
}

function ratesTable({ days }: Tabled): string {
	const widest = days.at(-1)!;
	const classes = ['deployment', 'limiter', 'account', 'space'] as const;
	return table(
		[
			...['object', 'asked of', 'p50 a second', 'p99 a second', 'max a second'],
			...['p50 wait', 'p99 wait', 'max wait', 'wakes']
		],
		classes.map((name) => {
			const { touched, perSecondInBusiestMinute: rate, delayMs, sums } = widest.objects[name];
			return [
				...[name, touched, rate.p50, rate.p99, rate.max],
				...[wait(delayMs.p50), wait(delayMs.p99), wait(delayMs.max), sums.wakes]
			];
		})
	);
}

const deploymentTable = ({ deployment }: Tabled): string =>
	table(
		['people', 'objects', 'calls a second each', 'load', 'wait p50', 'wait p99', 'wait max'],
		deployment.queues.map(({ people, deployments, perSecond, load, delayMs }) => [
			...[people, deployments, perSecond, load],
			...[wait(delayMs.p50), wait(delayMs.p99), wait(delayMs.max)]
		])
	);

const updatesTable = ({ storms }: Tabled): string =>
	table(
		['people', 'sockets', 'objects', 'half are back', 'all are back', 'capacity alone', 'attempts'],
		storms.map((storm) => [
			...[storm.people, storm.sockets, storm.deployments],
			...[wait(storm.halfBackSeconds * 1_000), wait(storm.allBackSeconds * 1_000)],
			...[wait(storm.leastSeconds * 1_000), storm.attempts]
		])
	);

const networksTable = ({ networks }: Tabled): string =>
	table(
		['people', 'requests a second, at most', 'logins refused', 'sockets refused', 'tokens refused'],
		networks.networks.map(({ people, requestsPerSecond, refusedShare }) => [
			...[people, requestsPerSecond, percent(refusedShare.login)],
			...[percent(refusedShare.socket), percent(refusedShare.session)]
		])
	);

const hotTable = ({ hotSpaces }: Tabled): string =>
	table(
		[
			...['members', 'typing', 'commits a second', 'ms each', 'load'],
			...['wait p50', 'wait p99', 'frames out a second']
		],
		hotSpaces.map((hot) => [
			...[hot.allowed ? hot.members : `${shown(hot.members)} (not let in)`, hot.typing],
			...[hot.commitsPerSecond, hot.commitMs, hot.load],
			...(hot.load < 1 ? [wait(hot.delayMs.p50), wait(hot.delayMs.p99)] : ['grows', 'grows']),
			hot.framesOutPerSecond
		])
	);

function moneyTable({ money }: Tabled): string {
	const keys = {
		rowsWritten: 'rows written',
		storage: 'storage',
		objectRequests: 'requests to objects',
		rowsRead: 'rows read',
		workerRequests: 'requests to the Worker',
		gigabyteSeconds: 'duration',
		workerCpuMs: 'processor of the Worker'
	};
	return table(
		['a month, for 1,000 of', ...money.map(({ people }) => people)],
		[
			...Object.entries(keys).map(([key, name]) => [
				`${name}, list price`,
				...money.map(({ listDollarsPerThousand }) => dollars(listDollarsPerThousand[key] ?? 0))
			]),
			[
				'all, list price',
				...money.map(({ listDollarsPerThousandInAll }) => dollars(listDollarsPerThousandInAll))
			],
			[
				'the bill, for 1,000',
				...money.map(({ billDollarsPerThousand }) => dollars(billDollarsPerThousand))
			],
			['the bill, for all', ...money.map(({ billDollars }) => dollars(billDollars))]
		]
	);
}

const waysTable = ({ otherWays }: Tabled): string =>
	table(
		[
			...['a person a day', 'rows written', 'by Limiter', 'by Account', 'by Space', 'rows read'],
			...['requests to objects', '$ a month for 1,000', 'people on the free plan', 'what ends it']
		],
		otherWays.map((way) => [
			...[way.name, way.rowsWrittenPerPersonDay, way.rowsWrittenBy.limiter],
			...[way.rowsWrittenBy.account, way.rowsWrittenBy.space, way.rowsReadPerPersonDay],
			...[way.objectRequestsPerPersonDay, dollars(way.listDollarsPerThousandMonth)],
			...[way.freePlan.times, way.freePlan.boundBy]
		])
	);
