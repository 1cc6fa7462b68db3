// The honest edge behind the liar: workerd with the bundle that is deployed, in a folder of its own.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { root } from '../changed-sources.ts';
import { serve } from '../../scripts/serve.mjs';
import { networkHeader } from './liar.ts';

export interface Edge {
	readonly url: string;
	readonly dataDir: string;
	stop(): Promise<void>;
	/** Ends it, and gives a folder that holds what it held: a backup to start others from. */
	backUp(): Promise<string>;
	/** Ends it and forgets everything. */
	remove(): Promise<void>;
}

interface SnippetChange {
	/** Stands in the file once; what stands in its place follows. */
	readonly from: string;
	readonly to: string;
}

export interface StartOptions {
	readonly backup?: string;
	/** One snippet of a bundle, in place of the one that is deployed. */
	readonly changed?: SnippetChange & { readonly bundle: string };
}

const newFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), 'tacet-adversary-'));

/** The bundle with the names and lines that minifying takes away, in a folder of its own. */
export async function readableBundle(): Promise<string> {
	const folder = await newFolder();
	const wrangler = path.join(root, 'node_modules/wrangler/bin/wrangler.js');
	const args = [wrangler, 'deploy', '--dry-run', '--no-minify', '--outdir', folder];
	const env = {
		...{ CI: '1', WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' },
		WRANGLER_LOG_PATH: path.join(folder, 'log')
	};
	await promisify(execFile)(process.execPath, args, { cwd: root, env: { ...process.env, ...env } });
	return path.join(folder, 'index.js');
}

async function change(file: string, { from, to }: SnippetChange): Promise<void> {
	const parts = (await readFile(file, 'utf8')).split(from);
	if (parts.length !== 2) throw new Error(`${file} has no longer one “${from}”`);
	await writeFile(file, parts.join(to));
}

/** Starts the edge that is deployed; on a copy of `backup`, if one is given. */
export async function startEdge(options: StartOptions = {}): Promise<Edge> {
	const folder = await newFolder();
	const dataDir = path.join(folder, 'data');
	const deployed = path.join(folder, 'dist');
	await cp(path.join(root, 'dist'), deployed, { recursive: true });
	await change(path.join(deployed, 'local/front.js'), {
		from: "'cf-connecting-ip', '127.0.0.1'",
		to: `'cf-connecting-ip', headers.get('${networkHeader}') ?? '127.0.0.1'`
	});
	if (options.changed !== undefined) {
		const bundle = path.join(deployed, 'index.js');
		await cp(options.changed.bundle, bundle);
		await change(bundle, options.changed);
	}
	if (options.backup !== undefined) await cp(options.backup, dataDir, { recursive: true });
	const serving = await serve({
		...{ dataDir, local: path.join(deployed, 'local') },
		signUp: 'open'
	});
	return {
		url: serving.url,
		dataDir,
		stop: () => serving.stop(),
		async backUp() {
			await serving.kill();
			const copy = await newFolder();
			await cp(dataDir, copy, { recursive: true });
			return copy;
		},
		async remove() {
			await serving.kill();
			await rm(folder, { recursive: true, force: true });
		}
	};
}
