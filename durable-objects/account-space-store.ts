// SQL of the spaces that an account has made, and what is set aside for each. Synchronous; nothing here
// awaits.
import type { SpaceId } from '../protocol/ids.ts';

export class AccountSpaceStore {
	readonly #sql: SqlStorage;

	constructor({ sql }: DurableObjectStorage) {
		this.#sql = sql;
	}

	load(): Map<SpaceId, number> {
		const rows = this.#sql
			.exec<{ space: SpaceId; bytes: number }>('SELECT space, bytes FROM own_spaces')
			.toArray();
		return new Map(rows.map(({ space, bytes }) => [space, bytes]));
	}

	remove(space: SpaceId): void {
		this.#sql.exec('DELETE FROM own_spaces WHERE space = ?', space);
	}

	save(space: SpaceId, bytes: number): void {
		this.#sql.exec(
			'INSERT INTO own_spaces VALUES (?, ?) ON CONFLICT (space) DO UPDATE SET bytes = excluded.bytes',
			...[space, bytes]
		);
	}
}
