import { describe, expect, test } from 'vitest';
import { Chain } from '../../client/chain.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { Coverage } from '../../client/coverage.ts';
import { Items } from '../../client/items.ts';
import { Keyring, keyringChange } from '../../client/keyring.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import { Outbox } from '../../client/outbox.ts';
import { Pages } from '../../client/pages.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import type { KeyringEntry } from '../../protocol/keyring-entry.ts';
import type { Change } from '../../protocol/page.ts';
import { importXaesKey } from '../../crypto/client/aead.ts';
import { eve, pageIn, unsigned, vic, world, type Person } from '../crypto/log-fixture.ts';
import { loadOpaque } from './edge.ts';
import { itemId, itemsOf, pageOf, seedChange, seedOf, tombstone } from './item-samples.ts';

const one = itemId(1);
const two = itemId(2);
const seed = seedOf('Title', 'text');
const dayMs = 86_400_000;

/** A device of somebody that held `one` from a page at entry 4, which entry 5 supersedes. */
async function deviceOf(person: Person, options: { readonly expiresAtMs?: number } = {}) {
	const log = world();
	const header = { ...pageIn(1), expiresAtMs: options.expiresAtMs ?? null };
	log.take(log.draft(eve, { pages: [header] }));
	const supersedes = [{ seq: 4, index: 0 }];
	log.take(log.draft(eve, { pages: [pageIn(1)], supersedes }));
	const { space } = log;
	const { port } = startCryptoInProcess(loadOpaque);
	const me = await port.takeKeys({
		account: person.account,
		device: person.device,
		identity: person.identity.bytes,
		signingKey: person.signing.privateKey,
		kemSeed: new Uint8Array(32),
		keyringGenesisRandom: new Uint8Array(32),
		firstGenesisRandom: new Uint8Array(32),
		keyringEpochKey: new Uint8Array(32),
		localKey: await importXaesKey(new Uint8Array(32)),
		earlier: []
	});
	const chain = new Chain(space);
	chain.accept(
		chain.try(log.entries.map(({ commit }) => ({ commit, signature: unsigned }))).judged
	);
	const pages = new Pages(space, port, me);
	await pages.open(
		log.entries.map(({ parsed }, index) => ({
			...{ seq: index + 1, commit: parsed, wraps: [], previousKey: null },
			pages: parsed.pages.map(() => null)
		}))
	);
	const content = itemsOf([pageOf(4, 0, [seedChange(one, seed)])]);
	const store = createMemoryStore();
	const written: Change[] = [];
	let due: (() => void) | null = null;
	const pulled = new Promise<void>((resolve) => {
		due = resolve;
	});
	const coverage = new Coverage({
		...{ space, account: person.account, chain, pages, store, content },
		outbox: new Outbox({ space, store, crypto: port }),
		nowMs: () => 10 * dayMs,
		repairWaitMs: () => 0,
		leads: () => true,
		pull: () => due?.(),
		write: (changes) => Promise.resolve(written.push(...changes)),
		onStoreFault: (fault) => {
			throw new Error(fault);
		},
		onChange: () => undefined
	});
	return { coverage, content, written, pulled };
}

describe('who repairs', () => {
	test('is a member who may write, once, after the wait', async () => {
		const { coverage, written, pulled } = await deviceOf(eve);
		await coverage.check();
		expect(written).toEqual([]);
		await pulled;
		await coverage.check();
		expect(written).toEqual([seedChange(one, seed)]);
		await coverage.check();
		expect(written).toHaveLength(1);
		expect(coverage.losses).toEqual([{ author: eve.account, items: 1, missing: 1 }]);
	});

	test('is no viewer: the item stays in view, and its compactor is named', async () => {
		const { coverage, content, written } = await deviceOf(vic);
		await coverage.check();
		await coverage.check();
		expect(written).toEqual([]);
		expect(coverage.losses).toEqual([{ author: eve.account, items: 1, missing: 1 }]);
		expect(content.list.map(({ title }) => title)).toEqual(['Title']);
	});

	test('is nobody once another device’s page has it', async () => {
		const { coverage, content, written, pulled } = await deviceOf(eve);
		await coverage.check();
		await pulled;
		content.applyPages([pageOf(6, 0, [seedChange(one, seed)])]);
		await coverage.check();
		expect(written).toEqual([]);
		expect(coverage.losses).toEqual([{ author: eve.account, items: 1, missing: 0 }]);
		expect(content.list.map(({ title }) => title)).toEqual(['Title']);
		coverage.stop();
	});
});

describe('what is to expire', () => {
	test('within a day may be left out, and goes from view', async () => {
		const { coverage, content } = await deviceOf(eve, { expiresAtMs: 11 * dayMs });
		await coverage.check();
		expect(coverage.losses).toEqual([]);
		expect(content.list).toEqual([]);
	});

	test('later is missed, and not written without its expiry', async () => {
		const { coverage, content, written } = await deviceOf(eve, { expiresAtMs: 12 * dayMs });
		await coverage.check();
		await coverage.check();
		expect(written).toEqual([]);
		expect(coverage.losses).toMatchObject([{ missing: 1 }]);
		expect(content.list).toHaveLength(1);
	});
});

describe('a tombstone', () => {
	const supersededAt =
		(...seqs: number[]) =>
		({ seq }: { readonly seq: number }) =>
			seqs.includes(seq) ? 9 : null;

	test('covers all of its item, and must itself be live', () => {
		const items = itemsOf([pageOf(1, 0, [seedChange(one, seed)]), pageOf(2, 0, [tombstone(one)])]);
		expect(items.missing(one, supersededAt(1))).toBeNull();
		expect(items.missing(one, supersededAt(1, 2))).toEqual([tombstone(one)]);
	});

	test('that was purged is owed by nobody who says again what came after it', () => {
		const update = { type: 'update', item: one, update: new Uint8Array([0, 0]) } as const;
		const items = itemsOf([pageOf(1, 0, [tombstone(one)]), pageOf(2, 0, [update])]);
		expect(items.missing(one, supersededAt(1, 2))).toEqual([tombstone(one)]);
		items.release([{ seq: 1, index: 0 }]);
		expect(items.missing(one, supersededAt(1, 2))).toBeNull();
	});

	test('frees no page that holds a tombstone or an item that lives', () => {
		const items = new Items();
		items.applyPages([
			pageOf(1, 0, [seedChange(one, seed)]),
			pageOf(2, 0, [seedChange(one, seed), seedChange(two, seed)]),
			pageOf(3, 0, [tombstone(itemId(3)), seedChange(one, seed)])
		]);
		const row = (outboxId: number, item = one) => ({
			...{ outboxId, timeMs: 1 },
			changes: [tombstone(item)]
		});
		items.applyOutbox([row(1), row(2, two)]);
		expect(items.freedBy([1], [])).toEqual([{ seq: 1, index: 0 }]);
		expect(items.freedBy([2], [1])).toEqual([{ seq: 2, index: 0 }]);
		expect(items.freedBy([2], [])).toEqual([]);
	});
});

describe('a keyring', () => {
	const space = 'a'.repeat(32) as SpaceId;
	const genesisHash = new Uint8Array(32).fill(1);
	const known: KeyringEntry = { type: 'space', space, genesisHash, joinedAtMs: 1 };
	const head = (seq: number): KeyringEntry => ({
		...{ type: 'head', space, seq, hash: new Uint8Array(32).fill(seq) }
	});
	const keyringOf = (...pages: KeyringEntry[][]): Keyring => {
		const keyring = new Keyring();
		keyring.applyPages(pages.map((entries, at) => pageOf(at + 1, 0, entries.map(keyringChange))));
		return keyring;
	};
	const item = keyringChange(known).item;
	const before =
		(until: number) =>
		({ seq }: { readonly seq: number }) =>
			seq < until ? until : null;

	test('is covered by its spaces and the greatest heads', () => {
		const keyring = keyringOf([known], [head(3)], [head(7)], [known, head(7)]);
		expect(keyring.missing(item, before(4))).toBeNull();
	});

	test('misses a space, and the greatest head alone', () => {
		const keyring = keyringOf([known], [head(3)], [head(7)], [head(5)]);
		expect(keyring.missing(item, before(4))).toEqual([
			keyringChange(known),
			keyringChange(head(7))
		]);
		keyring.release([{ seq: 1, index: 0 }]);
		expect(keyring.itemsOf({ seq: 1, index: 0 })).toEqual([]);
		expect(keyring.itemsOf({ seq: 2, index: 0 })).toEqual([item]);
		expect(keyring.firstSpace).toMatchObject({ space });
	});
});
