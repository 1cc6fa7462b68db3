// A browser profile with notes in it, and the edge that has them: what somebody has who has used the
// app for years. Made by the app itself, through its import.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import {
	importZip,
	newFolder,
	openBrowser,
	removeFolder,
	signUp,
	writeZip,
	type BenchBrowser
} from './browser.ts';
import type { BenchNote } from './notes.ts';
import { startProxy, type CountingProxy } from './proxy.ts';
import { tacet } from './systems.ts';

export interface FilledProfile {
	readonly url: string;
	/** Between browser and edge. */
	readonly proxy: CountingProxy;
	/** Opens the profile; one browser at a time. */
	open(): Promise<BenchBrowser>;
}

export async function withFilledProfile<Value>(
	notes: readonly BenchNote[],
	work: (profile: FilledProfile) => Promise<Value>
): Promise<Value> {
	const folder = newFolder();
	const data = path.join(folder, 'edge');
	mkdirSync(data);
	const server = await tacet.serve(data);
	const proxy = await startProxy({ toPort: server.port, rttMs: 0 });
	const url = `http://localhost:${proxy.port}`;
	const open = (): Promise<BenchBrowser> => openBrowser(path.join(folder, 'profile'), url);
	try {
		const first = await open();
		await signUp(first.page, 'measured');
		await importZip(first.page, writeZip(folder, notes), notes.length);
		await first.close();
		return await work({ url, proxy, open });
	} finally {
		await proxy.close();
		await server.stop();
		removeFolder(folder);
	}
}
