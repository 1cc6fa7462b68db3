// What a login asks besides the password, put to whoever can answer; and who is here, shown once more.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maxSessionsPerAccount } from '../../protocol/limits.ts';
import {
	loggedIn,
	newDevice,
	newHandle,
	password,
	signedUp,
	startEdge,
	stateOf,
	valueOf,
	type Edge
} from './edge.ts';
import { asked } from './guarded.ts';

let edge: Edge;
beforeAll(async () => {
	edge = await startEdge();
});
afterAll(() => edge.remove());

const sessionsOf = async (device: Awaited<ReturnType<typeof newDevice>>) =>
	valueOf(await device.tacet.account()).sessions;

/** As many devices as may be logged in, oldest first. */
async function fullHouse(handle: string) {
	const devices = [await signedUp(edge, handle)];
	while (devices.length < maxSessionsPerAccount) devices.push(await loggedIn(edge, handle));
	return devices;
}

describe('a login where as many sessions live as may', () => {
	it('asks which one ends, ends that one and no other', async () => {
		const handle = newHandle();
		const [first, second, third] = await fullHouse(handle);
		const one = await newDevice(edge);
		const { question, answered: entered } = await asked((onQuestion) =>
			one.tacet.logIn({ handle, password, onQuestion })
		);
		if (question.next !== 'choose') throw new Error('asked for something else');
		expect(question).toMatchObject({ next: 'choose', cap: maxSessionsPerAccount });
		const devices = [first, second, third].map((device) => stateOf(device!).device);
		expect(question.sessions.map(({ device }) => device)).toEqual(devices);
		expect(one.tacet.state.phase).toBe('signed_out');
		valueOf(await question.end([question.sessions[1]!.id]));
		valueOf(await entered);
		const now = (await sessionsOf(one)).map(({ device }) => device);
		expect(now).toEqual([devices[0], devices[2], stateOf(one).device]);
	});

	it('ends nothing if it is cancelled, and leaves no keys', async () => {
		const handle = newHandle();
		const [first] = await fullHouse(handle);
		const one = await newDevice(edge);
		const { question, answered: entered } = await asked((onQuestion) =>
			one.tacet.logIn({ handle, password, onQuestion })
		);
		question.cancel();
		expect(await entered).toEqual({ ok: false, error: { code: 'cancelled' } });
		expect([one.tacet.state.phase, one.cores.running]).toEqual(['signed_out', 0]);
		expect(await sessionsOf(first!)).toHaveLength(maxSessionsPerAccount);
	});

	it('waits for no answer once the engine is closed', async () => {
		const handle = newHandle();
		await fullHouse(handle);
		const one = await newDevice(edge);
		const { answered: entered } = await asked((onQuestion) =>
			one.tacet.logIn({ handle, password, onQuestion })
		);
		await one.tacet.close();
		expect(await entered).toMatchObject({ error: { code: 'cancelled' } });
	});

	it('ends the oldest where nobody can be asked', async () => {
		const handle = newHandle();
		const [first] = await fullHouse(handle);
		// Asked before: whoever hears that its session has ended locks.
		const { device: oldest } = stateOf(first!);
		const one = await newDevice(edge);
		valueOf(await one.tacet.logIn({ handle, password }));
		const now = (await sessionsOf(one)).map(({ device }) => device);
		expect(now).not.toContain(oldest);
		expect(now).toHaveLength(maxSessionsPerAccount);
	});
});

describe('who is here, shown once more', () => {
	it('takes the right password alone, and goes on in the same session', async () => {
		const device = await signedUp(edge, newHandle());
		const [before] = await sessionsOf(device);
		expect(await device.tacet.stepUp({ password: 'not the password' })).toMatchObject({
			error: { code: 'wrong_password' }
		});
		const steps: string[] = [];
		const onStep = (step: string) => steps.push(step);
		expect(await device.tacet.stepUp({ password, onStep })).toEqual({ ok: true, value: undefined });
		expect(steps).toEqual(['stretching', 'logging_in']);
		expect(await sessionsOf(device)).toEqual([before]);
	});

	it('is not asked of a locked device, and ends with the keys', async () => {
		const device = await signedUp(edge, newHandle());
		const showing = device.tacet.stepUp({ password });
		await device.tacet.lock();
		expect(await showing).toMatchObject({ error: { code: 'locked' } });
		expect(await device.tacet.stepUp({ password })).toMatchObject({ error: { code: 'locked' } });
	});
});
