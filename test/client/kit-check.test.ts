// Whether the recovery kit is still there: asked of three words, and known to all devices.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { firstKitCheckDays, kitCheckDays, unconfirmedKitDays } from '../../client/kit-check.ts';
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
	expect(kit.dueAtMs).toBe(kit.madeAtMs + unconfirmedKitDays * dayMs);
	const account = valueOf(await first.tacet.security.read());
	expect([account.kit.confirmed, account.head.n]).toEqual([false, 1]);
	expect(kit.positions).toHaveLength(3);
	const right = kit.positions.map((place) => recoveryCode[place - 1]!);
	const wrong = [right[0]!, right[1]!, right[2] === 'zoo' ? 'zebra' : 'zoo'];
	expect(valueOf(await first.tacet.security.checkKit(wrong))).toBe(false);
	expect(valueOf(await first.tacet.security.checkKit(right.slice(0, 2)))).toBe(false);
	expect(stateOf(first).kit).toEqual(kit);

	const second = await newDevice(edge, {});
	valueOf(await second.tacet.logIn({ handle, password }));
	await until(second.tacet, () => stateOf(second).kit !== null);
	expect(stateOf(second).kit).toEqual(kit);
	expect(
		valueOf(await second.tacet.security.checkKit(right.map((word) => ` ${word.toUpperCase()} `)))
	).toBe(true);
	await until(first.tacet, () => stateOf(first).kit?.checkedAtMs != null);
	const checked = stateOf(first).kit!;
	expect(checked.dueAtMs).toBe(checked.checkedAtMs! + firstKitCheckDays * dayMs);
	expect(checked.positions).toEqual(kit.positions);
	// From then on it counts as a way in, for every device; which is written once.
	const now = valueOf(await first.tacet.security.read());
	expect([now.kit.confirmed, now.head.n]).toEqual([true, 2]);
	expect(valueOf(await second.tacet.security.checkKit(right))).toBe(true);
	expect(valueOf(await second.tacet.security.read()).head.n).toBe(2);
	await Promise.all([first.tacet.close(), second.tacet.close()]);
});

test('a kit that was kept as it was made is confirmed at once, and written so once', async () => {
	let aheadMs = 0;
	const nowMs = () => Date.now() + aheadMs;
	const device = await newDevice(edge, { nowMs });
	const { tacet } = device;
	const { recoveryCode } = valueOf(await tacet.signUp({ handle: newHandle(), password }));
	const words = recoveryCode.join(' ');
	const others = [...recoveryCode].reverse().join(' ');
	expect(await tacet.security.confirmKit(others)).toMatchObject({ error: { code: 'wrong_code' } });
	expect(stateOf(device).kit?.checkedAtMs).toBe(null);
	for (const typed of [words, words.toUpperCase()]) {
		valueOf(await tacet.security.confirmKit(typed));
		const { kit, head } = valueOf(await tacet.security.read());
		expect([kit.confirmed, head.n]).toEqual([true, 2]);
	}
	const kept = stateOf(device).kit!;
	expect(kept.dueAtMs).toBe(kept.checkedAtMs! + firstKitCheckDays * dayMs);
	// Found once more later, it is asked for less often.
	aheadMs = 31 * dayMs;
	const right = kept.positions.map((place) => recoveryCode[place - 1]!);
	expect(valueOf(await tacet.security.checkKit(right))).toBe(true);
	const found = stateOf(device).kit!;
	expect(found.dueAtMs).toBe(found.checkedAtMs! + kitCheckDays * dayMs);
	await tacet.close();
});

test('another kit takes its place in what is asked for, too', async () => {
	const device = await newDevice(edge, {});
	const { tacet } = device;
	valueOf(await tacet.signUp({ handle: newHandle(), password }));
	valueOf(await tacet.stepUp({ password }));
	const { recoveryCode } = valueOf(await tacet.security.newKit());
	valueOf(await tacet.security.confirmKit(recoveryCode.join(' ')));
	const { positions, checkedAtMs } = stateOf(device).kit!;
	expect(checkedAtMs).not.toBe(null);
	const right = positions.map((place) => recoveryCode[place - 1]!);
	expect(valueOf(await tacet.security.checkKit(right))).toBe(true);
	await tacet.close();
});
