// SQL of a space's access log. Synchronous; only for a space that has entries, and so tables.
import type { SealedEvent } from '../protocol/audit-event.ts';

export interface StoredEvent extends SealedEvent {
	/** From 1, without gaps. */
	readonly n: number;
	/** Hash of the chain before it, 32 bytes. */
	readonly previous: Uint8Array;
	/** In which it was written, since 1970. */
	readonly hour: number;
	/** By which the like of it is known within that hour, 16 bytes. */
	readonly tag: Uint8Array;
}

type EventRow = {
	n: number;
	previous: ArrayBuffer;
	hour: number;
	tag: ArrayBuffer;
	audit_key: number;
	sealed: ArrayBuffer;
};

const columns = 'n, previous, hour, tag, audit_key, sealed';

export class SpaceEventStore {
	readonly #sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	add({ n, previous, hour, tag, key, sealed }: StoredEvent): void {
		this.#sql.exec(
			`INSERT INTO events (${columns}) VALUES (?, ?, ?, ?, ?, ?)`,
			...[n, previous, hour, tag, key, sealed]
		);
	}

	/** The newest ones before number `before`, newest first. */
	newest(limit: number, before: number): StoredEvent[] {
		return this.#sql
			.exec<EventRow>(
				`SELECT ${columns} FROM events WHERE n < ? ORDER BY n DESC LIMIT ?`,
				...[before, limit]
			)
			.toArray()
			.map(eventOf);
	}

	/** Of what was written since this hour began. Hours rise with numbers: few rows are read. */
	tagsSince(hour: number): Uint8Array[] {
		return this.#sql
			.exec<Pick<EventRow, 'tag'>>(
				`SELECT tag FROM events WHERE n > coalesce(
					(SELECT n FROM events WHERE hour < ? ORDER BY n DESC LIMIT 1), 0)`,
				hour
			)
			.toArray()
			.map(({ tag }) => new Uint8Array(tag));
	}

	oldest(): Pick<StoredEvent, 'n' | 'hour'> | null {
		const [row] = this.#sql
			.exec<Pick<EventRow, 'n' | 'hour'>>('SELECT n, hour FROM events ORDER BY n LIMIT 1')
			.toArray();
		return row ?? null;
	}

	/** All up to number `n`. */
	dropThrough(n: number): void {
		this.#sql.exec('DELETE FROM events WHERE n <= ?', n);
	}

	/** All that were written before `hour`, but never the newest: the chain goes on from there. */
	dropBefore(hour: number): void {
		this.#sql.exec('DELETE FROM events WHERE hour < ? AND n < (SELECT max(n) FROM events)', hour);
	}
}

const eventOf = ({ n, previous, hour, tag, audit_key, sealed }: EventRow): StoredEvent => ({
	n,
	previous: new Uint8Array(previous),
	hour,
	tag: new Uint8Array(tag),
	key: audit_key,
	sealed: new Uint8Array(sealed)
});
