// Work that must not overlap: each piece begins when the one before has ended, well or not.

export class Turns {
	#last: Promise<unknown> = Promise.resolve();

	take<Value>(work: () => Promise<Value>): Promise<Value> {
		const done = this.#last.then(work);
		this.#last = done.catch(() => undefined);
		return done;
	}

	/** Settles when all that was asked for so far has ended. */
	get ended(): Promise<unknown> {
		return this.#last;
	}
}
