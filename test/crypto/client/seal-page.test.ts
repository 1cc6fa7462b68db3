import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { importXaesKey } from '../../../crypto/client/aead.ts';
import { RecordCipher } from '../../../crypto/client/record-cipher.ts';
import { layOutPage, openPage, sealPage } from '../../../crypto/client/seal-page.ts';
import { isPaddedLength, pad } from '../../../crypto/padding.ts';
import { concatBytes, toHex } from '../../../protocol/bytes.ts';
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
const key = async () => new RecordCipher(await importXaesKey(new Uint8Array(32).fill(9)));

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

	test('is sealed where it was laid out, and nothing of it is left there', async () => {
		const contentKey = await key();
		const parts = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 });
		await fc.assert(
			fc.asyncProperty(parts, async (changes) => {
				const plaintext = concatBytes(...changes);
				const page = layOutPage(changes);
				expect(page.room.subarray(24, -16)).toEqual(pad(plaintext));
				const sealed = await sealPage(contentKey, place, page);
				expect(sealed).toBe(page.room);
				expect(sealed.byteLength).toBe(sealed.buffer.byteLength);
				expect(await openPage(contentKey, place, sealed)).toEqual({ ok: true, value: plaintext });
				expect(toHex(sealed)).not.toContain(toHex(pad(plaintext)));
			})
		);
	});

	test('that is not laid out is left as it was', async () => {
		const plaintext = Uint8Array.of(1, 2, 3);
		await sealPage(await key(), place, plaintext);
		expect(plaintext).toEqual(Uint8Array.of(1, 2, 3));
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
			const sealed = await contentKey.seal({ plaintext, aad: pageAad(place) });
			expect(await openPage(contentKey, place, sealed)).toEqual(failed);
		}
	});
});
