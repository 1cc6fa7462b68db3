// The account log at the edge: which writes it takes, what goes with them in the same moment, and what is
// left afterwards.
import { describe, expect, it } from 'vitest';
import type { AccountAction } from '../../protocol/account-write.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { accountObject, connect, openEdge } from './edge.ts';
import { call, newDeviceId, newKeyslot, Person, type Session } from './person.ts';
import { otherPassword } from './other-password.ts';
import { backUp, restore } from './restore.ts';
import { dump, rowsWrittenBy } from './storage.ts';

const stubOf = ({ answer }: Session) => accountObject(answer.handleHash);
const loggedIn = async () => {
	const person = await Person.signUp(await openEdge());
	return { person, session: await person.logIn() };
};
const read = async ({ edge }: Person, { token }: Session, after = 0) =>
	call(edge, 'accountRead', { after }, token);
const removal = (): AccountAction => ({ type: 'device_remove', device: newDeviceId() });

describe('a write', () => {
	it('is taken with its records, and leaves just those that are in force', async () => {
		const { person, session } = await loggedIn();
		const { action, records } = await otherPassword(person, session);
		const written = await rowsWrittenBy(stubOf(session), async () => {
			expect((await person.change(session.token, action, records)).status).toBe(200);
		});
		// The write, two records in, two out, and the security event.
		expect(written).toBeLessThanOrEqual(6);
		const { body } = await read(person, session, 1);
		expect(body.log.head.n).toBe(2);
		expect(body.log.writes).toHaveLength(1);
		expect(body.registrationRecord).toBe(toBase64Url(records.registrationRecord));
		expect(body.keyslots).toContain(toBase64Url(records.keyslots[0] ?? new Uint8Array()));
		expect((await dump(stubOf(session)))['account_records']).toHaveLength(3);
	});

	it('is answered once more as before, and another at its place is stale', async () => {
		const { person, session } = await loggedIn();
		const [first, other] = [
			await person.accountWrite(removal()),
			await person.accountWrite(removal())
		];
		const answers = await Promise.all(
			[first, other].map((write) => call(person.edge, 'accountWrite', write, session.token))
		);
		expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
		const [taken, stale] = answers[0]?.status === 200 ? [first, other] : [other, first];
		const before = await dump(stubOf(session));
		const again = await call(person.edge, 'accountWrite', taken, session.token);
		expect(again).toEqual(answers.find(({ status }) => status === 200));
		expect((await call(person.edge, 'accountWrite', stale, session.token)).status).toBe(409);
		expect(await dump(stubOf(session))).toEqual(before);
	});

	it('of another account, with other records, or of a factor that nobody proved is refused', async () => {
		const { person, session } = await loggedIn();
		const other = await loggedIn();
		const { action, records } = await otherPassword(person, session);
		const good = await person.accountWrite(action, records);
		const strange = toBase64Url(newKeyslot('password').bytes);
		const factor = { factor: newDeviceId() as never, kind: 'totp', hash: randomBytes(32) } as const;
		const before = await dump(stubOf(session));
		const refused: [Parameters<typeof call<'accountWrite'>>[2], number][] = [
			[await other.person.accountWrite(removal()), 409],
			[{ ...good, registrationRecord: null }, 400],
			[{ ...good, keyslots: [] }, 400],
			[{ ...good, keyslots: [strange] }, 400],
			[{ ...good, keyslots: [...good.keyslots, strange] }, 400],
			[await person.accountWrite({ type: 'factor_add', factor }), 400]
		];
		for (const [request, status] of refused) {
			const answer = await call(person.edge, 'accountWrite', request, session.token);
			expect([answer.status, answer.body]).toEqual([status, answer.body]);
		}
		expect(await dump(stubOf(session))).toEqual(before);
	});

	it('of a password ends the other sessions, and logins that were under way', async () => {
		const { person, session } = await loggedIn();
		const other = await person.logIn();
		const underWay = await person.login();
		if (underWay === null) throw new Error('the password is the right one');
		const { action, records } = await otherPassword(person, session);
		expect((await person.change(session.token, action, records)).status).toBe(200);
		expect((await read(person, other)).status).toBe(401);
		expect((await call(person.edge, 'loginFinish', underWay)).body).toEqual({
			error: { code: 'login_failed' }
		});
		expect((await read(person, session)).status).toBe(200);
	});

	it('that removes a device ends its session, and its sockets close', async () => {
		const { person, session } = await loggedIn();
		const lost = await person.logIn();
		const { log, append } = await person.genesis(lost.device);
		const socket = await connect(log.space, lost.token);
		await socket.ask(append);
		const action = { type: 'device_remove', device: lost.device } as const;
		expect((await person.change(session.token, action)).status).toBe(200);
		expect(await socket.closed).toBe(4401);
		expect((await read(person, lost)).status).toBe(401);
		expect((await read(person, session)).status).toBe(200);
	});

	it('that lets fewer sessions live ends the oldest, and never the one that asks', async () => {
		const { person, session: oldest } = await loggedIn();
		const second = await person.logIn();
		const third = await person.logIn();
		const { log, append } = await person.genesis(second.device);
		const socket = await connect(log.space, second.token);
		await socket.ask(append);
		const policy = { ...person.state!.policy, sessionCap: 2 };
		const lowered = await person.change(oldest.token, { type: 'policy', policy });
		expect(lowered.status).toBe(200);
		expect(await socket.closed).toBe(4401);
		expect((await read(person, second)).status).toBe(401);
		expect((await read(person, third)).status).toBe(200);
		const { body } = await read(person, oldest);
		expect(body.sessions.map(({ current }) => current)).toEqual([true, false]);
		expect(body.sessionCap).toBe(2);
		expect(body.events).toMatchObject([
			{ kind: 'session_ended', device: second.device },
			{ kind: 'policy_changed', device: oldest.device },
			...[third, second, oldest].map(({ device }) => ({ kind: 'logged_in', device }))
		]);
	});

	it('of a password that nobody could log in against is refused, and nothing is changed', async () => {
		const { person, session } = await loggedIn();
		const { action, records } = await otherPassword(person, session);
		const before = await dump(stubOf(session));
		const noPoint = records.registrationRecord.slice();
		noPoint.fill(0xff, 0, 32);
		const records192 = [noPoint, records.registrationRecord.fill(0, 0, 32)];
		for (const registrationRecord of records192) {
			const password = { ...action.password, recordHash: sha256(registrationRecord) };
			const named = { ...action, password };
			const sent = { ...records, registrationRecord };
			const answer = await person.change(session.token, named, sent);
			expect([answer.status, answer.body]).toEqual([400, { error: { code: 'malformed' } }]);
		}
		expect(await dump(stubOf(session))).toEqual(before);
	});

	it('is told to the sockets of the account', async () => {
		const { person, session } = await loggedIn();
		const { log, append } = await person.genesis(session.device);
		const socket = await connect(log.space, session.token);
		await socket.ask(append);
		expect((await person.change(session.token, removal())).status).toBe(200);
		expect(await socket.nextOf('account')).toEqual({ type: 'account' });
	});

	it('that deletes the account leaves nothing of it', async () => {
		const { person, session } = await loggedIn();
		expect((await person.change(session.token, { type: 'delete' })).status).toBe(200);
		expect(await dump(stubOf(session))).toEqual({});
		expect((await read(person, session)).status).toBe(401);
		const again = await Person.signUp(person.edge, person.handle);
		expect((await again.logIn()).answer.log.head.n).toBe(1);
	});
});

describe('a restore', () => {
	it('PWD-09 that brought an old password back is undone by what a device knows', async () => {
		const { person, session } = await loggedIn();
		const stub = stubOf(session);
		const backup = await backUp(stub);
		const { action, records } = await otherPassword(person, session);
		const changed = await person.change(session.token, action, records);
		expect(changed.status).toBe(200);
		await restore(stub, backup);
		// The old one is good again at the edge: whoever has it is let in, and finds an older log.
		const old = await person.logIn();
		expect(old.answer.log.head.n).toBe(1);
		const { write, signature } = changed.request;
		const request = {
			writes: [{ write, signature }],
			registrationRecord: toBase64Url(records.registrationRecord),
			keyslots: records.keyslots.map(toBase64Url),
			factors: []
		};
		const put = await call(person.edge, 'accountPutBack', request, old.token);
		expect(put).toEqual({ status: 200, body: changed.body });
		// From now on the other one is right, and this one is not.
		expect(await person.login()).toBeNull();
		const right = await person.login(newDeviceId(), { password: 'other horse' });
		expect(right).not.toBeNull();
		expect((await call(person.edge, 'accountPutBack', request, old.token)).status).toBe(200);
	});
});
