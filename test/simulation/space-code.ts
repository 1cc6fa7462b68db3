// The code that a simulation runs, bundled from its sources as it is deployed: the client's engine,
// and the edge's objects, in one process but apart from each other. One snippet may be changed on
// the way, to show that a simulation would notice.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { changing, oneYjs, root, wasmModules, type SourceChange } from '../changed-sources.ts';
import type { EdgeCode } from './simulated-edge.ts';
import type { ClientCode } from './simulated-device.ts';

export interface Change extends SourceChange {
	readonly side: 'client' | 'edge';
}

export interface Code {
	readonly client: ClientCode;
	readonly edge: EdgeCode;
}

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
