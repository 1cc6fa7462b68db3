// What a person changes of their account, with devices of one account at a real edge.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../client/memory-store.ts';
import type { Store } from '../../client/store.ts';
import {
	loggedIn,
	newDevice,
	newHandle,
	password,
	signedUp,
	spaceOf,
	startEdge,
	synced,
	type Edge
} from './edge.ts';
import { isTo } from './guarded.ts';
import { routes } from '../../protocol/http.ts';

const next = 'another long password';
let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

/** A fetch that fails at one route, before or after the edge has heard of it; while `isOn()`. */
const brokenAt =
	(route: string, late: boolean, isOn: () => boolean): typeof fetch =>
	async (url, init) => {
		const breaks = isOn() && typeof url === 'string' && url.endsWith(route);
		if (breaks && !late) throw new TypeError('unreachable');
		const response = await fetch(url, init);
		if (breaks) throw new TypeError('cut off');
		return response;
	};

describe('changing the password', () => {
	test('ends the sessions of other devices, and the old one opens nothing any more', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const second = await loggedIn(edge, handle);
		await synced(spaceOf(first));
		expect(await first.tacet.stepUp({ password })).toMatchObject({ ok: true });
		expect(await first.tacet.security.changePassword(next)).toEqual({ ok: true, value: undefined });
		expect(await second.tacet.account()).toMatchObject({ error: { code: 'unauthenticated' } });
		await first.tacet.lock();
		const old = await first.tacet.unlock({ password });
		expect(old).toMatchObject({ error: { code: 'wrong_password' } });
		expect(await first.tacet.unlock({ password: next })).toMatchObject({ ok: true });
		await second.tacet.lock();
		expect(await second.tacet.unlock({ password: next })).toMatchObject({ ok: true });
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test('asks who is there first: a session alone, and a fresh one without the password, are not enough', async () => {
		const device = await signedUp(edge, newHandle());
		const refused = await device.tacet.security.changePassword(next);
		expect(refused).toMatchObject({ error: { code: 'step_up_needed' } });
		await device.tacet.lock();
		expect(await device.tacet.unlock({ password })).toMatchObject({ ok: true });
		await device.tacet.close();
	});

	test('for another server than the one that this device knows is not signed', async () => {
		const { ristretto255 } = await import('@noble/curves/ed25519.js');
		const stranger = Buffer.from(ristretto255.Point.BASE.toBytes());
		let written = false;
		const device = await signedUp(edge, newHandle(), {
			fetch: async (input, init) => {
				written ||= isTo(routes.accountWrite.path, input);
				const answer = await fetch(input, init);
				if (!isTo(routes.passwordStart.path, input) || !answer.ok) return answer;
				const body = (await answer.json()) as { registrationResponse: string };
				const element = Buffer.from(body.registrationResponse, 'base64url').subarray(0, 32);
				const registrationResponse = Buffer.concat([element, stranger]).toString('base64url');
				return Response.json({ registrationResponse }, { headers: answer.headers });
			}
		});
		expect(await device.tacet.stepUp({ password })).toMatchObject({ ok: true });
		const refused = await device.tacet.security.changePassword(next);
		expect(refused).toMatchObject({ error: { code: 'server_key_changed' } });
		expect(written).toBe(false);
		await device.tacet.lock();
		expect(await device.tacet.unlock({ password })).toMatchObject({ ok: true });
		await device.tacet.close();
	});

	test('takes the offline keyslot along', async () => {
		const lonely = await startEdge();
		const device = await signedUp(lonely, newHandle());
		await synced(spaceOf(device));
		await device.tacet.setOfflineUnlock({ enabled: true, password });
		expect(await device.tacet.stepUp({ password })).toMatchObject({ ok: true });
		expect(await device.tacet.security.changePassword(next)).toMatchObject({ ok: true });
		await device.tacet.lock();
		await lonely.kill();
		const old = await device.tacet.unlock({ password });
		expect(old).toMatchObject({ error: { code: 'wrong_password' } });
		expect(await device.tacet.unlock({ password: next })).toMatchObject({ ok: true });
		await device.tacet.close();
		await lonely.remove();
	});

	test.each([false, true])(
		'cut off at the write (heard by the edge: %s) is one password or the other, and then the one that was meant',
		async (late) => {
			let isOn = false;
			const handle = newHandle();
			const store: Store = createMemoryStore();
			const fetchOf = brokenAt('/v1/account/write', late, () => isOn);
			const device = await signedUp(edge, handle, { store, fetch: fetchOf });
			await synced(spaceOf(device));
			expect(await device.tacet.stepUp({ password })).toMatchObject({ ok: true });
			isOn = true;
			const cut = await device.tacet.security.changePassword(next);
			expect(cut).toMatchObject({ error: { code: 'offline' } });
			isOn = false;
			// The tab is gone; what it kept is all there is.
			await device.tacet.close();
			const again = await newDevice(edge, { store });
			const inForce = late ? next : password;
			const other = late ? password : next;
			const wrong = await again.tacet.unlock({ password: other });
			expect(wrong).toMatchObject({ error: { code: 'wrong_password' } });
			expect(await again.tacet.unlock({ password: inForce })).toMatchObject({ ok: true });
			expect(await again.tacet.security.read()).toMatchObject({
				ok: true,
				value: { head: { n: 2 } }
			});
			await again.tacet.lock();
			expect(await again.tacet.unlock({ password: next })).toMatchObject({ ok: true });
			await again.tacet.close();
		}
	);
});

describe('the recovery code', () => {
	test('counts once somebody has shown that they have it, and another takes its place', async () => {
		const device = await newDevice(edge);
		const made = await device.tacet.signUp({ handle: newHandle(), password });
		if (!made.ok) throw new Error(made.error.code);
		const { security } = device.tacet;
		const confirmed = async () => {
			const facts = await security.read();
			return facts.ok && facts.value.kit.confirmed;
		};
		expect(await confirmed()).toBe(false);
		const words = made.value.recoveryCode.join(' ');
		const other = `${'abandon '.repeat(11)}about`;
		expect(await security.confirmKit(other)).toMatchObject({ error: { code: 'wrong_code' } });
		expect(await security.confirmKit(` ${words.toUpperCase()} `)).toMatchObject({ ok: true });
		expect(await confirmed()).toBe(true);
		expect(await device.tacet.stepUp({ password })).toMatchObject({ ok: true });
		const kit = await security.newKit();
		if (!kit.ok) throw new Error(kit.error.code);
		expect(kit.value.recoveryCode).toHaveLength(12);
		// Until somebody has shown that they have it, the one before is in force.
		expect(await security.read()).toMatchObject({ value: { head: { n: 2 } } });
		expect(await security.confirmKit(kit.value.recoveryCode.join(' '))).toMatchObject({ ok: true });
		expect(await confirmed()).toBe(true);
		expect(await security.confirmKit(words)).toMatchObject({ error: { code: 'wrong_code' } });
		await device.tacet.close();
	});
});

describe('two devices', () => {
	test('that change the account hear of each other, and none writes onto what it has not seen', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		const second = await loggedIn(edge, handle);
		const cap = (sessionCap: number) =>
			({ suffices: [], sessionCap, recoveryDelayDays: 1 }) as const;
		const answers = await Promise.all([
			first.tacet.security.setPolicy(cap(4)),
			second.tacet.security.setPolicy(cap(5))
		]);
		expect(answers.filter(({ ok }) => ok).length).toBeGreaterThan(0);
		for (const answer of answers) {
			if (!answer.ok) expect(answer.error.code).toBe('stale_count');
		}
		const read = await Promise.all([first.tacet.security.read(), second.tacet.security.read()]);
		expect(read[0]).toEqual(read[1]);
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});
});

test('an account that is deleted leaves nothing, here or there', async () => {
	const handle = newHandle();
	const device = await signedUp(edge, handle);
	await synced(spaceOf(device));
	expect(await device.tacet.security.deleteAccount()).toEqual({ ok: true, value: undefined });
	expect(device.tacet.state).toEqual({ phase: 'signed_out' });
	expect(await device.store.loadProfile()).toEqual({ ok: true, value: null });
	expect(await device.tacet.logIn({ handle, password })).toMatchObject({
		error: { code: 'login_failed' }
	});
	const again = await device.tacet.signUp({ handle, password });
	expect(again).toMatchObject({ ok: true });
	await device.tacet.close();
});
