// The page's hold on the engine. The engine itself is fetched after the first paint.
import { on } from 'svelte/events';
import type { Paper, Tacet, TacetState } from '../../../client/index.ts';
import { Place } from './place.svelte.ts';
import { Preferences } from './preferences.svelte.ts';
import { Toasts } from './toasts.svelte.ts';
import { Updates } from './updates.svelte.ts';

/** A recovery kit that was just made and not yet confirmed. Kept in memory only. */
export interface Kit {
	readonly handle: string;
	readonly words: readonly string[];
	/** As it is written down; null for an account without one. */
	readonly accountKey: string | null;
	readonly madeAtMs: number;
}

/** Chromium's offer to install the app, kept until the person asks for it. */
export interface InstallOffer extends Event {
	prompt(): Promise<unknown>;
}

export class App {
	state = $state.raw<TacetState>({ phase: 'starting', first: null });
	kit = $state.raw<Kit | null>(null);
	kitExpected = $state(false);
	/** The engine's code could not be fetched. */
	broken = $state(false);
	installOffer = $state.raw<InstallOffer | null>(null);
	/** When the password was last typed in this tab. */
	shownAtMs = -Infinity;
	/** In this tab, and not by signing up or logging in. */
	unlockedByPassword = $state(false);
	readonly preferences = new Preferences();
	readonly toasts = new Toasts();
	readonly updates = new Updates();
	readonly place = new Place();
	#tacet: Tacet | null = null;

	get tacet(): Tacet {
		if (this.#tacet === null) throw new Error('the engine has not started');
		return this.#tacet;
	}

	/** Called before a sign-up: its notes stay out of sight until the kit was dealt with. */
	expectKit(): void {
		this.kitExpected = true;
	}

	/** @param paper lacks the words if there is no account to get back into. */
	keepKit(handle: string, { recoveryCode: words, accountKey = null }: Partial<Paper>): void {
		const madeAtMs = Date.now();
		this.kit = words === undefined ? null : { handle, words, accountKey, madeAtMs };
		this.kitExpected = false;
	}

	/** Fetches what an unlocked account needs; false if it does not arrive. */
	async prepare(): Promise<boolean> {
		try {
			await Promise.all([
				import('../../../client/account.ts'),
				import('../../../client/vault.ts'),
				import('./Desk.svelte'),
				import('./LoginSteps.svelte'),
				import('./messages.ts')
			]);
			return true;
		} catch {
			// A part of the page can't be fetched: no network, and no copy kept by the service worker.
			return false;
		}
	}

	/** Starts the engine and follows its state; answers how to stop following. */
	start(): () => void {
		this.preferences.show();
		let stop = (): void => undefined;
		void this.#open().then((unsubscribe) => (stop = unsubscribe));
		const offInstall = on(window, 'beforeinstallprompt', (event) => {
			event.preventDefault();
			this.installOffer = event as InstallOffer;
		});
		const offUpdates = this.updates.watch();
		// A page that is kept for the way back holds nothing meanwhile, and begins anew.
		const offHide = on(window, 'pagehide', ({ persisted }) => {
			if (!persisted) return;
			this.state = { phase: 'starting', first: null };
			this.kit = null;
			void this.#tacet?.close();
		});
		const offShow = on(window, 'pageshow', ({ persisted }) => {
			if (persisted) location.reload();
		});
		return () => {
			stop();
			offInstall();
			offUpdates();
			offHide();
			offShow();
		};
	}

	async #open(): Promise<() => void> {
		try {
			const { begin } = await import('./engine.ts');
			const { tacet, started } = begin();
			this.#tacet = tacet;
			const follow = (): void => {
				const { state } = tacet;
				if (state.phase === 'locked') this.toasts.clear();
				this.state = state;
			};
			const stop = tacet.subscribe(follow);
			follow();
			await started;
			return stop;
		} catch (error) {
			this.broken = true;
			throw error;
		}
	}
}
