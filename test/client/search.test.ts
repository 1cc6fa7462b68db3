import { describe, expect, it } from 'vitest';
import { Items } from '../../client/items.ts';
import { Search, type SearchHit } from '../../client/search.ts';
import { foldText, searchTerms } from '../../client/search-text.ts';
import type { ItemId } from '../../protocol/ids.ts';
import {
	editOf,
	itemId,
	pageOf,
	seedChange,
	seedOf,
	tombstone,
	updateChange
} from './item-samples.ts';

const notes = [
	seedOf('Shopping list', 'Milk, bread and **coffee beans**.'),
	seedOf('Café in Zürich', 'Meeting at the Coffee house, naïve plan, ﬁne.'),
	seedOf('会議のメモ', '東京タワーの近くで会議をする。'),
	seedOf('snake_case names', `${'filler '.repeat(60)}needle in the haystack`),
	{ ...seedOf('Untitled', 'nothing'), path: 'recipes/soups' }
];
const idOf = (index: number): ItemId => itemId(index + 1);

/** Search over the notes: with the index built, or with everything still to be scanned. */
async function searchOver(built: boolean) {
	const items = new Items({ onChange: (ids) => search.changed(ids) });
	let goOn: () => void = () => undefined;
	const search: Search = new Search(items, {
		pause: () => (built ? Promise.resolve() : new Promise((resolve) => (goOn = resolve)))
	});
	const changes = notes.map((seed, index) => seedChange(idOf(index), seed));
	items.applyPages([pageOf(1, 0, changes)]);
	if (built) await search.build();
	return { items, search, goOn };
}

const titles = (hits: readonly SearchHit[]): readonly string[] => hits.map(({ title }) => title);
const marked = (text: string, ranges: SearchHit['ranges']): readonly string[] =>
	ranges.map(({ start, length }) => text.slice(start, start + length));

describe.each([
	['with its index', true],
	['while its index is still being built', false]
])('search %s', (_name, built) => {
	it('finds words in titles, texts and folders, titles first', async () => {
		const { search } = await searchOver(built);
		expect(titles(search.query('milk'))).toEqual(['Shopping list']);
		expect(titles(search.query('soups'))).toEqual(['Untitled']);
		expect(titles(search.query('caf'))).toEqual(['Café in Zürich']);
		expect(titles(search.query('coffee'))).toHaveLength(2);
		expect(titles(search.query('case'))).toEqual(['snake_case names']);
	});

	it('finds beginnings of words as they are typed', async () => {
		const { search } = await searchOver(built);
		for (const typed of ['s', 'sh', 'shop', 'shopping', 'shopping l']) {
			expect(titles(search.query(typed))).toContain('Shopping list');
		}
	});

	it('wants every word of the query', async () => {
		const { search } = await searchOver(built);
		expect(titles(search.query('coffee house'))).toEqual(['Café in Zürich']);
		expect(search.query('coffee needle')).toEqual([]);
	});

	it('makes no difference between accents, cases and forms of a character', async () => {
		const { search } = await searchOver(built);
		for (const typed of ['zurich', 'ZÜRICH', 'Zu\u0308rich', 'naive', 'NAÏVE', 'fine', 'cafe']) {
			expect(titles(search.query(typed)), typed).toEqual(['Café in Zürich']);
		}
	});

	it('finds runs of characters in scripts without spaces', async () => {
		const { search } = await searchOver(built);
		for (const typed of ['会', '会議', '東京', '京タ', 'タワー', '近くで会議', 'する']) {
			expect(titles(search.query(typed)), typed).toEqual(['会議のメモ']);
		}
		expect(search.query('大阪')).toEqual([]);
	});

	it('marks what it found, in the title and in the part of the text around it', async () => {
		const { search } = await searchOver(built);
		const [cafe] = search.query('zur');
		expect(marked(cafe?.title ?? '', cafe?.titleRanges ?? [])).toEqual(['Zür']);
		const [needle] = search.query('needle');
		expect(needle?.snippet).toContain('needle in the haystack');
		expect(needle?.snippet.startsWith('…')).toBe(true);
		expect(marked(needle?.snippet ?? '', needle?.ranges ?? [])).toEqual(['needle']);
		const [fine] = search.query('naive fine');
		expect(marked(fine?.snippet ?? '', fine?.ranges ?? [])).toEqual(['naïve', 'ﬁne']);
	});

	it('gives no more than was asked for, and nothing for nothing', async () => {
		const { search } = await searchOver(built);
		expect(search.query('coffee', 1)).toHaveLength(1);
		for (const nothing of ['', '   ', '!?*', '---']) expect(search.query(nothing)).toEqual([]);
	});

	it('follows edits, deletions and the trash at once', async () => {
		const { items, search } = await searchOver(built);
		const seed = notes[0] ?? seedOf('', '');
		const update = editOf(idOf(0), seed, ({ body }) => {
			body.delete(0, 4);
			body.insert(0, 'Oranges');
		});
		items.applyPages([pageOf(2, 0, [updateChange(idOf(0), update)])]);
		expect(titles(search.query('oranges'))).toEqual(['Shopping list']);
		expect(search.query('milk')).toEqual([]);
		const trashed = items.trashChange(idOf(1), 5);
		if (!trashed) throw new Error('no such item');
		items.applyPages([pageOf(3, 0, [trashed, tombstone(idOf(2))])]);
		expect(search.query('zurich')).toEqual([]);
		expect(search.query('会議')).toEqual([]);
		if (!built) return;
		await search.build();
		expect(titles(search.query('oranges'))).toEqual(['Shopping list']);
		expect(search.query('milk')).toEqual([]);
		expect(search.query('zurich')).toEqual([]);
	});
});

describe('an index', () => {
	it('forgives a slip of the finger', async () => {
		const { search } = await searchOver(true);
		expect(titles(search.query('shoping'))).toEqual(['Shopping list']);
		expect(titles(search.query('haystakc'))).toEqual(['snake_case names']);
		const [hit] = search.query('shoping');
		expect(marked(hit?.title ?? '', hit?.titleRanges ?? [])).toEqual(['Shopping']);
	});

	it('is built in steps, between which the page has its turn, and answers all the while', async () => {
		const items = new Items();
		const count = 3_000;
		items.applyPages([
			pageOf(
				1,
				0,
				Array.from({ length: count }, (_, index) =>
					seedChange(itemId(index), seedOf(`Note ${index}`, `word${index} ${'text '.repeat(100)}`))
				)
			)
		]);
		let turns = 0;
		const found: (string | undefined)[] = [];
		const search: Search = new Search(items, {
			pause: () => {
				turns++;
				found.push(titles(search.query('word1234', 1))[0]);
				return Promise.resolve();
			}
		});
		await search.build();
		expect(turns).toBeGreaterThan(3);
		expect(new Set(found)).toEqual(new Set(['Note 1234']));
		expect(titles(search.query('word2999', 1))).toEqual(['Note 2999']);
	});

	it('forgets the words of every text that changed, while others are added', async () => {
		const items = new Items({ onChange: (ids) => search.changed(ids) });
		const search: Search = new Search(items);
		const count = 300;
		const seeds = Array.from({ length: count }, (_, index) => seedOf(`Note ${index}`, 'old words'));
		items.applyPages([
			pageOf(
				1,
				0,
				seeds.map((seed, index) => seedChange(itemId(index), seed))
			)
		]);
		await search.build();
		const edits = seeds.map((seed, index) =>
			updateChange(
				itemId(index),
				editOf(itemId(index), seed, ({ body }) => body.delete(0, 'old '.length))
			)
		);
		items.applyPages([pageOf(2, 0, edits)]);
		await search.build();
		items.applyPages([pageOf(3, 0, [seedChange(itemId(count), seedOf('Note', 'new words'))])]);
		await search.build();
		expect(search.query('old', count)).toEqual([]);
		expect(search.query('words', 2 * count)).toHaveLength(count + 1);
	});

	it('that is closed is not built on', async () => {
		const { search } = await searchOver(true);
		search.close();
		await search.build();
		expect(search.query('milk')).toEqual([]);
	});
});

describe('words', () => {
	it.each([
		['Hello, World-wide_web 2.0', ['hello', 'world', 'wide', 'web', '2', '0']],
		['ΣΊΣΥΦΟΣ Straße İzmir', ['σισυφοσ', 'straße', 'izmir']],
		['한국어 검색', ['한국어', '검색']],
		['日本語abc', ['日本', '本語', '語', 'abc']],
		['हिन्दी', ['हिन्दी']],
		['`code` **bold**', ['code', 'bold']]
	])('of %j are %j', (text, words) => {
		expect(searchTerms(text)).toEqual(words);
	});

	it('that are typed fold as those that are stored', () => {
		expect(foldText('\uff26\uff55\uff4c\uff4c')).toBe('full');
		expect(foldText(foldText('Ἀθῆναι ﬃ'))).toBe(foldText('Ἀθῆναι ﬃ'));
	});
});
