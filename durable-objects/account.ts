// An Account object: who may ask what of an account. Login is in account-login.ts, sessions in
// account-sessions.ts, how it begins in account-creation.ts, what others leave for it in
// account-sharing.ts. Named by the keyed hash of the handle; nowhere is a handle written down.
import { DurableObject } from 'cloudflare:workers';
import { deploymentObjectName } from '../crypto/edge/keyed-name.ts';
import { claimedAccountObject, type AccessClaims } from '../crypto/edge/session-token.ts';
import { toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf } from '../protocol/http.ts';
import type { SessionId, SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { AccountCreation } from './account-creation.ts';
import { AccountEndings } from './account-endings.ts';
import { AccountLogin, type RequestPlace } from './account-login.ts';
import { AccountLoginStore } from './account-login-store.ts';
import { AccountName } from './account-name.ts';
import { unauthenticated, type AccountParts, type Answer } from './account-parts.ts';
import { AccountSessionStore } from './account-session-store.ts';
import { AccountSessions } from './account-sessions.ts';
import { AccountSharing } from './account-sharing.ts';
import { AccountSharingStore } from './account-sharing-store.ts';
import { AccountStore } from './account-store.ts';
import { ringBy } from './alarm.ts';
import type { Env } from './env.ts';
import { FetchedKeys } from './fetched-keys.ts';
import { LoginBudget } from './login-budget.ts';

const notFound = err({ code: 'not_found' } as const);

export class Account extends DurableObject<Env> {
	readonly #parts: AccountParts;
	readonly #creation: AccountCreation;
	readonly #login: AccountLogin;
	readonly #sessions: AccountSessions;
	readonly #endings: AccountEndings;
	readonly #sharing: AccountSharing;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		const { storage } = ctx;
		const store = new AccountStore(storage);
		const keys = new FetchedKeys(() =>
			env.DEPLOYMENT.getByName(deploymentObjectName).accountKeys()
		);
		this.#parts = { name: new AccountName(ctx.id), store, keys };
		this.#creation = new AccountCreation(this.#parts);
		const budget = new LoginBudget(new AccountLoginStore(storage, store));
		this.#login = new AccountLogin(this.#parts, budget);
		const sessions = new AccountSessionStore(storage, store);
		this.#endings = new AccountEndings(sessions, storage, async (space, { session, untilMs }) =>
			env.SPACE.getByName(space).endSession(session, untilMs)
		);
		this.#sessions = new AccountSessions(this.#parts, sessions, this.#endings);
		this.#sharing = new AccountSharing(new AccountSharingStore(storage));
	}

	registrationStart(request: RequestOf<'registrationStart'>): Answer<'registrationStart'> {
		return this.#creation.start(request);
	}

	registrationFinish(request: RequestOf<'registrationFinish'>): Answer<'registrationFinish'> {
		return this.#creation.finish(request);
	}

	loginStart(request: RequestOf<'loginStart'>, place: RequestPlace): Answer<'loginStart'> {
		return this.#login.start(request, place);
	}

	async loginFinish(request: RequestOf<'loginFinish'>, place: RequestPlace): Answer<'loginFinish'> {
		const keys = await this.#parts.keys.get();
		if (!keys.ok) return keys;
		const proven = await this.#login.finish(request, place);
		if (!proven.ok) return proven;
		this.#login.refund(place);
		const begun = await this.#sessions.begin(proven.value, keys.value);
		return ok({ ...this.#material(keys.value.incarnation), ...begun });
	}

	refresh(request: RequestOf<'sessionRefresh'>): Answer<'sessionRefresh'> {
		return this.#sessions.refresh(request);
	}

	/** Ends the session that the token is of. */
	async end(token: string): Answer<'sessionEnd'> {
		const claims = await this.#sessions.authenticate(token);
		if (!claims.ok) return claims;
		await this.#sessions.end(claims.value.session);
		return ok({});
	}

	/** What the account consists of, and who is logged in. */
	async read(token: string): Answer<'account'> {
		const [keys, claims] = await Promise.all([
			this.#parts.keys.get(),
			this.#sessions.authenticate(token)
		]);
		if (!keys.ok) return keys;
		if (!claims.ok) return claims;
		const sessions = this.#sessions.live(Date.now()).map((session) => ({
			id: session.id,
			device: session.device,
			createdAtMs: session.createdAtMs,
			refreshedAtMs: session.refreshedAtMs,
			current: session.id === claims.value.session
		}));
		return ok({ ...this.#material(keys.value.incarnation), sessions });
	}

	/** Whether this is a token of a live session of this account: asked before others are. */
	async checkSession(token: string): Promise<Result<null, Refusal>> {
		const claims = await this.#sessions.authenticate(token);
		return claims.ok ? ok(null) : claims;
	}

	/** To anybody with an account: who this is, as far as the edge can tell. */
	async identityRead(token: string): Answer<'identityRead'> {
		const claims = await this.#authenticateOther(token);
		if (!claims.ok) return claims;
		const account = this.#parts.store.loadAccount();
		if (account === null) return notFound;
		const identities = this.#parts.store.loadIdentities().map(toBase64Url);
		return ok({ account: account.account, identities });
	}

	/** From anybody with an account, to this one. */
	async requestSend(token: string, request: RequestOf<'requestSend'>): Answer<'requestSend'> {
		const claims = await this.#authenticateOther(token);
		if (!claims.ok) return claims;
		const { account } = claims.value;
		return this.#answer((nowMs) => this.#sharing.addRequest(account, request, nowMs));
	}

	requestList(token: string): Answer<'requestList'> {
		return this.#answerOwn(token, (nowMs) => this.#sharing.listRequests(nowMs));
	}

	requestDismiss(token: string, request: RequestOf<'requestDismiss'>): Answer<'requestDismiss'> {
		return this.#answerOwn(token, () => this.#sharing.dismissRequest(request));
	}

	deviceLinkOpen(token: string, request: RequestOf<'deviceLinkOpen'>): Answer<'deviceLinkOpen'> {
		return this.#answerOwn(token, (nowMs) => this.#sharing.openLink(request, nowMs));
	}

	/** By a device without a session, which knows the handle and the link. */
	deviceLinkClaim(request: RequestOf<'deviceLinkClaim'>): Answer<'deviceLinkClaim'> {
		return this.#answer((nowMs) => this.#sharing.claimLink(request, nowMs));
	}

	deviceLinkRead(token: string, request: RequestOf<'deviceLinkRead'>): Answer<'deviceLinkRead'> {
		return this.#answerOwn(token, (nowMs) => this.#sharing.readLink(request, nowMs));
	}

	deviceLinkHandOver(
		token: string,
		request: RequestOf<'deviceLinkHandOver'>
	): Answer<'deviceLinkHandOver'> {
		return this.#answerOwn(token, (nowMs) => this.#sharing.handOver(request, nowMs));
	}

	/** By the device that claimed. */
	deviceLinkTake(request: RequestOf<'deviceLinkTake'>): Answer<'deviceLinkTake'> {
		return this.#answer((nowMs) => this.#sharing.take(request, nowMs));
	}

	/**
	 * For Space objects only: a session opens a socket there. Answers whether it may; if it does, the
	 * space will hear of its end.
	 */
	noteSpace({
		session,
		space
	}: {
		readonly session: SessionId;
		readonly space: SpaceId;
	}): Result<null, Refusal> {
		return this.#sessions.noteSpace(session, space);
	}

	override async alarm(): Promise<void> {
		this.#sharing.removeExpired(Date.now());
		await this.#endings.retry();
		await this.#ringForExpiry();
	}

	/**
	 * A token of any account of this edge, and of no link. That its session has not ended is asked of
	 * its own account first, by the Worker.
	 */
	async #authenticateOther(token: string): Promise<Result<AccessClaims, Refusal>> {
		return claimedAccountObject(token).ok ? this.#parts.keys.verify(token) : unauthenticated;
	}

	/** To a session of this account. */
	async #answerOwn<Value>(
		token: string,
		work: (nowMs: number) => Result<Value, Refusal>
	): Promise<Result<Value, Refusal>> {
		const claims = await this.#sessions.authenticate(token);
		return claims.ok ? this.#answer(work) : claims;
	}

	/** What an account has to say about what it keeps for a while, of which the alarm must know. */
	async #answer<Value>(
		work: (nowMs: number) => Result<Value, Refusal>
	): Promise<Result<Value, Refusal>> {
		if (this.#parts.store.loadAccount() === null) return notFound;
		const answer = work(Date.now());
		if (answer.ok) await this.#ringForExpiry();
		return answer;
	}

	#ringForExpiry(): Promise<void> {
		const nextMs = this.#sharing.nextExpiryMs();
		return nextMs === null ? Promise.resolve() : ringBy(this.ctx.storage, nextMs);
	}

	#material(incarnation: Uint8Array) {
		const { name, store } = this.#parts;
		const account = store.loadAccount();
		if (account === null) throw new Error('an account with a session exists');
		return {
			account: account.account,
			handleHash: toBase64Url(name.handleHash),
			incarnation: toBase64Url(incarnation),
			identities: store.loadIdentities().map(toBase64Url),
			keyslots: store.loadKeyslots().map(toBase64Url)
		};
	}
}
