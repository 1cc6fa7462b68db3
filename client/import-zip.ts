// Files inside a zip, for import-files.ts. The directory at the end of the archive says what is in
// it; a file is only inflated when its bytes are asked for, and never beyond the size it is listed
// with. An archive whose end is missing is walked from its beginning, as far as it goes.
// Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.4.
import { Inflate } from 'fflate';
import { utf8Decode } from '../protocol/bytes.ts';
import { maxNoteBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { ImportFile } from './import-files.ts';

export interface ZipFiles {
	readonly files: readonly ImportFile[];
	/** The archive is cut off or inconsistent: these are the files that could be found. */
	readonly damaged: boolean;
}

/**
 * `zip_unreadable`: no zip, nothing in it that can be found, all of it encrypted, or made to unpack
 * into far more than it holds.
 */
export async function readZip(blob: Blob): Promise<Result<ZipFiles, 'zip_unreadable'>> {
	try {
		const listed = await listByDirectory(blob);
		const entries = listed ?? (await listByWalking(blob));
		const readable = entries.filter(({ name }) => !name.endsWith('/'));
		if (listed === null && readable.length === 0) return err('zip_unreadable');
		if (readable.length > 0 && readable.every(({ encrypted }) => encrypted)) {
			return err('zip_unreadable');
		}
		if (isBomb(readable)) return err('zip_unreadable');
		const read = windowsOf(blob);
		return ok({ files: readable.map((entry) => fileOf(read, entry)), damaged: listed === null });
	} catch (error) {
		// The file under the blob was moved or deleted.
		if (error instanceof DOMException) return err('zip_unreadable');
		throw error;
	}
}

interface ZipEntry {
	readonly name: string;
	readonly encrypted: boolean;
	/** 0 stored, 8 deflated. */
	readonly method: number;
	readonly crc: number;
	readonly packedBytes: number;
	readonly sizeBytes: number;
	/** Of the local header. */
	readonly offset: number;
	readonly modifiedAtMs: number;
}

const localHeaderBytes = 30;
const directoryEntryBytes = 46;
const endBytes = 22;
const maxCommentBytes = 65_535;
const maxDirectoryBytes = 64 * 1_048_576;
/** Notes of one archive together. */
const maxUnpackedBytes = 1_073_741_824;

const localSignature = 0x04034b50;
const directorySignature = 0x02014b50;
const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
/** In a 16- or 32-bit field: the value stands in the 64-bit extra field. */
const elsewhere16 = 0xffff;
const elsewhere32 = 0xffffffff;

async function viewOf(blob: Blob, start: number, end: number): Promise<DataView> {
	return new DataView(await blob.slice(start, Math.min(end, blob.size)).arrayBuffer());
}

const bytesOf = (view: DataView, start: number, length: number): Uint8Array =>
	new Uint8Array(view.buffer, view.byteOffset + start, length);

interface Directory {
	readonly offset: number;
	readonly lengthBytes: number;
	readonly count: number;
}

/** Null if the archive has no directory, or one that does not fit it. */
async function listByDirectory(blob: Blob): Promise<readonly ZipEntry[] | null> {
	const directory = await findDirectory(blob);
	if (directory === null || directory.lengthBytes > maxDirectoryBytes) return null;
	const end = directory.offset + directory.lengthBytes;
	if (end > blob.size) return null;
	const view = await viewOf(blob, directory.offset, end);
	const entries: ZipEntry[] = [];
	let at = 0;
	while (at + directoryEntryBytes <= view.byteLength) {
		if (view.getUint32(at, true) !== directorySignature) return null;
		const nameBytes = view.getUint16(at + 28, true);
		const extraBytes = view.getUint16(at + 30, true);
		const length = directoryEntryBytes + nameBytes + extraBytes + view.getUint16(at + 32, true);
		if (at + length > view.byteLength) return null;
		entries.push(directoryEntry(view, at, { nameBytes, extraBytes }));
		at += length;
	}
	return entries.length === directory.count ? entries : null;
}

async function findDirectory(blob: Blob): Promise<Directory | null> {
	const tailStart = Math.max(0, blob.size - endBytes - maxCommentBytes);
	const tail = await viewOf(blob, tailStart, blob.size);
	for (let at = tail.byteLength - endBytes; at >= 0; at--) {
		if (tail.getUint32(at, true) !== endSignature) continue;
		const count = tail.getUint16(at + 10, true);
		const lengthBytes = tail.getUint32(at + 12, true);
		const offset = tail.getUint32(at + 16, true);
		if (count !== elsewhere16 && offset !== elsewhere32) return { offset, lengthBytes, count };
		return findDirectory64(blob, tailStart + at);
	}
	return null;
}

async function findDirectory64(blob: Blob, endOffset: number): Promise<Directory | null> {
	if (endOffset < 20) return null;
	const locator = await viewOf(blob, endOffset - 20, endOffset);
	if (locator.getUint32(0, true) !== locator64Signature) return null;
	const start = uint64(locator, 8);
	const end = await viewOf(blob, start, start + 56);
	if (end.byteLength < 56 || end.getUint32(0, true) !== end64Signature) return null;
	return { count: uint64(end, 32), lengthBytes: uint64(end, 40), offset: uint64(end, 48) };
}

/** Values beyond 2^53 lose precision, and are larger than any blob all the same. */
const uint64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

function directoryEntry(
	view: DataView,
	at: number,
	lengths: { readonly nameBytes: number; readonly extraBytes: number }
): ZipEntry {
	const nameStart = at + directoryEntryBytes;
	const extraStart = nameStart + lengths.nameBytes;
	const sizes = {
		sizeBytes: view.getUint32(at + 24, true),
		packedBytes: view.getUint32(at + 20, true),
		offset: view.getUint32(at + 42, true)
	};
	const extra = bytesOf(view, extraStart, lengths.extraBytes);
	return {
		name: nameOf(bytesOf(view, nameStart, lengths.nameBytes)),
		encrypted: (view.getUint16(at + 8, true) & 1) === 1,
		method: view.getUint16(at + 10, true),
		modifiedAtMs: timeOf(view.getUint16(at + 12, true), view.getUint16(at + 14, true)),
		crc: view.getUint32(at + 16, true),
		...withLongSizes(sizes, extra)
	};
}

interface Sizes {
	readonly sizeBytes: number;
	readonly packedBytes: number;
	readonly offset: number;
}

/** Reads what did not fit 32 bits from the extra field 1 (APPNOTE 4.5.3). */
function withLongSizes(sizes: Sizes, extra: Uint8Array): Sizes {
	const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
	const long = { ...sizes };
	for (let at = 0; at + 4 <= view.byteLength; at += 4 + view.getUint16(at + 2, true)) {
		if (view.getUint16(at, true) !== 1) continue;
		let value = at + 4;
		for (const name of ['sizeBytes', 'packedBytes', 'offset'] as const) {
			if (sizes[name] !== elsewhere32 || value + 8 > view.byteLength) continue;
			long[name] = uint64(view, value);
			value += 8;
		}
	}
	return long;
}

/** As far as local headers follow each other and say how long their files are. */
async function listByWalking(blob: Blob): Promise<readonly ZipEntry[]> {
	const entries: ZipEntry[] = [];
	let at = 0;
	while (at + localHeaderBytes <= blob.size) {
		const head = await viewOf(blob, at, at + localHeaderBytes);
		const lengthFollows = (head.getUint16(6, true) & 8) !== 0;
		if (head.getUint32(0, true) !== localSignature || lengthFollows) break;
		const nameBytes = head.getUint16(26, true);
		const packedBytes = head.getUint32(18, true);
		const nameStart = at + localHeaderBytes;
		const name = await viewOf(blob, nameStart, nameStart + nameBytes);
		const end = nameStart + nameBytes + head.getUint16(28, true) + packedBytes;
		if (end > blob.size) break;
		entries.push({
			name: nameOf(bytesOf(name, 0, name.byteLength)),
			encrypted: (head.getUint16(6, true) & 1) === 1,
			method: head.getUint16(8, true),
			modifiedAtMs: timeOf(head.getUint16(10, true), head.getUint16(12, true)),
			crc: head.getUint32(14, true),
			packedBytes,
			sizeBytes: head.getUint32(22, true),
			offset: at
		});
		at = end;
	}
	return entries;
}

const legacyDecoder = new TextDecoder('windows-1252');

/** Most programs write UTF-8, whether they say so or not. Names that climb out of the folder can't. */
function nameOf(bytes: Uint8Array): string {
	const utf8 = utf8Decode(bytes);
	const name = utf8.ok ? utf8.value : legacyDecoder.decode(bytes);
	const parts = name
		.replaceAll('\\', '/')
		.replace(/^[A-Za-z]:/, '')
		.split('/');
	const isFolder = parts.at(-1) === '';
	const kept = parts.filter((part) => part !== '' && part !== '.' && part !== '..');
	return kept.join('/') + (isFolder ? '/' : '');
}

/** MS-DOS date and time, in the local time of whoever packed; taken as this device's. */
function timeOf(time: number, date: number): number {
	const day = new Date(
		1980 + (date >> 9),
		((date >> 5) & 15) - 1,
		date & 31,
		time >> 11,
		(time >> 5) & 63,
		(time & 31) * 2
	);
	return Math.max(0, day.getTime());
}

/** Files that share bytes, or more text than anybody has written. */
function isBomb(entries: readonly ZipEntry[]): boolean {
	const notes = entries.filter(({ sizeBytes }) => sizeBytes <= maxNoteBytes);
	const noteBytes = notes.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
	if (noteBytes > maxUnpackedBytes) return true;
	const sorted = entries.toSorted((a, b) => a.offset - b.offset);
	return sorted.some((entry, index) => {
		const next = sorted[index + 1];
		return next !== undefined && entry.offset + localHeaderBytes + entry.packedBytes > next.offset;
	});
}

/** Bytes of the archive from `start` to `end`, or to its own end. */
type ReadBytes = (start: number, end: number) => Promise<Uint8Array>;

const windowBytes = 1_048_576;
const keptWindows = 3;

/**
 * Files lie one behind another, and a browser takes about a millisecond for each read of a blob,
 * however short: a few long stretches are kept, and small files cut out of them.
 */
function windowsOf(blob: Blob): ReadBytes {
	const kept = new Map<number, Promise<Uint8Array>>();
	const cut = async (start: number, end: number): Promise<Uint8Array> =>
		new Uint8Array(await blob.slice(start, end).arrayBuffer());
	const windowAt = (index: number): Promise<Uint8Array> => {
		const window = kept.get(index) ?? cut(index * windowBytes, (index + 1) * windowBytes);
		kept.delete(index);
		kept.set(index, window);
		for (const oldest of kept.keys()) {
			if (kept.size <= keptWindows) break;
			kept.delete(oldest);
		}
		return window;
	};
	return async (start, to) => {
		const end = Math.min(to, blob.size);
		const first = Math.floor(start / windowBytes);
		const last = Math.floor(Math.max(start, end - 1) / windowBytes);
		if (last > first + 1) return cut(start, end);
		const offset = first * windowBytes;
		const head = (await windowAt(first)).subarray(start - offset, end - offset);
		if (last === first) return head;
		const bytes = new Uint8Array(end - start);
		bytes.set(head);
		bytes.set((await windowAt(last)).subarray(0, end - last * windowBytes), head.length);
		return bytes;
	};
}

function fileOf(read: ReadBytes, entry: ZipEntry): ImportFile {
	return {
		path: entry.name,
		sizeBytes: entry.sizeBytes,
		modifiedAtMs: entry.modifiedAtMs,
		bytes: async () => {
			const bytes = await readEntry(read, entry);
			if (bytes === null) throw new Error('the archive does not hold what it lists');
			return bytes;
		}
	};
}

async function readEntry(read: ReadBytes, entry: ZipEntry): Promise<Uint8Array | null> {
	const { method, packedBytes, sizeBytes, offset } = entry;
	if (entry.encrypted || (method !== 0 && method !== 8) || sizeBytes > maxNoteBytes) return null;
	const headEnd = offset + localHeaderBytes;
	const head = await read(offset, headEnd);
	if (head.length < localHeaderBytes || uint32(head, 0) !== localSignature) return null;
	const start = headEnd + uint16(head, 26) + uint16(head, 28);
	const end = start + packedBytes;
	const bytes =
		method === 8
			? await inflate(read, { start, end, sizeBytes })
			: packedBytes === sizeBytes
				? await read(start, end)
				: null;
	return bytes?.length === sizeBytes && crc32(bytes) === entry.crc ? bytes : null;
}

const uint16 = (bytes: Uint8Array, at: number): number =>
	(bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
const uint32 = (bytes: Uint8Array, at: number): number =>
	(uint16(bytes, at) | (uint16(bytes, at + 2) << 16)) >>> 0;

/** Deflate expands at most about a thousandfold: a step never needs more than 16 MiB. */
const inflateStepBytes = 16_384;

async function inflate(
	read: ReadBytes,
	packed: { readonly start: number; readonly end: number; readonly sizeBytes: number }
): Promise<Uint8Array | null> {
	const { sizeBytes } = packed;
	const bytes = new Uint8Array(sizeBytes);
	const seen = { bytes: 0, complete: false };
	const inflater = new Inflate((chunk, final) => {
		if (seen.bytes + chunk.length <= sizeBytes) bytes.set(chunk, seen.bytes);
		seen.bytes += chunk.length;
		seen.complete = final;
	});
	for (let at = packed.start; at < packed.end && seen.bytes <= sizeBytes; at += inflateStepBytes) {
		const end = Math.min(at + inflateStepBytes, packed.end);
		const step = await read(at, end);
		// The archive is cut off here.
		if (step.length < end - at) return null;
		try {
			inflater.push(step, end >= packed.end);
		} catch {
			// The library throws errors of several kinds on bytes that are no deflate stream.
			return null;
		}
	}
	return seen.complete && seen.bytes === sizeBytes ? bytes : null;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
	let crc = byte;
	for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
	return crc;
});

/** CRC-32 as zip has it, over the unpacked bytes. */
function crc32(bytes: Uint8Array): number {
	let crc = 0xffffffff;
	for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
	return (crc ^ 0xffffffff) >>> 0;
}
