// Schema of the Deployment object, append-only. Meaning of each column: docs/storage-schema.md.
export const deploymentMigrations: readonly string[] = [
	`CREATE TABLE server_keys (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		sealed BLOB NOT NULL
	) STRICT`
];
