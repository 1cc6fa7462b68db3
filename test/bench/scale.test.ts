// The simulation of bench/scale held against what is known without it: formulas of queues, and what was
// counted on the real edge.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { assumed } from '../../bench/scale/assumptions.ts';
import { Chance } from '../../bench/scale/chance.ts';
import { costsOf } from '../../bench/scale/costs.ts';
import { DaySimulation, simulateDay } from '../../bench/scale/day.ts';
import { Events } from '../../bench/scale/events.ts';
import { Histogram } from '../../bench/scale/histogram.ts';
import type { Measured } from '../../bench/scale/measure.ts';
import { Queue, runQueue } from '../../bench/scale/queue.ts';
import { simulateStorm } from '../../bench/scale/storm.ts';
import { tablesOf, type Tabled } from '../../bench/scale/tables.ts';

const read = (name: string): string =>
	readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const measured = JSON.parse(read('bench/scale/measured.json')) as Measured;
const costs = costsOf(measured);
const hourMs = 3_600_000;

test.each([0.3, 0.6, 0.8])(
	'a queue at load %f waits as long as Pollaczek and Khinchine say',
	(load) => {
		const serviceMs = 2;
		const { delayMs } = runQueue({
			...{ perSecond: (load * 1_000) / serviceMs, serviceMs },
			...{ seconds: 400, seed: 7 }
		});
		// M/D/1: load · service / (2 · (1 − load)).
		const expectedMs = (load * serviceMs) / (2 * (1 - load));
		expect(Math.abs(delayMs.mean / expectedMs - 1)).toBeLessThan(0.05);
	}
);

test('beyond a load of one, what waits grows by what can not be done', () => {
	const { backlogAtEndMs } = runQueue({ perSecond: 1_500, serviceMs: 1, seconds: 60, seed: 7 });
	expect(backlogAtEndMs / 60_000).toBeGreaterThan(0.48);
	expect(backlogAtEndMs / 60_000).toBeLessThan(0.52);
});

test("as many are in a queue as come in the time that one stays: Little's law", () => {
	const [chance, queue] = [new Chance(3), new Queue()];
	const [perMs, untilMs] = [0.7, 200_000];
	const changes: { readonly atMs: number; readonly by: number }[] = [];
	let [count, staysMs] = [0, 0];
	for (let nowMs = chance.exponential(1 / perMs); nowMs < untilMs; count++) {
		const doneMs = queue.arrive(nowMs, 1);
		staysMs += doneMs - nowMs;
		changes.push({ atMs: nowMs, by: 1 }, { atMs: doneMs, by: -1 });
		nowMs += chance.exponential(1 / perMs);
	}
	let [inside, area, lastMs] = [0, 0, 0];
	for (const { atMs, by } of changes.sort((a, b) => a.atMs - b.atMs)) {
		area += inside * (atMs - lastMs);
		inside += by;
		lastMs = atMs;
	}
	const mean = area / lastMs;
	expect(Math.abs(mean / (perMs * (staysMs / count)) - 1)).toBeLessThan(0.02);
	// And an M/D/1 queue holds this many.
	expect(Math.abs(mean / (perMs + perMs ** 2 / (2 * (1 - perMs))) - 1)).toBeLessThan(0.05);
});

test('events come in the order of their time, and of equal times in the order in which they were added', () => {
	const [chance, events] = [new Chance(5), new Events()];
	for (let who = 0; who < 2_000; who++) {
		events.add({ atMs: chance.below(50), kind: 1, who, what: who });
	}
	const order = Array.from({ length: 2_000 }, () => events.next()!);
	const sorted = order.toSorted((a, b) => a.atMs - b.atMs || a.who - b.who);
	expect(order).toEqual(sorted);
	expect(events.next()).toBeNull();
});

test('quantiles are right to one percent', () => {
	const histogram = new Histogram();
	for (let value = 1; value <= 10_000; value++) histogram.add(value);
	for (const part of [0.5, 0.9, 0.99]) {
		expect(Math.abs(histogram.quantile(part) / (part * 10_000) - 1)).toBeLessThan(0.011);
	}
	expect(histogram.most).toBe(10_000);
});

/** One person with one device and the first space only, alone on their network. */
const alone = {
	...{ people: 1, personOf: Uint32Array.of(0), spacesOf: [[0, 1]] },
	...{ networkOf: Uint32Array.of(0), editsOf: Float64Array.of(0) },
	...{ spaces: 2, networks: 1, largestSpace: 1, largestNetwork: 1 }
};

test('one opening of the page asks of every object what it was counted to ask', () => {
	const simulation = new DaySimulation(alone, {
		...{ costs, assumptions: assumed, changes: {}, chance: new Chance(1) }
	});
	const { workerRequests, objects } = simulation.run([hourMs]);
	const counted = (name: string) => measured.operations.openAlone[name]!;
	expect(workerRequests).toBe(counted('Worker').calls);
	expect(objects.deployment.sums.requests).toBe(counted('Deployment').calls);
	expect(objects.account.sums.requests).toBe(counted('Account').calls);
	expect(objects.space.sums.requests).toBe(counted('Space').calls);
	expect(objects.limiter.sums.requests).toBe(counted('Limiter').calls);
	expect(objects.limiter.sums.rowsWritten).toBe(counted('Limiter').rowsWritten);
	expect(objects.limiter.sums.alarms).toBe(counted('Limiter').alarms);
	expect(objects.limiter.sums.alarmsSet).toBe(counted('Limiter').alarmsSet);
	expect(objects.account.sums.rowsWritten).toBe(counted('Account').rowsWritten);
	expect(objects.account.sums.alarmsSet).toBe(counted('Account').alarmsSet);
});

test('the same seed gives the same day, another one another day', () => {
	const day = (seed: number) => JSON.stringify(simulateDay({ people: 60, costs, seed }));
	expect(day(1)).toBe(day(1));
	expect(day(1)).not.toBe(day(2));
});

test('people who come back after an update are back no sooner than the capacity lets them', () => {
	const { leastSeconds, allBackSeconds, secondsToComeBack } = simulateStorm({
		...{ sockets: 4_000, deployments: 1, seed: 2 }
	});
	expect(leastSeconds).toBe(8);
	expect(allBackSeconds).toBeGreaterThanOrEqual(leastSeconds);
	expect(allBackSeconds).toBeLessThan(leastSeconds * 1.1);
	expect(secondsToComeBack.mean).toBeLessThan(allBackSeconds);
});

test('the tables of docs/scaling.md are those of the simulation that is kept', () => {
	const simulated = JSON.parse(read('bench/scale/simulated.json')) as Tabled;
	const cells = (text: string) => text.replace(/ +/g, ' ').replace(/-{2,}/g, '--');
	const document = cells(read('docs/scaling.md'));
	for (const made of Object.values(tablesOf(simulated, measured.operations))) {
		for (const row of made.split('\n').filter((line) => !line.startsWith('| ---'))) {
			expect(document).toContain(cells(row));
		}
	}
});
