// The plots of docs/scaling.md.
import type { Plot } from './plot.ts';
import type { days, deploymentQueues, hotSpaces, otherWays } from './scenarios.ts';

export interface Plotted {
	readonly money: ReturnType<typeof days>['money'];
	readonly deployment: ReturnType<typeof deploymentQueues>;
	readonly hotSpaces: ReturnType<typeof hotSpaces>;
	readonly otherWays: ReturnType<typeof otherWays>;
}

const tens = (from: number, to: number): number[] => {
	const ticks: number[] = [];
	for (let tick = from; tick <= to * 1.0001; tick *= 10) ticks.push(tick);
	return ticks;
};
const shortNumber = (value: number): string => {
	if (value >= 1e6) return `${value / 1e6}M`;
	return value >= 1e3 ? `${value / 1e3}k` : String(value);
};
const people = {
	...{ label: 'people', from: 1e3, to: 1e7, isLog: true },
	...{ ticks: tens(1e3, 1e7), shown: shortNumber }
} as const;

export function plotsOf(figures: Plotted): Readonly<Record<string, Plot>> {
	return { deployment: deploymentPlot(figures), cost: costPlot(figures), hot: hotPlot(figures) };
}

function deploymentPlot({ deployment }: Plotted): Plot {
	const { queues, peakPerSecondAndPerson } = deployment;
	const one = queues.filter(({ deployments }) => deployments === 1);
	const at = (part: 'p50' | 'p99') =>
		one.map(({ people, delayMs }) => [people, Math.max(0.01, delayMs[part])] as const);
	return {
		title: 'The Deployment object in the busiest minute',
		x: people,
		y: {
			...{ label: 'ms that a call waits; calls a second', from: 0.01, to: 1e5, isLog: true },
			...{ ticks: tens(0.01, 1e5), shown: shortNumber }
		},
		series: [
			{ name: 'wait, median', points: at('p50') },
			{ name: 'wait, 99 of 100', points: at('p99') },
			{
				name: 'calls a second',
				points: one.map(({ people }) => [people, people * peakPerSecondAndPerson] as const)
			},
			{
				name: 'what one object bears',
				...{ isDashed: true, points: [[1e3, 1_000] as const, [1e7, 1_000] as const] }
			}
		]
	};
}

function costPlot({ money }: Plotted): Plot {
	const part = (key: string) =>
		money.map(
			({ people, listDollarsPerThousand }) => [people, listDollarsPerThousand[key] ?? 0] as const
		);
	return {
		title: 'Dollars a month for a thousand people',
		x: people,
		y: { label: 'dollars', from: 0, to: 16, isLog: false, ticks: [0, 4, 8, 12, 16] },
		series: [
			{
				name: 'the bill, fee included',
				points: money.map(
					({ people, billDollarsPerThousand }) => [people, billDollarsPerThousand] as const
				)
			},
			{ name: 'rows written, list', points: part('rowsWritten') },
			{ name: 'storage, list', points: part('storage') },
			{ name: 'requests to objects', points: part('objectRequests') },
			{ name: 'rows read, list', points: part('rowsRead') }
		]
	};
}

function hotPlot({ hotSpaces }: Plotted): Plot {
	const bySize = [...new Map(hotSpaces.map((figures) => [figures.members, figures])).values()];
	return {
		title: 'How many may type at once in one space',
		x: {
			...{ label: 'members who listen', from: 50, to: 5_000, isLog: true },
			...{ ticks: [50, 128, 500, 1_000, 5_000] }
		},
		y: { label: 'people who type', from: 1, to: 1_000, isLog: true, ticks: tens(1, 1_000) },
		series: [
			{
				name: 'the processor is full',
				points: bySize.map((one) => [one.members, one.typingAtProcessorLimit] as const)
			},
			{
				name: '200 writes a second',
				...{ isDashed: true },
				points: bySize.map((one) => [one.members, one.typingAtPlatformLimit] as const)
			},
			{
				name: 'everybody types',
				...{ isDashed: true },
				points: bySize.map((one) => [one.members, one.members] as const)
			}
		]
	};
}
