// SQL of what an account consists of: its record of OPAQUE, its identity log, its keyslots. Synchronous;
// nothing here awaits. Reads of an account that does not exist answer with nothing, and write nothing.
import type { AccountId } from '../protocol/ids.ts';
import { accountMigrations } from './account-migrations.ts';
import { hasSchema, migrate } from './migrate.ts';

export interface NewAccount {
	readonly account: AccountId;
	readonly registrationRecord: Uint8Array;
	readonly identity: Uint8Array;
	readonly keyslots: readonly Uint8Array[];
	readonly createdAtMs: number;
}

export interface StoredAccount {
	readonly account: AccountId;
	readonly registrationRecord: Uint8Array;
}

export class AccountStore {
	readonly #storage: DurableObjectStorage;
	readonly #sql: SqlStorage;
	#exists: boolean;

	constructor(storage: DurableObjectStorage) {
		this.#storage = storage;
		this.#sql = storage.sql;
		this.#exists = hasSchema(storage.sql);
		if (this.#exists) migrate(storage, accountMigrations);
	}

	/** Whether there is an account, and so tables. */
	get exists(): boolean {
		return this.#exists;
	}

	createAccount(account: NewAccount): void {
		this.#storage.transactionSync(() => {
			migrate(this.#storage, accountMigrations);
			this.#sql.exec(
				'INSERT INTO account VALUES (1, ?, ?, 1, ?)',
				...[account.account, account.registrationRecord, account.createdAtMs]
			);
			this.#sql.exec('INSERT INTO identities VALUES (1, ?)', account.identity);
			for (const [place, sealed] of account.keyslots.entries()) {
				this.#sql.exec('INSERT INTO keyslots VALUES (?, ?)', place, sealed);
			}
		});
		this.#exists = true;
	}

	loadAccount(): StoredAccount | null {
		if (!this.#exists) return null;
		const row = this.#sql
			.exec<{
				account: AccountId;
				registration_record: ArrayBuffer;
			}>('SELECT account, registration_record FROM account')
			.one();
		return {
			account: row.account,
			registrationRecord: new Uint8Array(row.registration_record)
		};
	}

	loadIdentities(): Uint8Array[] {
		return this.#sql
			.exec<{ entry: ArrayBuffer }>('SELECT entry FROM identities ORDER BY n')
			.toArray()
			.map((row) => new Uint8Array(row.entry));
	}

	loadKeyslots(): Uint8Array[] {
		return this.#sql
			.exec<{ sealed: ArrayBuffer }>('SELECT sealed FROM keyslots ORDER BY place')
			.toArray()
			.map((row) => new Uint8Array(row.sealed));
	}
}
