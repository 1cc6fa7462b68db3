// SQL of what is set aside for a space. Synchronous; nothing here awaits.
import { hasSchema } from './migrate.ts';

export interface StoredQuota {
	/** Name of the Account object that the space counts for. */
	readonly creator: string;
	readonly bytes: number;
	/** That may be live. */
	readonly pages: number;
}

export class SpaceQuotaStore {
	readonly #sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	load(): StoredQuota | null {
		if (!hasSchema(this.#sql)) return null;
		const [row] = this.#sql
			.exec<{
				creator: string;
				bytes: number;
				pages: number;
			}>('SELECT creator, bytes, pages FROM quota')
			.toArray();
		return row ?? null;
	}

	/** Of a space that has tables. */
	save({ creator, bytes, pages }: StoredQuota): void {
		const { rowsWritten } = this.#sql.exec('UPDATE quota SET bytes = ?, pages = ?', bytes, pages);
		if (rowsWritten > 0) return;
		this.#sql.exec('INSERT INTO quota VALUES (1, ?, ?, ?)', creator, bytes, pages);
	}
}
