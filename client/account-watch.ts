// Whether the edge shows the account that its devices know. It is read anew on each connection, once the
// keyring is whole there, since an edge that was set back tells nobody; and what came of it is the same in
// all tabs.

/** The account at the edge ends before what is known of it, or is another one. */
export type AccountFault = 'account_reverted' | 'account_forked';

export interface KeyringSight {
	readonly isOnline: boolean;
	/** The keyring is known here as far as the edge shows it. */
	readonly caughtUp: boolean;
	/** The edge was caught with the keyring, and is asked no more for it. */
	readonly isDistrusted: boolean;
}

export interface AccountWatchParts {
	/** Reads the account, and says {@link AccountWatch.note}. */
	readonly ask: () => void;
	/** For other tabs. */
	readonly tell: (fault: AccountFault | null) => void;
	readonly onChange: () => void;
}

export class AccountWatch {
	readonly #parts: AccountWatchParts;
	#fault: AccountFault | null = null;
	#asked: 'online' | 'distrusted' | null = null;

	constructor(parts: AccountWatchParts) {
		this.#parts = parts;
	}

	get fault(): AccountFault | null {
		return this.#fault;
	}

	/** @param code what reading or changing the account came to; anything but a fault says that it is well. */
	note(code: string | null): void {
		const fault = code === 'account_reverted' || code === 'account_forked' ? code : null;
		if (fault !== this.#fault) this.#parts.tell(fault);
		this.heard(fault);
	}

	/** From another tab. */
	heard(fault: AccountFault | null): void {
		if (fault === this.#fault) return;
		this.#fault = fault;
		this.#parts.onChange();
	}

	/** A new tab knows nothing of it yet. */
	repeat(): void {
		if (this.#fault !== null) this.#parts.tell(this.#fault);
	}

	/** Of the tab that syncs. */
	look({ isOnline, caughtUp, isDistrusted }: KeyringSight): void {
		const seen = isDistrusted ? 'distrusted' : isOnline ? 'online' : null;
		if (seen === 'online' && !caughtUp) return;
		if (seen === this.#asked) return;
		this.#asked = seen;
		if (seen !== null) this.#parts.ask();
	}
}
