// `node bench/scale/run.ts`: simulates the edge at several scales from what was measured, prints what
// came of it, and writes simulated.json and the plots of docs/scaling.md. --measure: measures first.
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

const measuredFile = inProject('bench/scale/measured.json');
const log = (line: string): void => {
	console.log(line);
};

async function writeJson(file: string, value: unknown): Promise<void> {
	const options = { parser: 'json', useTabs: true, printWidth: 100 } as const;
	writeFileSync(file, await format(JSON.stringify(value), options));
}

if (process.argv.includes('--measure')) {
	const { build } = await import('../../scripts/build.mjs');
	await build({ log });
	const { measure } = await import('./measure.ts');
	await writeJson(measuredFile, await measure());
}

const measured = JSON.parse(readFileSync(measuredFile, 'utf8')) as Measured;
const results = JSON.parse(readFileSync(inProject('bench/results.json'), 'utf8')) as {
	readonly rows: { readonly rowsWhileTyping: number };
};
const typedSeconds = 30;
const commitsPerSecond = results.rows.rowsWhileTyping / typedSeconds;
const costs = costsOf(measured);
const cost = { ...costOf(measured.operations), operations: 'in measured.json' };
const { simulated, money, widest } = days(costs, log);
const figures = {
	note: 'Made by bench/scale/run.ts from measured.json; times are simulated, with the same seed always.',
	assumed,
	costs,
	cost,
	days: simulated,
	money,
	deployment: deploymentQueues(widest),
	storms: storms(widest, log),
	hotSpaces: hotSpaces(costs, commitsPerSecond),
	networks: wideNetworks(widest),
	otherWays: otherWays(costs, log)
};
await writeJson(inProject('bench/scale/simulated.json'), figures);
for (const [name, plot] of Object.entries(plotsOf(figures))) {
	writeFileSync(inProject('docs/scaling', `${name}.svg`), drawPlot(plot));
}
console.table(
	money.map(({ people, billDollars, billDollarsPerThousand }) => ({
		people,
		billDollars,
		billDollarsPerThousand
	}))
);
console.table(figures.deployment.queues.map(({ delayMs, ...queue }) => ({ ...queue, ...delayMs })));
console.table(figures.otherWays);
log('bench/scale/simulated.json and docs/scaling/ are written.');
process.exit(0);
