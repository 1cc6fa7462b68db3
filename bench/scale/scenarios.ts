// What is simulated: days of people at several scales, the queue of the Deployment object, updates, hot
// spaces, wide networks, and what other ways of building it would save.
import { maxMembers } from '../../protocol/limits.ts';
import { assumedPerson } from '../cost.ts';
import { objectRequestsPerSecond, prices } from '../prices.ts';
import { billDollars, carriedByFreePlan, listDollars, times, type Usage } from '../usage.ts';
import { assumed } from './assumptions.ts';
import type { Costs } from './costs.ts';
import { simulateDay, type DayFigures } from './day.ts';
import type { Changes } from './edge.ts';
import { short } from './histogram.ts';
import { simulateHot, type HotFigures } from './hot.ts';
import { simulateNetwork, type NetworkFigures } from './networks.ts';
import { runQueue, type QueueFigures } from './queue.ts';
import { simulateStorm, type StormFigures } from './storm.ts';

const seed = 20_261_122;
const monthDays = 30;
const hundredThousand = 100_000;

export interface Money {
	readonly people: number;
	readonly usageADay: Usage;
	readonly storedGigabytes: number;
	/** A month, at list price, nothing included; by what is billed. */
	readonly listDollarsPerThousand: Readonly<Record<string, number>>;
	readonly listDollarsPerThousandInAll: number;
	/** With the paid plan's fee, less what it includes. */
	readonly billDollars: number;
	readonly billDollarsPerThousand: number;
}

export function moneyOf(people: number, day: Usage): Money {
	const storedGigabytes = people * assumedPerson.storedGigabytes;
	const month = times(day, monthDays);
	const each = (dollars: number) => short((dollars * 1_000) / people);
	const of = (key: keyof Usage) => each(listDollars({ ...times(month, 0), [key]: month[key] }));
	const storage = storedGigabytes * prices.gigabyteMonth;
	const bill = billDollars(month, storedGigabytes);
	const keys = Object.keys(day) as (keyof Usage)[];
	return {
		people,
		usageADay: rounded(day),
		storedGigabytes,
		listDollarsPerThousand: {
			...Object.fromEntries(keys.map((key) => [key, of(key)])),
			storage: each(storage)
		},
		listDollarsPerThousandInAll: each(listDollars(month) + storage),
		billDollars: short(bill),
		billDollarsPerThousand: each(bill)
	};
}

const rounded = (usage: Usage): Usage =>
	Object.fromEntries(
		Object.entries(usage).map(([key, value]: [string, number]) => [key, Math.round(value)])
	) as unknown as Usage;

/** A day of everybody: simulated up to a hundred thousand people, beyond that multiplied. */
export function days(costs: Costs, log: (line: string) => void) {
	const simulated = [1_000, 10_000, hundredThousand].map((people) => {
		log(`a day of ${people.toLocaleString('en')} people`);
		return simulateDay({ people, costs, seed });
	});
	const widest = simulated.at(-1)!;
	const money = [...simulated.map(({ people, usage }) => moneyOf(people, usage))];
	for (const people of [1e6, 1e7]) {
		money.push(moneyOf(people, times(widest.usage, people / widest.people)));
	}
	return { simulated, money, widest };
}

export interface DeploymentFigures extends QueueFigures {
	readonly people: number;
	readonly deployments: number;
	/** At each of the objects, in the busiest minute. */
	readonly perSecond: number;
}

export function deploymentQueues(widest: DayFigures) {
	const peakPerPerson = widest.objects.deployment.perSecondInBusiestMinute.max / widest.people;
	const at = (people: number, deployments: number): DeploymentFigures => {
		const perSecond = (peakPerPerson * people) / deployments;
		const serviceMs = 1_000 / objectRequestsPerSecond.passing;
		const figures = runQueue({ perSecond, serviceMs, seconds: 60, seed });
		return { people, deployments, perSecond: short(perSecond), ...figures };
	};
	const saturatedBy = objectRequestsPerSecond.passing / peakPerPerson;
	return {
		callsPerPersonDay: short(widest.objects.deployment.sums.requests / widest.people),
		peakPerSecondAndPerson: short(peakPerPerson),
		peopleAtFullLoad: Math.floor(saturatedBy),
		queues: [
			...[1e3, 1e4, 1e5, 3e5, 0.8 * saturatedBy, 0.95 * saturatedBy, 1e6, 3e6, 1e7].map((people) =>
				at(Math.round(people), 1)
			),
			...[16, 64].map((deployments) => at(1e7, deployments))
		]
	};
}

export function storms(
	widest: DayFigures,
	log: (line: string) => void
): (StormFigures & { readonly people: number })[] {
	const socketsOf = (people: number) => Math.round((widest.mostSockets / widest.people) * people);
	const cases = [
		[1e3, 1],
		[1e4, 1],
		[1e5, 1],
		[1e6, 1],
		[1e5, 16],
		[1e6, 16]
	] as const;
	return cases.map(([people, deployments]) => {
		log(`an update of the edge, ${people.toLocaleString('en')} people, ${deployments} deployments`);
		return { people, ...simulateStorm({ sockets: socketsOf(people), deployments, seed }) };
	});
}

export function hotSpaces(costs: Costs, commitsPerSecond: number): HotFigures[] {
	return [50, maxMembers, 500, 1_000, 5_000].flatMap((members) =>
		[0.02, 0.1, 0.5].map((share) => {
			const typing = Math.max(1, Math.round(members * share));
			return simulateHot(costs, { commitsPerSecond }, { members, typing, seed });
		})
	);
}

export function wideNetworks({ people, logins, refreshes, connects }: DayFigures): {
	readonly requestsPerPersonDay: Readonly<Record<string, number>>;
	readonly networks: readonly NetworkFigures[];
} {
	const requests = {
		login: (2 * logins) / people,
		session: refreshes / people,
		socket: connects / people
	};
	const each = (kind: keyof typeof requests) => short(requests[kind]);
	return {
		requestsPerPersonDay: {
			login: each('login'),
			session: each('session'),
			socket: each('socket')
		},
		networks: [100, 300, 1_000, 2_000, 3_000, 5_000, 10_000, 30_000].map((count) =>
			simulateNetwork(count, requests, seed)
		)
	};
}

const variants: Readonly<Record<string, Changes>> = {
	'as built': {},
	'a snapshot every 256 commits': { snapshotEvery: 256 },
	'a Limiter writes every request': { limiterWritesBeyondMs: 0 },
	'limiters are named without the Deployment object': { namesWithoutDeployment: true },
	'unlocking goes on with the session': { unlockByRefresh: true },
	'both of these': { namesWithoutDeployment: true, unlockByRefresh: true }
};

const variantPeople = 10_000;

export function otherWays(costs: Costs, log: (line: string) => void) {
	const compared = Object.entries(variants).map(([name, changes]) => {
		log(name);
		return comparedOf(name, simulateDay({ people: variantPeople, costs, seed, changes }));
	});
	log('people who write ten times as much');
	const assumptions = { ...assumed, editsPerPersonDay: 10 * assumed.editsPerPersonDay };
	const writers = simulateDay({ people: variantPeople, costs, seed, assumptions });
	return [...compared, comparedOf('as built, 300 edits a day', writers)];
}

function comparedOf(name: string, day: DayFigures) {
	const { deployment, limiter, account, space } = day.objects;
	const written = ({ sums }: typeof space) =>
		short((sums.rowsWritten + sums.alarmsSet) / day.people);
	const person = times(day.usage, 1 / day.people);
	return {
		name,
		people: day.people,
		rowsWrittenPerPersonDay: short(person.rowsWritten),
		rowsWrittenBy: { limiter: written(limiter), account: written(account), space: written(space) },
		rowsReadPerPersonDay: short(person.rowsRead),
		objectRequestsPerPersonDay: short(person.objectRequests),
		workerRequestsPerPersonDay: short(person.workerRequests),
		deploymentCallsPerPersonDay: short(deployment.sums.requests / day.people),
		listDollarsPerThousandMonth: moneyOf(day.people, day.usage).listDollarsPerThousandInAll,
		freePlan: carriedByFreePlan(person)
	};
}
