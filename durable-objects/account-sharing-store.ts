// SQL of what others leave at an account for a while: requests, and the offer to link a device.
// Synchronous; nothing here awaits. Only for an account that exists: account-store.ts makes the
// tables.
import type { AccountId, DeviceLinkId, RequestId } from '../protocol/ids.ts';

export interface StoredRequest {
	readonly id: RequestId;
	readonly sender: AccountId;
	readonly sealed: Uint8Array;
	readonly receivedAtMs: number;
}

export interface StoredDeviceLink {
	readonly id: DeviceLinkId;
	readonly expiresAtMs: number;
	readonly claim: Uint8Array | null;
	readonly handOver: Uint8Array | null;
}

const bytesOrNull = (value: ArrayBuffer | null): Uint8Array | null =>
	value && new Uint8Array(value);

export class AccountSharingStore {
	readonly #sql: SqlStorage;

	constructor(storage: DurableObjectStorage) {
		this.#sql = storage.sql;
	}

	/** Oldest first. */
	loadRequests(): StoredRequest[] {
		return this.#sql
			.exec<{
				request: RequestId;
				sender: AccountId;
				sealed: ArrayBuffer;
				received_at_ms: number;
			}>('SELECT * FROM requests ORDER BY received_at_ms, request')
			.toArray()
			.map((row) => ({
				id: row.request,
				sender: row.sender,
				sealed: new Uint8Array(row.sealed),
				receivedAtMs: row.received_at_ms
			}));
	}

	addRequest({ id, sender, sealed, receivedAtMs }: StoredRequest): void {
		this.#sql.exec('INSERT INTO requests VALUES (?, ?, ?, ?)', id, sender, sealed, receivedAtMs);
	}

	/** Answers whether it was there. */
	removeRequest(request: RequestId): boolean {
		const removed = this.#sql.exec(
			'DELETE FROM requests WHERE request = ? RETURNING request',
			request
		);
		return removed.toArray().length > 0;
	}

	removeRequestsUntil(receivedAtMs: number): void {
		this.#sql.exec('DELETE FROM requests WHERE received_at_ms <= ?', receivedAtMs);
	}

	loadDeviceLink(): StoredDeviceLink | null {
		const [row] = this.#sql
			.exec<{
				link: DeviceLinkId;
				expires_at_ms: number;
				claim: ArrayBuffer | null;
				hand_over: ArrayBuffer | null;
			}>('SELECT link, expires_at_ms, claim, hand_over FROM device_link')
			.toArray();
		return row === undefined
			? null
			: {
					id: row.link,
					expiresAtMs: row.expires_at_ms,
					claim: bytesOrNull(row.claim),
					handOver: bytesOrNull(row.hand_over)
				};
	}

	/** In place of any other: an account offers one at a time. */
	saveDeviceLink({ id, expiresAtMs, claim, handOver }: StoredDeviceLink): void {
		this.#sql.exec(
			'INSERT OR REPLACE INTO device_link VALUES (1, ?, ?, ?, ?)',
			...[id, expiresAtMs, claim, handOver]
		);
	}

	removeDeviceLink(): void {
		this.#sql.exec('DELETE FROM device_link');
	}
}
