// Word from the edge that something of the account has changed: what it is, whoever cares asks. Every
// socket of a device hears of it, and only the tab that syncs has any: it gathers, and tells the others.
import type { Tabs } from './tabs.ts';

/** As long as the sockets of one device take to hear of the same change. */
const gatherMs = 50;

export class AccountNews {
	readonly #tabs: Pick<Tabs, 'tell'>;
	readonly #onHeard: () => void;
	readonly #listeners = new Set<() => void>();
	#timer: ReturnType<typeof setTimeout> | undefined;

	/** @param onHeard what the tab that syncs does itself. */
	constructor(tabs: Pick<Tabs, 'tell'>, onHeard: () => void) {
		this.#tabs = tabs;
		this.#onHeard = onHeard;
	}

	subscribe(listener: () => void): () => void {
		this.#listeners.add(listener);
		return () => {
			this.#listeners.delete(listener);
		};
	}

	/** By a socket of this tab. */
	heard(): void {
		this.#timer ??= setTimeout(() => {
			this.#timer = undefined;
			this.#onHeard();
			this.#tabs.tell({ type: 'account' });
			this.told();
		}, gatherMs);
	}

	/** By this tab, or another one of the profile. */
	told(): void {
		for (const listener of [...this.#listeners]) listener();
	}

	close(): void {
		clearTimeout(this.#timer);
		this.#listeners.clear();
	}
}
