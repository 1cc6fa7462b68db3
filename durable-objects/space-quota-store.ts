// SQL of what is set aside for a space. Synchronous; nothing here awaits.
import { hasSchema } from './migrate.ts';

export interface StoredQuota {
	/** Name of the Account object that the space counts for. */
	readonly creator: string;
	readonly bytes: number;
}

export class SpaceQuotaStore {
	readonly #sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	load(): StoredQuota | null {
		if (!hasSchema(this.#sql)) return null;
		const [row] = this.#sql
			.exec<{ creator: string; bytes: number }>('SELECT creator, bytes FROM quota')
			.toArray();
		return row ?? null;
	}

	/** Of a space that has tables. */
	save({ creator, bytes }: StoredQuota): void {
		const { rowsWritten } = this.#sql.exec('UPDATE quota SET bytes = ?', bytes);
		if (rowsWritten === 0) this.#sql.exec('INSERT INTO quota VALUES (1, ?, ?)', creator, bytes);
	}
}
