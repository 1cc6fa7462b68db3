// The Yjs document of an item: built from its seed, which is plain text, and the updates since.
// Every device must build the same bytes from the same seed, or later updates would refer to
// characters that other devices do not have: the seed is written under a client id of its own, in
// one transaction, title first (docs/formats.md, Items).
import * as Y from 'yjs';
import type { ItemId } from '../protocol/ids.ts';
import type { Seed } from '../protocol/page.ts';

/** Client id of the seed's characters; nobody edits under it. */
const seedClient = 1;
const lowestClient = 0x1_0000;

/** Origin of transactions that bring what is saved already; everything else is a local edit. */
export const remoteOrigin = Symbol('remote');

export const titleOf = (doc: Y.Doc): Y.Text => doc.getText('title');
export const bodyOf = (doc: Y.Doc): Y.Text => doc.getText('body');
const metaOf = (doc: Y.Doc): Y.Map<unknown> => doc.getMap('meta');

/** When the item was put into the trash, by its author's clock; null if it is not there. */
export function trashedAtOf(doc: Y.Doc): number | null {
	const value = metaOf(doc).get('trashedAtMs');
	return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

export interface ItemDoc {
	readonly doc: Y.Doc;
	/** Indexes of updates that no Yjs document takes: content faults, left out alike by everyone. */
	readonly refused: ReadonlySet<number>;
}

/** Builds the document; updates are applied in the order given. */
export function makeDoc(item: ItemId, seed: Seed, updates: readonly Uint8Array[]): ItemDoc {
	return docOfAll(item, seed, updates) ?? docOfEach(item, seed, updates);
}

/** Null if they must be applied one by one. */
function docOfAll(item: ItemId, seed: Seed, updates: readonly Uint8Array[]): ItemDoc | null {
	const whole = updates.length < 2 ? null : inOne(updates);
	if (whole === null) return null;
	const doc = seededDoc(item, seed);
	if (applyUpdate(doc, whole)) {
		doc.clientID = freshClient();
		return { doc, refused: new Set() };
	}
	doc.destroy();
	return null;
}

/**
 * Updates of which no two say anything of the same characters make the same document together: a
 * hundred of which the first is missing would else be put together anew with each.
 */
function inOne(updates: readonly Uint8Array[]): Uint8Array | null {
	try {
		return areApart(updates) ? Y.mergeUpdates([...updates]) : null;
	} catch {
		// Yjs throws errors of many kinds on bytes that are no update.
		return null;
	}
}

function areApart(updates: readonly Uint8Array[]): boolean {
	const ranges = new Map<number, { readonly from: number; readonly to: number }[]>();
	for (const { from, to } of updates.map((update) => Y.parseUpdateMeta(update))) {
		for (const [client, first] of from) {
			const range = { from: first, to: to.get(client) ?? first };
			const others = ranges.get(client);
			if (others) others.push(range);
			else ranges.set(client, [range]);
		}
	}
	return [...ranges.values()].every((ofClient) =>
		ofClient
			.toSorted((a, b) => a.from - b.from)
			.every(({ from }, index, sorted) => from >= (sorted[index - 1]?.to ?? 0))
	);
}

function docOfEach(item: ItemId, seed: Seed, updates: readonly Uint8Array[]): ItemDoc {
	const refused = new Set<number>();
	for (;;) {
		const doc = seededDoc(item, seed);
		const broken = updates.findIndex(
			(update, index) => !refused.has(index) && !applyUpdate(doc, update)
		);
		if (broken < 0) {
			doc.clientID = freshClient();
			return { doc, refused };
		}
		// A failed update may leave half of itself behind: start anew without it.
		refused.add(broken);
		doc.destroy();
	}
}

function seededDoc(item: ItemId, seed: Seed): Y.Doc {
	// Without a guid Yjs makes a random one, which costs twenty times the rest.
	const doc = new Y.Doc({ guid: item });
	const ownClient = doc.clientID === seedClient ? lowestClient : doc.clientID;
	doc.clientID = seedClient;
	doc.transact(() => {
		titleOf(doc).insert(0, seed.title);
		bodyOf(doc).insert(0, seed.body);
		metaOf(doc);
	}, remoteOrigin);
	doc.clientID = ownClient;
	return doc;
}

/** Applies an update that is saved already; false if it is no update. */
export function applyUpdate(doc: Y.Doc, update: Uint8Array): boolean {
	try {
		// Reads it to its end before anything is changed.
		Y.decodeUpdate(update);
		Y.applyUpdate(doc, update, remoteOrigin);
		return true;
	} catch {
		// Yjs throws errors of many kinds on bytes that are no update.
		return false;
	}
}

function freshClient(): number {
	const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
	return random < lowestClient ? random + lowestClient : random;
}

/** The update that puts an item into the trash, or takes it out again. */
export function trashUpdate(doc: Y.Doc, trashedAtMs: number | null): Uint8Array {
	const before = Y.encodeStateVector(doc);
	metaOf(doc).set('trashedAtMs', trashedAtMs);
	return Y.encodeStateAsUpdate(doc, before);
}

/** Makes a text say something else, and touches no more of it than differs. */
export function rewriteText(text: Y.Text, said: string): void {
	const current = text.toJSON();
	let start = 0;
	const shorter = Math.min(current.length, said.length);
	while (start < shorter && current[start] === said[start]) start += 1;
	// Never between the halves of one character.
	if (start > 0 && isHigh(current.charCodeAt(start - 1))) start -= 1;
	let end = 0;
	while (end < shorter - start && current.at(-1 - end) === said.at(-1 - end)) end += 1;
	if (end > 0 && isLow(current.charCodeAt(current.length - end))) end -= 1;
	const removed = current.length - start - end;
	if (removed > 0) text.delete(start, removed);
	if (said.length - start - end > 0) text.insert(start, said.slice(start, said.length - end));
}

const isHigh = (code: number): boolean => code >= 0xd800 && code < 0xdc00;
const isLow = (code: number): boolean => code >= 0xdc00 && code < 0xe000;
