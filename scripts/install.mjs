// Brings node_modules up to the lock and moves to the Node it brings. Plain JavaScript for
// Node 20.19 and later: this runs before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inProject, root } from './project.mjs';

const minimumMajor = 22;
const minimumMinor = 17;
const stampFile = inProject('node_modules/.installed-lock');

/** @param {string} version */
function isRecentEnough(version) {
	const [major = 0, minor = 0] = version.split('.').map(Number);
	return major > minimumMajor || (major === minimumMajor && minor >= minimumMinor);
}

/**
 * Runs `npm ci` when node_modules does not belong to the present lock.
 * @param {(line: string) => void} log
 */
export function ensureInstalled(log) {
	const lock = createHash('sha256').update(readFileSync(inProject('package-lock.json')));
	const digest = lock.digest('hex');
	if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === digest) return;
	const folder = inProject('node_modules');
	// A link leads to another project's packages: they are not ours to replace.
	if (existsSync(folder) && lstatSync(folder).isSymbolicLink()) return;
	log('Installing packages (only needed once) …');
	const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
	const result = spawnSync('npm', ['ci', ...quiet], {
		cwd: root,
		encoding: 'utf8',
		shell: process.platform === 'win32'
	});
	if (result.status !== 0) {
		throw new Error(`npm ci failed:\n${result.stdout ?? ''}${result.stderr ?? result.error ?? ''}`);
	}
	writeFileSync(stampFile, digest);
}

/**
 * Starts this very program again under the installed Node when the present one is older. The
 * promise then never settles: the other process decides how this one ends.
 */
export async function ensureNode() {
	const pinned = inProject('node_modules/.bin/node');
	if (process.versions.node.startsWith('24.') || process.env.TACET_NODE_CHOSEN) return;
	if (!existsSync(pinned)) {
		if (isRecentEnough(process.versions.node)) return;
		throw new Error(
			`Node ${minimumMajor}.${minimumMinor} or later is needed; this is ${process.versions.node}.`
		);
	}
	const bin = inProject('node_modules/.bin');
	const env = {
		...process.env,
		TACET_NODE_CHOSEN: '1',
		PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}`
	};
	const child = spawn(pinned, process.argv.slice(1), { stdio: 'inherit', env });
	for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
		process.on(signal, () => child.kill(signal));
	}
	child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
	await new Promise(() => {});
}

/**
 * The first steps of every command: packages, then the right Node.
 * @param {(line: string) => void} log
 */
export async function prepare(log) {
	try {
		ensureInstalled(log);
		await ensureNode();
	} catch (error) {
		console.error(error instanceof Error ? error.message : error);
		process.exit(1);
	}
}
