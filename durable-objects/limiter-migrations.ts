// Schema of a Limiter object, append-only. Meaning of each column: docs/storage-schema.md.
export const limiterMigrations: readonly string[] = [
	`CREATE TABLE arrivals (
		rate TEXT PRIMARY KEY,
		arrival_ms INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`
];
