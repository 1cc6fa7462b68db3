// All items of a space, from its changes: those of verified pages, and those that still wait in the
// outbox. Applying a change costs no more with many items than with few; lists are sorted, and
// documents built, when somebody looks. Never does I/O, never sees a key.
import type { PageId } from '../protocol/commit.ts';
import { bytesOfId, idFromBytes, type AccountId, type ItemId, type Seq } from '../protocol/ids.ts';
import { maxNoteBytes, maxPagesPerCommit } from '../protocol/limits.ts';
import type { Change, Seed, SpaceKind } from '../protocol/page.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { missingOf, missingOfCopy, type SupersededAt } from './item-coverage.ts';
import { trashUpdate } from './item-doc.ts';
import { ItemList, Summary, type ItemSummary } from './item-list.ts';
import { ItemRecord, type ItemListed, type ItemText } from './item-record.ts';
import { keptChanges } from './item-seed.ts';
import { fitsUtf8 } from './item-text.ts';
import { OpenItem, type OpenSink } from './open-item.ts';
import { SpaceNames } from './space-names.ts';

export type { ItemSummary } from './item-list.ts';
export type { ItemText } from './item-record.ts';

/** The changes of one page, verified and opened. */
export interface PlacedPage {
	readonly seq: Seq;
	readonly index: number;
	/** Time of the commit, by its author's clock. */
	readonly timeMs: number;
	readonly changes: readonly Change[];
	/** Of a page that says again what another said: up to where its author had seen the log. */
	readonly restatedAfter?: Seq;
}

/** The changes of one row of the outbox. */
export interface LocalRow {
	readonly outboxId: number;
	readonly timeMs: number;
	readonly changes: readonly Change[];
}

type Named = Pick<Seed, 'path' | 'title'>;

interface Listed {
	readonly record: ItemRecord;
	/** As the list has it; null if it is not in there. */
	summary: ItemSummary | null;
	/** Null until it is opened first. */
	open: Set<OpenItem> | null;
}

const nothing: ReadonlySet<ItemId> = new Set();

const keyOf = ({ seq, index }: PageId): number => seq * maxPagesPerCommit + index;

const pageAt = (key: number): PageId => ({
	seq: Math.floor(key / maxPagesPerCommit),
	index: key % maxPagesPerCommit
});

/** Documents of closed items that are kept, so that following someone's typing stays cheap. */
const maxKeptDocs = 16;

export interface ItemsOptions {
	/** Called once for each call that changed something, with the items concerned. */
	readonly onChange?: (ids: readonly ItemId[]) => void;
}

export class Items {
	/** Texts, which a person reads: nothing else follows from them. */
	readonly isShownFirst = true;
	readonly #onChange: (ids: readonly ItemId[]) => void;
	readonly #items = new Map<ItemId, Listed>();
	/** Pages by place, with the items that they brought changes of; most bring one. */
	readonly #pages = new Map<number, ItemId | readonly ItemId[]>();
	/** Pages with a tombstone: nothing else may say that its item is gone. */
	readonly #endings = new Set<number>();
	readonly #rows = new Map<number, ReadonlySet<ItemId>>();
	readonly #setAside = new Map<ItemId, number>();
	/** Items whose records hold a document, the one read last at the end. */
	readonly #kept = new Set<ItemRecord>();
	readonly #list = new ItemList();
	/** Changed since somebody looked at the list. */
	readonly #unlisted = new Set<Listed>();
	readonly #names = new SpaceNames();

	constructor(options: ItemsOptions = {}) {
		this.#onChange = options.onChange ?? (() => undefined);
	}

	/** Any order, any number of times. */
	applyPages(pages: readonly PlacedPage[]): void {
		const changed = new Set<ItemId>();
		for (const page of pages) {
			const key = keyOf(page);
			if (this.#pages.has(key)) continue;
			this.#pages.set(key, this.#applyPage(page));
			for (const item of this.itemsOf(page)) changed.add(item);
		}
		this.#changed(changed);
	}

	#applyPage(page: PlacedPage): ItemId | readonly ItemId[] {
		const { seq, index, timeMs, changes } = page;
		const items = new Set<ItemId>();
		for (const [position, change] of keptChanges(changes).entries()) {
			if (change.type === 'keyring') continue;
			if (change.type === 'name') {
				this.#names.place(change, page);
				items.add(change.item);
				continue;
			}
			const listed = this.#listed(change.item);
			const place = { seq, index, change: position };
			if (change.type === 'seed') listed.record.placeSeed(change.seed, place);
			else if (change.type === 'tombstone') {
				listed.record.placeTombstone(place);
				this.#endings.add(keyOf(place));
			} else {
				listed.record.placeUpdate(change.update, place, change.writtenMs ?? timeMs);
				for (const open of listed.open ?? []) open.receive(change.update);
			}
			items.add(listed.record.id);
		}
		const [first] = items;
		return first !== undefined && items.size === 1 ? first : [...items];
	}

	itemsOf(page: PageId): readonly ItemId[] {
		const items = this.#pages.get(keyOf(page)) ?? [];
		return typeof items === 'string' ? [items] : items;
	}

	/** Pages that brought what is held of an item, oldest first. */
	pagesOf(item: ItemId): readonly PageId[] {
		const { seeds = [], updates = [] } = this.#items.get(item)?.record.holdings ?? {};
		const keys = [...seeds, ...updates].map(({ place }) => keyOf(place));
		return [...new Set(keys)].sort((a, b) => a - b).map(pageAt);
	}

	/** Rule 13 for one item: the changes that live pages lack; null if they say all of it. */
	missing(item: ItemId, at: SupersededAt): readonly Change[] | null {
		const name = this.#names.missing(item, at);
		if (name !== null) return [name];
		const record = this.#items.get(item)?.record;
		const missing = record ? missingOf(item, record.holdings, at) : null;
		if (missing?.kind !== 'copy') return missing?.changes ?? null;
		const copy = this.#items.get(missing.item)?.record;
		const { changes } = missing;
		const absent = copy ? missingOfCopy(changes, copy.holdings, at) : changes;
		return absent.length === 0 ? null : absent;
	}

	/** What live pages would lack of an item; null if that can't be said under its own id. */
	packed(item: ItemId, at: SupersededAt): readonly Change[] | null {
		const name = this.#names.missing(item, at);
		if (name !== null) return [name];
		const record = this.#items.get(item)?.record;
		const missing = record ? missingOf(item, record.holdings, at) : null;
		if (missing === null) return [];
		return missing.kind === 'part' ? missing.changes : null;
	}

	/** Forgets what these pages brought. */
	release(pages: readonly PageId[]): void {
		const released = new Set(pages.map(keyOf));
		const changed = new Set(pages.flatMap((page) => this.itemsOf(page)));
		for (const item of changed) {
			this.#items.get(item)?.record.release((page) => released.has(keyOf(page)));
		}
		this.#names.release((page) => released.has(keyOf(page)));
		for (const key of released) {
			this.#pages.set(key, []);
			this.#endings.delete(key);
		}
		this.#changed(changed);
	}

	/**
	 * Live pages with nothing but changes of items that are gone once these rows, and those
	 * `before` them, stand on the log. Looks at items that `rows` end, so that it costs what they hold.
	 */
	freedBy(rows: readonly number[], before: Iterable<number>): readonly PageId[] {
		const own = new Set(rows);
		const all = new Set([...before, ...rows]);
		const isGone = (item: ItemId): boolean => this.#items.get(item)?.record.endsWith(all) ?? false;
		const freed = new Map<number, PageId>();
		for (const item of new Set(rows.flatMap((row) => [...(this.#rows.get(row) ?? [])]))) {
			const record = this.#items.get(item)?.record;
			if (!record?.endsWith(own)) continue;
			const { seeds, updates } = record.holdings;
			for (const { place } of [...seeds, ...updates]) freed.set(keyOf(place), place);
		}
		return [...freed]
			.filter(([key, page]) => !this.#endings.has(key) && this.itemsOf(page).every(isGone))
			.map(([, { seq, index }]) => ({ seq, index }));
	}

	/** Rows of this tab and of others; a row that is known already changes nothing. */
	applyOutbox(rows: readonly LocalRow[]): void {
		const changed = new Set<ItemId>();
		for (const row of rows) {
			if (this.#rows.has(row.outboxId)) continue;
			this.#applyRow(row);
			const ids = new Set(row.changes.map((change) => change.item));
			this.#rows.set(row.outboxId, ids);
			for (const id of ids) changed.add(id);
		}
		this.#changed(changed);
	}

	#applyRow({ outboxId, timeMs, changes }: LocalRow): void {
		for (const [position, change] of keptChanges(changes).entries()) {
			if (change.type === 'keyring') continue;
			if (change.type === 'name') {
				this.#names.wait(change, outboxId);
				continue;
			}
			const listed = this.#listed(change.item);
			const place = { outboxId, change: position };
			if (change.type === 'seed') listed.record.addWaitingSeed(change.seed, place);
			else if (change.type === 'tombstone') listed.record.addWaitingTombstone(place);
			else {
				listed.record.addWaitingUpdate(change.update, place, change.writtenMs ?? timeMs);
				for (const open of listed.open ?? []) open.receive(change.update);
			}
		}
	}

	/** Rows that stand on the log now (apply their pages first), or were given up. */
	removeOutbox(outboxIds: Iterable<number>): void {
		const changed = new Set<ItemId>();
		for (const outboxId of outboxIds) {
			for (const id of this.#rows.get(outboxId) ?? []) {
				this.#items.get(id)?.record.removeWaiting(outboxId);
				changed.add(id);
			}
			this.#names.removeWaiting(outboxId);
			// Ids are never given twice: whoever read the row before it went may still bring it.
			this.#rows.set(outboxId, nothing);
		}
		this.#changed(changed);
	}

	/** What the space is called, and of what kind it is; null until somebody said so. */
	get name(): { readonly kind: SpaceKind; readonly name: string } | null {
		return this.#names.current;
	}

	/** What a member is called here; null if nobody has said so. */
	memberName(account: AccountId): string | null {
		return this.#names.ofMember(idFromBytes<ItemId>(bytesOfId(account)));
	}

	/** What a page says again under a new key: of names the one that counts, and all else. */
	restated(page: PageId, changes: readonly Change[]): readonly Change[] {
		return changes.filter((change) => change.type !== 'name' || this.#names.counts(change, page));
	}

	/** Newest first, without trashed ones; the same array until something changes. */
	get list(): readonly ItemSummary[] {
		return this.#looked().list;
	}

	/** Those in the trash, newest first. */
	get trashed(): readonly ItemSummary[] {
		return this.#looked().trashed;
	}

	get ids(): Iterable<ItemId> {
		return this.#items.keys();
	}

	has(id: ItemId): boolean {
		return this.#items.get(id)?.record.exists ?? false;
	}

	read(id: ItemId): ItemText | null {
		const listed = this.#items.get(id);
		return listed ? this.#textOf(listed.record) : null;
	}

	/** Content faults: second seeds, and updates that do not decode. Left out alike by everyone. */
	get setAside(): number {
		// Whether an update decodes shows when its item is read.
		this.#looked();
		return [...this.#setAside.values()].reduce((total, count) => total + count, 0);
	}

	open(id: ItemId, sink: OpenSink): OpenItem | null {
		const listed = this.#items.get(id);
		const seed = listed?.record.seed;
		if (!listed?.record.exists || !seed) return null;
		const item = new OpenItem(id, listed.record.buildDoc(seed), {
			sink,
			onClose: () => listed.open?.delete(item)
		});
		listed.open = (listed.open ?? new Set()).add(item);
		return item;
	}

	/** The change that puts an item into the trash, or (null) takes it out. */
	trashChange(id: ItemId, trashedAtMs: number | null): Change | null {
		const record = this.#items.get(id)?.record;
		const seed = record?.seed;
		if (!record?.exists || !seed) return null;
		const doc = record.buildDoc(seed);
		const update = trashUpdate(doc, trashedAtMs);
		doc.destroy();
		return { type: 'update', item: id, update };
	}

	/**
	 * Tells what an earlier import brought already: by what it wrote then, so that a note edited
	 * since does not come twice, and by what the note says now. Those in the trash do not count.
	 */
	importLookup(): (path: string, title: string, body: string) => boolean {
		const named = new Map<string, ItemRecord[]>();
		const add = ({ path, title }: Named, record: ItemRecord): void => {
			const name = `${path ?? ''}\n${title}`;
			const others = named.get(name);
			if (others) others.push(record);
			else named.set(name, [record]);
		};
		for (const { record } of this.#items.values()) {
			const listed = this.#listedOf(record);
			const { seed } = record;
			if (!listed || !seed || listed.trashedAtMs !== null) continue;
			add(seed, record);
			if (record.wasEdited) add(listed, record);
		}
		return (path, title, body) => {
			const isIt = (text: (Named & { readonly body: string }) | null): boolean =>
				text?.title === title && (text.path ?? '') === path && text.body === body;
			const others = named.get(`${path}\n${title}`) ?? [];
			return others.some((record) => isIt(record.seed) || isIt(this.#textOf(record)));
		};
	}

	#listed(id: ItemId): Listed {
		const known = this.#items.get(id);
		if (known) return known;
		const listed: Listed = { record: new ItemRecord(id), summary: null, open: null };
		this.#items.set(id, listed);
		return listed;
	}

	#changed(ids: ReadonlySet<ItemId>): void {
		if (ids.size === 0) return;
		for (const id of ids) {
			const listed = this.#items.get(id);
			if (!listed) continue;
			this.#unlisted.add(listed);
			this.#noteSetAside(listed.record);
		}
		this.#onChange([...ids]);
	}

	#noteSetAside(record: ItemRecord): void {
		const count = record.setAside;
		if (count > 0) this.#setAside.set(record.id, count);
		else this.#setAside.delete(record.id);
	}

	#textOf(record: ItemRecord): ItemText | null {
		const text = record.text();
		this.#noteReading(record);
		return text;
	}

	#noteReading(record: ItemRecord): void {
		if (!record.holdsDoc) return;
		this.#noteSetAside(record);
		this.#kept.delete(record);
		this.#kept.add(record);
		for (const oldest of this.#kept) {
			if (this.#kept.size <= maxKeptDocs) break;
			oldest.dropDoc();
			this.#kept.delete(oldest);
		}
	}

	#looked(): ItemList {
		if (this.#unlisted.size === 0) return this.#list;
		const gone: ItemSummary[] = [];
		const come: ItemSummary[] = [];
		for (const item of this.#unlisted) {
			if (item.summary !== null) gone.push(item.summary);
			item.summary = this.#summaryOf(item.record);
			if (item.summary !== null) come.push(item.summary);
		}
		this.#unlisted.clear();
		this.#list.change(gone, come);
		return this.#list;
	}

	#summaryOf(record: ItemRecord): ItemSummary | null {
		const listed = this.#listedOf(record);
		return listed && new Summary(record.id, listed, record.waiting);
	}

	#listedOf(record: ItemRecord): ItemListed | null {
		const listed = record.listed();
		this.#noteReading(record);
		return listed;
	}
}

export interface SeedInput {
	readonly title?: string;
	readonly body?: string;
	readonly path?: string | null;
	readonly createdAtMs: number;
}

/** The beginning of an item; `note_too_large` beyond `maxNoteBytes` of text. */
export function makeSeed(input: SeedInput): Result<Seed, 'note_too_large'> {
	// Half a surrogate pair has no UTF-8 form: it would change on the way through a page.
	const title = (input.title ?? '').toWellFormed();
	const body = (input.body ?? '').toWellFormed();
	const path = input.path?.toWellFormed() ?? null;
	if (!fitsUtf8([title, body, path ?? ''], maxNoteBytes)) return err('note_too_large');
	return ok({ createdAtMs: input.createdAtMs, title, body, path });
}
