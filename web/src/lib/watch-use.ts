// What tells whether somebody is there: keys, pointers, and whether the page is seen.
import { on } from 'svelte/events';
import type { AutoLock } from '../../../client/auto-lock.ts';
import type { Cursors } from '../../../client/cursors.ts';

const uses = ['keydown', 'pointerdown', 'pointermove', 'wheel', 'touchmove', 'input'] as const;
/** While a page is seen, its timers are punctual, unless the whole device sleeps. */
const beatMs = 15_000;
const sleptMs = 60_000;

export function watchUse(autoLock: AutoLock, cursors: Cursors): () => void {
	const stop = autoLock.watch();
	const use = (): void => autoLock.used();
	const offs = uses.map((name) => on(window, name, use, { capture: true, passive: true }));
	let beatAtMs = Date.now();
	const beat = setInterval(() => {
		const late = Date.now() - beatAtMs - beatMs;
		beatAtMs = Date.now();
		if (document.visibilityState === 'visible' && late > sleptMs) autoLock.slept();
	}, beatMs);
	offs.push(
		on(document, 'visibilitychange', () => {
			beatAtMs = Date.now();
			if (document.visibilityState === 'visible') autoLock.look();
			else void cursors.save().catch(() => undefined);
		}),
		on(document, 'resume', () => autoLock.look()),
		on(window, 'pagehide', () => autoLock.tabCloses())
	);
	return () => {
		stop();
		clearInterval(beat);
		for (const off of offs) off();
	};
}
