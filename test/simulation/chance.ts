import { Chance as Generator } from '../../bench/scale/chance.ts';

/** A source of chance that a seed gives again. */
export interface Chance {
	/** From 0 up to, not including, 1. */
	next(): number;
	below(limit: number): number;
	of<Value>(values: readonly Value[]): Value | undefined;
}

export function chanceOf(seed: number): Chance {
	const generator = new Generator(seed);
	const next = (): number => generator.unit();
	const below = (limit: number): number => generator.below(limit);
	return { next, below, of: (values) => values[below(values.length)] };
}
