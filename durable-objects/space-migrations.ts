// Schema of a Space object, append-only. Meaning of each column: docs/storage-schema.md.
//
// Rows written are what the platform's free plan runs out of first, and every index entry is one.
// So no table has an index beside its key, and a live edit is one row of `commits`.
export const spaceMigrations: readonly string[] = [
	`CREATE TABLE space (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		state_seq INTEGER NOT NULL,
		state BLOB NOT NULL,
		released_bytes INTEGER NOT NULL,
		expired_pages INTEGER NOT NULL
	) STRICT`,
	`CREATE TABLE commits (
		seq INTEGER PRIMARY KEY,
		head BLOB NOT NULL,
		page_count INTEGER NOT NULL,
		stored_bytes INTEGER NOT NULL,
		live_pages INTEGER NOT NULL,
		received_at_ms INTEGER NOT NULL,
		signature BLOB NOT NULL,
		commit_bytes BLOB NOT NULL,
		previous_key BLOB,
		page BLOB
	) STRICT`,
	`CREATE TABLE pages (
		place INTEGER PRIMARY KEY,
		sealed BLOB NOT NULL
	) STRICT`,
	`CREATE TABLE wraps (
		place INTEGER PRIMARY KEY,
		recipient TEXT NOT NULL,
		wrap BLOB NOT NULL
	) STRICT`,
	`CREATE TABLE superseded (
		place INTEGER PRIMARY KEY,
		since_ms INTEGER NOT NULL
	) STRICT`,
	`CREATE TABLE expiring (
		place INTEGER PRIMARY KEY,
		expires_at_ms INTEGER NOT NULL
	) STRICT`,
	`CREATE TABLE dead_sessions (
		session TEXT PRIMARY KEY,
		until_ms INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE heartbeats (
		account TEXT NOT NULL,
		device TEXT NOT NULL,
		seq INTEGER NOT NULL,
		received_at_ms INTEGER NOT NULL,
		body BLOB NOT NULL,
		signature BLOB NOT NULL,
		PRIMARY KEY (account, device)
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE invites (
		invite TEXT PRIMARY KEY,
		record BLOB NOT NULL,
		expires_at_ms INTEGER NOT NULL,
		claim_account TEXT,
		claim_identity BLOB,
		claim_mac BLOB,
		claim_name BLOB,
		claimed_at_ms INTEGER,
		contested INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE links (
		link TEXT PRIMARY KEY,
		account TEXT NOT NULL,
		record BLOB NOT NULL,
		door BLOB NOT NULL,
		expires_at_ms INTEGER,
		openings_left INTEGER,
		opened INTEGER NOT NULL,
		registration_record BLOB,
		guesses INTEGER NOT NULL
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE link_openings (
		link TEXT NOT NULL,
		session TEXT NOT NULL,
		opened_at_ms INTEGER NOT NULL,
		PRIMARY KEY (link, session)
	) STRICT, WITHOUT ROWID`,
	`CREATE TABLE events (
		n INTEGER PRIMARY KEY,
		previous BLOB NOT NULL,
		hour INTEGER NOT NULL,
		tag BLOB NOT NULL,
		audit_key INTEGER NOT NULL,
		sealed BLOB NOT NULL
	) STRICT`,
	// Whoever opens a socket is asked about at the account each time.
	'DROP TABLE dead_sessions',
	'ALTER TABLE superseded RENAME TO superseded_pages',
	`CREATE TABLE superseded (
		first_place INTEGER PRIMARY KEY,
		last_place INTEGER NOT NULL,
		since_ms INTEGER NOT NULL
	) STRICT`,
	'INSERT INTO superseded SELECT place, place, since_ms FROM superseded_pages',
	'DROP TABLE superseded_pages',
	`CREATE TABLE quota (
		one INTEGER PRIMARY KEY CHECK (one = 1),
		creator TEXT NOT NULL,
		bytes INTEGER NOT NULL,
		pages INTEGER NOT NULL
	) STRICT`,
	// A handle, and so the object of its name, may be another person's later.
	"ALTER TABLE quota ADD COLUMN account TEXT NOT NULL DEFAULT ''"
];
