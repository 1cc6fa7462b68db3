import { readdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as Y from 'yjs';
import type { Space, TacetOptions } from '../../client/api.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { CommitDraft, CryptoPort } from '../../client/crypto-port.ts';
import { makeDoc } from '../../client/item-doc.ts';
import { parseCommit, type PageId } from '../../protocol/commit.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import type { ItemId, SpaceId } from '../../protocol/ids.ts';
import { encodePage, type Change, type Seed } from '../../protocol/page.ts';
import {
	loadOpaque,
	loggedIn,
	newDevice,
	newHandle,
	newWire,
	password,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	until,
	type Device,
	type Edge,
	type Wire
} from './edge.ts';
import { seedChange, seedOf, updateChange } from './item-samples.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const atOnce = { repairWaitMs: () => 0 };
const notToday = { repairWaitMs: () => 86_400_000 };

/** A device whose next commit is formed as somebody else wants it. */
async function compactor(handle: string) {
	let next: Partial<CommitDraft> | null = null;
	let at: SpaceId | null = null;
	const startCrypto = () => {
		const core = startCryptoInProcess(loadOpaque);
		const formCommits: CryptoPort['formCommits'] = (device, drafts) => {
			// The keyring's commits are formed here, too.
			if (drafts[0]?.space !== at) return core.port.formCommits(device, drafts);
			const changed = drafts.map((draft) => ({
				...draft,
				...next,
				pages: [...draft.pages, ...(next?.pages ?? [])]
			}));
			next = null;
			return core.port.formCommits(device, changed);
		};
		const port = new Proxy(core.port, {
			get: (target, name) => {
				const value: unknown = Reflect.get(target, name, target);
				if (name === 'formCommits') return formCommits;
				return typeof value === 'function' ? (value.bind(target) as unknown) : value;
			}
		});
		return { port, end: () => core.end() };
	};
	const device = await loggedIn(edge, handle, { startCrypto, ...notToday });
	await synced(spaceOf(device));
	const compact = async (supersedes: readonly PageId[], changes: readonly Change[]) => {
		at = spaceOf(device).id;
		next = { supersedes, pages: changes.length === 0 ? [] : [encodePage(changes)] };
		await spaceOf(device).create({ title: 'Tidied' });
		await synced(spaceOf(device));
	};
	return { device, compact };
}

interface Notes {
	readonly handle: string;
	readonly device: Device;
	readonly wire: Wire;
	readonly kept: ItemId;
	readonly other: ItemId;
	/** Seed, insertion and deletion of `kept`, then the seed of `other`: a page each. */
	readonly changes: readonly Change[];
	readonly pages: readonly PageId[];
}

async function created(space: Space, title: string, body: string): Promise<ItemId> {
	const made = await space.create({ title, body });
	if (!made.ok) throw new Error(made.error.code);
	await synced(space);
	return made.value;
}

/** A device with two notes, one of them edited: 'one three' was 'one two three' was 'one three'. */
async function withNotes(options: Partial<TacetOptions>): Promise<Notes> {
	const handle = newHandle();
	const wire = newWire(encodeSpaceFrame);
	const nowMs = () => 1_900_000_000_000;
	const device = await signedUp(edge, handle, { ...options, nowMs, WebSocket: wire.WebSocket });
	const space = spaceOf(device);
	wire.only = space.id;
	const pages: PageId[] = [];
	const note = () => pages.push({ seq: space.sync.verified?.seq ?? 0, index: 0 });
	const kept = await created(space, 'Kept', 'one three!');
	note();
	const opened = await space.open(kept);
	if (!opened.ok) throw new Error(opened.error.code);
	const updates: Uint8Array[] = [];
	opened.value.doc.on('update', (update: Uint8Array) => updates.push(update));
	opened.value.body.insert(3, ' two');
	await opened.value.flush();
	await synced(space);
	note();
	opened.value.body.delete(13, 1);
	await opened.value.close();
	await synced(space);
	note();
	const other = await created(space, 'Other', 'also here');
	note();
	const seed = (title: string, body: string): Seed => seedOf(title, body, nowMs());
	const changes = [
		seedChange(kept, seed('Kept', 'one three!')),
		...updates.map((update) => updateChange(kept, update)),
		seedChange(other, seed('Other', 'also here'))
	];
	return { handle, device, wire, kept, other, changes, pages };
}

const textsOf = async (space: Space): Promise<readonly string[]> => {
	const texts = await Promise.all(space.items.map(({ id }) => space.read(id)));
	return texts.map((text) => (text.ok ? `${text.value.title}: ${text.value.body}` : '')).sort();
};

const superseding = (wire: Wire) =>
	wire.sent.flatMap(({ frame }) => {
		const commit = frame.type === 'append' ? parseCommit(frame.commit) : null;
		return commit?.ok && commit.value.supersedes.length > 0 ? [commit.value] : [];
	});
const appendsOf = (wire: Wire): number =>
	wire.sent.filter(({ frame }) => frame.type === 'append').length;

const accountOf = ({ tacet }: Device) =>
	tacet.state.phase === 'unlocked' ? tacet.state.account : null;

const missingIn = (space: Space): number =>
	space.sync.losses.reduce((total, { missing }) => total + missing, 0);

const seedIn = (changes: readonly Change[]): Seed => {
	const [first] = changes;
	if (first?.type !== 'seed') throw new Error('no seed');
	return first.seed;
};

describe('a compaction that leaves something out', () => {
	test.each<[string, (notes: Notes) => readonly Change[]]>([
		['an item', ({ changes }) => changes.slice(3)],
		['every item', () => []],
		['the updates of an item', ({ changes }) => [...changes.slice(0, 1), ...changes.slice(3)]],
		['a deletion', ({ changes }) => [...changes.slice(0, 2), ...changes.slice(3)]],
		['the insertion before a deletion', ({ changes }) => changes.filter((_, at) => at !== 1)],
		['a seed, but not its updates', ({ changes }) => changes.slice(1)]
	])('of %s is noticed, named and mended', async (_what, rewrite) => {
		const notes = await withNotes(atOnce);
		const space = spaceOf(notes.device);
		const before = ['Kept: one two three', 'Other: also here', 'Tidied: '];
		const { device: hostile, compact } = await compactor(notes.handle);
		const appends = appendsOf(notes.wire);
		await compact(notes.pages, rewrite(notes));
		await hostile.tacet.close();
		await until(space, () => space.sync.losses.length === 1 && missingIn(space) === 0);
		await synced(space);
		expect(space.sync.losses).toMatchObject([{ author: accountOf(notes.device), missing: 0 }]);
		expect(space.sync.trust.state).toBe('verified');
		expect(await textsOf(space)).toEqual(before);
		expect(appendsOf(notes.wire)).toBe(appends + 1);

		const fresh = await loggedIn(edge, notes.handle, atOnce);
		await synced(spaceOf(fresh));
		expect(await textsOf(spaceOf(fresh))).toEqual(before);
		expect(spaceOf(fresh).sync.losses).toEqual([]);
		expect(spaceOf(fresh).sync.verified?.seq).toBe(space.sync.verified?.seq);
		await Promise.all([notes.device.tacet.close(), fresh.tacet.close()]);
	});

	test('of a seed, which it changes, brings the first one back as a note of its own', async () => {
		const notes = await withNotes(atOnce);
		const space = spaceOf(notes.device);
		const { device: hostile, compact } = await compactor(notes.handle);
		const forged = { ...seedIn(notes.changes), body: 'one eight!' };
		await compact(notes.pages, [seedChange(notes.kept, forged), ...notes.changes.slice(1)]);
		await hostile.tacet.close();
		await until(space, () => space.sync.losses.length === 1 && missingIn(space) === 0);
		await synced(space);
		const fresh = await loggedIn(edge, notes.handle, atOnce);
		await synced(spaceOf(fresh));
		const after = await textsOf(space);
		expect(after).toContain('Kept: one two three');
		expect(after).toHaveLength(4);
		expect(await textsOf(spaceOf(fresh))).toEqual(after);
		expect(
			spaceOf(fresh)
				.items.map(({ id }) => id)
				.sort()
		).toEqual(space.items.map(({ id }) => id).sort());
		await Promise.all([notes.device.tacet.close(), fresh.tacet.close()]);
	});

	test('is mended by two devices at once, which agree and then rest', async () => {
		const notes = await withNotes(atOnce);
		const wire = newWire(encodeSpaceFrame);
		const second = await loggedIn(edge, notes.handle, { ...atOnce, WebSocket: wire.WebSocket });
		await synced(spaceOf(second));
		const { device: hostile, compact } = await compactor(notes.handle);
		wire.only = spaceOf(second).id;
		const before = [appendsOf(notes.wire), appendsOf(wire)];
		await compact(notes.pages, notes.changes.slice(3));
		await hostile.tacet.close();
		for (const { tacet } of [notes.device, second]) {
			const space = spaceOf({ tacet } as Device);
			await until(space, () => space.sync.losses.length === 1 && missingIn(space) === 0);
			await synced(space);
		}
		const [here, there] = [spaceOf(notes.device), spaceOf(second)];
		const top = Math.max(here.sync.verified?.seq ?? 0, there.sync.verified?.seq ?? 0);
		for (const space of [here, there]) await until(space, () => space.sync.verified?.seq === top);
		expect(await textsOf(here)).toEqual(['Kept: one two three', 'Other: also here', 'Tidied: ']);
		expect(await textsOf(there)).toEqual(await textsOf(here));
		const written = [appendsOf(notes.wire), appendsOf(wire)].map(
			(count, index) => count - (before[index] ?? 0)
		);
		expect(Math.max(...written)).toBeLessThanOrEqual(1);
		expect(written.reduce((a, b) => a + b)).toBeGreaterThan(0);
		expect(here.sync.setAside + there.sync.setAside).toBe(0);
		await Promise.all([notes.device.tacet.close(), second.tacet.close()]);
	});

	test('is still known after a restart before it was mended', async () => {
		const notes = await withNotes(notToday);
		const space = spaceOf(notes.device);
		const { device: hostile, compact } = await compactor(notes.handle);
		await compact(notes.pages, notes.changes.slice(3));
		await hostile.tacet.close();
		await until(space, () => missingIn(space) === 1);
		expect(await textsOf(space)).toContain('Kept: one two three');
		await notes.device.tacet.close();

		const again = await newDevice(edge, { ...atOnce, store: notes.device.store });
		expect(await again.tacet.unlock({ password })).toMatchObject({ ok: true });
		const later = spaceOf(again);
		await until(later, () => later.sync.losses.length === 1 && missingIn(later) === 0);
		await synced(later);
		expect(await textsOf(later)).toContain('Kept: one two three');
		await again.tacet.close();
		// What was superseded is dropped now: the store says the same without it.
		const last = await newDevice(edge, { ...atOnce, store: notes.device.store });
		expect(await last.tacet.unlock({ password })).toMatchObject({ ok: true });
		await synced(spaceOf(last));
		expect(spaceOf(last).sync.losses).toEqual([]);
		expect(await textsOf(spaceOf(last))).toEqual(await textsOf(later));
		await last.tacet.close();
	});
});

describe('an honest compaction', () => {
	const merged = ({ changes, kept }: Notes): Uint8Array => {
		const updates = changes.flatMap((change) => (change.type === 'update' ? [change.update] : []));
		return Y.encodeStateAsUpdate(makeDoc(kept, seedIn(changes), updates).doc);
	};
	test.each<[string, (notes: Notes) => readonly Change[]]>([
		['the same changes', ({ changes }) => changes],
		[
			'the seed and one update',
			(notes) => [
				...notes.changes.slice(0, 1),
				updateChange(notes.kept, merged(notes)),
				...notes.changes.slice(3)
			]
		],
		[
			'an empty seed and the whole state',
			(notes) => [
				seedChange(notes.kept, { ...seedIn(notes.changes), title: '', body: '' }),
				updateChange(notes.kept, merged(notes)),
				...notes.changes.slice(3)
			]
		]
	])('that writes %s raises nothing, and frees the store', async (_what, rewrite) => {
		const notes = await withNotes(atOnce);
		const space = spaceOf(notes.device);
		const { device: tidy, compact } = await compactor(notes.handle);
		const appends = appendsOf(notes.wire);
		await compact(notes.pages, rewrite(notes));
		await until(space, () => space.items.length === 3);
		await synced(space);
		const before = await textsOf(space);
		expect(before).toContain('Kept: one two three');
		expect(space.sync.losses).toEqual([]);
		expect(appendsOf(notes.wire)).toBe(appends);
		await Promise.all([tidy.tacet.close(), notes.device.tacet.close()]);
		const stored = await notes.device.store.loadEntries(space.id, 0, 100);
		const dropped = stored.ok && stored.value.filter(({ pages }) => pages.includes(null));
		expect(dropped && dropped.map(({ seq }) => seq)).toEqual(notes.pages.map(({ seq }) => seq));

		const fresh = await loggedIn(edge, notes.handle);
		await synced(spaceOf(fresh));
		expect(await textsOf(spaceOf(fresh))).toEqual(before);
		await fresh.tacet.close();
	});
});

/** Rows of the table in all objects of an edge that was ended. */
function supersededAtEdge(dataDir: string): number {
	const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
	return files
		.filter((file) => file.endsWith('.sqlite'))
		.map((file) => {
			const database = new DatabaseSync(path.join(dataDir, file));
			const named = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'superseded'").all();
			const rows = named.length === 0 ? [] : database.prepare('SELECT * FROM superseded').all();
			database.close();
			return rows.length;
		})
		.reduce((total, rows) => total + rows, 0);
}

describe('deleting for good', () => {
	test('names the pages of the note alone, in the commit of the tombstone', async () => {
		const notes = await withNotes(atOnce);
		const space = spaceOf(notes.device);
		await space.deleteForever(notes.kept);
		await synced(space);
		expect(superseding(notes.wire).map(({ supersedes }) => supersedes)).toEqual([
			notes.pages.slice(0, 3)
		]);
		expect(space.sync.losses).toEqual([]);
		expect(await textsOf(space)).toEqual(['Other: also here']);
		await notes.device.tacet.close();
	});

	test('reaches the edge’s table and other devices, and a fresh one needs no dropped page', async () => {
		const lonely = await startEdge();
		const handle = newHandle();
		const first = await signedUp(lonely, handle, atOnce);
		const here = spaceOf(first);
		const files = ['a', 'b'].map((name) => {
			const bytes = new TextEncoder().encode(`# ${name}\n${name.repeat(40_000)}`);
			const file = `notes/${name}.md`;
			return { path: file, sizeBytes: bytes.length, bytes: () => Promise.resolve(bytes) };
		});
		const before = here.sync.verified?.seq ?? 0;
		await here.importFiles(files);
		await synced(here);
		const imported = (here.sync.verified?.seq ?? 0) - before;
		// In one commit or in two, as they were saved while the first was on its way: a page each.
		const pagesOf = async ({ store }: Device) => {
			const stored = await store.loadEntries(here.id, before, imported);
			return stored.ok ? stored.value.flatMap(({ pages }) => pages) : [];
		};
		const second = await loggedIn(lonely, handle, atOnce);
		const there = spaceOf(second);
		await until(there, () => there.items.length === 2);
		await synced(there);
		const [one] = here.items.filter(({ title }) => title === 'a');
		expect(await here.deleteForever(one?.id ?? ('' as ItemId))).toMatchObject({ ok: true });
		await until(there, () => there.items.length === 1);
		await Promise.all([synced(here), synced(there)]);
		expect([...here.sync.losses, ...there.sync.losses]).toEqual([]);
		const fresh = await loggedIn(lonely, handle, atOnce);
		await synced(spaceOf(fresh));
		expect(await textsOf(spaceOf(fresh))).toEqual(await textsOf(there));
		expect(await textsOf(there)).toEqual(await textsOf(here));
		for (const device of [first, second]) {
			const dropped = (await pagesOf(device)).map((page) => page === null);
			expect(dropped.sort()).toEqual([false, true]);
		}
		expect((await pagesOf(fresh)).filter((page) => page === null)).toHaveLength(1);
		await Promise.all([first, second, fresh].map(({ tacet }) => tacet.close()));
		await lonely.kill();
		expect(supersededAtEdge(lonely.dataDir)).toBe(1);
		await lonely.remove();
	});

	test('leaves a page alone that another note shares, until that one goes too', async () => {
		const handle = newHandle();
		const wire = newWire(encodeSpaceFrame);
		const device = await signedUp(edge, handle, { ...atOnce, WebSocket: wire.WebSocket });
		const space = spaceOf(device);
		const files = ['a', 'b'].map((name) => {
			const bytes = new TextEncoder().encode(name);
			const file = `${name}.md`;
			return { path: file, sizeBytes: bytes.length, bytes: () => Promise.resolve(bytes) };
		});
		await space.importFiles(files);
		await synced(space);
		const seq = space.sync.verified?.seq ?? 0;
		const [first, last] = space.items.map(({ id }) => id) as [ItemId, ItemId];
		await space.deleteForever(first);
		await synced(space);
		expect(superseding(wire)).toEqual([]);
		await space.deleteForever(last);
		await synced(space);
		expect(superseding(wire).map(({ supersedes }) => supersedes)).toEqual([[{ seq, index: 0 }]]);
		await device.tacet.close();
	});

	test('sends the same bytes again when the answer was lost', async () => {
		const notes = await withNotes(atOnce);
		const space = spaceOf(notes.device);
		let lost = 0;
		notes.wire.down = (frame, socket) => {
			if (frame.type !== 'appended' || lost > 0) return frame;
			lost += 1;
			socket.close();
			return null;
		};
		await space.deleteForever(notes.kept);
		await until(space, () => lost === 1 && space.sync.connection !== 'online');
		space.syncNow();
		await synced(space);
		const [sent, ...again] = superseding(notes.wire);
		for (const commit of again) expect(commit).toEqual(sent);
		expect(sent?.supersedes).toEqual(notes.pages.slice(0, 3));
		expect(await textsOf(space)).toEqual(['Other: also here']);
		await notes.device.tacet.close();
	});
});
