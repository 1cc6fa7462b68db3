// Heads of a space's log that its commits name: most name one of the last few.
import type { LogHistory } from '../crypto/log-rules.ts';
import type { Head } from '../protocol/commit.ts';
import type { Seq } from '../protocol/ids.ts';

const mostHeads = 64;

/** A history that remembers what was looked up, and what was noted, last: an entry never changes. */
export class RecentHeads implements LogHistory {
	readonly #history: LogHistory;
	readonly #heads = new Map<Seq, Uint8Array>();

	constructor(history: LogHistory) {
		this.#history = history;
	}

	note({ seq, hash }: Head): void {
		this.#heads.set(seq, hash);
		const [oldest] = this.#heads.keys();
		if (this.#heads.size > mostHeads && oldest !== undefined) this.#heads.delete(oldest);
	}

	headAt(seq: Seq): Uint8Array | undefined {
		const known = this.#heads.get(seq);
		if (known !== undefined) return known;
		const hash = this.#history.headAt(seq);
		if (hash !== undefined) this.note({ seq, hash });
		return hash;
	}

	pageCountAt(seq: Seq): number | undefined {
		return this.#history.pageCountAt(seq);
	}
}
