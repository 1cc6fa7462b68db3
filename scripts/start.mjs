// `npm start`: installs and builds what is missing, then serves Tacet on this machine.
import path from 'node:path';
import { prepare } from './install.mjs';
import { inProject } from './project.mjs';

/** @param {string} line */
const log = (line) => console.log(line);

await prepare(log);
const { build } = await import('./build.mjs');
const { serve } = await import('./serve.mjs');
const { StartError } = await import('./data-folder.mjs');

/** @returns {number} */
function portWanted() {
	const text = process.env['PORT'] ?? '8787';
	const port = Number(text);
	if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
	throw new StartError(`PORT=${text} is not a port.`);
}

/** Who may sign up, besides the first: as in wrangler.toml, until the operator says otherwise. */
function signUpWanted() {
	const policy = process.env['TACET_SIGN_UP'] ?? 'invite';
	if (['open', 'invite', 'closed'].includes(policy)) return policy;
	throw new StartError(`TACET_SIGN_UP=${policy} is none of open, invite, closed.`);
}

/** @param {string} url */
async function isWithoutAccounts(url) {
	const response = await fetch(`${url}/v1/sign-up`);
	/** @type {{ isFirst?: boolean }} */
	const answer = response.ok ? /** @type {any} */ (await response.json()) : {};
	return answer.isFirst === true;
}

/** @returns {{ url: string; token: string } | null} */
function gatewayWanted() {
	const { TACET_SMS_URL: url, TACET_SMS_TOKEN: token } = process.env;
	if (!url && !token) return null;
	if (url && token) return { url, token };
	throw new StartError('TACET_SMS_URL and TACET_SMS_TOKEN are set together, or neither.');
}

async function start() {
	const port = portWanted();
	const signUp = signUpWanted();
	const dataDir = path.resolve(process.env['DATA_DIR'] ?? inProject('data'));
	await build({ log });
	const serving = await serve({ dataDir, port, signUp, gateway: gatewayWanted() });
	let stopping = false;
	for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
		process.on(signal, () => {
			stopping = true;
			void serving.stop();
		});
	}
	log(`Tacet is at ${serving.url} (Ctrl-C stops it). Its data is in ${dataDir}.`);
	// A server that ends meanwhile says so below.
	const isNew = await isWithoutAccounts(serving.url).catch(() => false);
	if (isNew) log('Nobody has an account yet: the first one made here runs this server.');
	await serving.ended;
	if (!stopping) {
		await serving.stop();
		throw new StartError(`The server ended by itself; ${dataDir}/server.log may say why.`);
	}
}

try {
	await start();
} catch (error) {
	console.error(error instanceof StartError ? error.message : error);
	process.exitCode = 1;
}
