// An update of the edge closes every socket at once, and nothing of it is in memory any more. Clients
// come back by their own rule (client/socket.ts): a quarter of a second, doubled up to a minute, and at
// random between half of it and all of it. Each socket that is opened asks the Deployment object twice:
// for names, and, as every space is asleep, for keys.
import { objectRequestsPerSecond } from '../prices.ts';
import { Chance } from './chance.ts';
import { Events } from './events.ts';
import { Histogram, short, type Summary } from './histogram.ts';
import { Queue } from './queue.ts';

export interface Storm {
	readonly sockets: number;
	/** Objects that share what the one Deployment object does today. */
	readonly deployments: number;
	readonly seed: number;
}

export interface StormFigures {
	readonly sockets: number;
	readonly deployments: number;
	/** Until half, and all, are back. */
	readonly halfBackSeconds: number;
	readonly allBackSeconds: number;
	readonly secondsToComeBack: Summary;
	readonly attempts: number;
	/** What the capacity alone would take: two calls for each socket. */
	readonly leastSeconds: number;
}

const firstDelayMs = 250;
const longestDelayMs = 60_000;
/** A client gives up a connection that has not opened by then, and comes back later. */
const openTimeoutMs = 15_000;
/**
 * Assumed: an object that has more work than this waiting refuses at once. The platform says that it
 * refuses when overloaded, and not when exactly.
 */
const longestBacklogMs = 10_000;
const callsPerSocket = 2;

export function simulateStorm({ sockets, deployments, seed }: Storm): StormFigures {
	const chance = new Chance(seed);
	const events = new Events();
	const queues = Array.from({ length: deployments }, () => new Queue());
	const back = new Histogram();
	const serviceMs = (callsPerSocket * 1_000) / objectRequestsPerSecond.passing;
	let [attempts, lastMs] = [0, 0];
	const comeBack = (nowMs: number, attempt: number, socket: number): void => {
		const step = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1));
		const atMs = nowMs + step * (0.5 + chance.unit() / 2);
		events.add({ atMs, kind: Math.min(attempt, 60), who: socket % 2 ** 22, what: 0 });
	};
	for (let socket = 0; socket < sockets; socket++) comeBack(0, 1, socket);
	for (let event = events.next(); event !== null; event = events.next()) {
		attempts += 1;
		const queue = queues[event.who % deployments]!;
		const backlogMs = queue.backlogMs(event.atMs);
		if (backlogMs > longestBacklogMs || backlogMs + serviceMs > openTimeoutMs) {
			comeBack(event.atMs, event.kind + 1, event.who);
			continue;
		}
		const doneMs = queue.arrive(event.atMs, serviceMs);
		back.add(doneMs / 1_000);
		lastMs = Math.max(lastMs, doneMs);
	}
	return {
		...{ sockets, deployments, attempts },
		halfBackSeconds: short(back.quantile(0.5)),
		allBackSeconds: short(lastMs / 1_000),
		secondsToComeBack: back.summary(),
		leastSeconds: short((sockets * serviceMs) / 1_000 / deployments)
	};
}
