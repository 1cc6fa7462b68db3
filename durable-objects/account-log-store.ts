// SQL of an account log, and of the records in force beside it. Synchronous; nothing here awaits.
// account-store.ts makes the tables.
import type { SignedAccountWrite } from '../protocol/account-write.ts';
import type { AccountStore } from './account-store.ts';

/** A record with the hash by which the log names it. */
export interface HashedRecord {
	/** SHA-256, 32 bytes. */
	readonly hash: Uint8Array;
	readonly data: Uint8Array;
}

type WriteRow = { write: ArrayBuffer; signature: ArrayBuffer };

export class AccountLogStore {
	readonly #sql: SqlStorage;
	readonly #account: AccountStore;

	constructor(storage: DurableObjectStorage, account: AccountStore) {
		this.#sql = storage.sql;
		this.#account = account;
	}

	/** In order, those after the first `after`. */
	loadWrites(after: number): SignedAccountWrite[] {
		if (!this.#account.exists) return [];
		return this.#sql
			.exec<WriteRow>('SELECT write, signature FROM account_writes WHERE n > ? ORDER BY n', after)
			.toArray()
			.map(({ write, signature }) => ({
				write: new Uint8Array(write),
				signature: new Uint8Array(signature)
			}));
	}

	addWrite(n: number, { write, signature }: SignedAccountWrite): void {
		this.#sql.exec('INSERT INTO account_writes VALUES (?, ?, ?)', n, write, signature);
	}

	loadRecords(): HashedRecord[] {
		if (!this.#account.exists) return [];
		return this.#sql
			.exec<{ hash: ArrayBuffer; data: ArrayBuffer }>('SELECT hash, data FROM account_records')
			.toArray()
			.map(({ hash, data }) => ({ hash: new Uint8Array(hash), data: new Uint8Array(data) }));
	}

	addRecord({ hash, data }: HashedRecord): void {
		this.#sql.exec('INSERT INTO account_records VALUES (?, ?)', hash, data);
	}

	removeRecord(hash: Uint8Array): void {
		this.#sql.exec('DELETE FROM account_records WHERE hash = ?', hash);
	}
}
