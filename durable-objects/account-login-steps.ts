// The machine of logins: a password, a second step if the account asks for one, one session less if as
// many live as may, and then a session. The same machine makes a session fresh. Nothing of what the
// account consists of is told before the last of these.
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import type { FactorAnswer } from '../protocol/factor-answer.ts';
import type { LoginDone, LoginStep, StepUpStep } from '../protocol/http-login.ts';
import type { FactorId, SessionId } from '../protocol/ids.ts';
import { loginStepsTtlSeconds, maxFactorTries } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import {
	loginFailed,
	type AccountLogin,
	type ProvenDevice,
	type RequestPlace
} from './account-login.ts';
import type { AccountSessions, BegunSession } from './account-sessions.ts';
import { maxLoginsInProgress } from './limits.ts';
import type { Attempter } from './login-budget.ts';
import { LoginsInProgress } from './logins-in-progress.ts';
import type { SecondStep, StepAttempt } from './second-step.ts';

/** What a login ends in. */
type Aim = {
	/** What the account asked of logins when this one showed its password. */
	readonly basis: object;
	readonly attempter: Attempter;
} & (
	| {
			readonly type: 'session';
			readonly device: ProvenDevice;
			readonly whenFull: RequestOf<'loginFinish'>['whenFull'];
			/** Writes of the account log that the device knows. */
			readonly after: number;
	  }
	| { readonly type: 'fresh'; readonly session: SessionId }
);

/** A login whose password was right, and what is asked next. */
interface Asked {
	readonly aim: Aim;
	readonly origin: string;
	readonly next:
		| { readonly step: 'factor'; readonly triesLeft: number }
		| { readonly step: 'choose' };
}

type AskFactor = Extract<LoginStep, { next: 'factor' }>;

export interface LoginParts {
	readonly login: AccountLogin;
	readonly sessions: AccountSessions;
	readonly secondStep: SecondStep;
	/** Another one once a login that has begun must not be finished. */
	readonly basis: () => object;
	/** What the account consists of. */
	readonly material: (
		after: number
	) => Result<Omit<LoginDone, 'next' | 'session' | 'ended'>, Refusal>;
}

export class AccountLoginSteps {
	readonly #parts: LoginParts;
	readonly #asked = new LoginsInProgress<Asked>(maxLoginsInProgress);

	constructor(parts: LoginParts) {
		this.#parts = parts;
	}

	async finish(
		request: Omit<RequestOf<'loginFinish'>, 'keep'>,
		place: RequestPlace
	): Promise<Result<LoginStep, Refusal>> {
		const { login } = this.#parts;
		const basis = this.#parts.basis();
		const shown = await login.finish(request, 'session');
		if (!shown.ok) return shown;
		const { sessionKey, attempter } = shown.value;
		const device = await login.proveDevice(sessionKey, request.device, place);
		if (!device.ok) return device;
		const { whenFull, after } = request;
		const begins = { basis, attempter, device: device.value, whenFull, after };
		const aim = { type: 'session', ...begins } as const;
		const asked = this.#askFactor(request.login, aim, place);
		return asked === null ? this.#begin(request.login, aim, place) : ok(asked);
	}

	async answerFactor(
		{ login, answer }: Omit<RequestOf<'loginFactor'>, 'handle' | 'keep'>,
		place: RequestPlace
	): Promise<Result<LoginStep, Refusal>> {
		const aim = await this.#judge(login, answer, (aim) => aim.type === 'session');
		if (!aim.ok) return aim;
		return aim.value.type === 'session' ? this.#begin(login, aim.value, place) : loginFailed;
	}

	/** Ends sessions to make room; if others took it meanwhile, asks again. */
	async choose(
		{ login, end }: Omit<RequestOf<'loginChoose'>, 'handle' | 'keep'>,
		place: RequestPlace
	): Promise<Result<LoginStep, Refusal>> {
		const asked = this.#take(login, ({ next }) => next.step === 'choose');
		if (asked?.login.aim.type !== 'session') return loginFailed;
		return this.#begin(login, asked.login.aim, place, end);
	}

	async finishStepUp(
		request: RequestOf<'stepUpFinish'>,
		{ session, place }: { readonly session: SessionId; readonly place: RequestPlace }
	): Promise<Result<StepUpStep, Refusal>> {
		const basis = this.#parts.basis();
		const shown = await this.#parts.login.finish(request, session);
		if (!shown.ok) return shown;
		const { attempter } = shown.value;
		const aim = { type: 'fresh', basis, attempter, session } as const;
		const asked = this.#askFactor(request.login, aim, place);
		return asked === null ? this.#freshen(aim) : ok(asked);
	}

	async answerStepUp(
		{ login, answer }: RequestOf<'stepUpFactor'>,
		session: SessionId
	): Promise<Result<StepUpStep, Refusal>> {
		const aim = await this.#judge(login, answer, isOf(session));
		if (!aim.ok) return aim;
		return aim.value.type === 'fresh' ? this.#freshen(aim.value) : loginFailed;
	}

	/** @param session whose step-up it is; null: a login. */
	async send(
		{ login, factor }: { readonly login: string; readonly factor: FactorId },
		session: SessionId | null
	): Promise<Result<ResponseOf<'loginSend'>, Refusal>> {
		const isTheirs = session === null ? ({ type }: Aim) => type === 'session' : isOf(session);
		const asked = this.#take(login, ({ aim, next }) => isTheirs(aim) && next.step === 'factor');
		if (asked === null) return loginFailed;
		this.#asked.add(login, asked.login, asked.untilMs);
		const webauthn = await this.#parts.secondStep.send(attemptOf(login, asked.login), factor);
		return webauthn.ok ? ok({ webauthn: webauthn.value }) : webauthn;
	}

	/** Null if the account asks for nothing more. */
	#askFactor(login: string, aim: Aim, { origin }: RequestPlace): AskFactor | null {
		const asked = { aim, origin, next: { step: 'factor', triesLeft: maxFactorTries } } as const;
		const question = this.#parts.secondStep.ask(attemptOf(login, asked));
		if (question === null) return null;
		this.#asked.add(login, asked, stepsEndMs());
		return { next: 'factor', login, ...question };
	}

	/** One answer of a login is judged at a time; of several at once, the others find no login. */
	async #judge(
		login: string,
		answer: FactorAnswer,
		isTheirs: (aim: Aim) => boolean
	): Promise<Result<Aim, Refusal>> {
		const asked = this.#take(login, ({ aim, next }) => isTheirs(aim) && next.step === 'factor');
		if (asked?.login.next.step !== 'factor') return loginFailed;
		const { aim, next } = asked.login;
		const judged = await this.#parts.secondStep.judge(attemptOf(login, asked.login), answer);
		if (judged.ok) return ok(aim);
		const isGuess = judged.error.code === 'factor_wrong';
		const triesLeft = next.triesLeft - (isGuess ? 1 : 0);
		if (triesLeft === 0) return loginFailed;
		this.#asked.add(login, { ...asked.login, next: { ...next, triesLeft } }, asked.untilMs);
		return judged;
	}

	async #begin(
		login: string,
		aim: Extract<Aim, { type: 'session' }>,
		place: RequestPlace,
		end: readonly SessionId[] = []
	): Promise<Result<LoginStep, Refusal>> {
		const material = this.#parts.material(aim.after);
		if (!material.ok) return material;
		const whenFull = aim.whenFull === 'end_oldest' ? 'end_oldest' : { end };
		const mayBegin = () => aim.basis === this.#parts.basis();
		const begun: Result<BegunSession, Refusal> = await this.#parts.sessions.begin(aim.device, {
			whenFull,
			mayBegin,
			place: place.where
		});
		if (!begun.ok) return begun;
		if (begun.value.next === 'choose') {
			const { origin } = place;
			this.#asked.add(login, { aim, origin, next: { step: 'choose' } }, stepsEndMs());
			return ok({ ...begun.value, login });
		}
		this.#parts.login.refund(aim.attempter);
		return ok({ ...begun.value, ...material.value });
	}

	#freshen({
		session,
		basis,
		attempter
	}: Extract<Aim, { type: 'fresh' }>): Result<StepUpStep, Refusal> {
		if (basis !== this.#parts.basis()) return loginFailed;
		const freshUntilMs = this.#parts.sessions.freshen(session);
		if (freshUntilMs === null) return err({ code: 'unauthenticated' });
		this.#parts.login.refund(attempter);
		return ok({ next: 'fresh', freshUntilMs });
	}

	/** Nobody takes a login away by asking for what it is not at. */
	#take(
		login: string,
		fits: (asked: Asked) => boolean
	): { readonly login: Asked; readonly untilMs: number } | null {
		const asked = this.#asked.take(login);
		if (asked === null || fits(asked.login)) return asked;
		this.#asked.add(login, asked.login, asked.untilMs);
		return null;
	}
}

const isOf =
	(session: SessionId) =>
	(aim: Aim): boolean =>
		aim.type === 'fresh' && aim.session === session;

const stepsEndMs = (): number => Date.now() + loginStepsTtlSeconds * 1_000;

const attemptOf = (login: string, { aim, origin }: Pick<Asked, 'aim' | 'origin'>): StepAttempt => ({
	...{ login, origin },
	purpose: aim.type === 'session' ? 'login' : 'fresh',
	knownDevice: aim.attempter.device
});
