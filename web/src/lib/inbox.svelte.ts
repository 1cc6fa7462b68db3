// Invitations that were sent to this account by its handle. Asked for now and then while somebody
// looks at the page: their number stands in the rail.
import { on } from 'svelte/events';
import type { ShareRequest } from '../../../client/api-sharing.ts';
import type { Answer, TacetError } from '../../../client/index.ts';

const intervalMs = 60_000;
/** Coming back to the tab asks again, but not at each change of windows. */
const shortestIntervalMs = 10_000;

export class Inbox {
	/** Null until the first answer. */
	requests = $state.raw<readonly ShareRequest[] | null>(null);
	error = $state.raw<TacetError | null>(null);
	#ask: () => Answer<readonly ShareRequest[]>;
	#askedAtMs = 0;

	constructor(ask: () => Answer<readonly ShareRequest[]>) {
		this.#ask = ask;
	}

	get count(): number {
		return this.requests?.length ?? 0;
	}

	async refresh(): Promise<void> {
		this.#askedAtMs = Date.now();
		const answer = await this.#ask();
		this.error = answer.ok ? null : answer.error;
		if (answer.ok) this.requests = answer.value;
	}

	/** Answers how to stop. */
	follow(everyMs = intervalMs): () => void {
		void this.refresh();
		const look = (): void => {
			if (document.visibilityState !== 'visible') return;
			if (Date.now() - this.#askedAtMs >= Math.min(everyMs, shortestIntervalMs)) {
				void this.refresh();
			}
		};
		const timer = setInterval(look, everyMs);
		const offVisible = on(document, 'visibilitychange', look);
		return () => {
			clearInterval(timer);
			offVisible();
		};
	}
}
