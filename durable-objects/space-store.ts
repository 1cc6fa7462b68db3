// All SQL of a Space object. Synchronous; nothing here awaits. A space without entries has no
// tables, and answers with nothing.
//
// A page or wrap has one number for its place: seq · 4,096 + index. A commit's only page stands in
// the commit's own row; the pages of a commit with several have a row each.
import type { PageId } from '../protocol/commit.ts';
import type { Append, Entry, RunEntry } from '../protocol/frames.ts';
import type { AccountId, Seq } from '../protocol/ids.ts';
import type { LogHistory, ParsedEntry } from '../crypto/log-rules.ts';
import { encodeLogState, type LogState } from '../crypto/log-state.ts';
import { snapshotEveryCommits } from './limits.ts';
import { hasSchema, migrate } from './migrate.ts';
import { spaceMigrations } from './space-migrations.ts';
import { grown, nothing, type Stored } from './space-size.ts';
import { isWithin, SpaceSupersededStore, type PlaceRange } from './space-superseded-store.ts';

const placesPerSeq = 4_096;
const placeOf = ({ seq, index }: PageId): number => seq * placesPerSeq + index;
const pageAt = (place: number): PageId => ({
	seq: Math.floor(place / placesPerSeq),
	index: place % placesPerSeq
});

/** What is appended: the commit that was judged, with everything that came beside it. */
export interface Arrival {
	readonly entry: ParsedEntry;
	readonly append: RunEntry;
	/** After the commit. */
	readonly state: LogState;
	readonly receivedAtMs: number;
}

/** A part of the log. */
export interface Places {
	readonly after: Seq;
	readonly upTo: Seq;
}

/** Whom entries are read for. */
export interface Reader {
	readonly account: AccountId;
	readonly readsContent: boolean;
}

/** A snapshot of the log's state, and the commits after it. */
export interface StoredLog {
	readonly state: Uint8Array;
	readonly tail: readonly { readonly commit: Uint8Array; readonly signature: Uint8Array }[];
}

// A type, not an interface: rows must fit the platform's record of columns.
type CommitRow = {
	seq: number;
	page_count: number;
	signature: ArrayBuffer;
	commit_bytes: ArrayBuffer;
	previous_key: ArrayBuffer | null;
	page: ArrayBuffer | null;
};

type PageSum = { pages: number; bytes: number };

const bytesOrNull = (column: ArrayBuffer | null | undefined): Uint8Array | null =>
	column ? new Uint8Array(column) : null;

export class SpaceStore implements LogHistory {
	readonly #storage: DurableObjectStorage;
	readonly #sql: SqlStorage;
	readonly #superseded: SpaceSupersededStore;
	#exists: boolean;
	/** Ever added, less pages superseded; and what was dropped since: read once, then kept along with the rows. */
	#added: Stored = nothing;
	#released: Stored = nothing;

	constructor(storage: DurableObjectStorage) {
		this.#storage = storage;
		this.#sql = storage.sql;
		this.#superseded = new SpaceSupersededStore(storage.sql);
		this.#exists = hasSchema(storage.sql);
		if (!this.#exists) return;
		migrate(storage, spaceMigrations);
		this.#added = this.#readAdded();
		this.#released = this.#readReleased();
	}

	loadLog(): StoredLog | null {
		if (!this.#exists) return null;
		const snapshot = this.#sql
			.exec<{ state_seq: number; state: ArrayBuffer }>('SELECT state_seq, state FROM space')
			.one();
		const tail = this.#sql
			.exec<{ commit_bytes: ArrayBuffer; signature: ArrayBuffer }>(
				'SELECT commit_bytes, signature FROM commits WHERE seq > ? ORDER BY seq',
				snapshot.state_seq
			)
			.toArray()
			.map((row) => ({
				commit: new Uint8Array(row.commit_bytes),
				signature: new Uint8Array(row.signature)
			}));
		return { state: new Uint8Array(snapshot.state), tail };
	}

	headAt(seq: Seq): Uint8Array | undefined {
		if (!this.#exists) return undefined;
		const [row] = this.#sql
			.exec<{ head: ArrayBuffer }>('SELECT head FROM commits WHERE seq = ?', seq)
			.toArray();
		return row && new Uint8Array(row.head);
	}

	pageCountAt(seq: Seq): number | undefined {
		if (!this.#exists) return undefined;
		const [row] = this.#sql
			.exec<{ page_count: number }>('SELECT page_count FROM commits WHERE seq = ?', seq)
			.toArray();
		return row?.page_count;
	}

	/** Where the same bytes stand among `places`, if they do. */
	findCommit(append: Append, places: Places): Seq | undefined {
		if (!this.#exists) return undefined;
		const [row] = this.#sql
			.exec<{
				seq: number;
			}>(
				'SELECT seq FROM commits WHERE seq > ? AND seq <= ? AND signature = ? AND commit_bytes = ? LIMIT 1',
				...[places.after, places.upTo, append.signature, append.commit]
			)
			.toArray();
		return row?.seq;
	}

	/** Appends what was judged, and has room, all of it in one transaction. */
	append(arrivals: readonly Arrival[]): void {
		const [first] = arrivals;
		// One statement is a transaction already: a live edit costs no other.
		if (arrivals.length === 1 && first !== undefined && isOneRow(first)) {
			const added = grown(this.#added, first.append, 0);
			this.#insertCommit(first, added);
			this.#added = added;
		} else this.#added = this.#inTransaction(() => this.#insertAll(arrivals));
	}

	/** What was released, or made, is read again, as a transaction that fails does neither. */
	#inTransaction<Value>(work: () => Value): Value {
		try {
			return this.#storage.transactionSync(work);
		} finally {
			this.#exists = hasSchema(this.#sql);
			this.#released = this.#exists ? this.#readReleased() : nothing;
		}
	}

	#insertAll(arrivals: readonly Arrival[]): Stored {
		if (!this.#exists) migrate(this.#storage, spaceMigrations);
		this.#exists = true;
		return arrivals.reduce((added, arrival) => this.#insert(arrival, added), this.#added);
	}

	#insert(arrival: Arrival, before: Stored): Stored {
		const { seq } = arrival.state.head;
		const commit = arrival.entry.parsed;
		const superseded = this.#supersede(commit.supersedes, arrival.receivedAtMs);
		const added = grown(before, arrival.append, superseded);
		this.#insertCommit(arrival, added);
		if (commit.pages.length > 1) this.#insertPages(seq, arrival.append.pages);
		this.#insertWraps(arrival);
		this.#insertExpiring(seq, commit.pages);
		this.#purge(commit.purge);
		if (commit.admin !== null || isSnapshotDue(seq)) this.#saveState(arrival.state);
		return added;
	}

	/** Up to the last commit: columns of its row, so that counting costs no other. */
	#readAdded(): Stored {
		const [last] = this.#sql
			.exec<
				Stored & Record<string, number>
			>('SELECT stored_bytes AS bytes, live_pages AS pages FROM commits ORDER BY seq DESC LIMIT 1')
			.toArray();
		return last ?? nothing;
	}

	#readReleased(): Stored {
		const [row] = this.#sql
			.exec<
				Stored & Record<string, number>
			>('SELECT released_bytes AS bytes, expired_pages AS pages FROM space')
			.toArray();
		return row ?? nothing;
	}

	/** All of it, the tables included: from then on there is no space. */
	async erase(): Promise<void> {
		this.#exists = false;
		this.#added = this.#released = nothing;
		await this.#storage.deleteAlarm();
		await this.#storage.deleteAll();
	}

	get stored(): Stored {
		const [added, released] = [this.#added, this.#released];
		return { bytes: added.bytes - released.bytes, pages: added.pages - released.pages };
	}

	#insertCommit({ entry, append, state, receivedAtMs }: Arrival, added: Stored): void {
		const only = append.pages.length === 1 ? append.pages[0] : undefined;
		this.#sql.exec(
			'INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
			...[state.head.seq, state.head.hash, entry.parsed.pages.length, added.bytes, added.pages],
			...[receivedAtMs, entry.signature, entry.commit, append.previousKey, only ?? null]
		);
	}

	#insertPages(seq: Seq, pages: RunEntry['pages']): void {
		for (const [index, sealed] of pages.entries()) {
			if (sealed === null) continue;
			this.#sql.exec('INSERT INTO pages VALUES (?, ?)', placeOf({ seq, index }), sealed);
		}
	}

	#insertWraps({ entry, append, state }: Arrival): void {
		const headers = entry.parsed.admin?.wraps ?? [];
		for (const [index, wrap] of append.wraps.entries()) {
			const place = placeOf({ seq: state.head.seq, index });
			const recipient = headers[index]?.recipient;
			if (recipient === undefined) throw new Error('wraps were matched with their headers');
			this.#sql.exec('INSERT INTO wraps VALUES (?, ?, ?)', place, recipient, wrap);
		}
	}

	#insertExpiring(seq: Seq, headers: readonly { readonly expiresAtMs: number | null }[]): void {
		for (const [index, { expiresAtMs }] of headers.entries()) {
			if (expiresAtMs === null) continue;
			this.#sql.exec('INSERT INTO expiring VALUES (?, ?)', placeOf({ seq, index }), expiresAtMs);
		}
	}

	/** A page that is not live stays as it is. Answers with how many were. */
	#supersede(pages: readonly PageId[], sinceMs: number): number {
		let superseded = 0;
		const ranges: PlaceRange[] = [];
		let nextPlace: number | null = null;
		for (const place of [...new Set(pages.map(placeOf))].sort((a, b) => a - b)) {
			const page = pageAt(place);
			if (!this.isLive(page)) continue;
			superseded += 1;
			const range = ranges.at(-1);
			if (range === undefined || place !== nextPlace) ranges.push({ first: place, last: place });
			else ranges[ranges.length - 1] = { ...range, last: place };
			const isLast = page.index + 1 === this.pageCountAt(page.seq);
			nextPlace = isLast ? placeOf({ seq: page.seq + 1, index: 0 }) : place + 1;
		}
		for (const range of ranges) this.#superseded.add(range, sinceMs);
		return superseded;
	}

	/** Drops superseded pages before their time; a live page is dropped by nothing but its expiry. */
	#purge(pages: readonly PageId[]): void {
		let releasedBytes = 0;
		for (const place of pages.map(placeOf)) {
			if (!this.#superseded.has(place)) continue;
			releasedBytes += this.#dropRange({ first: place, last: place }).bytes;
		}
		this.#release({ bytes: releasedBytes, pages: 0 });
	}

	/** Whether its bytes are here, and nothing has superseded it. */
	isLive(page: PageId): boolean {
		return this.#pageBytes(page) > 0 && !this.#superseded.has(placeOf(page));
	}

	#pageBytes({ seq, index }: PageId): number {
		const [row] =
			this.pageCountAt(seq) === 1
				? this.#sql
						.exec<{
							bytes: number;
						}>('SELECT coalesce(length(page), 0) AS bytes FROM commits WHERE seq = ?', seq)
						.toArray()
				: this.#sql
						.exec<{
							bytes: number;
						}>('SELECT length(sealed) AS bytes FROM pages WHERE place = ?', placeOf({ seq, index }))
						.toArray();
		return row?.bytes ?? 0;
	}

	/**
	 * Removes the bytes of pages, and when they expire. Answers with how many there were. What was
	 * superseded stays noted until all of its range goes.
	 */
	#dropRange({ first, last }: PlaceRange): PageSum {
		const seqs = [Math.ceil(first / placesPerSeq), Math.floor(last / placesPerSeq)];
		const inRows = 'FROM commits WHERE seq BETWEEN ? AND ? AND page IS NOT NULL';
		const apart = 'FROM pages WHERE place BETWEEN ? AND ?';
		const counted = [
			this.#sql.exec<PageSum>(
				`SELECT count(*) AS pages, coalesce(sum(length(page)), 0) AS bytes ${inRows}`,
				...seqs
			),
			this.#sql.exec<PageSum>(
				`SELECT count(*) AS pages, coalesce(sum(length(sealed)), 0) AS bytes ${apart}`,
				...[first, last]
			)
		].map((cursor) => cursor.one());
		this.#sql.exec(
			'UPDATE commits SET page = NULL WHERE seq BETWEEN ? AND ? AND page IS NOT NULL',
			...seqs
		);
		this.#sql.exec(`DELETE ${apart}`, first, last);
		this.#sql.exec('DELETE FROM expiring WHERE place BETWEEN ? AND ?', first, last);
		return counted.reduce((sum, { pages, bytes }) => ({
			pages: sum.pages + pages,
			bytes: sum.bytes + bytes
		}));
	}

	#release({ bytes, pages }: Stored): void {
		if (bytes === 0) return;
		this.#sql.exec(
			'UPDATE space SET released_bytes = released_bytes + ?, expired_pages = expired_pages + ?',
			...[bytes, pages]
		);
	}

	#saveState(state: LogState): void {
		this.#sql.exec(
			`INSERT INTO space VALUES (1, ?, ?, 0, 0) ON CONFLICT (one)
				DO UPDATE SET state_seq = excluded.state_seq, state = excluded.state`,
			...[state.head.seq, encodeLogState(state)]
		);
	}

	/**
	 * Drops what its time has come for: pages superseded before `supersededBeforeMs`, and pages that
	 * have expired by `nowMs`; about `maxDrops`, and no more than one commit superseded beyond them.
	 * Answers whether that may not be all.
	 */
	dropPages(times: {
		readonly supersededBeforeMs: number;
		readonly nowMs: number;
		readonly maxDrops: number;
	}): boolean {
		if (!this.#exists) return false;
		const { supersededBeforeMs, nowMs, maxDrops } = times;
		return this.#inTransaction(() => {
			const expired = this.#sql
				.exec<{
					place: number;
				}>('SELECT place FROM expiring WHERE expires_at_ms <= ? LIMIT ?', nowMs, maxDrops)
				.toArray();
			const live = expired.filter(({ place }) => this.isLive(pageAt(place)));
			const dropped = expired.map(({ place }) => this.#dropRange({ first: place, last: place }));
			const outlived = this.#superseded.due(supersededBeforeMs, maxDrops);
			const sumOf = (of: keyof PageSum) => dropped.reduce((sum, drop) => sum + drop[of], 0);
			while (outlived.length > 0 && sumOf('pages') < maxDrops) {
				const [range] = outlived.splice(0, 1) as [PlaceRange];
				dropped.push(this.#dropRange(range));
				this.#superseded.remove(range);
			}
			this.#release({ bytes: sumOf('bytes'), pages: live.length });
			return outlived.length > 0 || expired.length === maxDrops;
		});
	}

	/** When the next page of each kind is due: its expiry, and since when the oldest is superseded. */
	nextDrops(): { readonly expiresAtMs: number | null; readonly supersededSinceMs: number | null } {
		if (!this.#exists) return { expiresAtMs: null, supersededSinceMs: null };
		const row = this.#sql
			.exec<{ expires: number | null; since: number | null }>(
				`SELECT (SELECT min(expires_at_ms) FROM expiring) AS expires,
					(SELECT min(since_ms) FROM superseded) AS since`
			)
			.one();
		return { expiresAtMs: row.expires, supersededSinceMs: row.since };
	}

	/** Entries after `after`, one at a time and in order: never the whole log in memory. */
	*entriesAfter(after: Seq, reader: Reader, nowMs: number): Generator<Entry, void, undefined> {
		if (!this.#exists) return;
		const from = placeOf({ seq: after + 1, index: 0 });
		const isGone = this.#goneAfter(from, nowMs);
		const wraps = this.#wrapsBySeq(from, reader.account);
		const rows = this.#sql.exec<CommitRow>(
			`SELECT seq, page_count, signature, commit_bytes, previous_key, page
				FROM commits WHERE seq > ? ORDER BY seq`,
			after
		);
		for (const row of rows) {
			const pages = reader.readsContent ? this.#pagesOf(row, isGone) : nulls(row.page_count);
			yield {
				seq: row.seq,
				commit: new Uint8Array(row.commit_bytes),
				signature: new Uint8Array(row.signature),
				pages,
				wraps: wraps.get(row.seq) ?? [],
				previousKey: reader.readsContent ? bytesOrNull(row.previous_key) : null
			};
		}
	}

	/** Whether a page at a place after `from` is not served with its entry any more. */
	#goneAfter(from: number, nowMs: number): (place: number) => boolean {
		const superseded = this.#superseded.from(from);
		const expired = new Set(
			this.#sql
				.exec<{ place: number }>(
					'SELECT place FROM expiring WHERE place >= ? AND expires_at_ms <= ?',
					...[from, nowMs]
				)
				.toArray()
				.map(({ place }) => place)
		);
		return (place) => expired.has(place) || isWithin(superseded, place);
	}

	#wrapsBySeq(from: number, recipient: AccountId): ReadonlyMap<Seq, Entry['wraps']> {
		const wrapsBySeq = new Map<Seq, { index: number; wrap: Uint8Array }[]>();
		const rows = this.#sql.exec<{ place: number; wrap: ArrayBuffer }>(
			'SELECT place, wrap FROM wraps WHERE place >= ? AND recipient = ? ORDER BY place',
			...[from, recipient]
		);
		for (const row of rows) {
			const { seq, index } = pageAt(row.place);
			const wraps = wrapsBySeq.get(seq) ?? [];
			wraps.push({ index, wrap: new Uint8Array(row.wrap) });
			wrapsBySeq.set(seq, wraps);
		}
		return wrapsBySeq;
	}

	#pagesOf(row: CommitRow, isGone: (place: number) => boolean): (Uint8Array | null)[] {
		const pages: (Uint8Array | null)[] = nulls(row.page_count);
		const isLive = (index: number) => !isGone(placeOf({ seq: row.seq, index }));
		if (row.page_count === 1) return isLive(0) ? [bytesOrNull(row.page)] : pages;
		if (row.page_count === 0) return pages;
		const stored = this.#sql.exec<{ place: number; sealed: ArrayBuffer }>(
			'SELECT place, sealed FROM pages WHERE place >= ? AND place < ?',
			...[placeOf({ seq: row.seq, index: 0 }), placeOf({ seq: row.seq + 1, index: 0 })]
		);
		for (const { place, sealed } of stored) {
			const { index } = pageAt(place);
			if (isLive(index)) pages[index] = new Uint8Array(sealed);
		}
		return pages;
	}

	/** A page's bytes for as long as they are kept: also superseded ones, but none that expired. */
	loadPage(page: PageId, nowMs: number): Uint8Array | null {
		const pageCount = this.pageCountAt(page.seq) ?? 0;
		if (page.index >= pageCount || this.#isExpired(page, nowMs)) return null;
		const [row] =
			pageCount === 1
				? this.#sql
						.exec<{
							sealed: ArrayBuffer | null;
						}>('SELECT page AS sealed FROM commits WHERE seq = ?', page.seq)
						.toArray()
				: this.#sql
						.exec<{
							sealed: ArrayBuffer;
						}>('SELECT sealed FROM pages WHERE place = ?', placeOf(page))
						.toArray();
		return bytesOrNull(row?.sealed);
	}

	#isExpired(page: PageId, nowMs: number): boolean {
		return (
			this.#sql
				.exec(
					'SELECT 1 FROM expiring WHERE place = ? AND expires_at_ms <= ?',
					...[placeOf(page), nowMs]
				)
				.toArray().length > 0
		);
	}
}

const isSnapshotDue = (seq: Seq): boolean => seq % snapshotEveryCommits === 0;

/** Whether nothing but the commit's own row is written. */
function isOneRow({ entry, state }: Arrival): boolean {
	const { admin, pages, supersedes, purge } = entry.parsed;
	const isPlain = admin === null && supersedes.length === 0 && purge.length === 0;
	const isInRow = pages.length <= 1 && pages.every(({ expiresAtMs }) => expiresAtMs === null);
	return isPlain && isInRow && !isSnapshotDue(state.head.seq);
}

const nulls = (length: number): null[] => new Array<null>(length).fill(null);
