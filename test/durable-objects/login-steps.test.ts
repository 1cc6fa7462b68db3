// The machine of logins, with an account that asks for a second step, and none of what comes before it
// or after it replaced: what is next, who may go on, and what is told when.
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { hotpCode, verifyTotp } from '../../crypto/totp.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { Account } from '../../durable-objects/account.ts';
import { AccountEndings } from '../../durable-objects/account-endings.ts';
import { AccountLogin } from '../../durable-objects/account-login.ts';
import { AccountLoginSteps } from '../../durable-objects/account-login-steps.ts';
import { AccountLog } from '../../durable-objects/account-log.ts';
import { AccountLogStore } from '../../durable-objects/account-log-store.ts';
import { AccountLoginStore } from '../../durable-objects/account-login-store.ts';
import { AccountName } from '../../durable-objects/account-name.ts';
import { AccountSessionStore } from '../../durable-objects/account-session-store.ts';
import { AccountSessions } from '../../durable-objects/account-sessions.ts';
import { AccountStore } from '../../durable-objects/account-store.ts';
import { FetchedKeys } from '../../durable-objects/fetched-keys.ts';
import { LoginBudget } from '../../durable-objects/login-budget.ts';
import { ProofGuard } from '../../durable-objects/proof-guard.ts';
import { SecurityEvents } from '../../durable-objects/security-events.ts';
import { SecurityEventStore } from '../../durable-objects/security-event-store.ts';
import type { SecondStep } from '../../durable-objects/second-step.ts';
import type { FactorAnswer } from '../../protocol/factor-answer.ts';
import type { RequestOf } from '../../protocol/http.ts';
import { idFromBytes, type FactorId, type SessionId } from '../../protocol/ids.ts';
import { maxFactorTries, maxSessionsPerAccount, totpStepSeconds } from '../../protocol/limits.ts';
import { err, ok } from '../../protocol/result.ts';
import { accountObject, bindings, openEdge, origin } from './edge.ts';
import { call, Person, type Edge, type Session } from './person.ts';
import { keyOf, provenBy } from './proving.ts';

const place = { origin, network: 'somewhere', where: null };
const attempter = { network: 'somewhere', device: null };

interface Machine {
	readonly login: AccountLogin;
	readonly sessions: AccountSessions;
	readonly steps: AccountLoginSteps;
}

/** Asks for a code of `secret`, each once. */
function oneTimePasswords(secret: Uint8Array): SecondStep & { readonly factor: FactorId } {
	const factor = idFromBytes<FactorId>(randomBytes(16));
	let lastStep: number | null = null;
	return {
		factor,
		ask: () => ({ factors: [{ factor, kind: 'totp' }], webauthn: null }),
		send: () => Promise.resolve(err({ code: 'not_found' })),
		judge(_, answer) {
			const code = answer.kind === 'totp' ? answer.code : '';
			const step = verifyTotp(secret, { code, nowMs: Date.now(), lastStep });
			lastStep = step ?? lastStep;
			return Promise.resolve(step === null ? err({ code: 'factor_wrong' }) : ok(null));
		}
	};
}

/** The account of this object, as it would be with factors. */
function machineOf(state: DurableObjectState, secondStep: SecondStep): Machine {
	const { storage } = state;
	const store = new AccountStore(storage);
	const keys = new FetchedKeys(() => bindings.DEPLOYMENT.getByName('deployment').accountKeys());
	const log = new AccountLog(storage, store, new AccountLogStore(storage, store));
	const parts = { name: new AccountName(state.id), store, log, keys };
	const login = new AccountLogin(parts, new LoginBudget(new AccountLoginStore(storage, store)));
	const sessionStore = new AccountSessionStore(storage, store);
	const endings = new AccountEndings(sessionStore, storage, () => Promise.resolve());
	const guard = new ProofGuard();
	const events = new SecurityEvents(new SecurityEventStore(storage, store), () => undefined);
	const sessions = new AccountSessions(parts, {
		...{ store: sessionStore, endings, guard, events },
		cap: () => maxSessionsPerAccount
	});
	const material = { ...noMaterial, account: store.loadAccount()!.account };
	const steps = new AccountLoginSteps({
		basis: () => log.loginBasis,
		...{ login, sessions, secondStep, material: () => ok(material) }
	});
	return { login, sessions, steps };
}

const noMaterial = {
	...{ handleHash: '', registrationRecord: '', keyslots: [], factors: [] },
	log: { head: { n: 1, hash: '' }, writes: [] }
};

/** An edge that is this machine alone, for somebody who has an account at the real one. */
const edgeOf = (real: Edge, { login }: Machine): Edge => ({
	...real,
	async send(path, { body = '' }) {
		if (path !== '/v1/login/start') throw new Error(`no ${path} here`);
		const { ke1 } = JSON.parse(body) as RequestOf<'loginStart'>;
		const answer = await login.start(ke1, 'session', attempter);
		if (!answer.ok) throw new Error(answer.error.code);
		return { status: 200, headers: { get: () => null }, json: () => Promise.resolve(answer.value) };
	}
});

interface Stage {
	readonly machine: Machine;
	readonly factors: ReturnType<typeof oneTimePasswords>;
	/** The code of now, and of steps beside it. */
	readonly code: (step?: number) => FactorAnswer;
	/** KE3 and what goes with it, of the right password. */
	readonly proof: (whenFull?: 'choose' | 'end_oldest') => Promise<RequestOf<'loginFinish'>>;
	/** Of somebody who guesses. */
	readonly ke1: () => string;
	/** Where a login stands after KE3. */
	readonly asked: (whenFull?: 'choose' | 'end_oldest') => Promise<string>;
}

async function onStage(work: (stage: Stage, session: Session) => Promise<void>): Promise<void> {
	const real = await openEdge();
	const ada = await Person.signUp(real);
	const session = await ada.logIn();
	const stub = accountObject(session.answer.handleHash);
	await runInDurableObject(stub, async (_: Account, state: DurableObjectState) => {
		const secret = randomBytes(20);
		const factors = oneTimePasswords(secret);
		const machine = machineOf(state, factors);
		const { handle, password } = ada;
		const person = new Person(edgeOf(real, machine), { handle, password }, ada.keys, ada.identity);
		const proof: Stage['proof'] = async (whenFull = 'end_oldest') => {
			const request = await person.login();
			if (request === null) throw new Error('the password is the right one');
			return { ...request, whenFull };
		};
		const code = (step = 0): FactorAnswer => ({
			kind: 'totp',
			code: hotpCode(secret, Math.floor(Date.now() / 1_000 / totpStepSeconds) + step)
		});
		const asked: Stage['asked'] = async (whenFull) => {
			const request = await proof(whenFull);
			const step = await machine.steps.finish(request, place);
			if (!step.ok || step.value.next !== 'factor') throw new Error('it asks for a second step');
			return step.value.login;
		};
		const ke1 = () => real.opaque.startLogin({ password: 'guess' }).startLoginRequest;
		await work({ machine, factors, code, proof, asked, ke1 }, session);
	});
}

const loginFailed = { ok: false, error: { code: 'login_failed' } };
const factorWrong = { ok: false, error: { code: 'factor_wrong' } };
const wrong: FactorAnswer = { kind: 'totp', code: '12345' };

describe('a login of an account with a second step', () => {
	it('MFA-01 tells nothing of the account before it is done, and is done with the right answer', async () => {
		await onStage(async (stage) => {
			const { machine, factors, code, proof } = stage;
			const request = await proof();
			const { login } = request;
			expect(await machine.steps.finish(request, place)).toEqual({
				ok: true,
				value: {
					...{ next: 'factor', login, webauthn: null },
					factors: [{ factor: factors.factor, kind: 'totp' }]
				}
			});
			const live = machine.sessions.live(Date.now()).length;
			expect(await machine.steps.answerFactor({ login, answer: wrong }, place)).toEqual(
				factorWrong
			);
			expect(machine.sessions.live(Date.now())).toHaveLength(live);
			const done = await machine.steps.answerFactor({ login, answer: code() }, place);
			expect(done).toMatchObject({ ok: true, value: { next: 'done', ended: [] } });
			expect(machine.sessions.live(Date.now())).toHaveLength(live + 1);
		});
	});

	it('MFA-01 takes five wrong answers, and then not even the right one', async () => {
		await onStage(async (stage) => {
			const { machine, code, asked } = stage;
			const login = await asked();
			const answer = () => machine.steps.answerFactor({ login, answer: wrong }, place);
			for (let tries = 1; tries < maxFactorTries; tries++) {
				expect(await answer()).toEqual(factorWrong);
			}
			expect(await answer()).toEqual(loginFailed);
			expect(await machine.steps.answerFactor({ login, answer: code() }, place)).toEqual(
				loginFailed
			);
			expect(machine.sessions.live(Date.now())).toHaveLength(1);
		});
	});

	it('MFA-01 judges one of many answers that come together', async () => {
		await onStage(async ({ machine, code, asked }) => {
			const login = await asked();
			const many = Array.from({ length: 50 }, () =>
				machine.steps.answerFactor({ login, answer: code() }, place)
			);
			const answers = await Promise.all(many);
			expect(answers.filter(({ ok: isDone }) => isDone)).toHaveLength(1);
			expect(answers.filter((answer) => !answer.ok)).toEqual(
				Array.from({ length: 49 }, () => loginFailed)
			);
		});
	});

	it('MFA-01 leads nowhere by another way than the one it is at', async () => {
		await onStage(async ({ machine, code, asked, proof }, session) => {
			const { steps } = machine;
			const own = session.answer.session.id;
			const request = await proof();
			const started = { login: request.login, answer: code() };
			// Before KE3.
			expect(await steps.answerFactor(started, place)).toEqual(loginFailed);
			expect(await steps.choose({ login: request.login, end: [own] }, place)).toEqual(loginFailed);
			const { ke3 } = request;
			const asStepUp = { session: own, place };
			expect(await steps.finishStepUp({ login: request.login, ke3 }, asStepUp)).toEqual(
				loginFailed
			);
			// At its second step.
			const login = await asked();
			expect(await steps.choose({ login, end: [own] }, place)).toEqual(loginFailed);
			expect(await steps.answerStepUp({ login, answer: code() }, own)).toEqual(loginFailed);
			expect(await steps.finish({ ...request, login }, place)).toEqual(loginFailed);
			// None of that took it away.
			const done = await steps.answerFactor({ login, answer: code() }, place);
			expect(done).toMatchObject({ ok: true, value: { next: 'done' } });
			expect(await steps.answerFactor({ login, answer: code(1) }, place)).toEqual(loginFailed);
		});
	});

	it('keeps a login that is at its second step, however many others begin', async () => {
		await onStage(async ({ machine, code, asked, ke1 }) => {
			const login = await asked();
			for (let index = 0; index < 40; index++) {
				await machine.login.start(ke1(), 'session', { ...attempter, network: `n${String(index)}` });
			}
			const done = await machine.steps.answerFactor({ login, answer: code() }, place);
			expect(done).toMatchObject({ ok: true, value: { next: 'done' } });
		});
	});

	it('asks which session ends after that, and ends what is named', async () => {
		await onStage(async ({ machine, code, asked }) => {
			const { steps, sessions } = machine;
			for (let index = 1; index < maxSessionsPerAccount; index++) {
				const login = await asked();
				// Codes are good once: each of these takes the next.
				await steps.answerFactor({ login, answer: code(index - 2) }, place);
			}
			const before = sessions.describe(null);
			expect(before).toHaveLength(maxSessionsPerAccount);
			const login = await asked('choose');
			const full = await steps.answerFactor({ login, answer: code(1) }, place);
			expect(full).toEqual({
				ok: true,
				value: { next: 'choose', login, cap: maxSessionsPerAccount, sessions: before }
			});
			const end = [before[1]!.id];
			const unknown = [idFromBytes<SessionId>(randomBytes(16))];
			expect(await steps.choose({ login, end: unknown }, place)).toEqual(full);
			const done = await steps.choose({ login, end }, place);
			expect(done).toMatchObject({ ok: true, value: { next: 'done', ended: end } });
			expect(sessions.describe(null)).toHaveLength(maxSessionsPerAccount);
			expect(await steps.choose({ login, end }, place)).toEqual(loginFailed);
		});
	});
});

describe('a session', () => {
	it('is fresh after its login, for a while, and again after a step-up of its own', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [session, other] = [await ada.logIn(), await ada.logIn()];
		const stub = accountObject(session.answer.handleHash);
		const ask = async ({ token }: Session) => {
			const said = await stub.admit(await provenBy(keyOf(token), token, 'fresh'), null);
			return said.answer.ok ? 'ok' : said.answer.error.code;
		};
		expect([await ask(session), await ask(other)]).toEqual(['ok', 'ok']);
		await runInDurableObject(stub, (_: Account, { storage }: DurableObjectState) => {
			storage.sql.exec('UPDATE sessions SET fresh_until_ms = ?', Date.now());
		});
		expect([await ask(session), await ask(other)]).toEqual(['step_up_needed', 'step_up_needed']);
		expect((await call(edge, 'accountRead', { after: 0 }, session.token)).status).toBe(200);

		const wrongPassword = await stepUp(ada, session, { password: 'wrong horse' });
		expect(wrongPassword).toBeNull();
		const others = await stepUp(ada, session, { finishedBy: other });
		expect(others?.status).toBe(401);
		expect([await ask(session), await ask(other)]).toEqual(['step_up_needed', 'step_up_needed']);

		const answer = await stepUp(ada, session, {});
		expect(answer).toMatchObject({ status: 200, body: { next: 'fresh' } });
		expect([await ask(session), await ask(other)]).toEqual(['ok', 'step_up_needed']);
		// The proof of a login in this way begins nothing.
		const { body } = await call(edge, 'accountRead', { after: 0 }, session.token);
		expect(body.sessions).toHaveLength(2);
	});
});

/** Null for a wrong password. */
async function stepUp(
	{ edge, password: right }: Person,
	{ token }: Session,
	options: { readonly password?: string; readonly finishedBy?: Session }
) {
	const password = options.password ?? right;
	const { clientLoginState, startLoginRequest: ke1 } = edge.opaque.startLogin({ password });
	const started = await call(edge, 'stepUpStart', { ke1 }, token);
	const finished = edge.opaque.finishLogin({
		...{ clientLoginState, loginResponse: started.body.ke2, password },
		keyStretching: { 'argon2id-custom': { memory: 8, iterations: 1, parallelism: 1 } }
	});
	if (finished === undefined) return null;
	const request = { login: started.body.login, ke3: finished.finishLoginRequest };
	return call(edge, 'stepUpFinish', request, options.finishedBy?.token ?? token);
}
