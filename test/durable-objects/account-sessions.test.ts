// How many sessions there may be, how their tokens are renewed, and how they end everywhere.
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { Account } from '../../durable-objects/account.ts';
import {
	maxSpacesKnownOfDevice,
	maxSpacesPerSession,
	refreshAgainMs
} from '../../durable-objects/limits.ts';
import { mintAccessToken, verifyAccessToken } from '../../crypto/edge/session-token.ts';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { concatBytes, toBase64Url, toHex } from '../../protocol/bytes.ts';
import type { SessionId, SpaceId } from '../../protocol/ids.ts';
import { maxSessionsPerAccount } from '../../protocol/limits.ts';
import {
	accountObject,
	bindings,
	connect,
	openEdge,
	origin,
	randomSpace,
	refusalOf,
	upgrade
} from './edge.ts';
import { bytesOf, call, doneOf, newDeviceId, Person } from './person.ts';
import { shownTo } from './proving.ts';
import { dump, dumpEverything } from './storage.ts';
const statusWith = async (token: string) =>
	(await call(await openEdge(), 'accountRead', { after: 0 }, token)).status;

/** Of each session, the spaces that must hear of its end. */
const spacesOf = ({ sessions = [] }: Awaited<ReturnType<typeof dump>>): unknown[] =>
	sessions.map(({ spaces }) => JSON.parse(spaces as string) as unknown);

describe('sessions', () => {
	it('end when there are too many, the oldest first, and the newcomer is told', async () => {
		const ada = await Person.signUp(await openEdge());
		const sessions = [];
		for (let index = 0; index < maxSessionsPerAccount; index++) sessions.push(await ada.logIn());
		const last = await ada.logIn();
		expect(last.answer.ended).toEqual([sessions[0]?.answer.session.id]);
		expect(await statusWith(sessions[0]?.token ?? '')).toBe(401);
		expect(await statusWith(sessions[1]?.token ?? '')).toBe(200);
	});

	it('are one for each device', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const device = newDeviceId();
		const first = await ada.logIn(device);
		const again = await ada.logIn(device);
		expect(again.answer.ended).toEqual([]);
		const { body } = await call(edge, 'accountRead', { after: 0 }, again.token);
		expect(body.sessions).toMatchObject([{ id: again.answer.session.id, device, current: true }]);
		expect(await statusWith(first.token)).toBe(401);
	});

	it('are never more than allowed, however many logins finish at once', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const logins = [];
		for (let index = 0; index < 12; index++) logins.push(await ada.login());
		const answers = await Promise.all(
			logins.map((login) => {
				if (login === null) throw new Error('the password is the right one');
				return call(edge, 'loginFinish', login);
			})
		);
		expect(answers.every(({ status }) => status === 200)).toBe(true);
		const tokens = answers.map(({ body }) => doneOf(body).session.accessToken);
		const statuses = await Promise.all(tokens.map(statusWith));
		expect(statuses.filter((status) => status === 200)).toHaveLength(maxSessionsPerAccount);
	});

	it('SES-01 rotate their refresh token, and end when an old one is used again', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const session = await ada.logIn();
		const refresh = (refreshToken: string) => call(edge, 'sessionRefresh', { refreshToken });
		const second = (await refresh(session.refreshToken)).body.session;
		const third = (await refresh(second.refreshToken)).body.session;
		expect(third.id).toBe(session.answer.session.id);
		expect(await statusWith(third.accessToken)).toBe(200);
		// Not the last one before, but the first of all.
		expect((await refresh(session.refreshToken)).status).toBe(401);
		expect(await statusWith(third.accessToken)).toBe(401);
		expect((await refresh(third.refreshToken)).status).toBe(401);
	});

	it('take the token before once more, when its answer was lost', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { refreshToken, answer } = await ada.logIn();
		const refresh = (token: string) => call(edge, 'sessionRefresh', { refreshToken: token });
		const lost = (await refresh(refreshToken)).body.session;
		const heard = (await refresh(refreshToken)).body.session;
		expect(heard.id).toBe(answer.session.id);
		expect((await refresh(heard.refreshToken)).status).toBe(200);
		// Whoever holds the answer that seemed lost ends the session.
		expect((await refresh(lost.refreshToken)).status).toBe(401);
		expect(await statusWith(heard.accessToken)).toBe(401);
	});

	it('SES-01 end when the token before is used again later than a lost answer explains', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { refreshToken, answer } = await ada.logIn();
		const { session } = (await call(edge, 'sessionRefresh', { refreshToken })).body;
		await runInDurableObject(
			accountObject(answer.handleHash),
			(_object: unknown, { storage }: DurableObjectState) => {
				storage.sql.exec(
					'UPDATE sessions SET refreshed_at_ms = refreshed_at_ms - ?',
					refreshAgainMs + 1
				);
			}
		);
		expect((await call(edge, 'sessionRefresh', { refreshToken })).status).toBe(401);
		expect(await statusWith(session.accessToken)).toBe(401);
	});

	it('live on with one good token after many parallel refreshes with one', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { refreshToken, answer } = await ada.logIn();
		const refresh = (token: string) => call(edge, 'sessionRefresh', { refreshToken: token });
		const answers = await Promise.all(Array.from({ length: 100 }, () => refresh(refreshToken)));
		const good = answers.filter(({ status }) => status === 200).map(({ body }) => body.session);
		expect(good).toHaveLength(2);
		expect(answers.filter(({ status }) => status === 401)).toHaveLength(98);
		const { sessions } = await dump(accountObject(answer.handleHash));
		expect(sessions).toHaveLength(1);
		const isLive = (token: string) =>
			toHex(sha256(concatBytes(...token.split('.').slice(1).map(bytesOf)))) ===
			sessions?.[0]?.['refresh_hash'];
		const live = good.filter((session) => isLive(session.refreshToken));
		const dead = good.filter((session) => !isLive(session.refreshToken));
		expect([live.length, dead.length]).toEqual([1, 1]);
		expect(await statusWith(live[0]?.accessToken ?? '')).toBe(200);
		expect((await refresh(live[0]?.refreshToken ?? '')).status).toBe(200);
		expect((await refresh(dead[0]?.refreshToken ?? '')).status).toBe(401);
		expect(await statusWith(live[0]?.accessToken ?? '')).toBe(401);
	});

	it('note so many spaces and no more; those that are noted open still', async () => {
		const ada = await Person.signUp(await openEdge());
		const { token, answer } = await ada.logIn();
		const stub = accountObject(answer.handleHash);
		const spaces = Array.from({ length: maxSpacesPerSession }, () => toHex(randomBytes(16)));
		for (const space of spaces) {
			const socket = await connect(space as SpaceId, token);
			socket.socket.close(1000);
		}
		for (let index = 0; index < 3; index++) {
			expect(await refusalOf(await upgrade(toHex(randomBytes(16)), token))).toBe(4429);
		}
		expect(spacesOf(await dump(stub))).toEqual([spaces]);
		await connect((spaces[0] ?? '') as SpaceId, token);
	}, 60_000);

	it('are not ended by a made-up refresh token', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const session = await ada.logIn();
		const [name = ''] = session.refreshToken.split('.');
		for (const secret of [randomBytes(32), randomBytes(31)]) {
			const refreshToken = `${name}.${toBase64Url(randomBytes(16))}.${toBase64Url(secret)}`;
			expect((await call(edge, 'sessionRefresh', { refreshToken })).status).toBe(401);
		}
		expect(await statusWith(session.token)).toBe(200);
	});

	it('close their sockets at logout, and are refused everywhere from then on', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const session = await ada.logIn();
		const { log, append } = await ada.genesis(session.device);
		const socket = await connect(log.space, session.token);
		await socket.ask(append);
		const idle = await connect(log.space, session.token);
		expect(await call(edge, 'sessionsEnd', { sessions: 'own' }, session.token)).toEqual({
			status: 200,
			body: {}
		});
		expect(await Promise.all([socket.closed, idle.closed])).toEqual([4401, 4401]);
		expect(await refusalOf(await upgrade(log.space, session.token))).toBe(4401);
		expect((await call(edge, 'sessionsEnd', { sessions: 'own' }, session.token)).status).toBe(401);
		expect((await call(edge, 'sessionRefresh', session)).status).toBe(400);
		const { refreshToken } = session;
		expect((await call(edge, 'sessionRefresh', { refreshToken })).status).toBe(401);
		const account = await dump(accountObject(session.answer.handleHash));
		expect(account).toMatchObject({ sessions: [], endings: [] });
	});

	it('are refused everywhere also when all have slept before and since', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [device, other] = [newDeviceId(), newDeviceId()];
		const keeper = await ada.logIn(other);
		const session = await ada.logIn(device);
		const { log, append } = await ada.genesis(device);
		const socket = await connect(log.space, session.token);
		await socket.ask(append);
		const space = bindings.SPACE.getByName(log.space);
		const account = accountObject(session.answer.handleHash);
		const sleep = async () => {
			await evictDurableObject(space, { webSockets: 'hibernate' });
			await evictDurableObject(account);
		};
		await sleep();
		// A login on the same device is the end of the session before.
		const next = await ada.logIn(device);
		expect(await socket.closed).toBe(4401);
		await sleep();
		expect(await refusalOf(await upgrade(log.space, session.token))).toBe(4401);
		expect(await statusWith(session.token)).toBe(401);
		for (const { token } of [next, keeper]) await connect(log.space, token);
	});

	it('end in spaces that the device had opened before, and that the session opened itself', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const device = newDeviceId();
		const first = await ada.logIn(device);
		const [old, fresh] = [randomSpace(), randomSpace()];
		await connect(old, first.token);
		const second = await ada.logIn(device);
		const stub = accountObject(second.answer.handleHash);
		const before = await dump(stub);
		await connect(old, second.token);
		expect(await dump(stub)).toEqual(before);
		const sockets = [await connect(old, second.token), await connect(fresh, second.token)];
		expect(spacesOf(await dump(stub))).toEqual([[old, fresh]]);
		expect((await call(edge, 'sessionsEnd', { sessions: 'own' }, second.token)).status).toBe(200);
		expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual([4401, 4401]);
	});

	it('leave room for spaces, however many the device has opened before', async () => {
		const ada = await Person.signUp(await openEdge());
		const device = newDeviceId();
		const { answer } = await ada.logIn(device);
		const stub = accountObject(answer.handleHash);
		const many = Array.from({ length: maxSpacesPerSession }, randomSpace);
		await runInDurableObject(stub, (_object: unknown, { storage }: DurableObjectState) => {
			storage.sql.exec('UPDATE sessions SET spaces = ?', JSON.stringify(many));
		});
		await ada.logIn(device);
		expect(spacesOf(await dump(stub))).toEqual([many.slice(-maxSpacesKnownOfDevice)]);
	});

	it('end though a space can not be told, which is told as soon as it can be', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const session = await ada.logIn();
		const { token, answer } = session;
		const space = randomSpace();
		const { closed } = await connect(space, token);
		const stub = accountObject(answer.handleHash);
		const reached: string[] = [];
		let isReachable = false;
		const SPACE = {
			getByName: (name: string) => ({
				endSession: (id: SessionId, untilMs: number) => {
					if (!isReachable) throw new Error('unreachable');
					reached.push(id);
					return bindings.SPACE.getByName(name).endSession(id, untilMs);
				}
			})
		} as unknown as typeof bindings.SPACE;
		await runInDurableObject(stub, async (_object: Account, state: DurableObjectState) => {
			const account = new Account(state, { ...bindings, SPACE });
			const shown = shownTo<Account>(account);
			expect(
				await shown.endSessions(token, { sessions: 'own' }, { origin, network: '', where: null })
			).toEqual({ ok: true, value: {} });
			expect(await shown.admit(token, null)).toMatchObject({ ok: false });
			expect(await state.storage.getAlarm()).not.toBeNull();
			await account.alarm();
			expect(await state.storage.getAlarm()).not.toBeNull();
			isReachable = true;
			// A restart, too: it is written down.
			await new Account(state, { ...bindings, SPACE }).alarm();
		});
		expect(reached).toEqual([answer.session.id]);
		expect(await closed).toBe(4401);
		expect((await dump(stub))['endings']).toEqual([]);
	});

	it('do not count once their access token has expired, or if it was forged', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const eve = await Person.signUp(edge);
		const session = await ada.logIn();
		const hers = await eve.logIn();
		const keys = await bindings.DEPLOYMENT.getByName('deployment').tokenKeys();
		if (!keys.ok || keys.value[0] === undefined) throw new Error('there is a key');
		const read = verifyAccessToken(keys.value, { token: session.token, nowMs: Date.now() });
		if (!read.ok) throw new Error('the token is good');
		const claims = read.value;
		const past = mintAccessToken(keys.value[0], { ...claims, expiresAtMs: Date.now() - 1 });
		const strange = mintAccessToken({ id: keys.value[0].id, secret: randomBytes(32) }, claims);
		const unknownKey = mintAccessToken({ id: 99, secret: keys.value[0].secret }, claims);
		const other = mintAccessToken(keys.value[0], {
			...claims,
			accountObject: toHex(bytesOf(hers.answer.handleHash))
		});
		const { log } = await ada.genesis(session.device);
		const before = await dumpEverything();
		for (const token of [past, strange, unknownKey, other, `${session.token}A`]) {
			expect(await statusWith(token)).toBe(401);
			expect(await refusalOf(await upgrade(log.space, token))).toBe(4401);
		}
		expect(await statusWith(session.refreshToken)).toBe(401);
		const swapped = await call(edge, 'sessionRefresh', { refreshToken: session.token });
		expect(swapped.status).toBe(400);
		expect(await dumpEverything()).toBe(before);
	});
});
