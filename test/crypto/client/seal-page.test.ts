import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importXaesKey, seal } from '../../../crypto/client/aead.ts';
import { openPage, sealPage } from '../../../crypto/client/seal-page.ts';
import { isPaddedLength, pad } from '../../../crypto/padding.ts';
import { concatBytes } from '../../../protocol/bytes.ts';
import { idFromBytes, type AccountId, type DeviceId, type SpaceId } from '../../../protocol/ids.ts';
import { pageAad, type PagePlace } from '../../../protocol/labels.ts';
import { flipped, valueOf } from '../vectors.ts';

const failed = { ok: false, error: 'open_failed' };
const sixteen = (fill: number) => new Uint8Array(16).fill(fill);
const place: PagePlace = {
	space: idFromBytes<SpaceId>(sixteen(1)),
	epoch: 1,
	author: idFromBytes<AccountId>(sixteen(2)),
	device: idFromBytes<DeviceId>(sixteen(3)),
	count: 7,
	index: 0
};
const key = () => importXaesKey(new Uint8Array(32).fill(9));

describe('a page', () => {
	test('opens to what was sealed, and has a padded length', async () => {
		const contentKey = await key();
		await fc.assert(
			fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (plaintext) => {
				const sealed = await sealPage(contentKey, place, plaintext);
				expect(isPaddedLength(sealed.length - 40)).toBe(true);
				expect(await openPage(contentKey, place, sealed)).toEqual({ ok: true, value: plaintext });
			})
		);
	});

	test('opens at no other place', async () => {
		const contentKey = await key();
		const sealed = await sealPage(contentKey, place, Uint8Array.of(1));
		const elsewhere: Partial<PagePlace>[] = [
			{ space: idFromBytes<SpaceId>(sixteen(9)) },
			{ epoch: 2 },
			{ author: idFromBytes<AccountId>(sixteen(9)) },
			{ device: idFromBytes<DeviceId>(sixteen(9)) },
			{ count: 8 },
			{ index: 1 }
		];
		for (const other of elsewhere) {
			expect(await openPage(contentKey, { ...place, ...other }, sealed)).toEqual(failed);
		}
		expect(valueOf(await openPage(contentKey, place, sealed))).toEqual(Uint8Array.of(1));
	});

	test('opens no more once any byte changed, was cut off or added', async () => {
		const contentKey = await key();
		const sealed = await sealPage(contentKey, place, Uint8Array.of(1, 2, 3));
		expect(sealed.length).toBe(168);
		for (let index = 0; index < sealed.length; index++) {
			expect(await openPage(contentKey, place, flipped(sealed, index))).toEqual(failed);
			expect(await openPage(contentKey, place, sealed.subarray(0, index))).toEqual(failed);
		}
		const longer = concatBytes(sealed, new Uint8Array(16));
		expect(await openPage(contentKey, place, longer)).toEqual(failed);
	});

	test('whose padding its author spoilt fails like any other', async () => {
		const contentKey = await key();
		const spoilt = [flipped(pad(Uint8Array.of(1)), 100), new Uint8Array(127), new Uint8Array()];
		for (const plaintext of spoilt) {
			const sealed = await seal(contentKey, { plaintext, aad: pageAad(place) });
			expect(await openPage(contentKey, place, sealed)).toEqual(failed);
		}
	});
});
