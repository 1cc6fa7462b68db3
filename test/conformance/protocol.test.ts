// What docs/protocol.md promises of an edge, asked of the shipped bundle from outside. README.md
// says which section each test is about.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { errorResponse, routes } from '../../protocol/http.ts';
import { idFromBytes, type SpaceId } from '../../protocol/ids.ts';
import { accessTokenTtlSeconds, maxSessionsPerAccount } from '../../protocol/limits.ts';
import {
	after,
	call,
	member,
	newDeviceId,
	newHandle,
	noChange,
	Person,
	randomPage,
	type Edge,
	type Log,
	type Session
} from '../durable-objects/person.ts';
import { Harness, type Socket } from './harness.ts';

const harness = new Harness();
let edge: Edge;
let ada: Person;
let session: Session;
let bob: Person;
let bobsSession: Session;

beforeAll(async () => {
	await harness.start();
	edge = await harness.edge();
	ada = await Person.signUp(edge);
	session = await ada.logIn();
	bob = await Person.signUp(edge);
	bobsSession = await bob.logIn();
});
afterAll(() => harness.stop());

/** A new space of Ada's, with a socket that took its hello. */
async function openSpace(): Promise<{ log: Log; socket: Socket }> {
	const { log, append } = await ada.genesis(session.device);
	const socket = await harness.connect(log.space, session.token);
	expect(await socket.nextOf('hello')).toMatchObject({ offered: { seq: 0 } });
	expect(await socket.ask(append)).toEqual({ type: 'appended', count: 1, seq: 1 });
	return { log: after(log, append), socket };
}

/** Appends one edit, and answers with the log after it. */
async function edit(log: Log, socket: Socket): Promise<Log> {
	const append = await ada.commit(log, session.device, { pages: [randomPage(100)] });
	expect(await socket.ask(append)).toMatchObject({ type: 'appended', seq: log.head.seq + 1 });
	return after(log, append);
}

const pull = async (socket: Socket, seq = 0) => {
	const frame = await socket.ask({ type: 'pull', after: seq });
	if (frame.type !== 'entries') throw new Error(`expected entries, got ${frame.type}`);
	return frame;
};

describe('HTTP', () => {
	it('answers every route by its schema', async () => {
		const handle = newHandle();
		const started = edge.opaque.startRegistration({ password: 'x' });
		const answers = {
			health: await call(edge, 'health', {}),
			registrationStart: await call(edge, 'registrationStart', {
				handle,
				registrationRequest: started.registrationRequest,
				invite: null
			}),
			loginStart: await call(edge, 'loginStart', {
				handle,
				ke1: edge.opaque.startLogin({ password: 'x' }).startLoginRequest
			}),
			accountRead: await call(edge, 'accountRead', { after: 0 }, session.token)
		};
		expect(v.is(routes.health.response, answers.health.body)).toBe(true);
		expect(v.is(routes.registrationStart.response, answers.registrationStart.body)).toBe(true);
		expect(v.is(routes.loginStart.response, answers.loginStart.body)).toBe(true);
		expect(v.is(routes.accountRead.response, answers.accountRead.body)).toBe(true);
		expect(v.is(routes.loginFinish.response, session.answer)).toBe(true);
	});

	it('refuses in one form, and lets nothing be cached', async () => {
		const refused = await fetch(`${harness.url}${routes.loginStart.path}`, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json' },
			body: '{"handle":"ada","unknown":1}'
		});
		expect(refused.status).toBe(400);
		expect(refused.headers.get('Cache-Control')).toBe('no-store');
		expect(v.parse(errorResponse, await refused.json())).toEqual({ error: { code: 'malformed' } });
	});

	it('refuses a page of another origin', async () => {
		const headers = { Origin: 'https://evil.test' };
		const refused = await fetch(`${harness.url}${routes.health.path}`, { headers });
		expect(refused.status).toBe(403);
	});

	it('answers an unknown handle as it answers a known one', async () => {
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'wrong' });
		const known = await call(edge, 'loginStart', { handle: ada.handle, ke1 });
		const unknown = await call(edge, 'loginStart', { handle: newHandle(), ke1 });
		expect(unknown.status).toBe(known.status);
		expect(unknown.body.ke2).toHaveLength(known.body.ke2.length);
		expect(Object.keys(unknown.body)).toEqual(Object.keys(known.body));
	});

	it('gives a handle to one person', async () => {
		const { registrationRequest } = edge.opaque.startRegistration({ password: 'x' });
		const taken = await call(edge, 'registrationStart', {
			handle: ada.handle.toUpperCase(),
			registrationRequest,
			invite: null
		});
		expect(taken).toEqual({ status: 409, body: { error: { code: 'handle_taken' } } });
	});
});

describe('sessions and tokens', () => {
	it('are one for each device, at most three, and the newcomer names who had to go', async () => {
		const eve = await Person.signUp(edge);
		const device = newDeviceId();
		const first = await eve.logIn(device);
		const again = await eve.logIn(device);
		expect(again.answer.ended).toEqual([]);
		expect((await call(edge, 'accountRead', { after: 0 }, first.token)).status).toBe(401);
		for (let index = 1; index < maxSessionsPerAccount; index++) await eve.logIn();
		const last = await eve.logIn();
		expect(last.answer.ended).toEqual([again.answer.session.id]);
	});

	it('rotate at refresh, once more if an answer was lost, and end when an older token is used', async () => {
		const eve = await Person.signUp(edge);
		const { refreshToken, answer } = await eve.logIn();
		const fresh = await call(edge, 'sessionRefresh', { refreshToken });
		const { accessToken, accessExpiresAtMs } = fresh.body.session;
		expect(fresh.body.session.id).toBe(answer.session.id);
		expect(accessExpiresAtMs - Date.now()).toBeLessThanOrEqual(accessTokenTtlSeconds * 1_000);
		const again = await call(edge, 'sessionRefresh', { refreshToken });
		expect([again.status, again.body.session.id]).toEqual([200, answer.session.id]);
		const next = await call(edge, 'sessionRefresh', {
			refreshToken: again.body.session.refreshToken
		});
		expect(next.status).toBe(200);
		expect((await call(edge, 'sessionRefresh', { refreshToken })).status).toBe(401);
		expect((await call(edge, 'accountRead', { after: 0 }, accessToken)).status).toBe(401);
	});

	it('that end close their sockets, and are refused everywhere', async () => {
		const eve = await Person.signUp(edge);
		const { token, device } = await eve.logIn();
		const { log, append } = await eve.genesis(device);
		const socket = await harness.connect(log.space, token);
		await socket.nextOf('hello');
		await socket.ask(append);
		expect((await call(edge, 'sessionsEnd', { sessions: 'own' }, token)).status).toBe(200);
		expect(await socket.closed).toBe(4401);
		expect(await (await harness.connect(log.space, token)).closed).toBe(4401);
		expect((await call(edge, 'accountRead', { after: 0 }, token)).status).toBe(401);
	});
});

describe('the socket', () => {
	it('refuses strangers, forged tokens and other versions with codes that a browser sees', async () => {
		const { log } = await openSpace();
		expect(await (await harness.connect(log.space, bobsSession.token)).closed).toBe(4404);
		expect(await (await harness.connect(log.space, 'tacet_at_AAAA.AAAA')).closed).toBe(4401);
		expect(await (await harness.connect(log.space, session.token, 'tacet.9')).closed).toBe(4426);
	});

	it('is open to anybody with a session while a space has no entry', async () => {
		const nowhere = idFromBytes<SpaceId>(randomBytes(16));
		const socket = await harness.connect(nowhere, bobsSession.token);
		expect(await socket.nextOf('hello')).toMatchObject({ offered: { seq: 0 } });
		expect((await pull(socket)).entries).toEqual([]);
		await socket.close();
	});

	it('closes on a frame that is none', async () => {
		const { socket } = await openSpace();
		socket.socket.send(new Uint8Array([1, 2, 3]));
		expect(await socket.closed).toBe(4400);
	});

	it('answers a ping', async () => {
		const { log } = await openSpace();
		const socket = await harness.connect(log.space, session.token);
		await socket.nextOf('hello');
		await socket.close();
		const plain = (await harness.connect(log.space, session.token)).socket;
		const pong = new Promise((resolve) => {
			plain.addEventListener('message', ({ data }) => {
				if (typeof data === 'string') resolve(data);
			});
		});
		plain.send('ping');
		expect(await pong).toBe('pong');
		plain.close(1000);
	});
});

describe('appending', () => {
	it('is acknowledged once, whatever is sent again', async () => {
		const { log, socket } = await openSpace();
		const append = await ada.commit(log, session.device, { pages: [randomPage(10)] });
		const first = await socket.ask(append);
		expect(await socket.ask(append)).toEqual(first);
		expect((await pull(socket)).entries).toHaveLength(2);
	});

	it('is refused in the name of another device', async () => {
		const { log, socket } = await openSpace();
		const append = await ada.commit(log, newDeviceId(), { pages: [randomPage(10)] });
		expect(await socket.ask(append)).toMatchObject({ refusal: { code: 'forbidden' } });
	});

	it('says what is stale, and takes the next that is not', async () => {
		const { log, socket } = await openSpace();
		const pages = [randomPage(10)];
		const seen = { seq: 1, hash: randomBytes(32) };
		const refusals = [
			await ada.commit(log, session.device, { pages, count: 9 }),
			await ada.commit(log, session.device, { pages, count: 2, epoch: 7 }),
			await ada.commit(log, session.device, { pages, count: 2, seen })
		];
		const codes = [];
		for (const append of refusals) {
			const answer = await socket.ask(append);
			codes.push(answer.type === 'refused' ? answer.refusal.code : answer.type);
		}
		expect(codes).toEqual(['stale_count', 'stale_epoch', 'unknown_head']);
		const good = await ada.commit(log, session.device, { pages, count: 2 });
		expect(await socket.ask(good)).toMatchObject({ type: 'appended', seq: 2 });
	});

	it('is refused from a viewer, who can read', async () => {
		const { log, socket } = await openSpace();
		const wrap = randomBytes(1_168);
		const admission = await ada.commit(log, session.device, {
			admin: {
				...noChange,
				members: [member(bob, 'viewer')],
				wraps: [{ kind: 'content', number: 1, recipient: bob.account, hash: sha256(wrap) }]
			},
			wraps: [wrap]
		});
		await socket.ask(admission);
		const now = after(log, admission);
		const theirs = await harness.connect(log.space, bobsSession.token);
		await theirs.nextOf('hello');
		const { entries } = await pull(theirs);
		expect(entries[1]?.wraps).toEqual([{ index: 0, wrap }]);
		const append = await bob.commit(now, bobsSession.device, { pages: [randomPage(10)] });
		expect(await theirs.ask(append)).toMatchObject({ refusal: { code: 'forbidden' } });
	});
});

describe('pulling', () => {
	it('gives entries in order with the head on offer, then those that come', async () => {
		const { log, socket } = await openSpace();
		const reader = await harness.connect(log.space, session.token);
		await reader.nextOf('hello');
		const now = await edit(log, socket);
		const { entries, offered } = await pull(reader);
		expect(entries.map(({ seq }) => seq)).toEqual([1, 2]);
		expect(offered).toEqual(now.head);
		const next = await edit(now, socket);
		const live = await reader.nextOf('entries');
		expect(live.entries.map(({ seq }) => seq)).toEqual([3]);
		expect(live.offered).toEqual(next.head);
	});

	it('gives a page that was left out to whoever asks for it', async () => {
		const { log, socket } = await openSpace();
		const now = await edit(log, socket);
		const supersedes = [{ seq: 2, index: 0 }];
		await socket.ask(await ada.commit(now, session.device, { pages: [randomPage(1)], supersedes }));
		const { entries } = await pull(socket);
		expect(entries[1]?.pages).toEqual([null]);
		const pages = await socket.ask({ type: 'fetch', pages: supersedes });
		expect(pages).toMatchObject({ type: 'pages', pages: [{ seq: 2, index: 0 }] });
		if (pages.type === 'pages') expect(pages.pages[0]?.page).toBeInstanceOf(Uint8Array);
	});
});

describe('a crash', () => {
	it('loses nothing that was acknowledged, and no session', async () => {
		const { log, socket } = await openSpace();
		let now = log;
		for (let index = 0; index < 20; index++) now = await edit(now, socket);
		await harness.crash();
		edge = await harness.edge();
		const again = await harness.connect(log.space, session.token);
		expect(await again.nextOf('hello')).toEqual({ type: 'hello', offered: now.head });
		expect((await pull(again)).entries).toHaveLength(21);
		await edit(now, again);
		expect((await call(edge, 'accountRead', { after: 0 }, session.token)).status).toBe(200);
		const { refreshToken } = session;
		expect((await call(edge, 'sessionRefresh', { refreshToken })).status).toBe(200);
	});
});
