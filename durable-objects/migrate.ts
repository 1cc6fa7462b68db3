// Schemas of the objects' databases. A schema is written with the first row that needs it, never
// on waking: whoever names an object that does not exist must not make it exist.
const versionTable = 'schema_version';

/** Whether this database has a schema at all; if it has none, nothing was ever stored in it. */
export const hasSchema = (sql: SqlStorage): boolean =>
	sql.exec(`SELECT 1 FROM sqlite_schema WHERE name = '${versionTable}'`).toArray().length > 0;

/**
 * Runs the migrations that this database has not seen, all or none. The list is append-only: a
 * step that was deployed is never changed.
 */
export function migrate(storage: DurableObjectStorage, steps: readonly string[]): void {
	storage.transactionSync(() => {
		const { sql } = storage;
		const version = hasSchema(sql) ? loadVersion(sql) : createVersion(sql);
		if (version >= steps.length) return;
		for (const step of steps.slice(version)) sql.exec(step);
		sql.exec(`UPDATE ${versionTable} SET version = ?`, steps.length);
	});
}

const loadVersion = (sql: SqlStorage): number =>
	sql.exec<{ version: number }>(`SELECT version FROM ${versionTable}`).one().version;

function createVersion(sql: SqlStorage): number {
	sql.exec(
		`CREATE TABLE ${versionTable} (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL) STRICT`
	);
	sql.exec(`INSERT INTO ${versionTable} VALUES (1, 0)`);
	return 0;
}
