import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { bodyOf, makeDoc, titleOf, trashedAtOf, trashUpdate } from '../../client/item-doc.ts';
import { snippetOf } from '../../client/item-text.ts';
import { toHex } from '../../protocol/bytes.ts';
import { encodePage, parsePage } from '../../protocol/page.ts';
import { itemId, seedChange, seedOf } from './item-samples.ts';

const item = itemId(1);
const difficult = [
	'one\r\ntwo\r\n',
	'\ufeff# with a mark',
	'lone\rcarriage\rreturns',
	'nul\0inside',
	'👩‍👩‍👧 family, e\u0301 and é, \u202eright to left',
	'no end of line',
	'\n\n\n',
	'',
	'tabs\t\tand trailing spaces   \n'
];

describe('a document', () => {
	it.each(difficult)('has the text of its seed, character for character (%#)', (body) => {
		const page = parsePage(encodePage([seedChange(item, seedOf(body, body))]));
		const change = page.ok ? page.value.changes[0] : undefined;
		if (change?.type !== 'seed') throw new Error('the seed did not come through');
		const { doc } = makeDoc(item, change.seed, []);
		expect(bodyOf(doc).toJSON()).toBe(body);
		expect(titleOf(doc).toJSON()).toBe(body);
		const { doc: copy } = makeDoc(item, seedOf('', ''), [Y.encodeStateAsUpdate(doc)]);
		expect(bodyOf(copy).toJSON()).toBe(body);
	});

	it('starts with the same bytes on every device', () => {
		const seed = seedOf('Title', 'Body\r\n');
		const bytes = toHex(Y.encodeStateAsUpdate(makeDoc(item, seed, []).doc));
		expect(bytes).toBe(toHex(Y.encodeStateAsUpdate(makeDoc(item, seed, []).doc)));
		// Another first state would tear apart every note that was edited before: a new version.
		expect(bytes).toBe('010201000401057469746c65055469746c65040104626f647906426f64790d0a00');
	});

	it("is edited under a client id that is new each time, and never the seed's", () => {
		const ids = Array.from({ length: 200 }, () => makeDoc(item, seedOf('', ''), []).doc.clientID);
		expect(new Set(ids).size).toBe(200);
		expect(Math.min(...ids)).toBeGreaterThanOrEqual(0x1_0000);
		expect(Math.max(...ids)).toBeLessThanOrEqual(0xffff_ffff);
	});

	it('knows when it was put into the trash, and believes nothing else', () => {
		const { doc } = makeDoc(item, seedOf('', ''), []);
		expect(trashedAtOf(doc)).toBeNull();
		trashUpdate(doc, 5);
		expect(trashedAtOf(doc)).toBe(5);
		for (const value of ['yesterday', -1, 0.5, Number.NaN, null, {}]) {
			doc.getMap('meta').set('trashedAtMs', value);
			expect(trashedAtOf(doc)).toBeNull();
		}
	});
});

describe('a snippet', () => {
	it.each([
		['', ''],
		['plain text', 'plain text'],
		['\n\n  second line \n', 'second line'],
		['# Title\n\nBelow', 'Below'],
		['Title\n=====\nBelow', 'Below'],
		['# Other heading ##\nBelow', 'Other heading'],
		['- [ ] a task with `code`', 'a task with code'],
		['> 1. **Bold** and _slanted_ and snake_case', 'Bold and slanted and snake_case'],
		['![badge](https://a/b.svg) [![x](y)](z)\nText', 'Text'],
		['[a link](https://example.com "t") and [[Page|name]]', 'a link and name'],
		['<p align="center">\n<img src="x">\n</p>\nText', 'Text'],
		['<!-- note -->\nText', 'Text'],
		['---\ntitle: x\ntags: [a]\n---\nText', 'Text'],
		['---\nno front matter', 'no front matter'],
		['```js\ncode()\n```', 'code()'],
		['***\n---\n___\nText', 'Text'],
		['[ref]: https://example.com\nText', 'Text'],
		['\ufeff# Heading', 'Heading'],
		['a\rb', 'a'],
		['1984 was a year', '1984 was a year'],
		['-5 degrees', '-5 degrees'],
		['2 * 3 = 6', '2 * 3 = 6']
	])('of %j is %j', (body, snippet) => {
		expect(snippetOf('Title', body)).toBe(snippet);
	});

	it('is at most 160 characters, and never ends in half of one', () => {
		for (const shift of [0, 1]) {
			const snippet = snippetOf('', 'x'.repeat(shift) + '👍'.repeat(200));
			expect(snippet.length).toBeLessThanOrEqual(160);
			expect(snippet.isWellFormed()).toBe(true);
			expect(snippet.endsWith('…')).toBe(true);
		}
	});

	it('takes bounded time for texts made to be slow', () => {
		const slow = [
			'['.repeat(900_000),
			'<a'.repeat(400_000),
			'*_`'.repeat(300_000),
			'\n'.repeat(900_000)
		];
		for (const body of slow) {
			const started = performance.now();
			snippetOf('', body);
			expect(performance.now() - started).toBeLessThan(1_000);
		}
	});
});
