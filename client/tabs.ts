// Several tabs of one profile, and the one store that they share. A lock elects the tab that syncs;
// a channel says 'look again', spreads lock and log-out, and hands keys to a new tab of the same
// origin and profile. Where a platform has neither, there is one tab.
import type { SpaceId } from '../protocol/ids.ts';
import type { HandedKeys } from './crypto-port.ts';
import type { SyncStatus } from './status.ts';

export type TabMessage =
	| { readonly type: 'keys_wanted' }
	| { readonly type: 'keys'; readonly keys: HandedKeys }
	/** The store has more; these rows of the outbox are on the log. */
	| { readonly type: 'stored'; readonly space: SpaceId; readonly settled: readonly number[] }
	| { readonly type: 'status'; readonly space: SpaceId; readonly status: SyncStatus }
	| { readonly type: 'sync_now' }
	| { readonly type: 'unlocked' }
	| { readonly type: 'locked' }
	| { readonly type: 'erased' };

export interface TabsOptions {
	readonly locks?: LockManager | undefined;
	readonly channel?: ((name: string) => BroadcastChannel) | undefined;
	readonly onMessage: (message: TabMessage) => void;
}

/** How long an unlocked tab may take to answer a new one. */
const keysTimeoutMs = 300;
const name = 'tacet';

export class Tabs {
	readonly #locks: LockManager | undefined;
	readonly #channel: BroadcastChannel | null;
	#release: (() => void) | null = null;
	#abort: AbortController | null = null;
	#awaitsKeys: ((keys: HandedKeys) => void) | null = null;

	constructor(options: TabsOptions) {
		this.#locks = options.locks;
		this.#channel = options.channel?.(name) ?? null;
		this.#channel?.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => {
			if (data.type === 'keys') this.#awaitsKeys?.(data.keys);
			else options.onMessage(data);
		});
	}

	tell(message: TabMessage): void {
		this.#channel?.postMessage(message);
	}

	/** Keys from an unlocked tab, or null if none answers. */
	askForKeys(): Promise<HandedKeys | null> {
		if (this.#channel === null) return Promise.resolve(null);
		return new Promise((resolve) => {
			const answer = (keys: HandedKeys | null): void => {
				clearTimeout(timer);
				this.#awaitsKeys = null;
				resolve(keys);
			};
			const timer = setTimeout(() => {
				answer(null);
			}, keysTimeoutMs);
			this.#awaitsKeys = answer;
			this.tell({ type: 'keys_wanted' });
		});
	}

	/** Runs `lead` once this is the tab that syncs: at once, or when the one before is gone. */
	elect(lead: () => void): void {
		if (this.#locks === undefined) {
			lead();
			return;
		}
		const abort = new AbortController();
		this.#abort = abort;
		const held = (): Promise<void> => {
			if (abort.signal.aborted) return Promise.resolve();
			lead();
			return new Promise((resolve) => {
				this.#release = resolve;
			});
		};
		this.#locks.request(`${name}-sync`, { signal: abort.signal }, held).catch(() => {
			// Aborted while waiting: another tab goes on syncing.
		});
	}

	/** Lets another tab sync. */
	resign(): void {
		this.#abort?.abort();
		this.#release?.();
		this.#abort = null;
		this.#release = null;
	}

	/** One tab at a time. */
	async alone<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
		if (this.#locks === undefined) return work();
		return await this.#locks.request(`${name}-${what}`, work);
	}

	close(): void {
		this.resign();
		this.#channel?.close();
	}
}
