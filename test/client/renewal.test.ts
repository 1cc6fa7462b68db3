// A lost device: the account gets another root, and whoever has the old one, or a device of before, has
// nothing that is written after. At every step there is one state, and every device goes on from it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Space } from '../../client/api.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import type { CryptoPort } from '../../client/crypto-port.ts';
import { parseKeys } from '../../client/local-log.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import { judge, parseEntry } from '../../crypto/log-rules.ts';
import { countKey, emptyLog } from '../../crypto/log-state.ts';
import { parseCommit } from '../../protocol/commit.ts';
import type { SignedCommit } from '../../protocol/frames.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';
import { routes } from '../../protocol/http.ts';
import {
	accountKeys,
	bodyOf,
	close,
	loadOpaque,
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
import { isTo, tappedFetch } from './guarded.ts';

const next = 'another long password';
let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const failed = (code: string) => ({ error: { code } });
const epochOf = (space: Space): number => space.epoch.number;
const renewedIn = (space: Space, before = 1) => until(space, () => epochOf(space) > before);

function parsedAt(entry: SignedCommit | undefined) {
	const parsed = entry && parseCommit(entry.commit);
	return parsed?.ok === true ? parsed.value : undefined;
}

/** From the step-up to the locked page. */
async function renew(device: Device, from = password, to = next): Promise<readonly string[]> {
	const { tacet } = device;
	valueOf(await tacet.stepUp({ password: from }));
	const { recoveryCode } = valueOf(await tacet.security.startRenewal(to));
	expect(recoveryCode).toHaveLength(12);
	expect(await tacet.security.finishRenewal('zoo '.repeat(12))).toMatchObject(failed('wrong_code'));
	valueOf(await tacet.security.finishRenewal(recoveryCode.join(' ')));
	expect(tacet.state.phase).toBe('locked');
	return recoveryCode;
}

describe('a renewal', () => {
	test('ends every other session, and all is there again under the new password alone', async () => {
		const handle = newHandle();
		const home = await signedUp(edge, handle);
		const lost = await loggedIn(edge, handle);
		valueOf(await spaceOf(home).create({ title: 'Kept', body: 'as it was' }));
		const boat = valueOf(await home.tacet.createSpace({ name: 'Boat' }));
		valueOf(await boat.create({ title: 'Lines', body: 'two' }));
		await synced(boat);
		await synced(spaceOf(home));
		await spaceNamed(lost, 'Boat');
		const before = spaceOf(home).id;
		await renew(home);
		expect(await lost.tacet.account()).toMatchObject(failed('unauthenticated'));
		expect(await home.tacet.unlock({ password })).toMatchObject(failed('wrong_password'));
		valueOf(await home.tacet.unlock({ password: next }));
		expect(spaceOf(home).id).toBe(before);
		const again = await spaceNamed(home, 'Boat');
		await renewedIn(spaceOf(home));
		await renewedIn(again);
		expect(await bodyOf(again, 'Lines')).toBe('two');
		expect(await bodyOf(spaceOf(home), 'Kept')).toBe('as it was');
		expect(stateOf(home).standing).toEqual({ state: 'confirmed' });
		expect(again.sync.ownerFaults).toEqual([]);
		valueOf(await again.create({ title: 'After', body: 'under the new key' }));
		await synced(again);

		// A device that has nothing finds the same.
		const stranger = await newDevice(edge, {});
		expect(await stranger.tacet.logIn({ handle, password })).toMatchObject(failed('login_failed'));
		valueOf(await stranger.tacet.logIn({ handle, password: next }));
		const there = await spaceNamed(stranger, 'Boat');
		await until(there, () => there.items.length === 2);
		expect(await bodyOf(there, 'Lines')).toBe('two');
		expect(await bodyOf(there, 'After')).toBe('under the new key');
		await close(home, lost, stranger);
	});

	test('of somebody who shares leaves the others in, shows them who renewed, and ends what the old keyring could open', async () => {
		const [ann, ben] = [await signedUp(edge, newHandle()), await signedUp(edge, newHandle())];
		const boat = valueOf(await ann.tacet.createSpace({ name: 'Boat' }));
		const joined = await join(boat, ben, 'editor');
		const { url } = valueOf(
			await boat.createLink({ label: 'crew', expiresAtMs: null, openings: null, passphrase: null })
		);
		const invitation = valueOf(await boat.invite({ role: 'viewer', expiresInDays: 7 }));
		const epoch = epochOf(boat);
		await renew(ann);
		valueOf(await ann.tacet.unlock({ password: next }));
		const again = await spaceNamed(ann, 'Boat');
		await renewedIn(again, epoch);
		await until(joined, () => epochOf(joined) > epoch);
		valueOf(await again.create({ title: 'From Ann', body: 'with another key' }));
		valueOf(await joined.create({ title: 'From Ben', body: 'with the same' }));
		await until(joined, () => joined.items.length === 2);
		await until(again, () => again.items.length === 2);
		expect(await bodyOf(joined, 'From Ann')).toBe('with another key');
		expect(await bodyOf(again, 'From Ben')).toBe('with the same');
		const { account } = stateOf(ann);
		const member = () => joined.members.find((other) => other.account === account);
		await until(joined, () => member()?.identity === 'renewed');
		expect(member()?.role).toBe('owner');

		await until(again, () => again.members.length === 2);
		await expect.poll(async () => valueOf(await again.links())).toEqual([]);
		expect(valueOf(await again.invitations())).toEqual([]);
		const door = await newDevice(edge, {});
		expect(url).not.toBe(null);
		expect(await ben.tacet.readInvitation(invitation.url!)).toMatchObject({ ok: false });
		await close(ann, ben, door);
	});

	test('takes nothing from the keyring of before that was said there after its end', async () => {
		const handle = newHandle();
		let late: (() => Promise<unknown>) | null = null;
		const home = await signedUp(edge, handle, {
			fetch: async (input, init) => {
				if (isTo(routes.accountWrite.path, input)) await late?.();
				return fetch(input, init);
			}
		});
		const lost = await loggedIn(edge, handle);
		await synced(spaceOf(home));
		late = async () => {
			late = null;
			const made = valueOf(await lost.tacet.createSpace({ name: 'Trap' }));
			await synced(made);
		};
		await renew(home);
		valueOf(await home.tacet.unlock({ password: next }));
		await renewedIn(spaceOf(home));
		expect(stateOf(home).spaces.map(({ name }) => name)).not.toContain('Trap');
		expect(stateOf(home).spaces).toHaveLength(1);
		await close(home, lost);
	});

	test('that is not taken leaves everything as it was, and one whose answer is lost stands', async () => {
		const handle = newHandle();
		const tapped = tappedFetch(routes.accountWrite.path);
		const options = { store: createMemoryStore(), fetch: tapped.fetch };
		const home = await signedUp(edge, handle, options);
		const { tacet } = home;
		valueOf(await spaceOf(home).create({ title: 'Kept' }));
		await synced(spaceOf(home));
		valueOf(await tacet.stepUp({ password }));
		const { recoveryCode } = valueOf(await tacet.security.startRenewal(next));
		tapped.lose = 'up';
		const words = recoveryCode.join(' ');
		expect(await tacet.security.finishRenewal(words)).toMatchObject(failed('offline'));
		tapped.lose = null;
		// It stops here, and begins anew.
		await tacet.close();
		const second = await newDevice(edge, options);
		expect(await second.tacet.unlock({ password: next })).toMatchObject(failed('wrong_password'));
		valueOf(await second.tacet.unlock({ password }));
		expect(valueOf(await second.tacet.security.read()).head.n).toBe(1);
		expect(await second.tacet.security.finishRenewal(words)).toMatchObject(failed('wrong_code'));

		valueOf(await second.tacet.stepUp({ password }));
		const again = valueOf(await second.tacet.security.startRenewal(next)).recoveryCode.join(' ');
		tapped.lose = 'down';
		expect(await second.tacet.security.finishRenewal(again)).toMatchObject(failed('offline'));
		tapped.lose = null;
		expect(await second.tacet.security.read()).toMatchObject(failed('account_renewed'));
		valueOf(await second.tacet.security.finishRenewal(again));
		expect(second.tacet.state.phase).toBe('locked');
		valueOf(await second.tacet.unlock({ password: next }));
		await renewedIn(spaceOf(second));
		expect(spaceOf(second).items.map(({ title }) => title)).toEqual(['Kept']);
		await close(second);
	});

	test(
		'goes on wherever it broke off, commit by commit, and leaves one keyring that says all',
		{ timeout: 180_000 },
		async () => {
			const handle = newHandle();
			const store = createMemoryStore();
			const home = await signedUp(edge, handle, { store });
			valueOf(await home.tacet.createSpace({ name: 'Boat' }));
			await synced(await spaceNamed(home, 'Boat'));
			valueOf(await spaceOf(home).create({ title: 'Kept' }));
			await synced(spaceOf(home));
			await renew(home);
			await close(home);
			for (let commits = 0; commits < 6; commits += 1) {
				const wire = newWire(encodeSpaceFrame);
				let broke: () => void = () => undefined;
				const whenBroken = new Promise<void>((resolve) => {
					broke = resolve;
				});
				let left = 1;
				wire.up = ({ type }, socket) => {
					if (type !== 'append') return true;
					left -= 1;
					if (left >= 0) return true;
					wire.isUp = false;
					socket.close();
					broke();
					return false;
				};
				const device = await newDevice(edge, { store, WebSocket: wire.WebSocket });
				const opened = device.tacet.unlock({ password: next });
				const isWhole = async (): Promise<void> => {
					valueOf(await opened);
					await renewedIn(spaceOf(device));
					await renewedIn(await spaceNamed(device, 'Boat'));
				};
				await Promise.race([whenBroken, isWhole().catch(() => undefined)]);
				await close(device);
			}
			const whole = await newDevice(edge, { store });
			valueOf(await whole.tacet.unlock({ password: next }));
			const boat = await spaceNamed(whole, 'Boat');
			await renewedIn(spaceOf(whole));
			await renewedIn(boat);
			expect([epochOf(spaceOf(whole)), epochOf(boat)]).toEqual([2, 2]);
			expect(stateOf(whole).spaces).toHaveLength(2);
			expect(spaceOf(whole).items.map(({ title }) => title)).toEqual(['Kept']);
			// A second one goes on from the keyring of the first.
			await renew(whole, next, password);
			valueOf(await whole.tacet.unlock({ password }));
			await renewedIn(await spaceNamed(whole, 'Boat'), 2);
			await renewedIn(spaceOf(whole), 2);
			await close(whole);
		}
	);

	test('is gone on with by a device that has nothing but the new password, once its person vouches for it', async () => {
		const handle = newHandle();
		const home = await signedUp(edge, handle);
		valueOf(await home.tacet.createSpace({ name: 'Boat' }));
		await synced(await spaceNamed(home, 'Boat'));
		await renew(home);
		await close(home);
		const other = await newDevice(edge, {});
		valueOf(await other.tacet.logIn({ handle, password: next }));
		const boat = await spaceNamed(other, 'Boat');
		await synced(boat);
		// It began the keyring, and that says nothing of what it was shown.
		expect(stateOf(other).standing.state).toBe('unconfirmed');
		expect(epochOf(boat)).toBe(1);
		await other.tacet.confirmDevice();
		await renewedIn(boat);
		await close(other);
	});

	test('keeps what a device of before had not sent yet', async () => {
		const handle = newHandle();
		const home = await signedUp(edge, handle);
		const wire = newWire(encodeSpaceFrame);
		const other = await loggedIn(edge, handle, { WebSocket: wire.WebSocket });
		await synced(spaceOf(other));
		wire.up = ({ type }) => type !== 'append';
		valueOf(await spaceOf(other).create({ title: 'Unsent', body: 'typed before' }));
		await other.tacet.lock();
		await renew(home);
		valueOf(await home.tacet.unlock({ password: next }));
		await renewedIn(spaceOf(home));
		wire.up = () => true;
		// The account key is another, too, for whoever has this device may have the one before.
		expect(await other.tacet.unlock({ password: next })).toMatchObject(
			failed('account_key_needed')
		);
		const accountKey = accountKeys.get(handle);
		valueOf(await other.tacet.unlock({ password: next, accountKey }));
		await until(spaceOf(home), () => spaceOf(home).items.length === 1);
		expect(await bodyOf(spaceOf(home), 'Unsent')).toBe('typed before');
		await close(home, other);
	});

	test('KEY-18 leaves whoever has the device of before without what is written after, and without a say', async () => {
		const handle = newHandle();
		const home = await signedUp(edge, handle);
		const cores: CryptoPort[] = [];
		const lost = await loggedIn(edge, handle, {
			startCrypto: () => {
				const core = startCryptoInProcess(loadOpaque);
				cores.push(core.port);
				// A thief does not lock.
				return { port: core.port, end: () => undefined };
			}
		});
		const port = cores[0]!;
		valueOf(await spaceOf(home).create({ title: 'Before' }));
		await until(spaceOf(lost), () => spaceOf(lost).items.length === 1);
		const mine = stateOf(lost).device;
		await renew(home);
		valueOf(await home.tacet.unlock({ password: next }));
		const space = spaceOf(home);
		await renewedIn(space);
		valueOf(await space.create({ title: 'After' }));
		await synced(space);

		// As the edge has it: each entry, with all of its pages and keys.
		const stored = await home.store.loadEntries(space.id, 0, 512);
		if (!stored.ok) throw new Error(stored.error);
		let state = emptyLog(space.id);
		const heads: Uint8Array[] = [];
		const history = {
			headAt: (seq: number) => heads[seq - 1],
			pageCountAt: (seq: number) => parsedAt(stored.value[seq - 1])?.pages.length
		};
		for (const entry of stored.value) {
			const parsed = parseEntry(entry);
			if (!parsed.ok) throw new Error(parsed.error);
			const judged = judge(state, history, parsed.value);
			if (!judged.ok) throw new Error(judged.error);
			({ state } = judged.value);
			heads.push(state.head.hash);
		}
		expect(state.openEpoch).toBe(2);
		const opening = stored.value.find((entry) => parsedAt(entry)?.admin?.epoch?.number === 2)!;
		const { wraps, previousKey } = parseKeys(opening.keys)!;
		const { author, identity, admin } = parsedAt(opening)!;
		const renewed = state.members.get(author)!.identity.hash;
		const commitment = admin!.epoch!.commitment;
		for (const recipientIdentity of [identity, renewed]) {
			for (const { wrap: bytes } of wraps) {
				const context = {
					...{ kind: 'content' as const, space: space.id, number: 2, recipient: author },
					...{ recipientIdentity, sender: author, senderIdentity: identity }
				};
				const grant = { epoch: 2, commitment, wrap: { bytes, context }, previousKey };
				expect(await port.openEpochs(space.id, [grant])).not.toContain(2);
			}
		}
		const last = stored.value.at(-1)!;
		const { device, count } = parsedAt(last)!;
		const place = { space: space.id, epoch: 2, author, device, count, index: 0 };
		expect(await port.openPages([{ place, sealed: last.pages[0]! }])).toEqual([null]);

		// What they sign, no edge and no device takes.
		const draft = { space: space.id, count: 1, seen: state.head, timeMs: Date.now(), pages: [] };
		const supersedes = [{ seq: last.seq, index: 0 }];
		const [forged] = await port.formCommits(mine, [{ ...draft, epoch: 2, supersedes }]);
		const parsed = parseEntry(forged!);
		if (!parsed.ok) throw new Error(parsed.error);
		const counted = state.counts.get(countKey(author, mine)) ?? 0;
		expect(counted).toBe(0);
		expect(judge(state, history, parsed.value)).toEqual({ ok: false, error: 'identity_mismatch' });
		expect(await lost.tacet.security.read()).toMatchObject({ ok: false });
		await close(home, lost);
	});
});
