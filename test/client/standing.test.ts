// What a new device may do before another one has vouched for it, and what makes it believed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isVouchedFor, type KeyringEntryFacts } from '../../client/standing.ts';
import { idFromBytes, type DeviceId } from '../../protocol/ids.ts';
import {
	newDevice,
	newHandle,
	password,
	signedUp,
	spaceOf,
	startEdge,
	stateOf,
	synced,
	until,
	valueOf,
	type Device,
	type Edge
} from './edge.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

async function logIn(handle: string, deviceName: string): Promise<Device> {
	const device = await newDevice(edge, { deviceName });
	valueOf(await device.tacet.logIn({ handle, password }));
	return device;
}

const isConfirmed = (device: Device) =>
	until(device.tacet, () => stateOf(device).standing.state === 'confirmed');

describe('a device', () => {
	test('that made the account needs nobody’s word', async () => {
		const first = await signedUp(edge, newHandle(), { deviceName: 'Lamp' });
		expect(stateOf(first).standing).toEqual({ state: 'confirmed' });
		const { device } = stateOf(first);
		await until(first.tacet, () => stateOf(first).devices.length === 1);
		expect(stateOf(first).devices).toMatchObject([{ device, name: 'Lamp', isThis: true }]);
		await first.tacet.close();
	});

	test('that is new is vouched for by one that is there, and named to it', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle, { deviceName: 'Lamp' });
		const second = await logIn(handle, 'Lantern');
		await isConfirmed(second);
		await until(first.tacet, () => stateOf(first).devices.length === 2);
		expect(stateOf(first).devices.map(({ name }) => name)).toEqual(['Lamp', 'Lantern']);
		valueOf(await spaceOf(second).create({ title: 'Written by both' }));
		await until(spaceOf(first), () => spaceOf(first).items.length === 1);
		await Promise.all([first.tacet.close(), second.tacet.close()]);
	});

	test('that is alone keeps what is written until a person vouches for it', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle, { deviceName: 'Lamp' });
		await until(first.tacet, () => stateOf(first).devices.length === 1);
		await synced(spaceOf(first));
		await first.tacet.close();
		const second = await logIn(handle, 'Lantern');
		const space = spaceOf(second);
		await until(space, () => space.sync.connection === 'online');
		await until(second.tacet, () => {
			const { standing } = stateOf(second);
			return standing.state === 'unconfirmed' && standing.lastChangeBy !== null;
		});
		expect(stateOf(second).standing).toMatchObject({ lastChangeBy: 'Lamp' });
		valueOf(await space.create({ title: 'Waits' }));
		await until(space, () => space.sync.problem === 'unconfirmed');
		expect(space.sync).toMatchObject({ waiting: 1, savedOnDevice: true });
		const rotated = await space.rotate();
		expect(rotated).toMatchObject({ ok: false, error: { code: 'unconfirmed' } });
		valueOf(await second.tacet.confirmDevice());
		await synced(space);
		expect(stateOf(second).standing).toEqual({ state: 'confirmed' });
		await second.tacet.close();
	});

	test('that is unconfirmed writes to a space that it makes itself', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		await first.tacet.close();
		const second = await logIn(handle, 'Lantern');
		const own = valueOf(await second.tacet.createSpace({ name: 'Own' }));
		valueOf(await own.create({ title: 'Goes out' }));
		await synced(own);
		expect(stateOf(second).standing.state).toBe('unconfirmed');
		await second.tacet.close();
	});

	test('that was confirmed stays so after it was locked', async () => {
		const handle = newHandle();
		const first = await signedUp(edge, handle);
		await first.tacet.close();
		const second = await logIn(handle, 'Lantern');
		valueOf(await second.tacet.confirmDevice());
		await second.tacet.lock();
		valueOf(await second.tacet.unlock({ password }));
		expect(stateOf(second).standing).toEqual({ state: 'confirmed' });
		await second.tacet.close();
	});
});

describe('vouching', () => {
	const device = (number: number) => idFromBytes<DeviceId>(new Uint8Array(16).fill(number));
	const [a, b, c] = [device(1), device(2), device(3)];
	let seq = 0;
	const entry = (by: DeviceId, seen: number): KeyringEntryFacts => ({
		seq: ++seq,
		device: by,
		seen,
		timeMs: 0
	});
	const log = (...entries: readonly (readonly [DeviceId, number])[]) => {
		seq = 0;
		return entries.map(([by, seen]) => entry(by, seen));
	};

	test('needs an entry that has seen the first one of the new device, not one placed after it', () => {
		expect(isVouchedFor(b, log([a, 0], [b, 1], [a, 1]), [])).toBe(false);
		expect(isVouchedFor(b, log([a, 0], [b, 1], [a, 2]), [])).toBe(true);
	});

	test('is done by a heartbeat that has reached the first entry', () => {
		const entries = log([a, 0], [b, 1]);
		expect(isVouchedFor(b, entries, [{ device: a, seq: 1 }])).toBe(false);
		expect(isVouchedFor(b, entries, [{ device: a, seq: 2 }])).toBe(true);
	});

	test('is not done by a device that nobody vouched for', () => {
		const entries = log([a, 0], [b, 1], [c, 2], [b, 3]);
		expect(isVouchedFor(c, entries, [{ device: b, seq: 4 }])).toBe(false);
	});

	test('is passed on by a device once it was vouched for itself', () => {
		const entries = log([a, 0], [b, 1], [a, 2], [c, 3], [b, 4]);
		expect(isVouchedFor(c, entries, [])).toBe(true);
	});

	test('is nobody’s on an empty log, and its own for whoever began it', () => {
		expect(isVouchedFor(a, [], [])).toBe(false);
		expect(isVouchedFor(a, log([a, 0]), [])).toBe(true);
	});
});
