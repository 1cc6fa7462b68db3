// SQL of attempts at an account's password. Synchronous; nothing here awaits. Writes only for an account
// that exists: account-store.ts makes the tables.
import type { AccountStore } from './account-store.ts';

/** Of one network or device, or of all together. */
export interface Attempts {
	/** Until when they count (generic cell rate algorithm), in milliseconds since 1970. */
	readonly arrivalMs: number;
	/** That no success came after; of all together, 0. */
	readonly failures: number;
}

/** The name that stands for all networks together. */
const everywhere = '';

export class AccountLoginStore {
	readonly #sql: SqlStorage;
	readonly #account: AccountStore;

	constructor(storage: DurableObjectStorage, account: AccountStore) {
		this.#sql = storage.sql;
		this.#account = account;
	}

	/** Whether there is an account whose attempts can be written down. */
	get isKept(): boolean {
		return this.#account.exists;
	}

	/** By network or device; null is the total. In the order in which they were saved. */
	loadAttempts(): Map<string | null, Attempts> {
		if (!this.isKept) return new Map();
		const [row] = this.#sql
			.exec<{ attempts: string }>('SELECT attempts FROM login_attempts')
			.toArray();
		// Written by this store.
		const attempts = JSON.parse(row?.attempts ?? '{}') as Record<string, Attempts>;
		return new Map(
			Object.entries(attempts).map(([name, kept]) => [name === everywhere ? null : name, kept])
		);
	}

	/** One row, however many there are. */
	saveAttempts(attempts: ReadonlyMap<string | null, Attempts>): void {
		const entries = [...attempts].map(([name, kept]) => [name ?? everywhere, kept] as const);
		this.#sql.exec(
			'INSERT INTO login_attempts VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET attempts = excluded.attempts',
			JSON.stringify(Object.fromEntries(entries))
		);
	}
}
