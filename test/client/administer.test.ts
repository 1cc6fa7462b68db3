import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdminIntent } from '../../client/admin-draft.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import { parseCommit, type Commit } from '../../protocol/commit.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import { epochTtlSeconds } from '../../protocol/limits.ts';
import { newWire, startEdge, type Edge, type Wire } from './edge.ts';
import {
	adding,
	caughtUpWith,
	close,
	failed,
	foundedBy,
	joined,
	newDesk,
	newPerson,
	done,
	synced,
	type Desk,
	type Person
} from './people.ts';

let edge: Edge;
let ada: Person;
let bob: Person;
let eve: Person;
beforeAll(async () => {
	edge = await startEdge();
	[ada, bob, eve] = [await newPerson(edge), await newPerson(edge), await newPerson(edge)];
});
afterAll(() => edge.remove());

const appendsOf = (wire: Wire): readonly Commit[] =>
	wire.sent.flatMap(({ frame }) => {
		const commit = frame.type === 'append' ? parseCommit(frame.commit) : null;
		return commit?.ok ? [commit.value] : [];
	});

/** The device does not hear of what is appended next, until it asks. */
function loseNextEntries(wire: Wire): void {
	wire.down = (frame) => {
		if (frame.type !== 'entries') return frame;
		wire.down = (next) => next;
		return null;
	};
}

/** Everything under the open epoch again. */
const resealed = (desk: Desk): Promise<void> =>
	desk.until(() => desk.sync.caughtUp && desk.sync.epochStatus.resealing === null);

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

	test('who joins a long log opens pages that come before their key does', async () => {
		const owner = await foundedBy(ada);
		for (const title of ['A', 'B', 'C', 'D']) await owner.write(title, 'tide '.repeat(120_000));
		await synced(owner);
		const wire = newWire(encodeSpaceFrame);
		let frames = 0;
		wire.down = (frame) => {
			if (frame.type === 'entries') frames += 1;
			return frame;
		};
		const member = await joined(owner, bob, 'viewer', { WebSocket: wire.WebSocket });
		expect(frames).toBeGreaterThan(1);
		expect(member.titles).toEqual(['A', 'B', 'C', 'D']);
		expect(member.sync.status.setAside).toBe(0);
		await close(owner, member);
	});

	test('what the rules would refuse is refused by name, and sends nothing', async () => {
		const wire = newWire(encodeSpaceFrame);
		const owner = await foundedBy(ada, { WebSocket: wire.WebSocket });
		const member = await joined(owner, bob, 'editor');
		const sent = appendsOf(wire).length;
		const ask = (intent: AdminIntent) => owner.sync.administer(intent);
		const { account } = bob.me;
		expect(await ask({ type: 'leave' })).toEqual(failed('last_owner'));
		expect(await ask({ type: 'change_role', account: ada.me.account, role: 'viewer' })).toEqual(
			failed('last_owner')
		);
		expect(await ask(adding(bob, 'viewer'))).toEqual(failed('already_member'));
		expect(await ask({ type: 'remove', account: eve.me.account })).toEqual(failed('not_found'));
		expect(await ask({ type: 'change_role', account, role: 'editor' })).toEqual(done);
		const forged = ada.me.identity;
		expect(await ask({ type: 'replace_identity', account, identityEntry: forged })).toEqual(
			failed('malformed')
		);
		expect(await member.sync.administer({ type: 'rotate' })).toEqual(failed('forbidden'));
		expect(await member.sync.administer({ type: 'remove', account: ada.me.account })).toEqual(
			failed('forbidden')
		);
		expect(appendsOf(wire).length).toBe(sent);
		await close(owner, member);
	});

	test('a viewer reads and sends nothing; as an editor what waited is sent', async () => {
		const owner = await foundedBy(ada);
		const wire = newWire(encodeSpaceFrame);
		const member = await joined(owner, bob, 'viewer', { WebSocket: wire.WebSocket });
		await member.write('Kept for later');
		await member.until(() => member.sync.status.problem === 'refused');
		expect(member.sync.status.waiting).toBe(1);
		expect(appendsOf(wire)).toEqual([]);
		const { account } = bob.me;
		expect(await owner.sync.administer({ type: 'change_role', account, role: 'editor' })).toEqual(
			done
		);
		await synced(member);
		expect(member.sync.status.problem).toBe(null);
		await caughtUpWith(owner, member);
		expect(owner.titles).toEqual(['Kept for later']);
		await close(owner, member);
	});

	test('an edit that is placed after a demotion stays here, and is shown as not sent', async () => {
		const owner = await foundedBy(ada);
		const wire = newWire(encodeSpaceFrame);
		const member = await joined(owner, bob, 'editor', { WebSocket: wire.WebSocket });
		// The member does not hear of it before it sends.
		loseNextEntries(wire);
		const { account } = bob.me;
		await owner.sync.administer({ type: 'change_role', account, role: 'viewer' });
		await member.write('Too late');
		await member.until(() => member.sync.role === 'viewer' && member.sync.caughtUp);
		await member.until(() => member.sync.status.problem === 'refused');
		expect(member.sync.status).toMatchObject({ waiting: 1, trust: { state: 'verified' } });
		expect(owner.titles).toEqual([]);
		expect(await member.sync.administer({ type: 'leave' })).toEqual(done);
		expect(member.titles).toEqual(['Too late']);
		await close(owner, member);
	});

	test('whoever is removed hears it at once, and reads no later page with all that they kept', async () => {
		const owner = await foundedBy(ada);
		const member = await joined(owner, bob, 'editor');
		await member.write('Shared');
		await synced(member);
		await caughtUpWith(owner, member);
		const { account } = bob.me;
		expect(await owner.sync.administer({ type: 'remove', account })).toEqual(done);
		await member.until(() => member.sync.status.problem === 'removed');
		expect(member.sync.role).toBe(null);
		expect(member.titles).toEqual(['Shared']);
		await owner.write('After');
		await synced(owner);
		await resealed(owner);
		expect(owner.sync.epochStatus.number).toBe(2);

		// The edge, and whoever was removed, together: every byte of the log, and every key they had.
		const entries = await owner.store.loadEntries(owner.space.space, 0, 100);
		if (!entries.ok) throw new Error('not loaded');
		const pages = entries.value.flatMap((entry) => {
			const commit = parseCommit(entry.commit);
			if (!commit.ok) return [];
			const { author, device, count } = commit.value;
			return commit.value.pages.flatMap(({ epoch }, index) => {
				const sealed = entry.pages[index];
				const place = { space: owner.space.space, epoch, author, device, count, index };
				return sealed ? [{ place, sealed }] : [];
			});
		});
		const later = pages.filter(({ place }) => place.epoch === 2);
		expect(later.length).toBeGreaterThan(0);
		expect(await bob.crypto.openPages(later)).toEqual(later.map(() => null));
		expect(await ada.crypto.openPages(later)).not.toContain(null);
		await close(owner, member);
	});

	test('whoever is let in again reads all of it, by the keys before the newest', async () => {
		const owner = await foundedBy(ada);
		const member = await joined(owner, bob, 'viewer');
		const { account } = bob.me;
		await owner.sync.administer({ type: 'remove', account });
		await member.until(() => member.sync.status.problem === 'removed');
		await owner.write('Meanwhile');
		await synced(owner);
		await owner.sync.administer({ type: 'rotate' });
		await owner.sync.administer(adding(bob, 'viewer'));
		member.sync.retryNow();
		await member.until(() => member.sync.caughtUp && member.titles.length === 1);
		expect(member.sync.status).toMatchObject({ problem: null, setAside: 0 });
		await close(owner, member);
	});

	test('an auditor who becomes a viewer opens every live page, also those of earlier epochs', async () => {
		const owner = await foundedBy(ada, { mayWrite: () => true });
		await owner.write('First');
		await synced(owner);
		const store = createMemoryStore();
		const member = await joined(owner, bob, 'auditor', { store });
		expect(member.titles).toEqual([]);
		await owner.sync.administer({ type: 'rotate' });
		await owner.write('Second');
		await synced(owner);
		const { account } = bob.me;
		await owner.sync.administer({ type: 'change_role', account, role: 'viewer' });
		await member.until(() => member.sync.caughtUp && member.titles.length === 2);
		expect(member.sync.status).toMatchObject({ setAside: 0, trust: { state: 'verified' } });
		await member.sync.close();
		const again = newDesk({ ...bob }, owner.space, { store });
		await again.sync.load();
		expect(again.titles).toEqual(['First', 'Second']);
		await close(owner, again);
	});

	test('after somebody left, the next page of an editor opens an epoch without them', async () => {
		const owner = await foundedBy(ada);
		const member = await joined(owner, bob, 'editor');
		const leaver = await joined(owner, eve, 'viewer');
		expect(await leaver.sync.administer({ type: 'leave' })).toEqual(done);
		expect(leaver.sync.role).toBe(null);
		await member.until(() => member.sync.state.epochOwed);
		await member.write('Without them');
		await synced(member);
		expect(member.sync.state).toMatchObject({ epochOwed: false, openEpoch: 2 });
		await caughtUpWith(owner, member);
		expect(owner.titles).toEqual(['Without them']);
		await close(owner, member, leaver);
	});

	test('destroying a space puts everybody out and every page away', async () => {
		const owner = await foundedBy(ada);
		const member = await joined(owner, bob, 'owner');
		for (const title of ['One', 'Two', 'Three']) await owner.write(title);
		await synced(owner);
		expect(await owner.sync.administer({ type: 'destroy' })).toEqual(done);
		await member.until(() => member.sync.status.problem === 'removed');
		await owner.until(() => owner.titles.length === 0);
		expect([...owner.sync.members.keys()]).toEqual([ada.me.account]);
		const fresh = newDesk(ada, owner.space);
		await fresh.sync.lead();
		await fresh.until(() => fresh.sync.caughtUp);
		expect(fresh.titles).toEqual([]);
		expect(fresh.sync.status.losses).toEqual([]);
		await close(owner, member, fresh);
	});

	test('what was sealed again before the space was destroyed is brought back by no device that was away', async () => {
		const owner = await foundedBy(ada);
		await owner.write('One');
		await synced(owner);
		const away = newDesk(ada, owner.space);
		await away.sync.lead();
		await away.until(() => away.titles.length === 1);
		away.sync.stop();
		expect(await owner.sync.administer({ type: 'rotate' })).toEqual(done);
		await owner.until(() => owner.sync.epochStatus.resealing === null);
		expect(await owner.sync.administer({ type: 'destroy' })).toEqual(done);
		const { seq } = owner.sync.head;
		await away.sync.lead();
		await away.until(() => away.titles.length === 0 || away.sync.status.losses.length > 0);
		expect(away.sync.status.losses).toEqual([]);
		expect(away.sync.status.waiting).toBe(0);
		expect(away.sync.head.seq).toBe(seq);
		await close(owner, away);
	});
});

describe('two owners at once', () => {
	test('who rotate: one commit stands, the other owner is told, and both write on', async () => {
		const one = await foundedBy(ada);
		const wire = newWire(encodeSpaceFrame);
		const two = await joined(one, bob, 'owner', { WebSocket: wire.WebSocket });
		loseNextEntries(wire);
		expect(await one.sync.administer({ type: 'rotate' })).toEqual(done);
		const second = two.sync.administer({ type: 'rotate' });
		expect(await second).toEqual(failed('admin_conflict'));
		await two.until(() => two.sync.state.openEpoch === 2);
		await two.write('Afterwards');
		await synced(two);
		await caughtUpWith(one, two);
		expect(one.titles).toEqual(['Afterwards']);
		expect(one.sync.epochStatus.number).toBe(2);
		await close(one, two);
	});

	test('an edit that was under way while another rotated is sealed anew and stands once', async () => {
		const one = await foundedBy(ada);
		const wire = newWire(encodeSpaceFrame);
		const two = await joined(one, bob, 'editor', { WebSocket: wire.WebSocket });
		loseNextEntries(wire);
		await one.sync.administer({ type: 'rotate' });
		await two.write('Crossing');
		await synced(two);
		await caughtUpWith(one, two);
		expect(one.titles).toEqual(['Crossing']);
		expect(two.sync.status.problem).toBe(null);
		await close(one, two);
	});
});

describe('a lost connection', () => {
	test('sends the same bytes of an administrative commit again, which stands once', async () => {
		const wire = newWire(encodeSpaceFrame);
		const owner = await foundedBy(ada, { WebSocket: wire.WebSocket });
		let lost = 0;
		wire.down = (frame, socket) => {
			if (frame.type !== 'appended' || lost > 0) return frame;
			lost += 1;
			socket.close();
			return null;
		};
		const { seq } = owner.sync.head;
		expect(await owner.sync.administer(adding(bob, 'viewer'))).toEqual(done);
		expect(lost).toBe(1);
		expect(owner.sync.head.seq).toBe(seq + 1);
		expect(owner.sync.members.size).toBe(2);
		await close(owner);
	});

	test('closing answers what is open; the bytes are kept, and stand after a restart', async () => {
		const wire = newWire(encodeSpaceFrame);
		const store = createMemoryStore();
		const owner = await foundedBy(ada, { WebSocket: wire.WebSocket, store });
		const arrived = new Promise<void>((resolve) => {
			wire.down = (frame) => {
				if (frame.type !== 'appended') return frame;
				resolve();
				return null;
			};
		});
		const open = owner.sync.administer(adding(bob, 'viewer'));
		await arrived;
		await owner.sync.close();
		expect(await open).toEqual(failed('offline'));
		const again = newDesk(ada, owner.space, { store });
		await again.sync.load();
		await again.sync.lead();
		await again.until(() => again.sync.caughtUp && again.sync.members.size === 2);
		expect(again.sync.hasPending).toBe(false);
		await close(again);
	});

	test('what is asked without a connection is refused, and nothing of it is left', async () => {
		const wire = newWire(encodeSpaceFrame);
		const owner = await foundedBy(ada, { WebSocket: wire.WebSocket });
		owner.sync.stop();
		wire.isUp = false;
		await owner.sync.lead();
		expect(await owner.sync.administer(adding(bob, 'viewer'))).toEqual(failed('offline'));
		wire.isUp = true;
		owner.sync.retryNow();
		await owner.until(() => owner.sync.caughtUp);
		expect(owner.sync.members.size).toBe(1);
		await close(owner);
	});

	test.each(['savePending', 'applyLog'] as const)(
		'a store that fails at %s leaves all of a change or nothing',
		async (method) => {
			const store = createMemoryStore();
			let fails = false;
			const failing = new Proxy<Store>(store, {
				get(target, name: keyof Store) {
					const own = target[name].bind(target) as (...args: unknown[]) => unknown;
					return (...args: unknown[]) =>
						fails && name === method
							? Promise.resolve({ ok: false, error: 'store_unavailable' })
							: own(...args);
				}
			});
			const owner = await foundedBy(ada, { store: failing });
			fails = true;
			const asked = owner.sync.administer(adding(bob, 'viewer'));
			await owner.until(() => owner.sync.status.problem === 'store_unavailable');
			await owner.sync.close();
			expect((await asked).ok).toBe(false);
			fails = false;
			const again = newDesk(ada, owner.space, { store });
			await again.sync.load();
			await again.sync.lead();
			await again.until(() => again.sync.caughtUp && !again.sync.hasPending);
			expect(again.sync.members.size).toBe(method === 'applyLog' ? 2 : 1);
			expect(again.sync.status.trust).toEqual({ state: 'verified' });
			await close(again);
		}
	);
});

describe('an epoch', () => {
	test('that is ninety days old is followed by a new one, without anybody asking', async () => {
		const store = createMemoryStore();
		const early = await foundedBy(ada, { store });
		await early.sync.close();
		const nowMs = () => Date.now() + (epochTtlSeconds + 1) * 1_000;
		const late = newDesk(ada, early.space, { store, nowMs });
		await late.sync.load();
		await late.sync.lead();
		await late.until(() => late.sync.epochStatus.number === 2);
		expect(late.sync.status.trust).toEqual({ state: 'verified' });
		await close(late);
	});
});
