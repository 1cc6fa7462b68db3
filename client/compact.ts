// Compaction: when live pages are many and small, what they say is said again in few pages that
// supersede them. What to say is asked of rule 13 itself: what would live pages lack without these?
// So a device that goes by it can leave nothing out, and other devices find that out for themselves.
import type { PageId } from '../protocol/commit.ts';
import { paddedLength } from '../crypto/padding.ts';
import type { ItemId } from '../protocol/ids.ts';
import {
	maxCommitPagesBytes,
	maxPagePlaintextBytes,
	maxPagesPerCommit,
	sealOverheadBytes
} from '../protocol/limits.ts';
import { encodeChange, joinRestated, type Change } from '../protocol/page.ts';
import { pageName, type Chain } from './chain.ts';
import type { Coverage } from './coverage.ts';
import { fitsPage, splitIntoRows } from './outbox-pack.ts';
import {
	bytesPerRound,
	packingPatience,
	pagesPerRound,
	pagesWorthPacking,
	stretchMs
} from './packing.ts';
import type { Pages } from './pages.ts';
import type { Content } from './receive.ts';
import type { RewriteJob, Rewriting } from './rewrite.ts';
import type { SyncStatus } from './status.ts';

export interface CompactorParts {
	readonly chain: Chain;
	readonly pages: Pages;
	readonly content: Content;
	readonly coverage: Coverage;
	readonly nowMs: () => number;
}

export class Compactor implements RewriteJob {
	readonly patience = packingPatience;
	readonly #parts: CompactorParts;
	/** Pages that had been superseded when this run began; null before the first. */
	#begunAt: number | null = null;

	constructor(parts: CompactorParts) {
		this.#parts = parts;
	}

	/** Whether so many pages are small that it is time; one that came too late is enough. */
	get isDue(): boolean {
		const { chain, content, coverage } = this.#parts;
		const { small, late } = chain.ledger.packableCount;
		// What was superseded and not compared yet is mended first.
		if (content.packed === undefined || !coverage.isSettled) return false;
		return small >= pagesWorthPacking || late > 0;
	}

	/** How far it has come, whoever does it; null while there is nothing to do. */
	get progress(): SyncStatus['packing'] {
		const { chain } = this.#parts;
		if (!this.isDue) return null;
		const { small, late } = chain.ledger.packableCount;
		const done = this.#begunAt === null ? 0 : chain.superseded.length - this.#begunAt;
		return { done, total: done + small + late };
	}

	#mayPack(page: PageId): boolean {
		const { pages, content } = this.#parts;
		return !pages.isUnread(page) && content.itemsOf(page).length > 0;
	}

	ended(): void {
		if (!this.isDue) this.#begunAt = null;
	}

	async gather(): Promise<(() => Rewriting | null) | null> {
		this.#begunAt ??= this.#parts.chain.superseded.length;
		return this.#gather();
	}

	async #gather(): Promise<(() => Rewriting | null) | null> {
		let batch = this.#oldest();
		while (batch.length > 0) {
			const said = await this.#say(batch);
			if (said === null) return () => null;
			if (said.unsayable.length > 0) {
				batch = this.#without(batch, said.unsayable);
				continue;
			}
			const pages = this.#packed(said.changes);
			if (pages === null && batch.length > 1) batch = batch.slice(0, batch.length / 2);
			else if (pages === null || pages.length >= batch.length) batch = this.#without(batch, batch);
			else return this.#asLongAsLive(batch, pages);
		}
		return null;
	}

	#oldest(): readonly PageId[] {
		const { ledger } = this.#parts.chain;
		const batch: PageId[] = [];
		let sealedBytes = 0;
		for (const { page, bytes } of [...ledger.packable()]) {
			if (!this.#mayPack(page)) {
				ledger.leavePacked(page);
				continue;
			}
			sealedBytes += bytes;
			if (batch.length > 1 && sealedBytes > bytesPerRound) break;
			batch.push(page);
			if (batch.length === pagesPerRound) break;
		}
		return batch;
	}

	/** These stay as they are, for as long as this engine runs. */
	#without(batch: readonly PageId[], kept: readonly PageId[]): readonly PageId[] {
		for (const page of kept) this.#parts.chain.ledger.leavePacked(page);
		return batch.filter((page) => !kept.includes(page));
	}

	/** What live pages would lack without the batch; null if the batch is not live any more. */
	async #say(batch: readonly PageId[]) {
		const { chain, content } = this.#parts;
		const names = new Set(batch.map(pageName));
		const at = (page: PageId) =>
			names.has(pageName(page)) ? chain.head.seq + 1 : (chain.supersededBy(page)?.seq ?? null);
		const changes: Change[] = [];
		const unsayable = new Set<ItemId>();
		let pausedMs = performance.now();
		for (const item of new Set(batch.flatMap((page) => content.itemsOf(page)))) {
			const said = content.packed?.(item, at) ?? null;
			if (said?.every((change) => fitsPage(encodeChange(change))) !== true) unsayable.add(item);
			else changes.push(...said);
			if (performance.now() - pausedMs < stretchMs) continue;
			await new Promise((resolve) => setTimeout(resolve, 0));
			pausedMs = performance.now();
			if (!this.#areLive(batch)) return null;
		}
		const isKept = (page: PageId) => content.itemsOf(page).some((item) => unsayable.has(item));
		return { changes, unsayable: batch.filter(isKept) };
	}

	#areLive(batch: readonly PageId[]): boolean {
		return batch.every((page) => !this.#parts.chain.isSuperseded(page));
	}

	/** In as few pages as there may be; null if that is more than a commit takes. */
	#packed(changes: readonly Change[]): readonly Uint8Array[] | null {
		const restatedMs = Math.max(0, ...changes.map(timeOf)) || this.#parts.nowMs();
		const pages = splitIntoRows(changes.map(encodeChange)).map((page) =>
			joinRestated(page, restatedMs)
		);
		const bytes = pages.reduce(
			(sum, page) => sum + paddedLength(page.length) + sealOverheadBytes,
			0
		);
		const fits = pages.every((page) => page.length <= maxPagePlaintextBytes);
		return fits && pages.length <= maxPagesPerCommit && bytes <= maxCommitPagesBytes ? pages : null;
	}

	#asLongAsLive(batch: readonly PageId[], pages: readonly Uint8Array[]) {
		return (): Rewriting | null => {
			if (!this.#areLive(batch)) return null;
			return { pages, supersedes: batch };
		};
	}
}

const timeOf = (change: Change): number => {
	if (change.type === 'seed') return change.seed.createdAtMs;
	return change.type === 'update' ? (change.writtenMs ?? 0) : 0;
};
