// Pages of the log that are not shown any more, or never were here: read from this device's store, or
// asked from the edge, which keeps superseded pages for the retention of the space. Believed like any
// other page, by the signed hash.
import { equalBytes } from '../protocol/bytes.ts';
import { parseCommit, type Commit, type PageId } from '../protocol/commit.ts';
import { encodeClientFrame, type FetchedPage } from '../protocol/frames.ts';
import type { SpaceId } from '../protocol/ids.ts';
import { maxPagesPerFetch } from '../protocol/limits.ts';
import { parsePage, type PageContent } from '../protocol/page.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { Answer } from './api.ts';
import { pageName, type PageName } from './chain.ts';
import type { CryptoPort, SealedPage } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { Store, StoredEntry } from './store.ts';

export interface PastPagesParts {
	readonly space: SpaceId;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly send: (frame: Uint8Array) => boolean;
}

/** A page of the log, opened: with the commit that brought it. */
export interface PastPage extends PageContent {
	readonly page: PageId;
	readonly commit: Commit;
}

/** Pages as asked for; null for those that are gone, or do not open. */
export type ReadPages = ReadonlyMap<PageName, PastPage | null>;

type Ask = (pages: readonly PageId[]) => Answer<readonly FetchedPage[]>;
type Waiter = (page: FetchedPage | null) => void;

interface Found {
	readonly commit: Commit;
	/** Null: not in this device's store. */
	readonly bytes: Uint8Array | null;
}

export class PastPages {
	readonly #parts: PastPagesParts;
	readonly #waiting = new Map<PageName, Waiter[]>();

	constructor(parts: PastPagesParts) {
		this.#parts = parts;
	}

	/** Asks the edge for the bytes of pages; `offline` if the connection ends before they are there. */
	async ask(pages: readonly PageId[]): Answer<readonly FetchedPage[]> {
		const answers = pages.map(
			(page) =>
				new Promise<FetchedPage | null>((resolve) => {
					const name = pageName(page);
					this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]);
				})
		);
		for (let start = 0; start < pages.length; start += maxPagesPerFetch) {
			const some = pages.slice(start, start + maxPagesPerFetch);
			const sent = this.#parts.send(encodeClientFrame({ type: 'fetch', pages: some }));
			if (!sent) this.lost();
		}
		const fetched = await Promise.all(answers);
		return fetched.every((page) => page !== null) ? ok(fetched) : fail('offline');
	}

	arrived(fetched: readonly FetchedPage[]): void {
		for (const page of fetched) {
			const name = pageName(page);
			for (const tell of this.#waiting.get(name) ?? []) tell(page);
			this.#waiting.delete(name);
		}
	}

	/** Nothing that was asked for will come any more. */
	lost(): void {
		for (const waiters of this.#waiting.values()) for (const tell of waiters) tell(null);
		this.#waiting.clear();
	}

	/** Reads and opens pages; what is not in the store comes by `ask`. */
	async read(pages: readonly PageId[], ask: Ask): Promise<Result<ReadPages, TacetError>> {
		const found = await this.#find(pages);
		if (!found.ok) return found;
		const absent = pages.filter((page) => found.value.get(pageName(page))?.bytes === null);
		const fetched = absent.length === 0 ? ok([]) : await ask(absent);
		if (!fetched.ok) return fetched;
		for (const { page, ...id } of fetched.value) {
			const commit = found.value.get(pageName(id))?.commit;
			if (commit !== undefined) found.value.set(pageName(id), { commit, bytes: page });
		}
		return ok(await this.#open(pages, found.value));
	}

	async #find(pages: readonly PageId[]): Promise<Result<Map<PageName, Found>, TacetError>> {
		const { space, store } = this.#parts;
		const entries = new Map<number, StoredEntry>();
		for (const { seq } of pages) {
			if (entries.has(seq)) continue;
			const loaded = await store.loadEntries(space, seq - 1, maxPagesPerFetch);
			if (!loaded.ok) return fail(loaded.error);
			for (const entry of loaded.value) entries.set(entry.seq, entry);
		}
		const found = new Map<PageName, Found>();
		for (const page of pages) {
			const entry = entries.get(page.seq);
			const commit = entry && parseCommit(entry.commit);
			if (!commit?.ok) continue;
			found.set(pageName(page), { commit: commit.value, bytes: entry?.pages[page.index] ?? null });
		}
		return ok(found);
	}

	async #open(pages: readonly PageId[], found: ReadonlyMap<PageName, Found>): Promise<ReadPages> {
		const read = new Map<PageName, PastPage | null>(pages.map((page) => [pageName(page), null]));
		const given = pages.flatMap((page) => {
			const { commit, bytes = null } = found.get(pageName(page)) ?? {};
			return commit === undefined || bytes === null ? [] : [{ page, commit, bytes }];
		});
		const { crypto } = this.#parts;
		const hashes = await crypto.hashPages(given.map(({ bytes }) => bytes));
		const good = given.filter(({ page, commit, bytes }, position) => {
			const header = commit.pages[page.index];
			const hash = hashes[position];
			if (header === undefined || hash === undefined) return false;
			return header.lengthBytes === bytes.length && equalBytes(header.hash, hash);
		});
		const opened = await crypto.openPages(good.map((one) => this.#sealed(one)));
		for (const [position, { page, commit }] of good.entries()) {
			const plaintext = opened[position] ?? null;
			const parsed = plaintext === null ? null : parsePage(plaintext);
			if (parsed?.ok) read.set(pageName(page), { page, commit, ...parsed.value });
		}
		return read;
	}

	#sealed(one: { page: PageId; commit: Commit; bytes: Uint8Array }): SealedPage {
		const { author, device, count, pages } = one.commit;
		const { index } = one.page;
		const epoch = pages[index]?.epoch ?? 0;
		const place = { space: this.#parts.space, epoch, author, device, count, index };
		return { place, sealed: one.bytes };
	}
}
