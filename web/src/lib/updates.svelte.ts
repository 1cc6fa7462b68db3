// A new version of the page is taken on the person's word only.
import { on } from 'svelte/events';
import { version } from '$app/env';

const checkEveryMs = 3_600_000;

export class Updates {
	/** A newer version lies ready in this browser. */
	ready = $state(false);
	#registration: ServiceWorkerRegistration | null = null;

	/** Begins to look for new versions; answers how to stop. */
	watch(): () => void {
		if (!('serviceWorker' in navigator)) return () => undefined;
		const offMessage = on(navigator.serviceWorker, 'message', (event) => {
			const { data } = event as MessageEvent<{ version?: unknown; accepted?: unknown }>;
			if (data.accepted === true) location.reload();
			else if (typeof data.version === 'string') this.ready = data.version !== version;
		});
		const timer = setInterval(() => void this.#registration?.update(), checkEveryMs);
		void this.#follow();
		return () => {
			offMessage();
			clearInterval(timer);
		};
	}

	/** Takes the new version: its worker answers, and the page reloads. */
	accept(): void {
		const worker = this.#registration?.waiting ?? this.#registration?.active;
		worker?.postMessage('accept');
	}

	async #follow(): Promise<void> {
		const registration = (this.#registration = await navigator.serviceWorker.ready);
		registration.active?.postMessage('version');
		if (registration.waiting !== null) this.ready = true;
		registration.addEventListener('updatefound', () => this.#await(registration.installing));
		this.#await(registration.installing);
	}

	#await(installing: ServiceWorker | null): void {
		installing?.addEventListener('statechange', () => {
			// Without a controller this is the first visit: nothing older is shown.
			if (installing.state === 'installed' && navigator.serviceWorker.controller) this.ready = true;
		});
	}
}
