// A zip of files as they are, not compressed: what leaves should open anywhere, and be over soon.
// APPNOTE.TXT 6.3.3; without zip64, so at most 65,535 files and 4 GB together.

export interface ZipEntry {
	/** With '/' between folders. */
	readonly path: string;
	readonly bytes: Uint8Array<ArrayBuffer>;
	readonly changedAtMs: number;
}

const utf8Names = 0x0800;
const version = 20;

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
	let crc = index;
	for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
	return crc;
});

function crc32(bytes: Uint8Array): number {
	let crc = 0xffffffff;
	for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
	return (crc ^ 0xffffffff) >>> 0;
}

/** Two seconds are as exact as the format is, and 1980 is where its time begins. */
function dosTime(ms: number): number {
	const time = new Date(ms);
	const year = Math.max(0, time.getFullYear() - 1980);
	const date = (year << 9) | ((time.getMonth() + 1) << 5) | time.getDate();
	const clock = (time.getHours() << 11) | (time.getMinutes() << 5) | (time.getSeconds() >> 1);
	return ((date << 16) | clock) >>> 0;
}

type Field = readonly [bytes: 2 | 4, value: number];

function fieldBytes(fields: readonly Field[]): Uint8Array<ArrayBuffer> {
	const bytes = new Uint8Array(fields.reduce((sum, [length]) => sum + length, 0));
	const view = new DataView(bytes.buffer);
	let at = 0;
	for (const [length, value] of fields) {
		if (length === 2) view.setUint16(at, value, true);
		else view.setUint32(at, value, true);
		at += length;
	}
	return bytes;
}

export function zipOf(entries: readonly ZipEntry[]): Blob {
	const files: BlobPart[] = [];
	const directory: Uint8Array<ArrayBuffer>[] = [];
	let offset = 0;
	for (const { path, bytes, changedAtMs } of entries) {
		const name = new TextEncoder().encode(path);
		const about: readonly Field[] = [
			[2, version],
			[2, utf8Names],
			[2, 0],
			[4, dosTime(changedAtMs)],
			[4, crc32(bytes)],
			[4, bytes.length],
			[4, bytes.length],
			[2, name.length],
			[2, 0]
		];
		files.push(fieldBytes([[4, 0x04034b50], ...about]), name, bytes);
		const outside: readonly Field[] = [
			[2, 0],
			[2, 0],
			[2, 0],
			[4, 0],
			[4, offset]
		];
		directory.push(fieldBytes([[4, 0x02014b50], [2, version], ...about, ...outside]), name);
		offset += 30 + name.length + bytes.length;
	}
	const size = directory.reduce((sum, part) => sum + part.length, 0);
	const end = fieldBytes([
		[4, 0x06054b50],
		[2, 0],
		[2, 0],
		[2, entries.length],
		[2, entries.length],
		[4, size],
		[4, offset],
		[2, 0]
	]);
	return new Blob([...files, ...directory, end], { type: 'application/zip' });
}
