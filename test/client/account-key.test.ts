// The account key, from sign-up to whoever lacks it, with devices of one account at a real edge.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccountKeyAsked, LoginQuestion } from '../../client/api-account.ts';
import type { Profile } from '../../client/store.ts';
import {
	accountKeys,
	loggedIn,
	newDevice,
	newHandle,
	password,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';

const next = 'another long password';
let edge: Edge;
let operator: Device;
beforeAll(async () => {
	edge = await startEdge();
	operator = await signedUp(edge, newHandle());
});
afterAll(async () => {
	await operator.tacet.close();
	await edge.remove();
});

const failed = (code: string) => ({ ok: false, error: { code } });
const keyOf = (handle: string): string => {
	const key = accountKeys.get(handle);
	if (key === undefined) throw new Error(`${handle} has no account key`);
	return key;
};
/** One character of it is another: it reads well no more. */
const misread = (key: string): string => (key.startsWith('0') ? '1' : '0') + key.slice(1);
/** Logs in as somebody without their paper. */
const withoutPaper = { accountKey: undefined };

/** Begins a login that comes to the account key's question. */
async function untilAsked(device: Device, handle: string, secret = password) {
	let ask: (question: LoginQuestion) => void = () => undefined;
	const asked = new Promise<LoginQuestion>((resolve) => (ask = resolve));
	const login = device.tacet.logIn({
		...{ handle, password: secret, ...withoutPaper },
		onQuestion: (question) => {
			ask(question);
		}
	});
	const first = await Promise.race([asked, login]);
	if (!('next' in first) || first.next !== 'account_key') throw new Error('nobody asked for it');
	return { question: first satisfies AccountKeyAsked, login };
}

async function profileOf({ store }: Device): Promise<Profile | null> {
	const loaded = await store.loadProfile();
	if (!loaded.ok) throw new Error(loaded.error);
	return loaded.value;
}

const sessionsOf = async ({ tacet }: Device) => valueOf(await tacet.account()).sessions.length;

describe('a new account', () => {
	test('has an account key, but for the first one of a deployment', async () => {
		expect(valueOf(await operator.tacet.security.read()).usesAccountKey).toBe(false);
		const device = await newDevice(edge);
		const made = valueOf(await device.tacet.signUp({ handle: newHandle(), password }));
		expect(made.accountKey).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){6}$/);
		expect(valueOf(await device.tacet.security.read()).usesAccountKey).toBe(true);
		await device.tacet.close();
	});

	test('gets one or none as its person says, whatever the edge says who is first', async () => {
		const handle = newHandle();
		const device = await newDevice(edge);
		const made = await device.tacet.signUp({ handle, password, withAccountKey: false });
		expect(valueOf(made).accountKey).toBeNull();
		const other = await newDevice(edge);
		valueOf(await other.tacet.logIn({ handle, password, ...withoutPaper }));
		await Promise.all([device.tacet.close(), other.tacet.close()]);
	});

	test('is asked for it on a new device, and never again there', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const second = await newDevice(edge);
		const { question, login } = await untilAsked(second, handle);
		const typed = keyOf(handle).toLowerCase().replaceAll('-', ' ');
		expect(await question.answer(typed)).toEqual({ ok: true, value: undefined });
		expect(await login).toMatchObject({ ok: true });
		for (const device of [first, second]) {
			await device.tacet.lock();
			valueOf(await device.tacet.unlock({ password }));
			valueOf(await device.tacet.stepUp({ password }));
			expect(await device.tacet.security.showAccountKey()).toEqual({
				ok: true,
				value: keyOf(handle)
			});
		}
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});
});

describe('who lacks it', () => {
	test('and is asked by nobody is told, and leaves no session behind', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const second = await newDevice(edge);
		const refused = await second.tacet.logIn({ handle, password, ...withoutPaper });
		expect(refused).toEqual(failed('account_key_needed'));
		expect(second.tacet.state.phase).toBe('signed_out');
		expect(await profileOf(second)).toBeNull();
		expect(second.cores.running).toBe(0);
		expect(await sessionsOf(first)).toBe(1);
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test('may try as often as they like: a typing slip is told from another key, and the edge hears nothing', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		let calls = 0;
		const second = await newDevice(edge, {
			fetch: (url, init) => {
				calls += 1;
				return fetch(url, init);
			}
		});
		const { question, login } = await untilAsked(second, handle);
		valueOf(await operator.tacet.stepUp({ password }));
		const another = valueOf(await operator.tacet.security.newAccountKey());
		const before = calls;
		for (let attempt = 0; attempt < 20; attempt++) {
			expect(await question.answer(misread(keyOf(handle)))).toEqual(failed('account_key_mistyped'));
			expect(await question.answer(another)).toEqual(failed('account_key_wrong'));
		}
		expect(await question.answer('')).toEqual(failed('account_key_mistyped'));
		expect(calls).toBe(before);
		expect(await question.answer(keyOf(handle))).toMatchObject({ ok: true });
		expect(await login).toMatchObject({ ok: true });
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test('and gives up is logged out, with nothing kept', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const second = await newDevice(edge);
		const { question, login } = await untilAsked(second, handle);
		question.cancel();
		expect(await login).toEqual(failed('cancelled'));
		expect(second.cores.running).toBe(0);
		expect(await sessionsOf(first)).toBe(1);
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test('with the wrong password is not even asked', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const second = await newDevice(edge);
		let asked = 0;
		const refused = await second.tacet.logIn({
			...{ handle, password: next, ...withoutPaper },
			onQuestion: () => (asked += 1)
		});
		expect(refused).toMatchObject(failed('login_failed'));
		expect(asked).toBe(0);
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test('gets it from a linked device, after the password there', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		await synced(spaceOf(first));
		const offer = valueOf(await first.tacet.linkDevice());
		const second = await newDevice(edge, { deviceName: 'Telescope' });
		const taken = valueOf(await second.tacet.takeDeviceLink(offer.url));
		valueOf(await offer.claimed());
		// Unlocked is not enough: whoever found the page open would have it.
		expect(await offer.confirm(taken.code)).toEqual(failed('step_up_needed'));
		valueOf(await first.tacet.stepUp({ password }));
		const [handed] = await Promise.all([taken.handedOver(), offer.confirm(taken.code)]);
		expect(valueOf(handed)).toEqual({ handle });
		valueOf(await second.tacet.logIn({ handle, password, ...withoutPaper }));
		valueOf(await second.tacet.stepUp({ password }));
		expect(valueOf(await second.tacet.security.showAccountKey())).toBe(keyOf(handle));
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});
});

describe('on a device', () => {
	test('it can be used and not read, and is shown after the password only', async () => {
		const handle = newHandle();
		const device = await signedUp(edge, handle);
		const held = (await profileOf(device))?.accountKey;
		expect([held?.key.extractable, held?.key.usages]).toEqual([false, ['sign']]);
		expect(await device.tacet.security.showAccountKey()).toEqual(failed('step_up_needed'));
		await device.tacet.close();
	});

	test('it is gone with what the device forgets', async () => {
		const handle = newHandle();
		const device = await signedUp(edge, handle);
		valueOf(await device.tacet.logOut({ discardUnsent: true }));
		expect(await profileOf(device)).toBeNull();
		const { question, login } = await untilAsked(device, handle);
		valueOf(await question.answer(keyOf(handle)));
		valueOf(await login);
		await device.tacet.close();
	});

	test('another password keeps it, and so does another kit', async () => {
		const handle = newHandle();
		const device = await signedUp(edge, handle);
		valueOf(await device.tacet.stepUp({ password }));
		const kit = valueOf(await device.tacet.security.newKit());
		expect(kit.accountKey).toBe(keyOf(handle));
		valueOf(await device.tacet.security.changePassword(next));
		expect(valueOf(await device.tacet.security.read()).usesAccountKey).toBe(true);
		await device.tacet.lock();
		valueOf(await device.tacet.unlock({ password: next }));
		const second = await newDevice(edge);
		const bare = await second.tacet.logIn({ handle, password: next, ...withoutPaper });
		expect(bare).toEqual(failed('account_key_needed'));
		valueOf(await second.tacet.logIn({ handle, password: next, accountKey: keyOf(handle) }));
		await Promise.all([device.tacet.close(), second.tacet.close()]);
	});

	test('unlocking without a network asks for nothing more', async () => {
		const handle = newHandle();
		const device = await signedUp(edge, handle);
		await synced(spaceOf(device));
		valueOf(await device.tacet.setOfflineUnlock({ enabled: true, password }));
		await device.tacet.lock();
		const offline = await newDevice(edge, {
			store: device.store,
			fetch: () => Promise.reject(new TypeError('unreachable'))
		});
		valueOf(await offline.tacet.unlock({ password }));
		await Promise.all([offline.tacet.close(), device.tacet.close()]);
	});
});

describe('turning it off and on', () => {
	/** What became of the password, newest first, by the edge's list of events. */
	const toldOf = async ({ tacet }: Device) => {
		const kinds = valueOf(await tacet.account()).events.map(({ kind }) => kind);
		return kinds.filter((kind) => /^(password|account_key)_/.test(kind));
	};

	test('is a change like that of the password: shown who is there, others logged out', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const second = await loggedIn(edge, handle);
		const old = keyOf(handle);
		await synced(spaceOf(first));
		expect(await first.tacet.security.setAccountKey(null)).toEqual(failed('step_up_needed'));
		valueOf(await first.tacet.stepUp({ password }));
		valueOf(await first.tacet.security.setAccountKey(null));
		expect(valueOf(await first.tacet.security.read()).usesAccountKey).toBe(false);
		expect((await profileOf(first))?.accountKey).toBeNull();
		// It may have heard of it already.
		const code = expect.stringMatching(/^(unauthenticated|locked)$/) as string;
		expect(await second.tacet.account()).toMatchObject({ ok: false, error: { code } });
		expect(await toldOf(first)).toEqual(['account_key_removed']);
		// The device that still has one is not misled by it, and forgets it.
		await second.tacet.lock();
		valueOf(await second.tacet.unlock({ password }));
		expect((await profileOf(second))?.accountKey).toBeNull();

		expect(await first.tacet.security.newAccountKey()).toEqual(failed('step_up_needed'));
		valueOf(await first.tacet.stepUp({ password }));
		const made = valueOf(await first.tacet.security.newAccountKey());
		expect(made).not.toBe(old);
		expect(valueOf(await first.tacet.security.read()).usesAccountKey).toBe(false);
		const slip = await first.tacet.security.setAccountKey(misread(made));
		expect(slip).toEqual(failed('account_key_mistyped'));
		valueOf(await first.tacet.security.setAccountKey(made));
		expect(await toldOf(first)).toEqual(['account_key_set', 'account_key_removed']);
		await first.tacet.lock();
		valueOf(await first.tacet.unlock({ password }));
		await second.tacet.lock();
		expect(await second.tacet.unlock({ password })).toEqual(failed('account_key_needed'));
		expect(await second.tacet.unlock({ password, accountKey: old })).toEqual(
			failed('account_key_wrong')
		);
		valueOf(await second.tacet.unlock({ password, accountKey: made }));
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test.each([false, true])(
		'cut off at the write (heard by the edge: %s) leaves a device that gets in either way',
		async (late) => {
			let isBroken = false;
			const device = await signedUp(edge, newHandle(), {
				fetch: async (url, init) => {
					const breaks = isBroken && typeof url === 'string' && url.endsWith('/account/write');
					if (breaks && !late) throw new TypeError('unreachable');
					const response = await fetch(url, init);
					if (breaks) throw new TypeError('cut off');
					return response;
				}
			});
			valueOf(await device.tacet.stepUp({ password }));
			valueOf(await device.tacet.security.setAccountKey(null));
			valueOf(await device.tacet.stepUp({ password }));
			const made = valueOf(await device.tacet.security.newAccountKey());
			isBroken = true;
			expect(await device.tacet.security.setAccountKey(made)).toMatchObject(failed('offline'));
			isBroken = false;
			await device.tacet.lock();
			valueOf(await device.tacet.unlock({ password }));
			// What was under way is sent again: the person had it before them, on paper.
			expect(valueOf(await device.tacet.security.read()).usesAccountKey).toBe(true);
			await device.tacet.lock();
			valueOf(await device.tacet.unlock({ password }));
			await device.tacet.close();
		}
	);
});
