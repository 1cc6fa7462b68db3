// Linking one more device by a code, through the real edge.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
	newDevice,
	newHandle,
	password,
	signedUp,
	startEdge,
	stateOf,
	until,
	valueOf,
	type Edge
} from './edge.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const refusedWith = (code: string) => ({ ok: false, error: { code } });

test('a linked device knows whom to log in as, and is confirmed at once', async () => {
	const handle = newHandle();
	const first = await signedUp(edge, handle);
	const offer = valueOf(await first.tacet.linkDevice());
	const second = await newDevice(edge, { deviceName: 'Telescope' });
	const taken = valueOf(await second.tacet.takeDeviceLink(offer.url));
	expect(valueOf(await offer.claimed())).toEqual({ deviceName: 'Telescope' });
	expect(taken.code).toMatch(/^\d{6}$/);
	const [handed] = await Promise.all([taken.handedOver(), offer.confirm(taken.code)]);
	expect(valueOf(handed)).toEqual({ handle });
	// The other device is gone: its word came with the hand-over.
	await first.tacet.close();
	valueOf(await second.tacet.logIn({ handle, password }));
	await until(second.tacet, () => stateOf(second).standing.state === 'confirmed');
	await second.tacet.close();
});

test('another code hands nothing over, and the third wrong one ends the offer', async () => {
	const first = await signedUp(edge, newHandle());
	const offer = valueOf(await first.tacet.linkDevice());
	const second = await newDevice(edge);
	const taken = valueOf(await second.tacet.takeDeviceLink(offer.url));
	valueOf(await offer.claimed());
	const wrong = String((Number(taken.code) + 1) % 1_000_000).padStart(6, '0');
	expect(await offer.confirm(wrong)).toMatchObject(refusedWith('wrong_code'));
	expect(await offer.confirm(wrong)).toMatchObject(refusedWith('wrong_code'));
	expect(await offer.confirm(wrong)).toMatchObject(refusedWith('invitation_ended'));
	expect(await offer.confirm(taken.code)).toMatchObject(refusedWith('invitation_ended'));
	const given = AbortSignal.abort();
	expect(await taken.handedOver(given)).toMatchObject(refusedWith('invitation_ended'));
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('an offer that nobody takes up is asked after until it ends, and no longer', async () => {
	let nowMs = Date.now();
	let asked = 0;
	const first = await signedUp(edge, newHandle(), {
		nowMs: () => nowMs,
		fetch: async (url, init) => {
			if (typeof url !== 'string' || !url.endsWith('/v1/device-links/read'))
				return fetch(url, init);
			asked += 1;
			nowMs += 11 * 60_000;
			throw new TypeError('unreachable');
		}
	});
	const offer = valueOf(await first.tacet.linkDevice());
	expect(await offer.claimed()).toMatchObject(refusedWith('invitation_ended'));
	expect(asked).toBe(1);
	await first.tacet.close();
});

test('an offer is taken up once, and only whole', async () => {
	const first = await signedUp(edge, newHandle());
	const offer = valueOf(await first.tacet.linkDevice());
	const [second, third] = [await newDevice(edge), await newDevice(edge)];
	const cut = await second.tacet.takeDeviceLink(offer.url.slice(0, -1));
	expect(cut).toMatchObject(refusedWith('link_invalid'));
	valueOf(await second.tacet.takeDeviceLink(offer.url));
	expect((await third.tacet.takeDeviceLink(offer.url)).ok).toBe(false);
	await Promise.all([first, second, third].map(({ tacet }) => tacet.close()));
});

test('a linked device goes no further when the server proves another key than was handed over', async () => {
	const handle = newHandle();
	const first = await signedUp(edge, handle);
	const impostor = await startEdge();
	const account = await signedUp(impostor, handle);
	let served = edge.url;
	const second = await newDevice(edge, {
		fetch: (url, init) => fetch(typeof url === 'string' ? url.replace(edge.url, served) : url, init)
	});
	const offer = valueOf(await first.tacet.linkDevice());
	const taken = valueOf(await second.tacet.takeDeviceLink(offer.url));
	valueOf(await offer.claimed());
	valueOf(await first.tacet.stepUp({ password }));
	const [handed] = await Promise.all([taken.handedOver(), offer.confirm(taken.code)]);
	valueOf(handed);
	// The same handle and password, at somebody else's who answers in its place.
	served = impostor.url;
	const refused = await second.tacet.logIn({ handle, password });
	expect(refused).toMatchObject(refusedWith('server_key_changed'));
	expect(second.tacet.state.phase).toBe('signed_out');
	await Promise.all([first, account, second].map(({ tacet }) => tacet.close()));
	await impostor.remove();
});
