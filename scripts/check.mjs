// `npm run check`: everything that can be said of the code without running it.
import { spawnSync } from 'node:child_process';
import { prepare } from './install.mjs';
import { inProject, root } from './project.mjs';

await prepare(console.log);
const { extractOpaque } = await import('./extract-opaque.mjs');

/** @type {{ name: string; program: string; args: string[]; cwd?: string }[]} */
const steps = [
	{ name: 'types of the rooms', program: 'typescript/bin/tsc', args: ['-b'] },
	{
		name: 'web: generated types',
		program: '@sveltejs/kit/svelte-kit.js',
		args: ['sync'],
		cwd: inProject('web')
	},
	{
		name: 'web: types',
		program: 'svelte-check/bin/svelte-check',
		args: ['--tsconfig', './tsconfig.json', '--output', 'human', '--fail-on-warnings'],
		cwd: inProject('web')
	},
	{ name: 'lint', program: 'eslint/bin/eslint.js', args: ['.', '--max-warnings', '0'] },
	{
		name: 'format',
		program: 'prettier/bin/prettier.cjs',
		args: ['--check', '--ignore-unknown', '--log-level', 'warn', '.']
	},
	{
		name: 'architecture',
		program: 'vitest/vitest.mjs',
		args: ['run', '--project', 'node', 'test/architecture.test.ts']
	}
];

extractOpaque();
let failed = 0;
for (const { name, program, args, cwd = root } of steps) {
	const result = spawnSync(process.execPath, [inProject('node_modules', program), ...args], {
		cwd,
		encoding: 'utf8'
	});
	const ok = result.status === 0;
	console.log(`${ok ? 'ok' : 'FAILED'}  ${name}`);
	if (!ok) {
		failed += 1;
		process.stdout.write(`${result.stdout}${result.stderr}\n`);
	}
}
process.exitCode = failed === 0 ? 0 : 1;
