// What adding a factor has in common: the call that adds it, and that it is enough to log in from then on.
import type { FactorsOverview, TacetFactors } from '../../../client/api-factors.ts';
import type { Answer } from '../../../client/index.ts';
import type { FactorKind } from './factor-words.ts';
import { Attempt, type Asked } from './sharing.svelte.ts';
import type { StepUp } from './step-up.svelte.ts';

interface Adds {
	readonly kind: FactorKind;
	/** What the account has now. */
	readonly factors: Asked<FactorsOverview>;
	readonly security: Pick<TacetFactors, 'factors' | 'setPolicy'>;
	readonly stepUp: StepUp;
}

const lasts = (kind: FactorKind): boolean => kind === 'totp' || kind === 'webauthn';

export class AddedFactor {
	readonly attempt = new Attempt();
	/** It stands; what is left is to say that logins take it. */
	added = $state(false);
	/** Shall it be enough to log in? */
	counts = $state(true);
	#adds: Adds;

	constructor(adds: Adds) {
		this.#adds = adds;
	}

	/** It is enough already: another one of its kind is. */
	get countsAnyway(): boolean {
		const { kind, factors } = this.#adds;
		return factors.value?.policy.suffices.includes(kind) ?? false;
	}

	/** Codes on paper or by message stand in for a factor that lasts: alone they are never enough. */
	get mayCount(): boolean {
		const { kind, factors } = this.#adds;
		return lasts(kind) || (factors.value?.factors.some((other) => lasts(other.kind)) ?? false);
	}

	/** Whether all of it was done. May be called again after an error: what stands is not done twice. */
	async run(add: () => Answer<unknown>): Promise<boolean> {
		const { stepUp } = this.#adds;
		const done = await this.attempt.run(async () => {
			const made = this.added ? null : await stepUp.run(add);
			if (made !== null && !made.ok) return made;
			this.added = true;
			return this.counts && this.mayCount ? this.#count() : { ok: true, value: undefined };
		});
		return done.ok;
	}

	/** What suffices now is read first: nobody is asked for less because a page was old. */
	async #count(): Answer<void> {
		const { kind, security, stepUp } = this.#adds;
		const read = await security.factors();
		if (!read.ok) return read;
		const { suffices } = read.value.policy;
		if (suffices.includes(kind)) return { ok: true, value: undefined };
		return stepUp.run(() => security.setPolicy({ suffices: [...suffices, kind] }));
	}
}
