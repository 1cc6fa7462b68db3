// A Space object: orders the commits of one space, keeps their ciphertext, and passes them on; keeps
// its invitations, share links and heartbeats. Whatever the Worker says, it checks token, membership
// and role itself, and appends nothing that breaks rules 1 to 9 of the log. Sockets hibernate: nothing
// here may hold a timer, but for the minute that an attempt at a passphrase takes.
import { DurableObject } from 'cloudflare:workers';
import { deploymentObjectName } from '../crypto/edge/keyed-name.ts';
import type { AccessClaims, TokenKey } from '../crypto/edge/session-token.ts';
import { openIdentity } from '../crypto/identity.ts';
import { readsAudit } from '../crypto/log-state.ts';
import { init } from '../crypto/opaque-ke/opaque-ke.js';
import opaqueModule from '../crypto/opaque-ke/opaque-ke.wasm';
import type { Admin, Role } from '../protocol/commit.ts';
import { wireErrors, type Refusal } from '../protocol/errors.ts';
import {
	parseSocketQuery,
	type RequestOf,
	type ResponseOf,
	type RouteName
} from '../protocol/http.ts';
import type { AccountId, Seq, SessionId } from '../protocol/ids.ts';
import { historyRetentionDays } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { socketProtocol } from '../protocol/version.ts';
import { ringBy } from './alarm.ts';
import type { AccountServerKeys } from './deployment.ts';
import type { Env } from './env.ts';
import { FetchedKeys } from './fetched-keys.ts';
import {
	maxAlarmDistanceMs,
	maxDropsPerAlarm,
	maxLinkSocketsPerSpace,
	maxSocketsPerSession,
	maxSocketsPerSpace
} from './limits.ts';
import { logBug } from './log.ts';
import { ProofGuard } from './proof-guard.ts';
import { provenOfUpgrade, type Proven, type Replied, type Reply } from './proven.ts';
import { decodeText } from './request-bytes.ts';
import { SpaceEventStore } from './space-event-store.ts';
import { SpaceEvents, type Note } from './space-events.ts';
import { SpaceFrames } from './space-frames.ts';
import { SpaceHeartbeatStore } from './space-heartbeat-store.ts';
import { SpaceHeartbeats } from './space-heartbeats.ts';
import { SpaceInviteStore } from './space-invite-store.ts';
import { SpaceInvites } from './space-invites.ts';
import { SpaceLinkStore } from './space-link-store.ts';
import { linkOfToken, SpaceLinks, type LinkMoment } from './space-links.ts';
import { SpaceLog } from './space-log.ts';
import { SpaceQuota } from './space-quota.ts';
import { SpaceQuotaStore } from './space-quota-store.ts';
import {
	anyLinkTag,
	attach,
	attachmentOf,
	close,
	end,
	hasExpired,
	linkTag,
	send
} from './space-sockets.ts';
import { SpaceStore, type Arrival } from './space-store.ts';

type Answer<Name extends RouteName> = Promise<Result<ResponseOf<Name>, Refusal>>;

const dayMs = 86_400_000;
/** RFC 6455 §7.4.1: never sent, only reported. */
const brokenConnection = 1006;

const notFound = err({ code: 'not_found' } as const);
const unauthenticated = err({ code: 'unauthenticated' } as const);

export class Space extends DurableObject<Env> {
	readonly #store: SpaceStore;
	readonly #log: SpaceLog;
	readonly #heartbeats: SpaceHeartbeats;
	readonly #events: SpaceEvents;
	readonly #invites: SpaceInvites;
	readonly #links: SpaceLinks;
	readonly #frames: SpaceFrames;
	readonly #keys: FetchedKeys<{ readonly tokenKeys: readonly TokenKey[] }>;
	/** With what passphrases of links need: fetched only where there is one to open. */
	readonly #linkKeys: FetchedKeys<AccountServerKeys>;
	/** Judges the proofs of openings of links; those of sessions are their accounts' to judge. */
	readonly #guard = new ProofGuard();
	/**
	 * Ended while awake, and until when a token of each may be about: for what was under way just then.
	 * Whoever comes later is not let in by the account, and a socket itself remembers its end.
	 */
	readonly #deadSessions = new Map<SessionId, number>();

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		const { sql } = ctx.storage;
		const announce = () => this.#noticeOwners();
		const note: Note = (noted) => this.#events.note(noted);
		this.#store = new SpaceStore(ctx.storage);
		const deployment = () => env.DEPLOYMENT.getByName(deploymentObjectName);
		const quota = new SpaceQuota({
			store: new SpaceQuotaStore(sql),
			setAside: async (creator, asked) => env.ACCOUNT.getByName(creator).setAside(asked),
			limits: async () => deployment().limits()
		});
		this.#log = new SpaceLog(this.#store, quota, ctx.id.name);
		this.#heartbeats = new SpaceHeartbeats(new SpaceHeartbeatStore(sql));
		this.#invites = new SpaceInvites(new SpaceInviteStore(sql), announce, note);
		this.#links = new SpaceLinks(new SpaceLinkStore(sql), announce, note);
		this.#events = new SpaceEvents({
			store: new SpaceEventStore(sql),
			log: this.#log,
			tokenKeys: () => this.#keys.get(),
			written: () => this.#scheduleAlarm()
		});
		this.#frames = new SpaceFrames({
			store: this.#store,
			log: this.#log,
			heartbeats: this.#heartbeats,
			events: this.#events,
			sockets: () => ctx.getWebSockets(),
			hasEnded: (session) => this.#deadSessions.has(session),
			appended: (arrival) => this.#follow(arrival)
		});
		this.#keys = new FetchedKeys(async () => {
			const tokenKeys = await deployment().tokenKeys();
			return tokenKeys.ok ? ok({ tokenKeys: tokenKeys.value }) : tokenKeys;
		});
		this.#linkKeys = new FetchedKeys(() => deployment().accountKeys());
		ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'));
	}

	/** The upgrade to a socket; a refusal is an ordinary answer whose body is its code. */
	override async fetch(request: Request): Promise<Response> {
		const after = parseSocketQuery(new URL(request.url).search);
		const opened = after.ok
			? await this.#open(await provenOfUpgrade(request), after.value)
			: { answer: err({ code: after.error }), nonce: null };
		const { answer, nonce } = opened;
		if (!answer.ok) {
			const { httpStatus: status } = wireErrors[answer.error.code];
			const headers: HeadersInit = nonce === null ? {} : { 'DPoP-Nonce': nonce };
			return Response.json({ error: answer.error }, { status, headers });
		}
		const headers = { 'Sec-WebSocket-Protocol': socketProtocol };
		return new Response(null, { status: 101, webSocket: answer.value, headers });
	}

	/** For Account objects only: closes a session's sockets, and refuses its tokens from now on. */
	endSession(session: SessionId, untilMs: number): void {
		for (const [other, otherUntilMs] of this.#deadSessions) {
			if (otherUntilMs <= Date.now()) this.#deadSessions.delete(other);
		}
		this.#deadSessions.set(session, untilMs);
		for (const socket of this.ctx.getWebSockets(session)) end(socket);
	}

	/** For Account objects only, of an account that is deleted: what nobody else is in, goes with it. */
	async eraseWith(account: AccountId): Promise<void> {
		if (!this.#log.isOnlyOf(account)) return;
		this.#log.forget();
		for (const socket of this.ctx.getWebSockets()) close(socket, 'not_found');
		await this.#store.erase();
	}

	/** For Account objects only: these sessions' devices ask for their account anew. */
	accountChanged(sessions: readonly SessionId[]): void {
		for (const session of sessions) {
			for (const socket of this.ctx.getWebSockets(session)) {
				if (!hasExpired(attachmentOf(socket))) send(socket, { type: 'account' });
			}
		}
	}

	async inviteCreate(proven: Proven, request: RequestOf<'inviteCreate'>): Reply<'inviteCreate'> {
		const created = await this.#asOwner(proven, () => this.#invites.create(request, Date.now()));
		await this.#scheduleAlarm();
		return created;
	}

	async inviteRead(request: RequestOf<'inviteRead'>): Answer<'inviteRead'> {
		if (!this.#log.hasBegun) return notFound;
		return this.#noting(this.#invites.read(request, Date.now()));
	}

	async inviteClaim(proven: Proven, request: RequestOf<'inviteClaim'>): Reply<'inviteClaim'> {
		// Nobody makes this edge verify an identity with a token that nobody made.
		const verified = await this.#keys.verify(proven.token ?? '');
		if (!verified.ok) return { answer: verified, nonce: null };
		const identity = await openIdentity(decodeText(request.identity));
		const { answer: claims, nonce } = await this.#sessionOf(proven);
		// Nothing awaits until the claim is written.
		const claimed = claims.ok ? this.#claim(request, { claims: claims.value, identity }) : claims;
		return { answer: await this.#noting(claimed), nonce };
	}

	#claim(
		request: RequestOf<'inviteClaim'>,
		by: {
			readonly claims: AccessClaims;
			readonly identity: Awaited<ReturnType<typeof openIdentity>>;
		}
	): Result<Record<string, never>, Refusal> {
		const { account } = by.claims;
		if (!by.identity.ok) return err({ code: 'malformed' });
		const nowMs = Date.now();
		if (!this.#log.hasBegun || !this.#invites.isOpen(request.invite, nowMs)) return notFound;
		if (by.identity.value.account !== account) return err({ code: 'forbidden' });
		const isMember = this.#log.known.members.has(account);
		return this.#invites.claim(request, { account, isMember, nowMs });
	}

	inviteList(proven: Proven): Reply<'inviteList'> {
		return this.#asOwner(proven, () => this.#invites.list(Date.now()));
	}

	inviteRevoke(proven: Proven, request: RequestOf<'inviteRevoke'>): Reply<'inviteRevoke'> {
		return this.#asOwner(proven, () => this.#invites.revoke(request));
	}

	async linkRegister(proven: Proven, request: RequestOf<'linkRegister'>): Reply<'linkRegister'> {
		const moment = await this.#linkMoment();
		if (!moment.ok) return { answer: moment, nonce: null };
		return this.#asOwner(proven, () => this.#links.register(request, moment.value()));
	}

	async linkCreate(proven: Proven, request: RequestOf<'linkCreate'>): Reply<'linkCreate'> {
		const created = await this.#asOwner(proven, () =>
			this.#links.create(request, { state: this.#log.known, nowMs: Date.now() })
		);
		await this.#scheduleAlarm();
		return created;
	}

	linkList(proven: Proven): Reply<'linkList'> {
		return this.#asOwner(proven, () => this.#links.list(Date.now()));
	}

	linkRemove(proven: Proven, { link }: RequestOf<'linkRemove'>): Reply<'linkRemove'> {
		return this.#asOwner(proven, () => {
			for (const socket of this.ctx.getWebSockets(linkTag(link))) close(socket, 'not_found');
			return this.#links.remove(link);
		});
	}

	linkStart(request: RequestOf<'linkStart'>): Reply<'linkStart'> {
		return this.#reply(async () => {
			if (!this.#log.hasBegun) return notFound;
			const moment = await this.#linkMoment();
			return moment.ok ? this.#noting(this.#links.start(request, moment.value())) : moment;
		});
	}

	linkFinish(request: RequestOf<'linkFinish'>): Reply<'linkFinish'> {
		return this.#reply(async () => {
			if (!this.#log.hasBegun) return err({ code: 'login_failed' });
			const moment = await this.#linkMoment();
			return moment.ok ? this.#noting(this.#links.finish(request, moment.value())) : moment;
		});
	}

	/** By the key that the opening is bound to. */
	linkRefresh(
		{ proof, request: shown }: Proven,
		request: RequestOf<'linkRefresh'>
	): Reply<'linkRefresh'> {
		return this.#reply(async () => {
			const claims = await this.#linkKeys.verifyOrigin(request.accessToken);
			if (!claims.ok) return claims;
			if (!this.#log.hasBegun) return notFound;
			const keys = await this.#linkKeys.get();
			if (!keys.ok) return keys;
			const refresh = () =>
				this.#links.refresh(request, claims.value, {
					...{ keys: keys.value, state: this.#log.known, nowMs: Date.now() }
				});
			// Only an opening that may go on gets a proof judged; it may have ended meanwhile.
			const may = refresh();
			if (!may.ok) return may;
			const subject = { request: shown, accessToken: null, thumbprint: claims.value.jkt };
			const judged = await this.#guard.judge(proof, subject);
			return judged.ok ? refresh() : err({ code: judged.error });
		});
	}

	eventList(proven: Proven, request: RequestOf<'eventList'>): Reply<'eventList'> {
		return this.#asMember(proven, readsAudit, () => this.#events.list(request));
	}

	override async webSocketMessage(socket: WebSocket, message: ArrayBuffer | string): Promise<void> {
		await this.#frames.receive(socket, message);
	}

	override webSocketClose(socket: WebSocket, code: number): void {
		// The client waits for an answer to its close frame; a connection that broke has nobody waiting.
		if (code !== brokenConnection) socket.close(1000);
	}

	/** Drops what is superseded for long enough, and what has expired. */
	override async alarm(): Promise<void> {
		try {
			const nowMs = Date.now();
			const supersededBeforeMs = nowMs - this.#retentionMs();
			const times = { supersededBeforeMs, nowMs, maxDrops: maxDropsPerAlarm };
			const isMore = this.#store.dropPages(times);
			this.#endExpired(nowMs);
			if (isMore) await this.ctx.storage.setAlarm(nowMs);
			else await this.#scheduleAlarm();
		} catch (error) {
			logBug('space.alarm', error);
			// Thrown on, the platform would try again six times and then never.
			await this.ctx.storage.setAlarm(Date.now() + dayMs);
		}
	}

	async #open(proven: Proven, after: Seq | null): Promise<Replied<WebSocket>> {
		const verified = await this.#keys.verify(proven.token ?? '');
		if (!verified.ok) return { answer: verified, nonce: null };
		const claims = verified.value;
		if (!this.#admits(claims)) return { answer: notFound, nonce: null };
		const { answer: admitted, nonce } = await this.#admitSocket(proven, claims);
		// Nothing awaits until the socket is there: what ended meanwhile is seen, what ends later finds it.
		const refused = (answer: Result<never, Refusal>) => ({ answer, nonce });
		if (!admitted.ok) return refused(admitted);
		if (this.#deadSessions.has(claims.session)) return refused(unauthenticated);
		if (!this.#admits(claims)) return refused(notFound);
		if (this.#isFull(claims)) return refused(err({ code: 'rate_limited' }));
		const { 0: client, 1: server } = new WebSocketPair();
		this.#accept(server, claims);
		if (after !== null) await this.#frames.begin(server, after);
		return { answer: ok(client), nonce };
	}

	#isFull(claims: AccessClaims): boolean {
		const countOf = (tag?: string) => this.ctx.getWebSockets(tag).length;
		if (countOf() >= maxSocketsPerSpace) return true;
		if (countOf(claims.session) >= maxSocketsPerSession) return true;
		return linkOfToken(claims) !== null && countOf(anyLinkTag) >= maxLinkSocketsPerSpace;
	}

	/**
	 * Whether somebody may have a socket. A link's member comes in by an opening of the link and by
	 * nothing else: its keys are known to all who have the link, who could sign up with them.
	 */
	#admits(claims: AccessClaims): boolean {
		const { account } = claims;
		if (!this.#log.admits(account)) return false;
		const state = this.#log.known;
		const link = linkOfToken(claims);
		if (link === null) return state.members.get(account)?.kind !== 'link';
		return this.#log.hasBegun && this.#links.admits(link, account, { state, nowMs: Date.now() });
	}

	#accept(server: WebSocket, claims: AccessClaims): void {
		const { account, accountObject, device, session, expiresAtMs } = claims;
		const link = linkOfToken(claims);
		const tags = link === null ? [session] : [session, anyLinkTag, linkTag(link)];
		this.ctx.acceptWebSocket(server, tags);
		attach(server, {
			...{ account, accountObject, device, session, link },
			...{ expiresAtMs, isLive: false }
		});
		send(server, { type: 'hello', offered: this.#log.known.head });
	}

	/**
	 * The session's account judges the proof, and will tell this space of the session's end. A link's
	 * token is good for one space and a quarter of an hour: there is no session to end.
	 */
	async #admitSocket(proven: Proven, claims: AccessClaims): Promise<Replied<unknown>> {
		if (linkOfToken(claims) === null) {
			const account = this.env.ACCOUNT.getByName(claims.accountObject);
			return account.admit(proven, this.#log.known.space);
		}
		return this.#reply(async () => {
			const { proof, request, token } = proven;
			const subject = { request, accessToken: token, thumbprint: claims.jkt };
			const judged = await this.#guard.judge(proof, subject);
			return judged.ok ? ok(null) : err({ code: judged.error });
		});
	}

	/** Of an account whose session lives, as the account itself says: asked before anything else. */
	async #sessionOf(proven: Proven): Promise<Replied<AccessClaims>> {
		const verified = await this.#keys.verify(proven.token ?? '');
		if (!verified.ok) return { answer: verified, nonce: null };
		const claims = verified.value;
		if (linkOfToken(claims) !== null) return { answer: unauthenticated, nonce: null };
		const account = this.env.ACCOUNT.getByName(claims.accountObject);
		const { answer: admitted, nonce } = await account.admit(proven, null);
		if (!admitted.ok) return { answer: admitted, nonce };
		return { answer: this.#deadSessions.has(claims.session) ? unauthenticated : ok(claims), nonce };
	}

	#asOwner<Value>(proven: Proven, work: () => Result<Value, Refusal>): Promise<Replied<Value>> {
		return this.#asMember(proven, (role) => role === 'owner', work);
	}

	/** Session, role and work are one synchronous block once the account has answered. */
	async #asMember<Value>(
		proven: Proven,
		may: (role: Role) => boolean,
		work: () => Result<Value, Refusal>
	): Promise<Replied<Value>> {
		const { answer: claims, nonce } = await this.#sessionOf(proven);
		if (!claims.ok) return { answer: claims, nonce };
		const member = this.#log.state?.members.get(claims.value.account);
		if (member === undefined) return { answer: notFound, nonce };
		return { answer: may(member.role) ? work() : err({ code: 'forbidden' }), nonce };
	}

	/** To whoever shows a key to this space itself, with the nonce as it is then. */
	async #reply<Value>(work: () => Promise<Result<Value, Refusal>>): Promise<Replied<Value>> {
		const answer = await work();
		return { answer, nonce: this.#guard.nonce };
	}

	/** An answer goes out once what it tells of stands in the access log. */
	async #noting<Value>(answer: Result<Value, Refusal>): Promise<Result<Value, Refusal>> {
		await this.#events.idle;
		return answer;
	}

	/** What has to be fetched comes first; the moment is then taken without waiting. */
	async #linkMoment(): Promise<Result<() => LinkMoment, Refusal>> {
		const [keys, opaque] = await Promise.all([this.#linkKeys.get(), init(opaqueModule)]);
		if (!keys.ok) return keys;
		return ok(() => ({
			keys: keys.value,
			opaque: opaque.server,
			state: this.#log.known,
			nowMs: Date.now()
		}));
	}

	/** In the turn, and the transaction, of the append. */
	async #follow({ entry }: Arrival): Promise<void> {
		const { admin, pages, supersedes } = entry.parsed;
		if (admin !== null) this.#followAdmin(admin);
		const isDated = pages.some((page) => page.expiresAtMs !== null) || supersedes.length > 0;
		// A shorter retention brings forward what was to be dropped later.
		if (isDated || (admin?.settings ?? null) !== null) await this.#scheduleAlarm();
	}

	/** What was said under an identity that is gone is dropped; who is gone hears nothing further. */
	#followAdmin({ members }: Admin): void {
		const removed = members.filter(({ role }) => role === null);
		const replaced = members.filter(({ identityEntry }) => identityEntry !== null);
		this.#heartbeats.removeAccounts(accountsOf([...removed, ...replaced]));
		this.#links.removeAccounts(accountsOf(removed));
		for (const socket of this.ctx.getWebSockets()) {
			if (!this.#log.admits(attachmentOf(socket).account)) close(socket, 'not_found');
		}
	}

	/** Invitations or links changed: owners ask for them. */
	#noticeOwners(): void {
		for (const socket of this.ctx.getWebSockets()) {
			const attachment = attachmentOf(socket);
			const role = this.#log.known.members.get(attachment.account)?.role;
			if (role !== 'owner' || !attachment.isLive || hasExpired(attachment)) continue;
			send(socket, { type: 'notice' });
		}
	}

	#endExpired(nowMs: number): void {
		if (!this.#log.hasBegun) return;
		this.#invites.removeExpired(nowMs);
		this.#events.removeExpired(nowMs);
		for (const link of this.#links.removeExpired(nowMs)) {
			for (const socket of this.ctx.getWebSockets(linkTag(link))) close(socket, 'unauthenticated');
		}
	}

	#retentionMs(): number {
		return (this.#log.state?.settings?.retentionDays ?? historyRetentionDays) * dayMs;
	}

	async #scheduleAlarm(): Promise<void> {
		if (!this.#log.hasBegun) return;
		const nowMs = Date.now();
		const { expiresAtMs, supersededSinceMs } = this.#store.nextDrops();
		const times = [
			expiresAtMs,
			supersededSinceMs === null ? null : supersededSinceMs + this.#retentionMs(),
			this.#invites.nextExpiryMs(),
			this.#links.nextEndMs(nowMs),
			this.#events.nextDropMs()
		].filter((time) => time !== null);
		if (times.length === 0) return;
		const nextMs = Math.min(...times, nowMs + maxAlarmDistanceMs);
		await ringBy(this.ctx.storage, nextMs);
	}
}

const accountsOf = (changes: Admin['members']): ReadonlySet<AccountId> =>
	new Set(changes.map(({ account }) => account));
