// `npm run deploy`: checks what would be deployed, makes the edge secret once and keeps it apart
// from storage, deploys with wrangler, and says what to back up. Run again, it updates: no secret
// and no data is replaced.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { prepare } from './install.mjs';
import { inProject } from './project.mjs';

// Limits of Cloudflare's free plan: docs/deploy.md says where they stand.
const maxBundleGzipBytes = 3_000_000;
const maxAssetFiles = 20_000;
const maxAssetBytes = 25 * 1024 * 1024;
const maxHeaderRules = 100;
const secretName = 'TACET_SECRET';

/** Something the person who deploys can set right. */
class DeployError extends Error {}

/** @param {string} line */
const log = (line) => console.log(line);

/**
 * @typedef {object} DeployConfig the part of wrangler.toml that is checked
 * @property {string} name
 * @property {{ bindings: { name: string; class_name: string }[] }} durable_objects
 * @property {{ tag: string; new_sqlite_classes?: string[]; new_classes?: string[] }[]} migrations
 * @property {{ name: string }[]} [r2_buckets]
 */

/** @returns {Promise<DeployConfig>} */
async function readConfig() {
	const { unstable_readConfig: read } = await import('wrangler');
	const config = read({ config: inProject('wrangler.toml') }, { hideWarnings: true });
	if (!config.name) throw new DeployError('wrangler.toml names no Worker.');
	return /** @type {DeployConfig} */ (/** @type {unknown} */ (config));
}

/**
 * Everything that can be known before anything is sent.
 * @param {DeployConfig} config
 */
async function checkBuild(config) {
	const { allFiles } = await import('./build.mjs');
	const { parseHeadersFile } = await import('./headers-file.mjs');
	const bundle = [
		'index.js',
		...allFiles(inProject('dist')).filter((name) => name.endsWith('.wasm'))
	];
	const gzipBytes = bundle
		.map((name) => gzipSync(readFileSync(inProject('dist', name))).length)
		.reduce((sum, bytes) => sum + bytes, 0);
	if (gzipBytes > maxBundleGzipBytes) {
		throw new DeployError(`The Worker is ${kilobytes(gzipBytes)} compressed; 3 MB are allowed.`);
	}
	const assets = allFiles(inProject('web/build'));
	const large = assets.find((name) => statSync(inProject('web/build', name)).size > maxAssetBytes);
	if (assets.length > maxAssetFiles) throw new DeployError(`${assets.length} files are too many.`);
	if (large) throw new DeployError(`${large} is over 25 MiB.`);
	const rules = parseHeadersFile(readFileSync(inProject('web/build/_headers'), 'utf8'));
	if (rules.length > maxHeaderRules) throw new DeployError('_headers has over 100 rules.');
	checkClasses(config);
	log(
		`Checked: Worker ${kilobytes(gzipBytes)} compressed, ${assets.length} files of the page, ` +
			`${config.migrations.length} migration${config.migrations.length === 1 ? '' : 's'}.`
	);
}

/**
 * Each class that is bound is exported, and made by exactly one migration; each tag stands once.
 * @param {DeployConfig} config
 */
function checkClasses({ durable_objects, migrations }) {
	const exported =
		readFileSync(inProject('dist/index.js'), 'utf8')
			.split(/export ?\{/)
			.at(-1) ?? '';
	const made = migrations.flatMap((migration) => migration.new_sqlite_classes ?? []);
	for (const { class_name: name } of durable_objects.bindings) {
		if (!new RegExp(`\\b${name}\\b`).test(exported)) {
			throw new DeployError(`The Worker does not export ${name}.`);
		}
		if (made.filter((other) => other === name).length !== 1) {
			throw new DeployError(`${name} must be made by exactly one migration, as a SQLite class.`);
		}
	}
	const tags = migrations.map((migration) => migration.tag);
	if (new Set(tags).size !== tags.length) throw new DeployError('A migration tag stands twice.');
	if (migrations.some((migration) => migration.new_classes)) {
		throw new DeployError('new_classes makes objects without SQLite; use new_sqlite_classes.');
	}
}

/** @param {number} bytes */
const kilobytes = (bytes) => `${String(Math.round(bytes / 1000))} kB`;

/**
 * @param {readonly string[]} args
 * @param {{ outputFile?: string }} [options]
 * @returns {Promise<{ code: number; said: string; out: string }>}
 */
async function wrangler(args, { outputFile } = {}) {
	const script = inProject('node_modules/wrangler/bin/wrangler.js');
	const child = spawn(process.execPath, [script, ...args], {
		cwd: inProject(),
		// It may ask which account is meant, or for a login: those questions are the person's.
		stdio: ['inherit', 'pipe', 'pipe'],
		env: {
			...process.env,
			WRANGLER_SEND_METRICS: 'false',
			WRANGLER_HIDE_BANNER: 'true',
			WRANGLER_LOG_PATH: inProject('.cache/wrangler'),
			...(outputFile && { WRANGLER_OUTPUT_FILE_PATH: outputFile })
		}
	});
	let said = '';
	let out = '';
	child.stdout.on('data', (bytes) => {
		said += bytes;
		out += bytes;
	});
	child.stderr.on('data', (bytes) => (said += bytes));
	const code = await new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', resolve);
	});
	return { code, said, out };
}

async function checkLogin() {
	const { code, said } = await wrangler(['whoami']);
	if (code !== 0 || /not authenticated/i.test(said)) {
		throw new DeployError(
			'You are not logged in to Cloudflare. Run `npx wrangler login`, or set\n' +
				'CLOUDFLARE_API_TOKEN (permission: Workers Scripts, edit), then run this again.'
		);
	}
}

/**
 * Whether the Worker is there already, and has its secret.
 * @param {string} worker
 * @returns {Promise<'absent' | 'without secret' | 'with secret'>}
 */
async function deployedState(worker) {
	const { code, said, out } = await wrangler(['secret', 'list', '--format', 'json']);
	if (code !== 0) {
		if (said.includes(`Worker "${worker}" not found`)) return 'absent';
		throw new DeployError(`wrangler could not list the Worker's secrets:\n${said.trim()}`);
	}
	/** @type {{ name: string }[]} */
	const secrets = JSON.parse(out.slice(out.indexOf('[')));
	return secrets.some(({ name }) => name === secretName) ? 'with secret' : 'without secret';
}

/**
 * Where the copy of the secret lies: the platform never shows a secret again once it has it.
 * @param {string} worker
 */
function secretFile(worker) {
	const home =
		process.env.XDG_CONFIG_HOME ?? process.env.APPDATA ?? path.join(homedir(), '.config');
	const account = process.env.CLOUDFLARE_ACCOUNT_ID;
	return path.join(home, 'tacet', `${account ? `${account}-` : ''}${worker}.secret`);
}

/**
 * The secret of an earlier run that did not end well, or a new one.
 * @param {string} file
 */
function loadOrMakeSecret(file) {
	if (!existsSync(file)) {
		mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
		const made = openSync(file, 'wx', 0o600);
		writeSync(made, `${randomBytes(32).toString('base64url')}\n`);
		closeSync(made);
	}
	const secret = readFileSync(file, 'utf8').trim();
	if (!/^[\w-]{43}$/.test(secret)) throw new DeployError(`${file} does not hold 32 bytes.`);
	return secret;
}

/**
 * @param {string | null} secret given on the first deployment only
 * @returns {Promise<string[]>} the addresses
 */
async function deploy(secret) {
	const folder = mkdtempSync(path.join(tmpdir(), 'tacet-deploy-'));
	try {
		const outputFile = path.join(folder, 'output.ndjson');
		const args = ['deploy'];
		if (secret !== null) {
			const secretsFile = path.join(folder, 'secrets');
			writeFileSync(secretsFile, `${secretName}=${secret}\n`, { mode: 0o600 });
			args.push('--secrets-file', secretsFile);
		}
		const { code, said } = await wrangler(args, { outputFile });
		if (code !== 0) throw new DeployError(`wrangler could not deploy:\n${said.trim()}`);
		const lines = readFileSync(outputFile, 'utf8').trim().split('\n');
		const events = lines.map((line) => JSON.parse(line));
		return events.find((event) => event.type === 'deploy')?.targets ?? [];
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

async function main() {
	const { build } = await import('./build.mjs');
	await build({ log });
	const config = await readConfig();
	await checkBuild(config);
	await checkLogin();
	const state = await deployedState(config.name);
	const file = secretFile(config.name);
	// Workers Builds (the deploy button) asked the person for the secret; its machine keeps no files.
	const askedElsewhere = Boolean(process.env.WORKERS_CI);
	const secret = state === 'with secret' || askedElsewhere ? null : loadOrMakeSecret(file);
	log(state === 'absent' ? `Deploying ${config.name} …` : `Updating ${config.name} …`);
	const addresses = await deploy(secret);
	log(`Tacet is at ${addresses.join(', ') || 'the address that your Cloudflare dashboard shows'}.`);
	if (state === 'absent') {
		log('Sign up there now: the first account made runs the deployment, whoever makes it.');
	}
	if (secret !== null) {
		log(
			`Back up ${file}: it holds ${secretName}, which Cloudflare never shows again.\n` +
				'With it and the storage of your Worker, every account can log in again; without it, none.'
		);
	} else if (state === 'with secret') {
		log(`${secretName} and all data were kept.`);
	} else {
		log(`If Tacet answers 'unavailable', set ${secretName}: docs/deploy.md says how.`);
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	await prepare(log);
	try {
		await main();
	} catch (error) {
		console.error(error instanceof DeployError ? error.message : error);
		process.exitCode = 1;
	}
}
