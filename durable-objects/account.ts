// An Account object: who may ask what of an account. Login is in account-login.ts, sessions in
// account-sessions.ts, how it begins in account-creation.ts, what others leave for it in
// account-sharing.ts. Named by the keyed hash of the handle; nowhere is a handle written down.
import { DurableObject } from 'cloudflare:workers';
import { deploymentObjectName, messageLimiterName } from '../crypto/edge/keyed-name.ts';
import type { AccessClaims } from '../crypto/edge/session-token.ts';
import { toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, RouteName } from '../protocol/http.ts';
import type { SpaceId } from '../protocol/ids.ts';
import { maxSessionsPerAccount } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { AccountAnnouncer } from './account-announcer.ts';
import { AccountCreation } from './account-creation.ts';
import { AccountEndings } from './account-endings.ts';
import { AccountFactorStore } from './account-factor-store.ts';
import { AccountFactors } from './account-factors.ts';
import { AccountLog } from './account-log.ts';
import { AccountLogStore } from './account-log-store.ts';
import { AccountLogin, type RequestPlace } from './account-login.ts';
import { AccountLoginSteps } from './account-login-steps.ts';
import { AccountLoginStore } from './account-login-store.ts';
import { accountMaterial } from './account-material.ts';
import { AccountName } from './account-name.ts';
import { AccountPlace } from './account-place.ts';
import type { AccountParts, Answer } from './account-parts.ts';
import { AccountRecovery } from './account-recovery.ts';
import { AccountRecoveryStore } from './account-recovery-store.ts';
import { AccountReplies } from './account-replies.ts';
import { AccountSessionStore } from './account-session-store.ts';
import { AccountSessions } from './account-sessions.ts';
import { AccountSharing } from './account-sharing.ts';
import { AccountSharingStore } from './account-sharing-store.ts';
import { AccountSpaceStore } from './account-space-store.ts';
import {
	AccountSpaces,
	type RoomAsked,
	type RoomGiven,
	type RoomRefused
} from './account-spaces.ts';
import { AccountStore } from './account-store.ts';
import { AccountWrites } from './account-writes.ts';
import { ringBy } from './alarm.ts';
import type { Env } from './env.ts';
import { FetchedKeys } from './fetched-keys.ts';
import { LoginBudget } from './login-budget.ts';
import { ProofGuard } from './proof-guard.ts';
import type { Proven, Replied, Reply } from './proven.ts';
import { FactorStep } from './second-step.ts';
import { SecurityEventStore } from './security-event-store.ts';
import { SecurityEvents } from './security-events.ts';
import type { PlaceState } from './sign-ups.ts';
import { SmsGateway } from './sms-gateway.ts';

const notFound = err({ code: 'not_found' } as const);

type Recovering<Name extends RouteName> = [Proven, RequestOf<Name>, RequestPlace];

export class Account extends DurableObject<Env> {
	readonly #parts: AccountParts;
	readonly #place: AccountPlace;
	readonly #creation: AccountCreation;
	readonly #login: AccountLogin;
	readonly #steps: AccountLoginSteps;
	readonly #events: SecurityEvents;
	readonly #sessions: AccountSessions;
	readonly #endings: AccountEndings;
	readonly #factors: AccountFactors;
	readonly #writes: AccountWrites;
	readonly #recovery: AccountRecovery;
	readonly #replies: AccountReplies;
	readonly #sharing: AccountSharing;
	readonly #spaces: AccountSpaces;
	/** Judges the proofs of all its sessions, wherever they are shown. */
	readonly #guard = new ProofGuard();

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		const { storage } = ctx;
		const store = new AccountStore(storage);
		const keys = new FetchedKeys(() =>
			env.DEPLOYMENT.getByName(deploymentObjectName).accountKeys()
		);
		const log = new AccountLog(storage, store, new AccountLogStore(storage, store));
		this.#parts = { name: new AccountName(ctx.id), store, log, keys };
		this.#place = new AccountPlace(env, this.#parts.name, store);
		this.#creation = new AccountCreation(this.#parts, this.#place);
		const budget = new LoginBudget(new AccountLoginStore(storage, store));
		this.#login = new AccountLogin(this.#parts, budget);
		const sessions = new AccountSessionStore(storage, store);
		this.#endings = new AccountEndings(sessions, storage, async (space, { session, untilMs }) =>
			env.SPACE.getByName(space).endSession(session, untilMs)
		);
		const announcer = new AccountAnnouncer({
			live: () => this.#sessions.live(Date.now()),
			tell: async (space, ids) => env.SPACE.getByName(space).accountChanged(ids),
			waitUntil: (work) => ctx.waitUntil(work)
		});
		this.#events = new SecurityEvents(new SecurityEventStore(storage, store), () =>
			announcer.announce()
		);
		this.#sessions = new AccountSessions(this.#parts, {
			...{ store: sessions, endings: this.#endings, guard: this.#guard, events: this.#events },
			cap: () => log.state?.policy.sessionCap ?? maxSessionsPerAccount
		});
		this.#replies = new AccountReplies({
			...{ ...this.#parts, sessions: this.#sessions, guard: this.#guard },
			accounts: env.ACCOUNT
		});
		const factors = new AccountFactors({
			store: new AccountFactorStore(storage, store),
			factorKey: async () => {
				const fetched = await keys.get();
				return fetched.ok ? ok(fetched.value.factorKey) : fetched;
			},
			gateway: SmsGateway.of(env),
			takeMessage: () => env.LIMITER.getByName(messageLimiterName).take('message'),
			notice: (kind, device) => this.#events.note(kind, { device, place: null })
		});
		this.#factors = factors;
		const material = (after: number) => accountMaterial({ ...this.#parts, factors }, after);
		const secondStep = new FactorStep(log, factors);
		this.#steps = new AccountLoginSteps({
			...{ login: this.#login, sessions: this.#sessions, secondStep },
			basis: () => log.loginBasis,
			material
		});
		this.#writes = new AccountWrites({
			...{ log, factors },
			drop: (which) => this.#sessions.drop(which),
			dropBeyond: (cap, own) => this.#sessions.dropBeyond(cap, own),
			note: (kind, own) => {
				const writer = this.#sessions.live(Date.now()).find(({ id }) => id === own);
				this.#events.note(kind, { device: writer?.device ?? null, place: writer?.place ?? null });
			},
			tellEndings: () => this.#endings.retry(),
			erase: () => this.#eraseOnceTold()
		});
		this.#recovery = new AccountRecovery(this.#parts, {
			...{ budget, guard: this.#guard, writes: this.#writes, secondStep },
			deviceOf: (thumbprint) => this.#sessions.deviceOf(thumbprint),
			store: new AccountRecoveryStore(storage, store),
			material,
			note: (kind, device) => this.#events.note(kind, { device, place: null })
		});
		this.#sharing = new AccountSharing(new AccountSharingStore(storage));
		this.#spaces = new AccountSpaces({
			store: new AccountSpaceStore(storage),
			limits: async () => this.#deployment.limits(),
			noteBytes: async (bytes) => this.#deployment.noteBytes(this.#parts.name.objectName, bytes),
			erase: async (space) => {
				const stored = store.loadAccount();
				if (stored !== null) await env.SPACE.getByName(space).eraseWith(stored.account);
			}
		});
	}

	registrationStart(request: RequestOf<'registrationStart'>): Answer<'registrationStart'> {
		return this.#creation.start(request);
	}

	registrationFinish(request: RequestOf<'registrationFinish'>): Answer<'registrationFinish'> {
		return this.#creation.finish(request);
	}

	/** For the Deployment object only. */
	withdrawPlace(): PlaceState {
		return this.#place.withdraw();
	}

	/** For Space objects that this account has made, or is making. */
	async setAside(asked: RoomAsked): Promise<Result<RoomGiven, RoomRefused>> {
		const stored = this.#parts.store.loadAccount();
		const isTheirs = asked.account === '' || asked.account === stored?.account;
		return stored !== null && isTheirs ? this.#spaces.setAside(asked) : err('no_account');
	}

	/** What is set aside for spaces that it has made, and what the deployment allows it. */
	readUsage(proven: Proven): Reply<'usageRead'> {
		return this.#asNamed(proven, async (name) =>
			ok({ ...(await this.#deployment.allowance(name)), spaces: this.#spaces.list() })
		);
	}

	/** Whether this is the operator's, the deployment knows. */
	operatorRead(proven: Proven): Reply<'operatorRead'> {
		return this.#asNamed(proven, (name) => this.#deployment.operatorRead(name));
	}

	operatorWrite(proven: Proven, request: RequestOf<'operatorWrite'>): Reply<'operatorWrite'> {
		return this.#asNamed(proven, (name) => this.#deployment.operatorWrite(name, request));
	}

	/** @param proven shows the key of a device that the account may know; null: nothing was shown. */
	async loginStart(
		{ ke1 }: RequestOf<'loginStart'>,
		place: RequestPlace,
		proven: Proven | null = null
	): Answer<'loginStart'> {
		const device = proven && (await this.#sessions.knownDevice(proven));
		const started = await this.#login.start(ke1, 'session', { ...place, device });
		if (!started.ok && started.error.code === 'rate_limited') {
			this.#events.noteRarely('login_refused', { device: null, place: place.where });
		}
		return started;
	}

	loginFinish(request: RequestOf<'loginFinish'>, place: RequestPlace): Reply<'loginFinish'> {
		return this.#replies.after(() => this.#steps.finish(request, place));
	}

	loginFactor(request: RequestOf<'loginFactor'>, place: RequestPlace): Reply<'loginFactor'> {
		return this.#replies.after(() => this.#steps.answerFactor(request, place));
	}

	loginSend(request: RequestOf<'loginSend'>): Answer<'loginSend'> {
		return this.#steps.send(request, null);
	}

	loginChoose(request: RequestOf<'loginChoose'>, place: RequestPlace): Reply<'loginChoose'> {
		return this.#replies.after(() => this.#steps.choose(request, place));
	}

	stepUpStart(
		proven: Proven,
		{ ke1 }: RequestOf<'stepUpStart'>,
		{ network }: RequestPlace
	): Reply<'stepUpStart'> {
		return this.#replies.toSession(proven, ({ session, device }) =>
			this.#login.start(ke1, session, { network, device })
		);
	}

	stepUpFinish(
		proven: Proven,
		request: RequestOf<'stepUpFinish'>,
		place: RequestPlace
	): Reply<'stepUpFinish'> {
		return this.#replies.toSession(proven, ({ session }) =>
			this.#steps.finishStepUp(request, { session, place })
		);
	}

	stepUpFactor(proven: Proven, request: RequestOf<'stepUpFactor'>): Reply<'stepUpFactor'> {
		return this.#replies.toSession(proven, ({ session }) =>
			this.#steps.answerStepUp(request, session)
		);
	}

	stepUpSend(proven: Proven, request: RequestOf<'stepUpSend'>): Reply<'stepUpSend'> {
		return this.#replies.toSession(proven, ({ session }) => this.#steps.send(request, session));
	}

	/** By the key that the session is bound to, and without an access token. */
	refresh(
		proven: Proven,
		request: RequestOf<'sessionRefresh'>,
		{ where }: RequestPlace
	): Reply<'sessionRefresh'> {
		return this.#replies.after(() => this.#sessions.refresh(proven, request, where));
	}

	endSessions(
		proven: Proven,
		{ sessions }: RequestOf<'sessionsEnd'>,
		{ where }: RequestPlace
	): Reply<'sessionsEnd'> {
		return this.#replies.toSession(proven, (asking) => this.#sessions.end(asking, sessions, where));
	}

	/** What the account consists of, and who is logged in. */
	read(proven: Proven, { after }: RequestOf<'accountRead'>): Reply<'accountRead'> {
		return this.#replies.toSession(proven, ({ session }) => {
			const material = accountMaterial({ ...this.#parts, factors: this.#factors }, after);
			if (!material.ok) return material;
			const around = { events: this.#events.list(), recovery: this.#recovery.pending };
			const sessions = this.#sessions.describe(session);
			return ok({ ...material.value, ...around, sessions, sessionCap: this.#sessions.cap });
		});
	}

	passwordStart(proven: Proven, request: RequestOf<'passwordStart'>): Reply<'passwordStart'> {
		return this.#replies.toSession(proven, () => this.#creation.respond(request));
	}

	write(
		proven: Proven,
		request: RequestOf<'accountWrite'>,
		place: RequestPlace
	): Reply<'accountWrite'> {
		return this.#replies.toSession(proven, (asking) => this.#writes.write(asking, request, place));
	}

	/** A challenge for a passkey that is about to be added. */
	passkeyStart(proven: Proven, place: RequestPlace): Reply<'passkeyStart'> {
		return this.#replies.toSession(proven, (asking) => this.#writes.startPasskey(asking, place));
	}

	/** A message to a telephone that is about to be added. */
	smsStart(proven: Proven, request: RequestOf<'smsStart'>, place: RequestPlace): Reply<'smsStart'> {
		return this.#replies.toSession(proven, (asking) =>
			this.#writes.startSms(asking, request, place)
		);
	}

	putBack(proven: Proven, request: RequestOf<'accountPutBack'>): Reply<'accountPutBack'> {
		return this.#replies.toSession(proven, (asking) => this.#writes.putBack(asking, request));
	}

	recoveryStep(...asked: Recovering<'recoveryStep'>): Reply<'recoveryStep'> {
		return this.#replies.after(() => this.#recovery.step(...asked));
	}

	recoverySend(...asked: Recovering<'recoverySend'>): Reply<'recoverySend'> {
		return this.#replies.after(() => this.#recovery.send(...asked));
	}

	recoveryPassword(...asked: Recovering<'recoveryPassword'>): Reply<'recoveryPassword'> {
		return this.#replies.after(() => this.#recovery.password(...asked));
	}

	recoveryFinish(...asked: Recovering<'recoveryFinish'>): Reply<'recoveryFinish'> {
		return this.#replies.after(() => this.#recovery.finish(...asked));
	}

	recoveryCancel(proven: Proven, request: RequestOf<'recoveryCancel'>): Reply<'recoveryCancel'> {
		return this.#answerOwn(proven, () => this.#recovery.cancel(request));
	}

	recoveryApprove(proven: Proven, request: RequestOf<'recoveryApprove'>): Reply<'recoveryApprove'> {
		return this.#replies.toSession(proven, () => this.#recovery.approve(request));
	}

	/**
	 * For other objects of this edge, which are asked by a session of this account: whether it lives, and
	 * whether the proof is good, which is then used up.
	 *
	 * @param space opens a socket for the session, and hears of its end; null for any other request.
	 */
	admit(proven: Proven, space: SpaceId | null): Promise<Replied<AccessClaims>> {
		return this.#replies.admit(proven, space);
	}

	/** To anybody with an account: who this is, as far as the edge can tell. */
	identityRead(proven: Proven): Reply<'identityRead'> {
		return this.#replies.toAnybody(proven, () => {
			const { state } = this.#parts.log;
			if (state === null) return notFound;
			const identities = state.identities.map(({ bytes }) => toBase64Url(bytes));
			return ok({ account: state.account, identities });
		});
	}

	/** From anybody with an account, to this one. */
	requestSend(proven: Proven, request: RequestOf<'requestSend'>): Reply<'requestSend'> {
		return this.#replies.toAnybody(proven, ({ account }) =>
			this.#answer((nowMs) => this.#sharing.addRequest(account, request, nowMs))
		);
	}

	requestList(proven: Proven): Reply<'requestList'> {
		return this.#answerOwn(proven, (nowMs) => this.#sharing.listRequests(nowMs));
	}

	requestDismiss(proven: Proven, request: RequestOf<'requestDismiss'>): Reply<'requestDismiss'> {
		return this.#answerOwn(proven, () => this.#sharing.dismissRequest(request));
	}

	deviceLinkOpen(proven: Proven, request: RequestOf<'deviceLinkOpen'>): Reply<'deviceLinkOpen'> {
		return this.#answerOwn(proven, (nowMs) => this.#sharing.openLink(request, nowMs));
	}

	/** By a device without a session, which knows the handle and the link. */
	deviceLinkClaim(request: RequestOf<'deviceLinkClaim'>): Answer<'deviceLinkClaim'> {
		return this.#answer((nowMs) => this.#sharing.claimLink(request, nowMs));
	}

	deviceLinkRead(proven: Proven, request: RequestOf<'deviceLinkRead'>): Reply<'deviceLinkRead'> {
		return this.#answerOwn(proven, (nowMs) => this.#sharing.readLink(request, nowMs));
	}

	deviceLinkHandOver(
		proven: Proven,
		request: RequestOf<'deviceLinkHandOver'>
	): Reply<'deviceLinkHandOver'> {
		return this.#answerOwn(proven, (nowMs) => this.#sharing.handOver(request, nowMs));
	}

	/** By the device that claimed. */
	deviceLinkTake(request: RequestOf<'deviceLinkTake'>): Answer<'deviceLinkTake'> {
		return this.#answer((nowMs) => this.#sharing.take(request, nowMs));
	}

	override async alarm(): Promise<void> {
		this.#sharing.removeExpired(Date.now());
		await this.#endings.retry();
		if (this.#parts.log.isDeleted) await this.#eraseOnceTold();
		else await this.#ringForExpiry();
	}

	/** Of an account that was deleted; the alarm tries again while there is anybody left to tell. */
	async #eraseOnceTold(): Promise<void> {
		if (this.#endings.isAnyLeft) return;
		// No session is left that could write to a space, or begin one.
		const isDone = (await this.#spaces.eraseAll()) && (await this.#place.giveBack());
		if (!isDone) return this.#endings.ringAgain();
		await this.#parts.store.erase();
		this.#parts.log.forget();
	}

	#answerOwn<Value>(
		proven: Proven,
		work: (nowMs: number) => Result<Value, Refusal>
	): Promise<Replied<Value>> {
		return this.#replies.toSession(proven, () => this.#answer(work));
	}

	#asNamed<Value>(
		proven: Proven,
		work: (objectName: string) => Promise<Result<Value, Refusal>>
	): Promise<Replied<Value>> {
		return this.#replies.toSession(proven, () => work(this.#parts.name.objectName));
	}

	get #deployment() {
		return this.env.DEPLOYMENT.getByName(deploymentObjectName);
	}

	/** About what it keeps for a while, of which the alarm must know. */
	async #answer<Value>(
		work: (nowMs: number) => Result<Value, Refusal>
	): Promise<Result<Value, Refusal>> {
		if (this.#parts.log.state === null) return notFound;
		const answer = work(Date.now());
		if (answer.ok) await this.#ringForExpiry();
		return answer;
	}

	#ringForExpiry(): Promise<void> {
		const nextMs = this.#sharing.nextExpiryMs();
		return nextMs === null ? Promise.resolve() : ringBy(this.ctx.storage, nextMs);
	}
}
