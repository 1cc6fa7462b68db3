// Whether the recovery kit is still there: asked of three words, and known to all devices.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { firstKitCheckDays, kitCheckDays } from '../../client/kit-check.ts';
import {
	newDevice,
	newHandle,
	password,
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

const dayMs = 24 * 60 * 60_000;

test('three words of the kit are asked for, on every device, and once they were right not for long', async () => {
	const handle = newHandle();
	const first = await newDevice(edge, {});
	const { recoveryCode } = valueOf(await first.tacet.signUp({ handle, password }));
	const kit = stateOf(first).kit!;
	expect(kit.checkedAtMs).toBe(null);
	expect(kit.dueAtMs).toBe(kit.madeAtMs + firstKitCheckDays * dayMs);
	expect(kit.positions).toHaveLength(3);
	const right = kit.positions.map((place) => recoveryCode[place - 1]!);
	const wrong = [right[0]!, right[1]!, right[2] === 'zoo' ? 'zebra' : 'zoo'];
	expect(valueOf(await first.tacet.checkKit(wrong))).toBe(false);
	expect(valueOf(await first.tacet.checkKit(right.slice(0, 2)))).toBe(false);
	expect(stateOf(first).kit).toEqual(kit);

	const second = await newDevice(edge, {});
	valueOf(await second.tacet.logIn({ handle, password }));
	await until(second.tacet, () => stateOf(second).kit !== null);
	expect(stateOf(second).kit).toEqual(kit);
	expect(valueOf(await second.tacet.checkKit(right.map((word) => ` ${word.toUpperCase()} `)))).toBe(
		true
	);
	await until(first.tacet, () => stateOf(first).kit?.checkedAtMs != null);
	const checked = stateOf(first).kit!;
	expect(checked.dueAtMs).toBe(checked.checkedAtMs! + kitCheckDays * dayMs);
	expect(checked.positions).toEqual(kit.positions);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});
