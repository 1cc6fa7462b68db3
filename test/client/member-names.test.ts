// What members are called by those who have not met them: a name that somebody wrote down, and that
// nothing confirms.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { SpaceMember } from '../../client/api-sharing.ts';
import type { Space } from '../../client/api.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { Role } from '../../protocol/commit.ts';
import {
	close,
	loadOpaque,
	newHandle,
	signedUp,
	spaceNamed,
	startEdge,
	stateOf,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';

// Every login stretches a password on purpose, and tests share the machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

/** Whoever claims invitations under another name than their own. */
function signedUpLiar(handle: string, name: () => string): Promise<Device> {
	return signedUp(edge, handle, {
		startCrypto: () => {
			const core = startCryptoInProcess(loadOpaque);
			const { sharing } = core.port;
			const formClaim = sharing.formClaim.bind(sharing);
			sharing.formClaim = (input) => formClaim({ ...input, name: name() });
			return core;
		}
	});
}

async function claimBy(owned: Space, guest: Device, role: Role) {
	const { invite, url } = valueOf(await owned.invite({ role, expiresInDays: 7 }));
	valueOf(await guest.tacet.acceptInvitation(url ?? ''));
	return invite;
}

async function letIn(owned: Space, guest: Device, role: Role): Promise<Space> {
	valueOf(await owned.admit(await claimBy(owned, guest, role)));
	await guest.tacet.checkJoining();
	const space = await spaceNamed(guest, owned.name);
	await synced(space);
	return space;
}

async function sharedSpace(owner: Device, name: string): Promise<Space> {
	const space = valueOf(await owner.tacet.createSpace({ name }));
	await space.create({ title: 'Moorings' });
	await synced(space);
	return space;
}

const memberOf = (space: Space, { tacet }: Device): SpaceMember | undefined =>
	space.members.find(({ account }) => account === stateOf({ tacet } as Device).account);

test('who was let in by somebody else is called as they said, unconfirmed, by all who read', async () => {
	const handles = [newHandle(), newHandle(), newHandle()] as const;
	const ann = await signedUp(edge, handles[0]);
	const ben = await signedUp(edge, handles[1]);
	const cam = await signedUp(edge, handles[2]);
	const space = await sharedSpace(ann, 'Boathouse');
	const bens = await letIn(space, ben, 'owner');
	const cams = await letIn(bens, cam, 'viewer');
	await until(space, () => (memberOf(space, cam)?.unconfirmedName ?? null) !== null);
	expect(memberOf(space, cam)).toMatchObject({
		handle: null,
		identity: 'unknown',
		unconfirmedName: { name: handles[2], isTaken: false }
	});
	// The one who came first was never let in: the name comes from an owner who knows it.
	await until(cams, () => (memberOf(cams, ann)?.unconfirmedName ?? null) !== null);
	expect(memberOf(cams, ann)).toMatchObject({ unconfirmedName: { name: handles[0] } });
	// Who was met is called as they were met.
	expect(memberOf(space, ben)).toMatchObject({ handle: handles[1], unconfirmedName: null });
	expect(memberOf(cams, ben)).toMatchObject({ handle: handles[1], unconfirmedName: null });
	await close(ann, ben, cam);
});

test('a name becomes known once a person has compared the words', async () => {
	const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
	const handle = newHandle();
	const cam = await signedUp(edge, handle);
	const space = await sharedSpace(ann, 'Jetty');
	await letIn(await letIn(space, ben, 'owner'), cam, 'editor');
	await until(space, () => (memberOf(space, cam)?.unconfirmedName ?? null) !== null);
	valueOf(await ann.tacet.confirmContact(stateOf(cam).account));
	await until(space, () => memberOf(space, cam)?.identity === 'compared');
	expect(memberOf(space, cam)).toMatchObject({ handle, unconfirmedName: null });
	await close(ann, ben, cam);
});

test('a name stays through a new key and a new device of whoever reads', async () => {
	const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
	const handles = [newHandle(), newHandle()] as const;
	const [cam, dan] = [await signedUp(edge, handles[0]), await signedUp(edge, handles[1])];
	const space = await sharedSpace(ann, 'Slipway');
	const bens = await letIn(space, ben, 'owner');
	await letIn(bens, cam, 'editor');
	valueOf(await bens.rotate());
	await until(bens, () => bens.epoch.number > 1 && bens.epoch.resealing === null);
	const dans = await letIn(space, dan, 'viewer');
	await until(dans, () => (memberOf(dans, cam)?.unconfirmedName ?? null) !== null);
	expect(memberOf(dans, cam)).toMatchObject({ unconfirmedName: { name: handles[0] } });
	expect(dans.sync.losses).toEqual([]);
	await close(ann, ben, cam, dan);
});

test('who gives the name of somebody else is not called by it, and it is said', async () => {
	const doras = newHandle();
	const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
	const dora = await signedUp(edge, doras);
	const eve = await signedUpLiar(newHandle(), () => doras.toUpperCase());
	const theirs = await sharedSpace(ann, 'Ann and Dora');
	await letIn(theirs, dora, 'editor');
	const space = await sharedSpace(ann, 'Lighthouse');
	const bens = await letIn(space, ben, 'owner');
	// Ben has met no Dora, and can't tell; Ann has, and can.
	await letIn(bens, eve, 'viewer');
	await until(space, () => (memberOf(space, eve)?.unconfirmedName ?? null) !== null);
	expect(memberOf(space, eve)).toMatchObject({
		handle: null,
		unconfirmedName: { name: doras, isTaken: true }
	});
	// To let somebody in by such a name is warned of, and does not make it theirs.
	const other = await sharedSpace(ann, 'Lightship');
	const invite = await claimBy(other, eve, 'viewer');
	const [claimed] = valueOf(await other.invitations());
	expect(claimed?.claim).toMatchObject({ state: 'good', isNameTaken: true });
	valueOf(await other.admit(invite));
	expect(memberOf(other, eve)).toMatchObject({ handle: null, unconfirmedName: null });
	await close(ann, ben, dora, eve);
});
