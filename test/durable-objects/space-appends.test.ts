import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { defaultLimits } from '../../durable-objects/limits.ts';
import { randomBytes } from '../../crypto/random.ts';
import { connect, openEdge, type TestSocket } from './edge.ts';
import { newDeviceId, noChange, Person, randomPage, type Session } from './person.ts';
import { pull, Stage } from './space-stage.ts';
import { dump, rowsWrittenBy } from './storage.ts';

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

const openStage = () => Stage.open(ada, session);

describe('what is appended', () => {
	it('is refused from a viewer', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'viewer');
		const theirs = await connect(stage.log.space, bobsSession.token);
		const edit = await bob.commit(stage.log, bobsSession.device, { pages: [randomPage(1)] });
		const before = await dump(stage.stub);
		expect(await theirs.ask(edit)).toMatchObject({
			type: 'refused',
			refusal: { code: 'forbidden' }
		});
		expect(await dump(stage.stub)).toEqual(before);
	});

	it('is refused in the name of another account or device', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'editor');
		const theirs = await connect(stage.log.space, bobsSession.token);
		const hers = await stage.form({ pages: [randomPage(1)] });
		expect(await theirs.ask(hers)).toMatchObject({ refusal: { code: 'forbidden' } });
		const elsewhere = await bob.commit(stage.log, newDeviceId(), { pages: [randomPage(1)] });
		expect(await theirs.ask(elsewhere)).toMatchObject({ refusal: { code: 'forbidden' } });
	});

	it('says what is stale: count, epoch, head', async () => {
		const stage = await openStage();
		await stage.edit();
		const pages = [randomPage(1)];
		const count = ada.counts.get(`${stage.log.space}/${session.device}`) ?? 0;
		expect(await stage.refusal({ pages, count: count + 2 })).toBe('stale_count');
		ada.counts.set(`${stage.log.space}/${session.device}`, count);
		expect(await stage.refusal({ pages, epoch: 2 })).toBe('stale_epoch');
		const seen = { seq: 1, hash: randomBytes(32) };
		expect(await stage.refusal({ pages, seen })).toBe('unknown_head');
	});

	it('is refused, with the socket, when its bytes are not the signed ones', async () => {
		const stage = await openStage();
		const edit = await stage.form({ pages: [randomPage(10)] });
		const before = await dump(stage.stub);
		const forged = [
			{ ...edit, pages: [randomPage(10)] },
			{ ...edit, pages: [] },
			{ ...edit, pages: [...edit.pages, ...edit.pages] },
			{ ...edit, wraps: [randomBytes(1_168)] },
			{ ...edit, previousKey: randomBytes(72) }
		];
		for (const append of forged) {
			const socket = await connect(stage.log.space, session.token);
			expect(await socket.ask(append)).toMatchObject({ refusal: { code: 'malformed' } });
			expect(await socket.closed).toBe(4400);
		}
		const unsigned = { ...edit, signature: randomBytes(64) };
		expect(await stage.socket.ask(unsigned)).toMatchObject({ refusal: { code: 'forbidden' } });
		expect(await dump(stage.stub)).toEqual(before);
	});

	it('is refused when it would exceed the quota by a byte, and taken when it would not', async () => {
		const stage = await openStage();
		const edit = await stage.form({ pages: [randomPage(1_000)] });
		const editBytes = edit.commit.length + 64 + (edit.pages[0]?.length ?? 0);
		const fill = async (storedBytes: number) => {
			await runInDurableObject(stage.stub, (_object: unknown, state: DurableObjectState) => {
				state.storage.sql.exec('UPDATE commits SET stored_bytes = ?', storedBytes);
			});
			// The object counts along, and reads the count when it wakes.
			await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
		};
		await fill(defaultLimits.bytesPerSpace - editBytes + 1);
		expect(await stage.socket.ask(edit)).toMatchObject({ refusal: { code: 'over_quota' } });
		await fill(defaultLimits.bytesPerSpace - editBytes);
		expect(await stage.socket.ask(edit)).toMatchObject({ type: 'appended' });
		const { commits } = await dump(stage.stub);
		expect(commits?.at(-1)?.['stored_bytes']).toBe(defaultLimits.bytesPerSpace);
	});
});

describe('pages that are superseded or expire', () => {
	const fetchPage = async (socket: TestSocket, seq: number, index = 0) => {
		const answer = await socket.ask({ type: 'fetch', pages: [{ seq, index }] });
		return answer.type === 'pages' ? answer.pages[0]?.page : undefined;
	};

	it('are left out of entries once superseded, kept for the retention, then dropped', async () => {
		const stage = await openStage();
		const old = await stage.edit();
		const pair = await stage.add({ pages: [randomPage(10), randomPage(10)] });
		const supersedes = [
			{ seq: 2, index: 0 },
			{ seq: 3, index: 1 }
		];
		await stage.add({ pages: [randomPage(20)], supersedes });
		const { entries } = await pull(await connect(stage.log.space, session.token));
		expect(entries.map(({ pages }) => pages.map((page) => page !== null))).toEqual([
			...[[], [false], [true, false], [true]]
		]);
		expect(await fetchPage(stage.socket, 2)).toEqual(old.pages[0]);
		expect(await runDurableObjectAlarm(stage.stub)).toBe(true);
		expect(await fetchPage(stage.socket, 3, 1)).toEqual(pair.pages[1]);

		const before = await dump(stage.stub);
		await stage.add({
			admin: {
				...noChange,
				settings: { retentionDays: 0, defaultExpiryDays: null, linksAllowed: false }
			}
		});
		expect(await runDurableObjectAlarm(stage.stub)).toBe(true);
		expect(await fetchPage(stage.socket, 2)).toBeNull();
		expect(await fetchPage(stage.socket, 3, 1)).toBeNull();
		expect(await fetchPage(stage.socket, 3, 0)).toEqual(pair.pages[0]);
		const tables = await dump(stage.stub);
		const released = (old.pages[0]?.length ?? 0) + (pair.pages[1]?.length ?? 0);
		expect(before['space']).toMatchObject([{ released_bytes: 0 }]);
		expect(tables['space']).toMatchObject([{ released_bytes: released }]);
		expect(tables['superseded']).toEqual([]);
	});

	it('are due earlier from the moment in which the retention is made shorter', async () => {
		const stage = await openStage();
		const dayMs = 86_400_000;
		const dueInDays = () =>
			runInDurableObject(stage.stub, async (_space: unknown, { storage }: DurableObjectState) => {
				const alarmMs = (await storage.getAlarm()) ?? Number.NaN;
				return Math.round((alarmMs - Date.now()) / dayMs);
			});
		await stage.edit();
		await stage.add({ pages: [randomPage(20)], supersedes: [{ seq: 2, index: 0 }] });
		expect(await dueInDays()).toBe(30);
		const settings = { retentionDays: 7, defaultExpiryDays: null, linksAllowed: true };
		await stage.add({ admin: { ...noChange, settings } });
		expect(await dueInDays()).toBe(7);
	});

	it('are dropped at once by an owner who purges, unless they are live', async () => {
		const stage = await openStage();
		await stage.edit();
		await stage.edit();
		const page = { seq: 2, index: 0 };
		await stage.add({
			pages: [randomPage(5)],
			supersedes: [page],
			purge: [page, { seq: 3, index: 0 }]
		});
		expect(await fetchPage(stage.socket, 2)).toBeNull();
		expect(await fetchPage(stage.socket, 3)).toBeInstanceOf(Uint8Array);
	});

	it('are not purged by an editor', async () => {
		const stage = await openStage();
		await stage.edit();
		await stage.admit(bob, 'editor');
		const theirs = await connect(stage.log.space, bobsSession.token);
		const page = { seq: 2, index: 0 };
		const purge = await bob.commit(stage.log, bobsSession.device, {
			supersedes: [page],
			purge: [page]
		});
		expect(await theirs.ask(purge)).toMatchObject({ refusal: { code: 'forbidden' } });
	});

	it('are neither served nor kept once they have expired', async () => {
		const stage = await openStage();
		const pages = [randomPage(10), randomPage(10)];
		const timeMs = Date.now() - 10_000;
		await stage.add({ pages, timeMs, expiresAtMs: [timeMs + 1, timeMs + 86_400_000] });
		expect(await fetchPage(stage.socket, 2, 0)).toBeNull();
		const { entries } = await pull(await connect(stage.log.space, session.token), 1);
		expect(entries[0]?.pages).toEqual([null, pages[1]]);
		expect(await runDurableObjectAlarm(stage.stub)).toBe(true);
		const tables = await dump(stage.stub);
		expect(tables['pages']).toHaveLength(1);
		expect(tables['expiring']).toHaveLength(1);
	});

	it('take a row for a run of them, and one each to be dropped', async () => {
		const stage = await openStage();
		for (let edits = 0; edits < 20; edits++) await stage.edit();
		const trio = await stage.add({ pages: [randomPage(9), randomPage(9), randomPage(9)] });
		const live = await stage.edit();
		const supersedes = [
			...Array.from({ length: 20 }, (_, edit) => ({ seq: 2 + edit, index: 0 })),
			...[0, 1, 2].map((index) => ({ seq: 22, index }))
		].filter(({ seq }) => seq !== 10);
		const packed = await rowsWrittenBy(stage.stub, async () => {
			// In any order, and named twice.
			await stage.add({
				pages: [randomPage(20)],
				supersedes: [...supersedes].reverse().concat(supersedes.slice(0, 3))
			});
		});
		// The commit, and the pages before and after the one that stays.
		expect(packed).toBe(3);
		const isServed = async () => {
			const { entries } = await pull(await connect(stage.log.space, session.token));
			return entries.map(({ pages }) => pages.map((page) => page !== null));
		};
		const all = [[], ...Array.from({ length: 20 }, (_, edit) => [edit === 8])];
		expect(await isServed()).toEqual([...all, [false, false, false], [true], [true]]);
		expect(await fetchPage(stage.socket, 22, 2)).toEqual(trio.pages[2]);
		// What was superseded before is so since then, and what was not still is not.
		await stage.add({ supersedes: [...supersedes, { seq: 10, index: 0 }] });
		expect((await dump(stage.stub))['superseded']).toHaveLength(3);
		const before = await dump(stage.stub);
		await stage.add({
			admin: {
				...noChange,
				settings: { retentionDays: 0, defaultExpiryDays: null, linksAllowed: false }
			}
		});
		const dropped = await rowsWrittenBy(stage.stub, async () => {
			expect(await runDurableObjectAlarm(stage.stub)).toBe(true);
		});
		// Twenty in rows of commits, three apart, three ranges, and the count of what was released.
		expect(dropped).toBe(20 + 3 + 3 + 1);
		const tables = await dump(stage.stub);
		expect(tables['superseded']).toEqual([]);
		expect(tables['pages']).toEqual([]);
		const bytesOf = ({ commits = [], pages = [] }: typeof tables) =>
			[...commits.map(({ page }) => page), ...pages.map(({ sealed }) => sealed)]
				.map((hex) => (typeof hex === 'string' ? hex.length / 2 : 0))
				.reduce((sum, bytes) => sum + bytes, 0);
		const released = tables['space']?.[0]?.['released_bytes'];
		expect(bytesOf(before) - bytesOf(tables)).toBe(released);
		expect(await fetchPage(stage.socket, 23)).toEqual(live.pages[0]);
	});

	it('are purged out of the middle of a run, and nothing beside them', async () => {
		const stage = await openStage();
		const sealed: (Uint8Array | null | undefined)[] = [];
		for (let edit = 0; edit < 5; edit++) sealed.push((await stage.edit()).pages[0]);
		const supersedes = [2, 3, 4, 5].map((seq) => ({ seq, index: 0 }));
		await stage.add({ supersedes });
		await stage.add({
			purge: [
				{ seq: 4, index: 0 },
				{ seq: 6, index: 0 }
			]
		});
		for (const [edit, page] of sealed.entries()) {
			expect(await fetchPage(stage.socket, 2 + edit)).toEqual(edit === 2 ? null : page);
		}
		const { space } = await dump(stage.stub);
		expect(space).toMatchObject([{ released_bytes: sealed[2]?.length }]);
	});

	it('can be superseded twice, which changes nothing', async () => {
		const stage = await openStage();
		await stage.edit();
		const supersedes = [{ seq: 2, index: 0 }];
		await stage.add({ supersedes });
		const before = (await dump(stage.stub))['superseded'];
		await stage.add({ supersedes });
		expect((await dump(stage.stub))['superseded']).toEqual(before);
	});
});
