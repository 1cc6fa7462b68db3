// Files as people give them: a folder chosen, or files and folders dropped.
import type { ImportFile } from '../../../client/index.ts';

const toImportFile = (file: File, path: string): ImportFile => ({
	path,
	sizeBytes: file.size,
	bytes: async () => new Uint8Array(await file.arrayBuffer())
});

export const chosenFiles = (files: FileList): ImportFile[] =>
	Array.from(files, (file) => toImportFile(file, file.webkitRelativePath || file.name));

/** Must be called while the drop event is handled: afterwards the browser forgets the entries. */
export function droppedEntries(transfer: DataTransfer): FileSystemEntry[] {
	return Array.from(transfer.items).flatMap((item) => item.webkitGetAsEntry() ?? []);
}

export async function* entryFiles(entries: readonly FileSystemEntry[]): AsyncGenerator<ImportFile> {
	for (const entry of entries) {
		if (isFile(entry)) yield await fileOf(entry);
		else if (isFolder(entry)) yield* folderFiles(entry);
	}
}

export const entryAsFile = (entry: FileSystemEntry): Promise<File> | null =>
	isFile(entry) ? readFile(entry) : null;

async function* folderFiles(folder: FileSystemDirectoryEntry): AsyncGenerator<ImportFile> {
	const reader = folder.createReader();
	// A reader answers with at most 100 entries at a time, and with none at the end.
	for (let batch = await readBatch(reader); batch.length > 0; batch = await readBatch(reader)) {
		yield* entryFiles(batch);
	}
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

const readFile = (entry: FileSystemFileEntry): Promise<File> =>
	new Promise((resolve, reject) => entry.file(resolve, reject));

const readBatch = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
	new Promise((resolve, reject) => reader.readEntries(resolve, reject));

const unreadable = (path: string): ImportFile => ({
	path,
	sizeBytes: 0,
	bytes: () => Promise.reject(new DOMException('the browser could not read it', 'NotReadableError'))
});

async function fileOf(entry: FileSystemFileEntry): Promise<ImportFile> {
	const path = entry.fullPath.replace(/^\//, '');
	try {
		return toImportFile(await readFile(entry), path);
	} catch {
		return unreadable(path);
	}
}

/** Every zip among the files gives what is inside it. */
export async function* withZips(
	files: Iterable<ImportFile> | AsyncIterable<ImportFile>
): AsyncGenerator<ImportFile> {
	for await (const file of files) {
		if (file.path.toLowerCase().endsWith('.zip')) yield* openZip(file);
		else yield file;
	}
}

async function* openZip(file: ImportFile): AsyncGenerator<ImportFile> {
	const { readZip } = await import('../../../client/index.ts');
	yield* readZip(file);
}
