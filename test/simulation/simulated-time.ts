// The time of a simulation: what happens is put in a queue, and happens one thing after another, in
// an order that the seed decides. Between two of them everything that was promised is kept, so that
// a run is the same each time, however fast the machine.
import type { Chance } from './chance.ts';

export interface Planned {
	readonly atMs: number;
	readonly order: number;
	readonly run: () => void;
	cancelled: boolean;
}

const startMs = Date.UTC(2031, 4, 1);
/** Of ten thousand operations that take no time this many take some. */
const laggards = 500;
const longestLagMs = 40;

const { setImmediate: afterEverything } = globalThis;
const settled = (): Promise<void> => new Promise((resolve) => afterEverything(resolve));

export class SimulatedTime {
	readonly chance: Chance;
	nowMs = startMs;
	/** Things that have happened. */
	happened = 0;
	readonly #queue: Planned[] = [];
	#order = 0;

	constructor(chance: Chance) {
		this.chance = chance;
	}

	after(delayMs: number, run: () => void): Planned {
		const atMs = this.nowMs + Math.max(0, Math.ceil(delayMs));
		const planned: Planned = { atMs, order: this.#order++, run, cancelled: false };
		this.#insert(planned);
		return planned;
	}

	/** From nothing up to, not including, `maxMs`; whole milliseconds, so that no sum is rounded. */
	upTo(maxMs: number): number {
		return this.chance.below(maxMs);
	}

	happens(probability: number): boolean {
		return this.chance.next() < probability;
	}

	/** Mostly the value at once; sometimes others come first. */
	lagging<Value>(value: Value): Promise<Value> {
		if (this.chance.below(10_000) >= laggards) return Promise.resolve(value);
		return this.wait(this.upTo(longestLagMs)).then(() => value);
	}

	wait(ms: number): Promise<void> {
		return new Promise((resolve) => {
			this.after(ms, resolve);
		});
	}

	/** Everybody sleeps: what was due meanwhile happens afterwards. */
	sleep(ms: number): void {
		this.nowMs += ms;
	}

	/** Lets things happen until it is later than `untilMs`, or `isDone`. */
	async run(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
		await settled();
		while (!isDone()) {
			const next = this.#take();
			if (next === undefined) return;
			if (next.cancelled) continue;
			if (next.atMs > untilMs) {
				this.#insert(next);
				this.nowMs = Math.max(this.nowMs, untilMs);
				return;
			}
			this.nowMs = Math.max(this.nowMs, next.atMs);
			this.happened += 1;
			next.run();
			await settled();
		}
	}

	#insert(planned: Planned): void {
		const queue = this.#queue;
		let at = queue.length;
		queue.push(planned);
		while (at > 0) {
			const above = (at - 1) >> 1;
			const parent = queue[above] as Planned;
			if (!isBefore(planned, parent)) break;
			queue[at] = parent;
			at = above;
		}
		queue[at] = planned;
	}

	#take(): Planned | undefined {
		const queue = this.#queue;
		const first = queue[0];
		const last = queue.pop();
		if (first === undefined || last === undefined || queue.length === 0) return first;
		let at = 0;
		for (;;) {
			const left = 2 * at + 1;
			if (left >= queue.length) break;
			const right = left + 1;
			const isRight =
				right < queue.length && isBefore(queue[right] as Planned, queue[left] as Planned);
			const below = isRight ? right : left;
			if (!isBefore(queue[below] as Planned, last)) break;
			queue[at] = queue[below] as Planned;
			at = below;
		}
		queue[at] = last;
		return first;
	}
}

const isBefore = (a: Planned, b: Planned): boolean =>
	a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
