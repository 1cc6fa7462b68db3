// What changes the account, gives it away or takes it out of here asks for a person who has just shown
// who they are. Whoever does such a thing does it here: the dialog opens if it is needed, and what was
// asked for goes on after it.
import type { Answer } from '../../../client/index.ts';
import { freshTtlSeconds } from '../../../protocol/limits.ts';
import type { App } from './app.svelte.ts';

const refused = { ok: false, error: { code: 'step_up_needed' } } as const;

export class StepUp {
	/** Somebody waits for the person to show who they are. */
	asking = $state(false);
	#wanted: PromiseWithResolvers<boolean> | null = null;
	#app: Pick<App, 'shownAtMs'>;

	constructor(app: Pick<App, 'shownAtMs'>) {
		this.#app = app;
	}

	/** For calls that the edge refuses without it; `step_up_needed` if the person would not. */
	async run<Value>(ask: () => Answer<Value>): Answer<Value> {
		const first = await ask();
		if (first.ok || first.error.code !== 'step_up_needed') return first;
		return (await this.#show()) ? ask() : first;
	}

	/**
	 * For what the edge would let pass, and this page does not: a device that was left unlocked. Asks
	 * nobody who has shown it within `freshTtlSeconds`.
	 */
	async first<Value>(ask: () => Answer<Value>): Answer<Value> {
		const isFresh = Date.now() - this.#app.shownAtMs < freshTtlSeconds * 1_000;
		return isFresh || (await this.#show()) ? ask() : refused;
	}

	/** Several may wait for one dialog. */
	#show(): Promise<boolean> {
		this.#wanted ??= Promise.withResolvers<boolean>();
		this.asking = true;
		return this.#wanted.promise;
	}

	settle(isShown: boolean): void {
		this.asking = false;
		if (isShown) this.#app.shownAtMs = Date.now();
		this.#wanted?.resolve(isShown);
		this.#wanted = null;
	}
}
