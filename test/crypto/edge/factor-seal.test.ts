import { expect, test } from 'vitest';
import { openFactor, sealFactor } from '../../../crypto/edge/factor-seal.ts';
import { factorKinds } from '../../../protocol/factor-kind.ts';
import { concatBytes } from '../../../protocol/bytes.ts';
import type { AccountId, FactorId } from '../../../protocol/ids.ts';
import { flipped, hex, scripted, valueOf } from '../vectors.ts';

const failed = { ok: false, error: 'open_failed' };
const key = new Uint8Array(32).fill(7);
const place = {
	...{ account: '01'.repeat(16) as AccountId, factor: '02'.repeat(16) as FactorId },
	kind: 'totp' as const
};
const data = hex('8201540102030405060708090a0b0c0d0e0f1011121314');

test('what is sealed has these bytes', async () => {
	const sealed = await sealFactor(key, place, data, scripted(new Uint8Array(12).fill(9)));
	expect(sealed).toEqual(
		hex(
			'0909090909090909090909098dc2375f10a3897763a82a77cbc53f8acc101d8f9b48db3d46bd187b09817fbf8b3fdf64d5af8f'
		)
	);
	expect(await openFactor(key, place, sealed)).toEqual({ ok: true, value: data });
});

test('what is sealed differs each time', async () => {
	expect(await sealFactor(key, place, data)).not.toEqual(await sealFactor(key, place, data));
});

test('nothing opens under another key, for another account, factor or kind', async () => {
	const sealed = await sealFactor(key, place, data);
	expect(valueOf(await openFactor(key, place, sealed))).toEqual(data);
	expect(await openFactor(flipped(key, 0), place, sealed)).toEqual(failed);
	const account = '03'.repeat(16) as AccountId;
	const factor = '03'.repeat(16) as FactorId;
	expect(await openFactor(key, { ...place, account }, sealed)).toEqual(failed);
	expect(await openFactor(key, { ...place, factor }, sealed)).toEqual(failed);
	for (const kind of factorKinds.filter((other) => other !== 'totp')) {
		expect(await openFactor(key, { ...place, kind }, sealed)).toEqual(failed);
	}
});

test('nothing opens once any byte changed, was cut off or added', async () => {
	const sealed = await sealFactor(key, place, data);
	for (let index = 0; index < sealed.length; index++) {
		expect(await openFactor(key, place, flipped(sealed, index))).toEqual(failed);
		expect(await openFactor(key, place, sealed.subarray(0, index))).toEqual(failed);
	}
	expect(await openFactor(key, place, concatBytes(sealed, Uint8Array.of(0)))).toEqual(failed);
});
