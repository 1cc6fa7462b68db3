// Who of those that show a key is answered: a session of this account, or of another one of this edge,
// which that one's object judges. With each answer goes the nonce that the next proof has to carry.
import { claimedAccountObject, type AccessClaims } from '../crypto/edge/session-token.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { SpaceId } from '../protocol/ids.ts';
import type { Result } from '../protocol/result.ts';
import { unauthenticated, type AccountParts } from './account-parts.ts';
import type { AccountSessions, Asking } from './account-sessions.ts';
import type { Env } from './env.ts';
import type { ProofGuard } from './proof-guard.ts';
import type { Proven, Replied } from './proven.ts';

type Answered<Value> = Result<Value, Refusal> | Promise<Result<Value, Refusal>>;

export interface RepliesParts extends Pick<AccountParts, 'name' | 'keys'> {
	readonly sessions: AccountSessions;
	readonly guard: ProofGuard;
	readonly accounts: Env['ACCOUNT'];
}

export class AccountReplies {
	readonly #parts: RepliesParts;

	constructor(parts: RepliesParts) {
		this.#parts = parts;
	}

	/** With the nonce as it is once the work is done. */
	async after<Value>(work: () => Promise<Result<Value, Refusal>>): Promise<Replied<Value>> {
		const answer = await work();
		return { answer, nonce: this.#parts.guard.nonce };
	}

	/** To a session of this account. */
	toSession<Value>(
		proven: Proven,
		work: (asking: Asking) => Answered<Value>
	): Promise<Replied<Value>> {
		return this.after(async () => {
			const asking = await this.#parts.sessions.authenticate(proven);
			return asking.ok ? work(asking.value) : asking;
		});
	}

	/**
	 * To a session of any account of this edge, and of no link. Its own account judges, and gives the
	 * nonce. Whoever was let in is answered without waiting for anything.
	 */
	async toAnybody<Value>(
		proven: Proven,
		work: (claims: AccessClaims) => Answered<Value>
	): Promise<Replied<Value>> {
		const { answer: claims, nonce } = await this.#admitAnybody(proven);
		return { answer: claims.ok ? await work(claims.value) : claims, nonce };
	}

	/** For {@link Account.admit}. */
	admit(proven: Proven, space: SpaceId | null): Promise<Replied<AccessClaims>> {
		const { sessions } = this.#parts;
		return this.after(async () => {
			const claims = await sessions.authenticate(proven);
			if (!claims.ok || space === null) return claims;
			const noted = sessions.noteSpace(claims.value.session, space);
			return noted.ok ? claims : noted;
		});
	}

	async #admitAnybody(proven: Proven): Promise<Replied<AccessClaims>> {
		const { name, keys, accounts } = this.#parts;
		const claimed = claimedAccountObject(proven.token ?? '');
		if (!claimed.ok) return { answer: unauthenticated, nonce: null };
		if (claimed.value === name.objectName) return this.admit(proven, null);
		// Nobody wakes other objects with a token that nobody made.
		const claims = await keys.verify(proven.token ?? '');
		if (!claims.ok) return { answer: claims, nonce: null };
		return accounts.getByName(claims.value.accountObject).admit(proven, null);
	}
}
