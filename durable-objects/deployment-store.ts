// All SQL of the Deployment object. Synchronous; nothing here awaits. What is read before anything was
// kept is what a new deployment has, and writes nothing.
import { equalBytes } from '../protocol/bytes.ts';
import type { SignUpPolicy } from '../protocol/http-operator.ts';
import { deploymentMigrations } from './deployment-migrations.ts';
import { hasSchema, migrate } from './migrate.ts';

/** What the operator has set; null: not yet. */
export interface StoredOperation {
	readonly signUp: SignUpPolicy | null;
	/** JSON. */
	readonly limits: string | null;
}

/** An account, by the name of its object, or the place that is kept for one. */
export interface StoredPlace {
	readonly account: string;
	readonly isOperator: boolean;
	/** Null once the account is known to be there. */
	readonly reservedAtMs: number | null;
	/** Hash of the invite that it uses up; null without one, and once the account is there. */
	readonly invite: Uint8Array | null;
}

export interface StoredSignUpInvite {
	/** SHA-256 of its code. */
	readonly invite: Uint8Array;
	readonly uses: number;
	readonly usesLeft: number;
	readonly createdAtMs: number;
	readonly expiresAtMs: number;
}

type PlaceRow = {
	account: string;
	is_operator: number;
	reserved_at_ms: number | null;
	invite: ArrayBuffer | null;
};
type InviteRow = {
	invite: ArrayBuffer;
	uses: number;
	uses_left: number;
	created_at_ms: number;
	expires_at_ms: number;
};

export class DeploymentStore {
	readonly #storage: DurableObjectStorage;
	readonly #sql: SqlStorage;
	#hasSchema: boolean;

	constructor(storage: DurableObjectStorage) {
		this.#storage = storage;
		this.#sql = storage.sql;
		this.#hasSchema = hasSchema(storage.sql);
		if (this.#hasSchema) migrate(storage, deploymentMigrations);
	}

	loadSealedKeys(): Uint8Array | null {
		if (!this.#hasSchema) return null;
		const [row] = this.#sql
			.exec<{ sealed: ArrayBuffer }>('SELECT sealed FROM server_keys')
			.toArray();
		return row === undefined ? null : new Uint8Array(row.sealed);
	}

	saveSealedKeys(sealed: Uint8Array): void {
		this.#makeTables();
		this.#sql.exec(
			'INSERT INTO server_keys VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET sealed = excluded.sealed',
			sealed
		);
	}

	loadOperation(): StoredOperation {
		if (!this.#hasSchema) return { signUp: null, limits: null };
		const [row] = this.#sql
			.exec<{
				sign_up: SignUpPolicy | null;
				limits: string | null;
			}>('SELECT sign_up, limits FROM operation')
			.toArray();
		return { signUp: row?.sign_up ?? null, limits: row?.limits ?? null };
	}

	saveOperation({ signUp, limits }: StoredOperation): void {
		this.#makeTables();
		this.#sql.exec(
			`INSERT INTO operation VALUES (1, ?, ?) ON CONFLICT (one)
				DO UPDATE SET sign_up = excluded.sign_up, limits = excluded.limits`,
			...[signUp, limits]
		);
	}

	/** Accounts and places, but for one that was left empty, and the bytes that are set aside for all of them. */
	countAccounts(): { readonly accounts: number; readonly bytes: number } {
		if (!this.#hasSchema) return { accounts: 0, bytes: 0 };
		return this.#sql
			.exec<{
				accounts: number;
				bytes: number;
			}>(
				`SELECT count(*) AS accounts, coalesce(sum(bytes), 0) AS bytes
				FROM accounts WHERE account != ''`
			)
			.one();
	}

	loadPlace(account: string): StoredPlace | null {
		return this.#places('account = ?', account)[0] ?? null;
	}

	/** The operator's: made, being made, or left empty by an operator who is gone. */
	loadOperatorPlace(): StoredPlace | null {
		return this.#places('is_operator = 1')[0] ?? null;
	}

	/** Places of which it is not known whether their account was ever made. */
	loadReserved(beforeMs: number, max: number): readonly StoredPlace[] {
		return this.#places('reserved_at_ms < ? LIMIT ?', beforeMs, max);
	}

	#places(where: string, ...bound: readonly (string | number)[]): StoredPlace[] {
		if (!this.#hasSchema) return [];
		return this.#sql
			.exec<PlaceRow>(
				`SELECT account, is_operator, reserved_at_ms, invite FROM accounts WHERE ${where}`,
				...bound
			)
			.toArray()
			.map((row) => ({
				account: row.account,
				isOperator: row.is_operator === 1,
				reservedAtMs: row.reserved_at_ms,
				invite: row.invite && new Uint8Array(row.invite)
			}));
	}

	/** Keeps a place, and takes one use off its invite. */
	addPlace({ account, isOperator, reservedAtMs, invite }: StoredPlace): void {
		this.#makeTables();
		this.#storage.transactionSync(() => {
			this.#sql.exec(
				'INSERT INTO accounts VALUES (?, ?, ?, ?, 0)',
				...[account, isOperator ? 1 : 0, reservedAtMs, invite]
			);
			if (invite !== null) this.#changeUsesLeft(invite, -1);
		});
	}

	/** Its account is there: which invite it used is forgotten. */
	markMade(account: string): void {
		this.#sql.exec(
			'UPDATE accounts SET reserved_at_ms = NULL, invite = NULL WHERE account = ?',
			account
		);
	}

	/** Gives a place back, and its use of an invite with it. */
	removePlace({ account, invite }: StoredPlace): void {
		this.#storage.transactionSync(() => {
			this.#sql.exec('DELETE FROM accounts WHERE account = ?', account);
			if (invite !== null) this.#changeUsesLeft(invite, 1);
		});
	}

	/**
	 * An account is gone, with its place and what was set aside for it. The operator's place is left empty
	 * while there is any other account: nobody comes after them. A deployment without accounts is as new.
	 */
	removeAccount(account: string): void {
		if (!this.#hasSchema) return;
		this.#storage.transactionSync(() => {
			this.#sql.exec(
				"UPDATE accounts SET account = '', bytes = 0 WHERE account = ? AND is_operator = 1",
				account
			);
			this.#sql.exec('DELETE FROM accounts WHERE account = ?', account);
			if (this.countAccounts().accounts === 0) {
				this.#sql.exec("DELETE FROM accounts WHERE account = ''");
			}
		});
	}

	saveBytes(account: string, bytes: number): void {
		this.#sql.exec('UPDATE accounts SET bytes = ? WHERE account = ?', bytes, account);
	}

	#changeUsesLeft(invite: Uint8Array, by: number): void {
		this.#sql.exec(
			'UPDATE sign_up_invites SET uses_left = uses_left + ? WHERE invite = ?',
			...[by, invite]
		);
	}

	/** Oldest first. */
	loadInvites(): readonly StoredSignUpInvite[] {
		if (!this.#hasSchema) return [];
		return this.#sql
			.exec<InviteRow>('SELECT * FROM sign_up_invites ORDER BY created_at_ms')
			.toArray()
			.map((row) => ({
				invite: new Uint8Array(row.invite),
				uses: row.uses,
				usesLeft: row.uses_left,
				createdAtMs: row.created_at_ms,
				expiresAtMs: row.expires_at_ms
			}));
	}

	loadInvite(invite: Uint8Array): StoredSignUpInvite | null {
		return this.loadInvites().find((other) => equalBytes(other.invite, invite)) ?? null;
	}

	addInvite({ invite, uses, usesLeft, createdAtMs, expiresAtMs }: StoredSignUpInvite): void {
		this.#makeTables();
		this.#sql.exec(
			'INSERT INTO sign_up_invites VALUES (?, ?, ?, ?, ?)',
			...[invite, uses, usesLeft, createdAtMs, expiresAtMs]
		);
	}

	removeInvite(invite: Uint8Array): void {
		if (this.#hasSchema) this.#sql.exec('DELETE FROM sign_up_invites WHERE invite = ?', invite);
	}

	#makeTables(): void {
		if (!this.#hasSchema) migrate(this.#storage, deploymentMigrations);
		this.#hasSchema = true;
	}
}
