// What an account asks besides the password. The machine of logins goes by this, and knows no kind.
import type { Refusal } from '../protocol/errors.ts';
import type { FactorAnswer } from '../protocol/factor-answer.ts';
import type { FactorQuestion } from '../protocol/http-login.ts';
import type { FactorId } from '../protocol/ids.ts';
import type { PasskeyQuestion } from '../protocol/passkey.ts';
import { err, type Result } from '../protocol/result.ts';

/** Whose password was right, and what for. */
export interface StepAttempt {
	readonly purpose: 'login' | 'fresh';
	/** Id of the login: what another one was asked is no good to it. */
	readonly login: string;
	/** Of the request's URL. */
	readonly origin: string;
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

/** Of an account that has no factor. */
export const noSecondStep: SecondStep = {
	ask: () => null,
	send: () => Promise.resolve(err({ code: 'not_found' })),
	judge: () => Promise.resolve(err({ code: 'factor_wrong' }))
};
