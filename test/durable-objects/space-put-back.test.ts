import { runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { defaultLimits } from '../../durable-objects/limits.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { Head } from '../../protocol/commit.ts';
import type { Append, RunEntry } from '../../protocol/frames.ts';
import { connect, openEdge, type TestSocket } from './edge.ts';
import { Person, randomPage, type Session } from './person.ts';
import { backUp, restore, type Backup } from './restore.ts';
import { pull, Stage } from './space-stage.ts';
import { dump } from './storage.ts';

let ada: Person;
let session: Session;
let bob: Person;
let bobsSession: Session;

beforeAll(async () => {
	const edge = await openEdge();
	ada = await Person.signUp(edge);
	session = await ada.logIn();
	bob = await Person.signUp(edge);
	bobsSession = await bob.logIn();
});

/** What was appended after a backup, and is gone since the object was restored. */
interface Lost {
	readonly stage: Stage;
	readonly after: Head;
	readonly appended: readonly Append[];
	/** Where the log stood with all of them. */
	readonly head: Head;
	/** A socket of whoever carries them. */
	readonly socket: TestSocket;
}

async function lose(
	work: (stage: Stage) => Promise<readonly Append[]>,
	options: { readonly carrier?: Session; readonly before?: (stage: Stage) => Promise<unknown> } = {}
): Promise<Lost> {
	const stage = await Stage.open(ada, session);
	await options.before?.(stage);
	const backup: Backup = await backUp(stage.stub);
	const { head: after } = stage.log;
	const appended = await work(stage);
	const { head } = stage.log;
	await restore(stage.stub, backup);
	const socket = await connect(stage.log.space, (options.carrier ?? session).token);
	return { stage, after, appended, head, socket };
}

const entryOf = ({ commit, signature, pages, wraps, previousKey }: Append): RunEntry => ({
	...{ commit, signature, pages, wraps, previousKey }
});

const putBack = ({ socket, after }: Lost, entries: readonly RunEntry[], from: Head = after) =>
	socket.ask({ type: 'put_back', after: from, entries });

const edits = async (stage: Stage): Promise<readonly Append[]> => [
	await stage.edit(),
	await stage.edit(),
	await stage.edit()
];

/** Refused with this code, and nothing is kept. */
async function expectRefusal(
	lost: Lost,
	entries: readonly RunEntry[],
	code: string,
	from: Head = lost.after
): Promise<void> {
	const before = await dump(lost.stage.stub);
	const socket = await connect(lost.stage.log.space, session.token);
	expect(await socket.ask({ type: 'put_back', after: from, entries })).toMatchObject({
		type: 'refused',
		count: null,
		refusal: { code }
	});
	expect(await dump(lost.stage.stub)).toEqual(before);
}

describe('entries that stood before an object was restored', () => {
	it('stand again at their places, byte for byte', async () => {
		const lost = await lose(
			async (stage) => {
				const two = await stage.add({ pages: [randomPage(10), randomPage(20)] });
				return [two, await stage.remove(bob), await stage.edit()];
			},
			{ before: (stage) => stage.admit(bob, 'editor') }
		);
		const { appended, head, after } = lost;
		expect(await putBack(lost, appended.map(entryOf))).toEqual({ type: 'stands', offered: head });
		const { entries } = await pull(lost.socket, after.seq);
		expect(entries.map(({ commit }) => commit)).toEqual(appended.map(({ commit }) => commit));
		expect(entries.map(({ pages }) => pages)).toEqual(appended.map(({ pages }) => pages));
		expect(entries[1]?.wraps.map(({ wrap }) => wrap)).toEqual(appended[1]?.wraps);
		expect(entries[1]?.previousKey).toEqual(appended[1]?.previousKey);
	});

	it('are taken from any member, whatever their role', async () => {
		const lost = await lose(edits, {
			carrier: bobsSession,
			before: (stage) => stage.admit(bob, 'viewer')
		});
		expect(await putBack(lost, lost.appended.map(entryOf))).toMatchObject({ type: 'stands' });
		expect((await pull(lost.socket)).offered).toEqual(lost.head);
	});

	it('are followed by what their author writes next', async () => {
		const lost = await lose(edits);
		await putBack(lost, lost.appended.map(entryOf));
		const next = await lost.stage.form({ pages: [randomPage(5)] });
		expect(await lost.socket.ask(next)).toMatchObject({ type: 'appended', seq: lost.head.seq + 1 });
		// And what was sent again without an answer is found at its place.
		const [first] = lost.appended;
		if (first === undefined) throw new Error('three were lost');
		expect(await lost.socket.ask(first)).toMatchObject({ seq: lost.after.seq + 1 });
	});

	it('are passed over where they stand already, also all of them', async () => {
		const lost = await lose(edits);
		const run = lost.appended.map(entryOf);
		expect(await putBack(lost, run.slice(0, 1))).toMatchObject({
			offered: { seq: lost.after.seq + 1 }
		});
		expect(await putBack(lost, run)).toEqual({ type: 'stands', offered: lost.head });
		const before = await dump(lost.stage.stub);
		expect(await putBack(lost, run)).toEqual({ type: 'stands', offered: lost.head });
		expect(await dump(lost.stage.stub)).toEqual(before);
	});

	it('stand again from the first one on', async () => {
		const stage = await Stage.open(ada, session);
		const { log, append } = await ada.genesis(session.device);
		const socket = await connect(log.space, session.token);
		const run = { type: 'put_back' as const, entries: [entryOf(append)] };
		const wrong = { seq: 0, hash: stage.log.head.hash };
		expect(await socket.ask({ ...run, after: wrong })).toMatchObject({
			refusal: { code: 'unknown_head' }
		});
		expect(await socket.ask({ ...run, after: log.head })).toMatchObject({
			type: 'stands',
			offered: { seq: 1 }
		});
		expect((await pull(socket)).entries).toHaveLength(1);
	});

	it('reach whoever listens, and end the sockets of those who are removed by them', async () => {
		const lost = await lose(
			async (stage) => [await stage.edit(), await stage.remove(bob), await stage.edit()],
			{ before: (stage) => stage.admit(bob, 'editor') }
		);
		const { space } = lost.stage.log;
		const [hers, his] = await Promise.all([
			connect(space, session.token),
			connect(space, bobsSession.token)
		]);
		await Promise.all([pull(hers), pull(his)]);
		await putBack(lost, lost.appended.map(entryOf));
		const { entries, offered } = await hers.nextOf('entries');
		expect(offered).toEqual(lost.head);
		expect(entries.map(({ seq }) => seq - lost.after.seq)).toEqual([1, 2, 3]);
		expect(entries[1]?.wraps).toHaveLength(1);
		expect(await his.closed).toBe(4404);
	});
});

describe('pages that are not there any more', () => {
	const superseding = async (stage: Stage): Promise<readonly Append[]> => {
		const old = await stage.add({ pages: [randomPage(10), randomPage(20)] });
		const { seq } = stage.log.head;
		const supersedes = [{ seq, index: 0 }];
		return [old, await stage.add({ pages: [randomPage(30)], supersedes })];
	};

	it('may be left out if the same run supersedes them', async () => {
		const lost = await lose(superseding);
		const [old, newer] = lost.appended.map(entryOf);
		if (!old || !newer) throw new Error('two were lost');
		const cut = { ...old, pages: [null, old.pages[1] ?? null] };
		expect(await putBack(lost, [cut, newer])).toEqual({ type: 'stands', offered: lost.head });
		const { entries } = await pull(lost.socket, lost.after.seq);
		expect(entries[0]?.pages).toEqual([null, old.pages[1]]);
		const { superseded, pages, commits } = await dump(lost.stage.stub);
		expect(superseded).toEqual([]);
		expect(pages).toHaveLength(1);
		const bytes = [cut, newer].flatMap((entry) => [
			...[entry.commit, entry.signature, ...entry.pages.filter((page) => page !== null)]
		]);
		const [before, last] = [commits?.at(-3), commits?.at(-1)];
		expect(Number(last?.['stored_bytes']) - Number(before?.['stored_bytes'])).toBe(
			bytes.reduce((sum, { length }) => sum + length, 0)
		);
	});

	it('are refused if they would be live: by another page, by a later run, or at all', async () => {
		const lost = await lose(superseding);
		const [old, newer] = lost.appended.map(entryOf);
		if (!old || !newer) throw new Error('two were lost');
		const [first, second] = old.pages;
		const without = (pages: RunEntry['pages']): RunEntry => ({ ...old, pages });
		await expectRefusal(lost, [without([first ?? null, null]), newer], 'malformed');
		await expectRefusal(lost, [without([null, second ?? null])], 'malformed');
		await expectRefusal(lost, [without([null, null]), newer], 'malformed');
		await expectRefusal(lost, [without([second ?? null]), newer], 'malformed');
	});
});

describe('a run that is not what stood there', () => {
	it('is refused as a whole with a gap, in another order, or twice the same', async () => {
		const lost = await lose(edits);
		const [a, b, c] = lost.appended.map(entryOf);
		if (!a || !b || !c) throw new Error('three were lost');
		await expectRefusal(lost, [a, c], 'stale_count');
		await expectRefusal(lost, [b, c], 'stale_count');
		await expectRefusal(lost, [b, a, c], 'stale_count');
		await expectRefusal(lost, [a, a], 'stale_count');
	});

	it('is refused if it follows another head, or one that is not here', async () => {
		const lost = await lose(edits);
		const run = lost.appended.map(entryOf);
		const { seq } = lost.after;
		await expectRefusal(lost, run, 'unknown_head', { seq, hash: randomBytes(32) });
		await expectRefusal(lost, run.slice(1), 'unknown_head', { ...lost.head, seq: seq + 1 });
		await expectRefusal(lost, run, 'unknown_head', { seq: 0, hash: randomBytes(32) });
	});

	it('is refused where somebody has written meanwhile', async () => {
		const lost = await lose(edits);
		const counts = `${lost.stage.log.space}/${session.device}`;
		ada.counts.set(counts, (ada.counts.get(counts) ?? 3) - 3);
		const log = { space: lost.stage.log.space, head: lost.after };
		const other = await ada.commit(log, session.device, { pages: [randomPage(7)] });
		expect(await lost.socket.ask(other)).toMatchObject({ type: 'appended' });
		await expectRefusal(lost, lost.appended.map(entryOf), 'unknown_head');
	});

	it('is refused for one bad signature, page, wrap or key in the middle of it', async () => {
		const lost = await lose(
			async (stage) => [await stage.edit(), await stage.remove(bob), await stage.edit()],
			{ before: (stage) => stage.admit(bob, 'editor') }
		);
		const [a, b, c] = lost.appended.map(entryOf);
		if (!a || !b || !c) throw new Error('three were lost');
		await expectRefusal(lost, [a, { ...b, signature: randomBytes(64) }], 'forbidden');
		await expectRefusal(lost, [a, b, { ...c, pages: [randomPage(100)] }], 'malformed');
		await expectRefusal(lost, [a, { ...b, wraps: [randomBytes(1_168)] }, c], 'malformed');
		await expectRefusal(lost, [a, { ...b, wraps: [] }, c], 'malformed');
		await expectRefusal(lost, [a, { ...b, previousKey: null }, c], 'malformed');
		await expectRefusal(lost, [a, { ...b, previousKey: randomBytes(72) }, c], 'malformed');
		await expectRefusal(lost, [{ ...a, commit: randomBytes(40) }, b, c], 'malformed');
	});

	it('is refused for an entry of whoever was no member any more, or is of another space', async () => {
		const lost = await lose(edits, {
			before: async (stage) => {
				await stage.admit(bob, 'editor');
				await stage.remove(bob);
			}
		});
		const log = { space: lost.stage.log.space, head: lost.after };
		const his = await bob.commit(log, bobsSession.device, { pages: [randomPage(3)], epoch: 2 });
		const run = lost.appended.map(entryOf);
		await expectRefusal(lost, [entryOf(his)], 'forbidden');
		await expectRefusal(lost, [...run, entryOf(his)], 'forbidden');
		const elsewhere = await lose(edits);
		await expectRefusal(lost, elsewhere.appended.map(entryOf), 'malformed');
	});

	it('is refused from whoever is no member', async () => {
		const lost = await lose(edits);
		await expect(connect(lost.stage.log.space, bobsSession.token)).rejects.toThrow('4404');
	});

	it('is refused if all of it together exceeds the quota by a byte', async () => {
		const lost = await lose(edits);
		const run = lost.appended.map(entryOf);
		const runBytes = run
			.flatMap(({ commit, signature, pages }) => [commit, signature, ...pages])
			.reduce((sum, part) => sum + (part?.length ?? 0), 0);
		const fill = async (storedBytes: number): Promise<void> => {
			await runInDurableObject(lost.stage.stub, (_object: unknown, state: DurableObjectState) => {
				state.storage.sql.exec('UPDATE commits SET stored_bytes = ?', storedBytes);
			});
			await restore(lost.stage.stub, await backUp(lost.stage.stub));
		};
		await fill(defaultLimits.bytesPerSpace - runBytes + 1);
		await expectRefusal(lost, run, 'over_quota');
		await fill(defaultLimits.bytesPerSpace - runBytes);
		const socket = await connect(lost.stage.log.space, session.token);
		expect(await putBack({ ...lost, socket }, run)).toMatchObject({ type: 'stands' });
	});
});
