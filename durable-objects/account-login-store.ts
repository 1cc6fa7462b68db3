// SQL of attempts at an account's password. Synchronous; nothing here awaits. Only for an account that
// exists: account-store.ts makes the tables.

/** The row that counts attempts from everywhere together. */
const everywhere = '';

export class AccountLoginStore {
	readonly #sql: SqlStorage;

	constructor(storage: DurableObjectStorage) {
		this.#sql = storage.sql;
	}

	loadLoginArrival(network: string | null): number | undefined {
		const [row] = this.#sql
			.exec<{
				arrival_ms: number;
			}>('SELECT arrival_ms FROM login_arrivals WHERE network = ?', network ?? everywhere)
			.toArray();
		return row?.arrival_ms;
	}

	/** Counts an attempt, and forgets those that no longer limit anything. */
	saveLoginArrivals(arrivals: ReadonlyMap<string | null, number>, nowMs: number): void {
		this.#sql.exec('DELETE FROM login_arrivals WHERE arrival_ms < ?', nowMs);
		for (const [network, arrivalMs] of arrivals) {
			this.#sql.exec(
				'INSERT INTO login_arrivals VALUES (?, ?) ON CONFLICT (network) DO UPDATE SET arrival_ms = excluded.arrival_ms',
				...[network ?? everywhere, arrivalMs]
			);
		}
	}

	/** A login that was finished is no guess: its network starts afresh, the total gets it back. */
	refundLogin(network: string, intervalMs: number): void {
		this.#sql.exec('DELETE FROM login_arrivals WHERE network = ?', network);
		this.#sql.exec(
			'UPDATE login_arrivals SET arrival_ms = arrival_ms - ? WHERE network = ?',
			...[intervalMs, everywhere]
		);
	}
}
