// Whether the edge says that this account is no member of a space any more. It can't prove it, nor can
// this device disprove it: it is kept, shown, and asked again, until a log with the account is verified.
import { ok, type Result } from '../protocol/result.ts';
import type { LocalLog } from './local-log.ts';
import type { StoreFault } from './store.ts';

export interface RemovalParts {
	readonly log: LocalLog;
	readonly onChange: () => void;
	/** It is kept, or forgotten: other tabs should look again. */
	readonly onKept: () => void;
	/** Asks the edge again. */
	readonly askAgain: () => void;
}

/** Whoever was removed may be let in again: asked for now and then. */
const retryMs = 5 * 60_000;

export class Removal {
	readonly #parts: RemovalParts;
	/** As the edge claimed last. */
	#atMs: number | null = null;
	#keeping: Promise<void> = Promise.resolve();
	#timer: ReturnType<typeof setTimeout> | undefined;

	constructor(parts: RemovalParts) {
		this.#parts = parts;
	}

	get isClaimed(): boolean {
		return this.#atMs !== null;
	}

	/** Kept over a restart, and seen by tabs that do not ask themselves. */
	async load(): Promise<Result<null, StoreFault>> {
		const removed = await this.#parts.log.loadRemoved();
		if (!removed.ok) return removed;
		this.#atMs = removed.value;
		return ok(null);
	}

	claimed(atMs: number): void {
		this.#note(atMs);
		this.rest();
		this.#timer = setTimeout(this.#parts.askAgain, retryMs);
	}

	/** An edge that refuses accepts the socket first: only what is verified shows a member again. */
	disproved(): void {
		if (this.#atMs !== null) this.#note(null);
	}

	/** Nothing is asked again by itself. */
	rest(): void {
		clearTimeout(this.#timer);
	}

	/** Settles when what is known is kept. */
	get idle(): Promise<void> {
		return this.#keeping;
	}

	#note(atMs: number | null): void {
		this.#atMs = atMs;
		this.#parts.onChange();
		this.#keeping = this.#keeping.then(async () => {
			await this.#parts.log.saveRemoved(atMs);
			this.#parts.onKept();
		});
	}
}
