// Search as you type over titles, texts and folders. An index is built in small steps, after
// whatever brought the changes is done; until an item is in it, the item is scanned, so that an
// answer is complete at any time.
import MiniSearch, { type SearchResult } from 'minisearch';
import type { ItemId } from '../protocol/ids.ts';
import type { Items, ItemText } from './items.ts';
import {
	excerptAround,
	foldText,
	matchRanges,
	searchTerms,
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
}

interface Indexed {
	readonly id: ItemId;
	readonly title: string;
	readonly body: string;
	readonly path: string;
}

interface Match {
	readonly id: ItemId;
	/** Folded words of the item that answer the query, or the query's own. */
	readonly words: readonly string[];
	readonly score: number;
}

/** Indexing a thousand notes takes longer than to import or pull them: it waits for a pause. */
const quietMs = 250;
/** Even without one it goes on after this long. */
const longestWaitMs = 5_000;
/** A step of building blocks the page no longer than this (one very large note aside). */
const stepMs = 8;
/** Shorter words are too like each other. */
const shortestFuzzyCharacters = 4;
const titleBoost = 4;
const pathBoost = 1.5;

const sameWords = (a: Indexed, b: Indexed): boolean =>
	a.title === b.title && a.path === b.path && a.body === b.body;

const nextTask = (): Promise<void> =>
	new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		// Unlike a timer, a message is not slowed down when the tab is in the background.
		port1.onmessage = () => {
			port1.close();
			resolve();
		};
		port2.postMessage(null);
	});

export class Search {
	readonly #items: Items;
	readonly #pause: () => Promise<void>;
	readonly #index = new MiniSearch<Indexed>({
		fields: ['title', 'body', 'path'],
		idField: 'id',
		// Each word once: how often it stands in a note says little, and costs most of the time.
		tokenize: (text) => [...new Set(searchTerms(text))],
		processTerm: (term) => term
	});
	/** What the index holds of each item: to be taken out word by word, without a vacuum. */
	readonly #indexed = new Map<ItemId, Indexed>();
	/** Changed since they were indexed, or never were. */
	readonly #stale: Set<ItemId>;
	#building: Promise<void> | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** When building must begin at the latest, once something is stale. */
	#dueMs: number | null = null;
	#closed = false;

	constructor(items: Items, options: SearchOptions = {}) {
		this.#items = items;
		this.#pause = options.pause ?? nextTask;
		this.#stale = new Set(items.ids);
	}

	/** What Items reports. The index follows by itself. */
	changed(ids: readonly ItemId[]): void {
		if (this.#closed) return;
		for (const id of ids) this.#stale.add(id);
		if (this.#building !== null) return;
		const nowMs = performance.now();
		this.#dueMs ??= nowMs + longestWaitMs;
		clearTimeout(this.#timer);
		const waitMs = Math.max(0, Math.min(quietMs, this.#dueMs - nowMs));
		this.#timer = setTimeout(() => void this.build(), waitMs);
	}

	/** Resolves when the index has caught up. */
	build(): Promise<void> {
		clearTimeout(this.#timer);
		this.#dueMs = null;
		this.#building ??= this.#buildStale();
		return this.#building;
	}

	/** Best first. Complete at any time. */
	query(text: string, limit = 50): readonly SearchHit[] {
		const terms = [...new Set(searchTerms(text))];
		if (terms.length === 0 || limit < 1) return [];
		let found = [...this.#scanStale(terms), ...this.#queryIndex(text, false)];
		// What is only like the query helps when nothing is what was typed.
		if (found.length === 0) found = [...this.#queryIndex(text, true)];
		found.sort((a, b) => b.score - a.score);
		const hits: SearchHit[] = [];
		for (const match of found) {
			const hit = this.#hitOf(match, terms);
			if (hit) hits.push(hit);
			if (hits.length === limit) break;
		}
		return hits;
	}

	/** Frees the index. */
	close(): void {
		this.#closed = true;
		clearTimeout(this.#timer);
		this.#stale.clear();
		this.#indexed.clear();
		this.#index.removeAll();
	}

	async #buildStale(): Promise<void> {
		try {
			await this.#pause();
			let stepEndsMs = performance.now() + stepMs;
			for (const id of this.#stale) {
				if (this.#closed) return;
				this.#stale.delete(id);
				this.#reindex(id);
				if (performance.now() < stepEndsMs) continue;
				await this.#pause();
				stepEndsMs = performance.now() + stepMs;
			}
		} finally {
			// In the same turn as the last look: whoever changes something later starts anew.
			this.#building = null;
		}
	}

	#reindex(id: ItemId): void {
		const before = this.#indexed.get(id);
		const text = this.#searchable(id);
		const after = text && { id, title: text.title, body: text.body, path: text.path ?? '' };
		// An item changes also by coming to stand on the log: its words are the same.
		if (before && after && sameWords(before, after)) return;
		if (before) this.#index.remove(before);
		if (after) this.#index.add(after);
		if (after) this.#indexed.set(id, after);
		else this.#indexed.delete(id);
	}

	#searchable(id: ItemId): ItemText | null {
		const text = this.#items.read(id);
		return text?.trashedAtMs === null ? text : null;
	}

	#queryIndex(text: string, fuzzy: boolean): readonly Match[] {
		const results: readonly SearchResult[] = this.#index.search(text, {
			prefix: true,
			fuzzy: (term) => (fuzzy && term.length >= shortestFuzzyCharacters ? 0.2 : false),
			maxFuzzy: 2,
			combineWith: 'AND',
			boost: { title: titleBoost, path: pathBoost }
		});
		return results
			.map(({ id, score, terms }) => ({ id: id as ItemId, score, words: terms }))
			.filter(({ id }) => !this.#stale.has(id));
	}

	#scanStale(terms: readonly string[]): readonly Match[] {
		const matches: Match[] = [];
		for (const id of this.#stale) {
			const text = this.#searchable(id);
			if (!text) continue;
			const title = foldText(text.title);
			const place = text.path === null ? '' : foldText(text.path);
			const missing = terms.filter((term) => !title.includes(term) && !place.includes(term));
			const body = missing.length > 0 ? foldText(text.body) : '';
			if (!missing.every((term) => body.includes(term))) continue;
			matches.push({ id, words: terms, score: terms.length - missing.length });
		}
		return matches;
	}

	#hitOf({ id, words }: Match, terms: readonly string[]): SearchHit | null {
		const text = this.#items.read(id);
		if (!text) return null;
		const { snippet, ranges } = excerptAround(text.body, words, terms);
		const { title } = text;
		return { id, title, titleRanges: matchRanges(title, words, terms), snippet, ranges };
	}
}
