// The honest edge behind the liar: workerd with the bundle that is deployed, in a folder of its own.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
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

/** Starts an edge; on a copy of `backup`, if one is given. */
export async function startEdge(backup?: string): Promise<Edge> {
	const dataDir = await newFolder();
	if (backup !== undefined) await cp(backup, dataDir, { recursive: true });
	const serving = await serve({ dataDir });
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
