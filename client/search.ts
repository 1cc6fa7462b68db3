// Search as you type over titles, texts and folders. An index is built in small steps, once somebody
// searches or is about to, after whatever brought the changes is done; until an item is in it, the
// item is scanned, so that an answer is complete at any time.
import type { ItemId } from '../protocol/ids.ts';
import type { Items, ItemText } from './items.ts';
import { fingerprintOf, SearchIndex } from './search-index.ts';
import { decodeIndex, encodeIndex, type KeptIndex } from './search-kept.ts';
import {
	excerptAround,
	foldText,
	matchRanges,
	searchTerms,
	type Excerpt,
	type Sought,
	type TextRange
} from './search-text.ts';

export type { TextRange } from './search-text.ts';

export interface SearchHit {
	readonly id: ItemId;
	readonly title: string;
	readonly titleRanges: readonly TextRange[];
	/** The part of the text around the first match; its beginning if only the title matches. */
	readonly snippet: string;
	readonly ranges: readonly TextRange[];
}

export interface SearchOptions {
	/** Resolves when the page has had its turn. */
	readonly pause?: () => Promise<void>;
	/** Where the index is kept between two starts; absent: it is made anew at each. */
	readonly kept?: KeptIndex;
}

interface Match {
	readonly id: ItemId;
	readonly sought: Sought;
	readonly score: number;
}

/** What is shown of it is made when a list shows it: most of two hundred are never looked at. */
class Hit implements SearchHit {
	readonly id: ItemId;
	readonly title: string;
	readonly #body: string;
	readonly #sought: Sought;
	#excerpt: Excerpt | null = null;
	#titleRanges: readonly TextRange[] | null = null;

	constructor({ id, sought }: Match, { title, body }: ItemText) {
		this.id = id;
		this.title = title;
		this.#body = body;
		this.#sought = sought;
	}

	get titleRanges(): readonly TextRange[] {
		return (this.#titleRanges ??= matchRanges(this.title, this.#sought));
	}

	get snippet(): string {
		return this.#shown.snippet;
	}

	get ranges(): readonly TextRange[] {
		return this.#shown.ranges;
	}

	get #shown(): Excerpt {
		return (this.#excerpt ??= excerptAround(this.#body, this.#sought));
	}
}

/** Indexing a thousand notes takes longer than to import or pull them: it waits for a pause. */
const quietMs = 250;
/** Even without one it goes on after this long: an import takes as long on a slow device. */
const longestWaitMs = 15_000;
/** A step of building blocks the page no longer than this (one very large note aside). */
const stepMs = 8;
/** A scan knows no rarities: what stands in a title counts as in the index. */
const titleScore = 4;
/** Fewer notes are indexed sooner than an index is read. */
const keptFromNotes = 500;
/** An index is kept anew once it differs in this part of its notes, or has words of one that went. */
const changedShare = 0.02;
const keepAfterMs = 5_000;
/** Slots of notes that changed, beside those in use. */
const sparedSlots = 1_000;

/** Resolves once whatever else waits had its turn. */
export const nextTask = (): Promise<void> =>
	new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		// Unlike a timer, a message is not slowed down when the tab is in the background.
		port1.onmessage = () => {
			port1.close();
			resolve();
		};
		port2.postMessage(null);
	});

/** Work that gives way whenever it has gone on for a step. */
class Steps {
	readonly #pause: () => Promise<void>;
	#endsMs = performance.now() + stepMs;

	constructor(pause: () => Promise<void>) {
		this.#pause = pause;
	}

	get isOver(): boolean {
		return performance.now() >= this.#endsMs;
	}

	async next(): Promise<void> {
		await this.#pause();
		this.#endsMs = performance.now() + stepMs;
	}

	/** Runs a generator to its end. */
	async run<Value>(work: Generator<void, Value>): Promise<Value> {
		for (;;) {
			const { done, value } = work.next();
			if (done === true) return value;
			if (this.isOver) await this.next();
		}
	}
}

export class Search {
	readonly #items: Items;
	readonly #pause: () => Promise<void>;
	readonly #kept: KeptIndex | null;
	#index = new SearchIndex();
	readonly #slots = new Map<ItemId, number>();
	/** Changed since they were indexed, or never were. */
	readonly #stale = new Set<ItemId>();
	/** Somebody searches here: a program that never does pays for no index. */
	#isWanted = false;
	#building: Promise<void> | null = null;
	#keeping: Promise<void> | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#keepTimer: ReturnType<typeof setTimeout> | undefined;
	/** When building must begin at the latest, once something is stale. */
	#dueMs: number | null = null;
	#hasLooked = false;
	/** Notes that the index which is kept has otherwise; those that went count as all. */
	#unkept = 0;
	#closed = false;

	constructor(items: Items, options: SearchOptions = {}) {
		this.#items = items;
		this.#pause = options.pause ?? nextTask;
		this.#kept = options.kept ?? null;
	}

	/** What Items reports. The index follows by itself. */
	changed(ids: readonly ItemId[]): void {
		if (this.#closed || !this.#isWanted) return;
		for (const id of ids) this.#stale.add(id);
		if (this.#building !== null) return;
		const nowMs = performance.now();
		this.#dueMs ??= nowMs + longestWaitMs;
		clearTimeout(this.#timer);
		const waitMs = Math.max(0, Math.min(quietMs, this.#dueMs - nowMs));
		this.#timer = setTimeout(() => void this.build(), waitMs);
	}

	/** Somebody is about to search: the index is made as soon as there is a pause. */
	prepare(): void {
		if (this.#isWanted) return;
		this.#want();
		this.changed([]);
	}

	#want(): void {
		if (this.#isWanted) return;
		this.#isWanted = true;
		for (const id of this.#items.ids) this.#stale.add(id);
	}

	/** Resolves when the index has caught up. */
	build(): Promise<void> {
		this.#want();
		clearTimeout(this.#timer);
		this.#dueMs = null;
		this.#building ??= this.#catchUp();
		return this.#building;
	}

	/** Best first. Complete at any time. */
	query(text: string, limit = 50): readonly SearchHit[] {
		this.prepare();
		const terms = [...new Set(searchTerms(text))];
		if (terms.length === 0 || limit < 1) return [];
		let found = [...this.#scanStale(terms), ...this.#queryIndex(terms, limit)];
		// What is only like the query helps when nothing is what was typed.
		if (found.length === 0) found = [...this.#queryLike(terms, limit)];
		found.sort((a, b) => b.score - a.score);
		const hits: SearchHit[] = [];
		for (const match of found) {
			const item = this.#items.read(match.id);
			if (item) hits.push(new Hit(match, item));
			if (hits.length === limit) break;
		}
		return hits;
	}

	/** Keeps the index, if it is worth it. What is added meanwhile is not in it yet. */
	async keep(): Promise<void> {
		clearTimeout(this.#keepTimer);
		await this.#building;
		if (this.#kept === null || this.#closed || this.#unkept === 0) return;
		this.#keeping ??= this.#keepIn(this.#kept).finally(() => {
			this.#keeping = null;
		});
		await this.#keeping;
	}

	/** Frees the index. */
	close(): void {
		this.#closed = true;
		clearTimeout(this.#timer);
		clearTimeout(this.#keepTimer);
		this.#stale.clear();
		this.#slots.clear();
		this.#index = new SearchIndex();
	}

	async #catchUp(): Promise<void> {
		try {
			const steps = new Steps(this.#pause);
			await steps.next();
			if (this.#kept !== null && !this.#hasLooked) await this.#takeKept(this.#kept, steps);
			do {
				await this.#indexStale(steps);
				if (this.#index.slots > 2 * this.#index.size + sparedSlots) await this.#compact(steps);
			} while (this.#stale.size > 0 && !this.#closed);
		} finally {
			// In the same turn as the last look: whoever changes something later starts anew.
			this.#building = null;
			this.#keepLater();
		}
	}

	async #indexStale(steps: Steps): Promise<void> {
		for (const id of this.#stale) {
			if (this.#closed) return;
			this.#stale.delete(id);
			this.#reindex(id);
			if (steps.isOver) await steps.next();
		}
	}

	#reindex(id: ItemId): void {
		const slot = this.#slots.get(id);
		const text = this.#searchable(id);
		const fingerprint = text && fingerprintOf(text);
		if (slot !== undefined) {
			// An item changes also by coming to stand on the log: its words are the same.
			if (this.#index.fingerprintAt(slot) === fingerprint) return;
			this.#index.remove(slot);
			this.#slots.delete(id);
		}
		if (text && fingerprint !== null) {
			this.#slots.set(id, this.#index.add(id, text, fingerprint));
			this.#unkept += 1;
		} else if (slot !== undefined) this.#unkept = Infinity;
	}

	/** Notes whose texts are still those that the kept index was made of need no more. */
	async #takeKept(kept: KeptIndex, steps: Steps): Promise<void> {
		this.#hasLooked = true;
		// What a damaged store throws is no reason to do without a search.
		const pieces = await kept.load().catch(() => null);
		const index = pieces && (await steps.run(decodeIndex(pieces)));
		if (!index || this.#closed || this.#index.slots > 0) return;
		this.#index = index;
		await this.#confirm(index, steps);
	}

	async #confirm(index: SearchIndex, steps: Steps): Promise<void> {
		for (let slot = 0; slot < index.slots; slot++) {
			if (this.#closed) return;
			const id = index.itemAt(slot);
			const text = id && this.#searchable(id);
			if (id && text && fingerprintOf(text) === index.fingerprintAt(slot)) {
				this.#slots.set(id, slot);
				this.#stale.delete(id);
			} else {
				index.remove(slot);
				this.#unkept += 1;
			}
			if (steps.isOver) await steps.next();
		}
	}

	async #compact(steps: Steps): Promise<void> {
		const pieces = await steps.run(encodeIndex(this.#index));
		const index = pieces && (await steps.run(decodeIndex(pieces)));
		if (!index || this.#closed) return;
		this.#index = index;
		this.#slots.clear();
		for (let slot = 0; slot < index.slots; slot++) {
			const id = index.itemAt(slot);
			if (id) this.#slots.set(id, slot);
		}
	}

	#keepLater(): void {
		const enough = Math.max(1, this.#index.size * changedShare);
		if (this.#kept === null || this.#closed || this.#unkept < enough) return;
		clearTimeout(this.#keepTimer);
		this.#keepTimer = setTimeout(() => void this.keep(), keepAfterMs);
	}

	async #keepIn(kept: KeptIndex): Promise<void> {
		this.#unkept = 0;
		const isWorthIt = this.#index.size >= keptFromNotes;
		const steps = new Steps(this.#pause);
		const pieces = isWorthIt ? await steps.run(encodeIndex(this.#index)) : null;
		// What is not kept is made anew.
		if (!this.#closed) await kept.save(pieces).catch(() => undefined);
	}

	#searchable(id: ItemId): ItemText | null {
		const text = this.#items.read(id);
		return text?.trashedAtMs === null ? text : null;
	}

	#queryIndex(terms: readonly string[], limit: number): readonly Match[] {
		const sought = new Map(terms.map((term) => [term, true]));
		return this.#matchesOf(this.#index.find(terms, this.#atMost(limit)), sought, limit);
	}

	#queryLike(terms: readonly string[], limit: number): readonly Match[] {
		const { found, words } = this.#index.findLike(terms, this.#atMost(limit));
		const sought = new Map([...terms, ...words].map((word) => [word, true]));
		return this.#matchesOf(found, sought, limit);
	}

	/** The index may still have what is stale: that is left out of what it answers. */
	#atMost(limit: number): number {
		return limit + this.#stale.size;
	}

	#matchesOf(
		found: ReturnType<SearchIndex['find']>,
		sought: Sought,
		limit: number
	): readonly Match[] {
		const matches: Match[] = [];
		for (const { slot, score } of found) {
			const id = this.#index.itemAt(slot);
			if (id !== null && !this.#stale.has(id)) matches.push({ id, sought, score });
			if (matches.length === limit) break;
		}
		return matches;
	}

	#scanStale(terms: readonly string[]): readonly Match[] {
		const matches: Match[] = [];
		const sought = new Map(terms.map((term) => [term, false]));
		const rarities = new Map(terms.map((term) => [term, this.#index.rarityOf(term)]));
		for (const id of this.#stale) {
			const text = this.#searchable(id);
			if (!text) continue;
			const title = foldText(text.title);
			const place = text.path === null ? '' : foldText(text.path);
			const missing = terms.filter((term) => !title.includes(term) && !place.includes(term));
			const body = missing.length > 0 ? foldText(text.body) : '';
			if (!missing.every((term) => body.includes(term))) continue;
			const score = terms.reduce((sum, term) => {
				const rarity = rarities.get(term) ?? 0;
				return sum + rarity * (title.includes(term) ? titleScore : 1);
			}, 0);
			matches.push({ id, sought, score });
		}
		return matches;
	}
}
