// Share links of a space. Whoever opens one shows the door key first, so that nobody without the
// link can use up its openings or its guesses; with a passphrase, OPAQUE comes after that. Whoever
// calls has checked session and role of owners; everything here is synchronous, so that an opening is
// counted once and a guess before it is answered.
import {
	createRegistrationResponse,
	finishLogin,
	startLogin
} from '../crypto/edge/opaque-server.ts';
import { mintAccessToken, type AccessClaims } from '../crypto/edge/session-token.ts';
import { sha256 } from '../crypto/hash.ts';
import type { LogState } from '../crypto/log-state.ts';
import { equalConstantTime } from '../crypto/mac.ts';
import type { OpaqueServer } from '../crypto/opaque-ke/opaque-ke.js';
import { randomBytes } from '../crypto/random.ts';
import { isRegistrationRecord } from '../crypto/registration-record.ts';
import { toBase64Url } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf, RouteName } from '../protocol/http.ts';
import {
	idBytes,
	idFromBytes,
	parseId,
	type AccountId,
	type DeviceId,
	type LinkId,
	type SessionId
} from '../protocol/ids.ts';
import { linkRecordAad } from '../protocol/labels.ts';
import {
	accessTokenTtlSeconds,
	hashBytes,
	linkOpeningTtlSeconds,
	loginStateTtlSeconds,
	maxLinksPerSpace,
	maxPassphraseGuesses
} from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountServerKeys } from './deployment.ts';
import { expiredLinkKeptMs, maxLoginsInProgress, maxOpeningsPerLink } from './limits.ts';
import { LoginsInProgress, newLoginId } from './logins-in-progress.ts';
import { decodeText, sameBytes } from './request-bytes.ts';
import type { Note } from './space-events.ts';
import type { LinkTerms, SpaceLinkStore, StoredLink } from './space-link-store.ts';

type Answer<Name extends RouteName> = Result<ResponseOf<Name>, Refusal>;

/** What a link is judged by at one moment. */
export interface LinkMoment {
	readonly state: LogState;
	readonly keys: AccountServerKeys;
	readonly opaque: OpaqueServer;
	readonly nowMs: number;
}

type OpeningSession = Pick<AccessClaims, 'device' | 'session' | 'jkt'>;

const notFound = err({ code: 'not_found' } as const);
const malformed = err({ code: 'malformed' } as const);
const loginFailed = err({ code: 'login_failed' } as const);
const unauthenticated = err({ code: 'unauthenticated' } as const);

/** What the door of a link that is not there is compared with. */
const noDoor = new Uint8Array(hashBytes);
const openingTtlMs = linkOpeningTtlSeconds * 1_000;
const objectPrefix = 'link:';

/** The link whose opening a token is of, or null for a token of an account's session. */
export function linkOfToken({ accountObject }: AccessClaims): LinkId | null {
	if (!accountObject.startsWith(objectPrefix)) return null;
	const link = parseId<LinkId>(accountObject.slice(objectPrefix.length));
	return link.ok ? link.value : null;
}

export class SpaceLinks {
	readonly #store: SpaceLinkStore;
	/** Tells the owners that something changed. */
	readonly #announce: () => void;
	readonly #note: Note;
	/** Of each link apart: a login that began at one can't end at another. */
	readonly #loginsByLink = new Map<LinkId, LoginsInProgress<Uint8Array>>();

	constructor(store: SpaceLinkStore, announce: () => void, note: Note) {
		this.#store = store;
		this.#announce = announce;
		this.#note = note;
	}

	register(request: RequestOf<'linkRegister'>, moment: LinkMoment): Answer<'linkRegister'> {
		// Registration answers for any passphrase, and would count no guess.
		if (this.#store.load(request.link) !== null) return err({ code: 'forbidden' });
		const response = createRegistrationResponse(moment.opaque, {
			setup: moment.keys.opaqueSetup,
			handleHash: credentialOf(moment.state, request.link),
			request: decodeText(request.registrationRequest)
		});
		return response.ok ? ok({ registrationResponse: toBase64Url(response.value) }) : malformed;
	}

	create(
		request: RequestOf<'linkCreate'>,
		{ state, nowMs }: Pick<LinkMoment, 'state' | 'nowMs'>
	): Answer<'linkCreate'> {
		const terms = termsOf(request);
		const stored = this.#store.load(terms.link);
		if (stored !== null) return areTermsOf(stored, terms) ? ok({}) : err({ code: 'forbidden' });
		const { registrationRecord, expiresAtMs } = terms;
		if (registrationRecord !== null && !isRegistrationRecord(registrationRecord)) return malformed;
		if (expiresAtMs !== null && expiresAtMs <= nowMs) return malformed;
		const member = state.members.get(terms.account);
		const others = this.#store.loadAll();
		const isTaken =
			(member !== undefined && member.kind !== 'link') ||
			others.some(({ account }) => account === terms.account);
		if (isTaken || state.settings?.linksAllowed === false) return err({ code: 'forbidden' });
		if (others.length >= maxLinksPerSpace) return err({ code: 'over_quota' });
		this.#store.add(terms);
		this.#announce();
		return ok({});
	}

	list(nowMs: number): Answer<'linkList'> {
		return ok({
			links: this.#store.loadAll().map((link) => ({
				link: link.link,
				account: link.account,
				expiresAtMs: link.expiresAtMs,
				openingsLeft: link.openingsLeft,
				opened: link.opened,
				inUse: this.#store.hasOpenings(link.link, nowMs - openingTtlMs),
				guarded: link.registrationRecord !== null,
				frozen: isFrozen(link)
			}))
		});
	}

	/** Also when there is none: it may have ended before. */
	remove(link: LinkId): Answer<'linkRemove'> {
		this.#loginsByLink.delete(link);
		if (this.#store.remove(link)) this.#announce();
		return ok({});
	}

	start(request: RequestOf<'linkStart'>, moment: LinkMoment): Answer<'linkStart'> {
		const link = this.#store.load(request.link);
		const door = sha256(decodeText(request.door));
		const isDoor = equalConstantTime(door, link?.door ?? noDoor);
		if (link === null || !isDoor || !isMember(link, moment.state)) return notFound;
		if (hasEnded(link, moment.nowMs)) return err({ code: 'link_ended' });
		if (link.registrationRecord === null) {
			const opening = this.#open(link, moment, request.jkt);
			return ok({ guarded: false, login: null, opening });
		}
		if (isFrozen(link)) return err({ code: 'link_frozen' });
		if (request.ke1 === null) return ok({ guarded: true, login: null, opening: null });
		const login = this.#guess(link, decodeText(request.ke1), moment);
		return login.ok ? ok({ guarded: true, login: login.value, opening: null }) : login;
	}

	/** Alike for a link that is not there and for a passphrase that is wrong. */
	finish(request: RequestOf<'linkFinish'>, moment: LinkMoment): Answer<'linkFinish'> {
		const state = this.#loginsByLink.get(request.link)?.take(request.login)?.login;
		if (state === undefined) return loginFailed;
		const finished = finishLogin(moment.opaque, { state, ke3: decodeText(request.ke3) });
		const link = this.#store.load(request.link);
		if (link === null) return loginFailed;
		if (!finished.ok) {
			this.#note({ kind: 'guess_wrong', account: link.account, subject: link.link });
			return loginFailed;
		}
		this.#store.takeGuessBack(link.link);
		if (isFrozen(link)) this.#announce();
		if (!isMember(link, moment.state)) return notFound;
		if (hasEnded(link, moment.nowMs)) return err({ code: 'link_ended' });
		return ok(this.#open(link, moment, request.jkt));
	}

	/** @param claims of a token of ours, which may have expired. */
	refresh(
		request: RequestOf<'linkRefresh'>,
		claims: AccessClaims,
		moment: Pick<LinkMoment, 'state' | 'keys' | 'nowMs'>
	): Answer<'linkRefresh'> {
		if (linkOfToken(claims) !== request.link) return unauthenticated;
		const link = this.#store.load(request.link);
		if (link?.account !== claims.account || !isMember(link, moment.state)) return notFound;
		if (hasExpired(link, moment.nowMs)) return err({ code: 'link_ended' });
		const openedAtMs = this.#store.openedAtMs({ link: link.link, session: claims.session });
		if (openedAtMs === null || openedAtMs + openingTtlMs <= moment.nowMs) return unauthenticated;
		return ok(openingOf(link, claims, { ...moment, untilMs: openedAtMs + openingTtlMs }));
	}

	/** Whether a token of the link lets its bearer in now. */
	admits(link: LinkId, account: AccountId, moment: Pick<LinkMoment, 'state' | 'nowMs'>): boolean {
		const stored = this.#store.load(link);
		if (stored?.account !== account || !isMember(stored, moment.state)) return false;
		return !hasExpired(stored, moment.nowMs);
	}

	/** Ends the links of members who are removed. Answers with them. */
	removeAccounts(accounts: ReadonlySet<AccountId>): LinkId[] {
		const ended = this.#store.loadAll().filter(({ account }) => accounts.has(account));
		for (const { link } of ended) this.remove(link);
		return ended.map(({ link }) => link);
	}

	/** Forgets what expired long ago. Answers with the links that have expired. */
	removeExpired(nowMs: number): LinkId[] {
		this.#store.removeOpenings(nowMs - openingTtlMs);
		const expired = this.#store.loadAll().filter((link) => hasExpired(link, nowMs));
		for (const link of expired) {
			if (hasExpired(link, nowMs - expiredLinkKeptMs)) this.remove(link.link);
		}
		return expired.map(({ link }) => link);
	}

	nextEndMs(nowMs: number): number | null {
		return this.#store.nextEndMs(nowMs, expiredLinkKeptMs);
	}

	/** Counts an attempt before it is answered; a good finish gives it back. */
	#guess(
		{ link, account, registrationRecord, guesses }: StoredLink,
		ke1: Uint8Array,
		{ opaque, keys, state }: LinkMoment
	): Result<{ readonly login: string; readonly ke2: string }, Refusal> {
		const started = startLogin(opaque, {
			setup: keys.opaqueSetup,
			handleHash: credentialOf(state, link),
			record: registrationRecord,
			ke1
		});
		if (!started.ok) return malformed;
		this.#store.addGuess(link);
		if (guesses + 1 >= maxPassphraseGuesses) {
			this.#note({ kind: 'link_frozen', account, subject: link });
			this.#announce();
		}
		const logins = this.#loginsByLink.get(link) ?? new LoginsInProgress(maxLoginsInProgress);
		this.#loginsByLink.set(link, logins);
		const login = newLoginId();
		logins.add(login, started.value.state, Date.now() + loginStateTtlSeconds * 1_000);
		return ok({ login, ke2: toBase64Url(started.value.ke2) });
	}

	/** @param jkt thumbprint of the key that the opening is bound to. */
	#open(link: StoredLink, moment: LinkMoment, jkt: string): ResponseOf<'linkFinish'> {
		const { nowMs } = moment;
		const opening = {
			device: idFromBytes<DeviceId>(randomBytes(idBytes)),
			session: idFromBytes<SessionId>(randomBytes(idBytes)),
			jkt: decodeText(jkt)
		};
		this.#store.open(
			{ link: link.link, session: opening.session },
			{ nowMs, endedBeforeMs: nowMs - openingTtlMs, maxOpenings: maxOpeningsPerLink }
		);
		this.#note({ kind: 'link_opened', account: link.account, subject: link.link });
		return openingOf(link, opening, { ...moment, untilMs: nowMs + openingTtlMs });
	}
}

/**
 * OPAQUE's credential identifier. The space is part of it: owners of another one may register what
 * they like there, and must not learn by it what this link's passphrase would give.
 */
const credentialOf = ({ space }: LogState, link: LinkId): Uint8Array => linkRecordAad(space, link);

const termsOf = (request: RequestOf<'linkCreate'>): LinkTerms => ({
	link: request.link,
	account: request.account,
	record: decodeText(request.record),
	door: decodeText(request.door),
	expiresAtMs: request.expiresAtMs,
	openingsLeft: request.openings,
	registrationRecord:
		request.registrationRecord === null ? null : decodeText(request.registrationRecord)
});

/** Whether it was made by the same request. */
function areTermsOf(stored: StoredLink, terms: LinkTerms): boolean {
	const openings = stored.openingsLeft === null ? null : stored.openingsLeft + stored.opened;
	return (
		stored.account === terms.account &&
		stored.expiresAtMs === terms.expiresAtMs &&
		openings === terms.openingsLeft &&
		sameBytes(stored.record, terms.record) &&
		sameBytes(stored.door, terms.door) &&
		sameBytes(stored.registrationRecord, terms.registrationRecord)
	);
}

/** A link opens once the log has made it a member, and no longer than it is one. */
const isMember = ({ account }: LinkTerms, { members }: LogState): boolean =>
	members.get(account)?.kind === 'link';

const isFrozen = ({ registrationRecord, guesses }: StoredLink): boolean =>
	registrationRecord !== null && guesses >= maxPassphraseGuesses;

const hasExpired = ({ expiresAtMs }: LinkTerms, nowMs: number): boolean =>
	expiresAtMs !== null && expiresAtMs <= nowMs;

const hasEnded = (link: LinkTerms, nowMs: number): boolean =>
	link.openingsLeft === 0 || hasExpired(link, nowMs);

/** A token that lives as long as others, and no longer than the opening or the link. */
function openingOf(
	{ link, account, record, expiresAtMs }: StoredLink,
	{ device, session, jkt }: OpeningSession,
	moment: Pick<LinkMoment, 'keys' | 'nowMs'> & { readonly untilMs: number }
): ResponseOf<'linkFinish'> {
	const [newest] = moment.keys.tokenKeys;
	if (newest === undefined) throw new Error('a deployment has a token key');
	const tokenUntilMs = moment.nowMs + accessTokenTtlSeconds * 1_000;
	const accessExpiresAtMs = Math.min(tokenUntilMs, moment.untilMs, expiresAtMs ?? Infinity);
	const accessToken = mintAccessToken(newest, {
		account,
		accountObject: objectPrefix + link,
		device,
		session,
		expiresAtMs: accessExpiresAtMs,
		jkt
	});
	return { record: toBase64Url(record), account, accessToken, accessExpiresAtMs };
}
