// Which sessions live, who ends them, and what an account is told of it.
import { runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import type { Account } from '../../durable-objects/account.ts';
import { SecurityEventStore } from '../../durable-objects/security-event-store.ts';
import { SecurityEvents } from '../../durable-objects/security-events.ts';
import { AccountStore } from '../../durable-objects/account-store.ts';
import { loginRatePerNetwork } from '../../durable-objects/limits.ts';
import { randomBytes } from '../../crypto/random.ts';
import type { RequestOf } from '../../protocol/http.ts';
import { idFromBytes, type SessionId } from '../../protocol/ids.ts';
import {
	maxSecurityEvents,
	maxSessionsPerAccount,
	securityEventTtlSeconds
} from '../../protocol/limits.ts';
import {
	accountObject,
	connect,
	fetchWorker,
	openEdge,
	randomSpace,
	refusalOf,
	upgrade
} from './edge.ts';
import { call, doneOf, newDeviceId, Person, type Edge, type Session } from './person.ts';
import { newBoundKey, noteAnswer } from './proving.ts';

const stubOf = ({ answer }: Session) => accountObject(answer.handleHash);

const end = (edge: Edge, { token }: Session, sessions: RequestOf<'sessionsEnd'>['sessions']) =>
	call(edge, 'sessionsEnd', { sessions }, token);
const statusOf = async (edge: Edge, { token }: Session) =>
	(await call(edge, 'accountRead', { after: 0 }, token)).status;
const eventsOf = async (edge: Edge, { token }: Session) =>
	(await call(edge, 'accountRead', { after: 0 }, token)).body.events;

const stale = (session: Session) =>
	runInDurableObject(stubOf(session), (_: Account, { storage }: DurableObjectState) => {
		storage.sql.exec('UPDATE sessions SET fresh_until_ms = 1');
	});

describe('sessions of an account', () => {
	it('SES-10 are as many as may be, of three hundred logins that finish at once', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const logins = [];
		// At most so many are between their messages at a time: they finish in crowds.
		for (let crowd = 0; crowd < 10; crowd++) {
			const network = await openEdge();
			const there = new Person(network, ada, ada.keys, ada.identity);
			const ready = [];
			for (let index = 0; index < 15; index++) ready.push(await there.login());
			const other = await openEdge();
			const elsewhere = new Person(other, ada, ada.keys, ada.identity);
			for (let index = 0; index < 15; index++) ready.push(await elsewhere.login());
			const finished = ready.map((login) => {
				if (login === null) throw new Error('the password is the right one');
				return call(network, 'loginFinish', login);
			});
			logins.push(...(await Promise.all(finished)));
		}
		expect(logins.map(({ status }) => status)).toEqual(logins.map(() => 200));
		expect(logins).toHaveLength(300);
		const tokens = logins.map(({ body }) => doneOf(body).session.accessToken);
		const alive = [];
		for (const token of tokens) {
			const { status } = await call(await openEdge(), 'accountRead', { after: 0 }, token);
			if (status === 200) alive.push(token);
		}
		expect(alive).toHaveLength(maxSessionsPerAccount);
	}, 120_000);

	it('end one by one, others or all, in every space within a second', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [one, two, three] = [await ada.logIn(), await ada.logIn(), await ada.logIn()];
		const space = randomSpace();
		const sockets = [await connect(space, two.token), await connect(randomSpace(), two.token)];
		const beganMs = Date.now();
		expect(await end(edge, one, [two.answer.session.id])).toEqual({ status: 200, body: {} });
		expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual([4401, 4401]);
		expect(Date.now() - beganMs).toBeLessThan(1_000);
		expect(await refusalOf(await upgrade(space, two.token))).toBe(4401);
		expect([await statusOf(edge, one), await statusOf(edge, two)]).toEqual([200, 401]);

		const again = await ada.logIn();
		expect((await end(edge, one, 'others')).status).toBe(200);
		const left = [one, three, again].map((session) => statusOf(edge, session));
		expect(await Promise.all(left)).toEqual([200, 401, 401]);

		const last = await ada.logIn();
		expect((await end(edge, one, 'all')).status).toBe(200);
		expect([await statusOf(edge, one), await statusOf(edge, last)]).toEqual([401, 401]);
		expect((await call(edge, 'sessionRefresh', last)).status).toBe(400);
		const { refreshToken } = last;
		expect((await call(edge, 'sessionRefresh', { refreshToken })).status).toBe(401);
	});

	it('end by others only while those are fresh; one’s own ends always', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [one, two] = [await ada.logIn(), await ada.logIn()];
		await stale(one);
		const needed = { status: 403, body: { error: { code: 'step_up_needed' } } };
		const unknown = idFromBytes<SessionId>(randomBytes(16));
		for (const which of ['others', 'all', [two.answer.session.id], [unknown]] as const) {
			expect(await end(edge, one, which as 'others')).toEqual(needed);
		}
		expect(await statusOf(edge, two)).toBe(200);
		expect((await end(edge, one, [one.answer.session.id])).status).toBe(200);
		expect((await end(edge, two, 'own')).status).toBe(200);
	});

	it('end all together or not at all, where one of them does not live', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const eve = await Person.signUp(edge);
		const [one, two, hers] = [await ada.logIn(), await ada.logIn(), await eve.logIn()];
		for (const other of [hers.answer.session.id, idFromBytes<SessionId>(randomBytes(16))]) {
			expect(await end(edge, one, [two.answer.session.id, other])).toEqual({
				...{ status: 404, body: { error: { code: 'not_found' } } }
			});
		}
		const statuses = [one, two, hers].map((session) => statusOf(edge, session));
		expect(await Promise.all(statuses)).toEqual([200, 200, 200]);
	});
});

describe('what an account is told', () => {
	it('says who came and who had to go, newest first, and nothing of a device that comes again', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const device = newDeviceId();
		const one = await ada.logIn(device);
		const two = await ada.logIn();
		const again = await ada.logIn(device);
		await end(edge, again, 'others');
		const events = await eventsOf(edge, again);
		expect(events.map((event) => [event.kind, event.device])).toEqual([
			['session_ended', two.device],
			['logged_in', two.device],
			['logged_in', one.device]
		]);
	});

	it('says that attempts were too many, once', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const session = await ada.logIn();
		const elsewhere = await openEdge();
		const { startLoginRequest: ke1 } = elsewhere.opaque.startLogin({ password: 'guess' });
		for (let tries = 0; tries < loginRatePerNetwork.burst + 10; tries++) {
			await call(elsewhere, 'loginStart', { handle: ada.handle, ke1 });
		}
		const kinds = (await eventsOf(edge, session)).map(({ kind }) => kind);
		expect(kinds).toEqual(['login_refused', 'logged_in']);
	});

	it('SES-01 says that a refresh token was used by another key, and by nobody else who holds none', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [keeper, session] = [await ada.logIn(), await ada.logIn()];
		const thief = await newBoundKey();
		noteAnswer('sessionRefresh', { answer: { session: session.answer.session }, key: thief });
		const { refreshToken } = session;
		expect((await call(edge, 'sessionRefresh', { refreshToken })).status).toBe(401);
		const [newest] = await eventsOf(edge, keeper);
		expect(newest).toMatchObject({ kind: 'refresh_reused', device: session.device });
		expect(
			(await call(edge, 'accountRead', { after: 0 }, keeper.token)).body.sessions
		).toHaveLength(1);
	});

	it('is as many events as may be, and none that is older than they are kept', async () => {
		const edge = await openEdge();
		const session = await (await Person.signUp(edge)).logIn();
		await runInDurableObject(stubOf(session), (_: Account, { storage }: DurableObjectState) => {
			const store = new SecurityEventStore(storage, new AccountStore(storage));
			const events = new SecurityEvents(store, () => undefined);
			const about = { device: session.device, place: null };
			for (let index = 0; index < maxSecurityEvents + 10; index++) events.note('logged_in', about);
			const count = () =>
				storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM security_events').one().n;
			expect(count()).toBe(maxSecurityEvents);
			const longAgoMs = Date.now() - securityEventTtlSeconds * 1_000 - 1;
			storage.sql.exec('UPDATE security_events SET at_ms = ?', longAgoMs);
			expect(events.list()).toEqual([]);
			events.note('password_changed', about);
			expect(count()).toBe(1);
		});
	});

	it('has the place that the platform names, of sessions and events, and no other', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const from = (cf: object): Edge => ({
			...edge,
			send: (path, init) => fetchWorker(path, { ...init, cf } as RequestInit)
		});
		const places = [];
		for (const cf of [
			{ country: 'DE', city: 'Bonn', latitude: '50.7' },
			{ country: 'XX<', city: 'Bonn' },
			{ country: 'T1', city: `a\u0000b` }
		]) {
			const there = new Person(from(cf), ada, ada.keys, ada.identity);
			const { token } = await there.logIn();
			const { sessions, events } = (await call(edge, 'accountRead', { after: 0 }, token)).body;
			places.push([sessions.at(-1)?.place, events[0]?.place]);
		}
		const [bonn, tor] = [
			{ country: 'DE', city: 'Bonn' },
			{ country: 'T1', city: null }
		];
		expect(places).toEqual([
			[bonn, bonn],
			[null, null],
			[tor, tor]
		]);
	});
});
