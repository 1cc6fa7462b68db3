// The store of a device that forgets: for tests, the command line and measurements. Behaves like
// idb-store.ts to the last rule, which test/client/store-suite.ts checks for both.
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

export interface MemoryStoreOptions {
	/** More than this is `store_full`, as with the quota of a browser. */
	readonly quotaBytes?: number;
}

export const createMemoryStore = (options: MemoryStoreOptions = {}): Store =>
	new MemoryStore(options.quotaBytes ?? Number.POSITIVE_INFINITY);

type Answer<Value> = Promise<Result<Value, StoreFault>>;

const entryKey = (space: SpaceId, seq: Seq): string => `entry ${space} ${seq}`;
const pendingKey = (space: SpaceId, count: number): string => `pending ${space} ${count}`;
const outboxKey = (id: number): string => `outbox ${id}`;

class MemoryStore implements Store {
	#profile: Profile | null = null;
	#recovery: StoredRecovery | null = null;
	#states = new Map<SpaceId, Uint8Array>();
	#entries = new Map<SpaceId, Map<Seq, StoredEntry>>();
	#lastSeqs = new Map<SpaceId, Seq>();
	#outbox = new Map<number, OutboxRow>();
	#pending = new Map<SpaceId, Map<number, PendingCommit>>();
	#records = new Map<string, Uint8Array>();
	#lastOutboxId = 0;
	#sizes = new Map<string, number>();
	#usedBytes = 0;
	#closed = false;
	readonly #quotaBytes: number;

	constructor(quotaBytes: number) {
		this.#quotaBytes = quotaBytes;
	}

	loadProfile(): Answer<Profile | null> {
		return this.#answer(() => withOwnBytes(this.#profile));
	}

	saveProfile(profile: Profile): Answer<void> {
		return this.#write([['profile', profile]], () => {
			this.#profile = withOwnBytes(profile);
		});
	}

	loadRecovery(): Answer<StoredRecovery | null> {
		return this.#answer(() => withOwnBytes(this.#recovery));
	}

	saveRecovery(recovery: StoredRecovery | null): Answer<void> {
		return this.#write([['recovery', recovery]], () => {
			this.#recovery = withOwnBytes(recovery);
		});
	}

	loadState(space: SpaceId): Answer<Uint8Array | null> {
		return this.#answer(() => withOwnBytes(this.#states.get(space) ?? null));
	}

	loadEntries(space: SpaceId, after: Seq, limit: number): Answer<readonly StoredEntry[]> {
		return this.#answer(() => {
			const entries = this.#entries.get(space) ?? new Map<Seq, StoredEntry>();
			const last = this.#lastSeqs.get(space) ?? 0;
			const found: StoredEntry[] = [];
			for (let seq = after + 1; seq <= last && found.length < limit; seq++) {
				const entry = entries.get(seq);
				if (entry) found.push(withOwnBytes(entry));
			}
			return found;
		});
	}

	applyLog(batch: LogBatch): Answer<void> {
		const { space } = batch;
		const brought = new Map(batch.entries.map((entry) => [entry.seq, entry]));
		for (const { seq, index } of batch.superseded) {
			const entry = brought.get(seq) ?? this.#entries.get(space)?.get(seq);
			if (entry) brought.set(seq, withPage(entry, index, null));
		}
		const settled = batch.settledCounts.map((count) => this.#pending.get(space)?.get(count));
		const settledIds = settled.flatMap((pending) => pending?.outboxIds ?? []);
		const sizes: [string, unknown][] = [
			[`state ${space}`, batch.sealedState],
			...[...brought.values()].map((entry): [string, unknown] => [
				entryKey(space, entry.seq),
				entry
			]),
			...batch.settledCounts.map((count): [string, unknown] => [pendingKey(space, count), null]),
			...settledIds.map((id): [string, unknown] => [outboxKey(id), null])
		];
		return this.#write(sizes, () => {
			this.#states.set(space, withOwnBytes(batch.sealedState));
			const entries = ofSpace(this.#entries, space);
			for (const entry of brought.values()) entries.set(entry.seq, withOwnBytes(entry));
			this.#lastSeqs.set(space, Math.max(this.#lastSeqs.get(space) ?? 0, ...brought.keys()));
			for (const id of settledIds) this.#outbox.delete(id);
			for (const count of batch.settledCounts) this.#pending.get(space)?.delete(count);
		});
	}

	fillPages(
		space: SpaceId,
		pages: readonly (PageId & { readonly page: Uint8Array | null })[]
	): Answer<void> {
		const filled = new Map<Seq, StoredEntry>();
		for (const { seq, index, page } of pages) {
			const entry = filled.get(seq) ?? this.#entries.get(space)?.get(seq);
			if (entry && index < entry.pages.length) filled.set(seq, withPage(entry, index, page));
		}
		const sizes = [...filled].map(([seq, entry]): [string, unknown] => [
			entryKey(space, seq),
			entry
		]);
		return this.#write(sizes, () => {
			for (const [seq, entry] of filled)
				ofSpace(this.#entries, space).set(seq, withOwnBytes(entry));
		});
	}

	async addToOutbox(
		rows: readonly Omit<OutboxRow, 'id'>[],
		formed?: CommitOfRows
	): Answer<readonly number[]> {
		const first = this.#lastOutboxId + 1;
		const added = rows.map((row, index) => ({ ...withOwnBytes(row), id: first + index }));
		const outboxIds = added.map(({ id }) => id);
		const pending = formed === undefined ? [] : [{ ...formed, outboxIds }];
		const sizes = added.map((row): [string, unknown] => [outboxKey(row.id), row]);
		return this.#write([...sizes, ...this.#sizesOf(pending)], () => {
			for (const row of added) this.#outbox.set(row.id, row);
			this.#lastOutboxId += added.length;
			this.#keepPending(pending);
			return outboxIds;
		});
	}

	loadOutbox(space: SpaceId, after: number): Answer<readonly OutboxRow[]> {
		return this.#answer(() =>
			[...this.#outbox.values()]
				.filter((row) => row.space === space && row.id > after)
				.map(withOwnBytes)
		);
	}

	dropFromOutbox(ids: readonly number[]): Answer<void> {
		return this.#write(
			ids.map((id): [string, unknown] => [outboxKey(id), null]),
			() => {
				for (const id of ids) this.#outbox.delete(id);
			}
		);
	}

	async savePending(pending: readonly PendingCommit[]): Answer<void> {
		return this.#write(this.#sizesOf(pending), () => {
			this.#keepPending(pending);
		});
	}

	#sizesOf(pending: readonly PendingCommit[]): [string, unknown][] {
		const sizes = new Map<string, unknown>();
		for (const commit of pending) {
			const key = pendingKey(commit.space, commit.count);
			if (sizes.has(key) || this.#pending.get(commit.space)?.has(commit.count)) {
				throw new RangeError('a commit with this count is pending already');
			}
			sizes.set(key, commit);
		}
		return [...sizes];
	}

	#keepPending(pending: readonly PendingCommit[]): void {
		for (const commit of pending) {
			ofSpace(this.#pending, commit.space).set(commit.count, withOwnBytes(commit));
		}
	}

	loadPending(space: SpaceId): Answer<readonly PendingCommit[]> {
		return this.#answer(() =>
			[...(this.#pending.get(space)?.values() ?? [])]
				.sort((a, b) => a.count - b.count)
				.map(withOwnBytes)
		);
	}

	dropPending(space: SpaceId, counts: readonly number[]): Answer<void> {
		return this.#write(
			counts.map((count): [string, unknown] => [pendingKey(space, count), null]),
			() => {
				for (const count of counts) this.#pending.get(space)?.delete(count);
			}
		);
	}

	loadRecord(name: string): Answer<Uint8Array | null> {
		return this.#answer(() => withOwnBytes(this.#records.get(name) ?? null));
	}

	saveRecord(name: string, sealed: Uint8Array | null): Answer<void> {
		return this.#write([[`record ${name}`, sealed]], () => {
			if (sealed === null) this.#records.delete(name);
			else this.#records.set(name, withOwnBytes(sealed));
		});
	}

	erase(): Answer<void> {
		return this.#answer(() => {
			this.#profile = null;
			this.#recovery = null;
			for (const table of [
				this.#states,
				this.#entries,
				this.#lastSeqs,
				this.#outbox,
				this.#pending
			]) {
				table.clear();
			}
			this.#records.clear();
			this.#sizes.clear();
			this.#usedBytes = 0;
		});
	}

	close(): void {
		this.#closed = true;
	}

	#answer<Value>(read: () => Value): Answer<Value> {
		return Promise.resolve(this.#closed ? err('store_unavailable') : ok(read()));
	}

	/** Books the new sizes (null: gone) and applies the change, or does neither. */
	#write<Value>(sizes: readonly (readonly [string, unknown])[], apply: () => Value): Answer<Value> {
		return this.#answer(() => {
			const changes = sizes.map(([key, value]) => [key, bytesIn(value)] as const);
			const grown = changes.reduce(
				(total, [key, bytes]) => total + bytes - (this.#sizes.get(key) ?? 0),
				0
			);
			if (grown > 0 && this.#usedBytes + grown > this.#quotaBytes) return null;
			for (const [key, bytes] of changes) this.#sizes.set(key, bytes);
			this.#usedBytes += grown;
			return { applied: apply() };
		}).then((answer) => {
			if (!answer.ok) return answer;
			return answer.value === null ? err('store_full') : ok(answer.value.applied);
		});
	}
}

function ofSpace<Key, Value>(
	table: Map<SpaceId, Map<Key, Value>>,
	space: SpaceId
): Map<Key, Value> {
	const rows = table.get(space) ?? new Map<Key, Value>();
	table.set(space, rows);
	return rows;
}

function bytesIn(value: unknown): number {
	if (value instanceof Uint8Array) return value.length;
	if (typeof value !== 'object' || value === null) return 0;
	return Object.values(value).reduce((total: number, field) => total + bytesIn(field), 0);
}
