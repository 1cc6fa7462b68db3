// SQL of which pages have been superseded, and since when. Ranges of places, as pages are superseded by
// the run when they are packed: a row for each page would cost as much as the page itself. No two
// ranges share a place. Synchronous; nothing here awaits. space-store.ts makes the tables.

/** From its first place to its last. */
export interface PlaceRange {
	readonly first: number;
	readonly last: number;
}

// A type, not an interface: rows must fit the platform's record of columns.
type RangeRow = { first_place: number; last_place: number };

const rangeOf = (row: RangeRow): PlaceRange => ({ first: row.first_place, last: row.last_place });

export class SpaceSupersededStore {
	readonly #sql: SqlStorage;

	constructor(sql: SqlStorage) {
		this.#sql = sql;
	}

	add({ first, last }: PlaceRange, sinceMs: number): void {
		this.#sql.exec('INSERT INTO superseded VALUES (?, ?, ?)', first, last, sinceMs);
	}

	has(place: number): boolean {
		const [row] = this.#sql
			.exec<{
				last_place: number;
			}>(
				'SELECT last_place FROM superseded WHERE first_place <= ? ORDER BY first_place DESC LIMIT 1',
				place
			)
			.toArray();
		return row !== undefined && place <= row.last_place;
	}

	/** That end at `place` or later, in order. */
	from(place: number): PlaceRange[] {
		return this.#sql
			.exec<RangeRow>(
				`SELECT first_place, last_place FROM superseded WHERE first_place >= coalesce(
					(SELECT max(first_place) FROM superseded WHERE first_place <= ?1), ?1) ORDER BY first_place`,
				place
			)
			.toArray()
			.map(rangeOf);
	}

	/** Superseded by `timeMs`, so many of them at most. */
	due(timeMs: number, limit: number): PlaceRange[] {
		return this.#sql
			.exec<RangeRow>(
				'SELECT first_place, last_place FROM superseded WHERE since_ms <= ? LIMIT ?',
				...[timeMs, limit]
			)
			.toArray()
			.map(rangeOf);
	}

	remove({ first }: PlaceRange): void {
		this.#sql.exec('DELETE FROM superseded WHERE first_place = ?', first);
	}
}

/** Whether a place is in one of the ranges, which are in order and share none. */
export function isWithin(ranges: readonly PlaceRange[], place: number): boolean {
	let [low, high] = [0, ranges.length - 1];
	while (low <= high) {
		const middle = (low + high) >> 1;
		const range = ranges[middle];
		if (range === undefined || place < range.first) high = middle - 1;
		else if (place > range.last) low = middle + 1;
		else return true;
	}
	return false;
}
