// SQL of what an account is told of what happened at its door: so many rows, the oldest taken over by the
// newest. Synchronous; nothing here awaits. account-store.ts makes the tables.
import type { Place } from '../protocol/http-fields.ts';
import type { DeviceId } from '../protocol/ids.ts';
import { maxSecurityEvents } from '../protocol/limits.ts';
import type { SecurityEvent, SecurityEventKind } from '../protocol/security-event.ts';
import type { AccountStore } from './account-store.ts';

type EventRow = {
	kind: SecurityEventKind;
	at_ms: number;
	device: DeviceId | null;
	place: string | null;
};

export class SecurityEventStore {
	readonly #sql: SqlStorage;
	readonly #account: AccountStore;

	constructor(storage: DurableObjectStorage, account: AccountStore) {
		this.#sql = storage.sql;
		this.#account = account;
	}

	/** Nothing is kept where there is no account. */
	add({ kind, atMs, device, place }: SecurityEvent): void {
		if (!this.#account.exists) return;
		const { n } = this.#sql
			.exec<{ n: number }>('SELECT coalesce(max(n), 0) + 1 AS n FROM security_events')
			.one();
		this.#sql.exec(
			'INSERT OR REPLACE INTO security_events VALUES (?, ?, ?, ?, ?, ?)',
			...[n % maxSecurityEvents, n, kind, atMs, device],
			place && JSON.stringify(place)
		);
	}

	/** Newest first, and none from before. */
	load(sinceMs: number, max: number): SecurityEvent[] {
		if (!this.#account.exists) return [];
		return this.#sql
			.exec<EventRow>(
				'SELECT * FROM security_events WHERE at_ms >= ? ORDER BY n DESC LIMIT ?',
				...[sinceMs, max]
			)
			.toArray()
			.map((row) => ({
				kind: row.kind,
				atMs: row.at_ms,
				device: row.device,
				// Written by this store.
				place: row.place === null ? null : (JSON.parse(row.place) as Place)
			}));
	}

	removeBefore(atMs: number): void {
		if (!this.#account.exists) return;
		this.#sql.exec('DELETE FROM security_events WHERE at_ms < ?', atMs);
	}
}
