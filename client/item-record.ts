// One item: what is known of it, in whatever order it came. Its state is a function of the set of
// its changes: the seed placed first on the log wins, updates are applied in the order of the log
// and then of the outbox, and a tombstone ends it for good.
import type * as Y from 'yjs';
import { equalBytes } from '../protocol/bytes.ts';
import type { PageId } from '../protocol/commit.ts';
import type { ItemId, Seq } from '../protocol/ids.ts';
import type { Seed } from '../protocol/page.ts';
import { sameSeed, type Holdings } from './item-coverage.ts';
import { applyUpdate, bodyOf, makeDoc, titleOf, trashedAtOf, type ItemDoc } from './item-doc.ts';

/** Where a change stands on the log. */
export interface Place {
	readonly seq: Seq;
	/** Index of the page in its commit. */
	readonly index: number;
	/** Index of the change in its page. */
	readonly change: number;
}

/** Where a change waits: row of the outbox, and index in it. */
export interface WaitingPlace {
	readonly outboxId: number;
	readonly change: number;
}

export interface ItemText {
	readonly title: string;
	readonly body: string;
	readonly path: string | null;
	readonly createdAtMs: number;
	readonly updatedAtMs: number;
	readonly trashedAtMs: number | null;
}

/** The text is not there before it is read. */
export interface ItemListed extends Omit<ItemText, 'body'> {
	readonly text: { readonly body: string };
}

interface Update<Where> {
	readonly place: Where;
	readonly timeMs: number;
	readonly update: Uint8Array;
}
interface PlacedSeed<Where> {
	readonly place: Where;
	readonly seed: Seed;
}

/** What most items have none of takes no memory. */
const none: readonly never[] = Object.freeze([]);

function added<Value>(list: readonly Value[], value: Value): Value[] {
	if (list.length === 0) return [value];
	(list as Value[]).push(value);
	return list as Value[];
}

function kept<Value>(list: readonly Value[], stays: (value: Value) => boolean): readonly Value[] {
	if (list.every(stays)) return list;
	const left = list.filter(stays);
	return left.length === 0 ? none : left;
}

const byPlace = (a: { readonly place: Place }, b: { readonly place: Place }): number =>
	a.place.seq - b.place.seq || a.place.index - b.place.index || a.place.change - b.place.change;

const byRow = (a: { readonly place: WaitingPlace }, b: { readonly place: WaitingPlace }): number =>
	a.place.outboxId - b.place.outboxId || a.place.change - b.place.change;

export class ItemRecord {
	readonly id: ItemId;
	#seed: PlacedSeed<Place> | null = null;
	#otherSeeds: readonly PlacedSeed<Place>[] = none;
	#waitingSeeds: readonly PlacedSeed<WaitingPlace>[] = none;
	#updates: readonly Update<Place>[] = none;
	#sorted = true;
	#waitingUpdates: readonly Update<WaitingPlace>[] = none;
	#gone = false;
	#tombstones: readonly Place[] = none;
	#waitingTombstones: readonly WaitingPlace[] = none;
	/** Of an item that was edited: others say what their seed says. */
	#text: ItemText | null = null;
	/** The document kept from the last reading; null once the collection wants its memory back. */
	#doc: Y.Doc | null = null;
	#refused = 0;

	constructor(id: ItemId) {
		this.id = id;
	}

	get seed(): Seed | null {
		return this.#seed?.seed ?? this.#waitingSeeds[0]?.seed ?? null;
	}

	/** Has begun, and was not deleted. */
	get exists(): boolean {
		return !this.#gone && this.#waitingTombstones.length === 0 && this.seed !== null;
	}

	get waiting(): boolean {
		return (
			this.#waitingSeeds.length > 0 ||
			this.#waitingUpdates.length > 0 ||
			this.#waitingTombstones.length > 0
		);
	}

	get wasEdited(): boolean {
		return this.#updates.length > 0 || this.#waitingUpdates.length > 0;
	}

	/** Changes that are left out: second seeds, and updates that do not decode. */
	get setAside(): number {
		if (this.#otherSeeds.length === 0) return this.#refused;
		const first = this.#seed?.seed;
		// The same seed again is what a compaction writes.
		const seconds = first
			? this.#otherSeeds.filter(({ seed }) => !sameSeed(seed, first)).length
			: 0;
		return seconds + this.#refused;
	}

	placeSeed(seed: Seed, place: Place): void {
		if (this.#gone) return;
		const placed = { seed, place };
		if (this.#seed === null) this.#changeSeed(placed);
		else if (byPlace(placed, this.#seed) < 0) {
			this.#otherSeeds = added(this.#otherSeeds, this.#seed);
			this.#changeSeed(placed);
		} else this.#otherSeeds = added(this.#otherSeeds, placed);
	}

	#changeSeed(placed: PlacedSeed<Place>): void {
		const before = this.seed;
		this.#seed = placed;
		if (this.#text === null && this.#doc === null) return;
		if (before === null || !sameSeed(before, placed.seed)) this.#forgetText();
	}

	placeUpdate(update: Uint8Array, place: Place, timeMs: number): void {
		if (this.#gone) return;
		const placed = { place, timeMs, update };
		const last = this.#updates.at(-1);
		if (last && byPlace(placed, last) < 0) this.#sorted = false;
		this.#updates = added(this.#updates, placed);
		this.#apply(update);
		// One that came late belongs before others: the document is built anew.
		if (!this.#sorted) this.#forgetText();
	}

	placeTombstone(place: Place): void {
		this.#gone = true;
		this.#tombstones = added(this.#tombstones, place);
		this.#seed = null;
		this.#otherSeeds = none;
		this.#updates = none;
		this.#forgetText();
	}

	addWaitingSeed(seed: Seed, place: WaitingPlace): void {
		this.#waitingSeeds = added(this.#waitingSeeds, { seed, place }).sort(byRow);
		if (this.#seed === null) this.#forgetText();
	}

	addWaitingUpdate(update: Uint8Array, place: WaitingPlace, timeMs: number): void {
		const waiting = { place, timeMs, update };
		this.#waitingUpdates = added(this.#waitingUpdates, waiting).sort(byRow);
		this.#apply(update);
	}

	addWaitingTombstone(place: WaitingPlace): void {
		this.#waitingTombstones = added(this.#waitingTombstones, place);
	}

	/** Whether it is gone for good, or will be once these rows stand on the log. */
	endsWith(outboxIds: ReadonlySet<number>): boolean {
		return this.#gone || this.#waitingTombstones.some(({ outboxId }) => outboxIds.has(outboxId));
	}

	/** What pages brought, in the order of the log. */
	get holdings(): Holdings {
		this.#sort();
		return {
			isGone: this.#gone,
			tombstones: this.#tombstones,
			seeds: this.#seeds,
			updates: this.#updates
		};
	}

	/** In the order of the log. */
	get #seeds(): PlacedSeed<Place>[] {
		const first = this.#seed === null ? [] : [this.#seed];
		return [...first, ...this.#otherSeeds].sort(byPlace);
	}

	/** Forgets what these pages brought: live pages say the same, or it has expired. */
	release(isReleased: (page: PageId) => boolean): void {
		const stays = ({ place }: { readonly place: Place }): boolean => !isReleased(place);
		const [first, ...others] = this.#seeds.filter(stays);
		this.#seed = first ?? null;
		this.#otherSeeds = others.length === 0 ? none : others;
		this.#updates = kept(this.#updates, stays);
		this.#tombstones = kept(this.#tombstones, (place) => stays({ place }));
		this.#forgetText();
	}

	/** The row stands on the log now, or was given up. */
	removeWaiting(outboxId: number): void {
		const stays = ({ place }: { readonly place: WaitingPlace }): boolean =>
			place.outboxId !== outboxId;
		const removed = this.#waitingUpdates.some((update) => !stays(update))
			? this.#waitingUpdates.filter((update) => !stays(update))
			: none;
		const seed = this.seed;
		this.#waitingSeeds = kept(this.#waitingSeeds, stays);
		this.#waitingUpdates = kept(this.#waitingUpdates, stays);
		this.#waitingTombstones = kept(this.#waitingTombstones, (place) => stays({ place }));
		const givenUp = removed.some(({ update }) => !this.#isPlaced(update));
		if (givenUp || this.seed !== seed) this.#forgetText();
		else this.#text = null;
	}

	#isPlaced(update: Uint8Array): boolean {
		return this.#updates.findLast((placed) => equalBytes(placed.update, update)) !== undefined;
	}

	text(): ItemText | null {
		const seed = this.seed;
		if (!this.exists || seed === null) return null;
		if (!this.wasEdited) return { ...said(seed), body: seed.body };
		this.#text ??= this.#editedText(seed);
		return this.#text;
	}

	/** What a list shows, with where its text comes from. */
	listed(): ItemListed | null {
		const seed = this.seed;
		if (!this.exists || seed === null) return null;
		if (!this.wasEdited) return { ...said(seed), text: seed };
		this.#text ??= this.#editedText(seed);
		return { ...this.#text, text: this.#text };
	}

	#editedText(seed: Seed): ItemText {
		this.#doc ??= this.buildDoc(seed);
		return {
			title: titleOf(this.#doc).toJSON(),
			body: bodyOf(this.#doc).toJSON(),
			path: seed.path,
			createdAtMs: seed.createdAtMs,
			updatedAtMs: this.#updatedAtMs(seed),
			trashedAtMs: trashedAtOf(this.#doc)
		};
	}

	#updatedAtMs(seed: Seed): number {
		let updatedAtMs = seed.createdAtMs;
		for (const { timeMs } of this.#updates) updatedAtMs = Math.max(updatedAtMs, timeMs);
		for (const { timeMs } of this.#waitingUpdates) updatedAtMs = Math.max(updatedAtMs, timeMs);
		return updatedAtMs;
	}

	/** A document of the item's whole state: the same bytes whatever order the changes came in. */
	buildDoc(seed: Seed): Y.Doc {
		this.#sort();
		const updates = [...this.#updates, ...this.#waitingUpdates].map(({ update }) => update);
		const { doc, refused }: ItemDoc = makeDoc(this.id, seed, updates);
		this.#refused = refused.size;
		return doc;
	}

	#sort(): void {
		if (!this.#sorted) this.#updates = this.#updates.toSorted(byPlace);
		this.#sorted = true;
	}

	get holdsDoc(): boolean {
		return this.#doc !== null;
	}

	dropDoc(): void {
		this.#doc?.destroy();
		this.#doc = null;
	}

	#apply(update: Uint8Array): void {
		this.#text = null;
		// A refused update may leave half of itself behind.
		if (this.#doc && !applyUpdate(this.#doc, update)) this.dropDoc();
	}

	#forgetText(): void {
		this.#text = null;
		this.dropDoc();
	}
}

const said = ({ title, path, createdAtMs }: Seed): Omit<ItemText, 'body'> => ({
	title,
	path,
	createdAtMs,
	updatedAtMs: createdAtMs,
	trashedAtMs: null
});
