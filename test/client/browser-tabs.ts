// A browser profile with several tabs: one store, real channels, and locks with the rules of Web Locks.
import type { TacetOptions } from '../../client/api.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import type { Wire } from './edge.ts';

export interface Browser {
	readonly store: Store;
	/** A tab's options: what all tabs of the profile share, and a wire of its own. */
	readonly tab: (wire?: Wire) => Partial<TacetOptions>;
}

let profiles = 0;
export function newBrowser(store = createMemoryStore()): Browser {
	const profile = `profile ${String(++profiles)}`;
	const { locks } = navigator;
	return {
		store,
		tab: (wire) => ({
			store,
			...(wire && { WebSocket: wire.WebSocket }),
			channel: (name) => new BroadcastChannel(`${profile} ${name}`),
			locks: {
				query: () => locks.query(),
				request: ((name: string, ...rest: [LockOptions, LockGrantedCallback<unknown>]) =>
					locks.request(`${profile} ${name}`, ...rest)) as LockManager['request']
			}
		})
	};
}
