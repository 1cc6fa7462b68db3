// Brings files in as notes: checks them one by one, saves them some pages at a time while the next
// are read, and tells what was not taken and why. An import that was cut short is simply run again: what is here already is
// skipped. Knows nothing of where files come from (a folder, a drop, import-zip.ts).
import { utf8Decode } from '../protocol/bytes.ts';
import type { ItemId } from '../protocol/ids.ts';
import { maxNoteBytes, targetPageBytes } from '../protocol/limits.ts';
import type { Change } from '../protocol/page.ts';
import type { Result } from '../protocol/result.ts';
import { keptChanges } from './item-seed.ts';
import { makeSeed } from './items.ts';
import type { SaveFault } from './open-item.ts';

export interface ImportFile {
	/** With folders before it, '/' between them. */
	readonly path: string;
	readonly sizeBytes: number;
	readonly modifiedAtMs?: number;
	/** Rejects if the file can't be read. */
	bytes(): Promise<Uint8Array>;
}

export type SkipReason =
	| 'not_markdown'
	/** No UTF-8, or with NUL bytes in it. */
	| 'not_text'
	| 'too_large'
	| 'unreadable'
	| 'empty_name'
	| 'already_here'
	/** The person stopped the import before it. */
	| 'cancelled'
	/** The device did not take it: the report's `stopped` says why. */
	| 'not_saved';

export interface SkippedFile {
	readonly path: string;
	readonly sizeBytes: number;
	readonly reason: SkipReason;
}

export interface ImportProgress {
	readonly phase: 'reading' | 'saving' | 'syncing';
	readonly done: number;
	/** Null while files are still being found. */
	readonly total: number | null;
	/** Saved on this device. */
	readonly taken: number;
	readonly skipped: number;
}

export interface ImportReport {
	readonly taken: number;
	readonly skipped: readonly SkippedFile[];
	readonly cancelled: boolean;
	/** Why the import ended before its last file, if it was not the person's wish. */
	readonly stopped: SaveFault | null;
}

export interface ImportOptions {
	readonly existing: (path: string, title: string, body: string) => boolean;
	/** Resolves when the changes are in this device's store; called for a few pages of them at a time. */
	readonly save: (changes: readonly Change[]) => Promise<Result<void, SaveFault>>;
	/** Saved at a time, about: more cost fewer messages to a worker, and more memory. 2 if left out. */
	readonly pagesAtOnce?: number;
	readonly newItemId: () => ItemId;
	readonly nowMs: () => number;
	readonly signal?: AbortSignal;
	/** At most every 50 ms, and at the end. */
	readonly onProgress?: (progress: ImportProgress) => void;
}

type Files = Iterable<ImportFile> | AsyncIterable<ImportFile>;

export async function importFiles(files: Files, options: ImportOptions): Promise<ImportReport> {
	const run = new ImportRun(options, Array.isArray(files) ? files.length : null);
	const rest = filesOf(files);
	for await (const { file, note } of readAhead(rest, run)) {
		await run.take(file, note);
	}
	await run.saveRest();
	// A list is at hand in full; a walk through folders ends where it was stopped.
	if (Symbol.iterator in files) for await (const file of rest) run.leave(file);
	else await rest.return(undefined);
	return run.finish();
}

async function* filesOf(files: Files): AsyncGenerator<ImportFile, undefined, undefined> {
	yield* files;
}

interface Note {
	readonly path: string;
	readonly title: string;
	readonly body: string;
}
type Reading = Note | SkipReason;

const readsAtOnce = 8;

/** Reads a few files ahead, and gives them in order. */
async function* readAhead(
	files: AsyncIterator<ImportFile, undefined>,
	run: ImportRun
): AsyncGenerator<{ readonly file: ImportFile; readonly note: Reading }> {
	const ahead: { readonly file: ImportFile; readonly note: Promise<Reading> }[] = [];
	let exhausted = false;
	for (;;) {
		while (!exhausted && !run.ended && ahead.length < readsAtOnce) {
			const next = await files.next();
			if (next.done) exhausted = true;
			else ahead.push({ file: next.value, note: readNote(next.value) });
		}
		const first = ahead.shift();
		if (!first) return;
		if (run.ended) run.leave(first.file);
		else yield { file: first.file, note: await first.note };
	}
}

const markdownEnding = /\.(?:md|markdown|mdown|mkd|txt)$/i;

async function readNote(file: ImportFile): Promise<Reading> {
	const folders = file.path.split('/').filter((part) => part !== '');
	const name = folders.pop() ?? '';
	if (!markdownEnding.test(name)) return 'not_markdown';
	const title = name.replace(markdownEnding, '').normalize('NFC').toWellFormed();
	if (title.trim() === '') return 'empty_name';
	if ([...folders, name].some(isHidden)) return 'not_markdown';
	// Before it is read: a file of any size costs nothing.
	if (file.sizeBytes > maxNoteBytes) return 'too_large';
	const body = await readText(file);
	if (typeof body !== 'object') return body;
	const path = folders.join('/').normalize('NFC').toWellFormed();
	return { path, title, body: body.text };
}

/** What systems and editors keep for themselves. */
const isHidden = (name: string): boolean => name.startsWith('.') || name === '__MACOSX';

async function readText(file: ImportFile): Promise<{ readonly text: string } | SkipReason> {
	let bytes: Uint8Array;
	try {
		bytes = await file.bytes();
	} catch {
		// Moved, deleted or forbidden since it was listed: platforms reject with errors of many kinds.
		return 'unreadable';
	}
	if (bytes.length > maxNoteBytes) return 'too_large';
	if (bytes.includes(0)) return 'not_text';
	const text = utf8Decode(bytes);
	return text.ok ? { text: text.value } : 'not_text';
}

const progressEveryMs = 50;
/** The first notes are there at once; later ones share the cost of a save, which is one transaction. */
const firstBatchBytes = targetPageBytes;
const pagesAtOnce = 2;
/** Bytes that a seed takes beside its texts, roughly. */
const seedOverheadBytes = 48;

interface Taken {
	readonly file: ImportFile;
	readonly change: Change;
}

class ImportRun {
	readonly #options: ImportOptions;
	readonly #total: number | null;
	#batch: Taken[] = [];
	#batchBytes = 0;
	#maxBatchBytes = firstBatchBytes;
	/** The batch before this one. */
	#saving: Promise<void> = Promise.resolve();
	#inSaving = 0;
	#taken = 0;
	readonly #skipped: SkippedFile[] = [];
	#stopped: SaveFault | null = null;
	#cancelled = false;
	#toldAtMs = Number.NEGATIVE_INFINITY;

	constructor(options: ImportOptions, total: number | null) {
		this.#options = options;
		this.#total = total;
	}

	/** No further file is taken. */
	get ended(): boolean {
		return this.#stopped !== null || this.#options.signal?.aborted === true;
	}

	async take(file: ImportFile, note: Reading): Promise<void> {
		if (typeof note === 'string') this.#skip(file, note);
		else if (this.#options.existing(note.path, note.title, note.body)) {
			this.#skip(file, 'already_here');
		} else await this.#takeNote(file, note);
		this.#tell('reading');
	}

	async #takeNote(file: ImportFile, note: Note): Promise<void> {
		const createdAtMs = Math.max(0, Math.trunc(file.modifiedAtMs ?? this.#options.nowMs()));
		const seed = makeSeed({ ...note, createdAtMs });
		if (!seed.ok) {
			this.#skip(file, 'too_large');
			return;
		}
		const bytes = file.sizeBytes + note.title.length + note.path.length + seedOverheadBytes;
		if (this.#batchBytes + bytes > this.#maxBatchBytes) await this.#saveBatch();
		if (this.#stopped !== null) {
			this.leave(file);
			return;
		}
		const item = this.#options.newItemId();
		this.#batch.push({ file, change: { type: 'seed', item, seed: seed.value } });
		this.#batchBytes += bytes;
	}

	/** Saves what was taken, and waits until all of it is. */
	async saveRest(): Promise<void> {
		await this.#saveBatch();
		await this.#saving;
	}

	/** Begins to save, once the batch before is saved: files are read meanwhile, and nothing overtakes. */
	async #saveBatch(): Promise<void> {
		const batch = this.#batch;
		if (batch.length === 0) return;
		await this.#saving;
		this.#batch = [];
		this.#batchBytes = 0;
		this.#maxBatchBytes = (this.#options.pagesAtOnce ?? pagesAtOnce) * targetPageBytes;
		const files = batch.map(({ file }) => file);
		if (this.#stopped !== null) for (const file of files) this.leave(file);
		else this.#saving = this.#save(files, keptChanges(batch.map(({ change }) => change)));
		// Whoever waits for it hears what it throws.
		this.#saving.catch(() => undefined);
	}

	async #save(files: readonly ImportFile[], changes: readonly Change[]): Promise<void> {
		this.#inSaving = files.length;
		this.#tell('saving');
		const saved = await this.#options.save(changes);
		this.#inSaving = 0;
		if (saved.ok) this.#taken += files.length;
		else {
			this.#stopped = saved.error;
			for (const file of files) this.leave(file);
		}
	}

	/** A file that an import which ended does not take any more. */
	leave(file: ImportFile): void {
		if (this.#stopped === null) this.#cancelled = true;
		this.#skip(file, this.#stopped === null ? 'cancelled' : 'not_saved');
	}

	finish(): ImportReport {
		this.#cancelled ||= this.#options.signal?.aborted === true && this.#stopped === null;
		this.#toldAtMs = Number.NEGATIVE_INFINITY;
		this.#tell('saving');
		return {
			taken: this.#taken,
			skipped: this.#skipped,
			cancelled: this.#cancelled,
			stopped: this.#stopped
		};
	}

	#skip({ path, sizeBytes }: ImportFile, reason: SkipReason): void {
		this.#skipped.push({ path, sizeBytes, reason });
	}

	#tell(phase: ImportProgress['phase']): void {
		const nowMs = this.#options.nowMs();
		if (nowMs - this.#toldAtMs < progressEveryMs) return;
		this.#toldAtMs = nowMs;
		const skipped = this.#skipped.length;
		this.#options.onProgress?.({
			phase,
			done: this.#taken + this.#inSaving + this.#batch.length + skipped,
			total: this.#total,
			taken: this.#taken,
			skipped
		});
	}
}
