// What others leave at an account for a while: requests by handle, and the offer to link a device.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { handOverAgainMs, maxRequestsPerSender } from '../../durable-objects/limits.ts';
import { mintAccessToken } from '../../crypto/edge/session-token.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url, toHex } from '../../protocol/bytes.ts';
import {
	idFromBytes,
	type AccountId,
	type DeviceLinkId,
	type RequestId
} from '../../protocol/ids.ts';
import {
	deviceLinkTtlSeconds,
	maxRequestsPerAccount,
	requestTtlSeconds
} from '../../protocol/limits.ts';
import type { Account } from '../../durable-objects/account.ts';
import { AccountSharing } from '../../durable-objects/account-sharing.ts';
import { AccountSharingStore } from '../../durable-objects/account-sharing-store.ts';
import { accountObject, openEdge } from './edge.ts';
import { bytesOf, call, newHandle, Person, type Edge, type Session } from './person.ts';
import { shownTo } from './proving.ts';
import { dump, dumpEverything, rowsWrittenBy } from './storage.ts';

const stubOf = (session: Session) => accountObject(session.answer.handleHash);
const randomText = (bytes: number): string => toBase64Url(randomBytes(bytes));
const newLink = (): DeviceLinkId => idFromBytes<DeviceLinkId>(randomBytes(16));

const refused = (status: number, code: string) => ({ status, body: { error: { code } } });
const notFound = refused(404, 'not_found');
const forbidden = refused(403, 'forbidden');
const unauthenticated = refused(401, 'unauthenticated');
const done = { status: 200, body: {} };

let edge: Edge;
let ada: Person;
let bob: Person;
let hers: Session;
let his: Session;

beforeAll(async () => {
	edge = await openEdge();
	[ada, bob] = [await Person.signUp(edge), await Person.signUp(edge)];
	[hers, his] = [await ada.logIn(), await bob.logIn()];
});

/** Requests by as many senders, as this edge keeps them. */
const fill = (session: Session, count: number) =>
	runInDurableObject(stubOf(session), (_account, { storage }) => {
		const sharing = new AccountSharing(new AccountSharingStore(storage));
		for (let sent = 0; sent < count; sent++) {
			const sender = idFromBytes<AccountId>(randomBytes(16));
			const request = { handle: 'theirs', sealed: randomText(100) };
			expect(sharing.addRequest(sender, request, Date.now())).toEqual({ ok: true, value: {} });
		}
	});

/** Moves what an account keeps into the past. */
const age = (session: Session, ms: number) =>
	runInDurableObject(stubOf(session), (_account, { storage }) => {
		storage.sql.exec('UPDATE requests SET received_at_ms = received_at_ms - ?', ms);
		storage.sql.exec('UPDATE device_link SET expires_at_ms = expires_at_ms - ?', ms);
	});

const alarmOf = (session: Session) =>
	runInDurableObject(stubOf(session), (_account, { storage }) => storage.getAlarm());

describe('the identity of a handle', () => {
	it('is told to anybody with an account, in whatever form the handle is typed', async () => {
		const { account } = hers.answer;
		const identities = [toBase64Url(ada.identity.bytes)];
		for (const handle of [ada.handle, ` ${ada.handle.toUpperCase()} `]) {
			expect(await call(edge, 'identityRead', { handle }, his.token)).toEqual({
				status: 200,
				body: { account, identities }
			});
		}
	});

	it('is not found for a handle that nobody has, and nothing is written for it', async () => {
		const before = await dumpEverything();
		const unknown = { handle: newHandle() };
		expect(await call(edge, 'identityRead', unknown, his.token)).toEqual(notFound);
		const sealed = randomText(200);
		const sent = await call(edge, 'requestSend', { ...unknown, sealed }, his.token);
		expect(sent).toEqual(notFound);
		expect(await dumpEverything()).toBe(before);
	});

	it('is not told to a session that has ended, nor is a request taken from it', async () => {
		const eve = await Person.signUp(edge);
		const ended = await eve.logIn();
		const { handle } = ada;
		expect((await call(edge, 'identityRead', { handle }, ended.token)).status).toBe(200);
		await call(edge, 'sessionsEnd', { sessions: 'own' }, ended.token);
		const before = await dumpEverything();
		expect(await call(edge, 'identityRead', { handle }, ended.token)).toEqual(unauthenticated);
		const request = { handle, sealed: randomText(200) };
		expect(await call(edge, 'requestSend', request, ended.token)).toEqual(unauthenticated);
		expect(await dumpEverything()).toBe(before);
	});

	it('is not told to whoever has no token of this edge, even past the Worker', async () => {
		const shown = shownTo<Account>(stubOf(hers));
		const strange = mintAccessToken(
			{ id: 1, secret: randomBytes(32) },
			{
				account: bob.account,
				accountObject: toHex(bytesOf(his.answer.handleHash)),
				device: his.device,
				session: his.answer.session.id,
				expiresAtMs: Date.now() + 60_000,
				jkt: randomBytes(32)
			}
		);
		for (const token of ['', strange, his.refreshToken]) {
			expect(await shown.identityRead(token)).toEqual({
				ok: false,
				error: { code: 'unauthenticated' }
			});
			const sent = await shown.requestSend(token, {
				handle: ada.handle,
				sealed: randomText(100)
			});
			expect(sent.ok).toBe(false);
		}
	});
});

describe('a request', () => {
	it('waits for its account until it is dismissed, as it was sent', async () => {
		const eve = await Person.signUp(edge);
		const session = await eve.logIn();
		const [first, second] = [randomText(300), randomText(64)];
		const { handle } = eve;
		expect(await call(edge, 'requestSend', { handle, sealed: first }, his.token)).toEqual(done);
		expect(await call(edge, 'requestSend', { handle, sealed: second }, hers.token)).toEqual(done);
		const listed = await call(edge, 'requestList', {}, session.token);
		expect(listed.body.requests.map(({ sealed }) => sealed).toSorted()).toEqual(
			[first, second].toSorted()
		);
		for (const { request } of listed.body.requests) {
			expect(await call(edge, 'requestDismiss', { request }, session.token)).toEqual(done);
			expect(await call(edge, 'requestDismiss', { request }, session.token)).toEqual(notFound);
		}
		const after = await call(edge, 'requestList', {}, session.token);
		expect(after.body).toEqual({ requests: [] });
	});

	it('that is sent again because its answer was lost is one request', async () => {
		const eve = await Person.signUp(edge);
		const session = await eve.logIn();
		const request = { handle: eve.handle, sealed: randomText(300) };
		expect(await call(edge, 'requestSend', request, his.token)).toEqual(done);
		const before = await dump(stubOf(session));
		expect(await call(edge, 'requestSend', request, his.token)).toEqual(done);
		expect(await dump(stubOf(session))).toEqual(before);
		expect(before['requests']).toHaveLength(1);
	});

	it('of another account is not found, and stays', async () => {
		const sealed = randomText(300);
		await call(edge, 'requestSend', { handle: ada.handle, sealed }, his.token);
		const listed = await call(edge, 'requestList', {}, hers.token);
		const own = listed.body.requests.find((request) => request.sealed === sealed);
		if (own === undefined) throw new Error('the request waits');
		const before = await dumpEverything();
		const { request } = own;
		expect(await call(edge, 'requestDismiss', { request }, his.token)).toEqual(notFound);
		const unknown = { request: idFromBytes<RequestId>(randomBytes(16)) };
		expect(await call(edge, 'requestDismiss', unknown, his.token)).toEqual(notFound);
		expect(await dumpEverything()).toBe(before);
	});

	it('finds no place beside many of the same sender, even when they come together', async () => {
		const eve = await Person.signUp(edge);
		const session = await eve.logIn();
		const send = (token: string) =>
			call(edge, 'requestSend', { handle: eve.handle, sealed: randomText(100) }, token);
		const answers = await Promise.all(
			Array.from({ length: maxRequestsPerSender + 4 }, () => send(his.token))
		);
		expect(answers.filter(({ status }) => status === 200)).toHaveLength(maxRequestsPerSender);
		const full = refused(507, 'over_quota');
		expect(answers.filter(({ status }) => status !== 200)).toEqual([full, full, full, full]);
		expect((await send(hers.token)).status).toBe(200);
		const { body } = await call(edge, 'requestList', {}, session.token);
		expect(body.requests).toHaveLength(maxRequestsPerSender + 1);
	});

	it('finds no place in an account where as many wait as may, whoever sends it', async () => {
		const eve = await Person.signUp(edge);
		const session = await eve.logIn();
		const { handle } = eve;
		const send = () => call(edge, 'requestSend', { handle, sealed: randomText(100) }, his.token);
		await fill(session, maxRequestsPerAccount - 1);
		expect(await send()).toEqual(done);
		expect(await send()).toEqual(refused(507, 'over_quota'));
		expect((await dump(stubOf(session)))['requests']).toHaveLength(maxRequestsPerAccount);
		const { body } = await call(edge, 'requestList', {}, session.token);
		const [first] = body.requests;
		if (first === undefined) throw new Error('requests wait');
		await call(edge, 'requestDismiss', { request: first.request }, session.token);
		expect(await send()).toEqual(done);
	});

	it('is gone after its time: from the list at once, from the storage by the alarm', async () => {
		const eve = await Person.signUp(edge);
		const session = await eve.logIn();
		const send = () =>
			call(edge, 'requestSend', { handle: eve.handle, sealed: randomText(100) }, his.token);
		await send();
		const inTtl = Date.now() + requestTtlSeconds * 1_000;
		expect(Math.abs(((await alarmOf(session)) ?? 0) - inTtl)).toBeLessThan(60_000);
		await age(session, requestTtlSeconds * 1_000);
		expect((await call(edge, 'requestList', {}, session.token)).body).toEqual({ requests: [] });
		expect((await dump(stubOf(session)))['requests']).toHaveLength(1);
		expect(await runDurableObjectAlarm(stubOf(session))).toBe(true);
		expect((await dump(stubOf(session)))['requests']).toEqual([]);
		expect(await alarmOf(session)).toBeNull();
	});

	it('outlives the alarm of another that was older, which sets the next one', async () => {
		const eve = await Person.signUp(edge);
		const session = await eve.logIn();
		const { handle } = eve;
		await call(edge, 'requestSend', { handle, sealed: randomText(100) }, his.token);
		await age(session, requestTtlSeconds * 1_000);
		const sealed = randomText(100);
		await shownTo<Account>(stubOf(session)).requestSend(hers.token, { handle, sealed });
		await runDurableObjectAlarm(stubOf(session));
		const { body } = await call(edge, 'requestList', {}, session.token);
		expect(body.requests).toMatchObject([{ sealed }]);
		expect(await alarmOf(session)).toBe(
			(body.requests[0]?.receivedAtMs ?? 0) + requestTtlSeconds * 1_000
		);
	});

	it('leaves in the storage nothing that says more of its sender than an account id', async () => {
		const eve = await Person.signUp(edge);
		const session = await eve.logIn();
		const sealed = randomText(100);
		await call(edge, 'requestSend', { handle: eve.handle, sealed }, his.token);
		const { requests } = await dump(stubOf(session));
		expect(requests).toEqual([
			{
				request: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
				sender: bob.account,
				sealed: toHex(bytesOf(sealed)),
				received_at_ms: expect.any(Number) as number
			}
		]);
		expect(JSON.stringify(requests)).not.toContain(bob.handle);
	});
});

describe('an offer to link a device', () => {
	/** An account with an offer, and what is asked about it. */
	async function offered() {
		const person = await Person.signUp(edge);
		const session = await person.logIn();
		const link = newLink();
		const { handle } = person;
		const { token } = session;
		const open = (id: DeviceLinkId = link) => call(edge, 'deviceLinkOpen', { link: id }, token);
		expect(await open()).toEqual(done);
		const claim = (bytes = randomText(200), id: DeviceLinkId = link) =>
			call(edge, 'deviceLinkClaim', { handle, link: id, claim: bytes });
		const read = () => call(edge, 'deviceLinkRead', { link }, token);
		const handOver = (sealed = randomText(300)) =>
			call(edge, 'deviceLinkHandOver', { link, sealed }, token);
		const take = () => call(edge, 'deviceLinkTake', { handle, link });
		return { session, handle, link, open, claim, read, handOver, take };
	}

	it('passes a claim one way and a hand-over the other, and nothing before its time', async () => {
		const { claim, read, handOver, take } = await offered();
		expect((await read()).body).toEqual({ claim: null });
		expect((await take()).body).toEqual({ sealed: null });
		expect(await handOver()).toEqual(forbidden);
		const [claimed, sealed] = [randomText(200), randomText(300)];
		expect(await claim(claimed)).toEqual(done);
		expect((await read()).body).toEqual({ claim: claimed });
		expect((await take()).body).toEqual({ sealed: null });
		expect(await handOver(sealed)).toEqual(done);
		expect((await take()).body).toEqual({ sealed });
	});

	it('is claimed once, by one of those who come together', async () => {
		const { claim, read } = await offered();
		const claims = Array.from({ length: 12 }, () => randomText(200));
		const answers = await Promise.all(claims.map((bytes) => claim(bytes)));
		const winners = claims.filter((_, index) => answers[index]?.status === 200);
		expect(winners).toHaveLength(1);
		expect(answers.filter(({ status }) => status !== 200)).toEqual(new Array(11).fill(notFound));
		expect((await read()).body).toEqual({ claim: winners[0] });
	});

	it('takes the same claim, the same hand-over and the same offer again', async () => {
		const { session, open, claim, handOver } = await offered();
		const [claimed, sealed] = [randomText(200), randomText(300)];
		await claim(claimed);
		await handOver(sealed);
		const before = await dump(stubOf(session));
		expect(await claim(claimed)).toEqual(done);
		expect(await handOver(sealed)).toEqual(done);
		expect(await open()).toEqual(done);
		expect(await handOver()).toEqual(forbidden);
		expect(await claim()).toEqual(notFound);
		expect(await dump(stubOf(session))).toEqual(before);
	});

	it('says the same of an unknown handle, an unknown link, and one that is claimed or over', async () => {
		const { handle, link, claim, take, session } = await offered();
		await claim();
		const attempt = async (who: string, id: DeviceLinkId) => [
			await call(edge, 'deviceLinkClaim', { handle: who, link: id, claim: randomText(200) }),
			await call(edge, 'deviceLinkTake', { handle: who, link: id })
		];
		const before = await dumpEverything();
		for (const [who, id] of [
			[newHandle(), link],
			[handle, newLink()],
			[ada.handle, link]
		] as const) {
			expect(await attempt(who, id)).toEqual([notFound, notFound]);
		}
		expect(await claim()).toEqual(notFound);
		expect(await dumpEverything()).toBe(before);
		await age(session, deviceLinkTtlSeconds * 1_000);
		expect(await attempt(handle, link)).toEqual([notFound, notFound]);
		expect(await take()).toEqual(notFound);
	});

	it('is read and answered by its own account only', async () => {
		const { link, claim, session } = await offered();
		await claim();
		const before = await dumpEverything();
		const sealed = randomText(300);
		expect(await call(edge, 'deviceLinkRead', { link }, his.token)).toEqual(notFound);
		expect(await call(edge, 'deviceLinkHandOver', { link, sealed }, his.token)).toEqual(notFound);
		expect(await dumpEverything()).toBe(before);
		expect((await dump(stubOf(session)))['device_link']).toHaveLength(1);
	});

	it('ends with the next one', async () => {
		const { session, open, claim, read, take } = await offered();
		const next = newLink();
		expect(await open(next)).toEqual(done);
		for (const answer of [await claim(), await read(), await take()]) {
			expect(answer).toEqual(notFound);
		}
		expect(await claim(randomText(200), next)).toEqual(done);
		expect((await dump(stubOf(session)))['device_link']).toMatchObject([{ link: next }]);
	});

	it('is over after its time: for everybody at once, in the storage by the alarm', async () => {
		const { session, claim, read, handOver, take } = await offered();
		await claim();
		const inTtl = Date.now() + deviceLinkTtlSeconds * 1_000;
		expect(Math.abs(((await alarmOf(session)) ?? 0) - inTtl)).toBeLessThan(60_000);
		await age(session, deviceLinkTtlSeconds * 1_000);
		for (const answer of [await read(), await handOver(), await take(), await claim()]) {
			expect(answer).toEqual(notFound);
		}
		expect(await runDurableObjectAlarm(stubOf(session))).toBe(true);
		expect((await dump(stubOf(session)))['device_link']).toEqual([]);
		expect(await alarmOf(session)).toBeNull();
	});

	it('gives what was taken once more, as an answer may be lost, but not for long', async () => {
		const { session, claim, handOver, take } = await offered();
		await claim();
		const sealed = randomText(300);
		await handOver(sealed);
		expect((await take()).body).toEqual({ sealed });
		const takenAtMs = Date.now();
		await age(session, handOverAgainMs / 2);
		expect((await take()).body).toEqual({ sealed });
		const [row] = (await dump(stubOf(session)))['device_link'] ?? [];
		const leftMs = Number(row?.['expires_at_ms']) - takenAtMs;
		expect(leftMs).toBeLessThanOrEqual(handOverAgainMs / 2 + 1_000);
		expect((await alarmOf(session)) ?? Infinity).toBeLessThan(takenAtMs + 2 * handOverAgainMs);
		await age(session, handOverAgainMs / 2 + 1_000);
		expect(await take()).toEqual(notFound);
		await runDurableObjectAlarm(stubOf(session));
		expect((await dump(stubOf(session)))['device_link']).toEqual([]);
	});

	it('is in the storage, so that it outlives an object that is put to sleep', async () => {
		const { session, claim, take, handOver } = await offered();
		await claim();
		const sealed = randomText(300);
		await handOver(sealed);
		const row = (await dump(stubOf(session)))['device_link'];
		expect(row).toMatchObject([{ hand_over: toHex(bytesOf(sealed)) }]);
		await evictDurableObject(stubOf(session));
		expect((await take()).body).toEqual({ sealed });
	});
});

describe('an account', () => {
	it('EDG-01 takes no good token of another, whoever lets it through to it', async () => {
		const shown = shownTo<Account>(stubOf(hers));
		const link = newLink();
		const request = idFromBytes<RequestId>(randomBytes(16));
		const before = await dumpEverything();
		const answers = await Promise.all([
			shown.admit(his.token, null),
			shown.read(his.token, { after: 0 }),
			shown.endSessions(his.token, { sessions: 'own' }, { origin, network: '', where: null }),
			shown.requestList(his.token),
			shown.requestDismiss(his.token, { request }),
			shown.deviceLinkOpen(his.token, { link }),
			shown.deviceLinkRead(his.token, { link }),
			shown.deviceLinkHandOver(his.token, { link, sealed: randomText(72) })
		]);
		const refusal = { ok: false, error: { code: 'unauthenticated' } };
		expect(answers).toEqual(answers.map(() => refusal));
		expect(await dumpEverything()).toBe(before);
	});

	it('writes one row for a request, a claim, a hand-over, and none for reading', async () => {
		const eve = await Person.signUp(edge);
		const session = await eve.logIn();
		const stub = stubOf(session);
		const shown = shownTo<Account>(stub);
		const { handle } = eve;
		const link = newLink();
		const rows = (work: () => Promise<unknown>) =>
			rowsWrittenBy(stub, async () => {
				await work();
			});
		const written = [
			await rows(() => shown.requestSend(his.token, { handle, sealed: randomText(100) })),
			await rows(() => shown.deviceLinkOpen(session.token, { link })),
			await rows(() => shown.deviceLinkClaim({ handle, link, claim: randomText(72) })),
			await rows(() => shown.deviceLinkHandOver(session.token, { link, sealed: randomText(72) })),
			await rows(() => shown.requestList(session.token)),
			await rows(() => shown.deviceLinkRead(session.token, { link })),
			await rows(() => shown.identityRead(his.token))
		];
		expect(written).toEqual([1, 1, 1, 1, 0, 0, 0]);
	});
});

describe('the one alarm of an account', () => {
	it('rings for an ended session, and then for what still expires', async () => {
		const eve = await Person.signUp(edge);
		const [session, other] = [await eve.logIn(), await eve.logIn()];
		const request = { handle: eve.handle, sealed: randomText(100) };
		await call(edge, 'requestSend', request, his.token);
		const forExpiry = await alarmOf(session);
		const { log } = await eve.genesis(other.device);
		await shownTo<Account>(stubOf(session)).admit(other.token, log.space);
		expect(await call(edge, 'sessionsEnd', { sessions: 'own' }, other.token)).toEqual(done);
		// The space was told at once.
		expect((await dump(stubOf(session)))['endings']).toEqual([]);
		expect(await alarmOf(session)).toBe(forExpiry);
		await runInDurableObject(stubOf(session), async (_account, { storage }) => {
			const ending = [other.answer.session.id, log.space, Date.now() + 60_000];
			storage.sql.exec('INSERT INTO endings VALUES (?, ?, ?)', ...ending);
			await storage.setAlarm(Date.now() + 60_000);
		});
		await runDurableObjectAlarm(stubOf(session));
		expect((await dump(stubOf(session)))['endings']).toEqual([]);
		expect((await dump(stubOf(session)))['requests']).toHaveLength(1);
		expect(await alarmOf(session)).toBe(forExpiry);
	});
});
