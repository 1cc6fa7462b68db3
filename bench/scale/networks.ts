// Many people behind one address (an office, a university, a mobile carrier): how many of their requests
// the Limiter object of that address refuses, by its own rates, over an assumed day.
import { arrive } from '../../durable-objects/gcra.ts';
import { networkRates, type NetworkRate } from '../../durable-objects/limits.ts';
import { assumed, dayMs } from './assumptions.ts';
import { Chance } from './chance.ts';
import { short } from './histogram.ts';

export interface NetworkFigures {
	readonly people: number;
	/** In the busiest hour. */
	readonly requestsPerSecond: number;
	readonly refusedShare: Readonly<Record<'login' | 'socket' | 'session', number>>;
}

/** Requests of each kind that one person makes a day, as a simulated day has them. */
export type Requests = Readonly<Record<'login' | 'socket' | 'session', number>>;

export function simulateNetwork(people: number, requests: Requests, seed: number): NetworkFigures {
	const chance = new Chance(seed);
	const { dayCurve } = assumed;
	const sum = dayCurve.reduce((total, weight) => total + weight, 0);
	const hourMs = dayMs / dayCurve.length;
	const refused = { login: 0, socket: 0, session: 0 };
	const made = { login: 0, socket: 0, session: 0 };
	for (const kind of Object.keys(refused) as (keyof Requests & NetworkRate)[]) {
		let arrivalMs: number | undefined;
		for (const [hour, weight] of dayCurve.entries()) {
			const perMs = (people * requests[kind] * weight) / sum / hourMs;
			let nowMs = hour * hourMs + chance.exponential(1 / perMs);
			for (; nowMs < (hour + 1) * hourMs; nowMs += chance.exponential(1 / perMs)) {
				made[kind] += 1;
				const arrival = arrive(networkRates[kind], arrivalMs, nowMs);
				if (arrival.allowed) arrivalMs = arrival.arrivalMs;
				else refused[kind] += 1;
			}
		}
	}
	const share = (kind: keyof Requests) => (made[kind] === 0 ? 0 : refused[kind] / made[kind]);
	const all = Object.values(requests).reduce((total, count) => total + count, 0);
	const peak = (Math.max(...dayCurve) / sum) * dayCurve.length;
	return {
		people,
		requestsPerSecond: short(((people * all) / dayMs) * 1_000 * peak),
		refusedShare: {
			login: short(share('login')),
			socket: short(share('socket')),
			session: short(share('session'))
		}
	};
}
