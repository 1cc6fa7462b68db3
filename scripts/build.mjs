// Builds what is stale, and nothing else: the Wasm of OPAQUE, the web app, the Worker's bundle, and
// what the local server needs to serve both. The same sources give the same bytes.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync
} from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { prepare } from './install.mjs';
import { extractOpaque } from './extract-opaque.mjs';
import { parseHeadersFile } from './headers-file.mjs';
import { digestOf, inProject } from './project.mjs';
import { localConfig } from './workerd-config.mjs';

const bothSides = ['protocol', 'crypto', 'package-lock.json'];
const tools = ['package.json', 'scripts/build.mjs', 'scripts/extract-opaque.mjs'];
const webSources = [...bothSides, 'client', 'web'];
const bundleSources = [...bothSides, 'durable-objects', 'worker', 'wrangler.toml'];
const localSources = ['scripts/local', 'scripts/headers-file.mjs', 'scripts/workerd-config.mjs'];

const webBuild = inProject('web/build');
const dist = inProject('dist');
const stampFile = inProject('.cache/build.json');
const lockFile = inProject('.cache/build.lock');

/** @type {Record<string, string>} */
const contentTypes = {
	css: 'text/css; charset=utf-8',
	html: 'text/html; charset=utf-8',
	ico: 'image/x-icon',
	js: 'text/javascript; charset=utf-8',
	json: 'application/json',
	map: 'application/json',
	png: 'image/png',
	svg: 'image/svg+xml',
	txt: 'text/plain; charset=utf-8',
	wasm: 'application/wasm',
	webmanifest: 'application/manifest+json',
	woff2: 'font/woff2'
};

/**
 * @param {{ log?: (line: string) => void; force?: boolean }} [options]
 */
export async function build({ log = () => {}, force = false } = {}) {
	mkdirSync(inProject('.cache'), { recursive: true });
	const unlock = await takeBuildLock();
	try {
		extractOpaque();
		const wanted = digestsOfSources();
		const present = force ? {} : readStamp();
		const webStale = present.web !== wanted.web || !existsSync(path.join(webBuild, 'index.html'));
		const bundleStale =
			present.bundle !== wanted.bundle || !existsSync(path.join(dist, 'index.js'));
		if (!webStale && !bundleStale && present.local === wanted.local) return;
		log('Building …');
		rmSync(stampFile, { force: true });
		if (webStale) await buildWeb();
		if (bundleStale) await buildBundle();
		writeLocalServer();
		writeFileSync(stampFile, JSON.stringify(wanted));
	} finally {
		unlock();
	}
}

function digestsOfSources() {
	const web = digestOf([...webSources, ...tools]);
	const bundle = digestOf([...bundleSources, ...tools]);
	return { web, bundle, local: digestOf([...localSources, ...tools]) };
}

/** @returns {{ web?: string; bundle?: string; local?: string }} */
function readStamp() {
	return existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {};
}

/** The app's version is named by its sources: the same ones, the same name, the same bytes. */
async function buildWeb() {
	await run(inProject('node_modules/vite/bin/vite.js'), ['build'], {
		cwd: inProject('web'),
		env: { TACET_BUILD_ID: digestOf(webSources).slice(0, 16) }
	});
}

async function buildBundle() {
	rmSync(dist, { recursive: true, force: true });
	const wrangler = inProject('node_modules/wrangler/bin/wrangler.js');
	await run(wrangler, ['deploy', '--dry-run', '--outdir', 'dist'], {
		cwd: inProject(),
		env: {
			CI: '1',
			WRANGLER_SEND_METRICS: 'false',
			WRANGLER_HIDE_BANNER: 'true',
			WRANGLER_LOG_PATH: inProject('.cache/wrangler')
		}
	});
	for (const name of ['README.md', 'index.js.map']) rmSync(path.join(dist, name), { force: true });
}

/** What stands in for Workers assets, and the configuration of workerd. */
function writeLocalServer() {
	const local = path.join(dist, 'local');
	mkdirSync(local, { recursive: true });
	copyFileSync(inProject('scripts/local/front.js'), path.join(local, 'front.js'));
	const headersFile = path.join(webBuild, '_headers');
	const rules = existsSync(headersFile) ? parseHeadersFile(readFileSync(headersFile, 'utf8')) : [];
	writeFileSync(path.join(local, 'headers.json'), JSON.stringify(rules));
	writeFileSync(path.join(local, 'assets.json'), JSON.stringify(assetList()));
	const wasmFiles = readdirSync(dist).filter((name) => name.endsWith('.wasm'));
	writeFileSync(path.join(local, 'tacet.capnp'), localConfig(wasmFiles.sort()));
}

/** Path → type and entity tag, of every file that is served. */
function assetList() {
	/** @type {Record<string, { type: string; etag: string }>} */
	const list = {};
	for (const name of allFiles(webBuild)) {
		if (name === '_headers' || name === '_redirects') continue;
		const type = contentTypes[path.extname(name).slice(1)] ?? 'application/octet-stream';
		const hash = createHash('sha256').update(readFileSync(path.join(webBuild, name)));
		list[`/${name}`] = { type, etag: `"${hash.digest('hex').slice(0, 32)}"` };
	}
	return list;
}

/**
 * @param {string} folder
 * @returns {string[]} relative, with forward slashes, sorted
 */
export function allFiles(folder) {
	return readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.filter((name) => statSync(path.join(folder, name)).isFile())
		.map((name) => name.split(path.sep).join('/'))
		.sort();
}

/**
 * Runs a tool quietly; what it said is shown only when it fails.
 * @param {string} script
 * @param {readonly string[]} args
 * @param {{ cwd: string; env: Record<string, string> }} options
 */
async function run(script, args, { cwd, env }) {
	const child = spawn(process.execPath, [script, ...args], {
		cwd,
		env: { ...process.env, ...env },
		stdio: ['ignore', 'pipe', 'pipe']
	});
	let said = '';
	for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => (said += bytes));
	const code = await new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', resolve);
	});
	if (code !== 0) throw new Error(`${path.basename(script)} ${args.join(' ')} failed:\n${said}`);
}

/** Two builds at once would write into each other's folders. */
async function takeBuildLock() {
	for (;;) {
		try {
			writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
			return () => rmSync(lockFile, { force: true });
		} catch (error) {
			if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
		}
		if (isDead(lockFile)) rmSync(lockFile, { force: true });
		else await wait(100);
	}
}

/** @param {string} file */
function isDead(file) {
	try {
		const pid = Number(readFileSync(file, 'utf8'));
		// A holder that has not yet written its number is alive.
		if (!(pid > 0)) return false;
		process.kill(pid, 0);
		return false;
	} catch (error) {
		return error instanceof Error && 'code' in error && error.code === 'ESRCH';
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	await prepare(console.log);
	try {
		await build({ log: console.log, force: process.argv.includes('--force') });
		console.log('web/build and dist are up to date.');
	} catch (error) {
		console.error(error instanceof Error ? error.message : error);
		process.exit(1);
	}
}
