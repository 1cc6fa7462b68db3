// After an epoch was opened, live pages under older ones are written again under the open one: page
// for page, with the time that each was written first.
import { parseCommit, type PageId } from '../protocol/commit.ts';
import type { Seq, SpaceId } from '../protocol/ids.ts';
import {
	maxCommitPagesBytes,
	maxPagePlaintextBytes,
	maxPagesPerCommit
} from '../protocol/limits.ts';
import { encodePage, parsePage } from '../protocol/page.ts';
import type { EpochStatus } from './api-sharing.ts';
import { pageName, type Chain, type PageName } from './chain.ts';
import type { CryptoPort } from './crypto-port.ts';
import type { Pages } from './pages.ts';
import type { Content } from './receive.ts';
import type { RewriteJob, Rewriting } from './rewrite.ts';
import type { Store, StoreFault } from './store.ts';

export interface ResealerParts {
	readonly space: SpaceId;
	readonly chain: Chain;
	readonly pages: Pages;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly content: Content;
	readonly onStoreFault: (fault: StoreFault) => void;
}

/** A live page under an older epoch, and what to say in its place; null: nothing but what is over. */
interface Restated {
	readonly page: PageId;
	readonly plaintext: Uint8Array | null;
	/** Of the page that it replaces, sealed: the new one is about as long. */
	readonly sealedBytes: number;
}

export class Resealer implements RewriteJob {
	readonly patience = 1;
	readonly #parts: ResealerParts;
	/** Pages that this device can't say again: they did not open, or their bytes are not here. */
	readonly #unreadable = new Set<PageName>();

	constructor(parts: ResealerParts) {
		this.#parts = parts;
	}

	/** Null once every live page that can be opened is under the open epoch. */
	get progress(): EpochStatus['resealing'] {
		const { chain } = this.#parts;
		const { openEpoch } = chain.state;
		const { total, before } = chain.ledger.countLive(openEpoch);
		if (before === 0) return null;
		const left = [...this.#old()].length;
		return left === 0 ? null : { done: total - before, total: total - before + left };
	}

	get isDue(): boolean {
		const { ledger, state } = this.#parts.chain;
		// Looked at after every commit: a log of one epoch must not be walked through for it.
		return ledger.countLive(state.openEpoch).before > 0 && this.#old().next().done !== true;
	}

	*#old(): Generator<PageId> {
		const { chain, pages } = this.#parts;
		for (const page of chain.ledger.liveBefore(chain.state.openEpoch)) {
			if (!pages.isUnread(page) && !this.#unreadable.has(pageName(page))) yield page;
		}
	}

	async gather(): Promise<(() => Rewriting | null) | null> {
		const { chain } = this.#parts;
		const batch = await this.#gather();
		if (batch.length === 0) return null;
		return () => {
			const live = batch.filter(({ page }) => !chain.isSuperseded(page));
			if (live.length === 0) return null;
			const pages = live.flatMap(({ plaintext }) => (plaintext === null ? [] : [plaintext]));
			return { pages, supersedes: live.map(({ page }) => page) };
		};
	}

	/** As many as one commit takes, oldest first. */
	async #gather(): Promise<readonly Restated[]> {
		const batch: Restated[] = [];
		let bytes = 0;
		for (const page of this.#old()) {
			if (batch.length === maxPagesPerCommit) break;
			const restated = await this.#restate(page);
			if (restated === null) {
				this.#unreadable.add(pageName(page));
				continue;
			}
			// The time that is said again may take a page to the next padded length.
			bytes += restated.sealedBytes * 1.1 + 64;
			if (bytes > maxCommitPagesBytes && batch.length > 0) break;
			batch.push(restated);
		}
		return batch;
	}

	async #restate(page: PageId): Promise<Restated | null> {
		const { content } = this.#parts;
		const opened = await this.#open(page);
		if (opened === null) return null;
		const { changes, timeMs, sealedBytes } = opened;
		const said = content.restated?.(page, changes) ?? changes;
		if (said.length === 0) return { page, plaintext: null, sealedBytes: 0 };
		const plaintext = encodePage(said, timeMs);
		return plaintext.length > maxPagePlaintextBytes ? null : { page, plaintext, sealedBytes };
	}

	async #open({ seq, index }: PageId) {
		const { space, crypto } = this.#parts;
		const sealed = await this.#load(seq, index);
		if (sealed === null) return null;
		const { commit, bytes } = sealed;
		const { author, device, count, timeMs } = commit;
		const epoch = commit.pages[index]?.epoch ?? 0;
		const place = { space, epoch, author, device, count, index };
		const [plaintext] = await crypto.openPages([{ place, sealed: bytes }]);
		const parsed = plaintext ? parsePage(plaintext) : null;
		if (!parsed?.ok) return null;
		const { changes, restatedMs } = parsed.value;
		return { changes, timeMs: restatedMs ?? timeMs, sealedBytes: bytes.length };
	}

	async #load(seq: Seq, index: number) {
		const { space, store, onStoreFault } = this.#parts;
		const loaded = await store.loadEntries(space, seq - 1, 1);
		if (!loaded.ok) {
			onStoreFault(loaded.error);
			return null;
		}
		const [entry] = loaded.value;
		const bytes = entry?.pages[index] ?? null;
		const commit = entry === undefined ? null : parseCommit(entry.commit);
		return bytes === null || !commit?.ok ? null : { commit: commit.value, bytes };
	}
}
