// Content of verified entries: which keys open it, whether its bytes are the signed ones, and what
// to do with what does not open (rules 10 to 12). Every decision here is the same for every kind of
// bad byte: nobody who serves pages learns why one was set aside.
import { equalBytes } from '../protocol/bytes.ts';
import type { LogState } from '../crypto/log-state.ts';
import type { Commit, PageHeader, PageId } from '../protocol/commit.ts';
import type { AccountId, Epoch, Seq, SpaceId } from '../protocol/ids.ts';
import { parsePage, type PageContent } from '../protocol/page.ts';
import { pageName, type PageName } from './chain.ts';
import type { CryptoPort, EpochGrant, SealedPage, UnlockedAccount } from './crypto-port.ts';
import type { PlacedPage } from './items.ts';

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

export class Pages {
	readonly #space: SpaceId;
	readonly #crypto: CryptoPort;
	readonly #me: UnlockedAccount;
	readonly #grants = new Map<Epoch, EpochGrant>();
	/** Pages that did not open, and their authors. */
	readonly setAside = new Map<PageName, AccountId>();
	readonly missing = new Map<PageName, MissingPage>();
	readonly #expiries = new Map<PageName, number>();

	constructor(space: SpaceId, crypto: CryptoPort, me: UnlockedAccount) {
		this.#space = space;
		this.#crypto = crypto;
		this.#me = me;
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
			if (admin.epoch !== null) {
				const { number, commitment } = admin.epoch;
				const { previousKey } = entry;
				this.#grants.set(number, { epoch: number, commitment, wrap: null, previousKey });
				changed = true;
			}
			for (const { index, wrap } of entry.wraps) {
				changed = this.#takeWrap(entry.commit, index, wrap, state) || changed;
			}
		}
		if (changed) await this.#crypto.openEpochs(this.#space, [...this.#grants.values()]);
	}

	#takeWrap(commit: Commit, index: number, bytes: Uint8Array, state: LogState): boolean {
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
			recipientIdentity: this.#me.identityHash,
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

	/** Rule 12: reads what was decrypted; what did not open is set aside under its author's name. */
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
				const content = readContent(decrypted[position]?.[index] ?? null);
				if (content !== null) read.push(placed({ seq, index }, content, commit.timeMs));
				else this.setAside.set(pageName({ seq, index }), commit.author);
			}
		}
		return read;
	}

	async open(entries: readonly ReceivedEntry[]): Promise<readonly PlacedPage[]> {
		return this.read(entries, await this.decrypt(entries));
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
		const content = readContent(opened ?? null);
		if (content !== null) return [placed({ seq, index }, content, commit.timeMs)];
		this.setAside.set(pageName(missing), commit.author);
		return [];
	}

	#placeOf(commit: Commit, header: PageHeader, index: number): SealedPage['place'] {
		const { author, device, count } = commit;
		return { space: this.#space, epoch: header.epoch, author, device, count, index };
	}
}

/** What restates an earlier page was written when that page says. */
const placed = (
	{ seq, index }: PageId,
	{ changes, restatedMs }: PageContent,
	timeMs: number
): PlacedPage => ({ seq, index, timeMs: restatedMs ?? timeMs, changes });

function readContent(plaintext: Uint8Array | null): PageContent | null {
	if (plaintext === null) return null;
	const parsed = parsePage(plaintext);
	return parsed.ok ? parsed.value : null;
}
