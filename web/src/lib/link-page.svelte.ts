// A share link opened without an account: what it shows, or why it shows nothing.
import { createSubscriber } from 'svelte/reactivity';
import type { Answer } from '../../../client/api.ts';
import type { LinkView } from '../../../client/api-sharing.ts';
import type { TacetError } from '../../../client/errors.ts';
import type { ItemSummary } from '../../../client/items.ts';
import type { SyncStatus } from '../../../client/status.ts';
import { startCryptoWorker } from './workers.ts';

export class OpenedLink {
	view = $state.raw<LinkView | null>(null);
	busy = $state(false);
	asksPassphrase = $state(false);
	error = $state.raw<TacetError | null>(null);
	readonly #url: string;
	#subscribe: () => void = () => undefined;
	#closed = false;

	constructor(url: string) {
		this.#url = url;
	}

	async open(passphrase?: string): Promise<void> {
		this.busy = true;
		this.error = null;
		// It starts while the rest is still on its way.
		const worker = startCryptoWorker();
		const opened = await this.#openWith(worker, passphrase);
		this.busy = false;
		if (opened.ok) {
			if (this.#closed) return opened.value.close();
			const { space } = opened.value;
			this.#subscribe = createSubscriber((update) => space.subscribe(update));
			this.asksPassphrase = false;
			this.view = opened.value;
		} else if (opened.error.code === 'passphrase_needed') this.asksPassphrase = true;
		else {
			this.error = opened.error;
			if (opened.error.code !== 'wrong_passphrase' && !this.mayRetry) this.asksPassphrase = false;
		}
	}

	async #openWith(worker: Worker, passphrase: string | undefined): Answer<LinkView> {
		try {
			const { openLink } = await import('./link-engine.ts');
			return await openLink(this.#url, worker, passphrase);
		} catch {
			// A part of the page, or of the worker, did not arrive.
			worker.terminate();
			return { ok: false, error: { code: 'offline' } };
		}
	}

	get items(): readonly ItemSummary[] {
		this.#subscribe();
		return this.view?.space.items ?? [];
	}

	get sync(): SyncStatus | null {
		this.#subscribe();
		return this.view?.space.sync ?? null;
	}

	/** Trying again may help. */
	get mayRetry(): boolean {
		const code = this.error?.code;
		return code === 'offline' || code === 'unavailable' || code === 'rate_limited';
	}

	close(): void {
		this.#closed = true;
		void this.view?.close();
	}
}
