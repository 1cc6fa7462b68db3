import { describe, expect, test } from 'vitest';
import {
	confirmCode,
	generateDeviceNonce,
	openDeviceClaim,
	openHandOver,
	sealDeviceClaim,
	sealHandOver
} from '../../../crypto/client/device-link.ts';
import { sha256 } from '../../../crypto/hash.ts';
import { toHex } from '../../../protocol/bytes.ts';
import type { DeviceLinkId } from '../../../protocol/ids.ts';
import { maxHandOverBytes } from '../../../protocol/limits.ts';
import { bytesFrom } from '../../protocol/samples.ts';
import { sampleDeviceClaim, sampleHandOver } from '../../protocol/sharing-samples.ts';
import { flipped, scripted, valueOf } from '../vectors.ts';
import { failed, idFrom, otherSecret, secret, spoilt } from './link-samples.ts';

const link = idFrom<DeviceLinkId>(129);
const otherLink = idFrom<DeviceLinkId>(130);

describe.each([
	{
		name: 'a device claim',
		value: sampleDeviceClaim,
		locked: '552d8317f2e6a00614bbd7255fa035320183fd50cf34ba5ff6ac43c6aacf22d1',
		seal: (random?: ReturnType<typeof scripted>) =>
			sealDeviceClaim(secret, link, sampleDeviceClaim, random),
		open: openDeviceClaim,
		openOther: openHandOver
	},
	{
		name: 'a hand-over',
		value: sampleHandOver,
		locked: '6bd6670f8f69fffd786d4271be3169e8e8a9d04a76d417b3bb22d3457a4b05ab',
		seal: (random?: ReturnType<typeof scripted>) =>
			sealHandOver(secret, link, sampleHandOver, random),
		open: openHandOver,
		openOther: openDeviceClaim
	}
])('$name', ({ value, locked, seal, open, openOther }) => {
	test('opens for whoever holds the secret, and is these bytes for ever', async () => {
		const sealed = await seal(scripted(bytesFrom(1, 24)));
		expect(toHex(sha256(sealed))).toBe(locked);
		expect(valueOf<unknown>(await open(secret, link, sealed))).toEqual(value);
	});

	test('opens for no other secret or link, and not as the other of the two', async () => {
		const sealed = await seal();
		expect(await open(otherSecret, link, sealed)).toEqual(failed);
		expect(await open(secret, otherLink, sealed)).toEqual(failed);
		expect(await openOther(secret, link, sealed)).toEqual(failed);
	});

	test('opens no more once any byte changed, was cut off or added', async () => {
		for (const bytes of spoilt(await seal())) {
			expect(await open(secret, link, bytes)).toEqual(failed);
		}
	});
});

test('the longest claim and hand-over fit their limit', async () => {
	const claim = { nonce: generateDeviceNonce(), deviceName: '\uffff'.repeat(200) };
	expect((await sealDeviceClaim(secret, link, claim)).length).toBeLessThanOrEqual(maxHandOverBytes);
	const handOver = { ...sampleHandOver, handle: '\uffff'.repeat(128) };
	expect((await sealHandOver(secret, link, handOver)).length).toBeLessThanOrEqual(maxHandOverBytes);
});

test('both devices show the same six digits, and others for another secret, link or nonce', () => {
	const nonce = bytesFrom(3, 16);
	expect(confirmCode(secret, link, nonce)).toBe(lockedCode);
	const codes = new Set([
		lockedCode,
		confirmCode(otherSecret, link, nonce),
		confirmCode(secret, otherLink, nonce),
		confirmCode(secret, link, flipped(nonce, 15))
	]);
	expect(codes.size).toBe(4);
});

test('a code has six digits also when its number is small', () => {
	const codes = Array.from({ length: 60 }, (_, first) =>
		confirmCode(secret, link, bytesFrom(first, 16))
	);
	expect(codes.every((code) => /^\d{6}$/.test(code))).toBe(true);
	expect(codes.some((code) => code.startsWith('0'))).toBe(true);
});

const lockedCode = '280106';
