// SQL of the one recovery of an account that may be under way. Synchronous; nothing here awaits.
import type { P256Jwk } from '../crypto/jwk.ts';
import type { DeviceId, RecoveryId } from '../protocol/ids.ts';
import type { AccountStore } from './account-store.ts';

export interface StoredRecovery {
	readonly recovery: RecoveryId;
	readonly device: DeviceId;
	readonly deviceJwk: P256Jwk;
	/** SHA-256 of the authenticator it was begun with, 32 bytes: of another kit it is none. */
	readonly authenticatorHash: Uint8Array;
	readonly startedAtMs: number;
	/** Signed by the identity, 64 bytes; null while no own device has approved. */
	readonly approval: Uint8Array | null;
}

type RecoveryRow = {
	recovery: RecoveryId;
	device: DeviceId;
	device_jwk: string;
	authenticator_hash: ArrayBuffer;
	started_at_ms: number;
	approval: ArrayBuffer | null;
};

export class AccountRecoveryStore {
	readonly #sql: SqlStorage;
	readonly #account: AccountStore;

	constructor(storage: DurableObjectStorage, account: AccountStore) {
		this.#sql = storage.sql;
		this.#account = account;
	}

	load(): StoredRecovery | null {
		if (!this.#account.exists) return null;
		const [row] = this.#sql
			.exec<RecoveryRow>(
				`SELECT recovery, device, device_jwk, authenticator_hash, started_at_ms, approval
				FROM recovery`
			)
			.toArray();
		if (row === undefined) return null;
		return {
			recovery: row.recovery,
			device: row.device,
			deviceJwk: JSON.parse(row.device_jwk) as P256Jwk,
			authenticatorHash: new Uint8Array(row.authenticator_hash),
			startedAtMs: row.started_at_ms,
			approval: row.approval === null ? null : new Uint8Array(row.approval)
		};
	}

	/** In place of the one before. */
	save({ recovery, device, deviceJwk, authenticatorHash, startedAtMs }: StoredRecovery): void {
		this.#sql.exec(
			'INSERT OR REPLACE INTO recovery VALUES (1, ?, ?, ?, ?, ?, NULL)',
			...[recovery, device, JSON.stringify(deviceJwk), authenticatorHash, startedAtMs]
		);
	}

	saveApproval(approval: Uint8Array): void {
		this.#sql.exec('UPDATE recovery SET approval = ?', approval);
	}

	remove(): void {
		this.#sql.exec('DELETE FROM recovery');
	}
}
