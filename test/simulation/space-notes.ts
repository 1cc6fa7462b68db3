// What somebody sees of a space in a world, and whether it is theirs to see.
import type { ItemSummary, ItemText } from '../../client/items.ts';
import type { AccountId, ItemId, Seq } from '../../protocol/ids.ts';
import type { Mark } from './simulated-profile.ts';
import { mayRead } from './space-log.ts';
import type { Place } from './space-place.ts';
import type { SpaceWorld } from './space-world.ts';

/** One space, where everything stands in it, and how it looks to a device that comes to it anew. */
export interface Judged {
	readonly world: SpaceWorld;
	readonly place: Place;
	/** Where each thing that somebody did stands on the log. */
	readonly places: ReadonlyMap<Mark, Seq>;
	readonly shown: readonly Note[];
}

/** Names of what somebody may not have read of what they see. */
export function notToBeRead(
	text: string,
	who: { readonly account: AccountId; readonly saved?: ReadonlySet<Mark> },
	{ world, place, places }: Judged
): readonly string[] {
	const names = new Set(text.match(/«\d+»/g) ?? []);
	const isReadable = (mark: Mark): boolean => {
		if (who.saved?.has(mark) === true) return true;
		const seq = places.get(mark);
		return seq !== undefined && mayRead(place.log, who.account, seq);
	};
	return [...names].filter((name) => {
		const bearing = world.marks.filter(
			(mark) =>
				mark.space === place.space &&
				(mark.name === name || (mark.kind === 'copy' && mark.carries.includes(name)))
		);
		return !bearing.some(isReadable);
	});
}

export interface Note extends Pick<ItemText, 'title' | 'body' | 'trashedAtMs' | 'updatedAtMs'> {
	readonly id: string;
}

interface Listing {
	readonly list: readonly ItemSummary[];
	readonly trashed: readonly ItemSummary[];
	read(id: ItemId): ItemText | null;
}

export const textOf = (notes: readonly Note[]): string =>
	notes.map(({ title, body }) => title + body).join(' ');

export function notesOf(items: Listing): readonly Note[] {
	return [...items.list, ...items.trashed]
		.flatMap(({ id }): readonly Note[] => {
			const text = items.read(id);
			if (text === null) return [];
			const { title, body, trashedAtMs, updatedAtMs } = text;
			return [{ id, title, body, trashedAtMs, updatedAtMs }];
		})
		.sort((a, b) => (a.id < b.id ? -1 : 1));
}
