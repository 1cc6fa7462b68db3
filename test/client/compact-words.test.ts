// What is said in the place of pages, whichever they are, says neither more nor less.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PlacedPage } from '../../client/items.ts';
import type { Items } from '../../client/items.ts';
import type { ItemId } from '../../protocol/ids.ts';
import type { Change } from '../../protocol/page.ts';
import {
	editOf,
	itemId,
	itemsOf,
	pageOf,
	seedChange,
	seedOf,
	tombstone,
	updateChange
} from './item-samples.ts';

interface Edit {
	readonly item: number;
	/** Where in the text, which word, how much is taken away; null ends the item. */
	readonly at: number;
	readonly word: string;
	readonly cut: number;
	readonly ends: boolean;
}

const someEdits = fc.array(
	fc.record<Edit>({
		item: fc.integer({ min: 1, max: 3 }),
		at: fc.nat(30),
		word: fc.string({ minLength: 1, maxLength: 5 }),
		cut: fc.nat(6),
		ends: fc.integer({ min: 0, max: 15 }).map((chance) => chance === 0)
	}),
	{ minLength: 1, maxLength: 24 }
);

const items = [1, 2, 3].map(itemId);
const seed = seedOf('Title', 'what it began with');

/** A page for each edit, by devices that have seen all before it. */
function pagesOf(edits: readonly Edit[]): readonly PlacedPage[] {
	const updates = new Map<ItemId, Uint8Array[]>(items.map((item) => [item, []]));
	const ended = new Set<ItemId>();
	const begun = pageOf(
		1,
		0,
		items.map((item) => seedChange(item, seed)),
		1_000
	);
	const later = edits.map(({ item: number, at, word, cut, ends }, position) => {
		const item = itemId(number);
		const before = updates.get(item) ?? [];
		if (ends) ended.add(item);
		const update = editOf(
			item,
			seed,
			({ body }) => {
				const start = Math.min(at, body.length);
				body.delete(start, Math.min(cut, body.length - start));
				body.insert(start, word.toWellFormed());
			},
			before
		);
		if (!ended.has(item)) before.push(update);
		const change: Change = ends ? tombstone(item) : updateChange(item, update);
		return pageOf(2 + position, 0, [change], 2_000 + position);
	});
	return [begun, ...later];
}

const textsOf = (of: Items) => items.map((item) => of.read(item));

test('of any pages, in any order, packed once or twice', () => {
	fc.assert(
		fc.property(someEdits, fc.infiniteStream(fc.boolean()), (edits, dice) => {
			const pages = pagesOf(edits);
			const held = itemsOf(pages);
			const before = textsOf(held);
			const superseded = new Map<number, number>();
			for (let seq = pages.length + 1; seq <= pages.length + 2; seq++) {
				const batch = [...pages.map((page) => page.seq), pages.length + 1]
					.filter((live) => live < seq && !superseded.has(live))
					.filter(() => dice.next().value === true);
				const at = (place: { readonly seq: number }) =>
					batch.includes(place.seq) ? seq : (superseded.get(place.seq) ?? null);
				const said = items.flatMap((item) => held.packed(item, at) ?? []);
				for (const page of batch) superseded.set(page, seq);
				held.applyPages([pageOf(seq, 0, said, 9_000)]);
				const after = (place: { readonly seq: number }) => superseded.get(place.seq) ?? null;
				for (const item of items) expect(held.missing(item, after)).toBeNull();
				held.release(batch.map((page) => ({ seq: page, index: 0 })));
				expect(textsOf(held)).toEqual(before);
			}
			expect(held.setAside).toBe(0);
		})
	);
});
