// Room: bytes and pages of a space, bytes and spaces of an account, members of a space. Exact, however many
// come at once; and a full space can still be cleared.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AccountSpaces, type RoomAsked } from '../../durable-objects/account-spaces.ts';
import type { AccountSpaceStore } from '../../durable-objects/account-space-store.ts';
import {
	defaultLimits,
	freeingReserveBytes,
	freeingReservePages
} from '../../durable-objects/limits.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { Append } from '../../protocol/frames.ts';
import type { OperatorLimits } from '../../protocol/http-operator.ts';
import { idFromBytes, type SpaceId } from '../../protocol/ids.ts';
import { minPagesOfSpace } from '../../protocol/limits.ts';
import { accountObject, connect, openEdge } from './edge.ts';
import { after, call, noChange, Person, randomPage, type Edge, type Session } from './person.ts';
import { Stage } from './space-stage.ts';
import { dump, rowsReadBy, rowsWrittenBy } from './storage.ts';

let edge: Edge;
let ada: Person;
let session: Session;

const setLimits = async (limits: Partial<OperatorLimits>): Promise<void> => {
	const change = { set: 'limits' as const, limits: { ...defaultLimits, ...limits } };
	const answer = await call(edge, 'operatorWrite', { change }, session.token);
	if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
};

beforeAll(async () => {
	edge = await openEdge();
	// The first account of this file's deployment: the operator's.
	ada = await Person.signUp(edge);
	session = await ada.logIn();
});
beforeEach(() => setLimits({}));

const sizeOf = ({ commit, signature, pages, wraps }: Append): number =>
	[commit, signature, ...pages, ...wraps].reduce((sum, part) => sum + part.length, 0);

/** As if the space held so many bytes, all of them set aside. */
async function fill(stage: Stage, bytes: number): Promise<void> {
	await runInDurableObject(stage.stub, (_object: unknown, { storage }: DurableObjectState) => {
		storage.sql.exec('UPDATE commits SET stored_bytes = ?', bytes);
		storage.sql.exec('UPDATE quota SET bytes = ?', bytes);
	});
	await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
}

const storedBytesOf = async (stage: Stage): Promise<number> => {
	const { commits = [], space = [] } = await dump(stage.stub);
	return Number(commits.at(-1)?.['stored_bytes']) - Number(space[0]?.['released_bytes']);
};

const accountOf = ({ answer }: Session) => accountObject(answer.handleHash);

const codeOf = (answer: object): string =>
	'refusal' in answer ? (answer.refusal as { code: string }).code : 'appended';

describe('EDG-05 one byte more than a space may hold', () => {
	const limits = { bytesPerSpace: 3_000_000 };

	it('is refused in one commit, and what is stored is what was counted', async () => {
		await setLimits(limits);
		const stage = await Stage.open(ada, session);
		const edit = await stage.form({ pages: [randomPage(1_000)] });
		await fill(stage, limits.bytesPerSpace - sizeOf(edit) + 1);
		expect(codeOf(await stage.socket.ask(edit))).toBe('over_quota');
		await fill(stage, limits.bytesPerSpace - sizeOf(edit));
		expect(codeOf(await stage.socket.ask(edit))).toBe('appended');
		expect(await storedBytesOf(stage)).toBe(limits.bytesPerSpace);
	});

	it('is refused among many pages, of which none is kept', async () => {
		await setLimits(limits);
		const stage = await Stage.open(ada, session);
		const pages = Array.from({ length: 8 }, () => randomPage(2_000));
		const edit = await stage.form({ pages });
		await fill(stage, limits.bytesPerSpace - sizeOf(edit) + 1);
		const before = await dump(stage.stub);
		expect(codeOf(await stage.socket.ask(edit))).toBe('over_quota');
		expect(await dump(stage.stub)).toEqual(before);
	});

	it('is refused of many that come at once from several devices', async () => {
		await setLimits(limits);
		const stage = await Stage.open(ada, session);
		const others = await Promise.all([ada.logIn(), ada.logIn()]);
		const edits = await Promise.all(
			others.map(async ({ device, token }) => ({
				socket: await connect(stage.log.space, token),
				edit: await ada.commit(stage.log, device, { pages: [randomPage(1_000)] })
			}))
		);
		const [first] = edits;
		await fill(stage, limits.bytesPerSpace - 2 * sizeOf(first!.edit) + 1);
		const answers = await Promise.all(edits.map(({ socket, edit }) => socket.ask(edit)));
		expect(answers.map(codeOf).toSorted()).toEqual(['appended', 'over_quota']);
		expect(await storedBytesOf(stage)).toBeLessThanOrEqual(limits.bytesPerSpace);
	});

	it('is refused when it takes the place of something: history is kept', async () => {
		await setLimits(limits);
		const stage = await Stage.open(ada, session);
		await stage.edit();
		const page = { seq: stage.log.head.seq, index: 0 };
		const edit = await stage.form({ pages: [randomPage(200_000)], supersedes: [page] });
		await fill(stage, limits.bytesPerSpace - sizeOf(edit) + 1);
		expect(codeOf(await stage.socket.ask(edit))).toBe('over_quota');
	});

	it('is refused however small it comes', async () => {
		await setLimits(limits);
		const stage = await Stage.open(ada, session);
		await fill(stage, limits.bytesPerSpace);
		for (let tries = 0; tries < 5; tries++) {
			const edit = await stage.form({ pages: [randomPage(1)], count: 2 });
			expect(codeOf(await stage.socket.ask(edit))).toBe('over_quota');
		}
		expect(await storedBytesOf(stage)).toBe(limits.bytesPerSpace);
	});

	it('is room for what frees some, within a reserve that ends', async () => {
		await setLimits(limits);
		const stage = await Stage.open(ada, session);
		await stage.edit();
		const page = { seq: stage.log.head.seq, index: 0 };
		await fill(stage, limits.bytesPerSpace);
		const purge = await stage.form({ supersedes: [page], purge: [page] });
		expect(codeOf(await stage.socket.ask(purge))).toBe('appended');
		await fill(stage, limits.bytesPerSpace + freeingReserveBytes);
		await runInDurableObject(stage.stub, (_object: unknown, { storage }: DurableObjectState) => {
			storage.sql.exec('UPDATE quota SET bytes = ?', limits.bytesPerSpace);
		});
		await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
		stage.log = after(stage.log, purge);
		const again = await stage.form({ supersedes: [page] });
		expect(codeOf(await stage.socket.ask(again))).toBe('over_quota');
	});
});

describe('EDG-05 one page more than a space may hold', () => {
	const limits = { pagesPerSpace: minPagesOfSpace };

	/** As if so many were live, and as many might be. */
	async function fillPages(stage: Stage, pages: number): Promise<void> {
		await runInDurableObject(stage.stub, (_object: unknown, { storage }: DurableObjectState) => {
			storage.sql.exec('UPDATE commits SET live_pages = ?', pages);
			storage.sql.exec('UPDATE quota SET pages = ?', limits.pagesPerSpace);
		});
		await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
	}

	const livePagesOf = async (stage: Stage): Promise<number> => {
		const { commits = [], space = [] } = await dump(stage.stub);
		return Number(commits.at(-1)?.['live_pages']) - Number(space[0]?.['expired_pages']);
	};

	const pagesOf = (count: number) => Array.from({ length: count }, () => randomPage(100));

	it('is refused in one commit or among many, and no more is live than may be', async () => {
		await setLimits(limits);
		const stage = await Stage.open(ada, session);
		const edit = await stage.form({ pages: pagesOf(8) });
		await fillPages(stage, limits.pagesPerSpace - 7);
		const before = await dump(stage.stub);
		expect(codeOf(await stage.socket.ask(edit))).toBe('over_quota');
		expect(await dump(stage.stub)).toEqual(before);
		await fillPages(stage, limits.pagesPerSpace - 8);
		expect(codeOf(await stage.socket.ask(edit))).toBe('appended');
		expect(await livePagesOf(stage)).toBe(limits.pagesPerSpace);
		stage.log = after(stage.log, edit);
		const one = await stage.form({ pages: pagesOf(1) });
		expect(codeOf(await stage.socket.ask(one))).toBe('over_quota');
	});

	it('is refused of many that come at once from several devices', async () => {
		await setLimits(limits);
		const person = await Person.signUp(edge);
		const stage = await Stage.open(person, await person.logIn());
		const others = await Promise.all([person.logIn(), person.logIn()]);
		const edits = await Promise.all(
			others.map(async ({ device, token }) => ({
				socket: await connect(stage.log.space, token),
				edit: await person.commit(stage.log, device, { pages: pagesOf(2) })
			}))
		);
		await fillPages(stage, limits.pagesPerSpace - 3);
		const answers = await Promise.all(edits.map(({ socket, edit }) => socket.ask(edit)));
		expect(answers.map(codeOf).toSorted()).toEqual(['appended', 'over_quota']);
		expect(await livePagesOf(stage)).toBe(limits.pagesPerSpace - 1);
	});

	it('takes the place of another, which counts once, and not of one that is gone', async () => {
		await setLimits(limits);
		const stage = await Stage.open(ada, session);
		await stage.edit();
		const page = { seq: stage.log.head.seq, index: 0 };
		await fillPages(stage, limits.pagesPerSpace);
		const edit = await stage.form({ pages: pagesOf(1), supersedes: [page, page] });
		expect(codeOf(await stage.socket.ask(edit))).toBe('appended');
		expect(await livePagesOf(stage)).toBe(limits.pagesPerSpace);
		stage.log = after(stage.log, edit);
		// What would take the place of nothing comes out of the reserve, which ends.
		await fillPages(stage, limits.pagesPerSpace + freeingReservePages);
		const again = await stage.form({ pages: pagesOf(1), supersedes: [page] });
		expect(codeOf(await stage.socket.ask(again))).toBe('over_quota');
		await fillPages(stage, limits.pagesPerSpace + freeingReservePages - 1);
		expect(codeOf(await stage.socket.ask(again))).toBe('appended');
		expect(await livePagesOf(stage)).toBe(limits.pagesPerSpace + freeingReservePages);
	});

	it('is no matter to what brings none, nor once the limit is higher', async () => {
		await setLimits(limits);
		const stage = await Stage.open(ada, session);
		await stage.edit();
		await fillPages(stage, limits.pagesPerSpace + freeingReservePages);
		const page = { seq: stage.log.head.seq, index: 0 };
		const purge = await stage.form({ supersedes: [page], purge: [page] });
		expect(codeOf(await stage.socket.ask(purge))).toBe('appended');
		stage.log = after(stage.log, purge);
		const edit = await stage.form({ pages: pagesOf(1) });
		expect(codeOf(await stage.socket.ask(edit))).toBe('over_quota');
		await setLimits({ pagesPerSpace: 2 * freeingReservePages });
		expect(codeOf(await stage.socket.ask(edit))).toBe('appended');
		expect(await livePagesOf(stage)).toBe(limits.pagesPerSpace + freeingReservePages);
	});

	it('is given back by the alarm that drops what has expired, once', async () => {
		const stage = await Stage.open(ada, session);
		const before = await livePagesOf(stage);
		const expiresAtMs = [Date.now() + 60_000, null, Date.now() + 60_000];
		const edit = await stage.form({ pages: pagesOf(3), expiresAtMs });
		expect(codeOf(await stage.socket.ask(edit))).toBe('appended');
		stage.log = after(stage.log, edit);
		expect(await livePagesOf(stage)).toBe(before + 3);
		const page = { seq: stage.log.head.seq, index: 0 };
		const superseding = await stage.form({ supersedes: [page] });
		expect(codeOf(await stage.socket.ask(superseding))).toBe('appended');
		expect(await livePagesOf(stage)).toBe(before + 2);
		await runInDurableObject(stage.stub, (_object: unknown, { storage }: DurableObjectState) => {
			storage.sql.exec('UPDATE expiring SET expires_at_ms = 1');
		});
		await runDurableObjectAlarm(stage.stub);
		expect(await livePagesOf(stage)).toBe(before + 1);
		await runDurableObjectAlarm(stage.stub);
		expect(await livePagesOf(stage)).toBe(before + 1);
	});
});

describe('an account', () => {
	it('EDG-05 makes as many spaces as it may, however many it begins at once', async () => {
		const person = await Person.signUp(edge);
		const own = await person.logIn();
		await setLimits({ spacesPerAccount: 3 });
		const answers = await Promise.all(
			Array.from({ length: 6 }, async () => {
				const { log, append } = await person.genesis(own.device);
				return (await connect(log.space, own.token)).ask(append);
			})
		);
		expect(answers.map(codeOf).filter((code) => code === 'appended')).toHaveLength(3);
		expect(answers.map(codeOf).filter((code) => code === 'over_quota')).toHaveLength(3);
		expect((await dump(accountOf(own)))['own_spaces']).toHaveLength(3);
	});

	it('is told what it uses and may use, by one row for each of its spaces, and writes none', async () => {
		await setLimits({ spacesPerAccount: 7 });
		const person = await Person.signUp(edge);
		const own = await person.logIn();
		const usage = () => call(edge, 'usageRead', {}, own.token);
		const { bytesPerAccount, bytesPerSpace, membersPerSpace, pagesPerSpace } = defaultLimits;
		const perSpace = { bytesPerSpace, membersPerSpace, pagesPerSpace };
		const limits = { spacesPerAccount: 7, bytesPerAccount, ...perSpace };
		const allowed = { isOperator: false, sendsSms: false, limits };
		expect((await usage()).body).toEqual({ ...allowed, spaces: [] });
		const rowsOf = (by: typeof rowsReadBy) =>
			by(accountOf(own), async () => {
				await usage();
			});
		const stages = [await Stage.open(person, own)];
		const one = await rowsOf(rowsReadBy);
		stages.push(await Stage.open(person, own), await Stage.open(person, own));
		const { body } = await usage();
		expect(body).toMatchObject(allowed);
		const listed = new Map(body.spaces.map(({ space, bytes }) => [space, bytes]));
		for (const stage of stages) {
			expect(listed.get(stage.log.space)).toBeGreaterThanOrEqual(await storedBytesOf(stage));
		}
		expect(listed.size).toBe(3);
		expect(await rowsOf(rowsReadBy)).toBe(one + 2);
		expect(await rowsOf(rowsWrittenBy)).toBe(0);
		expect((await call(edge, 'usageRead', {}, session.token)).body).toMatchObject({
			isOperator: true
		});
	});

	it('EDG-05 has room for all its spaces together, and the operator sees how much', async () => {
		const limits = { ...defaultLimits, bytesPerAccount: 10_000, bytesPerSpace: 9_000 };
		const rows = new Map<SpaceId, number>();
		const store = {
			load: () => new Map(rows),
			save: (space: SpaceId, bytes: number) => void rows.set(space, bytes)
		} as unknown as AccountSpaceStore;
		const noted: number[] = [];
		const spaces = new AccountSpaces({
			...{ store, limits: () => Promise.resolve(limits) },
			noteBytes: (bytes) => Promise.resolve(void noted.push(bytes)),
			erase: () => Promise.resolve()
		});
		const pages = limits.pagesPerSpace;
		const [one, two] = [randomBytes(16), randomBytes(16)].map((id) => idFromBytes<SpaceId>(id));
		const ask = (asked: RoomAsked) => spaces.setAside(asked);
		const asked = {
			space: one!,
			neededBytes: 4_000,
			wantedBytes: 6_000,
			neededPages: 0,
			account: '' as const
		};
		expect(await ask(asked)).toEqual({ ok: true, value: { bytes: 6_000, pages } });
		expect(await ask(asked)).toEqual({ ok: true, value: { bytes: 6_000, pages } });
		expect(await ask({ ...asked, neededBytes: 9_001 })).toMatchObject({ error: 'over_quota' });
		const both = await Promise.all([
			ask({ ...asked, space: two!, wantedBytes: 8_000 }),
			ask({ ...asked, neededBytes: 6_001, wantedBytes: 9_000 })
		]);
		expect(both).toEqual([
			{ ok: true, value: { bytes: 4_000, pages } },
			{ ok: false, error: 'over_quota' }
		]);
		expect(noted).toEqual([6_000, 10_000]);
		// Lower limits take nothing back.
		limits.bytesPerAccount = 1_000;
		expect(await ask(asked)).toEqual({ ok: true, value: { bytes: 6_000, pages } });
	});
});

describe('members', () => {
	it('EDG-05 are as many as may be; whoever is in stays, and can be removed from a full space', async () => {
		await setLimits({ membersPerSpace: 2 });
		const stage = await Stage.open(ada, session);
		const [bob, carol] = [await Person.signUp(edge), await Person.signUp(edge)];
		await stage.admit(bob, 'auditor');
		const member = {
			...{ account: carol.account, role: 'auditor' as const, kind: 'person' as const },
			identityEntry: carol.identity.bytes
		};
		const adding = { admin: { ...noChange, members: [member] } };
		expect(await stage.refusal(adding)).toBe('over_quota');
		await setLimits({ membersPerSpace: 1, bytesPerSpace: 3_000_000 });
		await fill(stage, 3_000_000);
		expect(await stage.refusal({ pages: [randomPage(1)] })).toBe('over_quota');
		await stage.remove(bob);
		expect(await stage.refusal(adding)).toBe('over_quota');
	});
});
