// `npm run dev`: the Worker under wrangler dev, rebuilt as it changes, and the web app rebuilt into
// the folder that wrangler serves. It has a world of its own, in .wrangler/.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { prepare } from './install.mjs';
import { inProject } from './project.mjs';

await prepare(console.log);
const { build } = await import('./build.mjs');

const secretFile = inProject('.dev.vars');
if (!existsSync(secretFile)) {
	const secret = randomBytes(32).toString('base64url');
	writeFileSync(secretFile, `TACET_SECRET=${secret}\n`, { mode: 0o600 });
}
await build({ log: console.log });
// What the watcher writes from here on is not what a build makes.
rmSync(inProject('.cache/build.json'));

/**
 * @param {string} program
 * @param {readonly string[]} args
 * @param {string} cwd
 */
const run = (program, args, cwd) =>
	spawn(process.execPath, [inProject('node_modules', program), ...args], {
		cwd,
		stdio: 'inherit',
		env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false' }
	});

const port = process.env['PORT'] ?? '8787';
const children = [
	run('vite/bin/vite.js', ['build', '--watch', '--logLevel', 'warn'], inProject('web')),
	run(
		'wrangler/bin/wrangler.js',
		['dev', '--ip', '127.0.0.1', '--port', port, '--var', 'TACET_TLS:any'],
		inProject()
	)
];
const stop = () => children.forEach((child) => child.kill('SIGTERM'));
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, stop);
for (const child of children) {
	child.on('exit', (code) => {
		process.exitCode ??= code ?? 0;
		stop();
	});
}
