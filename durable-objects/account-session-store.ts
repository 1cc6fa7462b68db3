// SQL of an account's sessions, one row for each device, and of ends that spaces have yet to hear of. Synchronous; nothing here awaits. account-store.ts makes the tables.
import type { RefreshHashes } from '../crypto/edge/refresh-token.ts';
import type { P256Jwk } from '../crypto/jwk.ts';
import type { Place } from '../protocol/http-fields.ts';
import type { DeviceId, SessionId, SpaceId } from '../protocol/ids.ts';
import type { AccountStore } from './account-store.ts';

export interface StoredSession {
	readonly id: SessionId;
	readonly device: DeviceId;
	readonly deviceJwk: P256Jwk;
	readonly createdAtMs: number;
	readonly refreshedAtMs: number;
	/** Until when its person counts as just having shown who they are. */
	readonly freshUntilMs: number;
	readonly place: Place | null;
	readonly refresh: RefreshHashes;
	/** The token before, and whether it may still be used: its answer may have been lost. */
	readonly previous: { readonly secret: Uint8Array; readonly mayRefresh: boolean } | null;
	/** That must hear of its end: those whose sockets it has opened, or the device's sessions before it. */
	readonly spaces: readonly SpaceId[];
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
	spaces: string;
	fresh_until_ms: number;
	place: string | null;
};

const sessionOf = (row: SessionRow): StoredSession => ({
	id: row.session,
	device: row.device,
	// All written by this store; the key was checked.
	deviceJwk: JSON.parse(row.device_jwk) as P256Jwk,
	createdAtMs: row.created_at_ms,
	refreshedAtMs: row.refreshed_at_ms,
	freshUntilMs: row.fresh_until_ms,
	place: row.place === null ? null : (JSON.parse(row.place) as Place),
	refresh: {
		family: new Uint8Array(row.refresh_family_hash),
		secret: new Uint8Array(row.refresh_hash)
	},
	previous: row.previous_refresh_hash && {
		secret: new Uint8Array(row.previous_refresh_hash),
		mayRefresh: row.may_refresh_again === 1
	},
	spaces: JSON.parse(row.spaces) as SpaceId[]
});

export class AccountSessionStore {
	readonly #sql: SqlStorage;
	readonly #account: AccountStore;

	constructor(storage: DurableObjectStorage, account: AccountStore) {
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

	/** In place of the one that the device had. It begins with one refresh token, and none before. */
	saveSession(session: StoredSession): void {
		this.#sql.exec(
			'INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0, ?, ?, ?)',
			...[session.device, session.id, JSON.stringify(session.deviceJwk)],
			...[session.createdAtMs, session.refreshedAtMs],
			...[session.refresh.family, session.refresh.secret, JSON.stringify(session.spaces)],
			...[session.freshUntilMs, session.place && JSON.stringify(session.place)]
		);
	}

	/** `next` is good from now on; `used` is the token before, and `mayRefresh` if it is new as that. */
	rotateSession(
		{ device }: StoredSession,
		rotation: {
			readonly next: Uint8Array;
			readonly used: Uint8Array;
			readonly mayRefresh: boolean;
			readonly nowMs: number;
			readonly place: Place | null;
		}
	): void {
		this.#sql.exec(
			`UPDATE sessions SET refresh_hash = ?, previous_refresh_hash = ?, may_refresh_again = ?,
				refreshed_at_ms = ?, place = ? WHERE device = ?`,
			...[rotation.next, rotation.used, rotation.mayRefresh ? 1 : 0, rotation.nowMs],
			...[rotation.place && JSON.stringify(rotation.place), device]
		);
	}

	saveFreshUntil({ device }: StoredSession, freshUntilMs: number): void {
		this.#sql.exec('UPDATE sessions SET fresh_until_ms = ? WHERE device = ?', freshUntilMs, device);
	}

	saveSpaces({ device }: StoredSession, spaces: readonly SpaceId[]): void {
		this.#sql.exec(
			'UPDATE sessions SET spaces = ? WHERE device = ?',
			...[JSON.stringify(spaces), device]
		);
	}

	/** Nothing happens to one whose place another session of its device has taken. */
	removeSession({ id, device }: StoredSession): void {
		this.#sql.exec('DELETE FROM sessions WHERE device = ? AND session = ?', device, id);
	}

	addEndings(endings: readonly Ending[]): void {
		for (const { session, space, untilMs } of endings) {
			this.#sql.exec('INSERT OR IGNORE INTO endings VALUES (?, ?, ?)', session, space, untilMs);
		}
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
