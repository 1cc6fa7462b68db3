// Rule 10 at the head on offer: every live page that this role reads has its signed bytes. What is
// missing is asked for again; only what is still live after that, and not expired, is a fault.
import { readsContent } from '../crypto/log-state.ts';
import { encodeClientFrame, type FetchedPage } from '../protocol/frames.ts';
import type { AccountId, SpaceId } from '../protocol/ids.ts';
import { maxPagesPerFetch } from '../protocol/limits.ts';
import { pageName, type Chain } from './chain.ts';
import type { MissingPage, Pages } from './pages.ts';
import type { Content } from './receive.ts';
import type { Store, StoreFault } from './store.ts';

export interface PresenceParts {
	readonly space: SpaceId;
	readonly account: AccountId;
	readonly chain: Chain;
	readonly pages: Pages;
	readonly store: Store;
	readonly content: Content;
	readonly nowMs: () => number;
	readonly send: (frame: Uint8Array) => boolean;
	readonly onStoreFault: (fault: StoreFault) => void;
}

/** Clocks differ: a page that expires within a day may be gone already. */
export const toleranceMs = 86_400_000;

export class Presence {
	readonly #parts: PresenceParts;

	constructor(parts: PresenceParts) {
		this.#parts = parts;
	}

	/** Requests of an earlier connection are not answered any more. */
	reset(): void {
		for (const page of this.#parts.pages.missing.values()) page.asked = 0;
	}

	/** Whether a live page was asked for, and is not given. */
	get isBroken(): boolean {
		return this.#live().some(({ asked }) => asked > 1);
	}

	/** Asks for what is missing and was not asked for yet. Answers whether anything is missing. */
	ask(): boolean {
		const live = this.#live();
		const missing = live.filter(({ asked }) => asked === 0);
		for (let start = 0; start < missing.length; start += maxPagesPerFetch) {
			const pages = missing.slice(start, start + maxPagesPerFetch);
			for (const page of pages) page.asked = 1;
			this.#parts.send(encodeClientFrame({ type: 'fetch', pages }));
		}
		return live.length > 0;
	}

	/** Missing pages that nothing explains: not superseded, not expired, meant for this role. */
	#live(): MissingPage[] {
		const { chain, pages, account, nowMs } = this.#parts;
		const member = chain.state.members.get(account);
		if (member === undefined || !readsContent(member.role)) return [];
		const expiredAtMs = nowMs() + toleranceMs;
		// A superseded page never becomes live again.
		for (const [name, page] of pages.missing) {
			if (chain.isSuperseded(page)) pages.missing.delete(name);
		}
		return [...pages.missing.values()].filter((page) => {
			const { expiresAtMs } = page.header;
			return !(expiresAtMs !== null && expiresAtMs <= expiredAtMs);
		});
	}

	/** @returns whether all that came was good; else what is live now must be pulled first. */
	async take(fetched: readonly FetchedPage[]): Promise<boolean> {
		let complete = true;
		for (const { seq, index, page } of fetched) {
			const missing = this.#parts.pages.missing.get(pageName({ seq, index }));
			if (missing === undefined || (page !== null && (await this.#fill(missing, page)))) continue;
			missing.asked = 2;
			complete = false;
		}
		return complete;
	}

	/** Takes from this device's store what another tab was given. Answers whether nothing is missing then. */
	async recall(): Promise<boolean> {
		const { space, pages, store, content } = this.#parts;
		for (const missing of this.#live()) {
			const stored = await store.loadEntries(space, missing.seq - 1, 1);
			const page = stored.ok ? (stored.value[0]?.pages[missing.index] ?? null) : null;
			const placed = page === null ? null : await pages.fill(missing, page);
			if (placed !== null) content.applyPages(placed);
		}
		return this.#live().length === 0;
	}

	async #fill(missing: MissingPage, page: Uint8Array): Promise<boolean> {
		const { space, pages, store, content, onStoreFault } = this.#parts;
		const placed = await pages.fill(missing, page);
		if (placed === null) return false;
		const { seq, index } = missing;
		const kept = await store.fillPages(space, [{ seq, index, page }]);
		if (!kept.ok) onStoreFault(kept.error);
		content.applyPages(placed);
		return true;
	}
}
