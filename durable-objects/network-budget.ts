// How many requests of each kind a network may make. Counted in memory; written down is only what
// would still limit somebody after the object was put to sleep, which no request can bring about
// sooner than `forgottenAfterMs` after the last: what is not written has run out by then, so that
// whoever sleeps in between answers as if it had never slept.
import { arrive, type Arrival } from './gcra.ts';
import { forgottenAfterMs, networkRates, type NetworkRate } from './limits.ts';

/** What outlives the sleep of the object. Synchronous. */
export interface ArrivalStore {
	loadArrivals(): Map<NetworkRate, number>;
	saveArrival(rate: NetworkRate, arrivalMs: number): void;
}

export class NetworkBudget {
	readonly #store: ArrivalStore;
	readonly #arrivalsByRate: Map<NetworkRate, number>;

	constructor(store: ArrivalStore) {
		this.#store = store;
		this.#arrivalsByRate = store.loadArrivals();
	}

	/**
	 * Counts one request, or refuses it. One synchronous block: parallel ones count one by one.
	 *
	 * @returns and whether it was written down.
	 */
	take(rate: NetworkRate, nowMs: number): Arrival & { readonly isWritten: boolean } {
		const arrival = arrive(networkRates[rate], this.#arrivalsByRate.get(rate), nowMs);
		if (!arrival.allowed) return { ...arrival, isWritten: false };
		this.#arrivalsByRate.set(rate, arrival.arrivalMs);
		const isWritten = arrival.arrivalMs - nowMs > forgottenAfterMs;
		if (isWritten) this.#store.saveArrival(rate, arrival.arrivalMs);
		return { ...arrival, isWritten };
	}

	/** When the last of all limits will have run out, in milliseconds since 1970; 0 if there is none. */
	get untilMs(): number {
		return Math.max(0, ...this.#arrivalsByRate.values());
	}
}
