// A Limiter object: rate limits of one client network, named by a keyed hash of its address. It
// forgets itself when the limits have run out.
import { DurableObject } from 'cloudflare:workers';
import type { Refusal } from '../protocol/errors.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { Env } from './env.ts';
import { arrive } from './gcra.ts';
import { LimiterStore } from './limiter-store.ts';
import { networkRates, type NetworkRate } from './limits.ts';

export class Limiter extends DurableObject<Env> {
	readonly #store: LimiterStore;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#store = new LimiterStore(ctx.storage);
	}

	/** Counts one request; a refused one writes nothing, so that a flood costs no rows. */
	async take(rate: NetworkRate): Promise<Result<null, Refusal>> {
		const alarmMs = await this.ctx.storage.getAlarm();
		const arrival = arrive(networkRates[rate], this.#store.loadArrival(rate), Date.now());
		if (!arrival.allowed) {
			return err({ code: 'rate_limited', retryAfterSeconds: arrival.retryAfterSeconds });
		}
		this.#store.saveArrival(rate, arrival.arrivalMs);
		if (alarmMs === null) await this.ctx.storage.setAlarm(arrival.arrivalMs);
		return ok(null);
	}

	override async alarm(): Promise<void> {
		const latestMs = this.#store.latestArrival();
		if (latestMs > Date.now()) await this.ctx.storage.setAlarm(latestMs);
		else await this.#store.clear();
	}
}
