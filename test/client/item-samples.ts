// Items as tests need them: ids, seeds, and updates made by real documents.
import { Items, type PlacedPage } from '../../client/items.ts';
import { bodyOf, makeDoc, titleOf } from '../../client/item-doc.ts';
import type { ItemId } from '../../protocol/ids.ts';
import type { Change, Seed } from '../../protocol/page.ts';
import * as Y from 'yjs';

export const itemId = (number: number): ItemId => number.toString(16).padStart(32, '0') as ItemId;

export const seedOf = (title: string, body: string, createdAtMs = 1_000): Seed => ({
	createdAtMs,
	title,
	body,
	path: null
});

export const seedChange = (item: ItemId, seed: Seed): Change => ({ type: 'seed', item, seed });

export const tombstone = (item: ItemId): Change => ({ type: 'tombstone', item });

export const updateChange = (item: ItemId, update: Uint8Array): Change => ({
	type: 'update',
	item,
	update
});

/** The update that an edit makes on another device that has the seed and these updates. */
export function editOf(
	item: ItemId,
	seed: Seed,
	edit: (texts: { readonly title: Y.Text; readonly body: Y.Text }) => void,
	updates: readonly Uint8Array[] = []
): Uint8Array {
	const { doc } = makeDoc(item, seed, updates);
	const before = Y.encodeStateVector(doc);
	doc.transact(() => {
		edit({ title: titleOf(doc), body: bodyOf(doc) });
	});
	return Y.encodeStateAsUpdate(doc, before);
}

export const pageOf = (
	seq: number,
	index: number,
	changes: readonly Change[],
	timeMs = 2_000
): PlacedPage => ({ seq, index, timeMs, changes });

export function itemsOf(pages: readonly PlacedPage[]): Items {
	const items = new Items();
	items.applyPages(pages);
	return items;
}
