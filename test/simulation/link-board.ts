// The share links of a world: what an account's keyring keeps of those that it made, which every
// device of the account sees, and what was said of them since.
import { formatLinkUrl } from '../../client/link-url.ts';
import type { AccountId, LinkId, SpaceId } from '../../protocol/ids.ts';
import type { KeyringEntry } from '../../protocol/keyring-entry.ts';
import { origin } from './simulated-tab.ts';

type LinkEntry = KeyringEntry & { readonly type: 'link' };

export interface LinkTerms {
	/** Of its own: by it the entry in the keyring is known again. */
	readonly label: string;
	readonly expiresAtMs: number | null;
	readonly openings: number | null;
	readonly passphrase: string | null;
}

export class SharedLink {
	readonly entry: LinkEntry;
	readonly terms: LinkTerms;
	readonly url: string;
	/** Its owner was told that it is made. */
	isMade = false;
	/** Its owner was told that it is taken back. */
	isRevoked = false;
	/** How often the edge opened it. */
	opened = 0;

	constructor(entry: LinkEntry, terms: LinkTerms) {
		this.entry = entry;
		this.terms = terms;
		this.url = formatLinkUrl(origin, { ...entry, type: 'share' });
	}

	get space(): SpaceId {
		return this.entry.space;
	}

	get account(): AccountId {
		return this.entry.account;
	}

	hasExpired(nowMs: number): boolean {
		return this.terms.expiresAtMs !== null && this.terms.expiresAtMs <= nowMs;
	}

	get isUsedUp(): boolean {
		return this.terms.openings !== null && this.opened >= this.terms.openings;
	}
}

export class LinkBoard {
	readonly #terms = new Map<string, LinkTerms>();
	readonly #links = new Map<LinkId, SharedLink>();
	readonly #entries = new Map<string, LinkEntry>();

	/** An owner is about to make one. */
	announce(terms: LinkTerms): void {
		this.#terms.set(terms.label, terms);
	}

	/** How many there were. */
	get announced(): number {
		return this.#terms.size;
	}

	labelled(label: string): SharedLink | undefined {
		return [...this.#links.values()].find(({ terms }) => terms.label === label);
	}

	of(link: LinkId): SharedLink | undefined {
		return this.#links.get(link);
	}

	get all(): readonly SharedLink[] {
		return [...this.#links.values()];
	}

	/** What an account's keyring says of a link. */
	entryOf(account: AccountId, link: LinkId): LinkEntry | null {
		return this.#entries.get(`${account} ${link}`) ?? null;
	}

	/** An account writes to its keyring. */
	note(account: AccountId, entries: readonly KeyringEntry[]): void {
		for (const entry of entries) {
			if (entry.type === 'closed') this.#entries.delete(`${account} ${entry.of}`);
			if (entry.type !== 'link') continue;
			this.#entries.set(`${account} ${entry.link}`, entry);
			const terms = this.#terms.get(entry.label);
			if (terms !== undefined) this.#links.set(entry.link, new SharedLink(entry, terms));
		}
	}
}
