/** A source of chance that a seed gives again. */
export interface Chance {
	/** From 0 up to, not including, 1. */
	next(): number;
	below(limit: number): number;
	of<Value>(values: readonly Value[]): Value | undefined;
}

/** mulberry32: small, and the same everywhere. */
export function chanceOf(seed: number): Chance {
	let state = seed >>> 0;
	const next = (): number => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
	const below = (limit: number): number => Math.floor(next() * limit);
	return { next, below, of: (values) => values[below(values.length)] };
}
