// Starts the program behind `npm start` as a person would, and listens to what it says.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export const newFolder = () => mkdtempSync(path.join(tmpdir(), 'tacet-test-'));

export interface Started {
	readonly child: ChildProcess;
	/** Everything said so far. */
	said(): string;
	/** The exit code; null when a signal ended it. */
	readonly ended: Promise<number | null>;
	/** The address, once it is printed; fails when the program ends before. */
	readonly url: Promise<string>;
}

export function start(dataDir: string, port = '0'): Started {
	const child = spawn(process.execPath, [path.join(root, 'scripts/start.mjs')], {
		env: { PATH: process.env['PATH'], DATA_DIR: dataDir, PORT: port },
		stdio: ['ignore', 'pipe', 'pipe']
	});
	let said = '';
	const ended = new Promise<number | null>((resolve) => {
		child.on('close', (code) => resolve(code));
	});
	const url = new Promise<string>((resolve, reject) => {
		const listen = (bytes: Buffer) => {
			said += bytes.toString();
			const address = /http:\/\/localhost:\d+/.exec(said);
			if (address) resolve(address[0]);
		};
		child.stdout.on('data', listen);
		child.stderr.on('data', listen);
		void ended.then(() => reject(new Error(`ended before it served:\n${said}`)));
	});
	// Not every test asks for the address.
	url.catch(() => undefined);
	return { child, said: () => said, ended, url };
}

interface LockFile {
	readonly starter: { readonly pid: number };
	readonly server: { readonly pid: number };
}

/** Process numbers as the folder's lock has them. */
export function holders(dataDir: string): { starter: number; server: number } {
	const lock = JSON.parse(readFileSync(path.join(dataDir, 'lock'), 'utf8')) as LockFile;
	return { starter: lock.starter.pid, server: lock.server.pid };
}

export function isRunning(pid: number): boolean {
	try {
		process.kill(pid, 0);
		// A process that has ended and was not yet waited for still takes signals.
		return !readFileSync(`/proc/${String(pid)}/stat`, 'utf8').includes(') Z ');
	} catch {
		return false;
	}
}
