// How many wrong answers an account takes, by kind of factor, and how many messages it sends. Devices
// that the account knows have a budget of their own, so that whoever learned a password can't use up
// its owner's. Each is written down before it is answered: no restart gives a guesser another.
import type { FactorKind } from '../protocol/factor-kind.ts';
import type { Refusal } from '../protocol/errors.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountFactorStore } from './account-factor-store.ts';
import { arrive, type Rate } from './gcra.ts';
import { factorRates, smsRatePerAccount } from './limits.ts';

export class FactorBudget {
	readonly #store: AccountFactorStore;

	constructor(store: AccountFactorStore) {
		this.#store = store;
	}

	/**
	 * Whether an answer may be judged now. Judged in the same synchronous block, it is counted if it is
	 * wrong, by `count`; what is right costs nothing, and gives nothing back.
	 */
	wrong(
		kind: FactorKind,
		isKnownDevice: boolean,
		nowMs: number
	): Result<{ readonly count: () => void }, Refusal> {
		return this.#arrive(isKnownDevice ? `${kind} known` : kind, factorRates[kind], nowMs);
	}

	/** Counts a message that is about to be sent. */
	message(isKnownDevice: boolean, nowMs: number): Result<null, Refusal> {
		const name = isKnownDevice ? 'message known' : 'message';
		const taken = this.#arrive(name, smsRatePerAccount, nowMs);
		if (!taken.ok) return taken;
		taken.value.count();
		return ok(null);
	}

	#arrive(
		name: string,
		rate: Rate,
		nowMs: number
	): Result<{ readonly count: () => void }, Refusal> {
		const arrivals = this.#store.loadArrivals();
		const arrival = arrive(rate, arrivals.get(name), nowMs);
		if (!arrival.allowed) {
			return err({ code: 'rate_limited', retryAfterSeconds: arrival.retryAfterSeconds });
		}
		const count = (): void => {
			const current = [...arrivals].filter(([, arrivalMs]) => arrivalMs > nowMs);
			this.#store.saveArrivals(new Map([...current, [name, arrival.arrivalMs]]));
		};
		return ok({ count });
	}
}
