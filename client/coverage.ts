// Rule 13: whatever this device holds from pages that were superseded is still said by live pages.
// Their bytes stay in the store until that was checked, so that a restart loses neither the content
// nor the question. What was left out stays in view, is reported under the name of whoever did it,
// and is written again once, after a random wait and a fresh pull, unless another device was faster.
import { readsContent, writesItems } from '../crypto/log-state.ts';
import type { PageId } from '../protocol/commit.ts';
import type { AccountId, ItemId, SpaceId } from '../protocol/ids.ts';
import type { Change } from '../protocol/page.ts';
import { pageName, type Chain, type PageName, type Superseded } from './chain.ts';
import { toleranceMs } from './presence.ts';
import type { Outbox } from './outbox.ts';
import type { Pages } from './pages.ts';
import type { Content } from './receive.ts';
import type { Loss } from './status.ts';
import type { Store, StoreFault } from './store.ts';

export interface CoverageParts {
	readonly space: SpaceId;
	readonly account: AccountId;
	readonly chain: Chain;
	readonly pages: Pages;
	readonly store: Store;
	readonly content: Content;
	readonly outbox: Outbox;
	readonly nowMs: () => number;
	/** How long to leave the repair to others; random, so that few devices begin at once. */
	readonly repairWaitMs: () => number;
	/** Whether this tab is the one that sends. */
	readonly leads: () => boolean;
	readonly pull: () => void;
	readonly write: (changes: readonly Change[]) => Promise<unknown>;
	readonly onStoreFault: (fault: StoreFault) => void;
	readonly onChange: () => void;
}

/** Items compared before others get their turn. */
const itemsAtOnce = 32;
const longestRepairWaitMs = 5_000;

export function randomRepairWaitMs(): number {
	const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
	return (random / 2 ** 32) * longestRepairWaitMs;
}

export class Coverage {
	readonly #parts: CoverageParts;
	/** Superseded pages whose content is still held here. */
	readonly #held = new Map<PageName, Superseded>();
	/** How many of the chain's superseded pages were looked at. */
	#noticed = 0;
	#missing: ReadonlyMap<ItemId, readonly Change[]> = new Map();
	/** Every item that somebody left out, since this engine started. */
	readonly #leftOut = new Map<AccountId, Set<ItemId>>();
	/** Pages whose content this device wrote again. */
	readonly #written = new Set<PageName>();
	#wait: ReturnType<typeof setTimeout> | undefined;
	/** The wait is over. */
	#due = false;
	#stopped = false;

	constructor(parts: CoverageParts) {
		this.#parts = parts;
	}

	/** Whether all that was superseded was found to be said by live pages. */
	get isSettled(): boolean {
		return this.#held.size === 0 && this.#noticed === this.#parts.chain.superseded.length;
	}

	get losses(): readonly Loss[] {
		return [...this.#leftOut].map(([author, items]) => ({
			author,
			items: items.size,
			missing: [...items].filter((item) => this.#missing.has(item)).length
		}));
	}

	/** What is verified and stored is shown: compares what was superseded with what is live. */
	async check(): Promise<void> {
		this.#notice();
		// Whoever reads no more, or was given a key that opens nothing, can't tell what was said again under keys that came after.
		if (this.#held.size === 0 || !this.#reads) return;
		await this.#drop((page) => this.#parts.chain.wasPurged(page));
		this.#missing = await this.#compare();
		this.#accuse();
		await this.#drop((page) => this.#missingOf(page).length === 0);
		await this.#repair();
		this.#parts.onChange();
	}

	/** Nothing is written after this, also by a check that is under way. */
	stop(): void {
		this.#stopped = true;
		this.#endWait();
	}

	#endWait(): void {
		clearTimeout(this.#wait);
		this.#wait = undefined;
	}

	get #reads(): boolean {
		const { chain, account, pages } = this.#parts;
		const member = chain.state.members.get(account);
		if (member === undefined || !readsContent(member.role)) return false;
		return pages.unusableKeys.length === 0;
	}

	#notice(): void {
		const { chain, content } = this.#parts;
		const { superseded } = chain;
		for (; this.#noticed < superseded.length; this.#noticed++) {
			const next = superseded[this.#noticed];
			if (next === undefined || content.itemsOf(next.page).length === 0) continue;
			this.#held.set(pageName(next.page), next);
		}
	}

	async #compare(): Promise<ReadonlyMap<ItemId, readonly Change[]>> {
		const { chain, content } = this.#parts;
		const missing = new Map<ItemId, readonly Change[]>();
		const items = new Set<ItemId>();
		for (const { page } of this.#held.values()) {
			if (this.#isExempt(page)) continue;
			for (const item of content.itemsOf(page)) items.add(item);
		}
		let compared = 0;
		for (const item of items) {
			const changes = content.missing(item, (page) => chain.supersededBy(page)?.seq ?? null);
			if (changes !== null) missing.set(item, changes);
			if (++compared % itemsAtOnce === 0) await new Promise((resolve) => setTimeout(resolve, 0));
		}
		return missing;
	}

	/** What expires within a day may be left out; so may what an owner purged, as owners may. */
	#isExempt(page: PageId): boolean {
		if (this.#parts.chain.wasPurged(page)) return true;
		const expiresAtMs = this.#parts.pages.expiryOf(page);
		return expiresAtMs !== null && expiresAtMs <= this.#parts.nowMs() + toleranceMs;
	}

	#accuse(): void {
		for (const { page, by } of this.#held.values()) {
			for (const item of this.#missingOf(page)) {
				const items = this.#leftOut.get(by.author) ?? new Set();
				this.#leftOut.set(by.author, items.add(item));
			}
		}
	}

	#missingOf(page: PageId): readonly ItemId[] {
		if (this.#isExempt(page)) return [];
		return this.#parts.content.itemsOf(page).filter((item) => this.#missing.has(item));
	}

	/** What was purged goes before anything is compared: nobody who says the rest again left it out. */
	async #drop(isDone: (page: PageId) => boolean): Promise<void> {
		const { space, content, store, onStoreFault } = this.#parts;
		const done = [...this.#held.values()].map(({ page }) => page).filter(isDone);
		if (done.length === 0) return;
		content.release(done);
		for (const page of done) this.#held.delete(pageName(page));
		const dropped = await store.fillPages(
			space,
			done.map(({ seq, index }) => ({ seq, index, page: null }))
		);
		if (!dropped.ok) onStoreFault(dropped.error);
	}

	async #repair(): Promise<void> {
		const { leads, outbox, write } = this.#parts;
		const open = [...this.#held].filter(([name, { page }]) => this.#mayWrite(name, page));
		if (open.length === 0) {
			this.#endWait();
			this.#due = false;
			return;
		}
		if (!leads() || this.#stopped) return;
		if (!this.#due) this.#startWait();
		// What waits may be this very repair, written before a restart.
		else if (outbox.waiting === 0) {
			this.#due = false;
			const items = new Set(open.flatMap(([, { page }]) => this.#missingOf(page)));
			for (const [name] of open) this.#written.add(name);
			await write([...items].flatMap((item) => this.#missing.get(item) ?? []));
		}
	}

	/** Once for each page; what is to expire is not written again, as it would then stay. */
	#mayWrite(name: PageName, page: PageId): boolean {
		const { chain, account, pages } = this.#parts;
		const member = chain.state.members.get(account);
		if (member === undefined || !writesItems(member.role)) return false;
		return !this.#written.has(name) && pages.expiryOf(page) === null;
	}

	#startWait(): void {
		this.#wait ??= setTimeout(() => {
			this.#wait = undefined;
			this.#due = true;
			this.#parts.pull();
		}, this.#parts.repairWaitMs());
	}
}
