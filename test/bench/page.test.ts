// docs/performance.md says what bench/results.json says.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pagePlots, pageTables, type Results } from '../../bench/page.ts';
import { drawPlot } from '../../bench/scale/plot.ts';

const read = (name: string): string =>
	readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const results = JSON.parse(read('bench/results.json')) as Results;

test('the tables of the page on performance are those of the run that is kept', () => {
	const cells = (text: string) => text.replace(/ +/g, ' ').replace(/-{2,}/g, '--');
	const page = cells(read('docs/performance.md'));
	for (const made of Object.values(pageTables(results))) {
		for (const row of made.split('\n').filter((line) => !line.startsWith('| ---'))) {
			expect(page).toContain(cells(row));
		}
	}
});

test('so are its plots', () => {
	for (const [name, plot] of Object.entries(pagePlots(results))) {
		expect(read(`docs/performance/${name}.svg`)).toBe(drawPlot(plot));
	}
});
