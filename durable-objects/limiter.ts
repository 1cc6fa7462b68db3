// A Limiter object: rate limits of one client network, named by a keyed hash of its address. It
// remembers ordinary visitors in memory only, and erases what it wrote when the limits have run out.
import { DurableObject } from 'cloudflare:workers';
import type { Refusal } from '../protocol/errors.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { ringBy } from './alarm.ts';
import type { Env } from './env.ts';
import { LimiterStore } from './limiter-store.ts';
import type { NetworkRate } from './limits.ts';
import { NetworkBudget } from './network-budget.ts';

export class Limiter extends DurableObject<Env> {
	readonly #store: LimiterStore;
	readonly #budget: NetworkBudget;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#store = new LimiterStore(ctx.storage);
		this.#budget = new NetworkBudget(this.#store);
	}

	/** Counts one request; a refused one writes nothing, so that a flood costs no rows. */
	async take(rate: NetworkRate): Promise<Result<null, Refusal>> {
		const arrival = this.#budget.take(rate, Date.now());
		if (!arrival.allowed) {
			return err({ code: 'rate_limited', retryAfterSeconds: arrival.retryAfterSeconds });
		}
		if (arrival.isWritten) await ringBy(this.ctx.storage, arrival.arrivalMs);
		return ok(null);
	}

	override async alarm(): Promise<void> {
		const { untilMs } = this.#budget;
		if (untilMs > Date.now()) await ringBy(this.ctx.storage, untilMs);
		else await this.#store.clear();
	}
}
