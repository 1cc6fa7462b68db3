// What an account asks besides the password. The machine of logins goes by this, and knows no kind.
import type { FactorKind } from '../protocol/factor-kind.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { FactorAnswer } from '../protocol/factor-answer.ts';
import type { FactorQuestion } from '../protocol/http-login.ts';
import type { DeviceId, FactorId } from '../protocol/ids.ts';
import type { PasskeyQuestion } from '../protocol/passkey.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountFactors, FactorSubject } from './account-factors.ts';
import type { AccountLog } from './account-log.ts';

/** Whose password was right, and what for. */
export interface StepAttempt {
	readonly purpose: 'login' | 'fresh' | 'recovery';
	/** Id of the login, or of the recovery: what another one was asked is no good to it. */
	readonly login: string;
	/** Of the request's URL. */
	readonly origin: string;
	/** That it showed the key of; null: none that the account knows. */
	readonly knownDevice: DeviceId | null;
}

export interface SecondStep {
	/** What suffices beside the password; null: nothing is asked. */
	ask(attempt: StepAttempt): FactorQuestion | null;
	/** Sends a code; or gives a passkey another challenge. */
	send(attempt: StepAttempt, factor: FactorId): Promise<Result<PasskeyQuestion | null, Refusal>>;
	/**
	 * Judges one answer. `factor_wrong` if it is not what was asked for; `rate_limited` beyond the
	 * budget of its kind, which holds for all logins together.
	 */
	judge(attempt: StepAttempt, answer: FactorAnswer): Promise<Result<unknown, Refusal>>;
}

/** What the account log asks for, of the factors that the account has. */
export class FactorStep implements SecondStep {
	readonly #log: Pick<AccountLog, 'state'>;
	readonly #factors: AccountFactors;

	constructor(log: Pick<AccountLog, 'state'>, factors: AccountFactors) {
		this.#log = log;
		this.#factors = factors;
	}

	ask(attempt: StepAttempt): FactorQuestion | null {
		const asked = this.#asked(attempt);
		return asked && this.#factors.question(asked.subject, asked.suffices);
	}

	async send(
		attempt: StepAttempt,
		factor: FactorId
	): Promise<Result<PasskeyQuestion | null, Refusal>> {
		const asked = this.#asked(attempt);
		if (asked === null) return err({ code: 'not_found' });
		const { subject, suffices } = asked;
		if (this.#factors.kindOf(factor) === 'webauthn' && suffices.includes('webauthn')) {
			return ok(this.#factors.question(subject, suffices)?.webauthn ?? null);
		}
		return this.#factors.send(subject, suffices, factor);
	}

	judge(attempt: StepAttempt, answer: FactorAnswer): Promise<Result<unknown, Refusal>> {
		const asked = this.#asked(attempt);
		if (asked === null) return Promise.resolve(err({ code: 'factor_wrong' }));
		return this.#factors.answer(asked.subject, asked.suffices, answer);
	}

	/** Null without an account. */
	#asked({ purpose, login, origin, knownDevice }: StepAttempt): {
		readonly subject: FactorSubject;
		readonly suffices: readonly FactorKind[];
	} | null {
		const { state } = this.#log;
		if (state === null) return null;
		const { account, policy } = state;
		const subject = { account, purpose, holder: login, origin, knownDevice };
		return { subject, suffices: policy.suffices };
	}
}
