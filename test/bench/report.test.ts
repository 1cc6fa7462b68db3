import { describe, expect, it } from 'vitest';
import { judge, type Test } from '../../bench/budget.ts';
import { makeProse, proseWords } from '../../bench/prose.ts';
import { budgetsOf } from '../../bench/report.ts';
import { searchTerms } from '../../client/search-text.ts';

const empty = { few: {}, many: {}, delayed: {}, fewNotes: 1_000, manyNotes: 10_000, rttMs: 80 };
const test: Test = {
	...{ id: 'B1', what: 'a ratio', shown: (value) => `${value.toFixed(1)}×` },
	...{ value: 2, must: 1, stretch: 3, better: 'more' }
};

describe('the table of budgets', () => {
	it('has B1 to B17 in order, also if nothing of them was measured', () => {
		const budgets = budgetsOf(empty);
		const ids = [...new Set(budgets.map(({ id }) => id))].filter((id) => /^B\d+$/.test(id));
		expect(ids).toEqual(Array.from({ length: 17 }, (_, index) => `B${index + 1}`));
		expect(new Set(budgets.map(({ verdict }) => verdict))).toEqual(new Set(['not run', 'waits']));
		expect(budgets.find(({ id }) => id === 'B13')?.figure).toBe('waits for files');
	});

	it('says how an edit grows with its log and with items, each by itself', () => {
		const edit = (history: number, items: number, cpuMs: number) => ({
			...{ history, items, clientCpuMs: cpuMs, edgeCpuMs: cpuMs, sentBytes: 1 }
		});
		const none = { commits: 0, livePages: 0, supersededPages: 0, rows: 0 };
		const side = { ...none, receivedBytes: 0, wallMs: 0, cpuMs: 0 };
		const compaction = {
			...{ commits: 1, notes: 1, payloadBytes: 1, before: side, after: side },
			...{ packingCpuMs: 0, packingCommits: 0 },
			edits: [edit(1_000, 50, 2), edit(10_000, 50, 3), edit(9, 1_000, 4), edit(90, 10_000, 2)]
		};
		const rows = budgetsOf({ ...empty, compaction }).filter(({ id }) => id === 'B17');
		expect(rows.map(({ figure, verdict }) => [figure, verdict])).toEqual([
			['1.50×', 'missed'],
			['0.50×', 'stretch']
		]);
	});

	it('takes a figure for missed, met, or beyond, whichever way is better', () => {
		const verdicts = (better: Test['better'], must: number, stretch: number) =>
			[0.5, 2, 4].map((value) => judge({ ...test, value, better, must, stretch }).verdict);
		expect(verdicts('more', 1, 3)).toEqual(['missed', 'met', 'stretch']);
		expect(verdicts('less', 3, 1)).toEqual(['stretch', 'met', 'missed']);
	});

	it('shows a figure with its range, and never takes no number for a good one', () => {
		const range = { median: 2, lowest: 1.5, highest: 2.5 };
		expect(judge({ ...test, range }).figure).toBe('2.0× (1.5× to 2.5×)');
		for (const value of [null, Number.NaN]) {
			expect(judge({ ...test, value, better: 'less' })).toMatchObject({
				...{ verdict: 'not run', figure: '–' }
			});
		}
	});
});

describe('notes of prose', () => {
	it('are the same in each run, of about a kilobyte, and no two have one title', () => {
		const notes = makeProse(500);
		expect(makeProse(500)).toEqual(notes);
		expect(new Set(notes.map(({ title }) => title)).size).toBe(500);
		for (const { title, body } of notes) {
			expect(title.length + body.length).toBeGreaterThan(950);
			expect(title.length + body.length).toBeLessThan(1_100);
		}
	});

	it('have few common words and many rare ones', () => {
		const counts = new Map<string, number>();
		for (const { body } of makeProse(500)) {
			for (const term of searchTerms(body)) counts.set(term, (counts.get(term) ?? 0) + 1);
		}
		const sorted = [...counts.values()].toSorted((a, b) => b - a);
		expect(sorted.length).toBeGreaterThan(5_000);
		expect(sorted[0]).toBeGreaterThan(100 * (sorted[Math.floor(sorted.length / 2)] ?? 0));
		expect(proseWords.length).toBe(20_000);
	});
});
