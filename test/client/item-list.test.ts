import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ItemList, type ItemSummary } from '../../client/item-list.ts';
import { itemId } from './item-samples.ts';

const summary = fc
	.record({
		updatedAtMs: fc.nat(5),
		createdAtMs: fc.nat(3),
		title: fc.constantFrom('a', 'b'),
		trashedAtMs: fc.option(fc.nat(2))
	})
	.map((said) => ({ ...said, snippet: '', path: null, waiting: false }));

/** Rounds of changes: which items, and what they say then; null: they are gone. */
const rounds = fc.array(fc.array(fc.tuple(fc.nat(40), fc.option(summary)), { maxLength: 45 }), {
	maxLength: 6
});

const ordered = (all: Iterable<ItemSummary>, isTrash: boolean): readonly ItemSummary[] =>
	[...all]
		.filter(({ trashedAtMs }) => (trashedAtMs !== null) === isTrash)
		.sort(
			(a, b) =>
				b.updatedAtMs - a.updatedAtMs ||
				b.createdAtMs - a.createdAtMs ||
				(a.title < b.title ? -1 : a.title > b.title ? 1 : 0) ||
				(a.id < b.id ? -1 : 1)
		);

it('is in the same order, whether few items change or many', () => {
	fc.assert(
		fc.property(rounds, (changes) => {
			const list = new ItemList();
			const held = new Map<number, ItemSummary>();
			for (const round of changes) {
				const last = new Map(round);
				const gone = [...last.keys()].flatMap((number) => held.get(number) ?? []);
				const come: ItemSummary[] = [];
				for (const [number, said] of last) {
					held.delete(number);
					if (said === null) continue;
					const next = { ...said, id: itemId(number + 1) };
					held.set(number, next);
					come.push(next);
				}
				const before = list.list;
				const copy = [...before];
				list.change(gone, come);
				expect(before).toEqual(copy);
				expect(list.list).toEqual(ordered(held.values(), false));
				expect(list.trashed).toEqual(ordered(held.values(), true));
			}
		})
	);
});
