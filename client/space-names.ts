// What a space is called, and what its members are called there: for each the name that was placed
// last on its log, or waits on this device. A page that says an older one again, under a new key,
// counts as placed where its author had seen the log up to: whoever renamed the space meanwhile is
// not overruled. Who said a name first is not known any more once it was said again.
import type { PageId } from '../protocol/commit.ts';
import type { ItemId, Seq } from '../protocol/ids.ts';
import { maxPagesPerCommit } from '../protocol/limits.ts';
import type { Change, SpaceKind } from '../protocol/page.ts';
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

/** What replace each other: all names of the space, and those of each member. */
const slotOf = ({ kind, item }: NameChange): ItemId | 'space' =>
	kind === 'member' ? item : 'space';

const isSpaceName = (change: NameChange): change is NameChange & { readonly kind: SpaceKind } =>
	change.kind !== 'member';

export class SpaceNames {
	/** Of each slot, the one that counts comes last. */
	#placed: PlacedName[] = [];
	readonly #waiting = new Map<number, readonly NameChange[]>();
	/** Made when somebody looks. */
	#ofMembers: ReadonlyMap<ItemId, string> | null = null;

	get current(): (NameChange & { readonly kind: SpaceKind }) | null {
		const last = this.#said.filter(isSpaceName).at(-1);
		return last ?? null;
	}

	/** What a member is called here; null if nobody has said so. */
	ofMember(item: ItemId): string | null {
		this.#ofMembers ??= new Map(
			this.#said.filter(({ kind }) => kind === 'member').map((said) => [said.item, said.name])
		);
		return this.#ofMembers.get(item) ?? null;
	}

	/** All of them, with what waits at the end. */
	get #said(): readonly NameChange[] {
		return [...this.#placed.map(({ change }) => change), ...[...this.#waiting.values()].flat()];
	}

	#lastOf(slot: ItemId | 'space'): PlacedName | undefined {
		return this.#placed.findLast(({ change }) => slotOf(change) === slot);
	}

	place(change: NameChange, page: PageId & { readonly restatedAfter?: Seq }): void {
		const { seq, index, restatedAfter } = page;
		const rank =
			restatedAfter === undefined
				? { seq, index }
				: { seq: restatedAfter, index: maxPagesPerCommit + index };
		this.#ofMembers = null;
		// Sorting is stable: of two in one page the later counts.
		this.#placed = [...this.#placed, { change, page: { seq, index }, rank }].sort(byRank);
	}

	wait(change: NameChange, outboxId: number): void {
		this.#ofMembers = null;
		this.#waiting.set(outboxId, [...(this.#waiting.get(outboxId) ?? []), change]);
	}

	removeWaiting(outboxId: number): void {
		this.#ofMembers = null;
		this.#waiting.delete(outboxId);
	}

	/** Whether this is the change that counts. */
	counts(change: NameChange, page: PageId): boolean {
		const last = this.#lastOf(slotOf(change));
		return (
			last?.page.seq === page.seq && last.page.index === page.index && isSame(last.change, change)
		);
	}

	/** Rule 13: the name that counts, if no live page says it; null if one does. */
	missing(item: ItemId, at: SupersededAt): NameChange | null {
		const last = [this.#lastOf('space'), this.#lastOf(item)].find(
			(placed) => placed?.change.item === item
		);
		if (last === undefined) return null;
		const slot = slotOf(last.change);
		const live = this.#placed.findLast(
			({ change, page }) => slotOf(change) === slot && at(page) === null
		);
		return live !== undefined && isSame(live.change, last.change) ? null : last.change;
	}

	/** Forgets what these pages brought. */
	release(isReleased: (page: PageId) => boolean): void {
		this.#ofMembers = null;
		this.#placed = this.#placed.filter(({ page }) => !isReleased(page));
	}
}
