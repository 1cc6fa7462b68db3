// What an account must remember, read from its own keyring: which spaces it has, and the newest
// heads that any of its devices has verified. Heads are merged by greatest seq, never by last write.
import { equalBytes } from '../protocol/bytes.ts';
import type { Head } from '../protocol/commit.ts';
import { idFromBytes, bytesOfId, type ItemId, type SpaceId } from '../protocol/ids.ts';
import type { Change, KeyringEntry } from '../protocol/page.ts';
import type { LocalRow, PlacedPage } from './items.ts';
import type { Content } from './receive.ts';

export interface KnownSpace {
	readonly space: SpaceId;
	/** head(0), 32 bytes. */
	readonly genesisHash: Uint8Array;
}

export class Keyring implements Content {
	readonly #onHead: (space: SpaceId, head: Head) => void;
	/** In the order of the log: the first one is the account's first space. */
	readonly #spaces: (KnownSpace & { readonly place: readonly [number, number] })[] = [];
	readonly #heads = new Map<SpaceId, Head>();
	/** Heads that contradict another at the same place: two devices were shown different logs. */
	readonly #conflicts: { readonly space: SpaceId; readonly head: Head }[] = [];

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
			for (const change of changes) {
				if (change.type === 'keyring') this.#take(change.entry, [seq, index]);
			}
		}
	}

	// What is not on the log yet is not known to the account: nothing is read from the outbox.
	applyOutbox(_rows: readonly LocalRow[]): void {}
	removeOutbox(_ids: Iterable<number>): void {}

	#take(entry: KeyringEntry, place: readonly [number, number]): void {
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
	item: idFromBytes<ItemId>(bytesOfId(entry.space)),
	entry
});
