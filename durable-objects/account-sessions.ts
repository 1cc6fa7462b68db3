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
import { idBytes, idFromBytes, type SessionId, type SpaceId } from '../protocol/ids.ts';
import {
	accessTokenTtlSeconds,
	maxSessionsPerAccount,
	refreshTokenTtlSeconds
} from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { ProvenDevice } from './account-login.ts';
import { unauthenticated, type AccountParts, type Answer } from './account-parts.ts';
import type { AccountSessionStore, StoredSession } from './account-session-store.ts';
import type { AccountServerKeys } from './deployment.ts';
import { deadSessionMarginMs, maxSpacesPerSession } from './limits.ts';
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
	/** Tells spaces of sessions that ended. */
	readonly #announceEndings: () => Promise<void>;

	constructor(
		parts: AccountParts,
		store: AccountSessionStore,
		announceEndings: () => Promise<void>
	) {
		this.#parts = parts;
		this.#store = store;
		this.#announceEndings = announceEndings;
	}

	/** Begins a session. One that the device had ends; others, the oldest first, if there are too many. */
	async begin(proven: ProvenDevice, keys: AccountServerKeys): Promise<BegunSession> {
		const secret = createRefreshSecret();
		const begun = this.#begin(proven, secret);
		await this.#announceEndings();
		return { session: this.#answer(keys, begun.session, secret), ended: begun.ended };
	}

	async refresh(request: RequestOf<'sessionRefresh'>): Answer<'sessionRefresh'> {
		const keys = await this.#parts.keys.get();
		if (!keys.ok) return keys;
		const token = parseRefreshToken(request.refreshToken);
		if (!token.ok || token.value.accountObject !== this.#parts.name.objectName) {
			return unauthenticated;
		}
		const { secret } = token.value;
		const nowMs = Date.now();
		const session = this.live(nowMs).find((candidate) =>
			equalConstantTime(candidate.refresh.family, secret.hashes.family)
		);
		if (session === undefined) return unauthenticated;
		const use = judgeRefresh(session, secret, nowMs);
		// A token that was rotated away is used again: it is in two hands.
		if (use === 'reused') await this.end(session.id);
		if (use === 'reused' || use === 'spent') return unauthenticated;
		const next = rotateRefreshSecret(secret);
		this.#store.rotateSession(session.id, {
			next: next.hashes.secret,
			used: secret.hashes.secret,
			mayRefresh: use === 'current',
			nowMs
		});
		return ok({ session: this.#answer(keys.value, session, next) });
	}

	async end(session: SessionId): Promise<void> {
		this.#end(session, Date.now());
		await this.#announceEndings();
	}

	/** What a token says, if it is genuine, of this account, and its session has not ended. */
	async authenticate(token: string): Promise<Result<AccessClaims, Refusal>> {
		const claims = await this.#parts.keys.verify(token);
		if (!claims.ok) return claims;
		if (claims.value.accountObject !== this.#parts.name.objectName) return unauthenticated;
		return this.#isLive(claims.value.session) ? claims : unauthenticated;
	}

	/** Sessions whose refresh token has not expired; those whose has are ended on the way. */
	live(nowMs: number): StoredSession[] {
		const oldestMs = nowMs - refreshTokenTtlSeconds * 1_000;
		const sessions = this.#store.loadSessions();
		for (const { id, refreshedAtMs } of sessions) {
			if (refreshedAtMs <= oldestMs) this.#end(id, nowMs);
		}
		return sessions.filter(({ refreshedAtMs }) => refreshedAtMs > oldestMs);
	}

	/** Answers whether a session may open a socket of a space; if it may, that space hears of its end. */
	noteSpace(session: SessionId, space: SpaceId): Result<null, Refusal> {
		if (!this.#isLive(session)) return unauthenticated;
		const isNoted = this.#store.noteSpace(session, space, maxSpacesPerSession);
		return isNoted ? ok(null) : err({ code: 'rate_limited' });
	}

	#isLive(session: SessionId): boolean {
		return this.live(Date.now()).some(({ id }) => id === session);
	}

	/** One synchronous block: of parallel logins, no two can both find room for themselves. */
	#begin(
		{ device, jwk }: ProvenDevice,
		secret: RefreshSecret
	): { readonly session: StoredSession; readonly ended: SessionId[] } {
		const nowMs = Date.now();
		const session: StoredSession = {
			id: idFromBytes<SessionId>(randomBytes(idBytes)),
			device,
			deviceJwk: jwk,
			createdAtMs: nowMs,
			refreshedAtMs: nowMs,
			refresh: secret.hashes,
			previous: null
		};
		const sessions = this.live(nowMs);
		const replaced = sessions.filter((other) => other.device === device);
		const others = sessions.filter((other) => other.device !== device);
		const overfull = others.slice(0, Math.max(0, others.length - (maxSessionsPerAccount - 1)));
		for (const { id } of [...replaced, ...overfull]) this.#end(id, nowMs);
		this.#store.addSession(session);
		return { session, ended: overfull.map(({ id }) => id) };
	}

	#end(session: SessionId, nowMs: number): void {
		const untilMs = nowMs + accessTokenTtlSeconds * 1_000 + deadSessionMarginMs;
		this.#store.endSession(session, untilMs);
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
