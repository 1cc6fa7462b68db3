// What a deleted account takes with it: the spaces that it has made and that nobody else is in. The others
// go on, and count for somebody who is there.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import type { Account } from '../../durable-objects/account.ts';
import { maxErasedSpacesAtOnce } from '../../durable-objects/limits.ts';
import { accountObject, connect, openEdge, refusalOf, upgrade } from './edge.ts';
import { after, Person, randomPage, type Session } from './person.ts';
import { Stage } from './space-stage.ts';
import { dump } from './storage.ts';

const accountOf = ({ answer }: Session) => accountObject(answer.handleHash);

async function loggedIn(handle?: string): Promise<{ person: Person; session: Session }> {
	const person = await Person.signUp(await openEdge(), handle);
	return { person, session: await person.logIn() };
}

async function remove({ owner, session }: Pick<Stage, 'owner' | 'session'>): Promise<void> {
	expect((await owner.change(session.token, { type: 'delete' })).status).toBe(200);
}

/** No more is set aside for a space than it holds already. */
async function leaveNoRoom({ stub }: Stage): Promise<void> {
	await runInDurableObject(stub, (_: unknown, { storage }: DurableObjectState) => {
		storage.sql.exec('UPDATE quota SET bytes = 0');
	});
	await evictDurableObject(stub, { webSockets: 'hibernate' });
}

/** An edit of somebody else than the owner; answers what it was refused for. */
async function editBy(stage: Stage, by: Person, session: Session): Promise<string | null> {
	const socket = await connect(stage.log.space, session.token);
	const append = await by.commit(stage.log, session.device, { pages: [randomPage(100)] });
	const answer = await socket.ask(append);
	if (answer.type === 'refused') {
		// Nothing was counted.
		for (const [key, count] of by.counts) by.counts.set(key, count - 1);
		return answer.refusal.code;
	}
	stage.log = after(stage.log, append);
	return null;
}

describe('an account that is deleted', () => {
	it('takes every space with it that nobody else is in, and what was kept about it', async () => {
		const { person, session } = await loggedIn();
		const [one, two] = [await Stage.open(person, session), await Stage.open(person, session)];
		await one.edit(1_000);
		const bob = await loggedIn();
		await two.admit(bob.person, 'viewer', 'link');
		await remove(one);
		for (const { stub, socket, log } of [one, two]) {
			expect(await socket.closed).toBe(4401);
			expect(await dump(stub)).toEqual({});
			expect(await runDurableObjectAlarm(stub)).toBe(false);
			expect(await refusalOf(await upgrade(log.space, bob.session.token))).toBe(4404);
		}
		expect(await dump(accountOf(session))).toEqual({});
	});

	it('leaves a space alone that somebody else is in', async () => {
		const { person, session } = await loggedIn();
		const stage = await Stage.open(person, session);
		await stage.edit();
		const bob = await loggedIn();
		await stage.admit(bob.person, 'viewer');
		const before = await dump(stage.stub);
		await remove(stage);
		expect(await dump(stage.stub)).toEqual(before);
		expect(await dump(accountOf(session))).toEqual({});
	});

	it('leaves a space to the next owner who writes, and to nobody else', async () => {
		const { person, session } = await loggedIn();
		const stage = await Stage.open(person, session);
		const [bob, carol] = [await loggedIn(), await loggedIn()];
		await stage.admit(bob.person, 'owner');
		await stage.admit(carol.person, 'editor');
		await remove(stage);
		expect(await editBy(stage, carol.person, carol.session)).toBeNull();
		await leaveNoRoom(stage);
		expect(await editBy(stage, carol.person, carol.session)).toBe('over_quota');
		// Whoever has the handle next has made no space.
		const next = await loggedIn(person.handle);
		expect(await editBy(stage, carol.person, carol.session)).toBe('over_quota');
		expect((await dump(accountOf(next.session)))['own_spaces']).toEqual([]);
		expect(await editBy(stage, bob.person, bob.session)).toBeNull();
		expect((await dump(stage.stub))['quota']).toMatchObject([{ account: bob.person.account }]);
		expect((await dump(accountOf(bob.session)))['own_spaces']).toMatchObject([
			{ space: stage.log.space }
		]);
		await leaveNoRoom(stage);
		expect(await editBy(stage, carol.person, carol.session)).toBeNull();
	});

	it('is gone once all its spaces are, also if it sleeps in between', async () => {
		const { person, session } = await loggedIn();
		const stage = await Stage.open(person, session);
		const stub = accountOf(session);
		await runInDurableObject(stub, (_: Account, { storage }: DurableObjectState) => {
			// Of no space, and before any in the order of names.
			for (let count = 0; count < maxErasedSpacesAtOnce; count++) {
				storage.sql.exec('INSERT INTO own_spaces VALUES (?, 1)', `!${String(count)}`);
			}
		});
		await remove(stage);
		const { space } = stage.log;
		expect((await dump(stub))['own_spaces']).toMatchObject([{ space }]);
		expect(await dump(stage.stub)).not.toEqual({});
		await expect(Person.signUp(person.edge, person.handle)).rejects.toThrow();
		await evictDurableObject(stub);
		expect(await runDurableObjectAlarm(stub)).toBe(true);
		expect([await dump(stage.stub), await dump(stub)]).toEqual([{}, {}]);
		await Person.signUp(person.edge, person.handle);
	});
});
