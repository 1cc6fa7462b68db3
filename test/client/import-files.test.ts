import { describe, expect, it } from 'vitest';
import {
	importFiles,
	type ImportFile,
	type ImportOptions,
	type ImportProgress
} from '../../client/import-files.ts';
import { Items } from '../../client/items.ts';
import { utf8Encode } from '../../protocol/bytes.ts';
import { maxNoteBytes } from '../../protocol/limits.ts';
import type { Change } from '../../protocol/page.ts';
import { err, ok } from '../../protocol/result.ts';
import { itemId } from './item-samples.ts';

function fileOf(path: string, content: string | Uint8Array = 'text'): ImportFile {
	const bytes = typeof content === 'string' ? utf8Encode(content) : content;
	return { path, sizeBytes: bytes.length, bytes: () => Promise.resolve(bytes) };
}

/** Saves into items, as a space does. */
function deskOf() {
	const items = new Items();
	let saves = 0;
	let ids = 0;
	const options: ImportOptions = {
		existing: (path, title, body) => items.importLookup()(path, title, body),
		save: (changes) => {
			items.applyOutbox([{ outboxId: ++saves, timeMs: 1, changes }]);
			return Promise.resolve(ok(undefined));
		},
		newItemId: () => itemId(++ids),
		nowMs: () => 1_000
	};
	return { items, options, savesSoFar: () => saves };
}

const notesIn = (items: Items): readonly (readonly [string | null, string, string])[] =>
	items.list
		.map(({ id }) => items.read(id))
		.flatMap((text) => (text ? [[text.path, text.title, text.body] as const] : []))
		.toSorted((a, b) => (`${a[0]}/${a[1]}` < `${b[0]}/${b[1]}` ? -1 : 1));

async function importInto(
	files: Parameters<typeof importFiles>[0],
	extra: Partial<ImportOptions> = {}
) {
	const desk = deskOf();
	const report = await importFiles(files, { ...desk.options, ...extra });
	return { ...desk, report, notes: notesIn(desk.items) };
}

describe('files that become notes', () => {
	it('are Markdown and plain text, with the folder as path and the name as title', async () => {
		const { notes, report } = await importInto([
			fileOf('Notes/a/README.md', 'one'),
			fileOf('Notes/b.MARKDOWN', 'two'),
			fileOf('c.mdown', 'three'),
			fileOf('d.e.Mkd', 'four'),
			fileOf('Notes/f.txt', ''),
			fileOf('Notes/g.md.md', 'six')
		]);
		expect(notes).toEqual([
			['', 'c', 'three'],
			['', 'd.e', 'four'],
			['Notes/a', 'README', 'one'],
			['Notes', 'b', 'two'],
			['Notes', 'f', ''],
			['Notes', 'g.md', 'six']
		]);
		expect(report).toEqual({ taken: 6, skipped: [], cancelled: false, stopped: null });
	});

	it('keep their text byte for byte, broken Markdown included', async () => {
		const texts = ['\ufeff# mark', 'a\r\nb\rc\n', '[[[ **_ ```', '👩‍👩‍👧 e\u0301', '<script>', ' \n\n'];
		const { items } = await importInto(texts.map((text, index) => fileOf(`${index}.md`, text)));
		const bodies = items.list.map(({ id }) => items.read(id)?.body);
		expect(new Set(bodies)).toEqual(new Set(texts));
	});

	it('keep the time of their last change', async () => {
		const { items } = await importInto([
			{ ...fileOf('a.md'), modifiedAtMs: 1_234.7 },
			fileOf('b.md')
		]);
		expect(items.list.map(({ title, createdAtMs }) => [title, createdAtMs])).toEqual([
			['a', 1_234],
			['b', 1_000]
		]);
	});

	it('have names in one form, whichever form the file system has', async () => {
		const { notes } = await importInto([fileOf('Cafe\u0301/Re\u0301sume\u0301.md')]);
		expect(notes).toEqual([['Caf\u00e9', 'R\u00e9sum\u00e9', 'text']]);
	});
});

describe('files that are not taken', () => {
	it('are reported, each with its reason', async () => {
		const unreadable: ImportFile = {
			path: 'gone.md',
			sizeBytes: 5,
			bytes: () => Promise.reject(new DOMException('gone', 'NotFoundError'))
		};
		const { report } = await importInto([
			fileOf('photo.jpg'),
			fileOf('.DS_Store'),
			fileOf('vault/.obsidian/notes.md'),
			fileOf('__MACOSX/a.md'),
			fileOf('latin1.md', Uint8Array.of(0x63, 0x61, 0x66, 0xe9)),
			fileOf('utf16.txt', Uint8Array.of(0xff, 0xfe, 0x61, 0x00)),
			fileOf('nul.md', 'a\0b'),
			unreadable,
			fileOf('folder/.md'),
			fileOf('folder/ .md'),
			fileOf('good.md')
		]);
		expect(report.taken).toBe(1);
		expect(report.skipped.map(({ path, reason }) => [path, reason])).toEqual([
			['photo.jpg', 'not_markdown'],
			['.DS_Store', 'not_markdown'],
			['vault/.obsidian/notes.md', 'not_markdown'],
			['__MACOSX/a.md', 'not_markdown'],
			['latin1.md', 'not_text'],
			['utf16.txt', 'not_text'],
			['nul.md', 'not_text'],
			['gone.md', 'unreadable'],
			['folder/.md', 'empty_name'],
			['folder/ .md', 'empty_name']
		]);
	});

	it('are never read if they are too large', async () => {
		const huge: ImportFile = {
			path: 'huge.md',
			sizeBytes: 100_000_000,
			bytes: () => {
				throw new Error('a file that is too large was read');
			}
		};
		const grown: ImportFile = {
			path: 'grown.md',
			sizeBytes: 10,
			bytes: () => Promise.resolve(new Uint8Array(maxNoteBytes + 1).fill(0x61))
		};
		const largest = fileOf('largest.md', new Uint8Array(maxNoteBytes - 100).fill(0x61));
		const { report } = await importInto([huge, grown, largest]);
		expect(report.taken).toBe(1);
		expect(report.skipped).toEqual([
			{ path: 'huge.md', sizeBytes: 100_000_000, reason: 'too_large' },
			{ path: 'grown.md', sizeBytes: 10, reason: 'too_large' }
		]);
	});
});

describe('an import', () => {
	const many = (count: number): readonly ImportFile[] =>
		Array.from({ length: count }, (_, index) =>
			fileOf(`folder/${index}.md`, `${index} ${'x'.repeat(1_000)}`)
		);

	it('saves a page first, so that notes show at once, and then several at a time', async () => {
		const desk = deskOf();
		const sizes: number[] = [];
		const save = (changes: readonly Change[]): ReturnType<ImportOptions['save']> => {
			sizes.push(changes.length);
			return desk.options.save(changes);
		};
		const report = await importFiles(many(1_500), { ...desk.options, save, pagesAtOnce: 8 });
		expect(report.taken).toBe(1_500);
		expect(desk.items.list).toHaveLength(1_500);
		const [first = 0, ...others] = sizes;
		expect(first).toBeGreaterThan(50);
		expect(first).toBeLessThan(65);
		expect(others.slice(0, -1).every((size) => size > 400 && size < 520)).toBe(true);
	});

	it('reads on while a batch is saved, and saves one after another in the order of the files', async () => {
		const desk = deskOf();
		const log: string[] = [];
		let readOn = (): void => undefined;
		const hasReadOn = new Promise<void>((resolve) => (readOn = resolve));
		const files = many(1_200).map((file, index) => ({
			...file,
			bytes: () => {
				if (index === 150) {
					log.push('read on');
					readOn();
				}
				return file.bytes();
			}
		}));
		const save: ImportOptions['save'] = async (changes) => {
			log.push('save');
			await hasReadOn;
			log.push('saved');
			return desk.options.save(changes);
		};
		await importFiles(files, { ...desk.options, save });
		expect(log.slice(0, 3)).toEqual(['save', 'read on', 'saved']);
		expect(log.filter((word) => word !== 'read on').join(' ')).toMatch(/^(?:save saved ?)+$/);
		expect(notesIn(desk.items)).toHaveLength(1_200);
	});

	it('that is run again skips what is here already, and brings the rest', async () => {
		const desk = deskOf();
		const files = many(150);
		await importFiles(files.slice(0, 100), desk.options);
		const again = await importFiles(files, desk.options);
		expect(again.taken).toBe(50);
		expect(again.skipped.every(({ reason }) => reason === 'already_here')).toBe(true);
		expect(again.skipped).toHaveLength(100);
		expect(desk.items.list).toHaveLength(150);
	});

	it('reads at most eight files at once, from any kind of source', async () => {
		let reading = 0;
		let most = 0;
		async function* walk() {
			for (const file of many(50)) {
				await Promise.resolve();
				const bytes = async (): Promise<Uint8Array> => {
					most = Math.max(most, ++reading);
					await new Promise((resolve) => setImmediate(resolve));
					reading--;
					return file.bytes();
				};
				yield { ...file, bytes };
			}
		}
		const { report } = await importInto(walk());
		expect(report.taken).toBe(50);
		expect(most).toBeGreaterThan(1);
		expect(most).toBeLessThanOrEqual(8);
	});

	it('that is cancelled keeps what it took, and reports the rest', async () => {
		const stop = new AbortController();
		const files = many(500);
		files.forEach((file, index) => {
			if (index !== 200) return;
			const read = file.bytes.bind(file);
			Object.assign(file, {
				bytes: () => {
					stop.abort();
					return read();
				}
			});
		});
		const { report, items } = await importInto(files, { signal: stop.signal });
		expect(report.cancelled).toBe(true);
		expect(report.stopped).toBeNull();
		expect(report.taken).toBeGreaterThanOrEqual(190);
		expect(report.taken).toBeLessThan(210);
		expect(items.list).toHaveLength(report.taken);
		expect(report.taken + report.skipped.length).toBe(500);
		expect(report.skipped.every(({ reason }) => reason === 'cancelled')).toBe(true);
	});

	it('that was cancelled before it began takes nothing', async () => {
		const { report } = await importInto(many(3), { signal: AbortSignal.abort() });
		expect(report).toMatchObject({ taken: 0, cancelled: true });
		expect(report.skipped).toHaveLength(3);
	});

	it('stops when the device is full, and says what is in and what is not', async () => {
		const desk = deskOf();
		let saves = 0;
		const save = (changes: readonly Change[]): ReturnType<ImportOptions['save']> =>
			++saves > 2 ? Promise.resolve(err('store_full')) : desk.options.save(changes);
		const report = await importFiles(many(2_000), { ...desk.options, save });
		expect(report.stopped).toBe('store_full');
		expect(report.cancelled).toBe(false);
		expect(saves).toBe(3);
		expect(desk.items.list).toHaveLength(report.taken);
		expect(report.taken + report.skipped.length).toBe(2_000);
		expect(new Set(report.skipped.map(({ reason }) => reason))).toEqual(new Set(['not_saved']));
	});

	it('tells how far it is at most every 50 ms, and at its end', async () => {
		const told: ImportProgress[] = [];
		let nowMs = 0;
		const onProgress = (progress: ImportProgress): void => {
			told.push(progress);
		};
		await importInto([...many(100), fileOf('a.jpg')], { nowMs: () => (nowMs += 5), onProgress });
		expect(told.length).toBeGreaterThan(2);
		expect(told.length).toBeLessThan(40);
		expect(told.at(-1)).toEqual({ phase: 'saving', done: 101, total: 101, taken: 100, skipped: 1 });
		const done = told.map((progress) => progress.done);
		expect(done).toEqual(done.toSorted((a, b) => a - b));
	});
});
