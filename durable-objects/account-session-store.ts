// SQL of an account's sessions, of the spaces that each has opened, and of ends that spaces have yet to
// hear of. Synchronous; nothing here awaits. account-store.ts makes the tables.
import type { RefreshHashes } from '../crypto/edge/refresh-token.ts';
import type { P256Jwk } from '../crypto/jwk.ts';
import type { DeviceId, SessionId, SpaceId } from '../protocol/ids.ts';
import type { AccountStore } from './account-store.ts';

export interface StoredSession {
	readonly id: SessionId;
	readonly device: DeviceId;
	readonly deviceJwk: P256Jwk;
	readonly createdAtMs: number;
	readonly refreshedAtMs: number;
	readonly refresh: RefreshHashes;
	/** The token before, and whether it may still be used: its answer may have been lost. */
	readonly previous: { readonly secret: Uint8Array; readonly mayRefresh: boolean } | null;
}

/** A space that has yet to be told of an ended session. */
export interface Ending {
	readonly session: SessionId;
	readonly space: SpaceId;
	readonly untilMs: number;
}

// A type, not an interface: rows must fit the platform's record of columns.
type SessionRow = {
	session: SessionId;
	device: DeviceId;
	device_jwk: string;
	created_at_ms: number;
	refreshed_at_ms: number;
	refresh_family_hash: ArrayBuffer;
	refresh_hash: ArrayBuffer;
	previous_refresh_hash: ArrayBuffer | null;
	may_refresh_again: number;
};

const sessionOf = (row: SessionRow): StoredSession => ({
	id: row.session,
	device: row.device,
	// Written by this store from a key that was checked.
	deviceJwk: JSON.parse(row.device_jwk) as P256Jwk,
	createdAtMs: row.created_at_ms,
	refreshedAtMs: row.refreshed_at_ms,
	refresh: {
		family: new Uint8Array(row.refresh_family_hash),
		secret: new Uint8Array(row.refresh_hash)
	},
	previous: row.previous_refresh_hash && {
		secret: new Uint8Array(row.previous_refresh_hash),
		mayRefresh: row.may_refresh_again === 1
	}
});

export class AccountSessionStore {
	readonly #storage: DurableObjectStorage;
	readonly #sql: SqlStorage;
	readonly #account: AccountStore;

	constructor(storage: DurableObjectStorage, account: AccountStore) {
		this.#storage = storage;
		this.#sql = storage.sql;
		this.#account = account;
	}

	/** Oldest first. */
	loadSessions(): StoredSession[] {
		if (!this.#account.exists) return [];
		return this.#sql
			.exec<SessionRow>('SELECT * FROM sessions ORDER BY created_at_ms, session')
			.toArray()
			.map(sessionOf);
	}

	/** As it begins: with one refresh token, and none before. */
	addSession(session: StoredSession): void {
		this.#sql.exec(
			'INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0)',
			...[session.id, session.device, JSON.stringify(session.deviceJwk)],
			...[session.createdAtMs, session.refreshedAtMs],
			...[session.refresh.family, session.refresh.secret]
		);
	}

	/** `next` is good from now on; `used` is the token before, and `mayRefresh` if it is new as that. */
	rotateSession(
		session: SessionId,
		rotation: {
			readonly next: Uint8Array;
			readonly used: Uint8Array;
			readonly mayRefresh: boolean;
			readonly nowMs: number;
		}
	): void {
		this.#sql.exec(
			`UPDATE sessions SET refresh_hash = ?, previous_refresh_hash = ?, may_refresh_again = ?,
				refreshed_at_ms = ? WHERE session = ?`,
			...[rotation.next, rotation.used, rotation.mayRefresh ? 1 : 0, rotation.nowMs, session]
		);
	}

	/** Removes a session, and notes the spaces that must hear of it. */
	endSession(session: SessionId, untilMs: number): void {
		this.#storage.transactionSync(() => {
			this.#sql.exec(
				'INSERT OR IGNORE INTO endings SELECT session, space, ? FROM session_spaces WHERE session = ?',
				...[untilMs, session]
			);
			this.#sql.exec('DELETE FROM session_spaces WHERE session = ?', session);
			this.#sql.exec('DELETE FROM sessions WHERE session = ?', session);
		});
	}

	/** Answers whether it is noted: no session opens more than `maxSpaces`. */
	noteSpace(session: SessionId, space: SpaceId, maxSpaces: number): boolean {
		const noted = 'SELECT 1 FROM session_spaces WHERE session = ?';
		if (this.#sql.exec(`${noted} AND space = ?`, session, space).toArray().length > 0) return true;
		if (this.#sql.exec(noted, session).toArray().length >= maxSpaces) return false;
		this.#sql.exec('INSERT INTO session_spaces VALUES (?, ?)', session, space);
		return true;
	}

	loadEndings(): Ending[] {
		if (!this.#account.exists) return [];
		return this.#sql
			.exec<{ session: SessionId; space: SpaceId; until_ms: number }>('SELECT * FROM endings')
			.toArray()
			.map((row) => ({ session: row.session, space: row.space, untilMs: row.until_ms }));
	}

	removeEnding({ session, space }: Ending): void {
		this.#sql.exec('DELETE FROM endings WHERE session = ? AND space = ?', session, space);
	}
}
