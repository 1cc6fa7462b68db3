// What an account must remember, read from its own keyring: which spaces it has, and the newest
// heads that any of its devices has verified. Heads are merged by greatest seq, never by last write.
import { equalBytes } from '../protocol/bytes.ts';
import type { Head, PageId } from '../protocol/commit.ts';
import type { ItemId, SpaceId } from '../protocol/ids.ts';
import { keyringItem, type KeyringEntry } from '../protocol/keyring-entry.ts';
import type { Change } from '../protocol/page.ts';
import { pageName, type PageName } from './chain.ts';
import type { SupersededAt } from './item-coverage.ts';
import type { LocalRow, PlacedPage } from './items.ts';
import type { Content } from './receive.ts';

export interface KnownSpace {
	readonly space: SpaceId;
	/** head(0), 32 bytes. */
	readonly genesisHash: Uint8Array;
}

interface PlacedEntry {
	readonly page: PageId;
	readonly entry: KeyringEntry;
}

export class Keyring implements Content {
	readonly #onHead: (space: SpaceId, head: Head) => void;
	/** In the order of the log: the first one is the account's first space. */
	readonly #spaces: (KnownSpace & { readonly place: readonly [number, number] })[] = [];
	readonly #heads = new Map<SpaceId, Head>();
	/** Heads that contradict another at the same place: two devices were shown different logs. */
	readonly #conflicts: { readonly space: SpaceId; readonly head: Head }[] = [];

	/** By the page that brought them. */
	readonly #entries = new Map<PageName, readonly PlacedEntry[]>();

	/** @param onHead called for each head that says something new. */
	constructor(onHead: (space: SpaceId, head: Head) => void) {
		this.#onHead = onHead;
	}

	get firstSpace(): KnownSpace | null {
		return this.#spaces[0] ?? null;
	}

	headOf(space: SpaceId): Head | null {
		return this.#heads.get(space) ?? null;
	}

	/** What must lie on the log of a space: the newest head, and whatever contradicts one. */
	headsOf(space: SpaceId): readonly Head[] {
		const newest = this.#heads.get(space);
		const conflicts = this.#conflicts.filter((conflict) => conflict.space === space);
		return [...(newest === undefined ? [] : [newest]), ...conflicts.map(({ head }) => head)];
	}

	applyPages(pages: readonly PlacedPage[]): void {
		for (const { seq, index, changes } of pages) {
			const entries = changes.flatMap((change) =>
				change.type === 'keyring' ? [change.entry] : []
			);
			const page = { seq, index };
			this.#entries.set(
				pageName(page),
				entries.map((entry) => ({ page, entry }))
			);
			for (const entry of entries) this.#take(entry, [seq, index]);
		}
	}

	itemsOf(page: PageId): readonly ItemId[] {
		const entries = this.#entries.get(pageName(page)) ?? [];
		return [...new Set(entries.map(({ entry }) => keyringItem(entry)))];
	}

	/** Rule 13: every space is still named, and a head at least as new as the newest held. */
	missing(item: ItemId, supersededAt: SupersededAt): readonly Change[] | null {
		const held = [...this.#entries.values()].flat().filter(({ entry }) => keyringItem(entry) === item);
		const live = held.filter(({ page }) => supersededAt(page) === null);
		const missing = held.filter(
			({ page, entry }) =>
				supersededAt(page) !== null && !live.some((other) => covers(other.entry, entry))
		);
		// Of those, the newest say what the others do.
		const needed = missing.filter(
			({ entry }, index) =>
				!missing.some(
					(other, place) =>
						covers(other.entry, entry) && (place > index || !covers(entry, other.entry))
				)
		);
		return needed.length === 0 ? null : needed.map(({ entry }) => keyringChange(entry));
	}

	/** What was read stays known: heads only grow, and spaces are not forgotten. */
	release(pages: readonly PageId[]): void {
		for (const page of pages) this.#entries.delete(pageName(page));
	}

	freedBy(): readonly PageId[] {
		return [];
	}

	// What is not on the log yet is not known to the account: nothing is read from the outbox.
	applyOutbox(_rows: readonly LocalRow[]): void {}
	removeOutbox(_ids: Iterable<number>): void {}

	#take(entry: KeyringEntry, place: readonly [number, number]): void {
		if (entry.type !== 'space' && entry.type !== 'head') return;
		const { space } = entry;
		if (entry.type === 'space') {
			if (this.#spaces.some((known) => known.space === space)) return;
			this.#spaces.push({ space, genesisHash: entry.genesisHash, place });
			this.#spaces.sort((a, b) => a.place[0] - b.place[0] || a.place[1] - b.place[1]);
			return;
		}
		const { seq, hash } = entry;
		const known = this.#heads.get(space);
		const head = { seq, hash };
		if (known?.seq === seq && !equalBytes(known.hash, hash)) {
			this.#conflicts.push({ space, head });
		} else if (known !== undefined && known.seq >= seq) return;
		else this.#heads.set(space, head);
		this.#onHead(space, head);
	}
}

/** Entries about a space carry its bytes as their item's id: one item a space. */
export const keyringChange = (entry: KeyringEntry): Change => ({
	type: 'keyring',
	item: keyringItem(entry),
	entry
});

/** Whether `entry` says at least what `other`, of the same space, does. */
function covers(entry: KeyringEntry, other: KeyringEntry): boolean {
	if (entry.type === 'space') {
		return other.type === 'space' && equalBytes(entry.genesisHash, other.genesisHash);
	}
	if (entry.type !== 'head' || other.type !== 'head') return false;
	return entry.seq > other.seq || (entry.seq === other.seq && equalBytes(entry.hash, other.hash));
}
