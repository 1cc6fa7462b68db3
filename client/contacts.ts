// Whom this account knows. An identity is pinned in the keyring when it is met first; another one
// under the same account is never taken in its place without a person.
import { equalBytes, fromBase64Url, toBase64Url, toHex } from '../protocol/bytes.ts';
import { parseHandle } from '../protocol/handle.ts';
import { bytesOfId, idBytes, type AccountId } from '../protocol/ids.ts';
import type { KeyringEntry } from '../protocol/keyring-entry.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { Contact, IdentityStanding } from './api-sharing.ts';
import type { CryptoPort, UnlockedAccount } from './crypto-port.ts';
import type { KnownIdentity } from './crypto-sharing.ts';
import { fail, type TacetError } from './errors.ts';
import type { Keyring } from './keyring.ts';
import type { Session } from './session.ts';

export interface ContactsParts {
	readonly keyring: Keyring;
	readonly session: Session;
	readonly crypto: CryptoPort;
	readonly me: UnlockedAccount;
	readonly handle: string;
	readonly nowMs: () => number;
	readonly write: (entries: readonly KeyringEntry[]) => Promise<Result<void, TacetError>>;
	/** Safety words that were not known when somebody asked are now. */
	readonly onChange: () => void;
}

/** Somebody's identity as it was met, and what they are called there. */
export interface Met {
	readonly account: AccountId;
	readonly hash: Uint8Array;
	readonly handle: string | null;
	/** As somebody else says; known by it once a person has compared the words. */
	readonly hearsay?: string | null;
}

/** A person and the identity that they were looked up with. */
export interface Found {
	readonly contact: Contact;
	readonly identity: KnownIdentity;
}

/** Somebody's identities, each of which the one before has signed; from the first, which is the account. */
interface IdentityLog {
	readonly entries: readonly Uint8Array[];
	readonly hashes: readonly Uint8Array[];
}

/** What a log leads to from an identity that a space holds. */
export interface Renewed {
	readonly hash: Uint8Array;
	readonly safetyWords: readonly string[];
	/** After that identity, up to the newest. */
	readonly entries: readonly Uint8Array[];
}

/** A log that was not to be had, or did not lead there, is asked for again after this time. */
const renewalRetryMs = 60_000;

export class Contacts {
	readonly #parts: ContactsParts;
	/** By identity hash; empty while they are asked for. */
	readonly #words = new Map<string, readonly string[]>();
	/** What was shown of an account last: what a person confirms. */
	readonly #shown = new Map<AccountId, Met>();
	/** Identities that a verified log leads to from the pinned one. */
	readonly #renewals = new Set<string>();
	/** As the edge showed them last. */
	readonly #logs = new Map<AccountId, IdentityLog>();
	/** Met under a handle under which somebody else is pinned. */
	readonly #displacing = new Set<AccountId>();
	/** Identities that a verified log leads to from the account's first, which is the account. */
	readonly #proven = new Set<string>();
	/** When the log of an account was asked for, for what nobody waits for. */
	readonly #askedAtMs = new Map<AccountId, number>();

	constructor(parts: ContactsParts) {
		this.#parts = parts;
	}

	/** What is known at once; safety words that are not follow with a change. */
	contact(met: Met): Contact {
		const { account, hash } = met;
		const identity = this.standingOf(account, hash);
		const pinned = this.#parts.keyring.contactOf(account);
		const handle =
			identity === 'own' ? this.#parts.handle : (this.#handleOf(account) ?? met.handle);
		const safetyWords = identity === 'own' ? [] : this.wordsOf(hash);
		if (identity === 'changed' && pinned !== null) this.#lookForRenewal(met, pinned.handle);
		this.#shown.set(account, { ...met, handle: handle ?? met.hearsay ?? null });
		return { account, handle, identity, safetyWords };
	}

	/** With safety words. Somebody who is met with an identity that nothing leads to is no one. */
	async describe(met: Met): Promise<Contact> {
		await this.learnWords([met.hash]);
		const earlier = await this.earlierOf(met);
		const contact = this.contact(met);
		const isNoOne = !earlier.ok && contact.identity === 'unknown';
		return isNoOne ? { ...contact, identity: 'changed' } : contact;
	}

	standingOf(account: AccountId, hash: Uint8Array): IdentityStanding {
		if (account === this.#parts.me.account) return 'own';
		const pinned = this.#parts.keyring.contactOf(account);
		if (pinned === null) return this.#displacing.has(account) ? 'changed' : 'unknown';
		if (equalBytes(pinned.identityHash, hash)) {
			return pinned.comparedAtMs === null ? 'pinned' : 'compared';
		}
		if (this.#renewals.has(toHex(hash))) return 'renewed';
		return this.#isBefore(account, hash, pinned.identityHash) ? 'earlier' : 'changed';
	}

	/** The first of all is before every other one that a log leads to. */
	#isBefore(account: AccountId, hash: Uint8Array, later: Uint8Array): boolean {
		if (isFirst(account, hash)) return true;
		const hashes = this.#logs.get(account)?.hashes ?? [];
		const place = hashes.findIndex((other) => equalBytes(other, hash));
		return place !== -1 && hashes.slice(place + 1).some((other) => equalBytes(other, later));
	}

	/**
	 * Whether this identity may get a key: it is the pinned one, or nothing was pinned yet and it is
	 * the account's first, or a log leads from there to it.
	 */
	mayTrust(account: AccountId, hash: Uint8Array): boolean {
		const standing = this.standingOf(account, hash);
		if (standing === 'unknown') return isFirst(account, hash) || this.#proven.has(toHex(hash));
		return standing === 'own' || standing === 'pinned' || standing === 'compared';
	}

	/**
	 * The entries before an identity, from the account's first on. Of one that is not the first, the
	 * edge is asked for the log of the handle; each entry is signed by the one before, or it counts
	 * as `identity_changed`.
	 */
	async earlierOf({
		account,
		hash,
		handle
	}: Met): Promise<Result<readonly Uint8Array[], TacetError>> {
		if (isFirst(account, hash)) return ok([]);
		const log = await this.#readLog(account, handle);
		if (!log.ok) return log;
		const { entries, hashes } = log.value;
		const place = hashes.findIndex((other) => equalBytes(other, hash));
		return place === -1 ? fail('identity_changed') : ok(entries.slice(0, place));
	}

	async #readLog(
		account: AccountId,
		handle: string | null
	): Promise<Result<IdentityLog, TacetError>> {
		const name = parseHandle(handle ?? '');
		if (!name.ok) return fail('identity_changed');
		const answered = await this.#parts.session.call('identityRead', { handle: name.value });
		if (!answered.ok) {
			return answered.error.code === 'not_found' ? fail('identity_changed') : answered;
		}
		const entries = answered.value.identities.map(bytesOf);
		const newest = await this.#parts.crypto.sharing.openIdentities(account, entries);
		return newest === null ? fail('identity_changed') : ok(this.#noteLog(newest, entries));
	}

	#noteLog({ account, hash, earlier }: KnownIdentity, entries: readonly Uint8Array[]): IdentityLog {
		const hashes = [...earlier, hash];
		const log = { entries, hashes };
		this.#logs.set(account, log);
		for (const known of hashes) this.#proven.add(toHex(known));
		const pinned = this.#parts.keyring.contactOf(account);
		if (pinned === null) return log;
		const place = hashes.findIndex((known) => equalBytes(known, pinned.identityHash));
		if (place === -1) return log;
		for (const renewed of hashes.slice(place + 1)) this.#renewals.add(toHex(renewed));
		return log;
	}

	#lookForRenewal({ account, hash }: Met, handle: string): void {
		const { nowMs } = this.#parts;
		const askedAtMs = this.#askedAtMs.get(account);
		if (askedAtMs !== undefined && nowMs() - askedAtMs < renewalRetryMs) return;
		this.#askedAtMs.set(account, nowMs());
		void this.lookFor(account, handle, hash).catch(ignore);
	}

	/** Asks for the log of somebody's identities; what it says of this one is known with a change. */
	async lookFor(
		account: AccountId,
		handle: string,
		hash: Uint8Array
	): Promise<Result<void, TacetError>> {
		const log = await this.#readLog(account, handle);
		if (!log.ok) return log;
		await this.learnWords(log.value.hashes.slice(-1));
		const isNews = this.standingOf(account, hash) !== 'changed';
		if (isNews) this.#parts.onChange();
		return ok(undefined);
	}

	/** As far as logs were asked for; null if what a space holds is the newest, or on none of them. */
	renewed(account: AccountId, hash: Uint8Array): Contact | null {
		const renewal = this.renewalOf(account, hash);
		if (renewal === null) return null;
		const identity = this.standingOf(account, renewal.hash);
		const { safetyWords } = renewal;
		return { account, handle: this.#handleOf(account), identity, safetyWords };
	}

	renewalOf(account: AccountId, hash: Uint8Array): Renewed | null {
		const { entries, hashes } = this.#logs.get(account) ?? { entries: [], hashes: [] };
		const place = hashes.findIndex((other) => equalBytes(other, hash));
		const newest = hashes.at(-1);
		if (place === -1 || newest === undefined || place === hashes.length - 1) return null;
		return {
			hash: newest,
			safetyWords: this.wordsOf(newest),
			entries: entries.slice(place + 1)
		};
	}

	/** As this account knows them; null if it heard no name. */
	#handleOf(account: AccountId): string | null {
		const handle = this.#parts.keyring.contactOf(account)?.handle ?? '';
		return handle === '' ? null : handle;
	}

	wordsOf(hash: Uint8Array): readonly string[] {
		const known = this.#words.get(toHex(hash));
		if (known === undefined) {
			void this.learnWords([hash]).then(() => {
				this.#parts.onChange();
			}, ignore);
		}
		return known ?? [];
	}

	async learnWords(hashes: readonly Uint8Array[]): Promise<void> {
		const unknown = hashes.filter((hash) => !this.#words.get(toHex(hash))?.length);
		if (unknown.length === 0) return;
		for (const hash of unknown) this.#words.set(toHex(hash), []);
		const words = await this.#parts.crypto.sharing.safetyWords(unknown);
		for (const [index, hash] of unknown.entries()) {
			this.#words.set(toHex(hash), words[index] ?? []);
		}
	}

	/** Remembers somebody who is met for the first time; keeps what is pinned already. */
	async pin({ account, hash, handle }: Met): Promise<Result<void, TacetError>> {
		const isKnown = this.standingOf(account, hash) !== 'unknown';
		if (isKnown) return ok(undefined);
		return this.#parts.write([
			{ type: 'contact', account, handle: handle ?? '', identityHash: hash, comparedAtMs: null }
		]);
	}

	/** A person compared the words, or says that a renewed identity is right. */
	async confirm(account: AccountId): Promise<Result<void, TacetError>> {
		const shown = this.#shown.get(account);
		return shown === undefined ? fail('not_found') : this.compared(shown);
	}

	/** A person compared the words of this very identity. */
	async compared({
		account,
		hash,
		handle
	}: Pick<Met, 'account' | 'hash' | 'handle'>): Promise<Result<void, TacetError>> {
		const { me, nowMs, write } = this.#parts;
		if (account === me.account) return fail('not_found');
		const comparedAtMs = nowMs();
		return write([
			{ type: 'contact', account, handle: handle ?? '', identityHash: hash, comparedAtMs }
		]);
	}

	/** Whether this account knows somebody else by that name, or has it itself. */
	isNameOfOther(account: AccountId, name: string | null): boolean {
		if (name === null) return false;
		const { me, handle, keyring } = this.#parts;
		const asked = plainName(name);
		if (account !== me.account && asked === plainName(handle)) return true;
		return keyring.contacts.some(
			(contact) => contact.account !== account && plainName(contact.handle) === asked
		);
	}

	/** Asks the edge whose handle it is; only the log of identities is believed, and pins before it. */
	async find(typed: string): Promise<Result<Found, TacetError>> {
		const handle = parseHandle(typed);
		if (!handle.ok) return fail(handle.error);
		const { session, crypto, keyring } = this.#parts;
		const answered = await session.call('identityRead', { handle: handle.value });
		if (!answered.ok) return answered;
		const { account, identities } = answered.value;
		const entries = identities.map(bytesOf);
		const identity = await crypto.sharing.openIdentities(account, entries);
		if (identity === null) return fail('server_misbehaved');
		this.#noteLog(identity, entries);
		// An account's id follows from its identity: whoever takes a person's place is another account.
		const named = keyring.contactNamed(handle.value);
		if (named !== null && named.account !== account) this.#displacing.add(account);
		const met = { account, hash: identity.hash, handle: handle.value };
		return ok({ identity, contact: await this.describe(met) });
	}
}

/** Two names that a person would take for one. */
function plainName(name: string): string {
	const handle = parseHandle(name);
	return handle.ok ? handle.value : name.trim().toLowerCase();
}

/** An account is called after its first identity. */
const isFirst = (account: AccountId, hash: Uint8Array): boolean =>
	equalBytes(hash.subarray(0, idBytes), bytesOfId(account));

/** The core was ended meanwhile: nobody is left to hear the answer. */
const ignore = (): void => undefined;

/** Text that a schema of protocol/ has let through. */
export function bytesOf(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('a schema let through what is not base64url');
	return bytes.value;
}

export const textOf = toBase64Url;
