import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { ItemHistory } from '../../client/api-sharing.ts';
import type { Space } from '../../client/api.ts';
import { bodyOf as textOf, makeDoc, rewriteText } from '../../client/item-doc.ts';
import { pagesWorthPacking } from '../../client/packing.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import type { ItemId } from '../../protocol/ids.ts';
import {
	loggedIn,
	newHandle,
	newWire,
	signedUp,
	spaceOf,
	startEdge,
	stateOf,
	synced,
	until,
	valueOf,
	type Edge
} from './edge.ts';
import { itemId, seedOf } from './item-samples.ts';

// Every account stretches a password on purpose, and tests share the machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const notToday = { repairWaitMs: () => 86_400_000 };
const hourMs = 3_600_000;

/** A clock that stands, until it is put forward. */
function newClock() {
	let ms = Date.now() - 3 * hourMs;
	return { nowMs: () => ms, pass: (by: number) => (ms += by) };
}

async function edit(space: Space, item: ItemId, words: readonly string[]): Promise<void> {
	const open = valueOf(await space.open(item));
	for (const word of words) {
		open.body.insert(open.body.length, word);
		await open.flush();
		await synced(space);
	}
	await open.close();
}

async function packed(space: Space): Promise<void> {
	await synced(space);
	await until(space, () => space.sync.packing === null);
}

const bodies = ({ versions }: ItemHistory) => versions.map(({ body }) => body);

/** A note of three sittings, of which the last is long enough to be packed. */
async function written(options: { readonly edits?: number } = {}) {
	const clock = newClock();
	const handle = newHandle();
	const writer = await signedUp(edge, handle, { ...notToday, nowMs: clock.nowMs });
	const space = spaceOf(writer);
	const item = valueOf(await space.create({ title: 'Plan', body: 'one' }));
	await synced(space);
	const begunMs = clock.nowMs();
	clock.pass(hourMs);
	await edit(space, item, [' two', ' three']);
	clock.pass(hourMs);
	const edits = Array.from({ length: options.edits ?? 1 }, () => '.');
	await edit(space, item, edits);
	return { handle, clock, writer, space, item, begunMs, end: edits.join('') };
}

test('a note says what it said after each sitting, by whom and when, while pages are live', async () => {
	const { writer, space, item, begunMs } = await written();
	const history = valueOf(await space.history(item));
	const { account: author } = stateOf(writer);
	expect(history.earlier).toBe('none');
	expect(history.versions).toEqual([
		{ title: 'Plan', body: 'one two three.', timeMs: begunMs + 2 * hourMs, author },
		{ title: 'Plan', body: 'one two three', timeMs: begunMs + hourMs, author },
		{ title: 'Plan', body: 'one', timeMs: begunMs, author }
	]);
	expect(await space.history(itemId(7))).toMatchObject({ ok: false, error: { code: 'not_found' } });
	await writer.tacet.close();
});

test('what was packed is read again from the edge, also by a device that never had it', async () => {
	const { handle, clock, writer, space, item, end } = await written({ edits: pagesWorthPacking });
	const before = valueOf(await space.history(item));
	expect(bodies(before)).toEqual([`one two three${end}`, 'one two three', 'one']);
	await writer.tacet.close();
	const wire = newWire(encodeSpaceFrame);
	const packer = await loggedIn(edge, handle, { repairWaitMs: () => 0, nowMs: clock.nowMs });
	await packed(spaceOf(packer));
	await packer.tacet.close();

	const options = { ...notToday, nowMs: clock.nowMs, WebSocket: wire.WebSocket };
	const fresh = await loggedIn(edge, handle, options);
	const here = spaceOf(fresh);
	await synced(here);
	const now = valueOf(await here.history(item));
	expect(now.earlier).toBe('more');
	expect(now.versions[0]).toMatchObject({ body: `one two three${end}` });
	expect(now.versions.some(({ author }) => author === null)).toBe(true);
	expect(bodies(now)).not.toContain('one two three');

	// An edge that dropped them, as it does after the retention.
	wire.down = (frame) =>
		frame.type === 'pages'
			? { ...frame, pages: frame.pages.map((page) => ({ ...page, page: null })) }
			: frame;
	const gone = valueOf(await now.loadEarlier());
	expect(gone.earlier).toBe('gone');
	expect(bodies(gone)).toEqual(bodies(now));

	wire.down = (frame) => frame;
	const again = valueOf(await here.history(item));
	const whole = valueOf(await again.loadEarlier());
	expect(whole.earlier).toBe('none');
	expect(whole.versions).toEqual(before.versions);
	await fresh.tacet.close();
});

test('a page that is not the one that was signed counts as gone', async () => {
	const { handle, writer } = await written({ edits: pagesWorthPacking });
	await writer.tacet.close();
	const packer = await loggedIn(edge, handle, { repairWaitMs: () => 0 });
	await packed(spaceOf(packer));
	await packer.tacet.close();
	const wire = newWire(encodeSpaceFrame);
	const fresh = await loggedIn(edge, handle, { ...notToday, WebSocket: wire.WebSocket });
	const space = spaceOf(fresh);
	await synced(space);
	const [note] = space.items;
	if (note === undefined) throw new Error('no note');
	const now = valueOf(await space.history(note.id));
	wire.down = (frame) => {
		if (frame.type !== 'pages') return frame;
		const [first, ...others] = frame.pages;
		return first
			? { ...frame, pages: [{ ...first, page: new Uint8Array(168) }, ...others] }
			: frame;
	};
	const forged = valueOf(await now.loadEarlier());
	expect(forged.earlier).toBe('gone');
	expect(forged.versions[0]).toEqual(now.versions[0]);
	expect(space.sync.trust.state).toBe('verified');

	wire.isUp = false;
	wire.down = () => null;
	const asked = valueOf(await space.history(note.id)).loadEarlier();
	await fresh.tacet.close();
	expect(await asked).toMatchObject({ ok: false });
});

test('a version comes back as an edit, on every device, and keeps what is written meanwhile', async () => {
	const { handle, space, writer, item, end } = await written({ edits: 30 });
	const other = await loggedIn(edge, handle, notToday);
	const there = spaceOf(other);
	await synced(there);
	const history = valueOf(await space.history(item));
	const [, middle, first] = history.versions;
	if (middle === undefined || first === undefined) throw new Error('no versions');
	const seq = space.sync.verified?.seq ?? 0;
	const open = valueOf(await there.open(item));
	open.body.insert(0, 'Zero ');
	expect(await space.restoreVersion(item, first)).toMatchObject({ ok: true });
	await open.close();
	await Promise.all([synced(space), synced(there)]);
	await until(space, () => (space.sync.verified?.seq ?? 0) === seq + 2);
	await until(there, () => (there.sync.verified?.seq ?? 0) === seq + 2);
	for (const one of [space, there]) {
		expect(valueOf(await one.read(item)).body).toBe('Zero one');
	}
	const after = valueOf(await space.history(item));
	expect(bodies(after)).toContain(`one two three${end}`);
	await Promise.all([writer.tacet.close(), other.tacet.close()]);
});

test.each([
	['one two', 'one'],
	['', 'all new'],
	['gone', ''],
	['same', 'same'],
	['a👍b', 'a👎b'],
	['👍👍', '👍'],
	['aaa', 'aaaa']
])('%j becomes %j, and no character is cut', (from, to) => {
	const { doc } = makeDoc(itemId(1), seedOf('', from), []);
	rewriteText(textOf(doc), to);
	expect(textOf(doc).toJSON()).toBe(to);
	doc.destroy();
});
