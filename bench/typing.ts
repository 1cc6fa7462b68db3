// W7: typing into a note of 100 kB, among the others, in Chromium; also with the page's thread four
// times slower. The delay of a key: from its event's own time stamp to the task after the frame that
// shows its character. Chromium's Event Timing says the same in steps of 8 ms, and is reported beside
// it. Bytes: frames that the page sent while it was typed, and what they hold.
import type { Page } from 'playwright-core';
import {
	atTheDesk,
	chromiumFile,
	fillUnlock,
	noteRow,
	rowsShown,
	syncedLine,
	throttle
} from './browser.ts';
import { withFilledProfile, type FilledProfile } from './filled-profile.ts';
import { makeProse, proseOf } from './prose.ts';
import { median, percentile } from './statistics.ts';

export interface TypingFigures {
	readonly noteBytes: number;
	readonly keys: number;
	readonly everyMs: number;
	readonly normal: KeyFigures;
	readonly slowed: KeyFigures;
}

export interface KeyFigures {
	readonly delayMedianMs: number;
	readonly delayP95Ms: number;
	/** By Event Timing: keydown and what follows it, to the next paint; in steps of 8 ms. */
	readonly eventTimingP95Ms: number;
	readonly longestTaskMs: number;
	/** Frames on the socket for all keys: each is a batch of some. */
	readonly frames: number;
	readonly keysAFrame: number;
	readonly bytesAFrame: number;
	readonly bytesAKey: number;
}

const noteBytes = 100_000;
const everyMs = 90;
const slowedRate = 4;
const title = 'A long note';

/** Null where no Chromium is installed. */
export async function measureTyping(options: {
	readonly notes: number;
	readonly keys: number;
}): Promise<TypingFigures | null> {
	if ((await chromiumFile()) === null) return null;
	const { notes, keys } = options;
	const long = { title, body: proseOf(noteBytes, 3) };
	return withFilledProfile([...makeProse(notes - 1), long], async (profile) => ({
		...{ noteBytes, keys, everyMs },
		normal: await type(profile, { notes, keys, rate: 1 }),
		slowed: await type(profile, { notes, keys, rate: slowedRate })
	}));
}

/** What the page writes down while it is typed into. */
interface KeyNotes {
	readonly delaysMs: number[];
	readonly eventsMs: number[];
	readonly tasksMs: number[];
}

declare global {
	/** Only in pages that are measured. */
	var typed: KeyNotes;
}

async function type(
	profile: FilledProfile,
	{ notes, keys, rate }: { readonly notes: number; readonly keys: number; readonly rate: number }
): Promise<KeyFigures> {
	const { page, close } = await profile.open();
	const sent: number[] = [];
	page.on('websocket', (socket) => {
		socket.on('framesent', ({ payload }) => sent.push(payload.length));
	});
	const unlock = await fillUnlock(page);
	await unlock.click();
	await atTheDesk(page);
	await rowsShown(page, notes);
	await page.getByRole('searchbox').fill(title);
	await noteRow(page, title).click();
	const text = page.getByRole('textbox', { name: 'Note text' });
	await text.click();
	await syncedLine(page).waitFor();
	await settled(page);
	await throttle(page, rate);
	await page.evaluate(noteKeys);
	sent.length = 0;
	// In the middle of the text, where a person scrolled to.
	await page.keyboard.press('PageDown');
	await page.keyboard.press('PageDown');
	const words = proseOf(keys, 11).replaceAll('\n', ' ').slice(0, keys);
	await page.evaluate(() => {
		typed.delaysMs.length = typed.eventsMs.length = typed.tasksMs.length = 0;
	});
	await page.keyboard.type(words, { delay: everyMs });
	await syncedLine(page).waitFor();
	await settled(page);
	const { delaysMs, eventsMs, tasksMs } = await page.evaluate(() => typed);
	await close();
	const bytes = sent.reduce((sum, length) => sum + length, 0);
	if (delaysMs.length < keys) throw new Error('keys are missing');
	return {
		delayMedianMs: median(delaysMs),
		delayP95Ms: percentile(delaysMs, 0.95),
		eventTimingP95Ms: percentile(eventsMs, 0.95),
		longestTaskMs: Math.max(0, ...tasksMs),
		frames: sent.length,
		keysAFrame: keys / sent.length,
		bytesAFrame: bytes / sent.length,
		bytesAKey: bytes / keys
	};
}

/** What goes on behind an opened list, and what is sent a little later, is over. */
const settled = (page: Page): Promise<void> => page.waitForTimeout(3_000);

/** Runs in the page: may use nothing of this file. */
function noteKeys(): void {
	const notes: KeyNotes = { delaysMs: [], eventsMs: [], tasksMs: [] };
	globalThis.typed = notes;
	addEventListener(
		'keydown',
		({ timeStamp }) => {
			requestAnimationFrame(() => {
				const { port1, port2 } = new MessageChannel();
				port1.onmessage = () => notes.delaysMs.push(performance.now() - timeStamp);
				port2.postMessage(null);
			});
		},
		{ capture: true }
	);
	new PerformanceObserver((list) => {
		for (const { name, duration } of list.getEntries()) {
			if (name === 'keydown') notes.eventsMs.push(duration);
		}
	}).observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit);
	new PerformanceObserver((list) => {
		for (const { duration } of list.getEntries()) notes.tasksMs.push(duration);
	}).observe({ type: 'longtask' });
}
