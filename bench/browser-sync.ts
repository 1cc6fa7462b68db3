// B3: W1 and W2 in Chromium, in the app as it is built, with everything kept in IndexedDB. Push: from
// the choice of a zip until all of it was acknowledged. Pull: a fresh profile, from the answer that
// ends its login until all notes are in the list and nothing is left to be fetched. The limit, in
// the same browser: as many notes put into IndexedDB as pages of 64 KiB, in one transaction.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import {
	atTheDesk,
	chromiumFile,
	fillLogIn,
	importZip,
	newFolder,
	notesOf,
	openBrowser,
	removeFolder,
	rowsShown,
	signUp,
	writeZip
} from './browser.ts';
import { makeNotes, noteBytes } from './notes.ts';
import { spreadOf, type Spread } from './statistics.ts';
import { tacet } from './systems.ts';

export interface BrowserSyncFigures {
	readonly notes: number;
	readonly pushMs: Spread;
	readonly pullMs: Spread;
	/** The limit. */
	readonly pagePutMs: Spread;
	/** Of the limit's speed, in each repeat. */
	readonly pushRatio: Spread;
	readonly pullRatio: Spread;
}

const limitPageBytes = 65_536;

interface Once {
	readonly pushMs: number;
	readonly pullMs: number;
	readonly pagePutMs: number;
}

/** Null where no Chromium is installed. */
export async function measureBrowserSync(options: {
	readonly notes: number;
	readonly repeats: number;
}): Promise<BrowserSyncFigures | null> {
	if ((await chromiumFile()) === null) return null;
	const runs: Once[] = [];
	for (let repeat = 0; repeat < options.repeats; repeat++) runs.push(await once(options.notes));
	return {
		notes: options.notes,
		pushMs: spreadOf(runs.map(({ pushMs }) => pushMs)),
		pullMs: spreadOf(runs.map(({ pullMs }) => pullMs)),
		pagePutMs: spreadOf(runs.map(({ pagePutMs }) => pagePutMs)),
		pushRatio: spreadOf(runs.map(({ pushMs, pagePutMs }) => pagePutMs / pushMs)),
		pullRatio: spreadOf(runs.map(({ pullMs, pagePutMs }) => pagePutMs / pullMs))
	};
}

async function once(count: number): Promise<Once> {
	const folder = newFolder();
	const data = path.join(folder, 'edge');
	mkdirSync(data);
	const server = await tacet.serve(data);
	const url = `http://localhost:${server.port}`;
	try {
		const zip = writeZip(folder, makeNotes(count));
		const writer = await openBrowser(path.join(folder, 'writer'), url);
		await signUp(writer.page, 'measured');
		const { chosenAtMs, syncedAtMs } = await importZip(writer.page, zip, count);
		await writer.close();
		const reader = await openBrowser(path.join(folder, 'reader'), url);
		const pullMs = await pull(reader.page, count);
		await reader.page.goto(`${url}/robots.txt`);
		const pagePutMs = await reader.page.evaluate(putPages, {
			pageBytes: limitPageBytes,
			pages: Math.ceil((count * noteBytes) / limitPageBytes)
		});
		await reader.close();
		return { pushMs: syncedAtMs - chosenAtMs, pullMs, pagePutMs };
	} finally {
		await server.stop();
		removeFolder(folder);
	}
}

async function pull(page: Page, count: number): Promise<number> {
	const logIn = await fillLogIn(page, 'measured');
	await logIn.click();
	await atTheDesk(page);
	await rowsShown(page, count);
	await page.waitForFunction(() => measured.said.at(-1)?.text.startsWith('Synced') === true);
	const { rowsAtMs, said } = await notesOf(page);
	const finishedAtMs = await page.evaluate(
		() =>
			performance
				.getEntriesByType('resource')
				.findLast(({ name }) => name.endsWith('/v1/login/finish'))
				?.toJSON().responseEnd as number
	);
	const listedAtMs = rowsAtMs[count] ?? Number.NaN;
	const syncedAtMs = said.find(
		({ text, atMs }) => text.startsWith('Synced') && atMs >= listedAtMs
	)?.atMs;
	return Math.max(listedAtMs, syncedAtMs ?? listedAtMs) - finishedAtMs;
}

/** Runs in the page: may use nothing of this file. Each page has bytes of its own. */
async function putPages(input: {
	readonly pages: number;
	readonly pageBytes: number;
}): Promise<number> {
	const made = Array.from({ length: input.pages }, () => {
		const page = new Uint8Array(input.pageBytes);
		return crypto.getRandomValues(page);
	});
	const name = `limit-${String(Math.random())}`;
	const opening = indexedDB.open(name);
	opening.onupgradeneeded = () => opening.result.createObjectStore('pages');
	const database = await new Promise<IDBDatabase>((resolve, reject) => {
		opening.onsuccess = () => resolve(opening.result);
		opening.onerror = () => reject(new Error('no IndexedDB'));
	});
	const startedMs = performance.now();
	const transaction = database.transaction('pages', 'readwrite', { durability: 'relaxed' });
	for (const [index, page] of made.entries()) transaction.objectStore('pages').put(page, index);
	await new Promise((resolve, reject) => {
		transaction.oncomplete = resolve;
		transaction.onabort = reject;
	});
	const ms = performance.now() - startedMs;
	database.close();
	indexedDB.deleteDatabase(name);
	return ms;
}
