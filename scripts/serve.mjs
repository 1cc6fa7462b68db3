// Runs the built server: workerd with the bundle that is deployed, on loopback only.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { openDataFolder, StartError, takeLock } from './data-folder.mjs';
import { inProject } from './project.mjs';

const stopTimeoutMs = 2_000;

/** @type {{ default: string }} */
const workerd = createRequire(import.meta.url)('workerd');

/**
 * What takes messages to telephones: docs/sms-gateway.md.
 * @typedef {{ url: string; token: string }} Gateway
 */

/**
 * @typedef {object} Serving
 * @property {string} url without a slash at its end
 * @property {number} pid of workerd
 * @property {Promise<void>} ended settles when workerd is gone, for whatever reason
 * @property {() => Promise<void>} stop ends it in order and gives the folder free
 * @property {() => Promise<void>} kill ends it as a crash would
 */

/**
 * Serves what `build` made; answers requests when the promise settles.
 * @param {{ dataDir: string; port?: number; local?: string; signUp?: string; gateway?: Gateway | null }} options
 * port 0, the default: any free one; `local`: where workerd's configuration lies, if not where `build`
 * puts it; `signUp`: who may sign up until the operator says otherwise; without a gateway the Worker
 * reaches nothing
 * @returns {Promise<Serving>}
 * @throws {StartError} when the folder or the port is taken
 */
export async function serve({
	dataDir,
	port = 0,
	local = inProject('dist/local'),
	signUp = 'invite',
	gateway = null
}) {
	const lock = await takeLock(dataDir);
	try {
		const data = openDataFolder(dataDir);
		await assertPortFree(port);
		const child = startWorkerd(data, { port, local, signUp, gateway });
		const endNow = () => child.kill('SIGTERM');
		process.once('exit', endNow);
		const ended = once(child, 'close').then(() => void process.off('exit', endNow));
		const url = `http://localhost:${String(await listeningPort(child, data.log))}`;
		const pid = /** @type {number} */ (child.pid);
		lock.note(pid, url);
		await fetch(url, { method: 'HEAD' });
		/** @param {'SIGTERM' | 'SIGKILL'} signal */
		const end = async (signal) => {
			child.kill(signal);
			// workerd waits for open sockets, which a page holds for as long as it is open. What was
			// acknowledged is on disk.
			const patience = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
			await ended;
			clearTimeout(patience);
			lock.release();
		};
		return { url, pid, ended, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
	} catch (error) {
		lock.release();
		throw error;
	}
}

/**
 * @param {ReturnType<typeof openDataFolder>} data
 * @param {{ port: number; local: string; signUp: string; gateway: Gateway | null }} options
 */
function startWorkerd(data, { port, local, signUp, gateway }) {
	const log = openSync(data.log, 'a', 0o600);
	const args = [
		'serve',
		path.join(local, 'tacet.capnp'),
		gateway === null ? 'config' : 'configWithGateway',
		`--socket-addr=http=127.0.0.1:${String(port)}`,
		`--directory-path=assets=${inProject('web/build')}`,
		`--directory-path=storage=${path.resolve(data.objects)}`,
		'--control-fd=3'
	];
	// In a process group of its own: a Ctrl-C in the terminal is ours to pass on, as SIGTERM.
	const child = spawn(workerd.default, args, {
		detached: true,
		env: {
			TACET_SECRET: data.secret,
			TACET_SIGN_UP: signUp,
			...(gateway && { TACET_SMS_URL: gateway.url, TACET_SMS_TOKEN: gateway.token })
		},
		stdio: ['ignore', log, log, 'pipe']
	});
	closeSync(log);
	return child;
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} log
 * @returns {Promise<number>}
 */
async function listeningPort(child, log) {
	const control = /** @type {import('node:stream').Readable} */ (child.stdio[3]);
	for await (const line of createInterface({ input: control })) {
		const message = JSON.parse(line);
		if (message.event === 'listen' && message.socket === 'http') return message.port;
	}
	throw new StartError(`The server did not start; ${log} says why.`);
}

/** @param {number} port */
async function assertPortFree(port) {
	const probe = createServer();
	probe.listen(port, '127.0.0.1');
	try {
		await once(probe, 'listening');
	} catch (error) {
		const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
		const why = taken ? 'is in use by another program' : 'may not be used';
		throw new StartError(`Port ${String(port)} ${why}; choose another: PORT=8788 npm start`);
	}
	probe.close();
	await once(probe, 'close');
}
