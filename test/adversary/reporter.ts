// A table of attacks after a run: what each would have cost, and whether it was withstood.
import type { Reporter, TestModule } from 'vitest/node';
import { idsOf, severities, type AttackId } from './attacks.ts';

interface Row {
	tests: number;
	failed: number;
}

export default class AttackReporter implements Reporter {
	onTestRunEnd(modules: readonly TestModule[]): void {
		const rows = new Map<AttackId, Row>();
		for (const module of modules) {
			for (const test of module.children.allTests()) {
				const { state } = test.result();
				if (state === 'skipped') continue;
				for (const id of idsOf(test.name)) {
					const row = rows.get(id) ?? { tests: 0, failed: 0 };
					row.tests += 1;
					if (state !== 'passed') row.failed += 1;
					rows.set(id, row);
				}
			}
		}
		const sorted = [...rows].sort(([a], [b]) => severities[a] - severities[b] || (a < b ? -1 : 1));
		const lines = sorted.map(([id, { tests, failed }]) => {
			const result = failed === 0 ? 'withstood' : `${String(failed)} FAILED`;
			return `${id.padEnd(8)} ${String(severities[id]).padEnd(9)} ${String(tests).padStart(5)}  ${result}`;
		});
		const withstood = sorted.filter(([, { failed }]) => failed === 0).length;
		const total = `${String(withstood)} of ${String(sorted.length)} attacks withstood`;
		process.stdout.write(`\nattack   severity  tests  result\n${lines.join('\n')}\n${total}\n`);
	}
}
