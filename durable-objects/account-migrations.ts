// Schema of an Account object, append-only. Meaning of each column: docs/storage-schema.md.
export const accountMigrations: readonly string[] = [
	`CREATE TABLE account (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		account TEXT NOT NULL,
		registration_record BLOB NOT NULL,
		write_count INTEGER NOT NULL,
		created_at_ms INTEGER NOT NULL
	) STRICT`,
	`CREATE TABLE identities (
		n INTEGER PRIMARY KEY,
		entry BLOB NOT NULL
	) STRICT`,
	`CREATE TABLE keyslots (
		place INTEGER PRIMARY KEY,
		sealed BLOB NOT NULL
	) STRICT`,
	`CREATE TABLE sessions (
		session TEXT PRIMARY KEY,
		device TEXT NOT NULL,
		device_jwk TEXT NOT NULL,
		created_at_ms INTEGER NOT NULL,
		refreshed_at_ms INTEGER NOT NULL,
		refresh_family_hash BLOB NOT NULL,
		refresh_hash BLOB NOT NULL
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE session_spaces (
		session TEXT NOT NULL,
		space TEXT NOT NULL,
		PRIMARY KEY (session, space)
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE endings (
		session TEXT NOT NULL,
		space TEXT NOT NULL,
		until_ms INTEGER NOT NULL,
		PRIMARY KEY (session, space)
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE login_arrivals (
		network TEXT PRIMARY KEY,
		arrival_ms INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`,
	'ALTER TABLE sessions ADD COLUMN previous_refresh_hash BLOB',
	'ALTER TABLE sessions ADD COLUMN may_refresh_again INTEGER NOT NULL DEFAULT 0',
	`CREATE TABLE requests (
		request TEXT PRIMARY KEY,
		sender TEXT NOT NULL,
		sealed BLOB NOT NULL,
		received_at_ms INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE device_link (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		link TEXT NOT NULL,
		expires_at_ms INTEGER NOT NULL,
		claim BLOB,
		hand_over BLOB
	) STRICT`
];
