// Bytes that a browser must fetch before anybody can log in, and of the Worker, gzipped as a server
// would send them.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { inProject } from '../scripts/project.mjs';
import { keep } from './processes.ts';
import { tacet } from './systems.ts';

export interface SizeFigures {
	/** JavaScript of the locked page; null where no Chromium is installed. */
	readonly lockedPageGzipBytes: number | null;
	readonly workerGzipBytes: number;
}

const timeoutMs = 60_000;

export async function measureSizes(): Promise<SizeFigures> {
	return { lockedPageGzipBytes: await lockedPage(), workerGzipBytes: workerBundle() };
}

function workerBundle(): number {
	const files = readdirSync(inProject('dist')).filter((name) => /\.(js|wasm)$/.test(name));
	return files.reduce(
		(sum, name) => sum + gzipSync(readFileSync(inProject('dist', name)), { level: 9 }).length,
		0
	);
}

/** web/measure-first-load.mjs opens the page in Chromium, and sums what it asks for. */
async function lockedPage(): Promise<number | null> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-size-'));
	const server = await tacet.serve(folder);
	try {
		const url = `http://localhost:${server.port}`;
		const child = spawn(process.execPath, [inProject('web/measure-first-load.mjs'), url], {
			stdio: ['ignore', 'pipe', 'ignore'],
			timeout: timeoutMs
		});
		keep(child);
		let said = '';
		child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
		await new Promise((resolve) => child.once('close', resolve));
		const [, bytes] = /(\d+)\s+bytes of JavaScript/.exec(said) ?? [];
		return bytes === undefined ? null : Number(bytes);
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}
