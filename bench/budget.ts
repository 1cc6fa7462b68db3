// A budget: what must hold, what would make people look up, and what a run says of it.
import type { Spread } from './statistics.ts';

export interface Budget {
	readonly id: string;
	readonly what: string;
	readonly figure: string;
	readonly must: string;
	readonly stretch: string;
	readonly verdict: 'stretch' | 'met' | 'missed' | 'not run' | 'waits';
}

export interface Test {
	readonly id: string;
	readonly what: string;
	/** Null: not measured in this run. */
	readonly value: number | null;
	readonly shown: (value: number) => string;
	readonly must: number;
	readonly stretch: number;
	readonly better: 'more' | 'less';
	readonly range?: Spread;
	/** What has to be built before it can be measured. */
	readonly waitsFor?: string;
}

export function judge(test: Test): Budget {
	const { id, what, value, shown, must, stretch, better, range, waitsFor } = test;
	const sign = better === 'more' ? '≥' : '≤';
	const within = range ? ` (${shown(range.lowest)} to ${shown(range.highest)})` : '';
	const none = waitsFor === undefined ? '–' : `waits for ${waitsFor}`;
	return {
		id,
		what,
		figure: value === null || Number.isNaN(value) ? none : `${shown(value)}${within}`,
		must: `${sign} ${shown(must)}`,
		stretch: `${sign} ${shown(stretch)}`,
		verdict: verdictOf(test)
	};
}

function verdictOf({ value, must, stretch, better, waitsFor }: Test): Budget['verdict'] {
	if (waitsFor !== undefined) return 'waits';
	if (value === null || Number.isNaN(value)) return 'not run';
	const reaches = (limit: number) => (better === 'more' ? value >= limit : value <= limit);
	if (reaches(stretch)) return 'stretch';
	return reaches(must) ? 'met' : 'missed';
}

/** What a test says of a figure with its range, or of none. */
export const spread = (
	range: Spread | null | undefined
): { readonly value: number | null; readonly range?: Spread } =>
	range ? { value: range.median, range } : { value: null };

const idParts = /^([A-Za-z]+)(\d*)$/;

/** B1 to B17 first, in order; then the others as they come. */
export const inOrder = (budgets: readonly Budget[]): readonly Budget[] =>
	budgets.toSorted((a, b) => rankOf(a.id) - rankOf(b.id));

function rankOf(id: string): number {
	const [, letters, number] = idParts.exec(id) ?? [];
	return letters === 'B' && number ? Number(number) : Number.MAX_SAFE_INTEGER;
}

export const times = (value: number): string => `${value.toFixed(2)}×`;
export const ms = (value: number): string => `${value.toFixed(1)} ms`;
export const bytes = (value: number): string => `${value.toFixed(0)} B`;
export const kilobytes = (value: number): string => `${(value / 1_000).toFixed(1)} kB`;
export const count = (value: number): string => value.toFixed(0);
export const trips = (value: number): string => `${value.toFixed(1)} RTT`;
export const dollars = (value: number): string => `$${value.toPrecision(3)}`;
