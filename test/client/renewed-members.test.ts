// A renewal in spaces of others, and how far one is: an owner lets the new identity in by comparing words,
// and until all is done the device of its person says what is left, by what the logs say.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Space } from '../../client/api.ts';
import { firstKitCheckDays } from '../../client/kit-check.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import { renewalProgress } from '../../client/renewal-progress.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import { routes } from '../../protocol/http.ts';
import {
	accountKeys,
	bodyOf,
	close,
	loggedIn,
	newDevice,
	newHandle,
	newWire,
	password,
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
import { join } from './shared-spaces.ts';

const next = 'another long password';
let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const failed = (code: string) => ({ error: { code } });
const progressOf = (device: Device) => renewalProgress(stateOf(device));

async function renew({ tacet }: Device, from = password, to = next): Promise<readonly string[]> {
	valueOf(await tacet.stepUp({ password: from }));
	const { recoveryCode } = valueOf(await tacet.security.startRenewal(to));
	valueOf(await tacet.security.finishRenewal(recoveryCode.join(' ')));
	return recoveryCode;
}

function memberOf(space: Space, device: { readonly account: string }) {
	return space.members.find(({ account }) => account === device.account)!;
}

describe('a member with a new identity', () => {
	test('reads on, and writes again once an owner has compared the words and let it in', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const boat = valueOf(await ann.tacet.createSpace({ name: 'Boat' }));
		const joined = await join(boat, ben, 'editor');
		valueOf(await joined.create({ title: 'Before', body: 'by the old key' }));
		await until(boat, () => boat.items.length === 1);
		const { account } = stateOf(ben);
		await renew(ben);
		valueOf(await ben.tacet.unlock({ password: next }));
		const again = await spaceNamed(ben, 'Boat');
		await until(ben.tacet, () => progressOf(ben)?.left.length === 0);
		expect(progressOf(ben)).toMatchObject({
			...{ isDone: false, isCarried: true, own: { done: 1, total: 1 } },
			withOthers: [{ id: boat.id }]
		});
		expect(again.role).toBe('editor');
		expect(await bodyOf(again, 'Before')).toBe('by the old key');
		// What is written meanwhile is kept, and waits.
		valueOf(await again.create({ title: 'Meanwhile', body: 'waits' }));
		await until(again, () => again.sync.problem === 'identity_renewed');
		valueOf(await boat.create({ title: 'From Ann', body: 'read on' }));
		await until(again, () => again.items.length === 3);

		expect(memberOf(boat, { account }).renewed).toBe(null);
		expect(await boat.letInRenewed(account, [])).toMatchObject(failed('not_found'));
		valueOf(await boat.lookForRenewed());
		const { renewed, identity } = memberOf(boat, { account });
		expect(identity).toBe('pinned');
		expect(renewed).toMatchObject({ account, identity: 'renewed' });
		const words = renewed!.safetyWords;
		expect(words).toHaveLength(12);
		// Other words than a person has read are nobody's word for it.
		const others = [...words].reverse();
		expect(await boat.letInRenewed(account, others)).toMatchObject(failed('identity_changed'));
		expect(memberOf(boat, { account }).renewed?.identity).toBe('renewed');
		const epoch = boat.epoch.number;
		valueOf(await boat.letInRenewed(account, words));
		await until(boat, () => memberOf(boat, { account }).identity === 'compared');
		expect(memberOf(boat, { account })).toMatchObject({ role: 'editor', renewed: null });
		expect(boat.epoch.number).toBe(epoch + 1);
		await until(boat, () => boat.items.length === 3);
		expect(await bodyOf(boat, 'Meanwhile')).toBe('waits');
		await until(ben.tacet, () => progressOf(ben)?.isDone === true);
		valueOf(await boat.create({ title: 'After', body: 'for the new key' }));
		await until(again, () => again.items.length === 4);
		expect(await bodyOf(again, 'After')).toBe('for the new key');
		expect(again.sync.ownerFaults).toEqual([]);
		await close(ann, ben);
	});

	test('is let in by two renewals at once, in each space by itself, and is one from before elsewhere', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const boat = valueOf(await ann.tacet.createSpace({ name: 'Boat' }));
		const shed = valueOf(await ann.tacet.createSpace({ name: 'Shed' }));
		await join(boat, ben, 'viewer');
		await join(shed, ben, 'owner');
		const { account } = stateOf(ben);
		await renew(ben);
		valueOf(await ben.tacet.unlock({ password: next }));
		await until(ben.tacet, () => progressOf(ben)?.left.length === 0);
		await renew(ben, next, password);
		valueOf(await ben.tacet.unlock({ password }));
		// An owner puts the identity in force in its own place.
		await until(ben.tacet, () => progressOf(ben)?.left.length === 0);
		const atShed = () => memberOf(shed, { account });
		await until(shed, () => atShed().identity === 'renewed');
		expect(atShed().renewed).toBe(null);
		valueOf(await ann.tacet.confirmContact(account));
		await until(shed, () => atShed().identity === 'compared');
		const atBoat = () => memberOf(boat, { account });
		expect(atBoat().identity).toBe('earlier');
		valueOf(await boat.lookForRenewed());
		expect(atBoat().renewed).toMatchObject({ identity: 'compared' });
		valueOf(await boat.letInRenewed(account, atBoat().renewed!.safetyWords));
		await until(boat, () => atBoat().identity === 'compared');
		await until(ben.tacet, () => progressOf(ben)?.isDone === true);
		await close(ann, ben);
	});

	test('KEY-01 is let in by nobody but an owner, and not by what another log says', async () => {
		const ann = await signedUp(edge, newHandle());
		const [ben, eve] = [newHandle(), newHandle()];
		const stranger = await signedUp(edge, eve);
		const member = await signedUp(edge, ben);
		// The edge names somebody else's identities under the handle.
		let isLying = true;
		let ofEve: unknown = null;
		const cat = await signedUp(edge, newHandle(), {
			fetch: async (input, init) => {
				const response = await fetch(input, init);
				const isRead = typeof input === 'string' && input.endsWith(routes.identityRead.path);
				if (!isRead || !isLying || !response.ok) return response;
				ofEve ??= await response.clone().json();
				const { status, headers } = response;
				return new Response(JSON.stringify(ofEve), { status, headers });
			}
		});
		const boat = valueOf(await ann.tacet.createSpace({ name: 'Boat' }));
		await join(boat, member, 'viewer');
		const atCat = await join(boat, cat, 'editor');
		const { account } = stateOf(member);
		const atBen = () => memberOf(atCat, { account });
		await until(atCat, () => atBen().unconfirmedName !== null);
		await renew(stranger);
		await renew(member);
		valueOf(await cat.tacet.findPerson(eve));
		expect(ofEve).not.toBe(null);
		valueOf(await atCat.lookForRenewed());
		expect(atBen().renewed).toBe(null);
		isLying = false;
		valueOf(await atCat.lookForRenewed());
		// Not met yet by this account: what it knows of them is the log of this space.
		expect(atBen()).toMatchObject({ identity: 'unknown', renewed: { identity: 'unknown' } });
		const words = atBen().renewed!.safetyWords;
		expect(await atCat.letInRenewed(account, words)).toMatchObject(failed('forbidden'));
		await close(ann, cat, stranger, member);
	});
});

describe('how far a renewal is', () => {
	test('is said by the logs alone, after each new start, until nothing is left', async () => {
		const store = createMemoryStore();
		const home = await signedUp(edge, newHandle(), { store });
		const made = valueOf(await home.tacet.createSpace({ name: 'Boat' }));
		await synced(made);
		await synced(spaceOf(home));
		expect(progressOf(home)).toBe(null);
		await renew(home);
		await close(home);

		const boat = expect.objectContaining({ id: made.id });
		const wire = newWire(encodeSpaceFrame);
		wire.up = ({ type }, { url }) => type !== 'append' || !url.includes(made.id);
		const options = { store, WebSocket: wire.WebSocket };
		const first = await newDevice(edge, options);
		valueOf(await first.tacet.unlock({ password: next }));
		await until(first.tacet, () => progressOf(first)?.own.done === 1);
		await synced(spaceOf(first));
		expect(progressOf(first)).toMatchObject({ isDone: false, own: { done: 1, total: 2 } });
		expect(progressOf(first)?.left).toEqual([{ space: boat, waitsFor: null }]);
		await close(first);

		wire.isUp = false;
		const second = await newDevice(edge, options);
		valueOf(await second.tacet.unlock({ password: next }));
		expect(progressOf(second)).toMatchObject({ isDone: false, own: { done: 1, total: 2 } });
		expect(progressOf(second)?.left).toEqual([{ space: boat, waitsFor: 'connection' }]);
		wire.isUp = true;
		wire.up = () => true;
		for (const space of stateOf(second).spaces) space.syncNow();
		await until(second.tacet, () => progressOf(second)?.isDone === true);
		expect(progressOf(second)).toMatchObject({ own: { done: 2, total: 2 }, left: [] });
		await close(second);
	});

	test('waits for a person where nobody has vouched for the device', async () => {
		const handle = newHandle();
		const home = await signedUp(edge, handle);
		await synced(spaceOf(home));
		await renew(home);
		await close(home);
		const other = await newDevice(edge, {});
		valueOf(await other.tacet.logIn({ handle, password: next }));
		await synced(spaceOf(other));
		const waiting = { space: expect.objectContaining({ id: spaceOf(other).id }) };
		expect(progressOf(other)?.left).toEqual([{ ...waiting, waitsFor: 'confirmation' }]);
		await other.tacet.confirmDevice();
		await until(other.tacet, () => progressOf(other)?.isDone === true);
		await close(other);
	});
});

describe('the paper of a renewal', () => {
	test('is known to have been kept, is asked for when it is time, and its key is shown by each device', async () => {
		const handle = newHandle();
		const home = await signedUp(edge, handle);
		const other = await loggedIn(edge, handle);
		await other.tacet.lock();
		const words = await renew(home);
		valueOf(await home.tacet.unlock({ password: next }));
		const facts = valueOf(await home.tacet.security.read());
		expect(facts.kit.confirmed).toBe(true);
		const kit = stateOf(home).kit!;
		expect(kit.checkedAtMs).not.toBe(null);
		expect(kit.dueAtMs).toBe(kit.checkedAtMs! + firstKitCheckDays * 24 * 60 * 60_000);
		const right = kit.positions.map((place) => words[place - 1]!);
		expect(valueOf(await home.tacet.security.checkKit(right))).toBe(true);

		// The other device holds the key of before until its person types the new one.
		const before = await other.tacet.unlock({ password: next });
		expect(before).toMatchObject(failed('account_key_needed'));
		const accountKey = accountKeys.get(handle)!;
		valueOf(await other.tacet.unlock({ password: next, accountKey }));
		await until(other.tacet, () => stateOf(other).kit !== null);
		expect(stateOf(other).kit?.positions).toEqual(kit.positions);
		for (const { tacet } of [home, other]) {
			await tacet.lock();
			valueOf(await tacet.unlock({ password: next }));
			valueOf(await tacet.stepUp({ password: next }));
			expect(valueOf(await tacet.security.showAccountKey())).toBe(accountKey);
		}
		await close(home, other);
	});
});
