// One server that takes its work in the order in which it comes, as an object does.
import { Chance } from './chance.ts';
import { Histogram, type Summary } from './histogram.ts';

export class Queue {
	#freeAtMs = 0;
	/** From the arrival of one piece of work to its beginning. */
	readonly delaysMs = new Histogram();
	busyMs = 0;

	/** For how long work waits that would come now. */
	backlogMs(nowMs: number): number {
		return Math.max(0, this.#freeAtMs - nowMs);
	}

	/** Must be called in the order of time. Answers when the work is done. */
	arrive(nowMs: number, serviceMs: number): number {
		const beginsAtMs = Math.max(nowMs, this.#freeAtMs);
		this.delaysMs.add(beginsAtMs - nowMs);
		this.busyMs += serviceMs;
		this.#freeAtMs = beginsAtMs + serviceMs;
		return this.#freeAtMs;
	}
}

export interface QueueRun {
	readonly perSecond: number;
	readonly serviceMs: number;
	readonly seconds: number;
	readonly seed: number;
}

export interface QueueFigures {
	/** Work that comes, by what can be done. */
	readonly load: number;
	readonly delayMs: Summary;
	/** Beyond a load of one it grows for as long as the load lasts. */
	readonly backlogAtEndMs: number;
}

/** Work that comes at random (Poisson) to one object which takes equally long for each piece. */
export function runQueue({ perSecond, serviceMs, seconds, seed }: QueueRun): QueueFigures {
	const chance = new Chance(seed);
	const queue = new Queue();
	const untilMs = seconds * 1_000;
	for (let nowMs = 0; ; ) {
		nowMs += chance.exponential(1_000 / perSecond);
		if (nowMs >= untilMs) break;
		queue.arrive(nowMs, serviceMs);
	}
	return {
		load: Number(((perSecond * serviceMs) / 1_000).toPrecision(4)),
		delayMs: queue.delaysMs.summary(),
		backlogAtEndMs: Number(queue.backlogMs(untilMs).toPrecision(4))
	};
}
