import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { Account } from '../../durable-objects/account.ts';
import type { Attempts } from '../../durable-objects/account-login-store.ts';
import {
	loginRatePerNetwork,
	maxSpacesKnownOfDevice,
	maxSpacesPerSession,
	refreshAgainMs
} from '../../durable-objects/limits.ts';
import { mintAccessToken, verifyAccessToken } from '../../crypto/edge/session-token.ts';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { concatBytes, toBase64Url, toHex } from '../../protocol/bytes.ts';
import type { RequestOf } from '../../protocol/http.ts';
import type { SessionId, SpaceId } from '../../protocol/ids.ts';
import { maxSessionsPerAccount } from '../../protocol/limits.ts';
import { bindings, connect, openEdge, origin, refusalOf, upgrade } from './edge.ts';
import { bytesOf, call, doneOf, newDeviceId, newDeviceJwk, newHandle, Person } from './person.ts';
import { shownTo } from './proving.ts';
import { dump, dumpEverything, rowsWrittenBy } from './storage.ts';

const stubOf = (handleHash: string) => bindings.ACCOUNT.getByName(toHex(bytesOf(handleHash)));

const statusWith = async (token: string) =>
	(await call(await openEdge(), 'accountRead', { after: 0 }, token)).status;

describe('sign-up', () => {
	it('makes an account whose id follows from its identity', async () => {
		const edge = await openEdge();
		const ada = await Person.create(edge);
		const request = await ada.registration();
		const answer = await call(edge, 'registrationFinish', request);
		expect(answer).toEqual({ status: 200, body: { account: ada.account } });
		const session = await ada.logIn();
		const { write, signature } = request;
		expect(session.answer.log.writes).toEqual([{ write, signature }]);
		expect(session.answer).toMatchObject({
			account: ada.account,
			registrationRecord: request.registrationRecord,
			keyslots: request.keyslots,
			factors: [],
			ended: []
		});
	});

	it('answers the same request again, and refuses the handle to anybody else', async () => {
		const edge = await openEdge();
		const handle = newHandle();
		const ada = await Person.create(edge, handle);
		const eve = await Person.create(edge, handle);
		const [hers, other] = [await ada.registration(), await eve.registration()];
		expect((await call(edge, 'registrationFinish', hers)).status).toBe(200);
		const before = await dumpEverything();
		expect((await call(edge, 'registrationFinish', hers)).status).toBe(200);
		const taken = { status: 409, body: { error: { code: 'handle_taken' } } };
		expect(await call(edge, 'registrationFinish', other)).toEqual(taken);
		const { registrationRequest } = edge.opaque.startRegistration({ password: 'x' });
		const again = { handle, registrationRequest, invite: null };
		expect(await call(edge, 'registrationStart', again)).toEqual(taken);
		expect(await dumpEverything()).toBe(before);
	});

	it('takes differently typed forms of a handle for one', async () => {
		const edge = await openEdge();
		const handle = newHandle();
		await Person.signUp(edge, handle);
		const { registrationRequest } = edge.opaque.startRegistration({ password: 'x' });
		const typed = { handle: ` ${handle.toUpperCase()} `, registrationRequest, invite: null };
		expect((await call(edge, 'registrationStart', typed)).status).toBe(409);
	});

	it('refuses what the identity did not sign, and writes nothing', async () => {
		const edge = await openEdge();
		const ada = await Person.create(edge);
		const request = await ada.registration();
		const other = await (await Person.create(edge)).registration();
		const later = await ada.accountWrite({ type: 'device_remove', device: newDeviceId() });
		const forged: RequestOf<'registrationFinish'>[] = [
			{ ...request, signature: other.signature },
			{ ...request, handle: newHandle() }
		];
		const before = await dumpEverything();
		for (const attempt of forged) {
			expect((await call(edge, 'registrationFinish', attempt)).status).toBe(403);
		}
		const broken: RequestOf<'registrationFinish'>[] = [
			{ ...request, keyslots: other.keyslots },
			{ ...request, keyslots: request.keyslots.slice(1) },
			{ ...request, keyslots: [...request.keyslots, other.keyslots[0] ?? ''] },
			{ ...request, keyslots: [...request.keyslots, toBase64Url(randomBytes(140))] },
			{ ...request, registrationRecord: other.registrationRecord },
			{ ...request, write: toBase64Url(randomBytes(1_400)) },
			{ ...request, write: later.write, signature: later.signature }
		];
		for (const attempt of broken) {
			expect((await call(edge, 'registrationFinish', attempt)).status).toBe(400);
		}
		expect(await dumpEverything()).toBe(before);
	});
});

describe('login', () => {
	it('says the same of an unknown handle as of a wrong password, and writes nothing for it', async () => {
		const edge = await openEdge();
		const known = await Person.signUp(edge);
		const unknown = newHandle();
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'wrong' });
		const before = await dumpEverything();
		const fake = await call(edge, 'loginStart', { handle: unknown, ke1 });
		const again = await call(edge, 'loginStart', { handle: unknown, ke1 });
		const finish = async (handle: string, login: string) =>
			call(edge, 'loginFinish', {
				...{ handle, login, ke3: toBase64Url(randomBytes(64)) },
				device: {
					id: newDeviceId(),
					jwk: await newDeviceJwk(),
					binding: toBase64Url(randomBytes(32))
				},
				...{ whenFull: 'end_oldest', after: 0, keep: 'answer' }
			});
		const fakeFailure = await finish(unknown, fake.body.login);
		expect(await dumpEverything()).toBe(before);

		const real = await call(edge, 'loginStart', { handle: known.handle, ke1 });
		expect(fake.status).toBe(real.status);
		const shape = (body: object) =>
			Object.entries(body).map(([name, value]) => [name, String(value).length]);
		expect(shape(fake.body)).toEqual(shape(real.body));
		expect(again.body.handleHash).toBe(fake.body.handleHash);
		// The same evaluated element each time (RFC 9807 §6.3.2.2), as for a record that is there.
		expect(again.body.ke2.slice(0, 42)).toBe(fake.body.ke2.slice(0, 42));
		expect(fakeFailure).toEqual({ status: 401, body: { error: { code: 'login_failed' } } });
		expect(await finish(known.handle, real.body.login)).toEqual(fakeFailure);
		expect(await dump(stubOf(fake.body.handleHash))).toEqual({});
	});

	it('fails with a wrong password', async () => {
		const ada = await Person.signUp(await openEdge());
		expect(await ada.login(newDeviceId(), { password: 'wrong horse' })).toBeNull();
	});

	it('takes each last message once, and none from another login', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [first, second] = [await ada.login(), await ada.login()];
		if (first === null || second === null) throw new Error('the password is the right one');
		const crossed = { ...first, login: second.login };
		expect((await call(edge, 'loginFinish', crossed)).status).toBe(401);
		expect((await call(edge, 'loginFinish', first)).status).toBe(200);
		expect((await call(edge, 'loginFinish', first)).status).toBe(401);
		expect((await call(edge, 'loginFinish', second)).status).toBe(401);
	});

	it('binds the device key to the password, the origin and nothing else', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const relayed = await ada.login(newDeviceId(), { origin: 'https://evil.test' });
		const swapped = await ada.login();
		if (relayed === null || swapped === null) throw new Error('the password is the right one');
		expect((await call(edge, 'loginFinish', relayed)).status).toBe(401);
		const device = { ...swapped.device, jwk: await newDeviceJwk() };
		expect((await call(edge, 'loginFinish', { ...swapped, device })).status).toBe(401);
	});

	it('refuses a device key that is no point of the curve', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const [x, y] = [toBase64Url(randomBytes(32)), toBase64Url(randomBytes(32))];
		const login = await ada.login(newDeviceId(), { jwk: { kty: 'EC', crv: 'P-256', x, y } });
		if (login === null) throw new Error('the password is the right one');
		expect((await call(edge, 'loginFinish', login)).body).toEqual({ error: { code: 'malformed' } });
	});

	it('is refused after too many attempts from one network, and not to another', async () => {
		const home = await openEdge();
		const ada = await Person.signUp(home);
		const elsewhere = await openEdge();
		const { startLoginRequest: ke1 } = elsewhere.opaque.startLogin({ password: 'guess' });
		for (const handle of [ada.handle, newHandle()]) {
			const attempts = Array.from({ length: loginRatePerNetwork.burst + 5 }, () =>
				call(elsewhere, 'loginStart', { handle, ke1 })
			);
			const statuses = (await Promise.all(attempts)).map(({ status }) => status);
			expect(statuses.filter((status) => status === 200)).toHaveLength(loginRatePerNetwork.burst);
			expect(statuses.filter((status) => status === 429)).toHaveLength(5);
		}
		await expect(ada.logIn()).resolves.toBeDefined();
	});

	it('counts attempts through the sleep of the object', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'guess' });
		const start = () => call(edge, 'loginStart', { handle: ada.handle, ke1 });
		const { handleHash } = (await start()).body;
		for (let attempt = 1; attempt < loginRatePerNetwork.burst; attempt++) await start();
		// The object as it would wake: one with a login in progress is not put to sleep.
		const refused = await runInDurableObject(
			stubOf(handleHash),
			async (_object: Account, state: DurableObjectState) => {
				const network = networkOf(state);
				const woken = new Account(state, bindings);
				return woken.loginStart({ handle: ada.handle, ke1 }, { origin, network, where: null });
			}
		);
		expect(refused).toMatchObject({ ok: false, error: { code: 'rate_limited' } });
	});
});

describe('attempts at a password', () => {
	it('are no more for whoever makes the object restart between them', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'guess' });
		const start = () => call(edge, 'loginStart', { handle: ada.handle, ke1 });
		const { handleHash } = (await start()).body;
		await runInDurableObject(stubOf(handleHash), async (_object: Account, state) => {
			const network = networkOf(state);
			let passed = 1;
			for (let restart = 0; restart < 10; restart++) {
				const woken = new Account(state, bindings);
				const attempts = Array.from({ length: 5 }, () =>
					woken.loginStart({ handle: ada.handle, ke1 }, { origin, network, where: null })
				);
				passed += (await Promise.all(attempts)).filter(({ ok }) => ok).length;
			}
			expect(passed).toBe(loginRatePerNetwork.burst);
		});
	});

	it('count no more for whoever knew it, and still for whoever did not', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'guess' });
		const start = () => call(edge, 'loginStart', { handle: ada.handle, ke1 });
		const { handleHash } = (await start()).body;
		const arrivalsOf = async () => {
			const [row] = (await dump(stubOf(handleHash)))['login_attempts'] ?? [];
			const attempts = JSON.parse(row?.['attempts'] as string) as Record<string, Attempts>;
			const { '': total, ...networks } = attempts;
			return [total, Object.values(networks)[0]].map((counted) => counted?.arrivalMs);
		};
		const [guessed = NaN] = await arrivalsOf();
		await ada.logIn();
		await start();
		// The guess before, and this one; the network of the login began afresh.
		const [total = NaN, here = NaN] = await arrivalsOf();
		expect(total - guessed).toBeLessThanOrEqual(loginRatePerNetwork.intervalMs);
		expect(total - here).toBeGreaterThan(loginRatePerNetwork.intervalMs / 2);
	});
});

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
			stubOf(answer.handleHash),
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
		const { sessions } = await dump(stubOf(answer.handleHash));
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
		const stub = stubOf(answer.handleHash);
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
		const account = await dump(stubOf(session.answer.handleHash));
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
		const account = stubOf(session.answer.handleHash);
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
		const stub = stubOf(second.answer.handleHash);
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
		const stub = stubOf(answer.handleHash);
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
		const stub = stubOf(answer.handleHash);
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

/** The network that an account has counted attempts from. */
function networkOf({ storage }: DurableObjectState): string {
	const { attempts } = storage.sql
		.exec<{ attempts: string }>('SELECT attempts FROM login_attempts')
		.one();
	const names = Object.keys(JSON.parse(attempts) as object);
	return names.find((name) => name !== '') ?? '';
}

const randomSpace = (): SpaceId => toHex(randomBytes(16)) as SpaceId;

/** Of each session, the spaces that must hear of its end. */
const spacesOf = ({ sessions = [] }: Awaited<ReturnType<typeof dump>>): unknown[] =>
	sessions.map(({ spaces }) => JSON.parse(spaces as string) as unknown);

describe('what an account keeps', () => {
	it('is little, and none of it is the handle, a token or anything to log in with', async () => {
		const edge = await openEdge();
		const ada = await Person.create(edge);
		const request = await ada.registration();
		const session = await (async () => {
			await call(edge, 'registrationFinish', request);
			return ada.logIn();
		})();
		const stub = stubOf(session.answer.handleHash);
		const text = JSON.stringify(await dump(stub));
		const [, ...halves] = session.refreshToken.split('.');
		const secrets = halves.map((half) => toHex(bytesOf(half)));
		for (const canary of [ada.handle, session.token, ...secrets]) {
			expect(text).not.toContain(canary);
		}
		expect(text).toContain(toHex(bytesOf(request.registrationRecord)));
	});

	it('grows by few rows with a login', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const { answer } = await ada.logIn();
		const rows = await rowsWrittenBy(stubOf(answer.handleHash), async () => {
			await ada.logIn();
		});
		// An attempt, a session, and that a device came.
		expect(rows).toBe(3);
	});

	it('grows by one row with a new token, and by as many with a login as before if others go', async () => {
		const edge = await openEdge();
		const ada = await Person.signUp(edge);
		const device = newDeviceId();
		const { answer, token, refreshToken } = await ada.logIn(device);
		const stub = stubOf(answer.handleHash);
		for (let space = 0; space < 3; space++) await connect(randomSpace(), token);
		const refreshed = await rowsWrittenBy(stub, async () => {
			await call(edge, 'sessionRefresh', { refreshToken });
		});
		const replaced = await rowsWrittenBy(stub, async () => {
			await ada.logIn(device);
		});
		expect([refreshed, replaced]).toEqual([1, 2]);
	});

	it('is not reached by the name of something else', async () => {
		const stub = bindings.ACCOUNT.getByName('not a hash');
		const answered = runInDurableObject(stub, (account) =>
			account.loginStart(
				{ handle: 'ada', ke1: toBase64Url(randomBytes(96)) },
				{ origin, network: '', where: null }
			)
		);
		await expect(answered).rejects.toThrow('named by a hash');
	});
});
