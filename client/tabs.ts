// Several tabs of one profile, and the one store that they share. A lock elects the tab that syncs;
// a channel says 'look again', spreads lock and log-out, and hands keys to a new tab of the same
// origin and profile. Where a platform has neither, there is one tab.
import type { SpaceId } from '../protocol/ids.ts';
import type { AccountFault } from './account-watch.ts';
import type { HandedKeys } from './crypto-port.ts';
import type { FirstRows } from './first-rows.ts';
import { fail, type TacetError } from './errors.ts';
import type { SyncStatus } from './status.ts';
import type { Result } from '../protocol/result.ts';
import { randomBytes } from '../crypto/random.ts';
import { toHex } from '../protocol/bytes.ts';

/** What an unlocked tab gives a new one. */
export interface Handed {
	readonly keys: HandedKeys;
	/** Shown until the new tab has read the list itself; null from a tab of an older build. */
	readonly first: FirstRows | null;
}

export interface LockReason {
	/** The session was ended, and nobody locked. */
	readonly sessionEnded: boolean;
}

export type TabMessage =
	| { readonly type: 'keys_wanted' }
	| { readonly type: 'keys'; readonly keys: HandedKeys; readonly first?: FirstRows }
	/** The store has more; these rows of the outbox are on the log. */
	| { readonly type: 'stored'; readonly space: SpaceId; readonly settled: readonly number[] }
	| { readonly type: 'status'; readonly space: SpaceId; readonly status: SyncStatus }
	| { readonly type: 'sync_now' }
	/** What reading the account at the edge came to. */
	| { readonly type: 'account_fault'; readonly fault: AccountFault | null }
	/** Something of the account has changed at the edge. */
	| { readonly type: 'account' }
	/** Something that only the tab that syncs can do, its word that it does it, and what came of it. */
	| {
			readonly type: 'call';
			readonly call: string;
			readonly name: string;
			readonly input: unknown;
	  }
	| { readonly type: 'call_taken'; readonly call: string }
	| {
			readonly type: 'call_done';
			readonly call: string;
			readonly answer: Result<unknown, TacetError>;
	  }
	/** Another tab syncs now: what the one before it took and did not finish is not done. */
	| { readonly type: 'leads' }
	| { readonly type: 'unlocked' }
	| ({ readonly type: 'locked' } & LockReason)
	| { readonly type: 'erased' };

/** What is not heard by {@link Tabs} itself. */
export type HeardMessage = Exclude<
	TabMessage,
	{ readonly type: 'keys' | 'call_taken' | 'call_done' | 'leads' }
>;

interface Call {
	readonly timer: ReturnType<typeof setTimeout>;
	readonly done: (answer: Result<unknown, TacetError>) => void;
}

export interface TabsOptions {
	readonly locks?: LockManager | undefined;
	readonly channel?: ((name: string) => BroadcastChannel) | undefined;
	readonly onMessage: (message: HeardMessage) => void;
}

/** How long an unlocked tab may take to answer a new one. */
const keysTimeoutMs = 300;
/** How long the tab that syncs may take to say that it has heard a call. */
const callTimeoutMs = 2_000;
const name = 'tacet';

export class Tabs {
	readonly #locks: LockManager | undefined;
	readonly #channel: BroadcastChannel | null;
	#release: (() => void) | null = null;
	#abort: AbortController | null = null;
	#awaitsKeys: ((handed: Handed) => void) | null = null;
	readonly #calls = new Map<string, Call>();
	readonly #turns = new Map<string, Promise<unknown>>();

	constructor(options: TabsOptions) {
		this.#locks = options.locks;
		this.#channel = options.channel?.(name) ?? null;
		this.#channel?.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => {
			const heard = this.#hear(data);
			if (heard !== null) options.onMessage(heard);
		});
	}

	tell(message: TabMessage): void {
		this.#channel?.postMessage(message);
	}

	/** Keys from an unlocked tab, or null if none answers. */
	askForKeys(): Promise<Handed | null> {
		if (this.#channel === null) return Promise.resolve(null);
		return new Promise((resolve) => {
			const answer = (handed: Handed | null): void => {
				clearTimeout(timer);
				this.#awaitsKeys = null;
				resolve(handed);
			};
			const timer = setTimeout(() => {
				answer(null);
			}, keysTimeoutMs);
			this.#awaitsKeys = answer;
			this.tell({ type: 'keys_wanted' });
		});
	}

	/** Hears what is for this class; anything else comes back. */
	#hear(message: TabMessage): HeardMessage | null {
		switch (message.type) {
			case 'keys':
				this.#awaitsKeys?.({ keys: message.keys, first: message.first ?? null });
				return null;
			case 'call_taken':
				clearTimeout(this.#calls.get(message.call)?.timer);
				return null;
			case 'call_done':
				this.#calls.get(message.call)?.done(message.answer);
				return null;
			case 'leads':
				this.#giveUpCalls();
				return null;
			default:
				return message;
		}
	}

	/** Has the tab that syncs do something; `offline` if there is none, or it goes away meanwhile. */
	call(name: string, input: unknown): Promise<Result<unknown, TacetError>> {
		const call = toHex(randomBytes(16));
		return new Promise((resolve) => {
			const done = (answer: Result<unknown, TacetError>): void => {
				clearTimeout(timer);
				this.#calls.delete(call);
				resolve(answer);
			};
			const timer = setTimeout(() => {
				done(fail('offline'));
			}, callTimeoutMs);
			this.#calls.set(call, { timer, done });
			this.tell({ type: 'call', call, name, input });
		});
	}

	#giveUpCalls(): void {
		for (const { done } of [...this.#calls.values()]) done(fail('offline'));
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
			this.#giveUpCalls();
			this.tell({ type: 'leads' });
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
		if (this.#locks === undefined) return this.#inTurn(what, work);
		return await this.#locks.request(`${name}-${what}`, work);
	}

	/** There is one tab; what it begins meanwhile waits here as it would for a lock. */
	#inTurn<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
		const done = (this.#turns.get(what) ?? Promise.resolve()).then(work);
		this.#turns.set(
			what,
			done.catch(() => undefined)
		);
		return done;
	}

	close(): void {
		this.resign();
		this.#giveUpCalls();
		this.#channel?.close();
	}
}
