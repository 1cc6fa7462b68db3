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
	) STRICT`,
	// A session is one row, which the next session of its device takes over.
	`CREATE TABLE device_sessions (
		device TEXT PRIMARY KEY,
		session TEXT NOT NULL,
		device_jwk TEXT NOT NULL,
		created_at_ms INTEGER NOT NULL,
		refreshed_at_ms INTEGER NOT NULL,
		refresh_family_hash BLOB NOT NULL,
		refresh_hash BLOB NOT NULL,
		previous_refresh_hash BLOB,
		may_refresh_again INTEGER NOT NULL,
		spaces TEXT NOT NULL
	) STRICT, WITHOUT ROWID`,
	`INSERT OR REPLACE INTO device_sessions
		SELECT device, session, device_jwk, created_at_ms, refreshed_at_ms, refresh_family_hash,
			refresh_hash, previous_refresh_hash, may_refresh_again,
			(SELECT json_group_array(space) FROM session_spaces AS noted
				WHERE noted.session = sessions.session)
		FROM sessions ORDER BY created_at_ms`,
	'DROP TABLE session_spaces',
	'DROP TABLE sessions',
	'ALTER TABLE device_sessions RENAME TO sessions',
	`CREATE TABLE login_attempts (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		arrivals TEXT NOT NULL
	) STRICT`,
	`INSERT INTO login_attempts
		SELECT 1, json_group_object(network, arrival_ms) FROM login_arrivals`,
	'DROP TABLE login_arrivals',
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
	'ALTER TABLE sessions ADD COLUMN fresh_until_ms INTEGER NOT NULL DEFAULT 0'
];
