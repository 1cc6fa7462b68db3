// The code that a simulation runs, bundled from its sources as it is deployed: the client's engine,
// and the edge's objects, in one process but apart from each other. Snippets may be changed on
// the way, to show that a simulation would notice.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import {
	changing,
	packagesOutside,
	root,
	wasmModules,
	type SourceChange
} from '../changed-sources.ts';
import type { EdgeCode } from './simulated-edge.ts';
import type { ClientCode } from './simulated-tab.ts';

export interface Code {
	readonly client: ClientCode;
	readonly edge: EdgeCode;
}

/** Loaded before the first run, so that none waits for it. */
const opaque = [
	"import { init } from './crypto/opaque-ke/opaque-ke.js';",
	"import opaqueModule from './crypto/opaque-ke/opaque-ke.wasm';",
	'export const loadOpaque = () => Promise.resolve(opaqueModule);',
	'await init(opaqueModule);'
];

const entries = {
	client: [
		"export { SpaceSync } from './client/sync.ts';",
		"export { Items } from './client/items.ts';",
		"export { startCryptoInProcess } from './client/crypto-core.ts';",
		"export { createMemoryStore } from './client/memory-store.ts';",
		"export { Tabs } from './client/tabs.ts';",
		"export { Http } from './client/http.ts';",
		"export { Proofs } from './client/proofs.ts';",
		"export { Links } from './client/links.ts';",
		"export { openLinkView } from './client/link-view.ts';",
		"export { moveItem } from './client/move-items.ts';",
		...opaque
	],
	edge: [
		"export { Space } from './durable-objects/space.ts';",
		"export { Deployment } from './durable-objects/deployment.ts';",
		"export { ProofGuard } from './durable-objects/proof-guard.ts';",
		...opaque
	]
} as const;

/** @param folder for the bundles; the caller's to remove. */
export async function bundleCode(
	folder: string,
	changes: readonly SourceChange[] = []
): Promise<Code> {
	const [client, edge] = await Promise.all([
		bundle('client', folder, changes),
		bundle('edge', folder, changes)
	]);
	return { client: client as ClientCode, edge: edge as EdgeCode };
}

let bundles = 0;

async function bundle(
	side: keyof typeof entries,
	folder: string,
	changes: readonly SourceChange[]
) {
	const outfile = path.join(folder, `${side}-${String(++bundles)}.mjs`);
	await build({
		stdin: { contents: entries[side].join('\n'), resolveDir: root, loader: 'ts' },
		outfile,
		bundle: true,
		platform: 'node',
		format: 'esm',
		sourcemap: 'inline',
		logLevel: 'silent',
		plugins: [edgePlatform, wasmModules, packagesOutside, ...changes.map(changing)]
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
