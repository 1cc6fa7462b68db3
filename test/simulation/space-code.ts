// The code that a simulation runs, bundled from its sources as it is deployed: the client's engine,
// and the edge's objects, in one process but apart from each other. One snippet may be changed on
// the way, to show that a simulation would notice.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { EdgeCode } from './simulated-edge.ts';
import type { ClientCode } from './simulated-device.ts';

export interface Change {
	readonly side: 'client' | 'edge';
	readonly file: string;
	/** Occurs once; what stands in its place follows. */
	readonly from: string;
	readonly to: string;
}

export interface Code {
	readonly client: ClientCode;
	readonly edge: EdgeCode;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const entries = {
	client: [
		"export { SpaceSync } from './client/sync.ts';",
		"export { Items } from './client/items.ts';",
		"export { startCryptoInProcess } from './client/crypto-core.ts';",
		"export { createMemoryStore } from './client/memory-store.ts';"
	],
	edge: [
		"export { Space } from './durable-objects/space.ts';",
		"export { Deployment } from './durable-objects/deployment.ts';"
	]
} as const;

/** @param folder for the bundles; the caller's to remove. */
export async function bundleCode(folder: string, change: Change | null = null): Promise<Code> {
	const [client, edge] = await Promise.all([
		bundle('client', folder, change),
		bundle('edge', folder, change)
	]);
	return { client: client as ClientCode, edge: edge as EdgeCode };
}

let bundles = 0;

async function bundle(side: Change['side'], folder: string, change: Change | null) {
	const outfile = path.join(folder, `${side}-${String(++bundles)}.mjs`);
	await build({
		stdin: { contents: entries[side].join('\n'), resolveDir: root, loader: 'ts' },
		outfile,
		bundle: true,
		platform: 'node',
		format: 'esm',
		sourcemap: 'inline',
		logLevel: 'silent',
		plugins: [
			edgePlatform,
			wasmModules,
			oneYjs,
			...(change?.side === side ? [changing(change)] : [])
		]
	});
	return import(/* @vite-ignore */ pathToFileURL(outfile).href) as Promise<unknown>;
}

/** The base class of objects; all else that the platform gives is a global. */
const edgePlatform: Plugin = {
	name: 'edge-platform',
	setup(bundler) {
		bundler.onResolve({ filter: /^cloudflare:workers$/ }, ({ path: name }) => ({
			path: name,
			namespace: 'edge-platform'
		}));
		bundler.onLoad({ filter: /.*/, namespace: 'edge-platform' }, () => ({
			contents:
				'export class DurableObject { constructor(ctx, env) { this.ctx = ctx; this.env = env; } }',
			loader: 'js'
		}));
	}
};

/** Yjs says so when there are two of it. */
const oneYjs: Plugin = {
	name: 'one-yjs',
	setup(bundler) {
		bundler.onResolve({ filter: /^yjs$/ }, () => ({
			path: import.meta.resolve('yjs'),
			external: true
		}));
	}
};

const wasmModules: Plugin = {
	name: 'wasm-modules',
	setup(bundler) {
		bundler.onLoad({ filter: /\.wasm$/ }, ({ path: loaded }) => ({
			contents: `import { readFileSync } from 'node:fs';
				export default new WebAssembly.Module(readFileSync(${JSON.stringify(loaded)}));`,
			loader: 'js'
		}));
	}
};

const changing = ({ file, from, to }: Change): Plugin => ({
	name: 'change',
	setup(bundler) {
		const target = path.join(root, file);
		bundler.onLoad({ filter: /\.ts$/ }, async ({ path: loaded }) => {
			if (loaded !== target) return undefined;
			const parts = (await readFile(loaded, 'utf8')).split(from);
			if (parts.length !== 2) throw new Error(`${file} has no longer one “${from}”`);
			return { contents: parts.join(to), loader: 'ts' };
		});
	}
});
