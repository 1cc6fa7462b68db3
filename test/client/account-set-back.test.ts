// An account whose edge was set back to a backup: what its devices make of that, locked and unlocked.
import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { answerWithPasskey } from '../../client/factor-answers.ts';
import type { FactorAsked } from '../../client/index.ts';
import {
	loggedIn,
	newDevice,
	newHandle,
	password,
	signedUp,
	spaceOf,
	startEdge,
	stateOf,
	synced,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';
import { backUp, restore } from './restore.ts';
import { SoftPasskeys } from './soft-passkeys.ts';
import { isTo } from './guarded.ts';
import { routes } from '../../protocol/http.ts';

const next = 'another long password';
let edge: Edge;
const backups: string[] = [];
beforeEach(async () => {
	edge = await startEdge();
});
afterEach(() => edge.remove());
afterAll(() => Promise.all(backups.map((backup) => rm(backup, { recursive: true }))));

const refused = (code: string) => ({ ok: false, error: { code } });
const headOf = async ({ tacet }: Device) => valueOf(await tacet.security.read()).head;
const locked = async (device: Device): Promise<Device> => {
	await device.tacet.lock();
	return device;
};

async function backedUp(): Promise<string> {
	const backup = await backUp(edge);
	backups.push(backup);
	return backup;
}

const setCap = async ({ tacet }: Device, sessionCap: number): Promise<void> => {
	valueOf(await tacet.security.setPolicy({ sessionCap }));
};

const faultOf = (device: Device) => stateOf(device).accountFault;
const untilFault = (device: Device, wanted: ReturnType<typeof faultOf>): Promise<void> =>
	new Promise((resolve) => {
		const { tacet } = device;
		const look = (): void => {
			if (tacet.state.phase !== 'unlocked' || tacet.state.accountFault !== wanted) return;
			unsubscribe();
			resolve();
		};
		const unsubscribe = tacet.subscribe(look);
		look();
	});

describe('a locked device that logs in to an edge that was set back', () => {
	test('gives it back what it lacks, byte for byte, and opens', async () => {
		const handle = newHandle();
		const device = await signedUp(edge, handle);
		await synced(spaceOf(device));
		const backup = await backedUp();
		await setCap(device, 7);
		await setCap(device, 8);
		const head = await headOf(device);
		await locked(device);
		await restore(edge, backup);
		valueOf(await device.tacet.unlock({ password }));
		expect(stateOf(device).loginDoubt).toBe('server_was_set_back');
		expect(await headOf(device)).toEqual(head);
		// Whoever knows nothing of it sees the same account.
		const other = await loggedIn(edge, handle);
		expect(await headOf(other)).toEqual(head);
		expect(stateOf(other).loginDoubt).toBeNull();
		await Promise.all([device.tacet.close(), other.tacet.close()]);
	});

	test('PWD-09 by a password that was replaced, is told so and opens nothing; the newest one does', async () => {
		const handle = newHandle();
		const device = await signedUp(edge, handle);
		await synced(spaceOf(device));
		const backup = await backedUp();
		valueOf(await device.tacet.stepUp({ password }));
		valueOf(await device.tacet.security.changePassword(next));
		const head = await headOf(device);
		await locked(device);
		await restore(edge, backup);
		// The edge knows nothing of the newest one yet.
		expect(await device.tacet.unlock({ password: next })).toMatchObject({
			error: { code: 'wrong_password', changedLately: true }
		});
		const old = await device.tacet.unlock({ password });
		expect(old).toMatchObject(refused('password_was_replaced'));
		expect(device.tacet.state.phase).toBe('locked');
		expect(await device.tacet.unlock({ password })).toMatchObject(refused('wrong_password'));
		const elsewhere = await newDevice(edge);
		const entered = await elsewhere.tacet.logIn({ handle, password });
		expect(entered).toMatchObject(refused('login_failed'));
		valueOf(await device.tacet.unlock({ password: next }));
		expect(await headOf(device)).toEqual(head);
		await Promise.all([device.tacet.close(), elsewhere.tacet.close()]);
	});

	test('PWD-09 is told so, too, where the account has an account key: nobody is asked for that', async () => {
		await (await signedUp(edge, newHandle())).tacet.close();
		const device = await signedUp(edge, newHandle());
		await synced(spaceOf(device));
		const { security } = device.tacet;
		expect(valueOf(await security.read()).usesAccountKey).toBe(true);
		expect(await (await locked(device)).tacet.unlock({ password: 'a typo' })).toEqual({
			ok: false,
			error: { code: 'wrong_password' }
		});
		valueOf(await device.tacet.unlock({ password }));
		const backup = await backedUp();
		valueOf(await device.tacet.stepUp({ password }));
		valueOf(await security.changePassword(next));
		await locked(device);
		await restore(edge, backup);
		const onQuestion = (): void => expect.unreachable();
		const old = await device.tacet.unlock({ password, onQuestion });
		expect(old).toMatchObject(refused('password_was_replaced'));
		valueOf(await device.tacet.unlock({ password: next, onQuestion }));
		await device.tacet.close();
	});

	test('gives back a passkey and backup codes, too: logins ask for them again', async () => {
		const handle = newHandle();
		const device = await signedUp(edge, handle);
		await synced(spaceOf(device));
		const backup = await backedUp();
		const { security } = device.tacet;
		const passkeys = new SoftPasskeys(edge.url);
		valueOf(await security.addPasskey({ passkeys, name: 'Key' }));
		const codes = valueOf(await security.addBackupCodes());
		valueOf(await codes.confirm(codes.codes[0]!));
		valueOf(await security.setPolicy({ suffices: ['webauthn', 'backup_codes'] }));
		await locked(device);
		await restore(edge, backup);
		valueOf(await device.tacet.unlock({ password }));
		await locked(device);
		let question: FactorAsked | null = null;
		const entered = device.tacet.unlock({
			password,
			onQuestion: (open) => {
				if (open.next !== 'factor') return;
				question = open;
				const { hostname } = new URL(edge.url);
				void answerWithPasskey(open.webauthn!, passkeys, hostname).then((shown) =>
					open.answer(shown!)
				);
			}
		});
		valueOf(await entered);
		const kinds = (question as FactorAsked | null)?.factors.map(({ kind }) => kind);
		expect(kinds?.toSorted()).toEqual(['backup_codes', 'webauthn']);
		const { factors } = valueOf(await security.factors());
		expect(factors.map(({ kept }) => kept?.codesLeft)).toEqual([null, 10]);
		await device.tacet.close();
	});
});

test('a password that was changed elsewhere opens nothing offline, once a device has heard of it', async () => {
	const handle = newHandle();
	const first = await signedUp(edge, handle);
	await synced(spaceOf(first));
	const second = await loggedIn(edge, handle);
	await synced(spaceOf(second));
	valueOf(await second.tacet.setOfflineUnlock({ enabled: true, password }));
	await locked(second);
	valueOf(await first.tacet.stepUp({ password }));
	valueOf(await first.tacet.security.changePassword(next));
	expect(await second.tacet.unlock({ password })).toMatchObject(refused('wrong_password'));
	valueOf(await second.tacet.unlock({ password: next }));
	await locked(second);
	await edge.kill();
	expect(await second.tacet.unlock({ password })).toMatchObject(refused('wrong_password'));
	valueOf(await second.tacet.unlock({ password: next }));
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

describe('an unlocked device whose edge was set back', () => {
	test('EDG-11 says so without being asked, changes nothing, and gives back after a step-up', async () => {
		const handle = newHandle();
		const device = await signedUp(edge, handle);
		const space = spaceOf(device);
		await synced(space);
		const backup = await backedUp();
		space.syncNow();
		await synced(space);
		await setCap(device, 7);
		const head = await headOf(device);
		expect(faultOf(device)).toBeNull();
		await restore(edge, backup);
		space.syncNow();
		await untilFault(device, 'account_reverted');
		const { security } = device.tacet;
		expect(await security.setPolicy({ sessionCap: 2 })).toMatchObject(refused('account_reverted'));
		valueOf(await device.tacet.stepUp({ password }));
		valueOf(await security.putBack());
		expect(faultOf(device)).toBeNull();
		expect(await headOf(device)).toEqual(head);
		expect(valueOf(await security.factors()).policy.sessionCap).toBe(7);
		await device.tacet.close();
	});
});

describe('an edge that was set back, and on which another device went on', () => {
	/** @returns the device that knows what was lost, locked, and the one that went on. */
	async function forked(goOn: (device: Device) => Promise<void>): Promise<[Device, Device]> {
		const handle = newHandle();
		const [first, second] = [await signedUp(edge, handle), await loggedIn(edge, handle)];
		await Promise.all([synced(spaceOf(first)), synced(spaceOf(second))]);
		valueOf(await first.tacet.setOfflineUnlock({ enabled: true, password }));
		const stale = second.store;
		await second.tacet.close();
		const backup = await backedUp();
		spaceOf(first).syncNow();
		await synced(spaceOf(first));
		await setCap(first, 7);
		await first.tacet.close();
		await restore(edge, backup);
		// It knows nothing of what the first one did, and the edge has lost it.
		const again = await newDevice(edge, { store: stale });
		valueOf(await again.tacet.unlock({ password }));
		await synced(spaceOf(again));
		await goOn(again);
		return [await newDevice(edge, { store: first.store }), again];
	}

	test('EDG-11 by the password that it knows, a locked device opens what it knows, says so, and cannot mend it', async () => {
		const [back, again] = await forked((device) => setCap(device, 5));
		valueOf(await back.tacet.unlock({ password }));
		expect(faultOf(back)).toBe('account_forked');
		const { security } = back.tacet;
		valueOf(await back.tacet.stepUp({ password }));
		expect(await security.setPolicy({ sessionCap: 2 })).toMatchObject(refused('account_forked'));
		expect(await security.putBack()).toMatchObject(refused('account_forked'));
		await locked(back);
		valueOf(await back.tacet.unlock({ password }));
		expect(faultOf(back)).toBe('account_forked');
		await Promise.all([again.tacet.close(), back.tacet.close()]);
	});

	test('EDG-11 by one that it does not know, a locked device opens nothing, and keeps no session; offline it opens', async () => {
		const [back, again] = await forked(async ({ tacet }) => {
			valueOf(await tacet.stepUp({ password }));
			valueOf(await tacet.security.changePassword(next));
		});
		const sessions = async () => valueOf(await again.tacet.account()).sessions.length;
		const before = await sessions();
		expect(await back.tacet.unlock({ password: next })).toMatchObject(refused('account_forked'));
		expect(back.tacet.state.phase).toBe('locked');
		expect(await sessions()).toBe(before);
		expect(await back.tacet.unlock({ password })).toMatchObject(refused('wrong_password'));
		await again.tacet.close();
		await edge.kill();
		valueOf(await back.tacet.unlock({ password }));
		await back.tacet.close();
	});
});

describe('a write that the edge answers, and does not keep', () => {
	test('is missed by the device that made it, and by another that reads the keyring; then it is given back', async () => {
		const handle = newHandle();
		let drops = false;
		const first = await signedUp(edge, handle, {
			fetch: async (input, init) => {
				if (!drops || !isTo(routes.accountWrite.path, input)) return fetch(input, init);
				const head = { n: 2, hash: Buffer.alloc(32, 7).toString('base64url') };
				return Response.json({ head });
			}
		});
		const second = await loggedIn(edge, handle);
		await Promise.all([synced(spaceOf(first)), synced(spaceOf(second))]);
		drops = true;
		await setCap(first, 7);
		drops = false;
		const { security } = first.tacet;
		expect(await security.read()).toMatchObject(refused('account_reverted'));
		expect(faultOf(first)).toBe('account_reverted');
		// Its head is in the keyring: the other one misses what it has never seen, and can't give it back.
		await expect
			.poll(() => second.tacet.security.read(), { timeout: 20_000 })
			.toMatchObject(refused('account_reverted'));
		const { security: others } = second.tacet;
		expect(await others.setPolicy({ sessionCap: 3 })).toMatchObject(refused('account_reverted'));
		expect(await others.putBack()).toMatchObject(refused('account_reverted'));
		valueOf(await security.putBack());
		expect(faultOf(first)).toBeNull();
		expect(valueOf(await others.factors()).policy.sessionCap).toBe(7);
		expect(faultOf(second)).toBeNull();
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});
});
