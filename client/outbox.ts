// Changes of one space on their way to its log: first rows of the outbox, sealed under this device's
// own key; then commits, whose bytes are stored before they are sent and never change again; gone
// once their entry is seen at its place.
import { parseCommit, type PageId } from '../protocol/commit.ts';
import { encodeChange, joinChanges, parseChangeBytes, type Change } from '../protocol/page.ts';
import type { DeviceId, SpaceId } from '../protocol/ids.ts';
import { targetPageBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { CommitDraft, CryptoPort, FormedCommit } from './crypto-port.ts';
import {
	encodeOutboxRow,
	fitsPage,
	inOnePiece,
	packCommits,
	parseOutboxRow,
	splitIntoRows,
	type PackedCommit
} from './outbox-pack.ts';
import { keptIn } from './item-seed.ts';
import type { LocalRow } from './items.ts';
import type { CommitOfRows, PendingCommit, Store, StoreFault } from './store.ts';

interface Row extends LocalRow {
	readonly encoded: readonly Uint8Array[];
	readonly encodedBytes: number;
}

/** Pages of an import that make a commit, while others are under way. */
const gatheredPages = 16;

export interface OutboxOptions {
	readonly space: SpaceId;
	readonly store: Store;
	readonly crypto: CryptoPort;
}

/**
 * What became of a formed commit: it stands at its place on the log, or never will. What the edge
 * does not take although it may still stand keeps its bytes, and is refused for those who wait for it.
 */
export type Outcome = 'stands' | 'given_up' | 'refused' | 'over_quota';

/** What a commit is formed by, but for what it says. */
export interface NextCommit {
	readonly device: DeviceId;
	readonly draft: Omit<CommitDraft, 'space' | 'pages' | 'supersedes'>;
}

export interface FormOptions {
	/** Commits formed at most. */
	readonly limit: number;
	/** Only of these rows. */
	readonly only?: ReadonlySet<number>;
	/** Live pages that the commit with these rows may replace, once those before it stand. */
	readonly freedBy: (rows: readonly number[], before: ReadonlySet<number>) => readonly PageId[];
}

export class Outbox {
	readonly #options: OutboxOptions;
	/** Every row that does not stand on the log yet, by id, in order of insertion. */
	readonly #rows = new Map<number, Row>();
	/** Rows that no commit carries yet. */
	readonly #unformed = new Set<number>();
	readonly #pending = new Map<number, PendingCommit>();
	/** Those of them that change the administration: nothing is formed behind one. */
	readonly #administrative = new Set<number>();
	readonly #outcomes = new Map<number, (outcome: Outcome) => void>();
	/** Rows on their way into the store. */
	#writing = 0;
	/** Another tab said that they stand on the log, before this one heard that they were stored. */
	readonly #settledEarly = new Set<number>();
	#loadedUpTo = 0;
	#waiting = 0;

	constructor(options: OutboxOptions) {
		this.#options = options;
	}

	/** Changes that do not stand on the log yet. */
	get waiting(): number {
		return this.#waiting;
	}

	/** Whether nothing waits here, nor is being saved. */
	get isIdle(): boolean {
		return this.#rows.size === 0 && this.#pending.size === 0 && this.#writing === 0;
	}

	get hasUnformed(): boolean {
		return this.#unformed.size > 0;
	}

	/**
	 * Whether what waits is bulk, rows of about a page, and still too little for a commit: each commit
	 * is a row at the edge, so that an import sends a few large ones.
	 */
	get isGathering(): boolean {
		const enough = [...this.#unformed].slice(0, gatheredPages);
		const isBulk = (id: number): boolean =>
			(this.#rows.get(id)?.encodedBytes ?? 0) >= targetPageBytes / 2;
		return enough.length < gatheredPages && enough.some(isBulk);
	}

	/** Formed commits, oldest count first. */
	get pending(): Iterable<PendingCommit> {
		return this.#pending.values();
	}

	get hasAdministrative(): boolean {
		return this.#administrative.size > 0;
	}

	pendingAt(count: number): PendingCommit | undefined {
		return this.#pending.get(count);
	}

	/**
	 * Saves changes on this device; after that they can only be lost with it.
	 *
	 * @param next a commit that may be formed of them while they are sealed, if they are few, and kept
	 * with them: nothing else may form one meanwhile.
	 */
	async write(
		changes: readonly Change[],
		timeMs: number,
		next: NextCommit | null = null
	): Promise<Result<readonly LocalRow[], StoreFault | 'note_too_large'>> {
		const { space, crypto } = this.#options;
		const encoded = changes.map(encodeChange);
		if (!encoded.every(fitsPage)) return err('note_too_large');
		const groups = splitIntoRows(encoded).map(inOnePiece);
		// Begun first: it takes longer.
		const forming = isLive(groups) ? this.#formLive(groups[0] ?? [], next) : null;
		const sealed = await crypto.sealLocal(
			groups.map((group) => ({
				table: 'outbox',
				row: space,
				plaintext: encodeOutboxRow({ timeMs, changes: group })
			}))
		);
		const formed = await forming;
		this.#writing += 1;
		const saved = await this.#keepRows(
			groups.map((group, index) => ({
				space,
				sealed: sealed[index] ?? new Uint8Array(),
				changes: group.length
			})),
			formed
		);
		this.#writing -= 1;
		if (!saved.ok) return saved;
		let taken = 0;
		const rows = groups.map((group, index): Row => {
			const own = keptIn(changes.slice(taken, taken + group.length), group);
			taken += group.length;
			return rowOf({ outboxId: saved.value.ids[index] ?? 0, timeMs, changes: own }, group);
		});
		const added = rows.filter((row) => this.#add(row));
		if (this.#writing === 0) this.#settledEarly.clear();
		const { ids, kept } = saved.value;
		if (kept !== null) this.#keep({ ...kept, outboxIds: ids });
		return ok(added);
	}

	/** Null if it can't be formed: the changes are saved all the same, and formed in their turn. */
	async #formLive(
		group: readonly Uint8Array[],
		next: NextCommit | null
	): Promise<CommitOfRows | null> {
		if (next === null) return null;
		const { space, crypto } = this.#options;
		const draft = { ...next.draft, space, pages: [joinChanges(group)] };
		const [formed] = await crypto.formCommits(next.device, [draft]).catch(() => []);
		return formed === undefined ? null : pendingOf(space, draft.count, formed);
	}

	/** What a commit takes beside its row may be too much for the store: then the row is kept alone. */
	async #keepRows(
		rows: Parameters<Store['addToOutbox']>[0],
		formed: CommitOfRows | null
	): Promise<Result<{ ids: readonly number[]; kept: CommitOfRows | null }, StoreFault>> {
		const { store } = this.#options;
		const both = formed === null ? null : await store.addToOutbox(rows, formed);
		if (both?.ok) return ok({ ids: both.value, kept: formed });
		const alone = await store.addToOutbox(rows);
		return alone.ok ? ok({ ids: alone.value, kept: null }) : alone;
	}

	#add(row: Row): boolean {
		if (this.#rows.has(row.outboxId) || this.#settledEarly.has(row.outboxId)) return false;
		this.#rows.set(row.outboxId, row);
		this.#unformed.add(row.outboxId);
		this.#waiting += row.changes.length;
		return true;
	}

	/** Reads rows that other tabs, or this device before, have written. */
	async load(): Promise<Result<readonly LocalRow[], StoreFault>> {
		const { space, store, crypto } = this.#options;
		const loaded = await store.loadOutbox(space, this.#loadedUpTo);
		if (!loaded.ok) return loaded;
		const stored = loaded.value.filter((row) => !this.#rows.has(row.id));
		const opened = await crypto.openLocal(
			stored.map(({ sealed }) => ({ table: 'outbox', row: space, sealed }))
		);
		const rows: LocalRow[] = [];
		for (const [index, { id }] of stored.entries()) {
			const row = parseRow(id, opened[index] ?? null);
			if (row !== null && this.#add(row)) rows.push(row);
		}
		this.#loadedUpTo = loaded.value.at(-1)?.id ?? this.#loadedUpTo;
		return ok(rows);
	}

	/**
	 * Rows that are gone from the store stand on the log: another tab saw to them, and ended before it
	 * could say so. Sent once more, they would stand there twice.
	 */
	async dropSettled(): Promise<Result<readonly number[], StoreFault>> {
		const { space, store } = this.#options;
		const known = [...this.#rows.keys()];
		const stored = await store.loadOutbox(space, 0);
		if (!stored.ok) return stored;
		const kept = new Set(stored.value.map(({ id }) => id));
		const settled = known.filter((id) => !kept.has(id));
		this.drop(settled);
		return ok(settled);
	}

	/**
	 * Takes up commits that were formed before and may have been sent. Those that name another device
	 * can't be sent any more, since this profile took a new id: their changes are formed anew.
	 */
	async loadPending(device: DeviceId): Promise<Result<null, StoreFault>> {
		const { space, store } = this.#options;
		const loaded = await store.loadPending(space);
		if (!loaded.ok) return loaded;
		for (const pending of loaded.value) this.#keep(pending);
		const others = loaded.value.filter(({ commit }) => {
			const parsed = parseCommit(commit);
			return !parsed.ok || parsed.value.device !== device;
		});
		if (others.length === 0) return ok(null);
		const dropped = await this.giveUp(others.map(({ count }) => count));
		return dropped.ok ? ok(null) : dropped;
	}

	#keep(pending: PendingCommit): void {
		this.#pending.set(pending.count, pending);
		const parsed = parseCommit(pending.commit);
		if (parsed.ok && parsed.value.admin !== null) this.#administrative.add(pending.count);
		for (const id of pending.outboxIds) this.#unformed.delete(id);
	}

	/** Forms commits of what waits, and saves them: after that they may be sent. */
	async form(
		device: DeviceId,
		next: Omit<CommitDraft, 'space' | 'pages' | 'supersedes'>,
		{ limit, only, freedBy }: FormOptions
	): Promise<Result<readonly PendingCommit[], StoreFault>> {
		const { space, crypto } = this.#options;
		const packed: PackedCommit[] = [];
		for (const commit of packCommits(this.#unformedRows(only))) {
			packed.push(commit);
			if (packed.length === limit) break;
		}
		const before = new Set([...this.#pending.values()].flatMap(({ outboxIds }) => outboxIds));
		const drafts = packed.map(({ pages, outboxIds }, index): CommitDraft => {
			const supersedes = this.#bringsEnd(outboxIds) ? freedBy(outboxIds, before) : [];
			for (const id of outboxIds) before.add(id);
			return { ...next, space, pages, supersedes, count: next.count + index };
		});
		const formed = await crypto.formCommits(device, drafts);
		return this.#savePending(
			formed.map((commit, index) => ({
				...pendingOf(space, next.count + index, commit),
				outboxIds: packed[index]?.outboxIds ?? []
			}))
		);
	}

	/** Rows with nothing but ends of items: an end is final, whatever stands before it. */
	get endings(): readonly number[] {
		const ends = (row: Row): boolean => row.changes.every(({ type }) => type === 'tombstone');
		return [...this.#rows.values()].filter(ends).map(({ outboxId }) => outboxId);
	}

	#bringsEnd(outboxIds: readonly number[]): boolean {
		return outboxIds.some((id) =>
			this.#rows.get(id)?.changes.some(({ type }) => type === 'tombstone')
		);
	}

	*#unformedRows(only: ReadonlySet<number> = this.#unformed) {
		for (const id of this.#unformed) {
			if (!only.has(id)) continue;
			const row = this.#rows.get(id);
			if (row !== undefined) yield { id, changes: row.encoded };
		}
	}

	/** Forms and saves a commit that carries no rows. */
	async formAlone(
		device: DeviceId,
		draft: Omit<CommitDraft, 'space'>
	): Promise<Result<Promise<Outcome>, StoreFault>> {
		const { space, crypto } = this.#options;
		const { count } = draft;
		const formed = await crypto.formCommits(device, [{ ...draft, space }]);
		const saved = await this.#savePending(
			formed.map((commit) => ({ ...pendingOf(space, count, commit), outboxIds: [] }))
		);
		if (!saved.ok) return saved;
		return ok(
			new Promise<Outcome>((resolve) => {
				this.#outcomes.set(count, resolve);
			})
		);
	}

	/** Nobody waits for it any longer; its bytes stay, and go out again. */
	leave(count: number, outcome: Outcome): void {
		this.#tell(count, outcome);
	}

	#ended(count: number, outcome: Outcome): void {
		this.#pending.delete(count);
		this.#administrative.delete(count);
		this.#tell(count, outcome);
	}

	#tell(count: number, outcome: Outcome): void {
		this.#outcomes.get(count)?.(outcome);
		this.#outcomes.delete(count);
	}

	/** Keeps entry 1 of a space that is made here. */
	saveGenesis(formed: FormedCommit): Promise<Result<readonly PendingCommit[], StoreFault>> {
		return this.#savePending([{ ...pendingOf(this.#options.space, 1, formed), outboxIds: [] }]);
	}

	async #savePending(
		pending: readonly PendingCommit[]
	): Promise<Result<readonly PendingCommit[], StoreFault>> {
		const saved = await this.#options.store.savePending(pending);
		if (!saved.ok) return saved;
		for (const commit of pending) this.#keep(commit);
		return ok(pending);
	}

	/** The changes in each page of a pending commit, if they are at hand. */
	pagesOf(pending: PendingCommit): readonly (readonly Change[])[] | null {
		const rows = pending.outboxIds.map((id) => this.#rows.get(id));
		if (!rows.every((row) => row !== undefined)) return null;
		const changes = rows.flatMap((row) => row.changes);
		// Pages that came from no rows say again what stood on the log.
		if (rows.length === 0 && pending.pages.length > 0) return null;
		if (pending.pages.length <= 1) return changes.length === 0 ? [] : [changes];
		let taken = 0;
		// They were filled in the same way when the commit was formed.
		const pages = splitIntoRows(rows.flatMap(({ encoded }) => encoded)).map((page) =>
			changes.slice(taken, (taken += page.length))
		);
		return pages.length === pending.pages.length ? pages : null;
	}

	/** Their entries stand on the log, and the store says so. Returns the rows that are done. */
	settle(counts: readonly number[]): readonly number[] {
		const done: number[] = [];
		for (const count of counts) {
			done.push(...(this.#pending.get(count)?.outboxIds ?? []));
			this.#ended(count, 'stands');
		}
		this.drop(done);
		return done;
	}

	/** Rows that another tab settled, or that are given up. */
	drop(ids: Iterable<number>): void {
		for (const id of ids) {
			if (this.#writing > 0 && !this.#rows.has(id)) this.#settledEarly.add(id);
			this.#waiting -= this.#rows.get(id)?.changes.length ?? 0;
			this.#rows.delete(id);
			this.#unformed.delete(id);
		}
	}

	/** Commits that can never stand on the log: their changes wait to be formed anew. */
	async giveUp(counts: readonly number[]): Promise<Result<void, StoreFault>> {
		const { space, store } = this.#options;
		const dropped = await store.dropPending(space, counts);
		if (!dropped.ok) return dropped;
		for (const count of counts) this.#ended(count, 'given_up');
		const formed = new Set([...this.#pending.values()].flatMap(({ outboxIds }) => outboxIds));
		this.#unformed.clear();
		for (const id of this.#rows.keys()) if (!formed.has(id)) this.#unformed.add(id);
		return dropped;
	}
}

/** A few changes, as of somebody who types. */
const isLive = (groups: readonly (readonly Uint8Array[])[]): boolean => {
	const [group, ...more] = groups;
	if (group === undefined || more.length > 0) return false;
	return group.reduce((sum, change) => sum + change.length, 0) < targetPageBytes / 2;
};

const pendingOf = (space: SpaceId, count: number, formed: FormedCommit): CommitOfRows => ({
	space,
	count,
	commit: formed.commit,
	signature: formed.signature,
	pages: formed.pages,
	wraps: formed.wraps,
	previousKey: formed.previousKey
});

function parseRow(outboxId: number, plaintext: Uint8Array | null): Row | null {
	const parsed = plaintext === null ? null : parseOutboxRow(plaintext);
	if (!parsed?.ok) return null;
	const changes: Change[] = [];
	for (const bytes of parsed.value.changes) {
		const change = parseChangeBytes(bytes);
		if (!change.ok) return null;
		changes.push(change.value);
	}
	return rowOf({ outboxId, timeMs: parsed.value.timeMs, changes }, parsed.value.changes);
}

function rowOf(row: LocalRow, encoded: readonly Uint8Array[]): Row {
	const encodedBytes = encoded.reduce((sum, change) => sum + change.length, 0);
	return { ...row, encoded, encodedBytes };
}
