// A logged-in device: hands out access tokens, and gets new ones. A refresh token is good once, so
// that only one refresh is under way at a time, over all tabs of the profile.
import type { RequestOf, ResponseOf, RouteName } from '../protocol/http.ts';
import { accessTokenTtlSeconds } from '../protocol/limits.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { Http } from './http.ts';
import { encodeSession, parseSession, type SessionFacts } from './profile.ts';
import type { Proofs } from './proofs.ts';
import type { Store } from './store.ts';
import type { Tabs } from './tabs.ts';

/** A token that ends within this time is not used any more. */
const marginMs = 30_000;

/**
 * Whether an access token can be tried that came at `receivedAtMs`. By the time that has passed: a clock
 * that is off is off by the same then and now. One that was set meanwhile costs a new token, or a refusal
 * that leads to one.
 */
export function mayBeGood(receivedAtMs: number, nowMs: number): boolean {
	const passedMs = nowMs - receivedAtMs;
	return passedMs >= 0 && passedMs < accessTokenTtlSeconds * 1_000 - marginMs;
}

export interface SessionOptions {
	readonly http: Http;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly tabs: Tabs;
	/** By the key that every session of this device is bound to. */
	readonly proofs: Proofs;
	readonly nowMs: () => number;
	/** The edge has ended the session, and no login has replaced it. */
	readonly onEnded: () => void;
}

export class Session {
	readonly #options: SessionOptions;
	#facts: SessionFacts | null;
	#refreshing: Promise<Result<string, TacetError>> | null = null;
	/** A login that is under way. */
	#replacing: Promise<unknown> | null = null;
	/** The keys are gone, or about to be: what was begun with them ends as that. */
	#end: () => void = () => undefined;
	readonly #whenEnded = new Promise<void>((resolve) => {
		this.#end = resolve;
	});
	#ended = false;

	constructor(options: SessionOptions, facts: SessionFacts | null) {
		this.#options = options;
		this.#facts = facts;
	}

	get proofs(): Proofs {
		return this.#options.proofs;
	}

	/** Before the keys of this device are ended: nobody waits for them any more. */
	end(): void {
		this.#ended = true;
		this.#end();
	}

	get facts(): SessionFacts | null {
		return this.#facts;
	}

	/**
	 * A login on this device ends the session that it has. Until the new one is stored, nobody asks
	 * for a token of the old one, in this tab or another: a refresh of an ended session is refused.
	 */
	async replace<Value extends { readonly session: SessionFacts | null }>(
		logIn: () => Promise<Result<Value, TacetError>>
	): Promise<Result<Value, TacetError>> {
		await this.#refreshing;
		const replacing = this.#options.tabs.alone('session', async () => {
			const opened = await logIn();
			if (opened.ok) this.#facts = opened.value.session;
			return opened;
		});
		this.#replacing = replacing.catch(() => undefined);
		return replacing.finally(() => {
			this.#replacing = null;
		});
	}

	/** @param refused the token given before was not taken. */
	async accessToken(refused = false): Promise<Result<string, TacetError>> {
		if (this.#replacing !== null) {
			await this.#replacing;
			return this.accessToken();
		}
		const facts = this.#facts;
		if (facts === null) return fail('unauthenticated');
		if (this.#ended) return fail('locked');
		if (mayBeGood(facts.receivedAtMs, this.#options.nowMs()) && !refused)
			return ok(facts.accessToken);
		this.#refreshing ??= this.untilEnd(this.#refresh(facts)).finally(() => {
			this.#refreshing = null;
		});
		return this.#refreshing;
	}

	/** Of work with this device's keys: `locked` once they are gone. */
	async untilEnd<Value>(
		work: Promise<Result<Value, TacetError>>
	): Promise<Result<Value, TacetError>> {
		const settled = work.catch((error: unknown) => {
			// A core without keys can't open or seal what the refresh brought.
			if (this.#ended) return fail('locked');
			throw error;
		});
		return Promise.race([settled, this.#whenEnded.then(() => fail('locked'))]);
	}

	/** A call of a route that asks for a session; refreshes the token once if it is refused. */
	async call<Name extends RouteName>(
		name: Name,
		body: RequestOf<Name>
	): Promise<Result<ResponseOf<Name>, TacetError>> {
		const token = await this.accessToken();
		if (!token.ok) return token;
		const { http, proofs } = this.#options;
		const answered = await http.call(name, body, { proofs, token: token.value });
		if (answered.ok || answered.error.code !== 'unauthenticated') return answered;
		const next = await this.accessToken(true);
		return next.ok ? http.call(name, body, { proofs, token: next.value }) : next;
	}

	#refresh(used: SessionFacts): Promise<Result<string, TacetError>> {
		return this.#options.tabs.alone('session', async () => {
			// Another tab may have refreshed meanwhile: its token is in the store.
			const stored = await loadSession(this.#options);
			if (stored !== null && stored.accessToken !== used.accessToken) {
				this.#facts = stored;
				return ok(stored.accessToken);
			}
			const { refreshToken } = used;
			const { http, proofs, nowMs } = this.#options;
			const pass = { proofs, token: null };
			const answered = await http.call('sessionRefresh', { refreshToken }, pass);
			if (!answered.ok) return this.#orNewer(used, answered);
			const { session } = answered.value;
			this.#facts = { ...session, device: used.device, receivedAtMs: nowMs() };
			const saved = await saveSession(this.#options, this.#facts);
			return saved.ok ? ok(session.accessToken) : saved;
		});
	}

	/** A session that ended may have been replaced by a login, here or in another tab. */
	async #orNewer(
		used: SessionFacts,
		refused: Result<never, TacetError>
	): Promise<Result<string, TacetError>> {
		if (refused.ok || refused.error.code !== 'unauthenticated') return refused;
		const newer = this.#facts === used ? await loadSession(this.#options) : this.#facts;
		const replaced = newer !== null && newer.accessToken !== used.accessToken;
		this.#facts = replaced ? newer : null;
		if (replaced) return ok(newer.accessToken);
		// Nobody tries it again, after whatever unlocks next.
		const dropped = await dropSession(this.#options.store);
		this.#options.onEnded();
		return dropped.ok ? refused : dropped;
	}
}

type Places = Pick<SessionOptions, 'store' | 'crypto'>;
const place = { table: 'profile', row: 'session' } as const;

export async function loadSession({ store, crypto }: Places): Promise<SessionFacts | null> {
	const profile = await store.loadProfile();
	const sealed = profile.ok ? (profile.value?.sealedSession ?? null) : null;
	if (sealed === null) return null;
	const [bytes] = await crypto.openLocal([{ ...place, sealed }]);
	return bytes == null ? null : parseSession(bytes);
}

async function dropSession(store: Store): Promise<Result<void, TacetError>> {
	const profile = await store.loadProfile();
	if (!profile.ok) return fail(profile.error);
	if (profile.value === null) return ok(undefined);
	const saved = await store.saveProfile({ ...profile.value, sealedSession: null });
	return saved.ok ? saved : fail(saved.error);
}

async function saveSession(
	{ store, crypto }: Places,
	facts: SessionFacts
): Promise<Result<void, TacetError>> {
	const [sealed] = await crypto.sealLocal([{ ...place, plaintext: encodeSession(facts) }]);
	const profile = await store.loadProfile();
	if (!profile.ok) return fail(profile.error);
	if (profile.value === null || sealed === undefined) return fail('signed_out');
	const saved = await store.saveProfile({ ...profile.value, sealedSession: sealed });
	return saved.ok ? saved : fail(saved.error);
}
