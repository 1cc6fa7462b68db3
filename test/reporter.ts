// Ends a run with the one line that says how it went; what was skipped and why, and what passed
// only at a second try, stands before it.
import path from 'node:path';
import type { Reporter, TestCase, TestModule, TestResult } from 'vitest/node';

interface Counts {
	passed: number;
	failed: number;
	skipped: string[];
	retried: string[];
}

function count(modules: readonly TestModule[]): Counts {
	const counts: Counts = { passed: 0, failed: 0, skipped: [], retried: [] };
	for (const module of modules) {
		// A file that could not be loaded has no tests that could fail for it.
		if (module.errors().length > 0) counts.failed += 1;
		for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
		for (const test of module.children.allTests()) countTest(test, counts);
	}
	return counts;
}

/** What the first try failed of, and where, in one line. */
function whyOf({ errors }: TestResult): string {
	const [error] = errors ?? [];
	const [at] = error?.stacks ?? [];
	const [message = 'no reason given'] = error?.message.split('\n') ?? [];
	return at === undefined ? message : `${message} (${path.basename(at.file)}:${String(at.line)})`;
}

function countTest(test: TestCase, counts: Counts): void {
	const result = test.result();
	if (test.diagnostic()?.flaky) {
		const name = `${test.project.name}: ${test.fullName}`;
		counts.retried.push(`${name}: ${whyOf(result)}`);
	}
	if (result.state === 'passed') counts.passed += 1;
	else if (result.state === 'skipped') {
		counts.skipped.push(
			`${test.project.name}: ${test.fullName}: ${result.note ?? 'no reason given'}`
		);
	} else counts.failed += 1;
}

export default class SummaryReporter implements Reporter {
	onTestRunEnd(
		modules: readonly TestModule[],
		unhandledErrors: readonly unknown[],
		reason: 'passed' | 'interrupted' | 'failed'
	): void {
		const counts = count(modules);
		counts.failed += unhandledErrors.length;
		if (reason !== 'passed' && counts.failed === 0) counts.failed = 1;
		const lines = counts.skipped.map((line) => `skipped: ${line}`);
		for (const name of counts.retried) lines.push(`passed at the second try: ${name}`);
		lines.push(`${String(counts.passed)} passed, ${String(counts.failed)} failed`);
		process.stdout.write(`\n${lines.join('\n')}\n`);
	}
}
