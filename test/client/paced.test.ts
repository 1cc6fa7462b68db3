import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { paced } from '../../client/paced.ts';

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

it('tells of everything at once while nothing is held back', () => {
	let runs = 0;
	const tell = paced(
		() => (runs += 1),
		() => 0
	);
	for (let call = 0; call < 5; call++) tell();
	expect(runs).toBe(5);
});

it('tells of the first at once, and of all that follow soon once, at the end of the gap', () => {
	let runs = 0;
	const tell = paced(
		() => (runs += 1),
		() => 100
	);
	for (let call = 0; call < 5; call++) tell();
	expect(runs).toBe(1);
	vi.advanceTimersByTime(99);
	tell();
	expect(runs).toBe(1);
	vi.advanceTimersByTime(1);
	expect(runs).toBe(2);
	vi.advanceTimersByTime(1_000);
	expect(runs).toBe(2);
});

it('is back at once when the bulk has ended, and tells nothing twice', () => {
	let runs = 0;
	let gapMs = 100;
	const tell = paced(
		() => (runs += 1),
		() => gapMs
	);
	tell();
	tell();
	gapMs = 0;
	tell();
	expect(runs).toBe(2);
	vi.advanceTimersByTime(1_000);
	expect(runs).toBe(2);
});
