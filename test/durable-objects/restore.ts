// An operator's restore: the object holds again what it held at an earlier moment.
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';

type Row = Record<string, SqlStorageValue>;
export type Backup = ReadonlyMap<string, readonly Row[]>;

const tablesOf = (sql: SqlStorage): readonly string[] =>
	sql
		.exec<{ name: string }>(
			`SELECT name FROM sqlite_schema WHERE type = 'table'
				AND name NOT LIKE 'sqlite_%' AND substr(name, 1, 4) <> '_cf_'`
		)
		.toArray()
		.map(({ name }) => name);

export const backUp = (stub: DurableObjectStub): Promise<Backup> =>
	runInDurableObject(stub, (_object: unknown, { storage: { sql } }: DurableObjectState) => {
		const tables = tablesOf(sql).map((name): [string, Row[]] => [
			name,
			sql.exec<Row>(`SELECT * FROM ${name}`).toArray()
		]);
		return new Map(tables);
	});

/** An empty backup is that of an object in which nothing was ever stored. */
export async function restore(stub: DurableObjectStub, backup: Backup): Promise<void> {
	await runInDurableObject(stub, (_object: unknown, { storage: { sql } }: DurableObjectState) => {
		for (const name of tablesOf(sql)) {
			if (backup.size === 0) sql.exec(`DROP TABLE ${name}`);
			else sql.exec(`DELETE FROM ${name}`);
		}
		for (const [name, rows] of backup) {
			for (const row of rows) {
				const values = Object.values(row);
				const places = values.map(() => '?').join(', ');
				sql.exec(`INSERT INTO ${name} VALUES (${places})`, ...values);
			}
		}
	});
	// What it remembers is of the time after.
	await evictDurableObject(stub, { webSockets: 'close' });
}
