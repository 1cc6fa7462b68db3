// What a login asks after its password, put to whoever can answer: one question at a time, until the
// edge says what the login led to.
import type { FactorAnswer } from '../protocol/factor-answer.ts';
import type { RequestOf } from '../protocol/http.ts';
import type { RecoveryStep } from '../protocol/http-recovery.ts';
import type { LoginStep, StepUpStep } from '../protocol/http-login.ts';
import type { FactorId, SessionId } from '../protocol/ids.ts';
import type { PasskeyQuestion } from '../protocol/passkey.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { LogInOptions, LoginQuestion } from './api-account.ts';
import { fail, type TacetError } from './errors.ts';

type Answered<Value> = Promise<Result<Value, TacetError>>;
type AnyStep = LoginStep | StepUpStep | RecoveryStep;
type Asks = Extract<AnyStep, { next: 'factor' | 'choose' }>;

/** What a machine of logins can be told. */
export interface StepCalls<Step extends AnyStep> {
	answer(shown: { readonly login: string; readonly answer: FactorAnswer }): Answered<Step>;
	send(wanted: {
		readonly login: string;
		readonly factor: FactorId;
	}): Answered<{ readonly webauthn: PasskeyQuestion | null }>;
	choose(chosen: { readonly login: string; readonly end: SessionId[] }): Answered<Step>;
}

/** After these a question stands as it did. */
const standing: readonly TacetError['code'][] = ['factor_wrong', 'rate_limited', 'offline'];

/** Where as many sessions live as may: a program that nobody asks ends the oldest. */
export const whenFullOf = ({ onQuestion }: LogInOptions): RequestOf<'loginFinish'>['whenFull'] =>
	onQuestion === undefined ? 'end_oldest' : 'choose';

/** The last step, or why there is none. */
export async function throughSteps<Step extends AnyStep>(
	first: Step,
	calls: StepCalls<Step>,
	onQuestion: LogInOptions['onQuestion']
): Promise<Result<Exclude<Step, Asks>, TacetError>> {
	let step: Step = first;
	for (;;) {
		if (!asks(step)) return ok(step as Exclude<Step, Asks>);
		if (onQuestion === undefined) return fail('second_step_needed');
		const asked: Asks = step;
		const next = await new Promise<Result<Step, TacetError>>((resolve) => {
			onQuestion(questionOf(asked, calls, resolve));
		});
		// The password was right, or nothing would have been asked.
		if (!next.ok && next.error.code === 'login_failed') return fail('second_step_failed');
		if (!next.ok) return next;
		step = next.value;
	}
}

const asks = (step: AnyStep): step is Asks => step.next === 'factor' || step.next === 'choose';

function questionOf<Step extends AnyStep>(
	asked: Asks,
	calls: StepCalls<Step>,
	resolve: (next: Result<Step, TacetError>) => void
): LoginQuestion {
	const { login } = asked;
	const settle = async (answering: Answered<Step>): Answered<void> => {
		const next = await answering;
		if (next.ok || !standing.includes(next.error.code)) resolve(next);
		return next.ok ? ok(undefined) : next;
	};
	const cancel = (): void => {
		resolve(fail('cancelled'));
	};
	if (asked.next === 'choose') {
		const { cap, sessions } = asked;
		return {
			...{ next: 'choose', cap, sessions, cancel },
			end: (ended) => settle(calls.choose({ login, end: [...ended] }))
		};
	}
	const { factors, webauthn } = asked;
	return {
		...{ next: 'factor', factors, webauthn, cancel },
		answer: (shown: FactorAnswer) => settle(calls.answer({ login, answer: shown })),
		send: async (factor) => {
			const sent = await calls.send({ login, factor });
			return sent.ok ? ok(sent.value.webauthn) : sent;
		}
	};
}
