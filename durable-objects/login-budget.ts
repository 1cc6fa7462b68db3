// How many logins may be tried at one account: each counts as a failure until it is finished, so
// that nobody gains by never sending the last message. Per network, so that a guesser elsewhere
// locks nobody out, and in total. An unknown handle is counted alike, but in memory: nothing is
// written for it.
import type { Refusal } from '../protocol/errors.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountLoginStore } from './account-login-store.ts';
import type { AccountStore } from './account-store.ts';
import { arrive } from './gcra.ts';
import { loginRatePerAccount, loginRatePerNetwork, maxNetworksRemembered } from './limits.ts';

export class LoginBudget {
	readonly #account: AccountStore;
	readonly #store: AccountLoginStore;
	/** Arrivals at an unknown handle, by network; null is the total. */
	readonly #arrivalsByNetwork = new Map<string | null, number>();

	constructor(account: AccountStore, store: AccountLoginStore) {
		this.#account = account;
		this.#store = store;
	}

	/** Counts an attempt from `network`, or refuses it. */
	take(network: string, nowMs: number): Result<null, Refusal> {
		const isKnown = this.#account.exists;
		const last = (key: string | null) =>
			isKnown ? this.#store.loadLoginArrival(key) : this.#arrivalsByNetwork.get(key);
		const here = arrive(loginRatePerNetwork, last(network), nowMs);
		const everywhere = arrive(loginRatePerAccount, last(null), nowMs);
		if (!here.allowed) return refuse(here.retryAfterSeconds);
		if (!everywhere.allowed) return refuse(everywhere.retryAfterSeconds);
		const arrivals = new Map<string | null, number>([
			[network, here.arrivalMs],
			[null, everywhere.arrivalMs]
		]);
		if (isKnown) this.#store.saveLoginArrivals(arrivals, nowMs);
		else this.#remember(arrivals, nowMs);
		return ok(null);
	}

	/** The attempt was finished with the right password. */
	refund(network: string): void {
		this.#store.refundLogin(network, loginRatePerAccount.intervalMs);
	}

	#remember(arrivals: ReadonlyMap<string | null, number>, nowMs: number): void {
		for (const [network, arrivalMs] of this.#arrivalsByNetwork) {
			if (arrivalMs < nowMs) this.#arrivalsByNetwork.delete(network);
		}
		for (const [network, arrivalMs] of arrivals) {
			const isNew = !this.#arrivalsByNetwork.has(network);
			if (isNew && this.#arrivalsByNetwork.size >= maxNetworksRemembered) continue;
			this.#arrivalsByNetwork.set(network, arrivalMs);
		}
	}
}

const refuse = (retryAfterSeconds: number): Result<never, Refusal> =>
	err({ code: 'rate_limited', retryAfterSeconds });
