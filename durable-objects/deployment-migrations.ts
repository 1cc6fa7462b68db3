// Schema of the Deployment object, append-only. Meaning of each column: docs/storage-schema.md.
export const deploymentMigrations: readonly string[] = [
	`CREATE TABLE server_keys (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		sealed BLOB NOT NULL
	) STRICT`,
	`CREATE TABLE operation (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		sign_up TEXT,
		limits TEXT
	) STRICT`,
	`CREATE TABLE accounts (
		account TEXT PRIMARY KEY,
		is_operator INTEGER NOT NULL,
		reserved_at_ms INTEGER,
		invite BLOB,
		bytes INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE sign_up_invites (
		invite BLOB PRIMARY KEY,
		uses INTEGER NOT NULL,
		uses_left INTEGER NOT NULL,
		created_at_ms INTEGER NOT NULL,
		expires_at_ms INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`
];
