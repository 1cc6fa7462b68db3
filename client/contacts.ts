// Whom this account knows. An identity is pinned in the keyring when it is met first; another one
// under the same account is never taken in its place without a person.
import { equalBytes, fromBase64Url, toBase64Url, toHex } from '../protocol/bytes.ts';
import { parseHandle } from '../protocol/handle.ts';
import type { AccountId } from '../protocol/ids.ts';
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
}

/** A person and the identity that they were looked up with. */
export interface Found {
	readonly contact: Contact;
	readonly identity: KnownIdentity;
}

export class Contacts {
	readonly #parts: ContactsParts;
	/** By identity hash; empty while they are asked for. */
	readonly #words = new Map<string, readonly string[]>();
	/** What was shown of an account last: what a person confirms. */
	readonly #shown = new Map<AccountId, Met>();
	/** Identities that a verified log leads to from the pinned one. */
	readonly #renewals = new Set<string>();
	/** Met under a handle under which somebody else is pinned. */
	readonly #displacing = new Set<AccountId>();

	constructor(parts: ContactsParts) {
		this.#parts = parts;
	}

	/** What is known at once; safety words that are not follow with a change. */
	contact(met: Met): Contact {
		const { account, hash } = met;
		const identity = this.standingOf(account, hash);
		const pinned = this.#parts.keyring.contactOf(account);
		const handle = identity === 'own' ? this.#parts.handle : (pinned?.handle ?? met.handle);
		const safetyWords = identity === 'own' ? [] : this.wordsOf(hash);
		this.#shown.set(account, { ...met, handle });
		return { account, handle, identity, safetyWords };
	}

	/** With safety words. */
	async describe(met: Met): Promise<Contact> {
		await this.learnWords([met.hash]);
		return this.contact(met);
	}

	standingOf(account: AccountId, hash: Uint8Array): IdentityStanding {
		if (account === this.#parts.me.account) return 'own';
		const pinned = this.#parts.keyring.contactOf(account);
		if (pinned === null) return this.#displacing.has(account) ? 'changed' : 'unknown';
		if (equalBytes(pinned.identityHash, hash)) {
			return pinned.comparedAtMs === null ? 'pinned' : 'compared';
		}
		return this.#renewals.has(toHex(hash)) ? 'renewed' : 'changed';
	}

	/** Whether this identity may get a key: it is the pinned one, or nothing was pinned yet. */
	mayTrust(account: AccountId, hash: Uint8Array): boolean {
		const standing = this.standingOf(account, hash);
		return standing !== 'renewed' && standing !== 'changed';
	}

	wordsOf(hash: Uint8Array): readonly string[] {
		const known = this.#words.get(toHex(hash));
		if (known === undefined) {
			void this.learnWords([hash]).then(() => {
				this.#parts.onChange();
			});
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
		if (shown === undefined || account === this.#parts.me.account) return fail('not_found');
		return this.#parts.write([
			{
				type: 'contact',
				account,
				handle: shown.handle ?? '',
				identityHash: shown.hash,
				comparedAtMs: this.#parts.nowMs()
			}
		]);
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
		const pinned = keyring.contactOf(account);
		if (pinned !== null && identity.earlier.some((hash) => equalBytes(hash, pinned.identityHash))) {
			this.#renewals.add(toHex(identity.hash));
		}
		// An account's id follows from its identity: whoever takes a person's place is another account.
		const named = keyring.contactNamed(handle.value);
		if (named !== null && named.account !== account) this.#displacing.add(account);
		const met = { account, hash: identity.hash, handle: handle.value };
		return ok({ identity, contact: await this.describe(met) });
	}
}

/** Text that a schema of protocol/ has let through. */
export function bytesOf(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new Error('a schema let through what is not base64url');
	return bytes.value;
}

export const textOf = toBase64Url;
