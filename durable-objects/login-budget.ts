// How many logins may be tried at one account: each counts as a failure until it is finished, so
// that nobody gains by never sending the last message. Per network, so that a guesser elsewhere
// locks nobody out, and in total. Each is written down before it is answered: no restart gives a
// guesser another. An unknown handle is counted alike, but in memory: nothing is written for it.
import type { Refusal } from '../protocol/errors.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountLoginStore } from './account-login-store.ts';
import { arrive } from './gcra.ts';
import { loginRatePerAccount, loginRatePerNetwork, maxNetworksRemembered } from './limits.ts';

export class LoginBudget {
	readonly #store: AccountLoginStore;
	/** By network; null is the total. Those that limit nothing any more are left out as it is written. */
	readonly #arrivals: Map<string | null, number>;

	constructor(store: AccountLoginStore) {
		this.#store = store;
		this.#arrivals = store.loadArrivals();
	}

	/** Counts an attempt from `network`, or refuses it. */
	take(network: string, nowMs: number): Result<null, Refusal> {
		const here = arrive(loginRatePerNetwork, this.#arrivals.get(network), nowMs);
		const everywhere = arrive(loginRatePerAccount, this.#arrivals.get(null), nowMs);
		if (!here.allowed) return refuse(here.retryAfterSeconds);
		if (!everywhere.allowed) return refuse(everywhere.retryAfterSeconds);
		for (const [other, arrivalMs] of this.#arrivals) {
			if (arrivalMs < nowMs) this.#arrivals.delete(other);
		}
		this.#remember(null, everywhere.arrivalMs);
		this.#remember(network, here.arrivalMs);
		if (this.#store.isKept) this.#store.saveArrivals(this.#arrivals);
		return ok(null);
	}

	/**
	 * The attempt was finished with the right password, and is no guess: its network starts afresh, the
	 * total gets it back. Written with the next attempt; whoever sleeps before errs on the safe side.
	 */
	refund(network: string): void {
		this.#arrivals.delete(network);
		const everywhereMs = this.#arrivals.get(null);
		if (everywhereMs === undefined) return;
		this.#arrivals.set(null, everywhereMs - loginRatePerAccount.intervalMs);
	}

	#remember(network: string | null, arrivalMs: number): void {
		const isNew = !this.#arrivals.has(network);
		// The total lets fewer networks through at an account than there is room for.
		if (isNew && this.#arrivals.size >= maxNetworksRemembered) return;
		this.#arrivals.set(network, arrivalMs);
	}
}

const refuse = (retryAfterSeconds: number): Result<never, Refusal> =>
	err({ code: 'rate_limited', retryAfterSeconds });
