// Content of verified entries: which keys open it, whether its bytes are the signed ones, and what
// to do with what does not open (rules 10 to 12). Every decision here is the same for every kind of
// bad byte: nobody who serves pages learns why one was set aside.
import { sha256 } from '../crypto/hash.ts';
import { readIdentity } from '../crypto/identity.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { LogState } from '../crypto/log-state.ts';
import type { Admin, Commit, PageHeader, PageId } from '../protocol/commit.ts';
import type { AccountId, Epoch, Seq, SpaceId } from '../protocol/ids.ts';
import { parsePage, type PageContent } from '../protocol/page.ts';
import { AuditKeys } from './audit-keys.ts';
import { pageName, type PageName } from './chain.ts';
import type { CryptoPort, EpochGrant, SealedPage, UnlockedAccount } from './crypto-port.ts';
import type { PlacedPage } from './items.ts';
import { ownHashOf } from './own-selves.ts';

/** An entry of the log with what travelled beside it, in whichever way it came. */
export interface ReceivedEntry {
	readonly seq: Seq;
	readonly commit: Commit;
	readonly pages: readonly (Uint8Array | null)[];
	readonly wraps: readonly { readonly index: number; readonly wrap: Uint8Array }[];
	readonly previousKey: Uint8Array | null;
}

/** A page whose signed bytes are not here. */
export interface MissingPage extends PageId {
	readonly commit: Commit;
	readonly header: PageHeader;
	/** How often it was asked for. */
	asked: number;
}

export interface UnusableKey {
	readonly epoch: Epoch;
	/** Who signed that it was given. */
	readonly author: AccountId;
}

interface LockedPage extends SealedPage {
	readonly seq: Seq;
	readonly commit: Commit;
}

export class Pages {
	readonly #space: SpaceId;
	readonly #crypto: CryptoPort;
	readonly #me: UnlockedAccount;
	readonly #grants = new Map<Epoch, EpochGrant>();
	/** Of the access log: no page is under one. */
	readonly auditKeys: AuditKeys;
	/** Who opened each epoch. */
	readonly #openers = new Map<Epoch, AccountId>();
	#unusable: readonly UnusableKey[] = [];
	/** The own identity that the member entry holds, as far as keys were taken up; null: somebody else's. */
	#self: Uint8Array | null;
	/** Epochs whose keys are here. */
	#known: ReadonlySet<Epoch> = new Set();
	/** Epochs that opened without the key before them, as for who did not read then, by seq. */
	readonly #unlinked = new Map<Seq, { readonly epoch: Epoch; readonly hash: Uint8Array }>();
	/** Pages whose epoch's key is not here: a later entry may bring it. */
	readonly #locked = new Map<PageName, LockedPage>();
	/** Pages that did not open, and their authors. */
	readonly setAside = new Map<PageName, AccountId>();
	readonly missing = new Map<PageName, MissingPage>();
	readonly #expiries = new Map<PageName, number>();

	constructor(space: SpaceId, crypto: CryptoPort, me: UnlockedAccount) {
		this.#space = space;
		this.#crypto = crypto;
		this.#me = me;
		this.#self = me.identityHash;
		this.auditKeys = new AuditKeys(space, me);
	}

	/** Pages that can't be read: those that did not open, and those whose key never came. */
	get unread(): number {
		return this.setAside.size + this.#locked.size;
	}

	/** Whose pages did not open under their key: for one that never came, its author did nothing. */
	get setAsideAuthors(): readonly AccountId[] {
		return [...new Set(this.setAside.values())];
	}

	/**
	 * Epochs whose key was given, to this account or under the key of the epoch after, and does not
	 * open or is not the one that was committed to; and who gave it.
	 */
	get unusableKeys(): readonly UnusableKey[] {
		return this.#unusable;
	}

	#unusableNow(): readonly UnusableKey[] {
		return [...this.#grants.values()].flatMap(({ epoch, wrap }) => {
			if (this.#known.has(epoch)) return [];
			const next = this.#known.has(epoch + 1) ? this.#grants.get(epoch + 1) : undefined;
			const author =
				wrap?.context.sender ?? (next?.previousKey ? this.#openers.get(epoch + 1) : undefined);
			return author === undefined ? [] : [{ epoch, author }];
		});
	}

	/** Whether a page's content is not here. */
	isUnread(page: PageId): boolean {
		const name = pageName(page);
		return this.setAside.has(name) || this.#locked.has(name) || this.missing.has(name);
	}

	/** Whether the key of an epoch is here. */
	knows(epoch: Epoch): boolean {
		return this.#known.has(epoch);
	}

	/** The first entry whose previous key was signed and is not here; null if there is none. */
	get firstUnlinked(): Seq | null {
		const [first] = this.#unlinked.keys();
		return first ?? null;
	}

	/** Takes the key before an epoch from an entry that came again; whether it is what was signed. */
	async link(seq: Seq, previousKey: Uint8Array): Promise<boolean> {
		const link = this.#unlinked.get(seq);
		const grant = link && this.#grants.get(link.epoch);
		if (!link || !grant || !equalBytes(sha256(previousKey), link.hash)) return false;
		this.#unlinked.delete(seq);
		this.#grants.set(link.epoch, { ...grant, previousKey });
		await this.#openEpochs();
		return true;
	}

	async #openEpochs(): Promise<void> {
		const grants = [...this.#grants.values()];
		this.#known = new Set(await this.#crypto.openEpochs(this.#space, grants));
		this.#unusable = this.#unusableNow();
	}

	/** When a page that was opened here expires, in ms since 1970; null if it does not. */
	expiryOf(page: PageId): number | null {
		return this.#expiries.get(pageName(page)) ?? null;
	}

	/** Rule 11: takes up keys that these entries give to this account. */
	async learnKeys(entries: readonly ReceivedEntry[], state: LogState): Promise<void> {
		let changed = false;
		for (const entry of entries) {
			const { admin } = entry.commit;
			if (admin === null) continue;
			this.#noteIdentity(admin);
			this.auditKeys.learn(entry, this.#self);
			if (admin.epoch !== null) {
				const { number, commitment, previousHash } = admin.epoch;
				const { seq, previousKey } = entry;
				if (previousHash !== null && previousKey === null) {
					this.#unlinked.set(seq, { epoch: number, hash: previousHash });
				}
				this.#grants.set(number, { epoch: number, commitment, wrap: null, previousKey });
				this.#openers.set(number, entry.commit.author);
				changed = true;
			}
			for (const { index, wrap } of entry.wraps) {
				changed = this.#takeWrap(entry.commit, index, wrap, state) || changed;
			}
		}
		if (changed) await this.#openEpochs();
	}

	#noteIdentity({ members }: Admin): void {
		const own = members.find(({ account }) => account === this.#me.account)?.identityEntry;
		if (own == null) return;
		const identity = readIdentity(own);
		this.#self = identity.ok ? ownHashOf(this.#me, identity.value.hash) : null;
	}

	#takeWrap(commit: Commit, index: number, bytes: Uint8Array, state: LogState): boolean {
		// What was wrapped to somebody else's identity opens nothing here.
		if (this.#self === null) return false;
		const header = commit.admin?.wraps[index];
		if (header?.kind !== 'content' || header.recipient !== this.#me.account) return false;
		const epoch = header.number;
		const commitment = state.commitments.get(epoch);
		if (commitment === undefined) return false;
		const context = {
			kind: header.kind,
			space: this.#space,
			number: epoch,
			recipient: this.#me.account,
			recipientIdentity: this.#self,
			sender: commit.author,
			senderIdentity: commit.identity
		};
		const previousKey = this.#grants.get(epoch)?.previousKey ?? null;
		this.#grants.set(epoch, { epoch, commitment, wrap: { bytes, context }, previousKey });
		return true;
	}

	/** Rule 10: pages whose bytes have the signed length and hash; null for the others. */
	async check(
		entries: readonly ReceivedEntry[]
	): Promise<readonly (readonly (Uint8Array | null)[])[]> {
		// What lies beyond the signed pages is not looked at: each hash is of the page it is held against.
		const given = entries.map(({ commit, pages }) =>
			commit.pages.map((header, index) => ({ header, page: pages[index] ?? null }))
		);
		const bytes = given.flat().flatMap(({ page }) => (page === null ? [] : [page]));
		const hashes = (await this.#crypto.hashPages(bytes)).values();
		return given.map((pages) =>
			pages.map(({ header, page }) => {
				if (page === null) return null;
				const hash = hashes.next().value;
				const same = hash !== undefined && equalBytes(hash, header.hash);
				return same && page.length === header.lengthBytes ? page : null;
			})
		);
	}

	/**
	 * Opens pages, and reads nothing: may be done before it is known whether their entries count.
	 *
	 * @returns for each entry the plaintext of each of its pages; null for those that do not open.
	 */
	async decrypt(
		entries: readonly ReceivedEntry[]
	): Promise<readonly (readonly (Uint8Array | null)[])[]> {
		const sealed = entries.flatMap(({ commit, pages }) =>
			commit.pages.flatMap((header, index): SealedPage[] => {
				const page = pages[index] ?? null;
				return page === null ? [] : [{ place: this.#placeOf(commit, header, index), sealed: page }];
			})
		);
		const opened = (await this.#crypto.openPages(sealed)).values();
		return entries.map(({ commit, pages }) =>
			commit.pages.map((_, index) =>
				(pages[index] ?? null) === null ? null : (opened.next().value ?? null)
			)
		);
	}

	/**
	 * Rule 12: reads what was decrypted; what did not open is set aside under its author's name, unless
	 * its key is still to come.
	 */
	read(
		entries: readonly ReceivedEntry[],
		decrypted: readonly (readonly (Uint8Array | null)[])[]
	): readonly PlacedPage[] {
		const read: PlacedPage[] = [];
		for (const [position, { seq, commit, pages }] of entries.entries()) {
			for (const [index, header] of commit.pages.entries()) {
				const { expiresAtMs } = header;
				if (expiresAtMs !== null) this.#expiries.set(pageName({ seq, index }), expiresAtMs);
				if ((pages[index] ?? null) === null) {
					this.missing.set(pageName({ seq, index }), { seq, index, commit, header, asked: 0 });
					continue;
				}
				const plaintext = decrypted[position]?.[index] ?? null;
				const sealed = pages[index] ?? new Uint8Array();
				const page = { place: this.#placeOf(commit, header, index), sealed, seq, commit };
				read.push(...this.#take(page, plaintext));
			}
		}
		return read;
	}

	#take(page: LockedPage, plaintext: Uint8Array | null): readonly PlacedPage[] {
		const { seq, commit, place } = page;
		const id = { seq, index: place.index };
		const content = readContent(plaintext);
		if (content !== null) return [placed(id, content, commit)];
		if (plaintext === null && !this.#known.has(place.epoch)) this.#locked.set(pageName(id), page);
		else this.setAside.set(pageName(id), commit.author);
		return [];
	}

	/** Opens and reads pages, and those before them whose key has come. */
	async open(entries: readonly ReceivedEntry[]): Promise<readonly PlacedPage[]> {
		const unlocked = await this.openLocked();
		return [...unlocked, ...this.read(entries, await this.decrypt(entries))];
	}

	/** Opens what had to wait for a key that has come since. */
	async openLocked(): Promise<readonly PlacedPage[]> {
		const open = [...this.#locked].filter(([, { place }]) => this.#known.has(place.epoch));
		if (open.length === 0) return [];
		for (const [name] of open) this.#locked.delete(name);
		const opened = await this.#crypto.openPages(
			open.map(([, { place, sealed }]) => ({ place, sealed }))
		);
		return open.flatMap(([, page], position) => this.#take(page, opened[position] ?? null));
	}

	/** Takes the bytes of a missing page; null if they are not the signed ones. */
	async fill(missing: MissingPage, page: Uint8Array): Promise<readonly PlacedPage[] | null> {
		const { seq, index, commit, header } = missing;
		const [hash] = await this.#crypto.hashPages([page]);
		const same = hash !== undefined && equalBytes(hash, header.hash);
		if (!same || page.length !== header.lengthBytes) return null;
		this.missing.delete(pageName(missing));
		const place = this.#placeOf(commit, header, index);
		const [opened] = await this.#crypto.openPages([{ place, sealed: page }]);
		return this.#take({ place, sealed: page, seq, commit }, opened ?? null);
	}

	#placeOf(commit: Commit, header: PageHeader, index: number): SealedPage['place'] {
		const { author, device, count } = commit;
		return { space: this.#space, epoch: header.epoch, author, device, count, index };
	}
}

/** What restates an earlier page was written when that page says, and knew what its author had seen. */
function placed(
	{ seq, index }: PageId,
	{ changes, restatedMs }: PageContent,
	{ timeMs, seen }: Commit
): PlacedPage {
	if (restatedMs === null) return { seq, index, timeMs, changes };
	return { seq, index, timeMs: restatedMs, changes, restatedAfter: seen.seq };
}

function readContent(plaintext: Uint8Array | null): PageContent | null {
	if (plaintext === null) return null;
	const parsed = parsePage(plaintext);
	return parsed.ok ? parsed.value : null;
}
