// What is billed, summed up from what was counted; and what it costs.
import type { Counts } from './counting/edge.ts';
import { freeDay, framesPerRequest, included, objectGigabytes, prices } from './prices.ts';

/** Of everything that the platform bills, how much. */
export interface Usage {
	readonly workerRequests: number;
	readonly workerCpuMs: number;
	/** Calls, alarms, and frames by twenty. */
	readonly objectRequests: number;
	readonly gigabyteSeconds: number;
	readonly rowsRead: number;
	/** Rows, and one for each alarm that is set. */
	readonly rowsWritten: number;
}

/**
 * Assumed, not measured: wall-clock time for which one call, frame or alarm keeps an object active.
 * An answer waits for its write to be confirmed elsewhere, which no local server does.
 */
export const assumedActiveSeconds = 0.02;
/** Assumed: processor time of the Worker alone, for one request. */
export const assumedWorkerCpuMs = 2;

export const noUsage: Usage = {
	...{ workerRequests: 0, workerCpuMs: 0, objectRequests: 0 },
	...{ gigabyteSeconds: 0, rowsRead: 0, rowsWritten: 0 }
};

const usageKeys = Object.keys(noUsage) as (keyof Usage)[];

const mapUsage = (of: (key: keyof Usage) => number): Usage =>
	Object.fromEntries(usageKeys.map((key) => [key, of(key)])) as unknown as Usage;

export const plus = (...all: readonly Usage[]): Usage =>
	mapUsage((key) => all.reduce((sum, usage) => sum + usage[key], 0));

export const times = (usage: Usage, factor: number): Usage =>
	mapUsage((key) => usage[key] * factor);

export function usageOf(counts: Counts): Usage {
	const workerRequests = counts['Worker']?.calls ?? 0;
	const objects = Object.entries(counts).filter(([name]) => name !== 'Worker');
	const sum = (of: (count: Counts[string]) => number) =>
		objects.reduce((total, [, count]) => total + of(count), 0);
	const events = sum(({ calls, frames, alarms }) => calls + frames + alarms);
	return {
		workerRequests,
		workerCpuMs: workerRequests * assumedWorkerCpuMs,
		objectRequests: sum(({ calls, frames, alarms }) => calls + alarms + frames / framesPerRequest),
		gigabyteSeconds: events * assumedActiveSeconds * objectGigabytes,
		rowsRead: sum(({ rowsRead }) => rowsRead),
		rowsWritten: sum(({ rowsWritten, alarmsSet }) => rowsWritten + alarmsSet)
	};
}

const priceOf: Readonly<Record<keyof Usage, number>> = {
	workerRequests: prices.workerRequest,
	workerCpuMs: prices.workerCpuMs,
	objectRequests: prices.objectRequest,
	gigabyteSeconds: prices.gigabyteSecond,
	rowsRead: prices.rowRead,
	rowsWritten: prices.rowWritten
};

/** At list price, nothing being included. */
export const listDollars = (usage: Usage): number =>
	usageKeys.reduce((sum, key) => sum + usage[key] * priceOf[key], 0);

/** What a month's bill of the paid plan says: its fee, and what goes beyond what that includes. */
export function billDollars(month: Usage, storedGigabytes: number): number {
	const beyond = usageKeys.map((key) => Math.max(0, month[key] - included[key]) * priceOf[key]);
	const storage = Math.max(0, storedGigabytes - included.gigabytes) * prices.gigabyteMonth;
	return included.feeDollars + beyond.reduce((sum, dollars) => sum + dollars, storage);
}

export interface Carried {
	/** How often what was asked about fits into one day of the free plan. */
	readonly times: number;
	/** What runs out first. */
	readonly boundBy: string;
}

export function carriedByFreePlan(day: Usage): Carried {
	const limits = [
		['requests to the Worker', freeDay.workerRequests, day.workerRequests],
		['requests to objects', freeDay.objectRequests, day.objectRequests],
		['duration', freeDay.gigabyteSeconds, day.gigabyteSeconds],
		['rows read', freeDay.rowsRead, day.rowsRead],
		['rows written', freeDay.rowsWritten, day.rowsWritten]
	] as const;
	return limits
		.map(([boundBy, allowed, used]) => ({ boundBy, times: Math.floor(allowed / used) }))
		.reduce((least, one) => (one.times < least.times ? one : least));
}
