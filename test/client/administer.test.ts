import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startEdge, type Edge } from './edge.ts';
import {
	adding,
	caughtUpWith,
	foundedBy,
	joined,
	newPerson,
	synced,
	type Person
} from './people.ts';

// Every account stretches a password on purpose, and tests share the machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let edge: Edge;
let ada: Person;
let bob: Person;
let eve: Person;
beforeAll(async () => {
	edge = await startEdge();
	ada = await newPerson(edge);
	bob = await newPerson(edge);
	eve = await newPerson(edge);
});
afterAll(() => edge.remove());

describe('members', () => {
	test('adding a member to a space is one commit, and they read all of it', async () => {
		const owner = await foundedBy(ada);
		await owner.write('Before');
		await synced(owner);
		const { seq } = owner.sync.head;
		const member = await joined(owner, bob, 'editor');
		expect(owner.sync.head.seq).toBe(seq + 1);
		expect(member.titles).toEqual(['Before']);
		expect(member.sync.role).toBe('editor');
		await member.write('From them');
		await synced(member);
		await caughtUpWith(owner, member);
		expect(owner.titles).toEqual(['Before', 'From them']);
		await Promise.all([owner.sync.close(), member.sync.close()]);
	});
});
