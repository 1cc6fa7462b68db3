// What a list begins with, for a tab that is about to be handed the keys: titles and first lines of
// the newest notes, said by the tab that has them open. They go from tab to tab and are kept nowhere.
import type { ItemId, SpaceId } from '../protocol/ids.ts';
import type { Space } from './api.ts';

export interface FirstRow {
	readonly id: ItemId;
	readonly space: SpaceId;
	/** Of a space that is not the account's first, and is shared as one; else ''. */
	readonly spaceName: string;
	/** The note has a space of its own. */
	readonly isShared: boolean;
	readonly title: string;
	readonly snippet: string;
	readonly path: string | null;
	readonly updatedAtMs: number;
	readonly waiting: boolean;
}

export interface FirstRows {
	/** Newest first. */
	readonly rows: readonly FirstRow[];
	/** Of all notes. */
	readonly total: number;
	/** There is more than one space to choose from. */
	readonly isOfSeveral: boolean;
	/** What the whole list is made of. */
	readonly spaces: readonly SpaceId[];
}

/** More than a screen shows. */
const maxRows = 30;

/** @param spaces the account's first one first. */
export function firstRowsOf(spaces: readonly Space[]): FirstRows {
	const here = spaces.filter(({ sync }) => sync.problem !== 'removed');
	const newest = here.flatMap((space) =>
		space.items.slice(0, maxRows).map((item) => ({ space, item }))
	);
	// Each part is sorted already.
	newest.sort((a, b) => b.item.updatedAtMs - a.item.updatedAtMs);
	return {
		rows: newest.slice(0, maxRows).map(({ space, item }): FirstRow => {
			const { id, title, snippet, path, updatedAtMs, waiting } = item;
			const isShared = space.kind === 'item';
			const spaceName = isShared || space === spaces[0] ? '' : space.name;
			return {
				id,
				space: space.id,
				spaceName,
				isShared,
				title,
				snippet,
				path,
				updatedAtMs,
				waiting
			};
		}),
		total: here.reduce((sum, { items }) => sum + items.length, 0),
		isOfSeveral: here.filter(({ kind }) => kind === 'space').length > 1,
		spaces: spaces.map(({ id }) => id)
	};
}
