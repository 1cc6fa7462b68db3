// What adding a factor has in common: the call that adds it, and that it is enough to log in from then on.
import type { FactorsOverview, TacetFactors } from '../../../client/api-factors.ts';
import type { Answer } from '../../../client/index.ts';
import type { FactorKind } from './factor-words.ts';
import { Attempt } from './sharing.svelte.ts';
import type { StepUp } from './step-up.svelte.ts';

interface Adds {
	readonly kind: FactorKind;
	readonly overview: FactorsOverview;
	readonly security: Pick<TacetFactors, 'setPolicy'>;
	readonly stepUp: StepUp;
}

const lasts = (kind: FactorKind): boolean => kind === 'totp' || kind === 'webauthn';

export class AddedFactor {
	readonly attempt = new Attempt();
	/** It stands; what is left is to say that logins take it. */
	added = $state(false);
	/** Shall it be enough to log in? */
	counts = $state(true);
	/** Codes on paper or by message stand in for a factor that lasts: alone they are never enough. */
	readonly mayCount: boolean;
	/** It is enough already: another one of its kind is. */
	readonly countsAnyway: boolean;
	#adds: Adds;

	constructor(adds: Adds) {
		this.#adds = adds;
		const { kind, overview } = adds;
		this.countsAnyway = overview.policy.suffices.includes(kind);
		this.mayCount = [kind, ...overview.factors.map((factor) => factor.kind)].some(lasts);
	}

	/** Whether all of it was done. May be called again after an error: what stands is not done twice. */
	async run(add: () => Answer<unknown>): Promise<boolean> {
		const { kind, overview, security, stepUp } = this.#adds;
		const done = await this.attempt.run(async () => {
			const made = this.added ? null : await stepUp.run(add);
			if (made !== null && !made.ok) return made;
			this.added = true;
			if (!this.counts || !this.mayCount || this.countsAnyway)
				return { ok: true, value: undefined };
			const suffices = [...overview.policy.suffices, kind];
			return stepUp.run(() => security.setPolicy({ suffices }));
		});
		return done.ok;
	}
}
