// Who may make an account, and how often an invite is good: in parallel, after a crash at each point,
// after a lost answer.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { AccountPlace } from '../../durable-objects/account-place.ts';
import type { Env } from '../../durable-objects/env.ts';
import type { Account } from '../../durable-objects/account.ts';
import { sha256 } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toBase64Url, toHex } from '../../protocol/bytes.ts';
import type { ResponseOf } from '../../protocol/http.ts';
import type { OperatorChange, OperatorLimits } from '../../protocol/http-operator.ts';
import { err, ok } from '../../protocol/result.ts';
import { maxSignUpInvites } from '../../protocol/limits.ts';
import { bindings, connect, openEdge } from './edge.ts';
import { bytesOf, call, newHandle, Person, type Edge } from './person.ts';
import { dump } from './storage.ts';

const deployment = bindings.DEPLOYMENT.getByName('deployment');

/** A new deployment, without an account. */
async function newEdge(): Promise<Edge> {
	await runInDurableObject(deployment, async (_object, { storage }) => storage.deleteAll());
	await evictDurableObject(deployment);
	return openEdge();
}

interface Operator {
	readonly edge: Edge;
	readonly person: Person;
	readonly token: string;
	readonly write: (change: OperatorChange) => Promise<ResponseOf<'operatorWrite'>>;
	readonly read: () => Promise<ResponseOf<'operatorRead'>>;
	/** The code of a new invite. */
	readonly invite: (uses: number, expiresAtMs?: number) => Promise<string>;
}

/** The first account, on a new deployment. */
async function operator(): Promise<Operator> {
	const edge = await newEdge();
	const person = await Person.signUp(edge);
	const { token } = await person.logIn();
	const answered = async <Name extends 'operatorRead' | 'operatorWrite'>(
		asked: Promise<{ status: number; body: ResponseOf<Name> }>
	): Promise<ResponseOf<Name>> => {
		const { status, body } = await asked;
		if (status !== 200) throw new Error(JSON.stringify(body));
		return body;
	};
	const write = (change: OperatorChange) =>
		answered(call(edge, 'operatorWrite', { change }, token));
	return {
		...{ edge, person, token, write },
		read: () => answered(call(edge, 'operatorRead', {}, token)),
		invite: async (uses, expiresAtMs = Date.now() + 86_400_000) => {
			const code = randomBytes(16);
			await write({ set: 'invite', invite: toBase64Url(sha256(code)), uses, expiresAtMs });
			return toBase64Url(code);
		}
	};
}

const codeOf = ({ body }: { body: { error?: { code: string } } }): string =>
	body.error?.code ?? 'made';

/** Everything up to the last request of a sign-up; what is left is whether it is let in. */
async function readyToSignUp(edge: Edge, invite: string | null, handle = newHandle()) {
	const person = await Person.create(edge, handle);
	return person.registration(invite);
}

async function tryToSignUp(
	edge: Edge,
	invite: string | null = null,
	handle = newHandle()
): Promise<string> {
	try {
		const request = await readyToSignUp(edge, invite, handle);
		return codeOf(await call(edge, 'registrationFinish', request));
	} catch (error) {
		return /"code":"(\w+)"/.exec(String(error))?.[1] ?? String(error);
	}
}

const accountOf = (handleHash: string): DurableObjectStub<Account> =>
	bindings.ACCOUNT.getByName(handleHash);

async function objectNameOf(handle: string): Promise<string> {
	const found = await deployment.names({ handle, network: '192.0.2.7' });
	if (!found.ok || found.value.account === null) throw new Error('a handle has an object');
	return found.value.account;
}

/** As if the minute were over after which a place is looked after. */
async function ageReservations(): Promise<void> {
	await runInDurableObject(deployment, (_object, { storage }) => {
		storage.sql.exec('UPDATE accounts SET reserved_at_ms = 1 WHERE reserved_at_ms IS NOT NULL');
	});
}

describe('the first account', () => {
	it('is the operator’s, whatever the policy, and no other is', async () => {
		const edge = await newEdge();
		expect((await call(edge, 'signUpRead', {})).body).toMatchObject({ isFirst: true });
		const first = await Person.signUp(edge);
		expect((await call(edge, 'signUpRead', {})).body).toMatchObject({ isFirst: false });
		const { token } = await first.logIn();
		const read = await call(edge, 'operatorRead', {}, token);
		expect(read.body).toMatchObject({ accounts: 1, bytes: 0, invites: [] });
		const other = await (await Person.signUp(edge)).logIn();
		expect(codeOf(await call(edge, 'operatorRead', {}, other.token))).toBe('forbidden');
	});

	it('is one, when many come at once', async () => {
		const edge = await newEdge();
		const requests = await Promise.all(Array.from({ length: 8 }, () => readyToSignUp(edge, null)));
		await Promise.all(requests.map((request) => call(edge, 'registrationFinish', request)));
		const accounts = (await dump(deployment))['accounts'] ?? [];
		expect(accounts).toHaveLength(8);
		expect(accounts.filter((row) => row['is_operator'] === 1)).toHaveLength(1);
	});

	it('is the next one’s, where the first was never made', async () => {
		const edge = await newEdge();
		await deployment.signUpReserve({ account: toHex(randomBytes(32)), code: null });
		expect((await call(edge, 'signUpRead', {})).body).toMatchObject({ isFirst: false });
		await ageReservations();
		const person = await Person.signUp(edge);
		const { token } = await person.logIn();
		expect((await call(edge, 'operatorRead', {}, token)).status).toBe(200);
	});
});

describe('sign-up by invite', () => {
	it('needs one, that is there, has a use left, and has not expired', async () => {
		const { edge, invite, write } = await operator();
		await write({ set: 'sign_up', signUp: 'invite' });
		expect(await tryToSignUp(edge)).toBe('invite_needed');
		expect(await tryToSignUp(edge, toBase64Url(randomBytes(16)))).toBe('invite_ended');
		const code = await invite(2);
		expect(await tryToSignUp(edge, code)).toBe('made');
		expect(await tryToSignUp(edge, code)).toBe('made');
		expect(await tryToSignUp(edge, code)).toBe('invite_ended');
		const brief = await invite(5);
		await runInDurableObject(deployment, (_object, { storage }) => {
			storage.sql.exec('UPDATE sign_up_invites SET expires_at_ms = 1 WHERE uses = 5');
		});
		expect(await tryToSignUp(edge, brief)).toBe('invite_ended');
		const taken = await invite(1);
		await write({ set: 'no_invite', invite: toBase64Url(sha256(bytesOf(taken))) });
		expect(await tryToSignUp(edge, taken)).toBe('invite_ended');
	});

	it('is refused before anything is said of the handle', async () => {
		const { edge, write } = await operator();
		const taken = await Person.signUp(edge);
		await write({ set: 'sign_up', signUp: 'invite' });
		const { registrationRequest } = edge.opaque.startRegistration({ password: 'x' });
		for (const handle of [taken.handle, newHandle()]) {
			const asked = { handle, registrationRequest, invite: null };
			expect(codeOf(await call(edge, 'registrationStart', asked))).toBe('invite_needed');
		}
	});

	it('uses one up exactly as often as it is good for, however many come at once', async () => {
		const { edge, invite, write, read } = await operator();
		await write({ set: 'sign_up', signUp: 'invite' });
		const code = await invite(3);
		const requests = await Promise.all(Array.from({ length: 12 }, () => readyToSignUp(edge, code)));
		const answers = await Promise.all(
			requests.map((request) => call(edge, 'registrationFinish', request))
		);
		const codes = answers.map(codeOf);
		expect(codes.filter((one) => one === 'made')).toHaveLength(3);
		expect(codes.filter((one) => one === 'invite_ended')).toHaveLength(9);
		const { accounts, invites } = await read();
		expect([accounts, invites[0]?.usesLeft]).toEqual([4, 0]);
	});

	it('takes the same request again for the same, when its answer was lost', async () => {
		const { edge, invite, write, read } = await operator();
		await write({ set: 'sign_up', signUp: 'invite' });
		const code = await invite(2);
		const request = await readyToSignUp(edge, code);
		const parallel = [request, request, request].map((same) =>
			call(edge, 'registrationFinish', same)
		);
		expect((await Promise.all(parallel)).map(codeOf)).toEqual(['made', 'made', 'made']);
		await evictDurableObject(deployment);
		expect(codeOf(await call(edge, 'registrationFinish', request))).toBe('made');
		expect((await read()).invites[0]?.usesLeft).toBe(1);
	});

	it('forgets which account came by which invite', async () => {
		const { edge, invite, write } = await operator();
		await write({ set: 'sign_up', signUp: 'invite' });
		expect(await tryToSignUp(edge, await invite(1))).toBe('made');
		const accounts = (await dump(deployment))['accounts'] ?? [];
		expect(accounts.map((row) => row['invite'])).toEqual([null, null]);
	});

	it('leaves an invite alone where none is needed', async () => {
		const { edge, invite, write, read } = await operator();
		await write({ set: 'sign_up', signUp: 'open' });
		expect(await tryToSignUp(edge, await invite(1))).toBe('made');
		expect((await read()).invites[0]?.usesLeft).toBe(1);
	});
});

describe('a crash between the place and the account', () => {
	/** A place with a use of the only invite, and no account. */
	async function leftOver() {
		const { edge, invite, write, read } = await operator();
		await write({ set: 'sign_up', signUp: 'invite' });
		const code = await invite(1);
		const handle = newHandle();
		const account = await objectNameOf(handle);
		const reserved = await deployment.signUpReserve({ account, code: bytesOf(code) });
		expect(reserved.ok).toBe(true);
		await evictDurableObject(deployment);
		return { edge, code, handle, account, read };
	}

	it('lets the same handle go on, with no second use', async () => {
		const { edge, code, handle, read } = await leftOver();
		const person = await Person.create(edge, handle);
		// To look at it, it is used up: the last request goes on all the same.
		const other = await registrationBefore(person, code);
		expect(codeOf(await call(edge, 'registrationFinish', other))).toBe('made');
		expect((await read()).invites[0]?.usesLeft).toBe(0);
	});

	it('gives the use to another handle, a minute later', async () => {
		const { edge, code, read } = await leftOver();
		expect(await tryToSignUp(edge, code)).toBe('invite_ended');
		await ageReservations();
		expect(await tryToSignUp(edge, code)).toBe('made');
		expect(await read()).toMatchObject({ accounts: 2, invites: [{ usesLeft: 0 }] });
	});

	it('gives it to one only, when both come at once', async () => {
		const { edge, code, handle, account, read } = await leftOver();
		await ageReservations();
		const person = await Person.create(edge, handle);
		const [same, other] = [
			await registrationBefore(person, code),
			await registrationBefore(await Person.create(edge), code)
		];
		await ageReservations();
		const answers = await Promise.all(
			[same, other].map((request) => call(edge, 'registrationFinish', request))
		);
		expect(answers.map(codeOf).toSorted()).toEqual(['invite_ended', 'made']);
		expect((await read()).accounts).toBe(2);
		const exists = await accountOf(account).withdrawPlace();
		expect(exists).toBe(codeOf(answers[0]!) === 'made' ? 'made' : 'withdrawn');
	});

	it('counts an account that was made, and could not say so', async () => {
		const { edge, invite, write, read } = await operator();
		await write({ set: 'sign_up', signUp: 'invite' });
		const code = await invite(1);
		expect(await tryToSignUp(edge, code)).toBe('made');
		await runInDurableObject(deployment, (_object, { storage }) => {
			const invites = storage.sql.exec('SELECT invite FROM sign_up_invites').toArray();
			storage.sql.exec(
				'UPDATE accounts SET reserved_at_ms = 1, invite = ? WHERE is_operator = 0',
				invites[0]?.['invite']
			);
		});
		expect(await tryToSignUp(edge, code)).toBe('invite_ended');
		const rows = (await dump(deployment))['accounts'] ?? [];
		expect(rows.map((row) => [row['reserved_at_ms'], row['invite']])).toEqual([
			[null, null],
			[null, null]
		]);
		expect(await read()).toMatchObject({ accounts: 2, invites: [{ usesLeft: 0 }] });
	});

	it('makes no account by a place that was withdrawn while it was on its way', async () => {
		let asked = 0;
		const store = { exists: false };
		const signUpReserve = (): Promise<unknown> => {
			asked += 1;
			if (asked === 1) expect(place.withdraw()).toBe('withdrawn');
			return Promise.resolve(asked === 1 ? ok(null) : err({ code: 'invite_ended' }));
		};
		const env = { DEPLOYMENT: { getByName: () => ({ signUpReserve }) } } as unknown as Env;
		const place = new AccountPlace(env, { objectName: 'x' }, store);
		expect(await place.reserve(null)).toEqual(err({ code: 'invite_ended' }));
		expect(asked).toBe(2);
	});
});

describe('a closed deployment', () => {
	it('takes no account, with an invite or without', async () => {
		const { edge, invite, write } = await operator();
		await write({ set: 'sign_up', signUp: 'closed' });
		expect(await tryToSignUp(edge)).toBe('sign_up_closed');
		expect(await tryToSignUp(edge, await invite(1))).toBe('sign_up_closed');
	});

	it('is one that has as many accounts as it may, exactly', async () => {
		const { edge, write, read } = await operator();
		const { limits } = await read();
		await write({ set: 'limits', limits: { ...limits, accounts: 4 } });
		await write({ set: 'sign_up', signUp: 'open' });
		const requests = await Promise.all(Array.from({ length: 9 }, () => readyToSignUp(edge, null)));
		const answers = await Promise.all(
			requests.map((request) => call(edge, 'registrationFinish', request))
		);
		expect(answers.map(codeOf).filter((code) => code === 'made')).toHaveLength(3);
		expect((await read()).accounts).toBe(4);
		expect(await tryToSignUp(edge)).toBe('sign_up_closed');
	});
});

describe('what the operator sets', () => {
	it('stays, and is refused where it is no setting', async () => {
		const { edge, token, write, read } = await operator();
		const limits: OperatorLimits = {
			...{ accounts: 7, spacesPerAccount: 5, bytesPerAccount: 5_000_000 },
			...{ bytesPerSpace: 2_000_000, pagesPerSpace: 5_000, membersPerSpace: 3 }
		};
		await write({ set: 'limits', limits });
		await write({ set: 'sign_up', signUp: 'closed' });
		await evictDurableObject(deployment);
		expect(await read()).toMatchObject({ limits, signUp: 'closed' });
		for (const change of [
			{ set: 'limits', limits: { ...limits, accounts: 0 } },
			{ set: 'limits', limits: { ...limits, membersPerSpace: 129 } },
			{ set: 'limits', limits: { ...limits, bytesPerSpace: 1.5 } },
			{ set: 'sign_up', signUp: 'maybe' },
			{ set: 'password', account: 'x' }
		]) {
			const answer = await call(edge, 'operatorWrite', { change: change as never }, token);
			expect(codeOf(answer)).toBe('malformed');
		}
	});

	it('has room for so many invites, none of which lasts for ever', async () => {
		const { edge, token, invite } = await operator();
		for (let made = 0; made < maxSignUpInvites; made++) await invite(1);
		await expect(invite(1)).rejects.toThrow('over_quota');
		const change = {
			...{ set: 'invite' as const, invite: toBase64Url(randomBytes(32)), uses: 1 },
			expiresAtMs: Date.now() + 31 * 86_400_000
		};
		const late = await call(edge, 'operatorWrite', { change }, token);
		expect(codeOf(late)).toBe('malformed');
	});
});

describe('an account that is deleted', () => {
	const remove = async (person: Person): Promise<void> => {
		const { token } = await person.logIn();
		expect((await person.change(token, { type: 'delete' })).status).toBe(200);
	};
	const rows = async () => (await dump(deployment))['accounts'] ?? [];

	it('gives back its place, its handle and what was set aside for it', async () => {
		const { edge, read, write } = await operator();
		await write({ set: 'sign_up', signUp: 'open' });
		const person = await Person.signUp(edge);
		const { token, device } = await person.logIn();
		const { log, append } = await person.genesis(device);
		const socket = await connect(log.space, token);
		await socket.ask(append);
		expect(await read()).toMatchObject({ accounts: 2, bytes: expect.any(Number) as number });
		expect((await read()).bytes).toBeGreaterThan(0);
		await remove(person);
		expect(await read()).toMatchObject({ accounts: 1, bytes: 0 });
		// Who may sign up is asked of its handle as of any other.
		await write({ set: 'sign_up', signUp: 'closed' });
		await expect(Person.signUp(edge, person.handle)).rejects.toThrow('sign_up_closed');
		await write({ set: 'sign_up', signUp: 'open' });
		const again = await Person.signUp(edge, person.handle);
		const refused = await call(edge, 'operatorRead', {}, (await again.logIn()).token);
		expect(codeOf(refused)).toBe('forbidden');
		expect(await read()).toMatchObject({ accounts: 2 });
	});

	it('is erased later, if the deployment can’t be told now', async () => {
		const { edge, write, read } = await operator();
		await write({ set: 'sign_up', signUp: 'open' });
		const person = await Person.signUp(edge);
		const { answer } = await person.logIn();
		const stub = accountOf(toHex(bytesOf(answer.handleHash)));
		await runInDurableObject(deployment, (object: object) => {
			Object.assign(object, {
				signUpForget: () => {
					throw new Error('it can not be told');
				}
			});
		});
		await remove(person);
		expect(await dump(stub)).not.toEqual({});
		expect(await tryToSignUp(edge, null, person.handle)).toBe('handle_taken');
		await evictDurableObject(deployment);
		expect(await runDurableObjectAlarm(stub)).toBe(true);
		expect(await dump(stub)).toEqual({});
		expect(await read()).toMatchObject({ accounts: 1 });
	});

	it('and was the operator’s has no successor, until there is no account at all', async () => {
		const { edge, write, person: founder } = await operator();
		await write({ set: 'sign_up', signUp: 'open' });
		const other = await Person.signUp(edge);
		const first = (await rows()).find((row) => row['is_operator'] === 1);
		await remove(founder);
		expect(await rows()).toContainEqual(expect.objectContaining({ account: '', is_operator: 1 }));
		expect(await rows()).not.toContainEqual(first);
		for (const person of [other, await Person.signUp(edge, founder.handle)]) {
			const answer = await call(edge, 'operatorRead', {}, (await person.logIn()).token);
			expect(codeOf(answer)).toBe('forbidden');
			await remove(person);
		}
		expect(await rows()).toEqual([]);
		const newcomer = await Person.signUp(edge);
		const asked = await call(edge, 'operatorRead', {}, (await newcomer.logIn()).token);
		expect(asked.status).toBe(200);
	});
});

/** The last request of a sign-up whose first would be refused: the first is asked with what is free. */
async function registrationBefore(person: Person, code: string) {
	await runInDurableObject(deployment, (_object, { storage }) => {
		storage.sql.exec("UPDATE operation SET sign_up = 'open'");
	});
	const request = await person.registration(null);
	await runInDurableObject(deployment, (_object, { storage }) => {
		storage.sql.exec("UPDATE operation SET sign_up = 'invite'");
	});
	return { ...request, invite: code };
}
