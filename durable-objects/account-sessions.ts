// Sessions of an account: how they begin, what their tokens are, how each is refreshed, and how they
// end everywhere. A session begins with what was proven of a device, and stays bound to its key.
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
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import {
	idBytes,
	idFromBytes,
	type DeviceId,
	type SessionId,
	type SpaceId
} from '../protocol/ids.ts';
import {
	accessTokenTtlSeconds,
	maxSessionsPerAccount,
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

type SessionAnswer = ResponseOf<'sessionRefresh'>['session'];

/** A session that began, what its device is told of it, and which others gave way to it. */
export interface BegunSession {
	readonly session: SessionAnswer;
	readonly ended: SessionId[];
}

export class AccountSessions {
	readonly #parts: AccountParts;
	readonly #store: AccountSessionStore;
	readonly #endings: AccountEndings;
	readonly #guard: ProofGuard;
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
		}
	) {
		this.#parts = parts;
		this.#store = own.store;
		this.#endings = own.endings;
		this.#guard = own.guard;
	}

	/** Begins a session. One that the device had ends; others, the oldest first, if there are too many. */
	async begin({ device, jwk }: ProvenDevice, keys: AccountServerKeys): Promise<BegunSession> {
		const secret = createRefreshSecret();
		for (;;) {
			const nowMs = Date.now();
			const { replaced, overfull } = this.#givingWay(device, nowMs);
			const leaving = [...replaced, ...overfull];
			const untold = leaving.filter(({ id }) => !this.#unreachedByTold.has(id));
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
				refresh: secret.hashes,
				previous: null,
				// What the device opened it opens again: noted already, that costs no row.
				spaces: replaced.flatMap(({ spaces }) => spaces).slice(-maxSpacesKnownOfDevice)
			};
			this.#store.saveSession(session);
			await this.#remove(leaving);
			const ended = overfull.map(({ id }) => id);
			return { session: this.#answer(keys, session, secret), ended };
		}
	}

	/**
	 * Takes a refresh token once, from whoever holds the session's key. Without a good proof nothing
	 * happens; with one of another key, the token is in two hands.
	 */
	async refresh(proven: Proven, request: RequestOf<'sessionRefresh'>): Answer<'sessionRefresh'> {
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
		if (use === 'reused') await this.#end(session);
		if (use === 'reused' || use === 'spent') return unauthenticated;
		const next = rotateRefreshSecret(secret);
		this.#store.rotateSession(session, {
			next: next.hashes.secret,
			used: secret.hashes.secret,
			mayRefresh: use === 'current',
			nowMs
		});
		return ok({ session: this.#answer(keys.value, session, next) });
	}

	#ofFamily({ hashes }: RefreshSecret): StoredSession | undefined {
		return this.live(Date.now()).find(({ refresh }) =>
			equalConstantTime(refresh.family, hashes.family)
		);
	}

	async end(id: SessionId): Promise<void> {
		const session = this.#find(id);
		if (session !== undefined) await this.#end(session);
	}

	/**
	 * What a token says, if it is genuine, of this account, its session has not ended, and the proof is
	 * by that session's key, of this request, and new. The proof is used up.
	 */
	async authenticate({ token, proof, request }: Proven): Promise<Result<AccessClaims, Refusal>> {
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
		return this.#find(claims.value.session) === undefined ? unauthenticated : claims;
	}

	/** Sessions that are good for something, oldest first. */
	live(nowMs: number): StoredSession[] {
		return this.#stored(nowMs).filter(({ id }) => !this.#ending.has(id));
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

	/** Whose place a new session of the device takes, and who is too many beside it. */
	#givingWay(device: DeviceId, nowMs: number) {
		const sessions = this.#stored(nowMs);
		const replaced = sessions.filter((other) => other.device === device);
		const others = sessions.filter((other) => other.device !== device);
		const overfull = others.slice(0, Math.max(0, others.length - (maxSessionsPerAccount - 1)));
		return { replaced, overfull };
	}

	async #end(session: StoredSession): Promise<void> {
		await this.#tell([session]);
		await this.#remove([session]);
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
			refreshToken: encodeRefreshToken(name.objectName, secret)
		};
	}
}
