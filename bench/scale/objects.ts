// The objects of the edge as a simulation sees them: when each was last awake, how much it was asked in
// its busiest minute, how long work waited for it; and all of them together, what they are billed for.
import { noUsage, type Usage } from '../usage.ts';
import { assumedActiveSeconds, assumedWorkerCpuMs } from '../usage.ts';
import { framesPerRequest, objectGigabytes } from '../prices.ts';
import { Histogram, type Summary } from './histogram.ts';

export interface Sums {
	requests: number;
	frames: number;
	alarms: number;
	alarmsSet: number;
	wakes: number;
	rowsRead: number;
	rowsWritten: number;
}

const minuteMs = 60_000;

export class Objects {
	readonly sums: Sums = {
		...{ requests: 0, frames: 0, alarms: 0, alarmsSet: 0 },
		...{ wakes: 0, rowsRead: 0, rowsWritten: 0 }
	};
	readonly #idleMs: number;
	readonly #lastMs: Float64Array;
	readonly #freeAtMs: Float64Array;
	readonly #minute: Int32Array;
	readonly #inMinute: Uint32Array;
	readonly #busiest: Uint32Array;
	readonly #delaysMs = new Histogram();
	busyMs = 0;

	constructor(count: number, idleMs: number) {
		this.#idleMs = idleMs;
		this.#lastMs = new Float64Array(count).fill(-Infinity);
		this.#freeAtMs = new Float64Array(count);
		this.#minute = new Int32Array(count).fill(-1);
		this.#inMinute = new Uint32Array(count);
		this.#busiest = new Uint32Array(count);
	}

	/** Something is asked of one. Answers whether it had to be made anew in memory. */
	ask(place: number, nowMs: number, as: 'requests' | 'frames' | 'alarms', workMs: number): boolean {
		this.sums[as] += 1;
		this.#countMinute(place, Math.floor(nowMs / minuteMs));
		const beginsAtMs = Math.max(nowMs, this.#freeAtMs[place]!);
		this.#delaysMs.add(beginsAtMs - nowMs);
		this.#freeAtMs[place] = beginsAtMs + workMs;
		this.busyMs += workMs;
		return this.touch(place, nowMs);
	}

	isAsleep(place: number, nowMs: number): boolean {
		return nowMs - this.#lastMs[place]! >= this.#idleMs;
	}

	/** Something happens to one that nobody is charged for: a socket ends. */
	touch(place: number, nowMs: number): boolean {
		const isAwake = nowMs - this.#lastMs[place]! < this.#idleMs;
		this.#lastMs[place] = nowMs;
		if (!isAwake) this.sums.wakes += 1;
		return !isAwake;
	}

	rows(read: number, written: number): void {
		this.sums.rowsRead += read;
		this.sums.rowsWritten += written;
	}

	#countMinute(place: number, minute: number): void {
		if (this.#minute[place] !== minute) {
			this.#minute[place] = minute;
			this.#inMinute[place] = 0;
		}
		const count = ++this.#inMinute[place]!;
		if (count > this.#busiest[place]!) this.#busiest[place] = count;
	}

	figures(): ObjectFigures {
		const rates = new Histogram();
		for (const count of this.#busiest) if (count > 0) rates.add(count / 60);
		const { requests, frames, alarms, alarmsSet, wakes, rowsRead, rowsWritten } = this.sums;
		return {
			touched: rates.count,
			perSecondInBusiestMinute: rates.summary(),
			delayMs: this.#delaysMs.summary(),
			sums: {
				...{ requests, frames, alarms, alarmsSet, wakes },
				...{ rowsRead: Math.round(rowsRead), rowsWritten: Math.round(rowsWritten) }
			}
		};
	}
}

export interface ObjectFigures {
	/** Objects of which anything was asked. */
	readonly touched: number;
	/** Requests, frames and alarms, by object. */
	readonly perSecondInBusiestMinute: Summary;
	readonly delayMs: Summary;
	readonly sums: Readonly<Sums>;
}

export function usageOfDay(workerRequests: number, classes: readonly ObjectFigures[]): Usage {
	const sum = (of: (sums: Readonly<Sums>) => number) =>
		classes.reduce((total, { sums }) => total + of(sums), 0);
	const events = sum(({ requests, frames, alarms }) => requests + frames + alarms);
	return {
		...noUsage,
		workerRequests,
		workerCpuMs: workerRequests * assumedWorkerCpuMs,
		objectRequests: sum(
			({ requests, frames, alarms }) => requests + alarms + frames / framesPerRequest
		),
		gigabyteSeconds: events * assumedActiveSeconds * objectGigabytes,
		rowsRead: sum(({ rowsRead }) => rowsRead),
		rowsWritten: sum(({ rowsWritten, alarmsSet }) => rowsWritten + alarmsSet)
	};
}
