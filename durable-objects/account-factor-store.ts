// SQL of an account's second factors, one row each, and of wrong answers. Synchronous; nothing here
// awaits. account-store.ts makes the tables.
import type { FactorKind } from '../protocol/factor-kind.ts';
import type { FactorId } from '../protocol/ids.ts';
import type { AccountStore } from './account-store.ts';

export interface StoredFactor {
	readonly factor: FactorId;
	readonly kind: FactorKind;
	/** As protocol/factor.ts lays it out; sealed if anybody could answer who has it. */
	readonly data: Uint8Array;
	/**
	 * What is not taken again: the step of the last one-time password, the last counter of a passkey,
	 * a bit for each backup code that was used. Rises only.
	 */
	readonly spent: number;
	readonly addedAtMs: number;
	readonly usedAtMs: number | null;
}

// A type, not an interface: rows must fit the platform's record of columns.
type FactorRow = {
	factor: FactorId;
	kind: FactorKind;
	data: ArrayBuffer;
	spent: number;
	added_at_ms: number;
	used_at_ms: number | null;
};

const factorOf = (row: FactorRow): StoredFactor => ({
	factor: row.factor,
	kind: row.kind,
	data: new Uint8Array(row.data),
	spent: row.spent,
	addedAtMs: row.added_at_ms,
	usedAtMs: row.used_at_ms
});

export class AccountFactorStore {
	readonly #sql: SqlStorage;
	readonly #account: AccountStore;

	constructor(storage: DurableObjectStorage, account: AccountStore) {
		this.#sql = storage.sql;
		this.#account = account;
	}

	/** In the order in which they were added. */
	loadFactors(): StoredFactor[] {
		if (!this.#account.exists) return [];
		return this.#sql
			.exec<FactorRow>('SELECT * FROM factors ORDER BY added_at_ms, factor')
			.toArray()
			.map(factorOf);
	}

	addFactor({ factor, kind, data, spent, addedAtMs, usedAtMs }: StoredFactor): void {
		this.#sql.exec(
			'INSERT INTO factors VALUES (?, ?, ?, ?, ?, ?)',
			...[factor, kind, data, spent, addedAtMs, usedAtMs]
		);
	}

	saveUse(factor: FactorId, use: { readonly spent: number; readonly usedAtMs: number }): void {
		this.#sql.exec(
			'UPDATE factors SET spent = ?, used_at_ms = ? WHERE factor = ?',
			...[use.spent, use.usedAtMs, factor]
		);
	}

	removeFactor(factor: FactorId): void {
		this.#sql.exec('DELETE FROM factors WHERE factor = ?', factor);
	}

	/** What wrong answers, and messages sent, have come to: by name, milliseconds since 1970. */
	loadArrivals(): Map<string, number> {
		if (!this.#account.exists) return new Map();
		const [row] = this.#sql
			.exec<{ arrivals: string }>('SELECT arrivals FROM factor_attempts')
			.toArray();
		// Written by this store.
		return new Map(Object.entries(JSON.parse(row?.arrivals ?? '{}') as Record<string, number>));
	}

	/** One row, however many there are. */
	saveArrivals(arrivals: ReadonlyMap<string, number>): void {
		this.#sql.exec(
			'INSERT INTO factor_attempts VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET arrivals = excluded.arrivals',
			JSON.stringify(Object.fromEntries(arrivals))
		);
	}
}
