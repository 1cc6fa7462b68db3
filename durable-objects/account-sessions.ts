// Sessions of an account: how they begin, what their tokens are, how each is refreshed, and how they
// end everywhere. A session begins with what was proven of a device, and stays bound to its key.
import { parseDpopProof, verifyDpopProof } from '../crypto/edge/dpop-proof.ts';
import {
	createRefreshSecret,
	encodeRefreshToken,
	parseRefreshToken,
	rotateRefreshSecret,
	type RefreshSecret
} from '../crypto/edge/refresh-token.ts';
import { mintAccessToken, type AccessClaims } from '../crypto/edge/session-token.ts';
import { jwkThumbprint } from '../crypto/jwk.ts';
import { equalConstantTime } from '../crypto/mac.ts';
import { randomBytes } from '../crypto/random.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import type { LiveSession, Place } from '../protocol/http-fields.ts';
import {
	idBytes,
	idFromBytes,
	type DeviceId,
	type SessionId,
	type SpaceId
} from '../protocol/ids.ts';
import {
	accessTokenTtlSeconds,
	freshTtlSeconds,
	refreshTokenTtlSeconds
} from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { ProvenDevice } from './account-login.ts';
import { unauthenticated, type AccountParts, type Answer } from './account-parts.ts';
import type { AccountEndings } from './account-endings.ts';
import type { AccountSessionStore, Ending, StoredSession } from './account-session-store.ts';
import type { AccountServerKeys } from './deployment.ts';
import { maxSpacesKnownOfDevice, maxSpacesPerSession } from './limits.ts';
import type { ProofGuard } from './proof-guard.ts';
import type { Proven } from './proven.ts';
import { judgeRefresh } from './refresh-use.ts';
import type { SecurityEvents } from './security-events.ts';

type SessionAnswer = ResponseOf<'sessionRefresh'>['session'];

/** Which sessions make room where as many live as may: the oldest, or those that a person named. */
export type WhenFull = 'end_oldest' | { readonly end: readonly SessionId[] };

export type BegunSession =
	/** What its device is told of a session that began, and which others gave way to it. */
	| { readonly next: 'done'; readonly session: SessionAnswer; readonly ended: SessionId[] }
	/** Nothing happened: more have to end than were named. */
	| { readonly next: 'choose'; readonly cap: number; readonly sessions: LiveSession[] };

/** A session that asks, and what its token says. */
export interface Asking extends AccessClaims {
	readonly freshUntilMs: number;
}

export class AccountSessions {
	readonly #parts: AccountParts;
	readonly #store: AccountSessionStore;
	readonly #endings: AccountEndings;
	readonly #guard: ProofGuard;
	readonly #events: SecurityEvents;
	readonly #cap: () => number;
	/** Whose end is being told: good for nothing any more, though still written down. */
	readonly #ending = new Set<SessionId>();
	/** Whose end all spaces have heard of that could be reached, and which could not. */
	readonly #unreachedByTold = new Map<SessionId, readonly Ending[]>();

	constructor(
		parts: AccountParts,
		own: {
			readonly store: AccountSessionStore;
			readonly endings: AccountEndings;
			readonly guard: ProofGuard;
			readonly events: SecurityEvents;
			/** How many sessions may live at a time, at least one. */
			readonly cap: () => number;
		}
	) {
		this.#parts = parts;
		this.#store = own.store;
		this.#endings = own.endings;
		this.#guard = own.guard;
		this.#events = own.events;
		this.#cap = own.cap;
	}

	/**
	 * Begins a session, in place of the one that the device had. As many live then as may at most,
	 * however many begin at once: who has to go is counted in the block that writes the new one.
	 */
	async begin(
		{ device, jwk }: ProvenDevice,
		{
			whenFull,
			mayBegin,
			place
		}: {
			readonly whenFull: WhenFull;
			readonly mayBegin: () => boolean;
			readonly place: Place | null;
		}
	): Promise<Result<BegunSession, Refusal>> {
		const keys = await this.#parts.keys.get();
		if (!keys.ok) return keys;
		const secret = createRefreshSecret();
		for (;;) {
			// Another password, or another second step, may have come into force meanwhile.
			if (!mayBegin()) return err({ code: 'login_failed' });
			const nowMs = Date.now();
			const { replaced, leaving, isFull } = this.#givingWay(device, whenFull, nowMs);
			if (isFull) {
				const sessions = this.describe(null);
				return ok({ next: 'choose', cap: this.#cap(), sessions });
			}
			const going = [...replaced, ...leaving];
			const untold = going.filter(({ id }) => !this.#unreachedByTold.has(id));
			if (untold.length > 0) {
				// Others may have begun meanwhile: who has to go is asked again.
				await this.#tell(untold);
				continue;
			}
			const session: StoredSession = {
				id: idFromBytes<SessionId>(randomBytes(idBytes)),
				device,
				deviceJwk: jwk,
				createdAtMs: nowMs,
				refreshedAtMs: nowMs,
				place,
				freshUntilMs: nowMs + freshTtlSeconds * 1_000,
				refresh: secret.hashes,
				previous: null,
				// What the device opened it opens again: noted already, that costs no row.
				spaces: replaced.flatMap(({ spaces }) => spaces).slice(-maxSpacesKnownOfDevice)
			};
			this.#store.saveSession(session);
			if (replaced.length === 0) this.#events.note('logged_in', { device, place });
			this.#noteEnded(leaving, place);
			await this.#remove(going);
			const ended = leaving.map(({ id }) => id);
			return ok({ next: 'done', session: this.#answer(keys.value, session, secret), ended });
		}
	}

	/** How many may live at a time. */
	get cap(): number {
		return this.#cap();
	}

	/** Its person has shown who they are. Answers with until when that is good; null if it has ended. */
	freshen(id: SessionId): number | null {
		const session = this.#find(id);
		if (session === undefined) return null;
		const freshUntilMs = Date.now() + freshTtlSeconds * 1_000;
		this.#store.saveFreshUntil(session, freshUntilMs);
		return freshUntilMs;
	}

	/**
	 * Takes a refresh token once, from whoever holds the session's key. Without a good proof nothing
	 * happens; with one of another key, the token is in two hands.
	 */
	async refresh(
		proven: Proven,
		request: RequestOf<'sessionRefresh'>,
		place: Place | null
	): Answer<'sessionRefresh'> {
		const keys = await this.#parts.keys.get();
		if (!keys.ok) return keys;
		const token = parseRefreshToken(request.refreshToken);
		if (!token.ok || token.value.accountObject !== this.#parts.name.objectName) {
			return unauthenticated;
		}
		const { secret } = token.value;
		// Only who knows a family gets a proof judged.
		if (this.#ofFamily(secret) === undefined) return unauthenticated;
		const { proof, request: shown } = proven;
		const subject = { request: shown, accessToken: null, thumbprint: null };
		const judged = await this.#guard.judge(proof, subject);
		if (!judged.ok) return err({ code: judged.error });
		// From here to what is written, nothing awaits.
		const session = this.#ofFamily(secret);
		if (session === undefined) return unauthenticated;
		const isOwnKey = equalConstantTime(judged.value.thumbprint, jwkThumbprint(session.deviceJwk));
		const nowMs = Date.now();
		const use = isOwnKey ? judgeRefresh(session, secret, nowMs) : 'reused';
		// A token that was rotated away, or another device's, is used: it is in two hands.
		if (use === 'reused') {
			this.#events.note('refresh_reused', { device: session.device, place });
			await this.#end([session]);
		}
		if (use === 'reused' || use === 'spent') return unauthenticated;
		const next = rotateRefreshSecret(secret);
		this.#store.rotateSession(session, {
			next: next.hashes.secret,
			used: secret.hashes.secret,
			mayRefresh: use === 'current',
			...{ nowMs, place }
		});
		return ok({ session: this.#answer(keys.value, session, next) });
	}

	/**
	 * The device of this account whose key made a proof: one that has a session, though it may be locked.
	 * Null for any other, and for what is no proof of this request. A proof may come again: what it is
	 * about is of use to nobody but who made it (docs/decisions/0032-known-devices.md).
	 */
	async knownDevice({ proof, request }: Proven): Promise<DeviceId | null> {
		const parsed = parseDpopProof(proof);
		const device = parsed.ok ? this.deviceOf(parsed.value.thumbprint) : null;
		if (!parsed.ok || device === null) return null;
		const subject = { request, accessToken: null, thumbprint: null };
		return (await verifyDpopProof(parsed.value, subject)).ok ? device : null;
	}

	/** The device of a live session that is bound to this key; null without one. */
	deviceOf(thumbprint: Uint8Array): DeviceId | null {
		const session = this.live(Date.now()).find(({ deviceJwk }) =>
			equalBytes(jwkThumbprint(deviceJwk), thumbprint)
		);
		return session?.device ?? null;
	}

	#ofFamily({ hashes }: RefreshSecret): StoredSession | undefined {
		return this.live(Date.now()).find(({ refresh }) =>
			equalConstantTime(refresh.family, hashes.family)
		);
	}

	/** The session that asks, or others, if it is fresh. All of them, or none. */
	async end(
		{ session: own, freshUntilMs }: Asking,
		which: RequestOf<'sessionsEnd'>['sessions'],
		place: Place | null
	): Promise<Result<Record<string, never>, Refusal>> {
		const live = this.live(Date.now());
		const isMeant = ({ id }: StoredSession): boolean =>
			typeof which === 'string'
				? which === 'all' || (id === own) === (which === 'own')
				: which.includes(id);
		const meant = live.filter(isMeant);
		const others = meant.filter(({ id }) => id !== own);
		const isOwn = typeof which === 'string' ? which === 'own' : which.every((id) => id === own);
		if (!isOwn && freshUntilMs <= Date.now()) return err({ code: 'step_up_needed' });
		if (typeof which !== 'string' && meant.length < which.length) return err({ code: 'not_found' });
		this.#noteEnded(others, place);
		await this.#end(meant);
		return ok({});
	}

	/** @param place of whoever ended them. */
	#noteEnded(ended: readonly StoredSession[], place: Place | null): void {
		for (const { device } of ended) this.#events.note('session_ended', { device, place });
	}

	/**
	 * What a token says, if it is genuine, of this account, its session has not ended, and the proof is
	 * by that session's key, of this request, and new. The proof is used up. Where the route asks for a
	 * fresh session, one that is not is `step_up_needed`.
	 */
	async authenticate({
		token,
		proof,
		request,
		assurance
	}: Proven): Promise<Result<Asking, Refusal>> {
		if (token === null) return unauthenticated;
		const claims = await this.#parts.keys.verify(token);
		if (!claims.ok) return claims;
		if (claims.value.accountObject !== this.#parts.name.objectName) return unauthenticated;
		const session = this.#find(claims.value.session);
		if (session === undefined) return unauthenticated;
		const thumbprint = jwkThumbprint(session.deviceJwk);
		const judged = await this.#guard.judge(proof, { request, accessToken: token, thumbprint });
		if (!judged.ok) return err({ code: judged.error });
		// It may have ended meanwhile.
		const found = this.#find(claims.value.session);
		if (found === undefined) return unauthenticated;
		const { freshUntilMs } = found;
		if (assurance === 'fresh' && freshUntilMs <= Date.now()) return err({ code: 'step_up_needed' });
		return ok({ ...claims.value, freshUntilMs });
	}

	/** Sessions that are good for something, oldest first. */
	live(nowMs: number): StoredSession[] {
		return this.#stored(nowMs).filter(({ id }) => !this.#ending.has(id));
	}

	/** As people are shown them, oldest first. */
	describe(current: SessionId | null): LiveSession[] {
		return this.live(Date.now()).map(({ id, device, createdAtMs, refreshedAtMs, place }) => ({
			...{ id, device, createdAtMs, refreshedAtMs, place },
			current: id === current
		}));
	}

	/**
	 * Ends sessions at once, in the caller's transaction; `endings.retry` tells those that have to hear of
	 * it, and the alarm does so again.
	 */
	drop(which: (session: StoredSession) => boolean): void {
		const sessions = this.#stored(Date.now()).filter(which);
		for (const session of sessions) this.#store.removeSession(session);
		this.#endings.addAll(sessions);
	}

	/** As {@link drop}: the oldest beside `own`, if more live than may. */
	dropBeyond(cap: number, own: SessionId | null): void {
		const others = this.#stored(Date.now()).filter(({ id }) => id !== own);
		const ids = others.slice(0, Math.max(0, others.length - (cap - 1))).map(({ id }) => id);
		if (ids.length === 0) return;
		this.#noteEnded(
			others.filter(({ id }) => ids.includes(id)),
			null
		);
		this.drop(({ id }) => ids.includes(id));
	}

	/** Answers whether a session may open a socket of a space; if it may, that space hears of its end. */
	noteSpace(id: SessionId, space: SpaceId): Result<null, Refusal> {
		const session = this.#find(id);
		if (session === undefined) return unauthenticated;
		const { spaces } = session;
		if (spaces.includes(space)) return ok(null);
		if (spaces.length >= maxSpacesPerSession) return err({ code: 'rate_limited' });
		this.#store.saveSpaces(session, [...spaces, space]);
		return ok(null);
	}

	#find(session: SessionId): StoredSession | undefined {
		return this.live(Date.now()).find(({ id }) => id === session);
	}

	/** With those that are ending. Of those whose refresh token has expired, no other token is left. */
	#stored(nowMs: number): StoredSession[] {
		const oldestMs = nowMs - refreshTokenTtlSeconds * 1_000;
		const sessions = this.#store.loadSessions();
		for (const session of sessions) {
			if (session.refreshedAtMs <= oldestMs) this.#store.removeSession(session);
		}
		return sessions.filter(({ refreshedAtMs }) => refreshedAtMs > oldestMs);
	}

	/** Whose place a new session of the device takes, who leaves to make room, and whether that is enough. */
	#givingWay(device: DeviceId, whenFull: WhenFull, nowMs: number) {
		const sessions = this.#stored(nowMs);
		const replaced = sessions.filter((other) => other.device === device);
		const others = sessions.filter((other) => other.device !== device);
		const tooMany = Math.max(0, others.length - (this.#cap() - 1));
		if (whenFull === 'end_oldest') {
			return { replaced, leaving: others.slice(0, tooMany), isFull: false };
		}
		// Those that are ending already leave, whoever named them.
		const leaving = others.filter(({ id }) => whenFull.end.includes(id) || this.#ending.has(id));
		return { replaced, leaving, isFull: leaving.length < tooMany };
	}

	async #end(sessions: readonly StoredSession[]): Promise<void> {
		await this.#tell(sessions);
		await this.#remove(sessions);
	}

	/** From here on they are refused, here and where they have sockets. */
	async #tell(sessions: readonly StoredSession[]): Promise<void> {
		for (const { id } of sessions) this.#ending.add(id);
		const unreached = await this.#endings.tell(sessions);
		for (const { id } of sessions) {
			this.#unreachedByTold.set(
				id,
				unreached.filter(({ session }) => session === id)
			);
		}
	}

	/** In one synchronous block, up to the alarm: who was told is gone, and who was not will be. */
	#remove(told: readonly StoredSession[]): Promise<void> {
		const unreached = told.flatMap(({ id }) => this.#unreachedByTold.get(id) ?? []);
		for (const session of told) {
			// Nothing is left of one whose place has been taken.
			this.#store.removeSession(session);
			this.#ending.delete(session.id);
			this.#unreachedByTold.delete(session.id);
		}
		return this.#endings.keep(unreached);
	}

	#answer(keys: AccountServerKeys, session: StoredSession, secret: RefreshSecret): SessionAnswer {
		const { name, store } = this.#parts;
		const [newest] = keys.tokenKeys;
		const account = store.loadAccount();
		if (newest === undefined || account === null) throw new Error('no key or no account');
		const expiresAtMs = Date.now() + accessTokenTtlSeconds * 1_000;
		const accessToken = mintAccessToken(newest, {
			account: account.account,
			accountObject: name.objectName,
			device: session.device,
			session: session.id,
			expiresAtMs,
			jkt: jwkThumbprint(session.deviceJwk)
		});
		return {
			id: session.id,
			accessToken,
			accessExpiresAtMs: expiresAtMs,
			refreshToken: encodeRefreshToken(name.objectName, secret),
			freshUntilMs: session.freshUntilMs
		};
	}
}
