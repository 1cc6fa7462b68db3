// `npm test`: installs and builds what is missing, then runs every test. The last line is
// `N passed, N failed`. Arguments choose files, as vitest takes them.
import { spawn, spawnSync } from 'node:child_process';
import { prepare } from './install.mjs';
import { inProject, root } from './project.mjs';

/** @param {string} line */
const log = (line) => console.log(line);

await prepare(log);
const { build } = await import('./build.mjs');
const { findChromium } = await import('./chromium.mjs');

const summary = /^\d+ passed, \d+ failed$/;

/**
 * As on a machine made for tests alone; elsewhere nothing is installed without being asked for.
 * @param {string} name of a Debian package
 */
function installPackage(name) {
	if (process.getuid?.() !== 0) return false;
	/** @param {readonly string[]} args */
	const apt = (...args) => spawnSync('apt-get', args, { timeout: 300_000 }).status === 0;
	return apt('update') && apt('install', '-y', '--no-install-recommends', name);
}

/** Tests in a browser need one; each way is tried only when the one before it did not help. */
async function ensureChromium() {
	if (await findChromium()) return;
	log('Installing Chromium (only needed once) …');
	const playwright = inProject('node_modules/playwright-core/cli.js');
	spawnSync(process.execPath, [playwright, 'install', 'chromium-headless-shell', 'chromium']);
	if (await findChromium()) return;
	installPackage('chromium');
	if (await findChromium()) return;
	console.error('No Chromium, so the tests in a browser will fail: install one, or name it in');
	console.error('CHROMIUM_PATH.');
}

/** Codes of one-time passwords are held against Debian's program too; without it, one test skips. */
function ensureOathtool() {
	if (!spawnSync('oathtool', ['--version']).error) return;
	if (installPackage('oathtool')) log('Installed oathtool.');
}

/**
 * Passes on what vitest says.
 * @param {readonly string[]} args
 * @returns {Promise<{ code: number; lastLine: string }>}
 */
async function vitest(args) {
	const program = inProject('node_modules/vitest/vitest.mjs');
	const child = spawn(process.execPath, [program, 'run', ...args], {
		cwd: root,
		stdio: ['ignore', 'pipe', 'inherit'],
		env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false' }
	});
	let tail = '';
	child.stdout.on('data', (bytes) => {
		process.stdout.write(bytes);
		tail = (tail + String(bytes)).slice(-1000);
	});
	for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
		process.on(signal, () => child.kill(signal));
	}
	const code = await new Promise((resolve) => child.on('close', (status) => resolve(status ?? 1)));
	return { code, lastLine: tail.trimEnd().split('\n').at(-1) ?? '' };
}

try {
	await ensureChromium();
	ensureOathtool();
	await build({ log });
	const { code, lastLine } = await vitest(process.argv.slice(2));
	if (!summary.test(lastLine)) console.log('0 passed, 1 failed');
	process.exitCode = code;
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	console.log('0 passed, 1 failed');
	process.exitCode = 1;
}
