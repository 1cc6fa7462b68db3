import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { maxResendDistance, snapshotEveryCommits } from '../../durable-objects/limits.ts';
import { attach, attachmentOf, hasExpired } from '../../durable-objects/space-sockets.ts';
import { encodeClientFrame } from '../../protocol/frames.ts';
import { resendPlaces } from '../../durable-objects/space-log.ts';
import { SpaceStore } from '../../durable-objects/space-store.ts';
import type { Space } from '../../durable-objects/space.ts';
import { connect, openEdge, refusalOf, upgrade } from './edge.ts';
import { after, newDeviceId, Person, randomPage, type Session } from './person.ts';
import { pull, Stage, stubOf } from './space-stage.ts';
import { dump, rowsReadBy, rowsWrittenBy } from './storage.ts';

let ada: Person;
let session: Session;
/** Hers on another device. */
let second: Session;
let bob: Person;
let bobsSession: Session;

beforeAll(async () => {
	const edge = await openEdge();
	ada = await Person.signUp(edge);
	session = await ada.logIn();
	second = await ada.logIn();
	bob = await Person.signUp(edge);
	bobsSession = await bob.logIn();
});

const openStage = () => Stage.open(ada, session);

/** Sets the clock of a session's sockets: their token expired a moment ago. */
const expireTokens = (stage: Stage, { answer }: Session) =>
	runInDurableObject(stage.stub, (_object: unknown, state: DurableObjectState) => {
		for (const socket of state.getWebSockets(answer.session.id)) {
			const attachment = attachmentOf(socket);
			expect(attachment.expiresAtMs).toBe(answer.session.accessExpiresAtMs);
			attach(socket, { ...attachment, expiresAtMs: Date.now() });
		}
	});

describe('the log', () => {
	it('takes a first entry, edits, and gives them back as they were', async () => {
		const stage = await openStage();
		const edit = await stage.edit();
		const { entries, offered } = await pull(await connect(stage.log.space, session.token));
		expect(entries.map(({ seq }) => seq)).toEqual([1, 2]);
		expect(entries[0]?.wraps).toHaveLength(1);
		expect(entries[1]).toEqual({
			...{ seq: 2, commit: edit.commit, signature: edit.signature },
			...{ pages: edit.pages, wraps: [], previousKey: null }
		});
		expect(offered).toEqual(stage.log.head);
	});

	it('acknowledges the same bytes again with the same seq, and writes nothing', async () => {
		const stage = await openStage();
		const edit = await stage.edit();
		await stage.edit();
		const before = await dump(stage.stub);
		expect(await stage.socket.ask(edit)).toEqual({ type: 'appended', count: 2, seq: 2 });
		await evictDurableObject(stage.stub);
		expect(await stage.socket.ask(edit)).toEqual({ type: 'appended', count: 2, seq: 2 });
		expect(await dump(stage.stub)).toEqual(before);
	});

	it('acknowledges what a lost connection left unanswered, after others wrote', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'editor');
		const theirs = await connect(stage.log.space, bobsSession.token);
		const unanswered = await stage.form({ pages: [randomPage(10)] });
		stage.socket.send(unanswered);
		const { seq } = await stage.socket.nextOf('appended');
		stage.socket.socket.close(1000);
		let log = after(stage.log, unanswered);
		for (let index = 0; index < 20; index++) {
			const edit = await bob.commit(log, bobsSession.device, { pages: [randomPage(10)] });
			expect(await theirs.ask(edit)).toMatchObject({ type: 'appended' });
			log = after(log, edit);
		}
		const again = await connect(stage.log.space, session.token);
		expect(await again.ask(unanswered)).toMatchObject({ type: 'appended', seq });
	});

	it('reads a bounded part of itself to find the same bytes again', async () => {
		const stage = await openStage();
		const edit = await stage.edit();
		await stage.edit();
		// Rows in place of the entries that nobody could wait for; the log's state ends before them.
		const moveHeadTo = (seq: number) =>
			runInDurableObject(stage.stub, (_object: unknown, state: DurableObjectState) => {
				state.storage.sql.exec(
					`INSERT INTO commits SELECT value + 3, head, 0, stored_bytes, 0, 0, zeroblob(64), zeroblob(200), NULL, NULL
						FROM commits, json_each(?) WHERE seq = 3`,
					JSON.stringify(Array.from({ length: seq - 3 }, (_, index) => index + 1))
				);
			});
		const find = (head: number) =>
			runInDurableObject(stage.stub, (_object: Space, state: DurableObjectState) =>
				new SpaceStore(state.storage).findCommit(edit, resendPlaces({ seen: 1, head, later: 1 }))
			);
		await moveHeadTo(3 * maxResendDistance);
		let found: number | undefined;
		const rows = await rowsReadBy(stage.stub, async () => {
			found = await find(3 * maxResendDistance);
		});
		expect(found).toBeUndefined();
		expect(rows).toBeGreaterThan(maxResendDistance - 10);
		expect(rows).toBeLessThan(maxResendDistance + 30);
		expect(await find(maxResendDistance)).toBe(2);
	});

	it('survives eviction while sockets stay open', async () => {
		const stage = await openStage();
		const reader = await connect(stage.log.space, second.token);
		await pull(reader);
		await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
		const edit = await stage.edit();
		const { entries } = await reader.nextOf('entries');
		expect(entries.map(({ seq, commit }) => ({ seq, commit }))).toEqual([
			{ seq: 2, commit: edit.commit }
		]);
	});

	it('wakes from a snapshot and the commits after it', async () => {
		const stage = await openStage();
		const target = snapshotEveryCommits + 40;
		while (stage.log.head.seq < target) await stage.edit(10);
		const { space } = await dump(stage.stub);
		expect(space).toMatchObject([{ state_seq: snapshotEveryCommits }]);
		await evictDurableObject(stage.stub);
		const socket = await connect(stage.log.space, session.token);
		const { offered } = await pull(socket, target);
		expect(offered).toEqual(stage.log.head);
		await stage.edit();
	}, 60_000);

	it('puts commits that arrive at once into one order, the same for all', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'editor');
		const theirs = await connect(stage.log.space, bobsSession.token);
		const reader = await connect(stage.log.space, second.token);
		await pull(reader);
		const mine = [];
		const his = [];
		for (let index = 0; index < 10; index++) {
			mine.push(await stage.form({ pages: [randomPage(50)] }));
			his.push(await bob.commit(stage.log, bobsSession.device, { pages: [randomPage(50)] }));
		}
		for (const [index, append] of mine.entries()) {
			stage.socket.send(append);
			theirs.send(his[index] ?? append);
		}
		const places = new Map<string, number>();
		for (let index = 0; index < 10; index++) {
			const own = await stage.socket.nextOf('appended');
			places.set(`ada ${String(own.count)}`, own.seq);
			const other = await theirs.nextOf('appended');
			places.set(`bob ${String(other.count)}`, other.seq);
		}
		const seqs = [...places.values()].sort((a, b) => a - b);
		expect(seqs).toEqual(Array.from({ length: 20 }, (_, index) => index + 3));
		const seen = [];
		for (let index = 0; index < 20; index++) seen.push(await reader.nextOf('entries'));
		expect(seen.map(({ entries }) => entries[0]?.seq)).toEqual(seqs);
	});

	it('writes one row for a live edit', async () => {
		const stage = await openStage();
		const rows = await rowsWrittenBy(stage.stub, async () => {
			for (let index = 0; index < 10; index++) await stage.edit();
		});
		expect(rows).toBe(10);
	});

	it('writes about as many rows for an import as it has pages', async () => {
		const stage = await openStage();
		// 157 pages of 64 KiB in commits of 16, as an import of 10,000 notes brings them.
		const rows = await rowsWrittenBy(stage.stub, async () => {
			for (let left = 157; left > 0; left -= 16) {
				const pages = Array.from({ length: Math.min(left, 16) }, () => randomPage(65_000));
				await stage.add({ pages });
			}
		});
		// Three steps of room, each a row at the space, at its account, and at the deployment.
		expect(rows).toBe(157 + 10 + 3 * 3);
	}, 60_000);

	it('stops a long pull with an empty frame, and goes on where the next one asks', async () => {
		const stage = await openStage();
		for (let index = 0; index < 18; index++) {
			await stage.add({ pages: [randomPage(990_000), randomPage(990_000)] });
		}
		const reader = await connect(stage.log.space, session.token, 0);
		let verified = 0;
		let stops = 0;
		while (verified < stage.log.head.seq) {
			const { entries, offered } = await reader.nextOf('entries');
			expect(offered).toEqual(stage.log.head);
			for (const { seq } of entries) expect(seq).toBe(++verified);
			if (entries.length > 0) continue;
			stops += 1;
			reader.send({ type: 'pull', after: verified });
		}
		expect(stops).toBe(1);
	}, 60_000);
});

describe('sockets', () => {
	it('tell the author where a commit stands, and give the entry to those who pulled', async () => {
		const stage = await openStage();
		const live = await connect(stage.log.space, second.token);
		await pull(live);
		const silent = await connect(stage.log.space, session.token);
		await stage.edit();
		expect((await live.nextOf('entries')).entries).toHaveLength(1);
		// Had the silent one been sent the entry, its next frame would not be this answer.
		expect((await pull(silent, 2)).entries).toEqual([]);
	});

	it('that say where to go on from are given what stands after it, and then what comes', async () => {
		const stage = await openStage();
		await stage.edit();
		const live = await connect(stage.log.space, second.token, 1);
		expect((await live.nextOf('entries')).entries.map(({ seq }) => seq)).toEqual([2]);
		await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
		await stage.edit();
		expect((await live.nextOf('entries')).entries.map(({ seq }) => seq)).toEqual([3]);
	});

	it('are refused to strangers, and to sessions that are not there', async () => {
		const stage = await openStage();
		const { space } = stage.log;
		expect(await refusalOf(await upgrade(space, bobsSession.token))).toBe(4404);
		expect(await refusalOf(await upgrade(space, bobsSession.token, {}, 0))).toBe(4404);
		expect(await refusalOf(await upgrade(space, 'tacet_at_AAAA.AAAA'))).toBe(4401);
		expect(await refusalOf(await upgrade(space, ''))).toBe(4401);
	});

	it('close when their member is removed, who hears nothing of what follows', async () => {
		const stage = await openStage();
		await stage.admit(bob, 'viewer');
		const theirs = await connect(stage.log.space, bobsSession.token);
		await pull(theirs);
		await stage.remove(bob);
		expect(await theirs.closed).toBe(4404);
		await expect(theirs.next()).rejects.toThrow('closed with 4404');
		expect(await refusalOf(await upgrade(stage.log.space, bobsSession.token))).toBe(4404);
	});

	it('close when their session ends, and the dead session is refused elsewhere too', async () => {
		const stage = await openStage();
		const device = newDeviceId();
		const first = await ada.logIn(device);
		const socket = await connect(stage.log.space, first.token);
		await ada.logIn(device);
		expect(await socket.closed).toBe(4401);
		await evictDurableObject(stage.stub);
		expect(await refusalOf(await upgrade(stage.log.space, first.token))).toBe(4401);
	});

	it('append nothing once their session has ended, wherever a frame is on its way', async () => {
		const eve = await Person.signUp(await openEdge());
		const device = newDeviceId();
		let eves = await eve.logIn(device);
		const { log: empty, append } = await eve.genesis(device);
		await (await connect(empty.space, eves.token)).ask(append);
		let log = after(empty, append);
		const stub = stubOf(log);
		const outcomes = new Set<string>();
		// The end comes one step of the frame's work later each time.
		for (let steps = 0; steps < 40; steps++) {
			eves = await eve.logIn(device);
			await connect(log.space, eves.token);
			const edit = await eve.commit(log, device, {
				pages: [randomPage(10)],
				count: log.head.seq + 1
			});
			const { id } = eves.answer.session;
			const seqs = await runInDurableObject(
				stub,
				async (space: Space, state: DurableObjectState) => {
					const newest = () =>
						state.storage.sql.exec<{ seq: number }>('SELECT max(seq) AS seq FROM commits').one()
							.seq;
					const [socket] = state.getWebSockets(id);
					if (socket === undefined) throw new Error('the session has a socket');
					const frame = encodeClientFrame(edit).slice().buffer;
					const answered = space.webSocketMessage(socket, frame);
					for (let step = 0; step < steps; step++) await Promise.resolve();
					space.endSession(id, Date.now() + 60_000);
					const atEnd = newest();
					await answered;
					// What it remembers outlives the object's memory.
					const isOver = hasExpired(attachmentOf(socket));
					return { atEnd, afterwards: newest(), isOver };
				}
			);
			expect(seqs.afterwards).toBe(seqs.atEnd);
			expect(seqs.isOver).toBe(true);
			outcomes.add(seqs.atEnd > log.head.seq ? 'before' : 'never');
			if (seqs.atEnd > log.head.seq) log = after(log, edit);
		}
		expect([...outcomes]).toContain('never');
	}, 60_000);

	it('close at the first frame after their token has expired, which is not answered', async () => {
		const stage = await openStage();
		const edit = await stage.form({ pages: [randomPage(10)] });
		const before = await dump(stage.stub);
		await expireTokens(stage, session);
		stage.socket.send(edit);
		expect(await stage.socket.closed).toBe(4401);
		expect(await dump(stage.stub)).toEqual(before);
		const again = await connect(stage.log.space, session.token);
		expect(await again.ask(edit)).toMatchObject({ type: 'appended', seq: 2 });
	});

	it('are passed nothing after their token has expired, and close', async () => {
		const stage = await openStage();
		const [expired, live] = [second, session].map(({ token }) => connect(stage.log.space, token));
		const [listening, other] = [await expired, await live];
		if (listening === undefined || other === undefined) throw new Error('both are open');
		await pull(listening);
		await pull(other);
		await expireTokens(stage, second);
		await evictDurableObject(stage.stub, { webSockets: 'hibernate' });
		await stage.edit();
		expect((await other.nextOf('entries')).entries).toHaveLength(1);
		expect(await listening.closed).toBe(4401);
		await expect(listening.next()).rejects.toThrow('closed with 4401');
		const again = await connect(stage.log.space, second.token);
		expect((await pull(again, 1)).entries).toHaveLength(1);
	});

	it('close when they send too many frames', async () => {
		const stage = await openStage();
		const socket = await connect(stage.log.space, session.token);
		for (let index = 0; index < 6_000; index++) {
			socket.send({ type: 'fetch', pages: [{ seq: 9, index: 0 }] });
		}
		expect(await socket.closed).toBe(4429);
	});

	it('give a viewer the pages and an auditor none', async () => {
		const stage = await openStage();
		await stage.edit();
		const wrap = await stage.admit(bob, 'viewer');
		const theirs = await connect(stage.log.space, bobsSession.token);
		const { entries } = await pull(theirs);
		expect(entries[1]?.pages[0]).toBeInstanceOf(Uint8Array);
		expect(entries.map(({ wraps }) => wraps)).toEqual([[], [], [{ index: 0, wrap }]]);

		const other = await openStage();
		await other.add({ pages: [randomPage(10)] });
		await other.admit(bob, 'auditor');
		const audited = await connect(other.log.space, bobsSession.token);
		const seen = (await pull(audited)).entries;
		expect(seen.map(({ pages }) => pages)).toEqual([[], [null], []]);
		await other.edit();
		expect((await audited.nextOf('entries')).entries[0]?.pages).toEqual([null]);
		const fetched = await audited.ask({ type: 'fetch', pages: [{ seq: 2, index: 0 }] });
		expect(fetched).toEqual({ type: 'pages', pages: [{ seq: 2, index: 0, page: null }] });
	});
});
