// SQL of a space's share links, and of their openings. Synchronous; only for a space that has
// entries, and so tables.
import type { AccountId, LinkId, SessionId } from '../protocol/ids.ts';

/** What an owner asked for. */
export interface LinkTerms {
	readonly link: LinkId;
	/** The link's member. */
	readonly account: AccountId;
	/** Sealed. */
	readonly record: Uint8Array;
	/** SHA-256 of the door key, 32 bytes. */
	readonly door: Uint8Array;
	readonly expiresAtMs: number | null;
	/** Null: as often as they like. */
	readonly openingsLeft: number | null;
	/** Of the passphrase, by OPAQUE; null without one. */
	readonly registrationRecord: Uint8Array | null;
}

export interface StoredLink extends LinkTerms {
	/** How often it was opened. */
	readonly opened: number;
	/** Attempts at the passphrase that were not finished. */
	readonly guesses: number;
}

export interface Opening {
	readonly link: LinkId;
	readonly session: SessionId;
}

type LinkRow = {
	link: string;
	account: string;
	record: ArrayBuffer;
	door: ArrayBuffer;
	expires_at_ms: number | null;
	openings_left: number | null;
	opened: number;
	registration_record: ArrayBuffer | null;
	guesses: number;
};

const columns =
	'link, account, record, door, expires_at_ms, openings_left, opened, registration_record, guesses';

export class SpaceLinkStore {
	readonly #sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	load(link: LinkId): StoredLink | null {
		const [row] = this.#sql
			.exec<LinkRow>(`SELECT ${columns} FROM links WHERE link = ?`, link)
			.toArray();
		return row === undefined ? null : linkOf(row);
	}

	loadAll(): StoredLink[] {
		return this.#sql
			.exec<LinkRow>(`SELECT ${columns} FROM links ORDER BY link`)
			.toArray()
			.map(linkOf);
	}

	add(terms: LinkTerms): void {
		this.#sql.exec(
			'INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, 0, ?, 0)',
			...[terms.link, terms.account, terms.record, terms.door],
			...[terms.expiresAtMs, terms.openingsLeft, terms.registrationRecord]
		);
	}

	/** With its openings. Answers whether there was one. */
	remove(link: LinkId): boolean {
		this.#sql.exec('DELETE FROM link_openings WHERE link = ?', link);
		return this.#sql.exec('DELETE FROM links WHERE link = ?', link).rowsWritten > 0;
	}

	addGuess(link: LinkId): void {
		this.#sql.exec('UPDATE links SET guesses = guesses + 1 WHERE link = ?', link);
	}

	takeGuessBack(link: LinkId): void {
		this.#sql.exec('UPDATE links SET guesses = max(guesses - 1, 0) WHERE link = ?', link);
	}

	/** Counts an opening, and remembers when its session began, of the newest `maxOpenings`. */
	open(
		{ link, session }: Opening,
		times: { readonly nowMs: number; readonly endedBeforeMs: number; readonly maxOpenings: number }
	): void {
		this.#sql.exec(
			'UPDATE links SET opened = opened + 1, openings_left = openings_left - 1 WHERE link = ?',
			link
		);
		this.#sql.exec(
			'DELETE FROM link_openings WHERE link = ? AND opened_at_ms <= ?',
			...[link, times.endedBeforeMs]
		);
		this.#sql.exec(
			`DELETE FROM link_openings WHERE link = ?1 AND session IN (SELECT session FROM link_openings
				WHERE link = ?1 ORDER BY opened_at_ms DESC LIMIT -1 OFFSET ?2)`,
			...[link, times.maxOpenings - 1]
		);
		this.#sql.exec('INSERT INTO link_openings VALUES (?, ?, ?)', link, session, times.nowMs);
	}

	openedAtMs({ link, session }: Opening): number | null {
		const [row] = this.#sql
			.exec<{
				opened_at_ms: number;
			}>(
				'SELECT opened_at_ms FROM link_openings WHERE link = ? AND session = ?',
				...[link, session]
			)
			.toArray();
		return row?.opened_at_ms ?? null;
	}

	hasOpenings(link: LinkId, endedBeforeMs: number): boolean {
		return (
			this.#sql
				.exec(
					'SELECT 1 FROM link_openings WHERE link = ? AND opened_at_ms > ? LIMIT 1',
					...[link, endedBeforeMs]
				)
				.toArray().length > 0
		);
	}

	removeOpenings(endedBeforeMs: number): void {
		this.#sql.exec('DELETE FROM link_openings WHERE opened_at_ms <= ?', endedBeforeMs);
	}

	/** When the next link expires, or is to be forgotten `keptMs` after it has. */
	nextEndMs(nowMs: number, keptMs: number): number | null {
		return this.#sql
			.exec<{ end: number | null }>(
				`SELECT min(CASE WHEN expires_at_ms > ?1 THEN expires_at_ms ELSE expires_at_ms + ?2 END)
					AS end FROM links`,
				...[nowMs, keptMs]
			)
			.one().end;
	}
}

const linkOf = (row: LinkRow): StoredLink => ({
	link: row.link as LinkId,
	account: row.account as AccountId,
	record: new Uint8Array(row.record),
	door: new Uint8Array(row.door),
	expiresAtMs: row.expires_at_ms,
	openingsLeft: row.openings_left,
	opened: row.opened,
	registrationRecord: row.registration_record && new Uint8Array(row.registration_record),
	guesses: row.guesses
});
