// How many logins may be tried at one account: each counts as a failure until it is finished, so that
// nobody gains by never sending the last message. Per network, so that a guesser elsewhere locks nobody
// out, and in total. A device that the account knows is counted by itself instead, so that no flood
// from anywhere locks its owner out. Failures make the next attempts rarer, until one succeeds. Each is
// written down before it is answered: no restart gives a guesser another. An unknown handle is counted
// alike, but in memory: nothing is written for it.
import type { Refusal } from '../protocol/errors.ts';
import type { DeviceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountLoginStore, Attempts } from './account-login-store.ts';
import { arrive } from './gcra.ts';
import {
	loginFailuresKeptMs,
	loginFailuresPerDoubling,
	loginRatePerAccount,
	loginRatePerNetwork,
	maxLoginIntervalMs,
	maxNetworksRemembered
} from './limits.ts';

/** Who tries. */
export interface Attempter {
	/** Keyed name of the client's network. */
	readonly network: string;
	/** That the account knows, and whose key was shown; else null. */
	readonly device: DeviceId | null;
}

export class LoginBudget {
	readonly #store: AccountLoginStore;
	/** By network or device; null is the total. */
	readonly #attempts: Map<string | null, Attempts>;

	constructor(store: AccountLoginStore) {
		this.#store = store;
		this.#attempts = store.loadAttempts();
	}

	/** Counts an attempt, or refuses it. One synchronous block: parallel ones count one by one. */
	take(attempter: Attempter, nowMs: number): Result<null, Refusal> {
		const name = nameOf(attempter);
		const { arrivalMs, failures = 0 } = this.#attempts.get(name) ?? {};
		const here = arrive(loginRatePerNetwork, arrivalMs, nowMs, loginCostMs(failures));
		const totalMs = this.#attempts.get(null)?.arrivalMs;
		const everywhere =
			attempter.device === null ? arrive(loginRatePerAccount, totalMs, nowMs) : null;
		const waits = [here, everywhere].flatMap((arrival) =>
			arrival === null || arrival.allowed ? [] : [arrival.retryAfterSeconds]
		);
		if (waits.length > 0 || !here.allowed) {
			return err({ code: 'rate_limited', retryAfterSeconds: Math.max(...waits) });
		}
		this.#forget(nowMs);
		// The newest last: the oldest gives way where there are too many.
		this.#attempts.delete(name);
		this.#attempts.set(name, { arrivalMs: here.arrivalMs, failures: failures + 1 });
		if (everywhere?.allowed) {
			this.#attempts.set(null, { arrivalMs: everywhere.arrivalMs, failures: 0 });
		}
		this.#save();
		return ok(null);
	}

	/**
	 * The attempt was finished with the right password, and is no guess: whoever it was starts afresh,
	 * the total gets it back. Written at once if there were failures; else with the next attempt, and
	 * whoever sleeps before that errs on the safe side.
	 */
	refund(attempter: Attempter): void {
		const name = nameOf(attempter);
		const { failures = 0 } = this.#attempts.get(name) ?? {};
		this.#attempts.delete(name);
		const everywhere = this.#attempts.get(null);
		if (attempter.device === null && everywhere !== undefined) {
			const arrivalMs = everywhere.arrivalMs - loginRatePerAccount.intervalMs;
			this.#attempts.set(null, { ...everywhere, arrivalMs });
		}
		if (failures > 1) this.#save();
	}

	#forget(nowMs: number): void {
		for (const [name, { arrivalMs }] of this.#attempts) {
			const keptMs = name === null ? 0 : loginFailuresKeptMs;
			if (arrivalMs + keptMs < nowMs) this.#attempts.delete(name);
		}
		// Whoever has so many networks is held by the total, not by what is remembered of one of them.
		for (const name of this.#attempts.keys()) {
			if (this.#attempts.size < maxNetworksRemembered) break;
			if (name !== null) this.#attempts.delete(name);
		}
	}

	#save(): void {
		if (this.#store.isKept) this.#store.saveAttempts(this.#attempts);
	}
}

/** For how long an attempt counts after so many failures, in milliseconds. */
export const loginCostMs = (failures: number): number =>
	Math.min(
		loginRatePerNetwork.intervalMs * 2 ** Math.floor(failures / loginFailuresPerDoubling),
		maxLoginIntervalMs
	);

/** Names of networks have no colon. */
const nameOf = ({ network, device }: Attempter): string =>
	device === null ? network : `device:${device}`;
