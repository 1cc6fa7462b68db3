// Bundling the sources for a test that runs them with one snippet changed: how it shows that it
// would notice a missing defence.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface SourceChange {
	/** From the project's root. */
	readonly file: string;
	/** Occurs once; what stands in its place follows. */
	readonly from: string;
	readonly to: string;
}

/** Throws unless the snippet stands in its file exactly once. */
export const changing = ({ file, from, to }: SourceChange): Plugin => ({
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

/** Yjs says so when there are two of it. */
export const oneYjs: Plugin = {
	name: 'one-yjs',
	setup(bundler) {
		bundler.onResolve({ filter: /^yjs$/ }, () => ({
			path: import.meta.resolve('yjs'),
			external: true
		}));
	}
};

/** A Wasm file is a compiled module, as in a Worker. */
export const wasmModules: Plugin = {
	name: 'wasm-modules',
	setup(bundler) {
		bundler.onLoad({ filter: /\.wasm$/ }, ({ path: loaded }) => ({
			contents: `import { readFileSync } from 'node:fs';
				export default new WebAssembly.Module(readFileSync(${JSON.stringify(loaded)}));`,
			loader: 'js'
		}));
	}
};

/** Packages are loaded once, by whoever comes first: only our own sources are bundled. */
export const packagesOutside: Plugin = {
	name: 'packages-outside',
	setup(bundler) {
		bundler.onResolve({ filter: /^[@a-z]/ }, ({ path: name }) =>
			name.startsWith('node:') ? undefined : { path: import.meta.resolve(name), external: true }
		);
	}
};
