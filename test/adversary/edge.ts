// The honest edge behind the liar: workerd with the bundle that is deployed, in a folder of its own.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from '../changed-sources.ts';
import { serve } from '../../scripts/serve.mjs';

export interface Edge {
	readonly url: string;
	readonly dataDir: string;
	stop(): Promise<void>;
	/** Ends it, and gives a folder that holds what it held: a backup to start others from. */
	backUp(): Promise<string>;
	/** Ends it and forgets everything. */
	remove(): Promise<void>;
}

const newFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), 'tacet-adversary-'));

/** The edge that is deployed, with one snippet of its bundle changed. */
export async function startChangedEdge(from: string, to: string): Promise<Edge> {
	const folder = await newFolder();
	await cp(path.join(root, 'dist'), folder, { recursive: true });
	const bundle = path.join(folder, 'index.js');
	const parts = (await readFile(bundle, 'utf8')).split(from);
	if (parts.length !== 2) throw new Error(`the edge has no longer one “${from}”`);
	await writeFile(bundle, parts.join(to));
	const edge = await startEdge(undefined, path.join(folder, 'local'));
	return {
		...edge,
		async remove() {
			await edge.remove();
			await rm(folder, { recursive: true });
		}
	};
}

/** Starts an edge; on a copy of `backup`, if one is given. */
export async function startEdge(backup?: string, local?: string): Promise<Edge> {
	const dataDir = await newFolder();
	if (backup !== undefined) await cp(backup, dataDir, { recursive: true });
	const serving = await serve({ dataDir, ...(local !== undefined && { local }) });
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
			await rm(dataDir, { recursive: true, force: true });
		}
	};
}
