// Several spaces looked at as one: lists, search and sync put together.
import type { ItemSummary, SearchHit, Space, SyncStatus } from '../../../client/index.ts';
import type { ItemId, SpaceId } from '../../../protocol/ids.ts';

export interface ListRow {
	readonly item: ItemSummary;
	readonly hit: SearchHit | null;
	readonly space: Space;
}

/** A note and where it lies: ids of notes are told apart by their space. */
export interface Placed {
	readonly space: Space;
	readonly id: ItemId;
}

export const rowKey = ({
	space,
	item
}: {
	readonly space: Space;
	readonly item: { readonly id: ItemId };
}): string => `${space.id}/${item.id}`;

/** What is here was verified before; nothing newer comes. */
export const isRemoved = (space: Space): boolean => space.sync.problem === 'removed';

/** This device signs nothing there any more: it can be put away without telling the log. */
export const isStopped = ({ sync }: Space): boolean =>
	sync.trust.state === 'not_trusted' ||
	sync.ownerFaults.some(({ fault }) => fault === 'identity_replaced');

export const mayWrite = (space: Space): boolean =>
	(space.role === 'owner' || space.role === 'editor') &&
	!isRemoved(space) &&
	space.sync.trust.state === 'verified';

type ListOf = (space: Space) => readonly ItemSummary[];
type Newest = (item: ItemSummary) => number;

/** The lists of several spaces as one, made again only if one of them was replaced. */
export class MergedList {
	readonly #listOf: ListOf;
	readonly #newest: Newest;
	#from: readonly (readonly [SpaceId, readonly ItemSummary[]])[] = [];
	#rows: readonly ListRow[] = [];

	constructor(listOf: ListOf, newest: Newest) {
		this.#listOf = listOf;
		this.#newest = newest;
	}

	of(spaces: readonly Space[]): readonly ListRow[] {
		const from = spaces.map((space) => [space.id, this.#listOf(space)] as const);
		const same =
			from.length === this.#from.length &&
			from.every(([id, list], at) => id === this.#from[at]?.[0] && list === this.#from[at]?.[1]);
		if (same) return this.#rows;
		this.#from = from;
		const rows = spaces.flatMap((space, at) =>
			(from[at]?.[1] ?? []).map((item) => ({ item, hit: null, space }))
		);
		// Each part is sorted already, which makes this cheap.
		if (spaces.length > 1) rows.sort((a, b) => this.#newest(b.item) - this.#newest(a.item));
		return (this.#rows = rows);
	}
}

const byIdOfLists = new WeakMap<readonly ItemSummary[], ReadonlyMap<ItemId, ItemSummary>>();

/** Made once for each list: a search asks with every letter, and the list stays. */
function itemsById(list: readonly ItemSummary[]): ReadonlyMap<ItemId, ItemSummary> {
	const known = byIdOfLists.get(list);
	if (known) return known;
	const made = new Map(list.map((item) => [item.id, item]));
	byIdOfLists.set(list, made);
	return made;
}

/** The best hits of each space, taken in turns: scores of two indexes can't be compared. */
export function searchAll(
	spaces: readonly Space[],
	query: string,
	maxHits: number
): readonly ListRow[] {
	const found = spaces.map((space) => {
		const byId = itemsById(space.items);
		return space.search(query, maxHits).flatMap((hit) => {
			const item = byId.get(hit.id);
			return item === undefined ? [] : [{ item, hit, space }];
		});
	});
	const longest = Math.max(0, ...found.map((rows) => rows.length));
	const turns = Array.from({ length: longest }, (_, turn) =>
		found.flatMap((rows) => rows[turn] ?? [])
	);
	return turns.flat().slice(0, maxHits);
}

const connections = ['offline', 'connecting', 'online'] as const;

/** The space that needs a person's eye first. */
export function worstOf(spaces: readonly Space[]): Space | undefined {
	return (
		spaces.find(({ sync }) => sync.trust.state === 'not_trusted') ??
		spaces.find(({ sync }) => sync.problem !== null) ??
		spaces[0]
	);
}

/** What several spaces say of themselves, as one: the worst of each. */
export function mergedSync(spaces: readonly Space[]): SyncStatus | null {
	const worst = worstOf(spaces);
	if (worst === undefined) return null;
	const all = spaces.map(({ sync }) => sync);
	const pulling = all.flatMap((sync) => sync.pulling ?? []);
	const synced = all.map(({ syncedAtMs }) => syncedAtMs);
	const sum = (part: (sync: SyncStatus) => number): number =>
		all.reduce((total, sync) => total + part(sync), 0);
	return {
		...worst.sync,
		connection: connections.find((one) => all.some((sync) => sync.connection === one)) ?? 'offline',
		waiting: sum(({ waiting }) => waiting),
		savedOnDevice: all.every(({ savedOnDevice }) => savedOnDevice),
		syncedAtMs: synced.includes(null) ? null : Math.min(...synced.map((ms) => ms ?? 0)),
		pulling:
			pulling.length === 0
				? null
				: {
						done: pulling.reduce((total, { done }) => total + done, 0),
						total: pulling.reduce((most, { total }) => most + total, 0)
					},
		setAside: sum(({ setAside }) => setAside),
		setAsideAuthors: [...new Set(all.flatMap(({ setAsideAuthors }) => setAsideAuthors))],
		losses: all.flatMap(({ losses }) => losses),
		earlierFaults: all.flatMap(({ earlierFaults }) => earlierFaults),
		ownerFaults: all.flatMap(({ ownerFaults }) => ownerFaults)
	};
}
