// SQL of what is set aside for a space. Synchronous; nothing here awaits.
import type { AccountId } from '../protocol/ids.ts';
import { hasSchema } from './migrate.ts';

export interface StoredQuota {
	/** Name of the Account object that the space counts for. */
	readonly creator: string;
	/** That account, as its handle may be another's later; empty if it was not written down. */
	readonly account: AccountId | '';
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
				account: AccountId | '';
				bytes: number;
				pages: number;
			}>('SELECT creator, account, bytes, pages FROM quota')
			.toArray();
		return row ?? null;
	}

	/** Of a space that has tables. */
	save({ creator, account, bytes, pages }: StoredQuota): void {
		const { rowsWritten } = this.#sql.exec(
			'UPDATE quota SET creator = ?, account = ?, bytes = ?, pages = ?',
			...[creator, account, bytes, pages]
		);
		if (rowsWritten > 0) return;
		this.#sql.exec(
			'INSERT INTO quota (one, creator, account, bytes, pages) VALUES (1, ?, ?, ?, ?)',
			...[creator, account, bytes, pages]
		);
	}
}
