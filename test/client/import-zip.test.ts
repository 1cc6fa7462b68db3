import { strToU8, Zip, ZipDeflate, ZipPassThrough, zipSync, type Zippable } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { ImportFile } from '../../client/import-files.ts';
import { readZip } from '../../client/import-zip.ts';
import { concatBytes, utf8Encode } from '../../protocol/bytes.ts';
import { maxNoteBytes } from '../../protocol/limits.ts';

const refused = { ok: false, error: 'zip_unreadable' };
const blobOf = (bytes: Uint8Array): Blob => new Blob([bytes as Uint8Array<ArrayBuffer>]);

async function open(bytes: Uint8Array) {
	const zip = await readZip(blobOf(bytes));
	if (!zip.ok) throw new Error('the archive does not open');
	return zip.value;
}

async function textsIn(files: readonly ImportFile[]): Promise<Record<string, string>> {
	const texts: Record<string, string> = {};
	for (const file of files) texts[file.path] = new TextDecoder().decode(await file.bytes());
	return texts;
}

const sample: Zippable = {
	'notes/a.md': strToU8('# A\r\n'.repeat(1_000)),
	'notes/b.md': [strToU8('stored'), { level: 0 }],
	'größe.md': strToU8('umlaut'),
	'empty.md': new Uint8Array(0)
};

/** The offset of each central directory entry. */
function directoryOffsets(zip: Uint8Array): number[] {
	const offsets: number[] = [];
	for (let at = 0; at < zip.length - 4; at++) {
		if (zip[at] === 0x50 && zip[at + 1] === 0x4b && zip[at + 2] === 1 && zip[at + 3] === 2) {
			offsets.push(at);
		}
	}
	return offsets;
}

describe('an archive', () => {
	it('gives its files with their paths, sizes and bytes', async () => {
		const { files, damaged } = await open(zipSync(sample));
		expect(damaged).toBe(false);
		expect(files.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
			['notes/a.md', 5_000],
			['notes/b.md', 6],
			['größe.md', 6],
			['empty.md', 0]
		]);
		expect(await textsIn(files)).toMatchObject({
			'notes/a.md': '# A\r\n'.repeat(1_000),
			'notes/b.md': 'stored',
			'größe.md': 'umlaut',
			'empty.md': ''
		});
	});

	it('may be written as a stream, with sizes after the files and a comment at the end', async () => {
		const parts: Uint8Array[] = [];
		const zip = new Zip((_error, part) => parts.push(part));
		const deflated = new ZipDeflate('a.md');
		zip.add(deflated);
		deflated.push(strToU8('streamed'), true);
		const stored = new ZipPassThrough('b.md');
		zip.add(stored);
		stored.push(strToU8('PK\x03\x04 inside'), true);
		zip.end();
		const bytes = concatBytes(...parts, utf8Encode('comment'));
		bytes[bytes.length - 7 - 2] = 7;
		const { files } = await open(bytes);
		expect(await textsIn(files)).toEqual({ 'a.md': 'streamed', 'b.md': 'PK\x03\x04 inside' });
	});

	it('of many small files is read a few times, and gives each its own bytes', async () => {
		const texts = Object.fromEntries(
			Array.from({ length: 3_000 }, (_, index) => [
				`${index}.md`,
				`${index} `.repeat(200 + (index % 7))
			])
		);
		const packed = Object.entries(texts).map(([path, text], index) => [
			path,
			[strToU8(text), { level: index % 2 === 0 ? 0 : 6 }] as const
		]);
		const blob = blobOf(zipSync(Object.fromEntries(packed) as Zippable));
		let reads = 0;
		const slice = blob.slice.bind(blob);
		blob.slice = (...range) => {
			reads += 1;
			return slice(...range);
		};
		const zip = await readZip(blob);
		if (!zip.ok) throw new Error('the archive does not open');
		// As an import asks for them: several at once, in order.
		const { files } = zip.value;
		const read: Record<string, string> = {};
		for (let first = 0; first < files.length; first += 8) {
			const some = files.slice(first, first + 8);
			for (const file of some) read[file.path] = '';
			Object.assign(read, ...(await Promise.all(some.map((file) => textsIn([file])))));
		}
		expect(read).toEqual(texts);
		expect(blob.size).toBeGreaterThan(1_500_000);
		expect(reads).toBeLessThan(10);
	});

	it('has no path that leads out of its folder, and no folders as files', async () => {
		const { files } = await open(
			zipSync({
				'../../etc/a.md': strToU8('1'),
				'/b.md': strToU8('2'),
				'C:\\x\\..\\c.md': strToU8('3'),
				'folder/': new Uint8Array(0),
				'./d/./e.md': strToU8('4')
			})
		);
		expect(files.map(({ path }) => path)).toEqual(['etc/a.md', 'b.md', 'x/c.md', 'd/e.md']);
	});

	it('that is empty has no files', async () => {
		expect(await open(zipSync({}))).toEqual({ files: [], damaged: false });
	});
});

describe('an archive that is none', () => {
	it('is refused', async () => {
		for (const bytes of [new Uint8Array(0), utf8Encode('no archive'), new Uint8Array(100_000)]) {
			expect(await readZip(blobOf(bytes))).toEqual(refused);
		}
	});

	it('is refused if all of it is encrypted, and read as far as it is not', async () => {
		const zip = zipSync(sample);
		const [first = 0, ...others] = directoryOffsets(zip);
		zip[first + 8] = (zip[first + 8] ?? 0) | 1;
		const { files } = await open(zip);
		await expect(files[0]?.bytes()).rejects.toThrow();
		expect(await textsIn(files.slice(1))).toMatchObject({ 'notes/b.md': 'stored' });
		for (const at of others) zip[at + 8] = (zip[at + 8] ?? 0) | 1;
		expect(await readZip(blobOf(zip))).toEqual(refused);
	});

	it('gives what is whole if its end is missing', async () => {
		const zip = zipSync(sample, { mtime: '2020-01-01' });
		const [directory = 0] = directoryOffsets(zip);
		const { files, damaged } = await open(zip.slice(0, directory - 10));
		expect(damaged).toBe(true);
		expect(files.map(({ path }) => path)).toEqual(['notes/a.md', 'notes/b.md', 'größe.md']);
		expect(await textsIn(files)).toMatchObject({ 'notes/b.md': 'stored', 'größe.md': 'umlaut' });
	});

	it('never throws and never gives wrong bytes, whichever byte of it is changed', async () => {
		const content = 'some text that compresses, some text that compresses';
		const zip = zipSync({ 'a.md': strToU8(content), 'b.md': [strToU8('stored'), { level: 0 }] });
		for (let at = 0; at < zip.length; at++) {
			const broken = zip.slice();
			broken[at] = (broken[at] ?? 0) ^ 0x55;
			const opened = await readZip(blobOf(broken));
			if (!opened.ok) continue;
			for (const file of opened.value.files) {
				const bytes = await file.bytes().catch(() => null);
				if (bytes) expect(['', content, 'stored']).toContain(new TextDecoder().decode(bytes));
			}
		}
	});
});

describe('an archive made to unpack into far more than it holds', () => {
	it('never gives more than it lists', async () => {
		const zip = zipSync({ 'bomb.md': new Uint8Array(50_000_000) });
		const [at = 0] = directoryOffsets(zip);
		new DataView(zip.buffer).setUint32(at + 24, 1_000, true);
		const { files } = await open(zip);
		expect(files[0]?.sizeBytes).toBe(1_000);
		await expect(files[0]?.bytes()).rejects.toThrow();
	});

	it('is not unpacked where a file is larger than a note', async () => {
		const { files } = await open(zipSync({ 'large.md': new Uint8Array(maxNoteBytes + 1) }));
		expect(files[0]?.sizeBytes).toBe(maxNoteBytes + 1);
		await expect(files[0]?.bytes()).rejects.toThrow();
	});

	it('is refused if its files share their bytes', async () => {
		const zip = zipSync({ 'a.md': strToU8('x'.repeat(100)), 'b.md': strToU8('y'.repeat(100)) });
		const [, second = 0] = directoryOffsets(zip);
		new DataView(zip.buffer).setUint32(second + 42, 0, true);
		expect(await readZip(blobOf(zip))).toEqual(refused);
	});

	it('is refused if its notes together are more than anybody has written', async () => {
		const zip = zipSync({ 'a.md': strToU8('x') });
		const [at = 0] = directoryOffsets(zip);
		const end = zip.length - 22;
		const entry = zip.slice(at, end);
		new DataView(entry.buffer).setUint32(24, maxNoteBytes, true);
		const count = 1_100;
		const tail = zip.slice(end);
		const view = new DataView(tail.buffer);
		view.setUint16(10, count, true);
		view.setUint32(12, entry.length * count, true);
		const entries = Array.from({ length: count }, () => entry);
		const bomb = concatBytes(zip.slice(0, at), ...entries, tail);
		expect(await readZip(blobOf(bomb))).toEqual(refused);
	});
});
