// What a space is called: the name that was placed last on its log, or waits on this device. A page
// that says an older one again, under a new key, counts as placed where its author had seen the log
// up to: whoever renamed the space meanwhile is not overruled.
import type { PageId } from '../protocol/commit.ts';
import type { ItemId, Seq } from '../protocol/ids.ts';
import { maxPagesPerCommit } from '../protocol/limits.ts';
import type { Change } from '../protocol/page.ts';
import type { SupersededAt } from './item-coverage.ts';

export type NameChange = Extract<Change, { readonly type: 'name' }>;

interface PlacedName {
	readonly change: NameChange;
	readonly page: PageId;
	/** Where it counts as placed. */
	readonly rank: PageId;
}

const byRank = (a: PlacedName, b: PlacedName): number =>
	a.rank.seq - b.rank.seq || a.rank.index - b.rank.index;

const isSame = (a: NameChange, b: NameChange): boolean =>
	a.item === b.item && a.kind === b.kind && a.name === b.name;

export class SpaceNames {
	/** The one that counts at the end. */
	#placed: PlacedName[] = [];
	readonly #waiting = new Map<number, NameChange>();

	get current(): NameChange | null {
		return [...this.#waiting.values()].at(-1) ?? this.#placed.at(-1)?.change ?? null;
	}

	place(change: NameChange, page: PageId & { readonly restatedAfter?: Seq }): void {
		const { seq, index, restatedAfter } = page;
		const rank =
			restatedAfter === undefined
				? { seq, index }
				: { seq: restatedAfter, index: maxPagesPerCommit + index };
		// Sorting is stable: of two in one page the later counts.
		this.#placed = [...this.#placed, { change, page: { seq, index }, rank }].sort(byRank);
	}

	wait(change: NameChange, outboxId: number): void {
		this.#waiting.set(outboxId, change);
	}

	removeWaiting(outboxId: number): void {
		this.#waiting.delete(outboxId);
	}

	/** Whether this is the change that counts. */
	counts(change: NameChange, page: PageId): boolean {
		const last = this.#placed.at(-1);
		return (
			last?.page.seq === page.seq && last.page.index === page.index && isSame(last.change, change)
		);
	}

	/** Rule 13: the name that counts, if no live page says it; null if one does. */
	missing(item: ItemId, at: SupersededAt): NameChange | null {
		const last = this.#placed.at(-1);
		if (last?.change.item !== item) return null;
		const live = this.#placed.filter(({ page }) => at(page) === null).at(-1);
		return live !== undefined && isSame(live.change, last.change) ? null : last.change;
	}

	/** Forgets what these pages brought. */
	release(isReleased: (page: PageId) => boolean): void {
		this.#placed = this.#placed.filter(({ page }) => !isReleased(page));
	}
}
