// SQL of attempts at an account's password. Synchronous; nothing here awaits. Writes only for an account
// that exists: account-store.ts makes the tables.
import type { AccountStore } from './account-store.ts';

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

	/** By network; null is the total. */
	loadArrivals(): Map<string | null, number> {
		if (!this.isKept) return new Map();
		const [row] = this.#sql
			.exec<{ arrivals: string }>('SELECT arrivals FROM login_attempts')
			.toArray();
		// Written by this store.
		const arrivals = JSON.parse(row?.arrivals ?? '{}') as Record<string, number>;
		return new Map(
			Object.entries(arrivals).map(([network, arrivalMs]) => [
				network === everywhere ? null : network,
				arrivalMs
			])
		);
	}

	/** One row, however many networks there are. */
	saveArrivals(arrivals: ReadonlyMap<string | null, number>): void {
		const entries = [...arrivals].map(([network, arrivalMs]) => [network ?? everywhere, arrivalMs]);
		this.#sql.exec(
			'INSERT INTO login_attempts VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET arrivals = excluded.arrivals',
			JSON.stringify(Object.fromEntries(entries))
		);
	}
}
