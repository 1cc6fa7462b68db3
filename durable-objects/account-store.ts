// Whether there is an account here, and so tables; and whose it is. Synchronous; nothing here awaits.
// Reads of an account that does not exist answer with nothing, and write nothing.
import type { AccountId } from '../protocol/ids.ts';
import { accountMigrations } from './account-migrations.ts';
import { hasSchema, migrate } from './migrate.ts';

// A type, not an interface: rows must fit the platform's record of columns.
export type StoredAccount = { readonly account: AccountId };

export class AccountStore {
	readonly #storage: DurableObjectStorage;
	#exists: boolean;

	constructor(storage: DurableObjectStorage) {
		this.#storage = storage;
		this.#exists = hasSchema(storage.sql);
		if (this.#exists) migrate(storage, accountMigrations);
	}

	/** Whether there is an account, and so tables. */
	get exists(): boolean {
		return this.#exists;
	}

	/** @param begin what an account cannot be without: written with it, or neither is. */
	createAccount(
		{ account, createdAtMs }: { readonly account: AccountId; readonly createdAtMs: number },
		begin: () => void
	): void {
		this.#storage.transactionSync(() => {
			migrate(this.#storage, accountMigrations);
			this.#storage.sql.exec('INSERT INTO account VALUES (1, ?, ?)', account, createdAtMs);
			begin();
		});
		this.#exists = true;
	}

	loadAccount(): StoredAccount | null {
		if (!this.#exists) return null;
		return this.#storage.sql.exec<StoredAccount>('SELECT account FROM account').one();
	}

	/** All of it, the tables included: from then on there is no account. */
	async erase(): Promise<void> {
		await this.#storage.deleteAlarm();
		await this.#storage.deleteAll();
		this.#exists = false;
	}
}
