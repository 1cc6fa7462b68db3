// Sharing between people, through the real edge: invitations from both sides, what each role may do,
// and what happens when something in between breaks off.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import {
	bodyOf,
	close,
	loggedIn,
	newHandle,
	newWire,
	signedUp,
	spaceNamed,
	spaceOf,
	startEdge,
	stateOf,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';
import { invited, join, newSpace } from './shared-spaces.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

describe('an invitation', () => {
	test('leads from a link to a space in which both write', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const { invite, url } = await invited(space, 'editor');
		const preview = valueOf(await ben.tacet.readInvitation(url));
		expect(preview).toMatchObject({ spaceName: space.name, role: 'editor', claimed: false });
		expect(preview.inviterName).toBe(stateOf(ann).handle);
		valueOf(await ben.tacet.acceptInvitation(url));
		expect(stateOf(ben).joining).toMatchObject([{ invite, state: 'waiting' }]);

		const [listed] = valueOf(await space.invitations());
		if (listed?.claim?.state !== 'good') throw new Error('the claim is not good');
		expect(listed.claim.person).toMatchObject({ handle: stateOf(ben).handle });
		expect(listed.claim.person.safetyWords).toEqual(preview.safetyWords);
		valueOf(await space.admit(invite));
		expect(valueOf(await space.invitations())).toEqual([]);

		await ben.tacet.checkJoining();
		const joined = await spaceNamed(ben, space.name);
		await synced(joined);
		expect(stateOf(ben).joining).toEqual([]);
		expect(joined.role).toBe('editor');
		expect(await bodyOf(joined, 'Moorings')).toBe('two lines at the bow');
		valueOf(await joined.create({ title: 'Tide', body: 'high at noon' }));
		await until(space, () => space.items.length === 2);
		expect(await bodyOf(space, 'Tide')).toBe('high at noon');
		const members = space.members.map(({ account, role, identity }) => ({
			account,
			role,
			identity
		}));
		expect(members).toEqual([
			{ account: stateOf(ann).account, role: 'owner', identity: 'own' },
			{ account: stateOf(ben).account, role: 'editor', identity: 'pinned' }
		]);
		await close(ann, ben);
	});

	test('is on every device of whoever accepted it, once they are in', async () => {
		const handle = newHandle();
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, handle)];
		const other = await loggedIn(edge, handle);
		const space = await newSpace(ann);
		await join(space, ben, 'editor');
		const there = await spaceNamed(other, space.name);
		await synced(there);
		expect(await bodyOf(there, 'Moorings')).toBe('two lines at the bow');
		await close(ann, ben, other);
	});

	test('is one claim: a second person is refused, and the owner hears of it', async () => {
		const [ann, ben, eve] = [
			await signedUp(edge, newHandle()),
			await signedUp(edge, newHandle()),
			await signedUp(edge, newHandle())
		];
		const space = await newSpace(ann);
		const { url } = await invited(space, 'viewer');
		valueOf(await ben.tacet.acceptInvitation(url));
		const second = await eve.tacet.acceptInvitation(url);
		expect(second).toMatchObject({ ok: false, error: { code: 'already_claimed' } });
		expect(stateOf(eve).joining).toEqual([]);
		const [listed] = valueOf(await space.invitations());
		expect(listed).toMatchObject({ contested: true, claim: { state: 'good' } });
		await close(ann, ben, eve);
	});

	test('is nothing to whoever made it', async () => {
		const ann = await signedUp(edge, newHandle());
		const space = await newSpace(ann);
		const { url } = await invited(space, 'editor');
		const own = await ann.tacet.acceptInvitation(url);
		expect(own).toMatchObject({ ok: false, error: { code: 'already_member' } });
		await close(ann);
	});

	test.each([
		['cut short', (url: string) => url.slice(0, -7)],
		['altered in its secret', (url: string) => url.slice(0, -43) + 'A'.repeat(43)],
		['altered in its path', (url: string) => url.replace('/join/', '/s/')]
	])('whose link was %s is told from one that ended', async (_, alter) => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const { invite, url } = await invited(space, 'editor');
		const read = await ben.tacet.acceptInvitation(alter(url));
		expect(read).toMatchObject({ ok: false, error: { code: 'link_invalid' } });
		valueOf(await space.revokeInvitation(invite));
		const late = await ben.tacet.acceptInvitation(url);
		expect(late).toMatchObject({ ok: false, error: { code: 'invitation_ended' } });
		await close(ann, ben);
	});

	test('that is taken back after it was claimed ends on the other side too', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const { invite, url } = await invited(space, 'editor');
		valueOf(await ben.tacet.acceptInvitation(url));
		valueOf(await space.revokeInvitation(invite));
		await ben.tacet.checkJoining();
		expect(stateOf(ben).joining).toMatchObject([{ invite, state: 'ended' }]);
		valueOf(await ben.tacet.forgetJoining(invite));
		expect(stateOf(ben).joining).toEqual([]);
		await close(ann, ben);
	});

	test('is claimed in vain by an edge that puts somebody else in the place of whoever did', async () => {
		let swapped: unknown = null;
		const [ben, eve] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const ann = await signedUp(edge, newHandle(), {
			fetch: async (url, init) => {
				const response = await fetch(url, init);
				if (typeof url !== 'string' || !url.endsWith('/v1/invites/list')) return response;
				const json = (await response.json()) as { invites: { claim: object | null }[] };
				for (const invite of json.invites) {
					if (invite.claim !== null && swapped !== null) Object.assign(invite.claim, swapped);
				}
				return Response.json(json);
			}
		});
		const space = await newSpace(ann);
		const evil = await newSpace(eve);
		const own = await invited(evil, 'editor');
		valueOf(await ben.tacet.acceptInvitation(own.url));
		const { invite, url } = await invited(space, 'editor');
		valueOf(await ben.tacet.acceptInvitation(url));
		// The identity of eve, under the MAC that ben made.
		const identities = await identityOf(edge, stateOf(eve).handle, ann);
		swapped = { identity: identities };
		const [listed] = valueOf(await space.invitations());
		expect(listed?.claim).toEqual({ state: 'forged' });
		const admitted = await space.admit(invite);
		expect(admitted).toMatchObject({ ok: false, error: { code: 'claim_forged' } });
		expect(space.members).toHaveLength(1);
		await close(ann, ben, eve);
	});

	test('that breaks off at admitting is taken up where it stood', async () => {
		let failing = false;
		const ben = await signedUp(edge, newHandle());
		const ann = await signedUp(edge, newHandle(), {
			fetch: (url, init) => {
				const isRevoke = typeof url === 'string' && url.endsWith('/v1/invites/revoke');
				if (failing && isRevoke) throw new TypeError('unreachable');
				return fetch(url, init);
			}
		});
		const space = await newSpace(ann);
		const { invite, url } = await invited(space, 'editor');
		valueOf(await ben.tacet.acceptInvitation(url));
		failing = true;
		expect(await space.admit(invite)).toMatchObject({ ok: false, error: { code: 'offline' } });
		failing = false;
		expect(await space.admit(invite)).toMatchObject({ ok: true });
		expect(space.members).toHaveLength(2);
		await close(ann, ben);
	});

	test('whose claim was heard while its answer was lost is claimed again by the same person', async () => {
		let losing = true;
		const ann = await signedUp(edge, newHandle());
		const ben = await signedUp(edge, newHandle(), {
			fetch: async (url, init) => {
				const response = await fetch(url, init);
				const isClaim = typeof url === 'string' && url.endsWith('/v1/invites/claim');
				if (isClaim && losing) throw new TypeError('cut off');
				return response;
			}
		});
		const space = await newSpace(ann);
		const { url } = await invited(space, 'editor');
		const lost = await ben.tacet.acceptInvitation(url);
		expect(lost).toMatchObject({ ok: false, error: { code: 'offline' } });
		losing = false;
		expect(await ben.tacet.acceptInvitation(url)).toMatchObject({ ok: true });
		const [listed] = valueOf(await space.invitations());
		expect(listed).toMatchObject({ contested: false, claim: { state: 'good' } });
		await close(ann, ben);
	});
});

describe('an invitation by handle', () => {
	test('arrives at that account, names its sender, and is accepted like one by link', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const handle = stateOf(ben).handle;
		const contact = valueOf(await space.inviteHandle({ handle, role: 'editor' }));
		expect(contact).toMatchObject({ handle, identity: 'pinned' });
		const [request] = valueOf(await ben.tacet.requests());
		if (request === undefined) throw new Error('no request arrived');
		expect(request.from.handle).toBe(stateOf(ann).handle);
		expect(request.from.safetyWords).toEqual(contact.safetyWords);
		expect(request.invitation).toMatchObject({ spaceName: space.name, role: 'editor' });
		valueOf(await ben.tacet.acceptRequest(request.request));
		expect(valueOf(await ben.tacet.requests())).toEqual([]);
		const [listed] = valueOf(await space.invitations());
		valueOf(await space.admit(listed?.invite ?? (request.request as never)));
		await ben.tacet.checkJoining();
		expect(await spaceNamed(ben, space.name)).toMatchObject({ role: 'editor' });
		await close(ann, ben);
	});

	test('goes nowhere when nobody has the handle', async () => {
		const ann = await signedUp(edge, newHandle());
		const space = await newSpace(ann);
		const sent = await space.inviteHandle({ handle: newHandle(), role: 'viewer' });
		expect(sent).toMatchObject({ ok: false, error: { code: 'not_found' } });
		await close(ann);
	});

	test('goes nowhere when the edge shows another identity than the one that is pinned', async () => {
		const [ben, eve] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const names = { asked: stateOf(ben).handle, answered: stateOf(ben).handle };
		const ann = await signedUp(edge, newHandle());
		const found = valueOf(await ann.tacet.findPerson(names.asked));
		const space = await newSpace(ann);
		await join(space, ben, 'viewer');
		valueOf(await ann.tacet.confirmContact(found.account));
		const member = space.members.find(({ account }) => account === found.account);
		expect(member?.identity).toBe('compared');
		// An account id is the hash of its identity: another identity is another account, and unknown.
		const other = valueOf(await ann.tacet.findPerson(stateOf(eve).handle));
		expect(other.identity).toBe('unknown');
		expect(other.safetyWords).not.toEqual(found.safetyWords);
		await close(ann, ben, eve);
	});
});

describe('a role', () => {
	test('of a viewer reads all, and its edits are refused before they are saved', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const joined = await join(space, ben, 'viewer');
		expect(await bodyOf(joined, 'Moorings')).toBe('two lines at the bow');
		const made = await joined.create({ title: 'Not mine to write' });
		expect(made).toMatchObject({ ok: false, error: { code: 'forbidden' } });
		const trashed = await joined.trash(joined.items[0]?.id as never);
		expect(trashed).toMatchObject({ ok: false, error: { code: 'forbidden' } });
		expect(joined.sync.waiting).toBe(0);
		await close(ann, ben);
	});

	test('of an auditor sees who did what, and no item', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const { invite, url } = await invited(space, 'auditor');
		valueOf(await ben.tacet.acceptInvitation(url));
		valueOf(await space.admit(invite));
		await ben.tacet.checkJoining();
		const joined = await spaceNamed(ben, space.name);
		await synced(joined);
		expect(joined.items).toEqual([]);
		expect(joined.activity(10).length).toBeGreaterThan(2);
		expect(joined.members).toHaveLength(2);
		await close(ann, ben);
	});

	test('can be changed by an owner, and the last owner stays one', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const joined = await join(space, ben, 'viewer');
		const me = stateOf(ann).account;
		const last = { ok: false, error: { code: 'last_owner' } };
		expect(await space.changeRole(me, 'editor')).toMatchObject(last);
		expect(await space.leave()).toMatchObject(last);
		valueOf(await space.changeRole(stateOf(ben).account, 'owner'));
		await until(joined, () => joined.role === 'owner');
		valueOf(await space.leave());
		await until(ann.tacet, () => !stateOf(ann).spaces.includes(space));
		valueOf(await joined.create({ title: 'Alone again' }));
		await synced(joined);
		await close(ann, ben);
	});
});

describe('a member', () => {
	test('who is removed sees that at once, keeps what is here, and gets nothing new', async () => {
		const handle = newHandle();
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, handle)];
		const space = await newSpace(ann);
		const joined = await join(space, ben, 'editor');
		valueOf(await space.remove(stateOf(ben).account));
		await until(joined, () => joined.role === null);
		expect(space.epoch.number).toBe(2);
		expect(await bodyOf(joined, 'Moorings')).toBe('two lines at the bow');
		const made = await joined.create({ title: 'Too late' });
		expect(made).toMatchObject({ ok: false, error: { code: 'forbidden' } });
		await space.create({ title: 'After' });
		await synced(space);
		expect(joined.items.map(({ title }) => title)).toEqual(['Moorings']);
		const later = await loggedIn(edge, handle);
		const find = () => stateOf(later).spaces.find(({ id }) => id === space.id);
		await until(later.tacet, () => find() !== undefined);
		const shut = find();
		if (shut === undefined) throw new Error('it went away');
		await until(shut, () => shut.sync.problem === 'removed');
		valueOf(await joined.leave());
		await until(ben.tacet, () => !stateOf(ben).spaces.includes(joined));
		await close(ann, ben, later);
	});

	test('who was removed can be invited again, and reads on', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const joined = await join(space, ben, 'editor');
		valueOf(await space.remove(stateOf(ben).account));
		await until(joined, () => joined.role === null);
		valueOf(await joined.leave());
		await until(ben.tacet, () => !stateOf(ben).spaces.includes(joined));
		const again = await join(space, ben, 'editor');
		expect(await bodyOf(again, 'Moorings')).toBe('two lines at the bow');
		await close(ann, ben);
	});
});

describe('a space', () => {
	test('of a shared item has it alone, and it is gone from where it was', async () => {
		const ann = await signedUp(edge, newHandle());
		const home = spaceOf(ann);
		const item = valueOf(await home.create({ title: 'Logbook', body: 'wind from the west' }));
		await home.create({ title: 'Stays' });
		const shared = valueOf(await ann.tacet.shareItem(home.id, item));
		expect(shared).toMatchObject({ name: 'Logbook', kind: 'item' });
		expect(await bodyOf(shared, 'Logbook')).toBe('wind from the west');
		expect(home.items.map(({ title }) => title)).toEqual(['Stays']);
		await close(ann);
	});

	test('takes nothing out of the trash, and nothing that this account may only read', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const [space, other] = [await newSpace(ann), await newSpace(ann)];
		const [item] = space.items;
		if (item === undefined) throw new Error('it has a note');
		const joined = await join(space, ben, 'viewer');
		const reading = await ben.tacet.shareItem(joined.id, item.id);
		expect(reading).toMatchObject({ ok: false, error: { code: 'forbidden' } });
		valueOf(await space.trash(item.id));
		const gone = { ok: false, error: { code: 'not_found' } };
		expect(await ann.tacet.moveItem(space.id, item.id, other.id)).toMatchObject(gone);
		expect(await ann.tacet.shareItem(space.id, item.id)).toMatchObject(gone);
		expect(stateOf(ann).spaces).toHaveLength(3);
		expect(stateOf(ben).spaces).toHaveLength(2);
		valueOf(await space.restore(item.id));
		expect(await bodyOf(space, 'Moorings')).toBe('two lines at the bow');
		await close(ann, ben);
	});

	test('that is moved to within itself stays as it is', async () => {
		const ann = await signedUp(edge, newHandle());
		const space = await newSpace(ann);
		const [item] = space.items;
		if (item === undefined) throw new Error('it has a note');
		valueOf(await ann.tacet.moveItem(space.id, item.id, space.id));
		expect(space.items.map(({ id }) => id)).toEqual([item.id]);
		await close(ann);
	});

	test('that is being made while everything is closed is given up, and asked for no more', async () => {
		const wire = newWire(encodeSpaceFrame);
		const ann = await signedUp(edge, newHandle(), { WebSocket: wire.WebSocket });
		await synced(spaceOf(ann));
		const begun = new Promise<void>((resolve) => {
			wire.down = () => {
				resolve();
				return null;
			};
		});
		const making = ann.tacet.createSpace({ name: 'Never' });
		await begun;
		await ann.tacet.close();
		expect(await making).toMatchObject({ ok: false, error: { code: 'locked' } });
	});

	test('has the name that was given last, on every device', async () => {
		const handle = newHandle();
		const ann = await signedUp(edge, handle);
		const other = await loggedIn(edge, handle);
		const space = await newSpace(ann);
		valueOf(await space.rename('Lighthouse'));
		expect(space.name).toBe('Lighthouse');
		const there = await spaceNamed(other, 'Lighthouse');
		expect(there.id).toBe(space.id);
		await close(ann, other);
	});

	test('that is deleted leaves its owner’s list, and puts everybody else out', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const joined = await join(space, ben, 'editor');
		valueOf(await space.destroy());
		await until(ann.tacet, () => !stateOf(ann).spaces.includes(space));
		await until(joined, () => joined.role === null);
		await close(ann, ben);
	});

	test('can be gone on with in a new one, which is nobody else’s', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const space = await newSpace(ann);
		const joined = await join(space, ben, 'viewer');
		const copy = valueOf(await joined.continueInNewSpace());
		await synced(copy);
		expect(copy.members.map(({ account }) => account)).toEqual([stateOf(ben).account]);
		expect(await bodyOf(copy, 'Moorings')).toBe('two lines at the bow');
		await close(ann, ben);
	});

	test('is pulled again after a restart, with its heads known to the keyring', async () => {
		const handle = newHandle();
		const wire = newWire(encodeSpaceFrame);
		const ann = await signedUp(edge, handle, { WebSocket: wire.WebSocket });
		const space = await newSpace(ann);
		await ann.tacet.lock();
		const other = await loggedIn(edge, handle);
		const there = await spaceNamed(other, space.name);
		await synced(there);
		expect(there.sync.verified?.seq).toBe(space.sync.verified?.seq);
		await close(ann, other);
	});
});

/** What the edge says is the newest identity of a handle. */
async function identityOf(at: Edge, handle: string, asker: Device): Promise<string> {
	let identity = '';
	const find = globalThis.fetch;
	const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (url, init) => {
		const response = await find(url, init);
		if (url === `${at.url}/v1/identities/read`) {
			const json = (await response.clone().json()) as { identities: string[] };
			identity = json.identities.at(-1) ?? '';
		}
		return response;
	});
	await asker.tacet.findPerson(handle);
	spy.mockRestore();
	return identity;
}
