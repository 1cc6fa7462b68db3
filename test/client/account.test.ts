import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../client/store.ts';
import { createMemoryStore } from '../../client/memory-store.ts';
import { toBase64Url, utf8Encode } from '../../protocol/bytes.ts';
import {
	bodyOf,
	loggedIn,
	newDevice,
	newHandle,
	newWire,
	password,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	until,
	type Edge
} from './edge.ts';
import { encodeSpaceFrame } from '../../protocol/frames.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

/** A fetch whose n-th call from now fails; `late` lets the edge hear the request first. */
function brittleFetch(failing: number, late: boolean): typeof fetch {
	let calls = 0;
	return async (...input) => {
		const breaks = calls++ === failing;
		if (breaks && !late) throw new TypeError('unreachable');
		const response = await fetch(...input);
		if (breaks) throw new TypeError('cut off');
		return response;
	};
}

/** Changes the JSON that one route answers. */
const changedAnswer =
	(route: string, change: (json: Record<string, unknown>) => void): typeof fetch =>
	async (url, init) => {
		const response = await fetch(url, init);
		if (typeof url !== 'string' || !url.endsWith(route)) return response;
		const json = (await response.json()) as Record<string, unknown>;
		change(json);
		return Response.json(json, { status: response.status });
	};

describe('signing up', () => {
	test('an account made on one device is read on a second one', async () => {
		const handle = newHandle();
		const steps: string[] = [];
		const first = await newDevice(edge);
		const made = await first.tacet.signUp({
			handle,
			password,
			onStep: (step) => steps.push(step)
		});
		expect(made.ok && made.value.recoveryCode).toHaveLength(12);
		expect(steps).toEqual(['stretching', 'registering', 'logging_in', 'creating_space']);
		await spaceOf(first).create({ title: 'Pier', body: 'low tide at six' });
		await synced(spaceOf(first));

		const second = await loggedIn(edge, handle.toUpperCase());
		await until(spaceOf(second), () => spaceOf(second).items.length === 1);
		expect(await bodyOf(spaceOf(second), 'Pier')).toBe('low tide at six');
		expect(spaceOf(second).id).toBe(spaceOf(first).id);
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test('a taken handle is refused, and the account behind it stays as it is', async () => {
		const handle = newHandle();
		const owner = await signedUp(edge, handle);
		const other = await newDevice(edge);
		const refused = await other.tacet.signUp({ handle, password: 'another long password' });
		expect(refused).toMatchObject({ ok: false, error: { code: 'handle_taken' } });
		expect(other.tacet.state.phase).toBe('signed_out');
		expect(other.cores.running).toBe(0);
		const again = await loggedIn(edge, handle);
		await Promise.all([owner.tacet.close(), other.tacet.close(), again.tacet.close()]);
	});

	test('a password that is too short is refused before anything is sent', async () => {
		let calls = 0;
		const device = await newDevice(edge, {
			fetch: (...input) => {
				calls += 1;
				return fetch(...input);
			}
		});
		const refused = await device.tacet.signUp({ handle: newHandle(), password: 'seven77' });
		expect(refused).toMatchObject({ ok: false, error: { code: 'password_too_short' } });
		expect(calls).toBe(0);
		await device.tacet.close();
	});

	// Calls: registration start, who may sign up, registration finish (twice if it fails), login start
	// and finish.
	test.each([
		[0, false],
		[1, true],
		[2, true],
		[3, false],
		[4, false],
		[4, true]
	])('breaking off at call %i (heard by the edge: %s) can be mended', async (failing, late) => {
		const handle = newHandle();
		const broken = await newDevice(edge, { fetch: brittleFetch(failing, late) });
		const made = await broken.tacet.signUp({ handle, password });
		await broken.tacet.close();
		const device = await newDevice(edge);
		if (failing < 2) {
			expect(made).toMatchObject({ ok: false, error: { code: 'offline' } });
			expect(await device.tacet.signUp({ handle, password })).toMatchObject({ ok: true });
		} else {
			if (!made.ok) expect(made.error.recoveryCode).toHaveLength(12);
			expect(await device.tacet.logIn({ handle, password })).toMatchObject({ ok: true });
			await device.tacet.confirmDevice();
		}
		const space = spaceOf(device);
		await space.create({ title: 'Kept' });
		await synced(space);
		await device.tacet.close();
	});

	test('without a way to the sockets the account is made, and unlocking makes its space', async () => {
		const handle = newHandle();
		const wire = newWire(encodeSpaceFrame);
		wire.isUp = false;
		const device = await newDevice(edge, { WebSocket: wire.WebSocket });
		const made = await device.tacet.signUp({ handle, password });
		expect(made.ok || made.error.recoveryCode).toHaveLength(12);
		expect(device.tacet.state.phase).toBe('locked');
		wire.isUp = true;
		expect(await device.tacet.unlock({ password })).toMatchObject({ ok: true });
		await synced(spaceOf(device));
		expect(spaceOf(device).sync.verified?.seq).toBe(1);
		await device.tacet.close();
	});
});

describe('logging in', () => {
	test('a wrong password and an unknown handle are refused alike, and leave nothing', async () => {
		const handle = newHandle();
		const owner = await signedUp(edge, handle);
		const stranger = await newDevice(edge);
		const wrong = await stranger.tacet.logIn({ handle, password: 'not the password' });
		const unknown = await stranger.tacet.logIn({ handle: newHandle(), password });
		expect(wrong).toEqual({ ok: false, error: { code: 'login_failed' } });
		expect(unknown).toEqual(wrong);
		expect(stranger.tacet.state.phase).toBe('signed_out');
		expect(await stranger.store.loadProfile()).toEqual({ ok: true, value: null });
		expect(stranger.cores.running).toBe(0);
		await Promise.all([owner.tacet.close(), stranger.tacet.close()]);
	});

	test("another account's keyslots open nothing", async () => {
		const handle = newHandle();
		const owner = await signedUp(edge, handle);
		let foreign: unknown;
		const otherHandle = newHandle();
		const other = await signedUp(edge, otherHandle, {
			fetch: changedAnswer('/v1/login/finish', (json) => {
				foreign = json['keyslots'];
			})
		});
		const device = await newDevice(edge, {
			fetch: changedAnswer('/v1/login/finish', (json) => {
				json['keyslots'] = foreign;
			})
		});
		const refused = await device.tacet.logIn({ handle, password });
		expect(refused).toEqual({ ok: false, error: { code: 'server_misbehaved' } });
		expect(device.tacet.state.phase).toBe('signed_out');
		await Promise.all([owner, other, device].map(({ tacet }) => tacet.close()));
	});

	test("another account's identity is not taken for one's own", async () => {
		const handle = newHandle();
		const owner = await signedUp(edge, handle);
		let foreign: Record<string, unknown> = {};
		const other = await signedUp(edge, newHandle(), {
			fetch: changedAnswer('/v1/login/finish', (json) => {
				foreign = { account: json['account'], log: json['log'] };
			})
		});
		const device = await newDevice(edge, {
			fetch: changedAnswer('/v1/login/finish', (json) => Object.assign(json, foreign))
		});
		const refused = await device.tacet.logIn({ handle, password });
		expect(refused).toEqual({ ok: false, error: { code: 'server_misbehaved' } });
		await Promise.all([owner, other, device].map(({ tacet }) => tacet.close()));
	});
});

describe('locking', () => {
	test('a locked device has no keys, and its password brings everything back', async () => {
		const device = await signedUp(edge, newHandle());
		await spaceOf(device).create({ title: 'Ledger', body: 'kept' });
		await device.tacet.lock();
		expect(device.tacet.state).toMatchObject({ phase: 'locked', offlineUnlock: false });
		expect(device.cores.running).toBe(0);
		const wrong = await device.tacet.unlock({ password: 'not the password' });
		expect(wrong).toEqual({ ok: false, error: { code: 'wrong_password' } });
		expect(await device.tacet.unlock({ password })).toEqual({ ok: true, value: undefined });
		expect(await bodyOf(spaceOf(device), 'Ledger')).toBe('kept');
		await device.tacet.close();
	});

	test('a server that proves another key than before gets nothing more', async () => {
		const device = await signedUp(edge, newHandle());
		await device.tacet.lock();
		const loaded = await device.store.loadProfile();
		if (!loaded.ok || loaded.value === null) throw new Error('no profile');
		await device.store.saveProfile({ ...loaded.value, pinnedServerKey: new Uint8Array(32) });
		const paths: string[] = [];
		const reopened = await newDevice(edge, {
			store: device.store,
			fetch: (url, init) => {
				if (typeof url === 'string') paths.push(new URL(url).pathname);
				return fetch(url, init);
			}
		});
		const refused = await reopened.tacet.unlock({ password });
		expect(refused).toEqual({ ok: false, error: { code: 'server_key_changed' } });
		expect(paths).toEqual(['/v1/login/start']);
		await reopened.tacet.close();
	});

	test('offline unlocking works for those who chose it, by the right password only', async () => {
		const lonely = await startEdge();
		const device = await signedUp(lonely, newHandle());
		await spaceOf(device).create({ title: 'Boat', body: 'no network here' });
		await synced(spaceOf(device));
		const chosen = await device.tacet.setOfflineUnlock({ enabled: true, password });
		expect(chosen).toEqual({ ok: true, value: undefined });
		await synced(spaceOf(device));
		await device.tacet.lock();
		await lonely.kill();
		expect(await device.tacet.unlock({ password: 'not the password' })).toMatchObject({
			error: { code: 'wrong_password' }
		});
		expect(await device.tacet.unlock({ password })).toMatchObject({ ok: true });
		expect(await bodyOf(spaceOf(device), 'Boat')).toBe('no network here');
		await device.tacet.setOfflineUnlock({ enabled: false });
		await device.tacet.lock();
		expect(await device.tacet.unlock({ password })).toMatchObject({ error: { code: 'offline' } });
		await device.tacet.close();
		await lonely.remove();
	});

	test('nothing of text, handle or password stands in the store or goes over the wire', async () => {
		const handle = 'canary-handle-0451';
		const words = [handle, password, 'CanaryTitle', 'canary body words', 'canary/folder'];
		const seen: unknown[] = [];
		const store = watchedStore(createMemoryStore(), seen);
		const wire = newWire(encodeSpaceFrame);
		const device = await signedUp(edge, handle, {
			store,
			WebSocket: wire.WebSocket,
			fetch: (url, init) => {
				// The handle itself is what a person is asked for by.
				const body = init?.body;
				if (typeof body === 'string') seen.push(body.replaceAll(handle, ''));
				return fetch(url, init);
			}
		});
		await spaceOf(device).create({ title: 'CanaryTitle', body: 'canary body words' });
		const bytes = utf8Encode('canary body words');
		await spaceOf(device).importFiles([
			{
				path: 'canary/folder/CanaryTitle.md',
				sizeBytes: bytes.length,
				bytes: () => Promise.resolve(bytes)
			}
		]);
		await synced(spaceOf(device));
		await device.tacet.lock();
		seen.push(wire.sent.map((sent) => sent.bytes));
		expect(wire.sent.length).toBeGreaterThan(4);
		const found = words.filter((word) => seen.some((value) => contains(value, word)));
		expect(found).toEqual([]);
		expect(contains([{ deep: utf8Encode(`x${password}`) }], password)).toBe(true);
		await device.tacet.close();
	});
});

describe('sessions', () => {
	test('an access token that ran out is refreshed, and the new one is kept', async () => {
		let aheadMs = 0;
		const device = await signedUp(edge, newHandle(), { nowMs: () => Date.now() + aheadMs });
		const before = await device.store.loadProfile();
		aheadMs = 20 * 60_000;
		const overview = await device.tacet.account();
		expect(overview).toMatchObject({ ok: true, value: { sessions: [{ current: true }] } });
		const after = await device.store.loadProfile();
		const tokens = [before, after].map((profile) => profile.ok && profile.value?.sealedSession);
		expect(tokens[0]).not.toEqual(tokens[1]);
		await device.tacet.close();
	});

	test('locking while a token is refreshed leaves nothing to fail without the keys', async () => {
		let aheadMs = 0;
		const held: (() => void)[] = [];
		let isAsked = (): void => undefined;
		const asked = new Promise<void>((resolve) => {
			isAsked = resolve;
		});
		const device = await signedUp(edge, newHandle(), {
			nowMs: () => Date.now() + aheadMs,
			fetch: async (input, init) => {
				const answer = await fetch(input, init);
				if (!answer.url.endsWith('/session/refresh')) return answer;
				isAsked();
				await new Promise<void>((resolve) => held.push(resolve));
				return answer;
			}
		});
		await synced(spaceOf(device));
		aheadMs = 20 * 60_000;
		const overview = device.tacet.account();
		await asked;
		await device.tacet.lock();
		expect(await overview).toEqual({ ok: false, error: { code: 'locked' } });
		for (const go of held) go();
		expect(await device.tacet.unlock({ password })).toEqual({ ok: true, value: undefined });
		await device.tacet.close();
	});

	test('logging out with unsent changes asks first; then nothing is left', async () => {
		const lonely = await startEdge();
		const device = await signedUp(lonely, newHandle());
		await synced(spaceOf(device));
		await lonely.kill();
		await until(spaceOf(device), () => spaceOf(device).sync.connection !== 'online');
		await spaceOf(device).create({ title: 'Unsent' });
		const asked = await device.tacet.logOut();
		expect(asked).toEqual({ ok: false, error: { code: 'unsent_changes', unsent: 1 } });
		expect(await device.tacet.logOut({ discardUnsent: true })).toEqual({
			ok: true,
			value: { unsent: 1 }
		});
		expect(device.tacet.state).toEqual({ phase: 'signed_out' });
		expect(await device.store.loadProfile()).toEqual({ ok: true, value: null });
		expect(device.cores.running).toBe(0);
		await device.tacet.close();
		await lonely.remove();
	});
});

/** Notes everything that is handed to a store. */
const watchedStore = (store: Store, seen: unknown[]): Store =>
	new Proxy(store, {
		get(target, name) {
			const value: unknown = Reflect.get(target, name, target);
			if (typeof value !== 'function') return value;
			return (...input: unknown[]): unknown => {
				seen.push(input);
				return Reflect.apply(value, target, input);
			};
		}
	});

/** Whether a word stands anywhere in a value, as text, as bytes, or as base64url of bytes. */
function contains(value: unknown, word: string): boolean {
	if (typeof value === 'string') {
		return value.includes(word) || value.includes(toBase64Url(utf8Encode(word)));
	}
	if (value instanceof Uint8Array) {
		return Buffer.from(value).includes(Buffer.from(utf8Encode(word)));
	}
	if (typeof value !== 'object' || value === null) return false;
	return Object.values(value).some((part) => contains(part, word));
}
