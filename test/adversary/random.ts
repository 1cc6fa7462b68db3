// Chance that can be run again: a run names its seed, and the seed gives the run.
export interface Chance {
	/** 0 ≤ n < below. */
	below(limit: number): number;
	pick<Value>(values: readonly Value[]): Value;
	bytes(length: number): Uint8Array;
}

/** Mulberry32. Never for secrets. */
export function chanceOf(seed: number): Chance {
	let state = seed >>> 0;
	const next = (): number => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
	const below = (limit: number): number => Math.floor(next() * limit);
	return {
		below,
		pick(values) {
			const value = values[below(values.length)];
			if (value === undefined) throw new RangeError('nothing to pick from');
			return value;
		},
		bytes: (length) => Uint8Array.from({ length }, () => below(256))
	};
}
