// Medians with their range: on a machine that is shared, nothing else is worth saying.
export interface Spread {
	readonly median: number;
	readonly lowest: number;
	readonly highest: number;
}

export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = sorted.length >> 1;
	const upper = sorted[middle] ?? Number.NaN;
	return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function percentile(values: readonly number[], part: number): number {
	const sorted = values.toSorted((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export const spreadOf = (values: readonly number[]): Spread => ({
	median: median(values),
	lowest: Math.min(...values),
	highest: Math.max(...values)
});

/** Fisher and Yates, so that no system always runs first on a warm machine. */
export function shuffled<Value>(values: readonly Value[]): Value[] {
	const order = [...values];
	for (let last = order.length - 1; last > 0; last--) {
		const other = Math.floor(Math.random() * (last + 1));
		const value = order[last] as Value;
		order[last] = order[other] as Value;
		order[other] = value;
	}
	return order;
}
