// One import at a time. It goes on while the person is elsewhere in the app.
import { on } from 'svelte/events';
import type { FoundFiles, ZipFault } from './import-sources.ts';
import type { ImportFile, ImportProgress, ImportReport, Space } from '../../../client/index.ts';

/** Held by the tab that imports. */
const lockName = 'tacet.import';
/** Says that an import began and did not end; holds the time, and no names. */
const markerKey = 'tacet.import-began';
/** Each time costs messages to the crypto worker, and a transaction. */
const pagesAtOnce = 8;

const isRunningElsewhere = (): Promise<boolean> =>
	navigator.locks.request(lockName, { ifAvailable: true }, (lock) => lock === null);

export class ImportRun {
	progress = $state.raw<ImportProgress | null>(null);
	report = $state.raw<ImportReport | null>(null);
	zipFaults = $state.raw<readonly ZipFault[]>([]);
	paused = $state(false);
	/** An import of an earlier visit did not finish. */
	interruptedAtMs = $state<number | null>(null);
	failed = $state(false);
	/** Where it goes. */
	into = $state.raw() as Space;
	#abort: AbortController | null = null;
	#startedAtMs = 0;
	#pausedMs = 0;
	#resume: (() => void) | null = null;

	constructor(space: Space) {
		this.into = space;
		void this.#lookForInterrupted();
	}

	get running(): boolean {
		return this.progress !== null;
	}

	/** Null until there is enough to judge by. */
	get secondsLeft(): number | null {
		const { progress } = this;
		if (progress === null || progress.total === null || progress.done < 20) return null;
		const spentMs = Date.now() - this.#startedAtMs - this.#pausedMs;
		return ((spentMs / progress.done) * (progress.total - progress.done)) / 1_000;
	}

	/** `find` looks for the files, and is asked now and then whether to go on. */
	async start(find: (signal: AbortSignal) => Promise<FoundFiles>): Promise<void> {
		if (this.running) return;
		const abort = this.#begin();
		const offUnload = on(window, 'beforeunload', (event) => event.preventDefault());
		try {
			await navigator.locks.request(lockName, async () =>
				this.#run(await find(abort.signal), abort)
			);
		} catch {
			this.failed = true;
		} finally {
			offUnload();
			localStorage.removeItem(markerKey);
			this.progress = null;
			this.#abort = null;
		}
	}

	pause(): void {
		if (this.paused || !this.running) return;
		this.paused = true;
	}

	resume(): void {
		this.paused = false;
		this.#resume?.();
	}

	cancel(): void {
		this.#abort?.abort();
		this.resume();
	}

	dismiss(): void {
		this.report = null;
		this.zipFaults = [];
		this.failed = false;
		this.interruptedAtMs = null;
		if (!this.running) localStorage.removeItem(markerKey);
	}

	#begin(): AbortController {
		this.dismiss();
		this.progress = { done: 0, total: null, taken: 0, skipped: 0, phase: 'reading' };
		this.paused = false;
		this.#startedAtMs = Date.now();
		this.#pausedMs = 0;
		localStorage.setItem(markerKey, String(this.#startedAtMs));
		return (this.#abort = new AbortController());
	}

	async #run({ files, zipFaults }: FoundFiles, { signal }: AbortController): Promise<void> {
		this.zipFaults = zipFaults;
		this.#startedAtMs = Date.now();
		this.report = await this.into.importFiles(this.#pausable(files), {
			signal,
			pagesAtOnce,
			onProgress: (progress) => (this.progress = { ...progress, total: files.length })
		});
	}

	/** The same files, given out only while the import is not paused. */
	async *#pausable(files: readonly ImportFile[]): AsyncGenerator<ImportFile> {
		for (const file of files) {
			if (this.paused) await this.#untilResumed();
			yield file;
		}
	}

	async #untilResumed(): Promise<void> {
		const pausedAtMs = Date.now();
		await new Promise<void>((resolve) => (this.#resume = resolve));
		this.#resume = null;
		this.#pausedMs += Date.now() - pausedAtMs;
	}

	async #lookForInterrupted(): Promise<void> {
		const began = Number(localStorage.getItem(markerKey));
		if (began > 0 && !this.running && !(await isRunningElsewhere())) this.interruptedAtMs = began;
	}
}
