// Invitations of a space. The edge keeps the sealed record and one claim, and can tell neither who
// may claim nor whether a claim is good: the owner checks its MAC. Whoever calls has checked the
// session and its role; everything here is one synchronous block, so that of claims that race, one
// is first.
import { toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf, RouteName } from '../protocol/http.ts';
import type { AccountId, InviteId } from '../protocol/ids.ts';
import { maxInvitesPerSpace, maxInviteTtlSeconds } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { decodeText, sameBytes } from './request-bytes.ts';
import type { Note } from './space-events.ts';
import type { SpaceInviteStore, StoredInvite } from './space-invite-store.ts';

type Answer<Name extends RouteName> = Result<ResponseOf<Name>, Refusal>;

const notFound = err({ code: 'not_found' } as const);

export class SpaceInvites {
	readonly #store: SpaceInviteStore;
	/** Tells the owners that something changed. */
	readonly #announce: () => void;
	readonly #note: Note;

	constructor(store: SpaceInviteStore, announce: () => void, note: Note) {
		this.#store = store;
		this.#announce = announce;
		this.#note = note;
	}

	create(request: RequestOf<'inviteCreate'>, nowMs: number): Answer<'inviteCreate'> {
		const { invite, expiresAtMs } = request;
		const record = decodeText(request.record);
		const stored = this.#store.load(invite);
		if (stored !== null) {
			const isSame = stored.expiresAtMs === expiresAtMs && sameBytes(stored.record, record);
			return isSame ? ok({}) : err({ code: 'forbidden' });
		}
		const maxExpiresAtMs = nowMs + maxInviteTtlSeconds * 1_000;
		if (expiresAtMs <= nowMs || expiresAtMs > maxExpiresAtMs) return err({ code: 'malformed' });
		this.#store.removeExpired(nowMs);
		if (this.#store.count() >= maxInvitesPerSpace) return err({ code: 'over_quota' });
		this.#store.add({ invite, record, expiresAtMs, claim: null, isContested: false });
		this.#announce();
		return ok({});
	}

	read({ invite }: RequestOf<'inviteRead'>, nowMs: number): Answer<'inviteRead'> {
		const stored = this.#loadOpen(invite, nowMs);
		if (stored === null) return notFound;
		const { record, expiresAtMs, claim } = stored;
		this.#note({ kind: 'invite_read', subject: invite });
		return ok({ record: toBase64Url(record), expiresAtMs, claimed: claim !== null });
	}

	isOpen(invite: InviteId, nowMs: number): boolean {
		return this.#loadOpen(invite, nowMs) !== null;
	}

	/**
	 * @param claimant the account of the session, whose identity entry the request brings.
	 * @param isMember whether it is in the space already: then it takes nobody's place.
	 */
	claim(
		request: RequestOf<'inviteClaim'>,
		claimant: { readonly account: AccountId; readonly isMember: boolean; readonly nowMs: number }
	): Answer<'inviteClaim'> {
		const { account, isMember, nowMs } = claimant;
		const stored = this.#loadOpen(request.invite, nowMs);
		if (stored === null) return notFound;
		// The same once more, perhaps sealed anew: an answer can be lost.
		if (stored.claim?.account === account) return ok({});
		if (isMember) return err({ code: 'forbidden' });
		if (stored.claim !== null) {
			if (!stored.isContested) {
				this.#store.contest(request.invite);
				this.#announce();
			}
			return err({ code: 'already_claimed' });
		}
		this.#store.claim(request.invite, {
			account,
			identity: decodeText(request.identity),
			mac: decodeText(request.mac),
			name: decodeText(request.name),
			claimedAtMs: nowMs
		});
		this.#note({ kind: 'invite_claimed', account, subject: request.invite });
		this.#announce();
		return ok({});
	}

	list(nowMs: number): Answer<'inviteList'> {
		const open = this.#store.loadAll().filter(({ expiresAtMs }) => expiresAtMs > nowMs);
		return ok({ invites: open.map(listed) });
	}

	/** Also when there is none: it may have been revoked before. */
	revoke({ invite }: RequestOf<'inviteRevoke'>): Answer<'inviteRevoke'> {
		if (this.#store.remove(invite)) this.#announce();
		return ok({});
	}

	removeExpired(nowMs: number): void {
		if (this.#store.removeExpired(nowMs)) this.#announce();
	}

	nextExpiryMs(): number | null {
		return this.#store.nextExpiryMs();
	}

	#loadOpen(invite: InviteId, nowMs: number): StoredInvite | null {
		const stored = this.#store.load(invite);
		return stored !== null && stored.expiresAtMs > nowMs ? stored : null;
	}
}

const listed = ({ invite, expiresAtMs, claim, isContested }: StoredInvite) => ({
	invite,
	expiresAtMs,
	claim: claim && {
		identity: toBase64Url(claim.identity),
		mac: toBase64Url(claim.mac),
		name: toBase64Url(claim.name),
		claimedAtMs: claim.claimedAtMs
	},
	contested: isContested
});
