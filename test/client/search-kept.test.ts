import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { CryptoPort } from '../../client/crypto-port.ts';
import { Items } from '../../client/items.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import { SearchIndex } from '../../client/search-index.ts';
import { decodeIndex, encodeIndex, keptIndexOf } from '../../client/search-kept.ts';
import { searchTerms } from '../../client/search-text.ts';
import { Search } from '../../client/search.ts';
import type { Store } from '../../client/store.ts';
import { importXaesKey } from '../../crypto/client/aead.ts';
import { deriveAccountKeys, generateRoot } from '../../crypto/client/account-keys.ts';
import { createIdentity } from '../../crypto/identity.ts';
import { randomBytes } from '../../crypto/random.ts';
import { idFromBytes, type DeviceId, type ItemId, type SpaceId } from '../../protocol/ids.ts';
import { editOf, itemId, pageOf, seedChange, seedOf, updateChange } from './item-samples.ts';

const space = idFromBytes<SpaceId>(randomBytes(16));
const count = 600;
const seeds = Array.from({ length: count }, (_, index) =>
	seedOf(`Note ${index}`, `word${index} unmistakable ${index % 2 === 0 ? 'even' : 'odd'}`)
);

let store: Store;
let crypto: CryptoPort;
let added: MockInstance<SearchIndex['add']>;

beforeEach(async () => {
	store = createMemoryStore();
	crypto = startCryptoInProcess(() => Promise.reject(new Error('no login here'))).port;
	const device = idFromBytes<DeviceId>(randomBytes(16));
	const keys = await deriveAccountKeys(generateRoot());
	const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
	await crypto.takeKeys({
		...{ account: identity.account, device, identity: identity.bytes },
		signingKey: keys.signing.privateKey,
		kemSeed: keys.kem.seed.reveal(),
		keyringGenesisRandom: keys.keyringGenesisRandom,
		firstGenesisRandom: keys.firstGenesisRandom,
		keyringEpochKey: keys.keyringEpochKey.reveal(),
		localKey: await importXaesKey(randomBytes(32)),
		earlier: []
	});
	added = vi.spyOn(SearchIndex.prototype, 'add');
});
afterEach(() => {
	added.mockRestore();
});

/** A start of the engine: the items as they come from the log, and their search. */
function start(notes = seeds) {
	const items = new Items({ onChange: (ids) => search.changed(ids) });
	const search: Search = new Search(items, { kept: keptIndexOf(space, { store, crypto }) });
	items.applyPages([
		pageOf(
			1,
			0,
			notes.map((seed, index) => seedChange(itemId(index), seed))
		)
	]);
	return { items, search };
}

async function keepOne(notes = seeds): Promise<void> {
	const { search } = start(notes);
	await search.build();
	await search.keep();
	search.close();
	added.mockClear();
}

const found = (search: Search, query: string): readonly string[] =>
	search.query(query, count).map(({ title }) => title);

const recordOf = async (index: number): Promise<Uint8Array | null> => {
	const loaded = await store.loadRecord(`search/${space}/${index}`);
	if (!loaded.ok) throw new Error(loaded.error);
	return loaded.value;
};

describe('an index that was kept', () => {
	it('answers after a restart as before, and no note is indexed again', async () => {
		await keepOne();
		const { search } = start();
		await search.build();
		expect(added).not.toHaveBeenCalled();
		expect(found(search, 'word123')).toEqual(['Note 123']);
		expect(found(search, 'even')).toHaveLength(count / 2);
		expect(found(search, 'unmistakeable')).toHaveLength(count);
		const [hit] = search.query('word599');
		expect(hit?.snippet).toContain('word599');
	});

	it('lets go of what changed or went since, and takes up what came', async () => {
		await keepOne();
		const edited = seeds[7] ?? seedOf('', '');
		const { items, search } = start(seeds.slice(0, -1));
		const update = editOf(itemId(7), edited, ({ body }) => {
			body.delete(0, 'word7'.length);
			body.insert(0, 'otherwise');
		});
		items.applyPages([
			pageOf(2, 0, [
				updateChange(itemId(7), update),
				seedChange(itemId(count), seedOf('New', 'unmistakable too'))
			])
		]);
		await search.build();
		expect(added.mock.calls.map(([id]) => id).toSorted()).toEqual(
			[itemId(7), itemId(count)].toSorted()
		);
		expect(found(search, 'otherwise')).toEqual(['Note 7']);
		expect(found(search, 'word7').includes('Note 7')).toBe(false);
		expect(found(search, 'word599').includes('Note 599')).toBe(false);
		expect(found(search, 'too')).toEqual(['New']);
	});

	it('is kept anew once it has words of a note that is gone', async () => {
		await keepOne();
		const { items, search } = start();
		await search.build();
		const before = await recordOf(0);
		const trashed = items.trashChange(itemId(3), 5);
		if (!trashed) throw new Error('no such note');
		items.applyPages([pageOf(2, 0, [trashed])]);
		await search.build();
		await search.keep();
		expect(await recordOf(0)).not.toEqual(before);
		search.close();
		added.mockClear();
		const again = start(seeds.filter((_, index) => index !== 3));
		await again.search.build();
		expect(found(again.search, 'word3').includes('Note 3')).toBe(false);
	});

	it('lies sealed: no word of a note is in what the store has', async () => {
		await keepOne();
		const sealed = await recordOf(0);
		const text = new TextDecoder('latin1').decode(sealed ?? new Uint8Array());
		expect(text.length).toBeGreaterThan(1_000);
		expect(text).not.toContain('unmistakable');
	});

	it('is made anew if it is damaged, of another key, or gone in part', async () => {
		await keepOne();
		const sealed = (await recordOf(0)) ?? new Uint8Array();
		const damaged = Uint8Array.from(sealed, (byte, at) => (at === 90 ? byte ^ 1 : byte));
		for (const record of [damaged, sealed.slice(0, 40), new Uint8Array(), null]) {
			await store.saveRecord(`search/${space}/0`, record);
			added.mockClear();
			const { search } = start();
			await search.build();
			expect(added).toHaveBeenCalledTimes(count);
			expect(found(search, 'word42')[0]).toBe('Note 42');
			search.close();
		}
	});

	it('is dropped when so few notes are left that they are indexed sooner', async () => {
		await keepOne();
		const { search } = start(seeds.slice(0, 20));
		await search.build();
		await search.keep();
		expect(await recordOf(0)).toBeNull();
		expect(found(search, 'word7')).toEqual(['Note 7']);
	});
});

function finished<Value>(work: Generator<void, Value>): Value {
	for (;;) {
		const { done, value } = work.next();
		if (done === true) return value;
	}
}

function indexOf(texts: readonly string[]): SearchIndex {
	const index = new SearchIndex();
	for (const [at, body] of texts.entries()) {
		index.add(itemId(at), { title: '', body, path: null }, at);
	}
	return index;
}

const idsFound = (index: SearchIndex, word: string): readonly (ItemId | null)[] =>
	index.find([word], 1_000).map(({ slot }) => index.itemAt(slot));

describe('the pieces of an index', () => {
	it('hold all of it, however many they are, without notes that were taken out', () => {
		const texts = Array.from({ length: 300 }, (_, note) =>
			Array.from({ length: 200 }, (_, word) => `w${note}x${word}`).join(' ')
		);
		const index = indexOf(texts);
		index.remove(5);
		const pieces = finished(encodeIndex(index)) ?? [];
		expect(pieces.length).toBeGreaterThan(2);
		const read = finished(decodeIndex(pieces));
		expect(read?.size).toBe(299);
		expect(read && idsFound(read, 'w299x199')).toEqual([itemId(299)]);
		expect(read && idsFound(read, 'w0x0')).toEqual([itemId(0)]);
		expect(read && idsFound(read, 'w5x7')).toEqual([]);
		expect(finished(decodeIndex(pieces.slice(0, -1)))).toBeNull();
		expect(finished(decodeIndex(pieces.toReversed()))).toBeNull();
		const other = finished(encodeIndex(index)) ?? [];
		expect(finished(decodeIndex([...pieces.slice(0, -1), ...other.slice(-1)]))).toBeNull();
	});

	it('hold words that were cut, also where a character of two units stands', () => {
		const long = `a${'𐐨'.repeat(40)}`;
		const index = indexOf([long, 'short']);
		const read = finished(decodeIndex(finished(encodeIndex(index)) ?? []));
		const [term = ''] = searchTerms(long);
		expect(term.isWellFormed()).toBe(true);
		expect(idsFound(index, term)).toEqual([itemId(0)]);
		expect(read && idsFound(read, term)).toEqual([itemId(0)]);
	});

	it('never throw and never lead beyond the notes, whatever byte of them is changed', () => {
		const pieces = finished(encodeIndex(indexOf(['alpha beta', 'beta gamma', 'délta 会議']))) ?? [];
		const [piece] = pieces;
		if (!piece) throw new Error('nothing was written');
		fc.assert(
			fc.property(fc.nat(piece.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
				const changed = Uint8Array.from(piece, (byte, index) =>
					index === at ? byte ^ flip : byte
				);
				const index = finished(decodeIndex([changed]));
				if (index === null) return;
				for (const [, postings] of index.entries()) {
					expect(postings.every((posting) => posting >>> 2 < index.slots)).toBe(true);
				}
			})
		);
	});
});
