// The lists of a space's items, newest first, and what they show of each. A change costs the places of
// the items that changed, found by halving, and a copy of the array: whoever holds the one before keeps it.
import type { ItemId } from '../protocol/ids.ts';
import type { ItemListed } from './item-record.ts';
import { snippetOf } from './item-text.ts';

export interface ItemSummary {
	readonly id: ItemId;
	readonly title: string;
	/** First line of text that is not the title, without Markdown's signs; at most 160 characters. */
	readonly snippet: string;
	readonly path: string | null;
	readonly createdAtMs: number;
	readonly updatedAtMs: number;
	readonly trashedAtMs: number | null;
	/** Has changes that are not on the log yet. */
	readonly waiting: boolean;
}

/** Its snippet is made when a list shows it: most of ten thousand are never looked at. */
export class Summary implements ItemSummary {
	readonly id: ItemId;
	readonly title: string;
	readonly path: string | null;
	readonly createdAtMs: number;
	readonly updatedAtMs: number;
	readonly trashedAtMs: number | null;
	readonly waiting: boolean;
	#text: { readonly body: string } | null;
	#snippet = '';

	constructor(id: ItemId, listed: ItemListed, waiting: boolean) {
		this.id = id;
		this.title = listed.title;
		this.path = listed.path;
		this.createdAtMs = listed.createdAtMs;
		this.updatedAtMs = listed.updatedAtMs;
		this.trashedAtMs = listed.trashedAtMs;
		this.waiting = waiting;
		this.#text = listed.text;
	}

	get snippet(): string {
		if (this.#text !== null) this.#snippet = snippetOf(this.title, this.#text.body);
		this.#text = null;
		return this.#snippet;
	}
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const newestFirst = (a: ItemSummary, b: ItemSummary): number =>
	b.updatedAtMs - a.updatedAtMs ||
	b.createdAtMs - a.createdAtMs ||
	compareText(a.title, b.title) ||
	compareText(a.id, b.id);

/** As many changes are put in one by one; more of them are merged. */
const fewChanges = 16;

export class ItemList {
	#list: readonly ItemSummary[] = [];
	#trashed: readonly ItemSummary[] = [];

	/** The same array until something in it changes. */
	get list(): readonly ItemSummary[] {
		return this.#list;
	}

	get trashed(): readonly ItemSummary[] {
		return this.#trashed;
	}

	/** @param gone summaries that are in the lists. */
	change(gone: readonly ItemSummary[], come: readonly ItemSummary[]): void {
		this.#list = changed(this.#list, gone.filter(isListed), come.filter(isListed));
		this.#trashed = changed(this.#trashed, gone.filter(isTrashed), come.filter(isTrashed));
	}
}

const isTrashed = ({ trashedAtMs }: ItemSummary): boolean => trashedAtMs !== null;
const isListed = (summary: ItemSummary): boolean => !isTrashed(summary);

function changed(
	list: readonly ItemSummary[],
	gone: readonly ItemSummary[],
	come: readonly ItemSummary[]
): readonly ItemSummary[] {
	const changes = gone.length + come.length;
	if (changes === 0) return list;
	return changes <= fewChanges ? placed(list, gone, come) : merged(list, gone, come);
}

function placed(
	list: readonly ItemSummary[],
	gone: readonly ItemSummary[],
	come: readonly ItemSummary[]
): readonly ItemSummary[] {
	const next = list.slice();
	for (const summary of gone) next.splice(placeOf(summary, next), 1);
	for (const summary of come) next.splice(placeOf(summary, next), 0, summary);
	return next;
}

/** How many come before it. */
function placeOf(summary: ItemSummary, list: readonly ItemSummary[]): number {
	let [low, high] = [0, list.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		const other = list[middle];
		if (other !== undefined && newestFirst(other, summary) < 0) low = middle + 1;
		else high = middle;
	}
	return low;
}

function merged(
	list: readonly ItemSummary[],
	gone: readonly ItemSummary[],
	come: readonly ItemSummary[]
): readonly ItemSummary[] {
	const absent = new Set(gone);
	const sorted = come.toSorted(newestFirst);
	const next: ItemSummary[] = [];
	let taken = 0;
	for (const summary of list) {
		if (absent.has(summary)) continue;
		for (let first = sorted[taken]; first !== undefined; first = sorted[++taken]) {
			if (newestFirst(first, summary) > 0) break;
			next.push(first);
		}
		next.push(summary);
	}
	for (; taken < sorted.length; taken++) {
		const last = sorted[taken];
		if (last !== undefined) next.push(last);
	}
	return next;
}
