// Starts the counting edge: what is deployed, bundled with a wrapper (worker.js) that counts what the
// platform bills. Same workerd, same storage; for counts only, never for times.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build as bundle } from 'esbuild';
import { inProject } from '../../scripts/project.mjs';
import { serveWorkerd, type Serving } from '../systems.ts';

/** By class of object; `Worker` for requests that come from outside. */
export type Counts = Readonly<Record<string, Count>>;

export interface Count {
	/** HTTP requests and RPC calls, sockets among them: each is a request to be paid. */
	readonly calls: number;
	/** Frames received; twenty are one request to be paid. */
	readonly frames: number;
	readonly alarms: number;
	readonly alarmsSet: number;
	/** Times that an object was made anew in memory. */
	readonly wakes: number;
	/** As SQLite counts them. */
	readonly rowsRead: number;
	readonly rowsWritten: number;
}

const keys = [
	'calls',
	'frames',
	'alarms',
	'alarmsSet',
	'wakes',
	'rowsRead',
	'rowsWritten'
] as const;
const none: Count = {
	...{ calls: 0, frames: 0, alarms: 0, alarmsSet: 0 },
	...{ wakes: 0, rowsRead: 0, rowsWritten: 0 }
};

export interface CountingEdge {
	readonly origin: string;
	readonly pid: number;
	counts(): Promise<Counts>;
	/** Everybody's memory is gone afterwards, as after an update of the edge. */
	restart(): Promise<void>;
	stop(): Promise<void>;
}

export async function startCountingEdge(): Promise<CountingEdge> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-counting-'));
	await bundleEdge(folder);
	mkdirSync(path.join(folder, 'storage'));
	const start = (): Promise<Serving> =>
		serveWorkerd(path.join(folder, 'config.capnp'), path.join(folder, 'storage'));
	let serving = await start();
	return {
		get origin() {
			return `http://localhost:${serving.port}`;
		},
		get pid() {
			return serving.pid;
		},
		async counts() {
			const answer = await fetch(`http://localhost:${serving.port}/count`);
			return (await answer.json()) as Counts;
		},
		async restart() {
			await serving.stop();
			serving = await start();
		},
		async stop() {
			await serving.stop();
			rmSync(folder, { recursive: true, force: true });
		}
	};
}

async function bundleEdge(folder: string): Promise<void> {
	await bundle({
		entryPoints: [inProject('bench/counting/worker.js')],
		outfile: path.join(folder, 'worker.js'),
		bundle: true,
		format: 'esm',
		target: 'es2024',
		external: ['*.wasm', 'cloudflare:*'],
		logLevel: 'error',
		plugins: [
			{
				name: 'wasm-beside',
				setup(build) {
					build.onResolve({ filter: /\.wasm$/ }, () => ({
						path: './opaque-ke.wasm',
						external: true
					}));
				}
			}
		]
	});
	copyFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm'), path.join(folder, 'opaque-ke.wasm'));
	copyFileSync(inProject('bench/counting/config.capnp'), path.join(folder, 'config.capnp'));
}

/** What was counted between two readings; classes without anything are left out. */
export function between(before: Counts, after: Counts): Counts {
	const differences = Object.entries(after).map(([name, count]) => {
		const base = before[name] ?? none;
		return [name, mapCount((key) => count[key] - base[key])] as const;
	});
	return Object.fromEntries(
		differences.filter(([, count]) => keys.some((key) => count[key] !== 0))
	);
}

/** Divided by how often it was done. */
export const each = (counts: Counts, times: number): Counts =>
	Object.fromEntries(
		Object.entries(counts).map(([name, count]) => [
			name,
			mapCount((key) => Number((count[key] / times).toFixed(4)))
		])
	);

const mapCount = (of: (key: (typeof keys)[number]) => number): Count =>
	Object.fromEntries(keys.map((key) => [key, of(key)])) as unknown as Count;
