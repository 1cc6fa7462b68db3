// Rule 13 for one item: what this device holds of it, compared with what live pages alone say.
// Documents decide, not bytes: a compaction may write the same state in other words.
import * as Y from 'yjs';
import { sha256 } from '../crypto/hash.ts';
import { equalBytes } from '../protocol/bytes.ts';
import { idBytes, idFromBytes, type ItemId, type Seq } from '../protocol/ids.ts';
import { copyIdInput } from '../protocol/labels.ts';
import { encodeChange, type Change, type Seed } from '../protocol/page.ts';
import { bodyOf, makeDoc, titleOf, trashedAtOf, applyUpdate } from './item-doc.ts';
import { fitsPage } from './outbox-pack.ts';

/** Seq of the commit that superseded the page of a change; null if the page is live. */
export type SupersededAt = (place: { readonly seq: Seq; readonly index: number }) => Seq | null;

interface Placed {
	readonly place: { readonly seq: Seq; readonly index: number };
}
type HeldSeed = Placed & { readonly seed: Seed };
type HeldUpdate = Placed & { readonly update: Uint8Array; readonly timeMs: number };

/** Everything placed that a device holds of an item, in the order of the log. */
export interface Holdings {
	readonly isGone: boolean;
	readonly tombstones: readonly Placed['place'][];
	readonly seeds: readonly HeldSeed[];
	readonly updates: readonly HeldUpdate[];
}

/** `changes` bring the item back; `copy`: only under an id of its own, as the old one is taken. */
export type Missing =
	| { readonly kind: 'part'; readonly changes: readonly Change[] }
	| { readonly kind: 'copy'; readonly item: ItemId; readonly changes: readonly Change[] };

export function missingOf(item: ItemId, held: Holdings, at: SupersededAt): Missing | null {
	const isLive = ({ place }: Placed): boolean => at(place) === null;
	if (held.isGone) {
		// None is held any more: what ended it was purged, and nobody owes that.
		const isPurged = held.tombstones.length === 0;
		const stands = isPurged || held.tombstones.some((place) => at(place) === null);
		return stands ? null : { kind: 'part', changes: [{ type: 'tombstone', item }] };
	}
	const seed = held.seeds[0]?.seed;
	const live = held.updates.filter(isLive);
	if (seed === undefined) return withoutSeed(item, held.updates, live);
	const liveSeed = held.seeds.find(isLive)?.seed;
	const nothingWent = live.length === held.updates.length;
	if (nothingWent && liveSeed !== undefined && sameSeed(seed, liveSeed)) return null;
	return compare(item, held, { seed, liveSeed, live, at });
}

/** Updates that no seed came to yet: there is no document to compare. */
function withoutSeed(
	item: ItemId,
	updates: readonly HeldUpdate[],
	live: readonly HeldUpdate[]
): Missing | null {
	const absent = updates.filter(
		({ update }) => !live.some((other) => equalBytes(other.update, update))
	);
	return absent.length === 0 ? null : { kind: 'part', changes: updateChanges(item, absent) };
}

interface Sides {
	readonly seed: Seed;
	readonly liveSeed: Seed | undefined;
	readonly live: readonly HeldUpdate[];
	readonly at: SupersededAt;
}

function compare(item: ItemId, held: Holdings, sides: Sides): Missing | null {
	const { seed, liveSeed, live } = sides;
	const { doc: here } = makeDoc(item, seed, held.updates.map(updateOf));
	const { doc: there } = makeDoc(item, liveSeed ?? seed, live.map(updateOf));
	const seeds: Change[] = liveSeed === undefined ? [seedChange(item, seed)] : [];
	const sameFacts = liveSeed === undefined || sameBeginning(seed, liveSeed);
	const gone = held.updates.filter(({ place }) => sides.at(place) !== null);
	// What is live and waits for what is gone comes with it: nothing else may say how new that is.
	const newestMs = newestOf(waitsForMore(there) ? held.updates : gone);
	try {
		if (sameFacts && sameState(here, there)) {
			return seeds.length === 0 ? null : { kind: 'part', changes: seeds };
		}
		const difference = Y.encodeStateAsUpdate(here, Y.encodeStateVector(there));
		const mends = sameFacts && applyUpdate(there, difference) && sameState(here, there);
		if (!mends) return copyOf(item, held, sides);
		return { kind: 'part', changes: [...seeds, ...inOne(item, difference, gone, newestMs)] };
	} finally {
		here.destroy();
		there.destroy();
	}
}

/**
 * Live pages say something else under the same names: Yjs takes the first content of a name, so
 * that nothing can put it right there. What was held before comes back as an item of its own, under
 * an id that every device derives alike.
 */
function copyOf(item: ItemId, held: Holdings, { seed, at }: Sides): Missing {
	const places = [...held.seeds, ...held.updates].map(({ place }) => at(place));
	const since = Math.min(...places.filter((seq) => seq !== null));
	const before = held.updates.filter(({ place }) => place.seq < since || at(place) !== null);
	const copy = copyId(item, since);
	const { doc } = makeDoc(copy, seed, before.map(updateOf));
	const { doc: begun } = makeDoc(copy, seed, []);
	const difference = Y.encodeStateAsUpdate(doc, Y.encodeStateVector(begun));
	const changes = before.length === 0 ? [] : inOne(copy, difference, before, newestOf(before));
	doc.destroy();
	begun.destroy();
	return { kind: 'copy', item: copy, changes: [seedChange(copy, seed), ...changes] };
}

/** First 16 bytes of a hash of the item and the place of what superseded it. */
const copyId = (item: ItemId, since: Seq): ItemId =>
	idFromBytes(sha256(copyIdInput(item, since)).subarray(0, idBytes));

/** What of a copy's changes is not in the copy yet, as far as live pages tell. */
export function missingOfCopy(
	changes: readonly Change[],
	held: Holdings,
	at: SupersededAt
): readonly Change[] {
	const seed = held.seeds.find(({ place }) => at(place) === null)?.seed;
	if (held.isGone) return [];
	if (seed === undefined) return changes;
	const live = held.updates.filter(({ place }) => at(place) === null);
	return changes.filter((change) => {
		if (change.type !== 'update') return false;
		const before = makeDoc(change.item, seed, live.map(updateOf)).doc;
		const after = makeDoc(change.item, seed, [...live.map(updateOf), change.update]).doc;
		const isThere = sameState(before, after);
		before.destroy();
		after.destroy();
		return !isThere;
	});
}

/** One update if it fits a page; else those that it is made of, each of which came in one. */
function inOne(
	item: ItemId,
	update: Uint8Array,
	parts: readonly HeldUpdate[],
	writtenMs: number
): readonly Change[] {
	const change: Change = { type: 'update', item, update, writtenMs };
	return fitsPage(encodeChange(change)) ? [change] : updateChanges(item, parts);
}

/** Out of what is kept, a seed as it is written. */
const seedChange = (item: ItemId, { createdAtMs, title, body, path }: Seed): Change => ({
	type: 'seed',
	item,
	seed: { createdAtMs, title, body, path }
});

const newestOf = (updates: readonly HeldUpdate[]): number =>
	updates.reduce((newest, { timeMs }) => Math.max(newest, timeMs), 0);

const updateChanges = (item: ItemId, updates: readonly HeldUpdate[]): readonly Change[] =>
	updates.map(({ update, timeMs }) => ({ type: 'update', item, update, writtenMs: timeMs }));

const updateOf = ({ update }: HeldUpdate): Uint8Array => update;

const sameBeginning = (a: Seed, b: Seed): boolean =>
	a.path === b.path && a.createdAtMs === b.createdAtMs;

export const sameSeed = (a: Seed, b: Seed): boolean =>
	a === b || (a.title === b.title && sameBeginning(a, b) && a.body === b.body);

/** The same characters under the same names, the same deletions, and the same text. */
const sameState = (a: Y.Doc, b: Y.Doc): boolean =>
	Y.equalSnapshots(Y.snapshot(a), Y.snapshot(b)) &&
	waitsForMore(a) === waitsForMore(b) &&
	titleOf(a).toJSON() === titleOf(b).toJSON() &&
	bodyOf(a).toJSON() === bodyOf(b).toJSON() &&
	trashedAtOf(a) === trashedAtOf(b);

/** Holds updates whose predecessors never came. */
const waitsForMore = ({ store }: Y.Doc): boolean =>
	store.pendingStructs !== null || store.pendingDs !== null;
