import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { Items, makeSeed, type PlacedPage } from '../../client/items.ts';
import type { ItemId } from '../../protocol/ids.ts';
import { maxNoteBytes } from '../../protocol/limits.ts';
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

const one = itemId(1);
const two = itemId(2);
const three = itemId(3);
const seed = seedOf('Title', '# Title\n\nSome *text*.');

const saved = { save: () => Promise.resolve({ ok: true, value: undefined } as const) };

function trashOf(items: Items, id: ItemId, trashedAtMs: number | null): Change {
	const change = items.trashChange(id, trashedAtMs);
	if (!change) throw new Error('no such item');
	return change;
}

describe('a list of items', () => {
	it('has the newest first, and shows the first line that is not the title', () => {
		const items = itemsOf([
			pageOf(1, 0, [
				seedChange(one, seedOf('Old', 'x', 1_000)),
				seedChange(two, seedOf('Title', '# Title\n\nSome *text*.', 3_000)),
				seedChange(three, seedOf('Middle', '', 2_000))
			])
		]);
		expect(items.list.map(({ title, snippet }) => [title, snippet])).toEqual([
			['Title', 'Some text.'],
			['Middle', ''],
			['Old', 'x']
		]);
	});

	it('is the same array until something changes, and then has new summaries where it did', () => {
		const items = itemsOf([pageOf(1, 0, [seedChange(one, seed), seedChange(two, seed)])]);
		const before = items.list;
		expect(items.list).toBe(before);
		items.applyPages([pageOf(1, 0, [seedChange(one, seed)])]);
		expect(items.list).toBe(before);
		const update = editOf(two, seed, ({ title }) => title.insert(0, 'A '));
		items.applyPages([pageOf(2, 0, [updateChange(two, update)], 9_000)]);
		expect(items.list.map(({ title, updatedAtMs }) => [title, updatedAtMs])).toEqual([
			['A Title', 9_000],
			['Title', 1_000]
		]);
		expect(items.list[1]).toBe(before.find(({ id }) => id === one));
	});

	it('says what changed, once a call', () => {
		const onChange = vi.fn();
		const items = new Items({ onChange });
		items.applyPages([
			pageOf(1, 0, [seedChange(one, seed), seedChange(two, seed)]),
			pageOf(1, 1, [seedChange(three, seed)])
		]);
		items.applyPages([pageOf(1, 1, [seedChange(three, seed)])]);
		expect(onChange.mock.calls).toEqual([[[one, two, three]]]);
	});

	it('keeps trashed items apart until they are restored', () => {
		const items = itemsOf([pageOf(1, 0, [seedChange(one, seed), seedChange(two, seed)])]);
		items.applyPages([pageOf(2, 0, [trashOf(items, one, 5_000)])]);
		expect(items.list.map(({ id }) => id)).toEqual([two]);
		expect(items.trashed.map(({ id, trashedAtMs }) => [id, trashedAtMs])).toEqual([[one, 5_000]]);
		items.applyPages([pageOf(3, 0, [trashOf(items, one, null)])]);
		expect(items.list).toHaveLength(2);
		expect(items.trashed).toEqual([]);
	});

	it('has no item whose seed has not come, and shows its edits when it does', () => {
		const update = editOf(one, seed, ({ body }) => body.insert(0, 'Hello. '));
		const items = itemsOf([pageOf(2, 0, [updateChange(one, update)])]);
		expect(items.list).toEqual([]);
		expect(items.open(one, saved)).toBeNull();
		items.applyPages([pageOf(1, 0, [seedChange(one, seed)])]);
		expect(items.read(one)?.body).toBe('Hello. # Title\n\nSome *text*.');
	});

	it('ignores changes of the keyring', () => {
		const entry = { type: 'head', space: one as never, seq: 1, hash: new Uint8Array(32) } as const;
		const items = itemsOf([pageOf(1, 0, [{ type: 'keyring', item: one, entry }])]);
		expect(items.list).toEqual([]);
		expect([...items.ids]).toEqual([]);
	});
});

describe('a deleted item', () => {
	it('is gone for good, whatever comes after or before', () => {
		const update = editOf(one, seed, ({ body }) => body.insert(0, 'x'));
		const items = itemsOf([
			pageOf(2, 0, [tombstone(one)]),
			pageOf(1, 0, [seedChange(one, seed)]),
			pageOf(3, 0, [updateChange(one, update), seedChange(one, seed)])
		]);
		items.applyOutbox([{ outboxId: 1, timeMs: 1, changes: [updateChange(one, update)] }]);
		expect(items.list).toEqual([]);
		expect(items.has(one)).toBe(false);
		expect(items.read(one)).toBeNull();
		expect(items.trashChange(one, 1)).toBeNull();
	});

	it('comes back only if the deletion never left this device', () => {
		const items = itemsOf([pageOf(1, 0, [seedChange(one, seed)])]);
		items.applyOutbox([{ outboxId: 1, timeMs: 1, changes: [tombstone(one)] }]);
		expect(items.has(one)).toBe(false);
		items.removeOutbox([1]);
		expect(items.has(one)).toBe(true);
		expect(items.list).toHaveLength(1);
	});
});

describe('two seeds for one item', () => {
	const other = seedOf('Other', 'Other text');

	it('count as one: the seed placed first on the log, whichever came first', () => {
		const pages = [pageOf(5, 1, [seedChange(one, other)]), pageOf(5, 0, [seedChange(one, seed)])];
		for (const order of [pages, pages.toReversed()]) {
			const items = itemsOf(order);
			expect(items.read(one)?.title).toBe('Title');
			expect(items.setAside).toBe(1);
		}
	});

	it('are no fault if they are equal, as after a compaction', () => {
		const items = itemsOf([
			pageOf(1, 0, [seedChange(one, seed)]),
			pageOf(9, 0, [seedChange(one, { ...seed })])
		]);
		expect(items.setAside).toBe(0);
	});

	it('leave the one that waits here only until one is on the log', () => {
		const items = new Items();
		items.applyOutbox([{ outboxId: 1, timeMs: 1, changes: [seedChange(one, other)] }]);
		expect(items.read(one)?.title).toBe('Other');
		items.applyPages([pageOf(1, 0, [seedChange(one, seed)])]);
		expect(items.read(one)?.title).toBe('Title');
	});
});

describe('changes of the outbox', () => {
	it('show as waiting until their row is on the log', () => {
		const items = new Items();
		const changes = [seedChange(one, seed)];
		items.applyOutbox([{ outboxId: 7, timeMs: 1, changes }]);
		expect(items.list.map(({ waiting }) => waiting)).toEqual([true]);
		items.applyPages([pageOf(1, 0, changes)]);
		items.removeOutbox([7]);
		expect(items.list.map(({ title, waiting }) => [title, waiting])).toEqual([['Title', false]]);
	});

	it('are not brought back by a tab that read the row before it went', () => {
		const items = new Items();
		const row = { outboxId: 7, timeMs: 1, changes: [seedChange(one, seed)] };
		items.applyOutbox([row]);
		items.applyPages([pageOf(1, 0, row.changes)]);
		items.removeOutbox([7]);
		items.applyOutbox([row]);
		expect(items.list.map(({ waiting }) => waiting)).toEqual([false]);
	});

	it('vanish when they are given up, text included', () => {
		const items = itemsOf([pageOf(1, 0, [seedChange(one, seed)])]);
		const update = editOf(one, seed, ({ body }) => body.insert(0, 'Draft. '));
		items.applyOutbox([{ outboxId: 1, timeMs: 9_000, changes: [updateChange(one, update)] }]);
		expect(items.list[0]?.snippet).toBe('Draft. # Title');
		items.removeOutbox([1]);
		expect(items.read(one)).toMatchObject({ body: seed.body, updatedAtMs: 1_000 });
	});
});

describe('an update that is none', () => {
	it('is set aside, and the rest of the item goes on', () => {
		const good = editOf(one, seed, ({ body }) => body.insert(0, 'Good. '));
		const broken = good.slice(0, -1);
		const items = itemsOf([
			pageOf(1, 0, [seedChange(one, seed)]),
			pageOf(2, 0, [
				updateChange(one, Uint8Array.of(255, 255, 255)),
				updateChange(one, new Uint8Array(0)),
				updateChange(one, good),
				updateChange(one, broken)
			])
		]);
		expect(items.read(one)?.body).toBe('Good. # Title\n\nSome *text*.');
		expect(items.setAside).toBe(3);
	});

	it('does not disturb a document that is being followed', () => {
		const items = itemsOf([pageOf(1, 0, [seedChange(one, seed)])]);
		const first = editOf(one, seed, ({ body }) => body.insert(0, 'a'));
		items.applyPages([pageOf(2, 0, [updateChange(one, first)])]);
		expect(items.read(one)?.body.startsWith('a#')).toBe(true);
		items.applyPages([pageOf(3, 0, [updateChange(one, Uint8Array.of(1, 2, 3))])]);
		const second = editOf(one, seed, ({ body }) => body.insert(1, 'b'), [first]);
		items.applyPages([pageOf(4, 0, [updateChange(one, second)])]);
		expect(items.read(one)?.body.startsWith('ab#')).toBe(true);
		expect(items.setAside).toBe(1);
	});
});

describe('a merge', () => {
	it('keeps what two devices wrote at the same time', () => {
		const left = editOf(one, seed, ({ body }) => body.insert(0, 'Left. '));
		const right = editOf(one, seed, ({ body }) => body.insert(body.length, ' Right.'));
		const items = itemsOf([
			pageOf(1, 0, [seedChange(one, seed)]),
			pageOf(2, 0, [updateChange(one, left)]),
			pageOf(3, 0, [updateChange(one, right)])
		]);
		expect(items.read(one)?.body).toBe('Left. # Title\n\nSome *text*. Right.');
	});

	const text = fc.string({ unit: 'grapheme', maxLength: 12 });
	const edits = fc.array(
		fc.record({
			item: fc.constantFrom(one, two, three),
			where: fc.nat(40),
			remove: fc.nat(5),
			insert: text,
			knows: fc.nat(6)
		}),
		{ maxLength: 8 }
	);

	/** A log: seeds (some doubled), edits by devices that know a part of it, trash, a tombstone. */
	function logOf(writes: typeof edits extends fc.Arbitrary<infer Edits> ? Edits : never) {
		const pages: PlacedPage[] = [one, two, three].map((item, index) =>
			pageOf(1, index, [seedChange(item, seedOf(`Item ${index}`, 'Text 👩‍👩‍👧 of it'))])
		);
		pages.push(pageOf(2, 0, [seedChange(two, seedOf('Second', 'seed')), tombstone(three)]));
		const updates = new Map<ItemId, Uint8Array[]>();
		for (const [index, { item, where, remove, insert, knows }] of writes.entries()) {
			const known = (updates.get(item) ?? []).slice(0, knows);
			const seedOfItem = seedOf(`Item ${[one, two, three].indexOf(item)}`, 'Text 👩‍👩‍👧 of it');
			const update = editOf(
				item,
				seedOfItem,
				({ title, body }) => {
					const at = Math.min(where, body.length);
					body.delete(at, Math.min(remove, body.length - at));
					body.insert(at, insert);
					title.insert(0, insert.slice(0, 1));
				},
				known
			);
			updates.set(item, [...(updates.get(item) ?? []), update]);
			pages.push(pageOf(3 + index, 0, [updateChange(item, update)], 2_000 + where));
		}
		return pages;
	}

	const stateOf = (items: Items) => ({
		list: items.list,
		trashed: items.trashed,
		setAside: items.setAside,
		docs: [one, two, three].map((id) => {
			const open = items.open(id, saved);
			return open && Y.encodeStateAsUpdate(open.doc);
		})
	});

	it('does not depend on the order in which pages come, byte for byte', () => {
		const scale = process.env['SLOW'] === '1' ? 10 : 1;
		fc.assert(
			fc.property(edits, fc.infiniteStream(fc.nat()), fc.boolean(), (writes, dice, readBetween) => {
				const pages = logOf(writes);
				const shuffled = pages
					.map((page) => ({ page, die: dice.next().value as number }))
					.sort((a, b) => a.die - b.die);
				const items = new Items();
				for (const { page } of shuffled) {
					items.applyPages([page]);
					// Documents kept from an earlier reading must not change the outcome.
					if (readBetween) items.read(one);
				}
				expect(stateOf(items)).toEqual(stateOf(itemsOf(pages)));
			}),
			{ numRuns: 150 * scale }
		);
	});
});

describe('what an earlier import brought', () => {
	it('is known by path, title and text, also if it was edited since, but not in the trash', () => {
		const imported = { ...seedOf('README', 'Read me'), path: 'docs' };
		const items = itemsOf([
			pageOf(1, 0, [
				seedChange(one, imported),
				seedChange(two, { ...imported, path: 'trash' }),
				seedChange(three, seedOf('Own', 'text'))
			])
		]);
		const update = editOf(one, imported, ({ body }) => body.insert(0, 'Please '));
		items.applyPages([pageOf(2, 0, [updateChange(one, update), trashOf(items, two, 1)])]);
		const isHere = items.importLookup();
		expect(isHere('docs', 'README', 'Read me')).toBe(true);
		expect(isHere('docs', 'README', 'Please Read me')).toBe(true);
		expect(isHere('docs', 'README', 'Read me!')).toBe(false);
		expect(isHere('other', 'README', 'Read me')).toBe(false);
		expect(isHere('trash', 'README', 'Read me')).toBe(false);
		expect(isHere('', 'Own', 'text')).toBe(true);
	});
});

describe('a seed', () => {
	it('is refused if its text is larger than a note may be', () => {
		expect(makeSeed({ body: 'a'.repeat(maxNoteBytes), createdAtMs: 1 }).ok).toBe(true);
		const refused = { ok: false, error: 'note_too_large' };
		expect(makeSeed({ body: 'a'.repeat(maxNoteBytes + 1), createdAtMs: 1 })).toEqual(refused);
		expect(makeSeed({ body: 'é'.repeat(maxNoteBytes / 2 + 1), createdAtMs: 1 })).toEqual(refused);
		expect(makeSeed({ body: 'é'.repeat(maxNoteBytes / 2), createdAtMs: 1 }).ok).toBe(true);
	});

	it('has no half characters, which would change on their way', () => {
		const seeded = makeSeed({ title: 'a\ud83d', body: '\udc4d', createdAtMs: 1 });
		expect(seeded).toMatchObject({ ok: true, value: { title: 'a\ufffd', body: '\ufffd' } });
	});
});

describe('ten thousand items', () => {
	it('are listed newest first, and read', () => {
		const body = 'lorem ipsum dolor sit amet '.repeat(38);
		const seeds = Array.from({ length: 10_000 }, (_, index) =>
			seedChange(itemId(index), seedOf(`Note ${index}`, body, index))
		);
		const items = itemsOf([pageOf(1, 0, seeds)]);
		expect(items.list).toHaveLength(10_000);
		expect(items.list[0]?.title).toBe('Note 9999');
		expect(items.read(itemId(5))?.body).toBe(body);
	});
});
