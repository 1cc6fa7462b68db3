// SQL of a space's heartbeats: the newest of each device. Synchronous; only for a space that has
// entries, and so tables.
import type { SignedHeartbeat } from '../protocol/heartbeat.ts';
import type { AccountId, DeviceId, Seq } from '../protocol/ids.ts';

/** A heartbeat, and what it says that is looked for. */
export interface StoredHeartbeat extends SignedHeartbeat {
	readonly account: AccountId;
	readonly device: DeviceId;
	readonly seq: Seq;
	readonly receivedAtMs: number;
}

type HeartbeatRow = {
	account: string;
	device: string;
	seq: number;
	received_at_ms: number;
	body: ArrayBuffer;
	signature: ArrayBuffer;
};

export class SpaceHeartbeatStore {
	readonly #sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	/** Of the newest heartbeat of a device, or null if none is kept. */
	newest(account: AccountId, device: DeviceId): Seq | null {
		const [row] = this.#sql
			.exec<{
				seq: number;
			}>('SELECT seq FROM heartbeats WHERE account = ? AND device = ?', account, device)
			.toArray();
		return row?.seq ?? null;
	}

	/** In place of the one before. */
	save({ account, device, seq, receivedAtMs, body, signature }: StoredHeartbeat): void {
		this.#sql.exec(
			'INSERT OR REPLACE INTO heartbeats VALUES (?, ?, ?, ?, ?, ?)',
			...[account, device, seq, receivedAtMs, body, signature]
		);
	}

	/** Of an account that has more devices than `maxDevices`, only the newest stay. */
	keepNewest(account: AccountId, maxDevices: number): void {
		this.#sql.exec(
			`DELETE FROM heartbeats WHERE account = ?1 AND device IN (SELECT device FROM heartbeats
				WHERE account = ?1 ORDER BY received_at_ms DESC, seq DESC LIMIT -1 OFFSET ?2)`,
			...[account, maxDevices]
		);
	}

	removeAccount(account: AccountId): void {
		this.#sql.exec('DELETE FROM heartbeats WHERE account = ?', account);
	}

	/** Newest first, but for a device's own. */
	loadOthers(account: AccountId, device: DeviceId): StoredHeartbeat[] {
		return this.#sql
			.exec<HeartbeatRow>(
				`SELECT account, device, seq, received_at_ms, body, signature FROM heartbeats
					WHERE NOT (account = ? AND device = ?) ORDER BY received_at_ms DESC`,
				...[account, device]
			)
			.toArray()
			.map((row) => ({
				account: row.account as AccountId,
				device: row.device as DeviceId,
				seq: row.seq,
				receivedAtMs: row.received_at_ms,
				body: new Uint8Array(row.body),
				signature: new Uint8Array(row.signature)
			}));
	}
}
