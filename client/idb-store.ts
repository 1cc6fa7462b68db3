// The store of a browser: IndexedDB. The only file that names it, or the library over it.
//
//   profile   'profile' → Profile
//   recovery  'recovery' → StoredRecovery
//   states    space → sealed state of its log
//   entries   [space, seq] → entry with its pages: a start reads them in one sweep, and few pages
//             are ever superseded
//   outbox    id (never given twice) → row
//   pending   [space, count] → formed commit
//   records   name → sealed record
//   made      'made' → 16 random bytes of this database: one that a browser took away and that was made
//             anew since is another
//
// One transaction a method. What a person wrote, and what was signed, is flushed to the disk
// before a method answers ('strict'); what can be pulled again is not ('relaxed').
import {
	openDB,
	type DBSchema,
	type IDBPDatabase,
	type IDBPTransaction,
	type StoreNames
} from 'idb';
import { randomBytes } from '../crypto/random.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { PageId } from '../protocol/commit.ts';
import type { Seq, SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { withOwnBytes, withPage } from './kept-values.ts';
import type {
	CommitOfRows,
	LogBatch,
	OutboxRow,
	PendingCommit,
	Profile,
	Store,
	StoredEntry,
	StoredRecovery,
	StoreFault
} from './store.ts';

export interface IdbStoreOptions {
	readonly name?: string;
	/** Some browsers never answer an open: after this long the store is unavailable. */
	readonly openTimeoutMs?: number;
	/** The connection ended: another tab upgrades or deletes the database, or the browser closed it. */
	readonly onClosed?: () => void;
}

export interface BrowserStore extends Store {
	/**
	 * Begins to read the first entries of these spaces, for the calls of `loadEntries` that are about
	 * to ask for them: a browser takes as long to read them as to prepare the keys that open them.
	 */
	readAhead(spaces: readonly SpaceId[]): void;
}

/** Opens lazily; an open that failed is tried again at the next call. */
export const createIdbStore = (options: IdbStoreOptions = {}): BrowserStore =>
	new IdbStore(options);

/** Entries that are read ahead of each space, and spaces. */
const aheadEntries = 64;
const aheadSpaces = 8;

const databaseVersion = 1;

interface Tables extends DBSchema {
	profile: { key: string; value: Profile };
	recovery: { key: string; value: StoredRecovery };
	states: { key: SpaceId; value: Uint8Array };
	entries: { key: [SpaceId, Seq]; value: StoredEntry };
	outbox: { key: number; value: OutboxRow };
	pending: { key: [SpaceId, number]; value: PendingCommit };
	records: { key: string; value: Uint8Array };
	made: { key: string; value: Uint8Array };
}
type Table = StoreNames<Tables>;
type Database = IDBPDatabase<Tables>;
type Transaction = IDBPTransaction<Tables, Table[], 'readwrite'>;
type Making = IDBPTransaction<Tables, Table[], 'versionchange'>;
type Answer<Value> = Promise<Result<Value, StoreFault>>;

function createTables(database: Database, making: Making): void {
	for (const table of ['profile', 'recovery', 'states', 'entries', 'pending', 'records'] as const) {
		database.createObjectStore(table);
	}
	database.createObjectStore('outbox', { keyPath: 'id', autoIncrement: true });
	database.createObjectStore('made');
	void making.objectStore('made').put(randomBytes(16), 'made');
}

/** Those that are emptied when the profile is. */
const tables: Table[] = [
	'profile',
	'recovery',
	'states',
	'entries',
	'outbox',
	'pending',
	'records'
];

/** Every [space, n] with n > `after`. Arrays sort after numbers, so [] ends the range. */
const after = (space: SpaceId, lower: number): IDBKeyRange =>
	IDBKeyRange.bound([space, lower], [space, []], true, true);

class IdbStore implements BrowserStore {
	readonly #options: IdbStoreOptions;
	#opening: Promise<Database | null> | null = null;
	#closed = false;
	/** Of the database that was opened first. */
	#made: Promise<Uint8Array | undefined> | null = null;
	readonly #ahead = new Map<SpaceId, Answer<readonly StoredEntry[]>>();

	constructor(options: IdbStoreOptions) {
		this.#options = options;
	}

	loadProfile(): Answer<Profile | null> {
		return this.#read(async (database) => (await database.get('profile', 'profile')) ?? null);
	}

	saveProfile(profile: Profile): Answer<void> {
		return this.#write(['profile'], 'strict', async (transaction) => {
			await transaction.objectStore('profile').put(withOwnBytes(profile), 'profile');
		});
	}

	loadRecovery(): Answer<StoredRecovery | null> {
		return this.#read(async (database) => (await database.get('recovery', 'recovery')) ?? null);
	}

	saveRecovery(recovery: StoredRecovery | null): Answer<void> {
		return this.#write(['recovery'], 'strict', async (transaction) => {
			const table = transaction.objectStore('recovery');
			if (recovery === null) await table.delete('recovery');
			else await table.put(withOwnBytes(recovery), 'recovery');
		});
	}

	loadState(space: SpaceId): Answer<Uint8Array | null> {
		return this.#read(async (database) => (await database.get('states', space)) ?? null);
	}

	readAhead(spaces: readonly SpaceId[]): void {
		for (const space of spaces.slice(0, aheadSpaces)) {
			this.#ahead.set(space, this.#readEntries(space, 0, aheadEntries));
		}
	}

	/** What was read ahead is given once, and to whoever reads from the beginning. */
	async loadEntries(space: SpaceId, afterSeq: Seq, limit: number): Answer<readonly StoredEntry[]> {
		const ahead = afterSeq === 0 && limit > 0 ? this.#ahead.get(space) : undefined;
		this.#ahead.delete(space);
		const entries = await ahead;
		if (entries?.ok !== true || entries.value.length === 0) {
			return this.#readEntries(space, afterSeq, limit);
		}
		return ok(entries.value.slice(0, limit));
	}

	#readEntries(space: SpaceId, afterSeq: Seq, limit: number): Answer<readonly StoredEntry[]> {
		return this.#read(async (database) =>
			// getAll takes a count of 0 as 'no limit'.
			limit < 1 ? [] : database.getAll('entries', after(space, afterSeq), limit)
		);
	}

	applyLog(batch: LogBatch): Answer<void> {
		const { space } = batch;
		return this.#write(
			['states', 'entries', 'outbox', 'pending'],
			'relaxed',
			async (transaction) => {
				const entries = transaction.objectStore('entries');
				await Promise.all([
					transaction.objectStore('states').put(withOwnBytes(batch.sealedState), space),
					...batch.entries.map((entry) => entries.put(withOwnBytes(entry), [space, entry.seq])),
					replacePages(transaction, space, batch.superseded.map(dropped)),
					...batch.settledCounts.map((count) => settle(transaction, space, count))
				]);
			}
		);
	}

	fillPages(
		space: SpaceId,
		pages: readonly (PageId & { readonly page: Uint8Array | null })[]
	): Answer<void> {
		return this.#write(['entries'], 'relaxed', (transaction) =>
			replacePages(transaction, space, pages)
		);
	}

	addToOutbox(
		rows: readonly Omit<OutboxRow, 'id'>[],
		formed?: CommitOfRows
	): Answer<readonly number[]> {
		const names: Table[] = formed === undefined ? ['outbox'] : ['outbox', 'pending'];
		return this.#writePending(names, async (transaction) => {
			const outbox = transaction.objectStore('outbox');
			// The key generator fills in the id.
			const ids = await Promise.all(rows.map((row) => outbox.put(withOwnBytes(row) as OutboxRow)));
			if (formed !== undefined) await addPending(transaction, [{ ...formed, outboxIds: ids }]);
			return ids;
		});
	}

	loadOutbox(space: SpaceId, afterId: number): Answer<readonly OutboxRow[]> {
		return this.#read(async (database) => {
			const rows = await database.getAll('outbox', IDBKeyRange.lowerBound(afterId, true));
			return rows.filter((row) => row.space === space);
		});
	}

	dropFromOutbox(ids: readonly number[]): Answer<void> {
		return this.#write(['outbox'], 'strict', async (transaction) => {
			await Promise.all(ids.map((id) => transaction.objectStore('outbox').delete(id)));
		});
	}

	savePending(pending: readonly PendingCommit[]): Answer<void> {
		return this.#writePending(['pending'], (transaction) => addPending(transaction, pending));
	}

	async #writePending<Value>(
		names: Table[],
		write: (transaction: Transaction) => Promise<Value>
	): Answer<Value> {
		try {
			return await this.#write(names, 'strict', write);
		} catch (error) {
			if (nameOf(error) !== 'ConstraintError') throw error;
			throw new RangeError('a commit with this count is pending already', { cause: error });
		}
	}

	loadPending(space: SpaceId): Answer<readonly PendingCommit[]> {
		return this.#read((database) => database.getAll('pending', after(space, 0)));
	}

	dropPending(space: SpaceId, counts: readonly number[]): Answer<void> {
		return this.#write(['pending'], 'strict', async (transaction) => {
			const table = transaction.objectStore('pending');
			await Promise.all(counts.map((count) => table.delete([space, count])));
		});
	}

	loadRecord(name: string): Answer<Uint8Array | null> {
		return this.#read(async (database) => (await database.get('records', name)) ?? null);
	}

	saveRecord(name: string, sealed: Uint8Array | null): Answer<void> {
		return this.#write(['records'], 'strict', async (transaction) => {
			const records = transaction.objectStore('records');
			if (sealed === null) await records.delete(name);
			else await records.put(withOwnBytes(sealed), name);
		});
	}

	erase(): Answer<void> {
		return this.#write(tables, 'strict', async (transaction) => {
			await Promise.all(tables.map((table) => transaction.objectStore(table).clear()));
		});
	}

	close(): void {
		this.#closed = true;
		void this.#opening?.then((database) => {
			database?.close();
		});
		this.#opening = null;
	}

	async #read<Value>(read: (database: Database) => Promise<Value>): Answer<Value> {
		const database = await this.#open();
		if (database === null) return err('store_unavailable');
		try {
			return ok(await read(database));
		} catch (error) {
			return err(faultOf(error));
		}
	}

	async #write<Value>(
		names: Table[],
		durability: IDBTransactionDurability,
		write: (transaction: Transaction) => Promise<Value>
	): Answer<Value> {
		const database = await this.#open();
		if (database === null) return err('store_unavailable');
		let transaction: Transaction | null = null;
		try {
			transaction = database.transaction(names, 'readwrite', { durability });
			const [value] = await Promise.all([write(transaction), transaction.done]);
			return ok(value);
		} catch (error) {
			return err(faultOf(await abort(transaction, error)));
		}
	}

	#open(): Promise<Database | null> {
		if (this.#closed) return Promise.resolve(null);
		this.#opening ??= this.#openOnce().then(async (opened) => {
			const database = opened === null || (await this.#isSame(opened)) ? opened : null;
			if (database === null) this.#opening = null;
			return database;
		});
		return this.#opening;
	}

	/**
	 * A browser ends connections, as of pages in the background, and it takes whole databases away. What
	 * this page goes on to write belongs to what it has read: with that gone, nothing is written any more.
	 */
	async #isSame(database: Database): Promise<boolean> {
		const made = database.get('made', 'made').catch(() => undefined);
		if (this.#made === null) {
			this.#made = made;
			return true;
		}
		const [first, now] = await Promise.all([this.#made, made]);
		if (first !== undefined && now !== undefined && equalBytes(first, now)) return true;
		database.close();
		this.#closed = true;
		return false;
	}

	#openOnce(): Promise<Database | null> {
		const { name = 'tacet', openTimeoutMs = 10_000 } = this.#options;
		if (!('indexedDB' in globalThis)) return Promise.resolve(null);
		return new Promise((resolve, reject) => {
			let given = false;
			const giveUp = (): void => {
				given = true;
				clearTimeout(timer);
				resolve(null);
			};
			const timer = setTimeout(giveUp, openTimeoutMs);
			openDatabase(name, { blocked: giveUp, ended: () => this.#ended() }).then(
				(database) => {
					// Opened after all, when nobody waits any more: it must not block others.
					if (given) database.close();
					clearTimeout(timer);
					resolve(database);
				},
				(error: unknown) => {
					clearTimeout(timer);
					// Refused, for whatever reason the browser has.
					if (error instanceof DOMException) resolve(null);
					else reject(new Error('the database does not open', { cause: error }));
				}
			);
		});
	}

	#ended(): void {
		this.#opening = null;
		this.#options.onClosed?.();
	}
}

async function openDatabase(
	name: string,
	on: { readonly blocked: () => void; readonly ended: () => void }
): Promise<Database> {
	return await openDB<Tables>(name, databaseVersion, {
		upgrade: (database, _from, _to, making) => {
			createTables(database, making);
		},
		blocked: on.blocked,
		blocking(_current, _next, event) {
			(event.target as IDBDatabase).close();
			on.ended();
		},
		terminated: on.ended
	});
}

const dropped = ({ seq, index }: PageId): PageId & { readonly page: null } => ({
	seq,
	index,
	page: null
});

async function replacePages(
	transaction: Transaction,
	space: SpaceId,
	pages: readonly (PageId & { readonly page: Uint8Array | null })[]
): Promise<void> {
	const entries = transaction.objectStore('entries');
	const pagesBySeq = new Map<Seq, Map<number, Uint8Array | null>>();
	for (const { seq, index, page } of pages) {
		const ofEntry = pagesBySeq.get(seq) ?? new Map<number, Uint8Array | null>();
		pagesBySeq.set(seq, ofEntry.set(index, page));
	}
	const replaceIn = async (seq: Seq, replaced: Map<number, Uint8Array | null>): Promise<void> => {
		let entry = await entries.get([space, seq]);
		if (!entry) return;
		for (const [index, page] of replaced) entry = withPage(entry, index, page);
		await entries.put(withOwnBytes(entry), [space, seq]);
	};
	await Promise.all([...pagesBySeq].map(([seq, replaced]) => replaceIn(seq, replaced)));
}

async function addPending(
	transaction: Transaction,
	pending: readonly PendingCommit[]
): Promise<void> {
	const table = transaction.objectStore('pending');
	await Promise.all(
		pending.map((commit) => table.add(withOwnBytes(commit), [commit.space, commit.count]))
	);
}

/** A pending commit stands on the log: it goes, and so do the outbox rows that it carried. */
async function settle(transaction: Transaction, space: SpaceId, count: number): Promise<void> {
	const pending = transaction.objectStore('pending');
	const commit = await pending.get([space, count]);
	if (!commit) return;
	const outbox = transaction.objectStore('outbox');
	await Promise.all([
		pending.delete([space, count]),
		...commit.outboxIds.map((id) => outbox.delete(id))
	]);
}

/** Undoes what the transaction did, and says why it failed: its own reason before a request's. */
async function abort(transaction: Transaction | null, error: unknown): Promise<unknown> {
	if (transaction === null) return error;
	try {
		transaction.abort();
	} catch (ended) {
		if (nameOf(ended) !== 'InvalidStateError') throw ended;
	}
	await transaction.done.catch(() => undefined);
	return transaction.error ?? error;
}

const nameOf = (error: unknown): string => (error instanceof DOMException ? error.name : '');

/** What the browser may refuse; anything else is a mistake of ours and is thrown on. */
function faultOf(error: unknown): StoreFault {
	switch (nameOf(error)) {
		case 'QuotaExceededError':
			return 'store_full';
		case 'AbortError':
		case 'InvalidStateError':
		case 'NotFoundError':
		case 'NotReadableError':
		case 'SecurityError':
		case 'TransactionInactiveError':
		case 'UnknownError':
		case 'VersionError':
			return 'store_unavailable';
		default:
			throw error;
	}
}
