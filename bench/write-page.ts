// Puts the tables and plots of bench/results.json into docs/performance.md: after each whole run, or by
// itself, `node bench/write-page.ts`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { inProject } from '../scripts/project.mjs';
import { pagePlots, pageTables, type Results } from './page.ts';
import { drawPlot } from './scale/plot.ts';
import { withTables } from './scale/tables.ts';

const results = JSON.parse(readFileSync(inProject('bench/results.json'), 'utf8')) as Results;
const page = inProject('docs/performance.md');
mkdirSync(inProject('docs/performance'), { recursive: true });
for (const [name, plot] of Object.entries(pagePlots(results))) {
	writeFileSync(inProject(`docs/performance/${name}.svg`), drawPlot(plot));
}
const written = withTables(readFileSync(page, 'utf8'), pageTables(results));
const style = await resolveConfig(page);
writeFileSync(page, await format(written, { ...style, parser: 'markdown' }));
