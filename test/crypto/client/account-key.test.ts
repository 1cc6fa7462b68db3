import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	formatAccountKey,
	generateAccountKey,
	importAccountKey,
	openAccountKey,
	parseAccountKey,
	sealAccountKey,
	type AccountKey
} from '../../../crypto/client/account-key.ts';
import { generateRoot } from '../../../crypto/client/account-keys.ts';
import { createSecret } from '../../../crypto/client/secret.ts';
import { concatBytes } from '../../../protocol/bytes.ts';
import { idFromBytes, type AccountId } from '../../../protocol/ids.ts';
import { flipped, hex, scripted, valueOf } from '../vectors.ts';

const keyOf = (bytes: Uint8Array): AccountKey => createSecret(bytes.slice());
const anyKey = fc.uint8Array({ minLength: 16, maxLength: 16 });
const account = (fill: number) => idFromBytes<AccountId>(new Uint8Array(16).fill(fill));
const failed = { ok: false, error: 'open_failed' };

describe('an account key', () => {
	test('is 16 random bytes', () => {
		const bytes = hex('000102030405060708090a0b0c0d0e0f');
		expect(generateAccountKey(scripted(bytes)).reveal()).toEqual(bytes);
	});

	test('is kept as a key that signs and that nobody can read', async () => {
		const key = await importAccountKey(generateAccountKey());
		expect([key.extractable, key.usages, key.type]).toEqual([false, ['sign'], 'secret']);
		await expect(crypto.subtle.exportKey('raw', key)).rejects.toThrow();
		await expect(crypto.subtle.exportKey('jwk', key)).rejects.toThrow();
		const short = createSecret<'account key'>(new Uint8Array(15));
		expect(() => importAccountKey(short)).toThrow(RangeError);
	});
});

describe('on paper', () => {
	// docs/formats.md, Account key.
	test.each([
		['00000000000000000000000000000000', '0000-0000-0000-0000-0000-0000-00XR'],
		['000102030405060708090a0b0c0d0e0f', '000G-40R4-0M30-E209-185G-R38E-1Y75'],
		['ffffffffffffffffffffffffffffffff', 'ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZYVD']
	])('%s is written in seven groups of four', (bytes, text) => {
		expect(formatAccountKey(keyOf(hex(bytes)))).toBe(text);
		expect(valueOf(parseAccountKey(text)).reveal()).toEqual(hex(bytes));
	});

	test('it comes back as it was, however it is typed', () => {
		fc.assert(
			fc.property(anyKey, (bytes) => {
				const text = formatAccountKey(keyOf(bytes));
				expect(text).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){6}$/);
				const sloppy = ` ${text.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o')}\n`;
				const alike = text.replaceAll('-', '\u2013').replaceAll('1', 'l');
				for (const typed of [text, sloppy, alike]) {
					expect(valueOf(parseAccountKey(typed)).reveal()).toEqual(bytes);
				}
			})
		);
	});

	test('a slip of the pen is told from another key: a character, two swapped, one too many or few', () => {
		const text = formatAccountKey(keyOf(hex('8f0e1d2c3b4a59687786a5b4c3d2e1f0')));
		const bare = text.replaceAll('-', '');
		let slips = 0;
		let missed = 0;
		for (let place = 0; place < bare.length; place++) {
			for (const character of '0123456789ABCDEFGHJKMNPQRSTVWXYZ') {
				if (character === bare[place]) continue;
				slips += 1;
				const typed = bare.slice(0, place) + character + bare.slice(place + 1);
				if (parseAccountKey(typed).ok) missed += 1;
			}
			const next = bare[place + 1];
			if (next === undefined || next === bare[place]) continue;
			const swapped = bare.slice(0, place) + next + bare[place]! + bare.slice(place + 2);
			expect(parseAccountKey(swapped)).toEqual({ ok: false, error: 'checksum' });
		}
		// Of 868 slips a fifth of one is expected to be missed.
		expect([slips, missed < 3]).toEqual([868, true]);
		for (const typed of [`${bare}0`, bare.slice(1), '', `U${bare.slice(1)}`, `ß${bare.slice(1)}`]) {
			expect(parseAccountKey(typed)).toEqual({ ok: false, error: 'malformed' });
		}
	});
});

describe('on a device', () => {
	test('it opens under the root of its account, and nothing else', async () => {
		const [root, key] = [generateRoot(), generateAccountKey()];
		const sealed = await sealAccountKey(root, key, account(1));
		expect(sealed.length).toBe(56);
		expect(valueOf(await openAccountKey(root, sealed, account(1))).reveal()).toEqual(key.reveal());
		expect(await openAccountKey(generateRoot(), sealed, account(1))).toEqual(failed);
		expect(await openAccountKey(root, sealed, account(2))).toEqual(failed);
		for (let index = 0; index < sealed.length; index++) {
			expect(await openAccountKey(root, flipped(sealed, index), account(1))).toEqual(failed);
			expect(await openAccountKey(root, sealed.subarray(0, index), account(1))).toEqual(failed);
		}
		const longer = concatBytes(sealed, Uint8Array.of(0));
		expect(await openAccountKey(root, longer, account(1))).toEqual(failed);
	});

	test('sealed twice it is never the same', async () => {
		const [root, key] = [generateRoot(), generateAccountKey()];
		const [one, other] = await Promise.all([
			sealAccountKey(root, key, account(1)),
			sealAccountKey(root, key, account(1))
		]);
		expect(one).not.toEqual(other);
	});
});
