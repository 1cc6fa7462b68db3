// `node bench/scale/run.ts`: simulates the edge at several scales from what was measured, and writes
// simulated.json, the plots of docs/scaling/ and the tables of docs/scaling.md. A few minutes.
// --measure: measures first. --tables: writes plots and tables from simulated.json, and simulates nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';
import { inProject } from '../../scripts/project.mjs';
import { costOf } from '../cost.ts';
import { assumed } from './assumptions.ts';
import { costsOf } from './costs.ts';
import type { Measured } from './measure.ts';
import { drawPlot } from './plot.ts';
import { plotsOf } from './plots.ts';
import { days, deploymentQueues, hotSpaces, otherWays, storms, wideNetworks } from './scenarios.ts';
import { tablesOf, withTables, type Tabled } from './tables.ts';

const measuredFile = inProject('bench/scale/measured.json');
const simulatedFile = inProject('bench/scale/simulated.json');
const document = inProject('docs/scaling.md');
const style = { useTabs: true, printWidth: 100 } as const;
const typedSeconds = 30;

const log = (line: string): void => {
	console.log(line);
};
const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

async function writeJson(file: string, value: unknown): Promise<void> {
	writeFileSync(file, await format(JSON.stringify(value), { ...style, parser: 'json' }));
}

function simulate(measured: Measured): Tabled {
	const results = readJson(inProject('bench/results.json')) as {
		readonly rows: { readonly rowsWhileTyping: number };
	};
	const costs = costsOf(measured);
	const { simulated, money, widest } = days(costs, log);
	const note =
		'Made by bench/scale/run.ts from measured.json; times are simulated, with the same seed always.';
	const figures = {
		...{ note, assumed, costs },
		cost: { ...costOf(measured.operations), operations: 'in measured.json' },
		...{ days: simulated, money, deployment: deploymentQueues(widest) },
		storms: storms(widest, log),
		hotSpaces: hotSpaces(costs, results.rows.rowsWhileTyping / typedSeconds),
		networks: wideNetworks(widest),
		otherWays: otherWays(costs, log)
	};
	return figures;
}

if (process.argv.includes('--measure')) {
	const { build } = await import('../../scripts/build.mjs');
	await build({ log });
	const { measure } = await import('./measure.ts');
	await writeJson(measuredFile, await measure());
}

const measured = readJson(measuredFile) as Measured;
const isSimulated = process.argv.includes('--tables');
const figures = isSimulated ? (readJson(simulatedFile) as Tabled) : simulate(measured);
if (!isSimulated) await writeJson(simulatedFile, figures);
for (const [name, plot] of Object.entries(plotsOf(figures))) {
	writeFileSync(inProject('docs/scaling', `${name}.svg`), drawPlot(plot));
}
const tables = tablesOf(figures, measured.operations);
const written = withTables(readFileSync(document, 'utf8'), tables);
writeFileSync(document, await format(written, { ...style, parser: 'markdown' }));
for (const [name, table] of Object.entries(tables)) log(`\n${name}\n${table}`);
process.exit(0);
