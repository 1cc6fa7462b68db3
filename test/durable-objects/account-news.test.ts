// What happens at an account's door, told to its devices at once: an `account` frame on each socket, and
// never a flood of them.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { generateTotpSecret } from '../../crypto/totp.ts';
import { AccountAnnouncer } from '../../durable-objects/account-announcer.ts';
import { announceEveryMs, loginRatePerNetwork } from '../../durable-objects/limits.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { encodeFactorData } from '../../protocol/factor.ts';
import { idFromBytes, type FactorId, type SessionId, type SpaceId } from '../../protocol/ids.ts';
import type { SecurityEventKind } from '../../protocol/security-event.ts';
import { connect, openEdge } from './edge.ts';
import { codeOf, wrongCode } from './factor-stage.ts';
import { call, newDeviceId, Person } from './person.ts';
import { newBoundKey, noteAnswer } from './proving.ts';

/** Somebody whose device has a socket open. */
async function listening() {
	const edge = await openEdge();
	const person = await Person.signUp(edge);
	const session = await person.logIn();
	const { log, append } = await person.genesis(session.device);
	const socket = await connect(log.space, session.token);
	await socket.ask(append);
	const newest = async () => {
		const { body } = await call(edge, 'accountRead', { after: 0 }, session.token);
		return body.events[0]?.kind;
	};
	return {
		...{ edge, person, session, socket },
		/** Does it, and waits for the frame, and for what it is about. */
		hears: async (kind: SecurityEventKind, work: () => Promise<unknown>) => {
			await work();
			await socket.nextOf('account');
			expect(await newest()).toBe(kind);
		}
	};
}

describe('an open device hears at once', () => {
	it('of a login elsewhere, of its end, and of a token in two hands', async () => {
		const { person, session, hears, edge } = await listening();
		let other = session;
		await hears('logged_in', async () => (other = await person.logIn(newDeviceId())));
		await hears('session_ended', () =>
			call(edge, 'sessionsEnd', { sessions: 'others' }, session.token)
		);
		await hears('logged_in', async () => (other = await person.logIn(newDeviceId())));
		const { refreshToken, answer } = other;
		const thief = await newBoundKey();
		noteAnswer('sessionRefresh', { answer: { session: answer.session }, key: thief });
		await hears('refresh_reused', () => call(edge, 'sessionRefresh', { refreshToken }));
	});

	it('of many wrong passwords, once', async () => {
		const { person, session, hears, edge } = await listening();
		const { handle } = person;
		const { startLoginRequest: ke1 } = edge.opaque.startLogin({ password: 'a guess' });
		const guess = () => call(edge, 'loginStart', { handle, ke1 });
		await hears('login_refused', async () => {
			for (let tries = 0; tries < loginRatePerNetwork.burst + 10; tries++) await guess();
		});
		// Had more come of them, a frame of theirs would be there before that of the next event.
		for (let tries = 0; tries < 10; tries++) expect((await guess()).status).toBe(429);
		await hears('device_removed', () =>
			person.change(session.token, { type: 'device_remove', device: newDeviceId() })
		);
	});

	it('of a wrong second step after a right password', async () => {
		const { person, session, edge, hears } = await listening();
		const secret = generateTotpSecret();
		const data = encodeFactorData({ kind: 'totp', secret });
		const id = idFromBytes<FactorId>(randomBytes(16));
		const factor = { factor: id, kind: 'totp', hash: sha256(data) } as const;
		await hears('factor_added', () =>
			person.change(
				session.token,
				{ type: 'factor_add', factor },
				{},
				{ data: toBase64Url(data), proof: { kind: 'totp', code: codeOf(secret) } }
			)
		);
		const policy = { suffices: ['totp' as const], sessionCap: 3, recoveryDelayDays: 1 };
		await hears('policy_changed', () => person.change(session.token, { type: 'policy', policy }));
		const request = await person.login();
		if (request === null) throw new Error('the password is the right one');
		const { body } = await call(edge, 'loginFinish', request);
		if (body.next !== 'factor') throw new Error('a second step is asked for');
		const { handle } = person;
		const answer = { kind: 'totp', code: wrongCode(secret) } as const;
		await hears('factor_refused', () =>
			call(edge, 'loginFactor', { handle, login: body.login, answer, keep: 'answer' })
		);
	});
});

describe('a flood', () => {
	beforeEach(() => {
		vi.useFakeTimers();
	});
	afterEach(() => {
		vi.useRealTimers();
	});

	it('of events is told at once, and then once a second', async () => {
		const space = idFromBytes<SpaceId>(new Uint8Array(16).fill(1));
		const session = idFromBytes<SessionId>(new Uint8Array(16).fill(2));
		const told: (readonly SessionId[])[] = [];
		const announcer = new AccountAnnouncer({
			live: () => [{ id: session, spaces: [space] }],
			tell: (_, sessions) => Promise.resolve(told.push(sessions)),
			waitUntil: () => undefined
		});
		for (let times = 0; times < 100; times++) announcer.announce();
		expect(told).toEqual([]);
		await vi.advanceTimersByTimeAsync(0);
		expect(told).toEqual([[session]]);
		for (let times = 0; times < 100; times++) announcer.announce();
		await vi.advanceTimersByTimeAsync(announceEveryMs - 1);
		expect(told).toHaveLength(1);
		await vi.advanceTimersByTimeAsync(1);
		expect(told).toHaveLength(2);
		await vi.advanceTimersByTimeAsync(10 * announceEveryMs);
		expect(told).toHaveLength(2);
		announcer.announce();
		await vi.advanceTimersByTimeAsync(0);
		expect(told).toHaveLength(3);
	});

	it('does not silence an account whose clock goes back', async () => {
		const told: SpaceId[] = [];
		const space = idFromBytes<SpaceId>(new Uint8Array(16).fill(1));
		const announcer = new AccountAnnouncer({
			live: () => [{ id: idFromBytes<SessionId>(new Uint8Array(16)), spaces: [space] }],
			tell: (to) => Promise.resolve(told.push(to)),
			waitUntil: () => undefined
		});
		announcer.announce();
		await vi.advanceTimersByTimeAsync(0);
		vi.setSystemTime(Date.now() - 86_400_000);
		announcer.announce();
		await vi.advanceTimersByTimeAsync(announceEveryMs);
		expect(told).toHaveLength(2);
	});
});
