// What is measured side by side, and how each one's server starts. Peers are installed on first use
// into .cache/bench/, with the exact versions of their package.json; one that can't be installed is
// reported as not run.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { build as bundle } from 'esbuild';
import { inProject } from '../scripts/project.mjs';
import { serve } from '../scripts/serve.mjs';
import { end, keep, startNode, type StartOptions } from './processes.ts';

export interface Serving {
	readonly port: number;
	readonly pid: number;
	stop(): Promise<void>;
}

export interface System {
	readonly name: string;
	readonly title: string;
	readonly encrypted: boolean;
	readonly client: StartOptions;
	/** Resolves with why it can't run here, or null. */
	install(): Promise<string | null>;
	serve(folder: string): Promise<Serving>;
}

const installTimeoutMs = 300_000;
const nothingToInstall = (): Promise<null> => Promise.resolve(null);

export const tacet: System = {
	name: 'tacet',
	title: 'Tacet',
	encrypted: true,
	client: { program: inProject('.cache/bench/tacet/client.mjs') },
	async install() {
		// As the peers' clients are: what takes the types off would count as its memory.
		await bundle({
			entryPoints: [inProject('bench/peers/tacet/client.ts')],
			outfile: inProject('.cache/bench/tacet/client.mjs'),
			bundle: true,
			format: 'esm',
			platform: 'node',
			logLevel: 'error'
		});
		return null;
	},
	async serve(folder) {
		const { url, pid, stop } = await serve({ signUp: 'open', dataDir: folder });
		return { port: Number(new URL(url).port), pid, stop };
	}
};

const floor = (name: string, title: string, notesPerRecord: number): System => ({
	name,
	title,
	encrypted: true,
	client: {
		program: inProject('bench/peers/floor/client.ts'),
		env: { NOTES_PER_RECORD: String(notesPerRecord) }
	},
	install: nothingToInstall,
	serve: (folder) => serveWorkerd(inProject('bench/peers/floor/config.capnp'), folder)
});

const node = (name: string, title: string, encrypted: boolean): System => {
	const folder = inProject('.cache/bench', name);
	return {
		name,
		title,
		encrypted,
		client: { program: path.join(folder, 'client.mjs'), cwd: folder },
		install: () => install(name, folder),
		serve: (data) => serveNode(folder, data)
	};
};

export const systems: readonly System[] = [
	tacet,
	floor('floor', 'limit: a record for each note', 1),
	floor('floor-pages', 'limit: 64 notes a record', 64),
	node('jazz', 'Jazz 0.20.19', true),
	node('hocuspocus', 'Yjs + Hocuspocus 4.7', false),
	node('pouch', 'PouchDB 9', false)
];

async function install(name: string, folder: string): Promise<string | null> {
	mkdirSync(folder, { recursive: true });
	cpSync(inProject('bench/peers', name), folder, { recursive: true });
	const stampFile = path.join(folder, '.installed');
	const wanted = readFileSync(path.join(folder, 'package.json'), 'utf8');
	if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return null;
	console.log(`Installing ${name} into .cache/bench (only needed once) …`);
	const npm = spawn('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], {
		cwd: folder,
		stdio: ['ignore', 'ignore', 'pipe'],
		timeout: installTimeoutMs,
		shell: process.platform === 'win32'
	});
	keep(npm);
	let said = '';
	npm.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
	const code = await new Promise<number | string>((resolve) => {
		npm.on('error', (error) => {
			resolve(error.message);
		});
		npm.on('close', (status) => {
			resolve(status ?? 'it took too long');
		});
	});
	if (code !== 0) return `npm install failed (${code}): ${said.trim().slice(0, 300)}`;
	writeFileSync(stampFile, wanted);
	return null;
}

async function serveNode(folder: string, data: string): Promise<Serving> {
	const program = path.join(folder, 'server.mjs');
	const child = startNode({ program, cwd: folder, env: { DIR: data } });
	const failed = once(child, 'exit').then(([code]) => {
		throw new Error(`the server ended with ${String(code)}`);
	});
	const [message] = await Promise.race([once(child, 'message'), failed]);
	failed.catch(() => undefined);
	const { port } = message as { readonly port: number };
	return { port, pid: child.pid!, stop: () => end(child, 'SIGTERM') };
}

export async function serveWorkerd(config: string, folder: string): Promise<Serving> {
	const workerd = createRequire(import.meta.url)('workerd') as { readonly default: string };
	const child = spawn(
		workerd.default,
		[
			...['serve', config, '--socket-addr=http=127.0.0.1:0', '--control-fd=3'],
			...(folder === '' ? [] : [`--directory-path=storage=${folder}`])
		],
		{ stdio: ['ignore', 'inherit', 'inherit', 'pipe'] }
	);
	keep(child);
	for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
		const message = JSON.parse(line) as { event: string; port: number };
		if (message.event !== 'listen') continue;
		return { port: message.port, pid: child.pid!, stop: () => end(child, 'SIGTERM') };
	}
	throw new Error('workerd did not start');
}
