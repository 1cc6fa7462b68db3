// Files as people give them: a folder chosen, files and folders dropped, and what is inside a zip.
import type { ImportFile } from '../../../client/index.ts';

export interface ZipFault {
	readonly path: string;
	readonly fault: 'zip_unreadable' | 'zip_damaged';
}

export interface FoundFiles {
	readonly files: readonly ImportFile[];
	readonly zipFaults: readonly ZipFault[];
}

/** A file and where it lay; null for one that the browser would not give. */
interface Found {
	readonly path: string;
	readonly file: File | null;
}

export const chosenFiles = (files: FileList): Found[] =>
	Array.from(files, (file) => ({ path: file.webkitRelativePath || file.name, file }));

/** Must be called while the drop event is handled: afterwards the browser forgets the entries. */
export const droppedEntries = (transfer: DataTransfer): FileSystemEntry[] =>
	Array.from(transfer.items).flatMap((item) => item.webkitGetAsEntry() ?? []);

/** Every file in the folders, and in the folders inside them. */
export async function* filesIn(entries: readonly FileSystemEntry[]): AsyncGenerator<Found> {
	for (const entry of entries) {
		if (isFile(entry)) yield await found(entry);
		else if (isFolder(entry)) yield* filesInFolder(entry);
	}
}

/** Lists all files before the first is read, so that the bar knows its end; opens zips. */
export async function findFiles(
	source: Iterable<Found> | AsyncIterable<Found>,
	signal: AbortSignal
): Promise<FoundFiles> {
	const files: ImportFile[] = [];
	const zipFaults: ZipFault[] = [];
	for await (const { path, file } of source) {
		if (signal.aborted) break;
		if (file === null) files.push(unreadable(path));
		else if (!/\.zip$/i.test(path)) files.push(toImportFile(path, file));
		else await addZip({ path, file }, files, zipFaults);
	}
	return { files, zipFaults };
}

async function addZip(
	{ path, file }: { readonly path: string; readonly file: File },
	files: ImportFile[],
	zipFaults: ZipFault[]
): Promise<void> {
	const { readZip } = await import('../../../client/import-zip.ts');
	const zip = await readZip(file);
	if (!zip.ok) {
		zipFaults.push({ path, fault: zip.error });
		return;
	}
	for (const inside of zip.value.files) files.push(inside);
	if (zip.value.damaged) zipFaults.push({ path, fault: 'zip_damaged' });
}

const toImportFile = (path: string, file: File): ImportFile => ({
	path,
	sizeBytes: file.size,
	modifiedAtMs: file.lastModified,
	bytes: async () => new Uint8Array(await file.arrayBuffer())
});

const unreadable = (path: string): ImportFile => ({
	path,
	sizeBytes: 0,
	bytes: () => Promise.reject(new DOMException('the browser could not read it', 'NotReadableError'))
});

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

async function* filesInFolder(folder: FileSystemDirectoryEntry): AsyncGenerator<Found> {
	const reader = folder.createReader();
	// A reader answers with at most 100 entries at a time, and with none at the end.
	for (let batch = await readBatch(reader); batch.length > 0; batch = await readBatch(reader)) {
		yield* filesIn(batch);
	}
}

const readBatch = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
	new Promise((resolve, reject) => {
		reader.readEntries(resolve, reject);
	});

async function found(entry: FileSystemFileEntry): Promise<Found> {
	const path = entry.fullPath.replace(/^\//, '');
	try {
		return {
			path,
			file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject))
		};
	} catch {
		// Moved, deleted or forbidden since it was dropped.
		return { path, file: null };
	}
}
