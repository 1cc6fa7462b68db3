// Schema of an Account object, append-only. Meaning of each column: docs/storage-schema.md.
export const accountMigrations: readonly string[] = [
	`CREATE TABLE account (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		account TEXT NOT NULL,
		created_at_ms INTEGER NOT NULL
	) STRICT`,
	`CREATE TABLE account_writes (
		n INTEGER PRIMARY KEY,
		write BLOB NOT NULL,
		signature BLOB NOT NULL
	) STRICT`,
	`CREATE TABLE account_records (
		hash BLOB PRIMARY KEY,
		data BLOB NOT NULL
	) STRICT, WITHOUT ROWID`,
	// A session is one row, which the next session of its device takes over.
	`CREATE TABLE sessions (
		device TEXT PRIMARY KEY,
		session TEXT NOT NULL,
		device_jwk TEXT NOT NULL,
		created_at_ms INTEGER NOT NULL,
		refreshed_at_ms INTEGER NOT NULL,
		refresh_family_hash BLOB NOT NULL,
		refresh_hash BLOB NOT NULL,
		previous_refresh_hash BLOB,
		may_refresh_again INTEGER NOT NULL,
		spaces TEXT NOT NULL,
		fresh_until_ms INTEGER NOT NULL,
		place TEXT
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE endings (
		session TEXT NOT NULL,
		space TEXT NOT NULL,
		until_ms INTEGER NOT NULL,
		PRIMARY KEY (session, space)
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE login_attempts (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		attempts TEXT NOT NULL
	) STRICT`,
	`CREATE TABLE recovery (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		recovery TEXT NOT NULL,
		device TEXT NOT NULL,
		device_jwk TEXT NOT NULL,
		authenticator_hash BLOB NOT NULL,
		started_at_ms INTEGER NOT NULL,
		approval BLOB
	) STRICT`,
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
	) STRICT`,
	`CREATE TABLE factors (
		factor TEXT PRIMARY KEY,
		kind TEXT NOT NULL,
		data BLOB NOT NULL,
		spent INTEGER NOT NULL,
		added_at_ms INTEGER NOT NULL,
		used_at_ms INTEGER
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE factor_attempts (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		arrivals TEXT NOT NULL
	) STRICT`,
	`CREATE TABLE own_spaces (
		space TEXT PRIMARY KEY,
		bytes INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE security_events (
		slot INTEGER PRIMARY KEY,
		n INTEGER NOT NULL,
		kind TEXT NOT NULL,
		at_ms INTEGER NOT NULL,
		device TEXT,
		place TEXT
	) STRICT`
];
