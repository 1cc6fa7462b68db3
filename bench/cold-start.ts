// B14 and W6: a browser profile with ten thousand notes, from nothing to a list, to an answer of the
// search, to an open editor; with the processor as it is, and four times slower (Chromium's own
// throttling: of the page's thread, not of its workers).
//
// reload   without a network, while another tab of the profile is unlocked: that one hands the keys over.
// start    a browser that was closed: from the press on 'Unlock', password and login included.
//
// The limit of a reload, in the same browser: a database opened again that holds as many notes of
// 1 KiB in records of 64 KiB, all of it read, decrypted by WebCrypto, and parsed into objects. Notes
// that are sealed one by one, as the target says, and, harder to reach, records that are sealed whole,
// as the product's pages are.
import type { Page } from 'playwright-core';
import {
	atTheDesk,
	chromiumFile,
	fillUnlock,
	noteRow,
	notesOf,
	pageNowMs,
	rowsShown,
	throttle
} from './browser.ts';
import { withFilledProfile, type FilledProfile } from './filled-profile.ts';
import { noteBytes } from './notes.ts';
import { makeProse } from './prose.ts';
import { spreadOf, type Spread } from './statistics.ts';

/** Ms since the page began, or since the press on 'Unlock'. */
export interface StartFigures {
	readonly firstRowMs: Spread;
	readonly allRowsMs: Spread;
	/** All were listed, and a word that only the oldest note has was looked for at once. */
	readonly searchableMs: Spread;
	/** Of those ms, from the word typed to its row. */
	readonly answerMs: Spread;
	/** The note is open, its text in the editor. */
	readonly editorMs: Spread;
	/** The longest that the page's thread was busy at a stretch; 0 if never beyond 50 ms. */
	readonly longestTaskMs: Spread;
	/** Stretches beyond 50 ms in one start. */
	readonly longTasks: Spread;
}

export interface ColdStartFigures {
	readonly notes: number;
	/** The limit: notes sealed one by one. */
	readonly readAndDecryptMs: Spread;
	/** The limit that is harder to reach: 64 KiB sealed at once. */
	readonly readAndDecryptPagesMs: Spread;
	readonly reload: StartFigures;
	readonly reloadSlowed: StartFigures;
	readonly start: StartFigures;
	readonly startSlowed: StartFigures;
	/** The first row, by the limit, in each repeat; it is told by the tab that has the keys. */
	readonly listRatio: Spread;
	readonly listByPagesRatio: Spread;
	/** All rows, read and decrypted here, by the limit. */
	readonly allRowsRatio: Spread;
	readonly allRowsByPagesRatio: Spread;
	readonly searchableRatio: Spread;
}

const slowedRate = 4;
const limitPageBytes = 65_536;
/** How long the page is watched after all was there: an index is built behind it. */
const watchedMs = 4_000;

/** Null where no Chromium is installed. */
export async function measureColdStart(options: {
	readonly notes: number;
	readonly repeats: number;
}): Promise<ColdStartFigures | null> {
	if ((await chromiumFile()) === null) return null;
	const { notes, repeats } = options;
	const made = makeProse(notes).map(({ title, body }, index) => ({
		title,
		body: index === 0 ? `${body} ${soughtWord}` : body
	}));
	return withFilledProfile(made, async (profile) => {
		const reload = await reloads(profile, { notes, repeats, rate: 1 });
		const slowed = await reloads(profile, { notes, repeats, rate: slowedRate });
		const { notesMs, pagesMs } = reload;
		const ratio = (of: (once: Once) => number, limitMs: readonly number[]) =>
			spreadOf(reload.runs.map((once, repeat) => of(once) / (limitMs[repeat] ?? Number.NaN)));
		return {
			notes,
			readAndDecryptMs: spreadOf(notesMs),
			readAndDecryptPagesMs: spreadOf(pagesMs),
			reload: figuresOf(reload.runs),
			reloadSlowed: figuresOf(slowed.runs),
			start: figuresOf(await starts(profile, { notes, repeats, rate: 1 })),
			startSlowed: figuresOf(await starts(profile, { notes, repeats, rate: slowedRate })),
			listRatio: ratio(({ firstRowMs }) => firstRowMs, notesMs),
			listByPagesRatio: ratio(({ firstRowMs }) => firstRowMs, pagesMs),
			allRowsRatio: ratio(({ allRowsMs }) => allRowsMs, notesMs),
			allRowsByPagesRatio: ratio(({ allRowsMs }) => allRowsMs, pagesMs),
			searchableRatio: ratio(({ searchableMs }) => searchableMs, notesMs)
		};
	});
}

const soughtWord = 'zyzzyva';

interface Once {
	readonly firstRowMs: number;
	readonly allRowsMs: number;
	readonly searchableMs: number;
	readonly answerMs: number;
	readonly editorMs: number;
	readonly longTasksMs: readonly number[];
}

interface Repeated {
	readonly notes: number;
	readonly repeats: number;
	readonly rate: number;
}

function figuresOf(runs: readonly Once[]): StartFigures {
	const spread = (of: (once: Once) => number): Spread => spreadOf(runs.map(of));
	return {
		firstRowMs: spread(({ firstRowMs }) => firstRowMs),
		allRowsMs: spread(({ allRowsMs }) => allRowsMs),
		searchableMs: spread(({ searchableMs }) => searchableMs),
		answerMs: spread(({ answerMs }) => answerMs),
		editorMs: spread(({ editorMs }) => editorMs),
		longestTaskMs: spread(({ longTasksMs }) => Math.max(0, ...longTasksMs)),
		longTasks: spread(({ longTasksMs }) => longTasksMs.length)
	};
}

async function reloads(
	profile: FilledProfile,
	{ notes, repeats, rate }: Repeated
): Promise<{
	readonly runs: readonly Once[];
	readonly notesMs: readonly number[];
	readonly pagesMs: readonly number[];
}> {
	const { context, page: other, close } = await profile.open();
	const unlock = await fillUnlock(other);
	await unlock.click();
	await rowsShown(other, notes);
	const page = await context.newPage();
	await page.goto(profile.url);
	await rowsShown(page, notes);
	await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
	await throttle(page, rate);
	await context.setOffline(true);
	const runs: Once[] = [];
	const notesMs: number[] = [];
	const pagesMs: number[] = [];
	const limit = (sealedTogether: number): Promise<number> =>
		other.evaluate(readAndDecrypt, { notes, noteBytes, pageBytes: limitPageBytes, sealedTogether });
	for (let repeat = 0; repeat < repeats; repeat++) {
		await page.reload({ waitUntil: 'commit' });
		runs.push(await watch(page, { notes, fromMs: () => Promise.resolve(0) }));
		await clearSearch(page);
		if (rate === 1) {
			notesMs.push(await limit(1));
			pagesMs.push(await limit(Math.floor(limitPageBytes / noteBytes)));
		}
	}
	await close();
	return { runs, notesMs, pagesMs };
}

async function starts(
	profile: FilledProfile,
	{ notes, repeats, rate }: Repeated
): Promise<readonly Once[]> {
	const runs: Once[] = [];
	for (let repeat = 0; repeat < repeats; repeat++) {
		const { page, close } = await profile.open();
		const unlock = await fillUnlock(page);
		await page.evaluate(() => {
			addEventListener('submit', () => performance.mark('pressed'), { capture: true });
		});
		await throttle(page, rate);
		await unlock.click();
		const fromMs = (): Promise<number> =>
			page.evaluate(() => performance.getEntriesByName('pressed').at(-1)?.startTime ?? Number.NaN);
		runs.push(await watch(page, { notes, fromMs }));
		await close();
	}
	return runs;
}

async function watch(
	page: Page,
	{ notes, fromMs }: { readonly notes: number; readonly fromMs: () => Promise<number> }
): Promise<Once> {
	await atTheDesk(page);
	await rowsShown(page, notes);
	const search = page.getByRole('searchbox');
	const typedAtMs = await pageNowMs(page);
	await search.fill(soughtWord);
	await rowsShown(page, 1);
	const { rowsAtMs } = await notesOf(page);
	const foundAtMs = rowsAtMs[1] ?? Number.NaN;
	const pressedAtMs = await pageNowMs(page);
	await noteRow(page, soughtWord).click();
	await page.getByRole('textbox', { name: 'Note text' }).getByText(soughtWord).waitFor();
	const editorAtMs = await pageNowMs(page);
	await page.waitForTimeout(watchedMs);
	const { firstRowMs, longTasks } = await notesOf(page);
	const from = await fromMs();
	const allRowsMs = (rowsAtMs[notes] ?? Number.NaN) - from;
	const answerMs = foundAtMs - typedAtMs;
	return {
		firstRowMs: (firstRowMs ?? Number.NaN) - from,
		allRowsMs,
		searchableMs: allRowsMs + answerMs,
		answerMs,
		// Without the time that went by before something was typed, and before the row was pressed.
		editorMs: allRowsMs + answerMs + editorAtMs - pressedAtMs,
		longTasksMs: longTasks.filter(({ atMs }) => atMs >= from).map(({ ms }) => ms)
	};
}

async function clearSearch(page: Page): Promise<void> {
	await page.getByRole('searchbox').fill('');
	await page.evaluate(() => {
		location.hash = '';
	});
}

/** Runs in the page: may use nothing of this file. */
async function readAndDecrypt(input: {
	readonly notes: number;
	readonly noteBytes: number;
	readonly pageBytes: number;
	/** Notes under one seal. */
	readonly sealedTogether: number;
}): Promise<number> {
	const ivBytes = 12;
	const name = `limit-${String(Math.random())}`;
	const connect = async (): Promise<IDBDatabase> => {
		const opening = indexedDB.open(name);
		opening.onupgradeneeded = () => opening.result.createObjectStore('pages');
		return new Promise<IDBDatabase>((resolve, reject) => {
			opening.onsuccess = () => resolve(opening.result);
			opening.onerror = () => reject(new Error('no IndexedDB'));
		});
	};
	const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
		'encrypt',
		'decrypt'
	]);
	const sealed: Uint8Array<ArrayBuffer>[] = [];
	for (let first = 0; first < input.notes; first += input.sealedTogether) {
		const iv = crypto.getRandomValues(new Uint8Array(ivBytes));
		const count = Math.min(input.sealedTogether, input.notes - first);
		const notes = Array.from({ length: count }, (_, at) => ({
			id: first + at,
			body: 'x'.repeat(input.noteBytes - 32)
		}));
		const bytes = await crypto.subtle.encrypt(
			{ name: 'AES-GCM', iv },
			key,
			new TextEncoder().encode(JSON.stringify(notes))
		);
		const record = new Uint8Array(ivBytes + bytes.byteLength);
		record.set(iv);
		record.set(new Uint8Array(bytes), ivBytes);
		sealed.push(record);
	}
	const perPage = Math.max(1, Math.floor(input.pageBytes / (sealed[0]?.length ?? 1)));
	const writer = await connect();
	const writing = writer.transaction('pages', 'readwrite');
	for (let first = 0; first < sealed.length; first += perPage) {
		writing.objectStore('pages').put(sealed.slice(first, first + perPage), first);
	}
	await new Promise((resolve) => (writing.oncomplete = resolve));
	writer.close();
	const startedMs = performance.now();
	const database = await connect();
	const reading = database.transaction('pages').objectStore('pages').getAll();
	await new Promise((resolve) => (reading.onsuccess = resolve));
	const decoder = new TextDecoder();
	const opened = await Promise.all(
		(reading.result as Uint8Array<ArrayBuffer>[][]).flat().map(async (record) => {
			const iv = record.subarray(0, ivBytes);
			const plain = await crypto.subtle.decrypt(
				{ name: 'AES-GCM', iv },
				key,
				record.subarray(ivBytes)
			);
			return JSON.parse(decoder.decode(plain)) as readonly { readonly id: number }[];
		})
	);
	const ms = performance.now() - startedMs;
	database.close();
	indexedDB.deleteDatabase(name);
	if (opened.flat().length !== input.notes) throw new Error('notes are missing');
	return ms;
}
