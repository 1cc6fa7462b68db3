// The built app in a real Chromium, as a person uses it, and what the browser itself says of how
// long things took. Every profile is a folder of its own; throttling is Chromium's own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { chromium, type BrowserContext, type Locator, type Page } from 'playwright-core';
import { chromiumArgs, findChromium } from '../scripts/chromium.mjs';
import type { BenchNote } from './notes.ts';

export const password = 'a tortoise on the old pier';
const stepTimeoutMs = 120_000;

/** Null where no Chromium is installed: then nothing of this can be measured. */
export const chromiumFile = async (): Promise<string | null> => (await findChromium()) ?? null;

export const newFolder = (): string => mkdtempSync(path.join(tmpdir(), 'bench-browser-'));
export const removeFolder = (folder: string): void => {
	rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
};

/** What each page notes of itself, from before its own scripts until it is left; ms since it began. */
export interface PageNotes {
	/** The list shows its first row. */
	firstRowMs: number | null;
	/** When the list had so many rows for the first time. */
	readonly rowsAtMs: Record<number, number>;
	/** Stretches of the main thread of more than 50 ms, as Chromium counts them. */
	readonly longTasks: { readonly atMs: number; readonly ms: number }[];
	/** What the line about sync said, one after another. */
	readonly said: { readonly text: string; readonly atMs: number }[];
}

declare global {
	/** Only in pages that are measured. */
	var measured: PageNotes;
}

/** Runs in the page: may use nothing of this file. */
function takeNotes(): void {
	const notes: PageNotes = { firstRowMs: null, rowsAtMs: {}, longTasks: [], said: [] };
	globalThis.measured = notes;
	new PerformanceObserver((list) => {
		for (const { startTime, duration } of list.getEntries()) {
			notes.longTasks.push({ atMs: startTime, ms: duration });
		}
	}).observe({ type: 'longtask', buffered: true });
	const look = (): void => {
		const nowMs = performance.now();
		const row = document.querySelector('.note-list [aria-setsize]');
		if (row !== null) {
			notes.firstRowMs ??= nowMs;
			// Rows that another tab told of are replaced once this one has read its own.
			const isRead = row.closest('[aria-busy]') === null;
			if (isRead) notes.rowsAtMs[Number(row.getAttribute('aria-setsize'))] ??= nowMs;
		}
		const text = document.querySelector('.indicator [role=status]')?.textContent ?? '';
		if (text !== notes.said.at(-1)?.text) notes.said.push({ text, atMs: nowMs });
	};
	new MutationObserver(look).observe(document, {
		...{ subtree: true, childList: true, characterData: true, attributes: true },
		attributeFilter: ['aria-setsize']
	});
}

export interface BenchBrowser {
	readonly context: BrowserContext;
	readonly page: Page;
	readonly close: () => Promise<void>;
}

export async function openBrowser(folder: string, url: string): Promise<BenchBrowser> {
	const executablePath = await chromiumFile();
	const context = await chromium.launchPersistentContext(folder, {
		...(executablePath !== null && { executablePath }),
		args: chromiumArgs,
		locale: 'en-GB',
		viewport: { width: 1280, height: 800 }
	});
	context.setDefaultTimeout(stepTimeoutMs);
	await context.addInitScript(takeNotes);
	const page = context.pages()[0] ?? (await context.newPage());
	await page.goto(url);
	return { context, page, close: () => context.close() };
}

/** How many times slower the page's main thread runs; its workers stay as fast as they are. */
export async function throttle(page: Page, rate: number): Promise<void> {
	const session = await page.context().newCDPSession(page);
	await session.send('Emulation.setCPUThrottlingRate', { rate });
}

export const notesOf = (page: Page): Promise<PageNotes> => page.evaluate(() => measured);
export const pageNowMs = (page: Page): Promise<number> => page.evaluate(() => performance.now());

const passwordField = (page: Page): Locator =>
	page.getByRole('textbox', { name: 'Password', exact: true });

async function fillNames(page: Page, handle: string): Promise<void> {
	await page.getByRole('textbox', { name: 'Handle' }).fill(handle);
	await passwordField(page).fill(password);
}

export async function signUp(page: Page, handle: string): Promise<void> {
	await fillNames(page, handle);
	await page.getByRole('button', { name: 'Create account' }).click();
	const lines = page.getByRole('region', { name: 'Recovery kit' }).getByRole('listitem');
	await lines.first().waitFor();
	const words = (await lines.allInnerTexts()).map((line) => line.replace(/^\d+\s*/, '').trim());
	await page.getByRole('button', { name: 'I have kept it' }).click();
	const fields = page.getByRole('textbox', { name: /^Word \d+$/ });
	await fields.first().waitFor();
	for (const field of await fields.all()) {
		const label = await field.evaluate((input: HTMLInputElement) => input.labels?.[0]?.innerText);
		await field.fill(words[Number(/\d+/.exec(label ?? '')?.[0]) - 1] ?? '');
	}
	await page.getByRole('button', { name: 'Confirm' }).click();
	await atTheDesk(page);
}

/** Everything up to the click that begins. */
export async function fillLogIn(page: Page, handle: string): Promise<Locator> {
	const button = page.getByRole('button', { name: 'Log in', exact: true });
	await button.waitFor();
	if (!(await page.getByRole('heading', { name: 'Log in' }).isVisible())) await button.click();
	await page.getByRole('heading', { name: 'Log in' }).waitFor();
	await fillNames(page, handle);
	return button;
}

export async function fillUnlock(page: Page): Promise<Locator> {
	await page.getByRole('heading', { name: 'Locked' }).waitFor();
	await passwordField(page).fill(password);
	return page.getByRole('button', { name: 'Unlock', exact: true });
}

export const atTheDesk = (page: Page): Promise<void> =>
	page.getByRole('navigation', { name: 'Places' }).filter({ visible: true }).waitFor();

export async function goTo(page: Page, place: 'Notes' | 'Import' | 'Settings'): Promise<void> {
	const places = page.getByRole('navigation', { name: 'Places' }).filter({ visible: true });
	await places.getByRole('link', { name: place }).click();
	await page.getByRole('heading', { name: place, level: 1 }).waitFor();
}

/** A row of the list, which shows how many there are. */
export const rowsShown = (page: Page, count: number): Promise<void> =>
	page.locator(`.note-list ul:not([aria-busy]) [aria-setsize="${count}"]`).first().waitFor();

export const syncedLine = (page: Page): Locator =>
	page
		.locator('.indicator [role=status]')
		.filter({ hasText: /^Synced/ })
		.first();

export const noteRow = (page: Page, text: string): Locator =>
	page.locator('.note-list a').filter({ hasText: text }).first();

/** Notes as files in a zip that is not compressed: reading it costs next to nothing. */
export function writeZip(folder: string, notes: readonly BenchNote[]): string {
	const file = path.join(folder, 'notes.zip');
	const files = notes.map(({ title, body }) => [`${title}.md`, strToU8(body)] as const);
	writeFileSync(file, zipSync(Object.fromEntries(files), { level: 0 }));
	return file;
}

export interface Imported {
	/** Ms since the page began. */
	readonly chosenAtMs: number;
	/** All are in the list, and in this device's store. */
	readonly listedAtMs: number;
	/** All were acknowledged. */
	readonly syncedAtMs: number;
}

/** Imports as a person does who goes back to the list at once. */
export async function importZip(page: Page, file: string, count: number): Promise<Imported> {
	await goTo(page, 'Import');
	const input = page.getByLabel('Files to import');
	await input.evaluate((element) => {
		element.addEventListener('change', () => performance.mark('chosen'), { capture: true });
	});
	await input.setInputFiles(file);
	await goTo(page, 'Notes');
	await rowsShown(page, count);
	await page.waitForFunction((rows) => {
		const listedAtMs = measured.rowsAtMs[rows] ?? Infinity;
		const last = measured.said.at(-1);
		return last?.text.startsWith('Synced') === true && last.atMs >= listedAtMs;
	}, count);
	const { rowsAtMs, said } = await notesOf(page);
	const chosenAtMs = await page.evaluate(
		() => performance.getEntriesByName('chosen').at(-1)?.startTime ?? Number.NaN
	);
	const syncedAtMs = said.at(-1)?.atMs ?? Number.NaN;
	return { chosenAtMs, listedAtMs: rowsAtMs[count] ?? Number.NaN, syncedAtMs };
}
