import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { pagesPerRound, pagesWorthPacking } from '../../client/packing.ts';
import type { CommitDraft, CryptoPort } from '../../client/crypto-port.ts';
import { parseCommit, type Commit } from '../../protocol/commit.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import type { ItemId } from '../../protocol/ids.ts';
import { encodePage, parsePage, type Change } from '../../protocol/page.ts';
import { newWire, startEdge, type Edge } from './edge.ts';
import {
	caughtUpWith,
	close,
	foundedBy,
	joined,
	newDesk,
	newPerson,
	synced,
	type Desk,
	type Person
} from './people.ts';

// Every account stretches a password on purpose, and tests share the machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let edge: Edge;
let ada: Person;
let bob: Person;
beforeAll(async () => {
	edge = await startEdge();
	[ada, bob] = [await newPerson(edge), await newPerson(edge)];
});
afterAll(() => edge.remove());

const notToday = { repairWaitMs: () => 86_400_000 };

/** Commits of a space, as this device keeps them, and how many of their pages it keeps. */
async function logOf(desk: Desk): Promise<readonly (Commit & { readonly kept: number })[]> {
	const stored = await desk.store.loadEntries(desk.space.space, 0, 10_000);
	if (!stored.ok) throw new Error('not loaded');
	return stored.value.flatMap(({ commit, pages }) => {
		const parsed = parseCommit(commit);
		const kept = pages.filter((page) => page !== null).length;
		return parsed.ok ? [{ ...parsed.value, kept }] : [];
	});
}

const packings = async (desk: Desk) =>
	(await logOf(desk)).filter(({ supersedes }) => supersedes.length > 0);

const livePages = async (desk: Desk): Promise<number> =>
	(await logOf(desk)).reduce((sum, { kept }) => sum + kept, 0);

const packed = (desk: Desk): Promise<void> =>
	desk.until(() => desk.sync.caughtUp && desk.sync.status.packing === null);

/** A page for each edit of one note, which says in the end all that was typed. */
async function type(desk: Desk, item: ItemId, edits: number, word = 'w'): Promise<void> {
	const open = desk.items.open(item, { save: (changes) => desk.sync.write(changes) });
	if (open === null) throw new Error('no such note');
	for (let edit = 0; edit < edits; edit++) {
		open.body.insert(open.body.length, `${word}${String(edit)} `);
		await open.flush();
		await synced(desk);
	}
	await open.close();
}

const contents = (desk: Desk) =>
	desk.items.list.map(({ id, updatedAtMs }) => {
		const { title, body } = desk.items.read(id) ?? {};
		return { title, body, updatedAtMs };
	});

test('hundreds of edits become a page, and a new device is shown the same with the same times', async () => {
	const owner = await foundedBy(ada, notToday);
	const [first, second] = [await owner.write('First', 'a '), await owner.write('Second', 'b ')];
	await owner.write('Untouched');
	await synced(owner);
	await type(owner, first, pagesWorthPacking / 2);
	await type(owner, second, pagesWorthPacking / 2);
	expect(owner.sync.status.packing).toMatchObject({ done: 0 });
	const before = contents(owner);
	await close(owner);

	const again = newDesk(ada, owner.space, { store: owner.store });
	await again.sync.load();
	await again.sync.lead();
	await packed(again);
	const [packing, ...others] = await packings(again);
	expect(others).toEqual([]);
	expect(packing?.pages.length).toBe(1);
	expect(packing?.supersedes.length).toBe(pagesPerRound);
	// Three more were small than one round takes.
	expect(await livePages(again)).toBe(1 + 3);
	expect(contents(again)).toEqual(before);
	expect(again.sync.status.losses).toEqual([]);

	const fresh = newDesk(ada, owner.space, notToday);
	await fresh.sync.lead();
	await fresh.until(() => fresh.sync.caughtUp);
	expect(contents(fresh)).toEqual(before);
	expect(fresh.sync.status.losses).toEqual([]);
	await close(again, fresh);
});

test('what was stopped half-way another goes on with, and no page is replaced twice', async () => {
	const wire = newWire(encodeSpaceFrame);
	const owner = await foundedBy(ada, { ...notToday, WebSocket: wire.WebSocket });
	const member = await joined(owner, bob, 'editor', notToday);
	const notes = pagesPerRound + pagesWorthPacking + 10;
	const titles = await writeEach(owner, notes);
	await close(owner);
	// Its first packing is on its way, and nothing is heard of it.
	let isCut = false;
	const heir = newDesk(ada, owner.space, { store: owner.store, WebSocket: wire.WebSocket });
	const cut = new Promise<void>((resolve) => {
		wire.down = (frame) => {
			if (frame.type !== 'appended') return frame;
			isCut = true;
			resolve();
			return null;
		};
	});
	await heir.sync.load();
	await heir.sync.lead();
	await cut;
	await close(heir);
	expect(isCut).toBe(true);
	await caughtUpWith(member, heir);
	await close(member);

	wire.down = (frame) => frame;
	const patient = newDesk(bob, owner.space, { store: member.store });
	await patient.sync.load();
	await patient.sync.lead();
	await packed(patient);
	const again = newDesk(ada, owner.space, { store: owner.store });
	await again.sync.load();
	await again.sync.lead();
	await packed(again);
	await caughtUpWith(again, patient);
	for (const desk of [patient, again]) {
		expect(desk.titles).toEqual(titles);
		expect(desk.sync.status.losses).toEqual([]);
	}
	const named = (await packings(again)).flatMap(({ supersedes }) =>
		supersedes.map(({ seq, index }) => `${String(seq)}/${String(index)}`)
	);
	expect(new Set(named).size).toBe(named.length);
	expect(await livePages(again)).toBeLessThan(pagesWorthPacking);
	await close(patient, again);
});

/** A note for each commit. */
async function writeEach(desk: Desk, count: number, body = ''): Promise<readonly string[]> {
	const titles = Array.from({ length: count }, (_, index) => `Note ${String(1000 + index)}`);
	for (const title of titles) {
		await desk.write(title, body);
		await synced(desk);
	}
	return titles;
}

type Form = CryptoPort['formCommits'];

/** A device whose packings go through other hands first. */
const packedBy = (
	person: Person,
	change: (form: Form) => Form
): { readonly crypto: CryptoPort } => ({
	crypto: new Proxy(person.crypto, {
		get: (target, name) => {
			const value: unknown = Reflect.get(target, name, target);
			const form: Form = (device, drafts) => target.formCommits(device, drafts);
			const packing = change(form);
			if (name === 'formCommits') {
				return (device: Parameters<Form>[0], drafts: readonly CommitDraft[]) =>
					drafts.some(({ supersedes = [] }) => supersedes.length > 1)
						? packing(device, drafts)
						: form(device, drafts);
			}
			return typeof value === 'function' ? (value.bind(target) as unknown) : value;
		}
	})
});

/** Goes on once it was reached so many times. */
function newBarrier(times: number): () => Promise<void> {
	let reached = 0;
	let open: () => void;
	const opened = new Promise<void>((resolve) => {
		open = resolve;
	});
	return () => {
		if (++reached >= times) open();
		return opened;
	};
}

test('two who pack at once do no harm, and what was said twice goes', async () => {
	const owner = await foundedBy(ada, notToday);
	const member = await joined(owner, bob, 'editor', notToday);
	const titles = await writeEach(owner, pagesWorthPacking, 'text '.repeat(40));
	await caughtUpWith(member, owner);
	await close(owner, member);

	const both = newBarrier(2);
	const together =
		(form: Form): Form =>
		async (device, drafts) => {
			const formed = await form(device, drafts);
			await both();
			return formed;
		};
	const desks = [
		newDesk(ada, owner.space, { store: owner.store, ...packedBy(ada, together) }),
		newDesk(bob, owner.space, { store: member.store, ...packedBy(bob, together) })
	] as const;
	for (const desk of desks) await desk.sync.load();
	await Promise.all(desks.map((desk) => desk.sync.lead()));
	await Promise.all(
		desks.map((desk) => desk.until(() => desk.sync.head.seq >= owner.sync.head.seq + 3))
	);
	await Promise.all(desks.map(packed));
	await Promise.all(desks.map((desk) => caughtUpWith(desk, desks[0])));
	const [first, second, third] = await packings(desks[0]);
	expect(second?.supersedes).toEqual(first?.supersedes);
	expect(third).toMatchObject({
		pages: [],
		supersedes: [{ seq: second && owner.sync.head.seq + 2 }]
	});
	for (const desk of desks) {
		expect(desk.titles).toEqual(titles);
		expect(desk.sync.status.losses).toEqual([]);
	}
	await close(...desks);
});

test('a packing that leaves a note out is noticed, named and mended', async () => {
	const owner = await foundedBy(ada, notToday);
	const member = await joined(owner, bob, 'editor', notToday);
	const titles = await writeEach(owner, pagesWorthPacking);
	await caughtUpWith(member, owner);
	const [victim] = owner.items.list;
	const without =
		(form: Form): Form =>
		(device, drafts) =>
			form(
				device,
				drafts.map((draft) => ({ ...draft, pages: draft.pages.map((page) => leaving(page)) }))
			);
	const leaving = (page: CommitDraft['pages'][number]): Uint8Array => {
		if (!(page instanceof Uint8Array)) throw new Error('laid out');
		const parsed = parsePage(page);
		if (!parsed.ok) throw new Error('no page');
		const { changes, restatedMs } = parsed.value;
		const kept = changes.filter((change: Change) => change.item !== victim?.id);
		return encodePage(kept, restatedMs);
	};
	await close(owner, member);
	let mayWrite = false;
	const watching = newDesk(ada, owner.space, { store: owner.store, mayWrite: () => mayWrite });
	const hostile = packedBy(bob, without);
	const packing = newDesk(bob, owner.space, { store: member.store, ...hostile });
	for (const desk of [watching, packing]) {
		await desk.sync.load();
		await desk.sync.lead();
	}
	await watching.until(() => watching.sync.status.losses.length > 0);
	expect(watching.sync.status.losses).toMatchObject([{ author: bob.me.account, items: 1 }]);
	expect(watching.sync.status.trust.state).toBe('verified');
	expect(watching.titles).toEqual(titles);
	await close(packing);
	mayWrite = true;
	watching.sync.push();
	await watching.until(() => watching.sync.status.losses.every(({ missing }) => missing === 0));
	await synced(watching);
	const fresh = newDesk(ada, owner.space, notToday);
	await fresh.sync.lead();
	await fresh.until(() => fresh.sync.caughtUp);
	expect(fresh.titles).toEqual(titles);
	await close(watching, fresh);
});

test('who is made a viewer while packing packs nothing; made an editor again, does no harm', async () => {
	const owner = await foundedBy(ada, notToday);
	const titles = await writeEach(owner, pagesWorthPacking);
	const [formed, demoted] = [newBarrier(2), newBarrier(2)];
	const late =
		(form: Form): Form =>
		async (device, drafts) => {
			const packing = await form(device, drafts);
			void formed();
			await demoted();
			return packing;
		};
	const member = await joined(owner, bob, 'editor', packedBy(bob, late));
	await formed();
	const as = (role: 'viewer' | 'editor') =>
		owner.sync.administer({ type: 'change_role', account: bob.me.account, role });
	expect(await as('viewer')).toMatchObject({ ok: true });
	await demoted();
	await caughtUpWith(member, owner);
	expect(member.sync.status).toMatchObject({ problem: null, losses: [] });
	expect(await packings(owner)).toEqual([]);

	expect(await as('editor')).toMatchObject({ ok: true });
	await owner.until(() => owner.sync.status.packing === null);
	expect(await packings(owner)).toHaveLength(1);
	await caughtUpWith(member, owner);
	for (const desk of [owner, member]) {
		expect(desk.titles).toEqual(titles);
		expect(desk.sync.status.losses).toEqual([]);
	}
	await close(owner, member);
});

test('what was written offline meets what was packed meanwhile, and both are there', async () => {
	const owner = await foundedBy(ada, notToday);
	const note = await owner.write('Shared', 'begun. ');
	await synced(owner);
	const member = await joined(owner, bob, 'editor', notToday);
	await type(owner, note, 3, 'early');
	await caughtUpWith(member, owner);
	await member.sync.close();
	const away = newDesk(bob, owner.space, { store: member.store, ...notToday });
	await away.sync.load();
	const open = away.items.open(note, { save: (changes) => away.sync.write(changes) });
	open?.body.insert(0, 'From the train. ');
	await open?.close();
	await type(owner, note, pagesWorthPacking, 'late');
	await close(owner);
	const again = newDesk(ada, owner.space, { store: owner.store });
	await again.sync.load();
	await again.sync.lead();
	await packed(again);
	expect(await packings(again)).toHaveLength(1);

	await away.sync.lead();
	await synced(away);
	await caughtUpWith(again, away);
	for (const desk of [again, away]) {
		const body = desk.items.read(note)?.body ?? '';
		expect(body.startsWith('From the train. begun. early0 ')).toBe(true);
		expect(body.endsWith(`late${String(pagesWorthPacking - 1)} `)).toBe(true);
		expect(desk.sync.status.losses).toEqual([]);
	}
	expect(contents(away)).toEqual(contents(again));
	await close(again, away);
});
