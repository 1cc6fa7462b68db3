// An Account object: login (the server's half of OPAQUE), keyslots that it can't open, the identity
// log, sessions, and what others leave for it. Named by the keyed hash of the handle. At login an
// unknown handle answers like a known one; nowhere is one written down.
import { DurableObject } from 'cloudflare:workers';
import { deploymentObjectName } from '../crypto/edge/keyed-name.ts';
import { verifyDeviceBinding } from '../crypto/edge/device-binding.ts';
import { jwkThumbprint, parseP256Jwk, type P256Jwk } from '../crypto/jwk.ts';
import {
	createRegistrationResponse,
	finishLogin,
	isRegistrationRecord,
	startLogin
} from '../crypto/edge/opaque-server.ts';
import {
	claimedAccountObject,
	mintAccessToken,
	type AccessClaims
} from '../crypto/edge/session-token.ts';
import { openIdentity } from '../crypto/identity.ts';
import { equalConstantTime } from '../crypto/mac.ts';
import { init } from '../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../crypto/opaque-ke/opaque-ke.wasm';
import { randomBytes } from '../crypto/random.ts';
import { equalBytes, fromHex, toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf, RouteName } from '../protocol/http.ts';
import { idBytes, idFromBytes, type SessionId, type SpaceId } from '../protocol/ids.ts';
import { createAccountBody } from '../protocol/labels.ts';
import {
	accessTokenTtlSeconds,
	maxSessionsPerAccount,
	refreshTokenTtlSeconds
} from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { areKeyslots, isSignedCreation } from './account-creation.ts';
import { AccountSharing } from './account-sharing.ts';
import { AccountSharingStore } from './account-sharing-store.ts';
import { AccountStore, type StoredSession } from './account-store.ts';
import type { AccountServerKeys } from './deployment.ts';
import type { Env } from './env.ts';
import { FetchedKeys } from './fetched-keys.ts';
import { deadSessionMarginMs, endingRetryMs, maxSpacesPerSession } from './limits.ts';
import { LoginBudget } from './login-budget.ts';
import { LoginsInProgress } from './logins-in-progress.ts';
import { judgeRefresh } from './refresh-use.ts';
import { decodeText } from './request-bytes.ts';
import {
	createRefreshSecret,
	encodeRefreshToken,
	parseRefreshToken,
	rotateRefreshSecret,
	type RefreshSecret
} from '../crypto/edge/refresh-token.ts';

type Answer<Name extends RouteName> = Promise<Result<ResponseOf<Name>, Refusal>>;

/** What the Worker knows of a request besides its body. */
export interface RequestPlace {
	/** Of the request's URL. */
	readonly origin: string;
	/** Keyed name of the client's network. */
	readonly network: string;
}

const unauthenticated = err({ code: 'unauthenticated' } as const);
const loginFailed = err({ code: 'login_failed' } as const);
const malformed = err({ code: 'malformed' } as const);
const notFound = err({ code: 'not_found' } as const);

export class Account extends DurableObject<Env> {
	readonly #store: AccountStore;
	readonly #sharing: AccountSharing;
	readonly #budget: LoginBudget;
	readonly #logins = new LoginsInProgress();
	readonly #keys: FetchedKeys<AccountServerKeys>;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		this.#store = new AccountStore(ctx.storage);
		this.#sharing = new AccountSharing(new AccountSharingStore(ctx.storage));
		this.#budget = new LoginBudget(this.#store);
		this.#keys = new FetchedKeys(() =>
			env.DEPLOYMENT.getByName(deploymentObjectName).accountKeys()
		);
	}

	async registrationStart(request: RequestOf<'registrationStart'>): Answer<'registrationStart'> {
		const [keys, opaque] = await Promise.all([this.#keys.get(), init(opaqueModule)]);
		if (!keys.ok) return keys;
		if (this.#store.loadAccount() !== null) return err({ code: 'handle_taken' });
		const { opaqueSetup, incarnation } = keys.value;
		const handleHash = this.#handleHash();
		const response = createRegistrationResponse(opaque.server, {
			setup: opaqueSetup,
			handleHash,
			request: decodeText(request.registrationRequest)
		});
		if (!response.ok) return malformed;
		return ok({
			registrationResponse: toBase64Url(response.value),
			handleHash: toBase64Url(handleHash),
			incarnation: toBase64Url(incarnation)
		});
	}

	async registrationFinish(request: RequestOf<'registrationFinish'>): Answer<'registrationFinish'> {
		const keys = await this.#keys.get();
		if (!keys.ok) return keys;
		const registrationRecord = decodeText(request.registrationRecord);
		const keyslots = request.keyslots.map(decodeText);
		if (!isRegistrationRecord(registrationRecord) || !areKeyslots(keyslots)) return malformed;
		const identity = await openIdentity(decodeText(request.identity));
		if (!identity.ok || identity.value.entry.body.n !== 1) return malformed;
		const body = createAccountBody(
			this.#handleHash(),
			registrationRecord,
			identity.value.bytes,
			keyslots
		);
		const signature = decodeText(request.signature);
		const { incarnation } = keys.value;
		if (!(await isSignedCreation(identity.value, { body, incarnation, signature }))) {
			return err({ code: 'forbidden' });
		}
		const { account } = identity.value;
		const existing = this.#store.loadAccount();
		if (existing === null) {
			this.#store.createAccount({
				account,
				registrationRecord,
				identity: identity.value.bytes,
				keyslots,
				createdAtMs: Date.now()
			});
			return ok({ account });
		}
		// The same request again, because its answer was lost.
		const isSame =
			existing.account === account && equalBytes(existing.registrationRecord, registrationRecord);
		return isSame ? ok({ account }) : err({ code: 'handle_taken' });
	}

	async loginStart(
		request: RequestOf<'loginStart'>,
		{ network }: RequestPlace
	): Answer<'loginStart'> {
		const [keys, opaque] = await Promise.all([this.#keys.get(), init(opaqueModule)]);
		if (!keys.ok) return keys;
		const taken = this.#budget.take(network, Date.now());
		if (!taken.ok) return taken;
		const started = startLogin(opaque.server, {
			setup: keys.value.opaqueSetup,
			handleHash: this.#handleHash(),
			record: this.#store.loadAccount()?.registrationRecord ?? null,
			ke1: decodeText(request.ke1)
		});
		if (!started.ok) return malformed;
		return ok({
			login: this.#logins.add(started.value.state),
			ke2: toBase64Url(started.value.ke2),
			handleHash: toBase64Url(this.#handleHash())
		});
	}

	async loginFinish(
		request: RequestOf<'loginFinish'>,
		{ origin, network }: RequestPlace
	): Answer<'loginFinish'> {
		const [keys, opaque] = await Promise.all([this.#keys.get(), init(opaqueModule)]);
		if (!keys.ok) return keys;
		const state = this.#logins.take(request.login);
		if (state === null) return loginFailed;
		const finished = finishLogin(opaque.server, { state, ke3: decodeText(request.ke3) });
		if (!finished.ok) return loginFailed;
		const jwk = parseP256Jwk(request.device.jwk);
		if (!jwk.ok || !(await isOnCurve(jwk.value))) return malformed;
		const isBound = verifyDeviceBinding(finished.value, {
			mac: decodeText(request.device.binding),
			origin,
			handleHash: this.#handleHash(),
			thumbprint: jwkThumbprint(jwk.value)
		});
		// Only a record that was there gives a session key to both sides.
		if (!isBound || this.#store.loadAccount() === null) return loginFailed;
		this.#budget.refund(network);
		const secret = createRefreshSecret();
		const begun = this.#beginSession({ device: request.device.id, jwk: jwk.value, secret });
		await this.#announceEndings();
		return ok({
			...this.#material(keys.value.incarnation),
			session: this.#sessionAnswer(keys.value, begun.session, secret),
			ended: begun.ended
		});
	}

	async refresh(request: RequestOf<'sessionRefresh'>): Answer<'sessionRefresh'> {
		const keys = await this.#keys.get();
		if (!keys.ok) return keys;
		const token = parseRefreshToken(request.refreshToken);
		if (!token.ok || token.value.accountObject !== this.#objectName()) return unauthenticated;
		const { secret } = token.value;
		const nowMs = Date.now();
		const session = this.#liveSessions(nowMs).find((candidate) =>
			equalConstantTime(candidate.refresh.family, secret.hashes.family)
		);
		if (session === undefined) return unauthenticated;
		const use = judgeRefresh(session, secret, nowMs);
		if (use === 'reused') {
			// A token that was rotated away is used again: it is in two hands.
			this.#endSession(session.id, nowMs);
			await this.#announceEndings();
		}
		if (use === 'reused' || use === 'spent') return unauthenticated;
		const next = rotateRefreshSecret(secret);
		this.#store.rotateSession(session.id, {
			next: next.hashes.secret,
			used: secret.hashes.secret,
			mayRefresh: use === 'current',
			nowMs
		});
		return ok({ session: this.#sessionAnswer(keys.value, session, next) });
	}

	/** Ends the session that the token is of. */
	async end(token: string): Answer<'sessionEnd'> {
		const claims = await this.#authenticate(token);
		if (!claims.ok) return claims;
		this.#endSession(claims.value.session, Date.now());
		await this.#announceEndings();
		return ok({});
	}

	/** What the account consists of, and who is logged in. */
	async read(token: string): Answer<'account'> {
		const [keys, claims] = await Promise.all([this.#keys.get(), this.#authenticate(token)]);
		if (!keys.ok) return keys;
		if (!claims.ok) return claims;
		const sessions = this.#liveSessions(Date.now()).map((session) => ({
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
		const claims = await this.#authenticate(token);
		return claims.ok ? ok(null) : claims;
	}

	/** To anybody with an account: who this is, as far as the edge can tell. */
	async identityRead(token: string): Answer<'identityRead'> {
		const claims = await this.#authenticateOther(token);
		if (!claims.ok) return claims;
		const account = this.#store.loadAccount();
		if (account === null) return notFound;
		const identities = this.#store.loadIdentities().map(toBase64Url);
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
		const sessions = this.#liveSessions(Date.now());
		if (!sessions.some(({ id }) => id === session)) return unauthenticated;
		const isNoted = this.#store.noteSpace(session, space, maxSpacesPerSession);
		return isNoted ? ok(null) : err({ code: 'rate_limited' });
	}

	override async alarm(): Promise<void> {
		this.#sharing.removeExpired(Date.now());
		await this.#announceEndings();
		await this.#ringForExpiry();
	}

	/** The name under which the Worker finds this object: the handle's keyed hash in hex. */
	#objectName(): string {
		const { name } = this.ctx.id;
		if (name === undefined) throw new Error('an Account object is asked for by its name');
		return name;
	}

	#handleHash(): Uint8Array {
		const hash = fromHex(this.#objectName());
		if (!hash.ok) throw new Error('an Account object is named by a hash in hex');
		return hash.value;
	}

	async #authenticate(token: string): Promise<Result<AccessClaims, Refusal>> {
		const claims = await this.#keys.verify(token);
		if (!claims.ok) return claims;
		if (claims.value.accountObject !== this.#objectName()) return unauthenticated;
		const sessions = this.#liveSessions(Date.now());
		const isLive = sessions.some((session) => session.id === claims.value.session);
		return isLive ? claims : unauthenticated;
	}

	/**
	 * A token of any account of this edge, and of no link. That its session has not ended is asked of
	 * its own account first, by the Worker.
	 */
	async #authenticateOther(token: string): Promise<Result<AccessClaims, Refusal>> {
		return claimedAccountObject(token).ok ? this.#keys.verify(token) : unauthenticated;
	}

	/** To a session of this account. */
	async #answerOwn<Value>(
		token: string,
		work: (nowMs: number) => Result<Value, Refusal>
	): Promise<Result<Value, Refusal>> {
		const claims = await this.#authenticate(token);
		return claims.ok ? this.#answer(work) : claims;
	}

	/** What an account has to say about what it keeps for a while, of which the alarm must know. */
	async #answer<Value>(
		work: (nowMs: number) => Result<Value, Refusal>
	): Promise<Result<Value, Refusal>> {
		if (this.#store.loadAccount() === null) return notFound;
		const answer = work(Date.now());
		if (answer.ok) await this.#ringForExpiry();
		return answer;
	}

	#ringForExpiry(): Promise<void> {
		const nextMs = this.#sharing.nextExpiryMs();
		return nextMs === null ? Promise.resolve() : this.#ringBy(nextMs);
	}

	/** There is one alarm; it is moved only to ring earlier. */
	async #ringBy(timeMs: number): Promise<void> {
		const alarmMs = await this.ctx.storage.getAlarm();
		if (alarmMs === null || timeMs < alarmMs) await this.ctx.storage.setAlarm(timeMs);
	}

	/** One synchronous block: of parallel logins, no two can both find room for themselves. */
	#beginSession(opening: {
		readonly device: StoredSession['device'];
		readonly jwk: P256Jwk;
		readonly secret: RefreshSecret;
	}): { readonly session: StoredSession; readonly ended: SessionId[] } {
		const nowMs = Date.now();
		const session: StoredSession = {
			id: idFromBytes<SessionId>(randomBytes(idBytes)),
			device: opening.device,
			deviceJwk: opening.jwk,
			createdAtMs: nowMs,
			refreshedAtMs: nowMs,
			refresh: opening.secret.hashes,
			previous: null
		};
		const sessions = this.#liveSessions(nowMs);
		const replaced = sessions.filter(({ device }) => device === opening.device);
		const others = sessions.filter(({ device }) => device !== opening.device);
		const overfull = others.slice(0, Math.max(0, others.length - (maxSessionsPerAccount - 1)));
		for (const { id } of [...replaced, ...overfull]) this.#endSession(id, nowMs);
		this.#store.addSession(session);
		return { session, ended: overfull.map(({ id }) => id) };
	}

	/** Sessions whose refresh token has not expired; those whose has are ended on the way. */
	#liveSessions(nowMs: number): StoredSession[] {
		const oldestMs = nowMs - refreshTokenTtlSeconds * 1_000;
		const sessions = this.#store.loadSessions();
		for (const { id, refreshedAtMs } of sessions) {
			if (refreshedAtMs <= oldestMs) this.#endSession(id, nowMs);
		}
		return sessions.filter(({ refreshedAtMs }) => refreshedAtMs > oldestMs);
	}

	#endSession(session: SessionId, nowMs: number): void {
		const untilMs = nowMs + accessTokenTtlSeconds * 1_000 + deadSessionMarginMs;
		this.#store.endSession(session, untilMs);
	}

	/**
	 * Tells every space that an ended session had opened. One that can't be reached is told again by
	 * the alarm, until no token of the session could be used any more.
	 */
	async #announceEndings(): Promise<void> {
		const endings = this.#store.loadEndings();
		if (endings.length === 0) return;
		await this.#ringBy(Date.now() + endingRetryMs);
		await Promise.allSettled(
			endings.map(async (ending) => {
				const space = this.env.SPACE.getByName(ending.space);
				if (Date.now() < ending.untilMs) await space.endSession(ending.session, ending.untilMs);
				this.#store.removeEnding(ending);
			})
		);
		if (this.#store.loadEndings().length > 0) return;
		await this.ctx.storage.deleteAlarm();
		await this.#ringForExpiry();
	}

	#material(incarnation: Uint8Array) {
		const account = this.#store.loadAccount();
		if (account === null) throw new Error('an account with a session exists');
		return {
			account: account.account,
			handleHash: toBase64Url(this.#handleHash()),
			incarnation: toBase64Url(incarnation),
			identities: this.#store.loadIdentities().map(toBase64Url),
			keyslots: this.#store.loadKeyslots().map(toBase64Url)
		};
	}

	#sessionAnswer(
		keys: AccountServerKeys,
		session: StoredSession,
		secret: RefreshSecret
	): ResponseOf<'sessionRefresh'>['session'] {
		const [newest] = keys.tokenKeys;
		const account = this.#store.loadAccount();
		if (newest === undefined || account === null) throw new Error('no key or no account');
		const expiresAtMs = Date.now() + accessTokenTtlSeconds * 1_000;
		const accessToken = mintAccessToken(newest, {
			account: account.account,
			accountObject: this.#objectName(),
			device: session.device,
			session: session.id,
			expiresAtMs,
			jkt: jwkThumbprint(session.deviceJwk)
		});
		return {
			id: session.id,
			accessToken,
			accessExpiresAtMs: expiresAtMs,
			refreshToken: encodeRefreshToken(this.#objectName(), secret)
		};
	}
}

/** WebCrypto refuses to import a point that is not on the curve. */
async function isOnCurve(jwk: P256Jwk): Promise<boolean> {
	const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
	try {
		await crypto.subtle.importKey('jwk', { ...jwk }, algorithm, false, ['verify']);
		return true;
	} catch {
		return false;
	}
}
