// An operator's restore: the edge serves again what it held at an earlier moment.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Edge } from './edge.ts';

/** A copy of all that the edge holds now; it is away for a moment. */
export async function backUp(edge: Edge): Promise<string> {
	const backup = await mkdtemp(path.join(tmpdir(), 'tacet-backup-'));
	await edge.kill();
	await cp(edge.dataDir, backup, { recursive: true });
	await edge.restart();
	return backup;
}

/** Ends the edge, and serves a backup in its place, at the same address. */
export async function restore(edge: Edge, backup: string): Promise<void> {
	await edge.kill();
	await rm(edge.dataDir, { recursive: true });
	await cp(backup, edge.dataDir, { recursive: true });
	await edge.restart();
}
