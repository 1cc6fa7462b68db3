import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	concatBytes,
	equalBytes,
	fromBase64Url,
	fromHex,
	toBase64Url,
	toHex,
	utf8Decode,
	utf8Encode
} from '../../protocol/bytes.ts';
import { bytesOfId, idFromBytes, parseId, type ItemId } from '../../protocol/ids.ts';

const malformed = { ok: false, error: 'malformed' };
const someBytes = fc.uint8Array({ maxLength: 70 });

describe('base64url', () => {
	// RFC 4648, section 10, without padding.
	test.each([
		['', ''],
		['f', 'Zg'],
		['fo', 'Zm8'],
		['foo', 'Zm9v'],
		['foob', 'Zm9vYg'],
		['fooba', 'Zm9vYmE'],
		['foobar', 'Zm9vYmFy']
	])('of %j is %j', (text, encoded) => {
		expect(toBase64Url(utf8Encode(text))).toBe(encoded);
		expect(fromBase64Url(encoded)).toEqual({ ok: true, value: utf8Encode(text) });
	});

	test('uses the alphabet for URLs', () => {
		expect(toBase64Url(Uint8Array.of(0xfb, 0xff, 0xbf))).toBe('-_-_');
	});

	test('gives back what went in', () => {
		fc.assert(
			fc.property(someBytes, (bytes) => {
				expect(fromBase64Url(toBase64Url(bytes))).toEqual({ ok: true, value: bytes });
			})
		);
	});

	test('has one text for each byte string', () => {
		fc.assert(
			fc.property(fc.stringMatching(/^[\w-]{0,9}$/), (text) => {
				const bytes = fromBase64Url(text);
				if (bytes.ok) expect(toBase64Url(bytes.value)).toBe(text);
			}),
			{ numRuns: 2_000 }
		);
	});

	test.each(['Zg==', 'Zh', 'Zm9', 'Z', 'Zm9vY', '+/+/', 'Zm 8', 'Zm8\n', 'Zm8\0', 'Zmé'])(
		'refuses %j',
		(text) => {
			expect(fromBase64Url(text)).toEqual(malformed);
		}
	);
});

describe('hex', () => {
	test('gives back what went in, in lower case', () => {
		fc.assert(
			fc.property(someBytes, (bytes) => {
				expect(toHex(bytes)).toMatch(/^([0-9a-f]{2})*$/);
				expect(fromHex(toHex(bytes))).toEqual({ ok: true, value: bytes });
			})
		);
	});

	test.each(['0', 'AA', '0g', ' 00', '00 ', '0x00', '00\n', '-1', '٠٠'])('refuses %j', (text) => {
		expect(fromHex(text)).toEqual(malformed);
	});
});

describe('UTF-8', () => {
	test.each([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]])(
		'refuses %i …',
		(...bytes) => {
			expect(utf8Decode(Uint8Array.from(bytes))).toEqual(malformed);
		}
	);

	test('keeps a byte order mark', () => {
		expect(utf8Decode(utf8Encode('\ufeffa'))).toEqual({ ok: true, value: '\ufeffa' });
	});
});

describe('ids', () => {
	const id = '00112233445566778899aabbccddeeff' as ItemId;

	test('are 32 lower-case hex digits, and 16 bytes', () => {
		expect(parseId(id)).toEqual({ ok: true, value: id });
		expect(idFromBytes(bytesOfId(id))).toBe(id);
	});

	test.each([
		id.toUpperCase(),
		id.slice(1),
		`${id}0`,
		`${id}\n`,
		` ${id.slice(1)}`,
		'',
		null,
		undefined,
		7,
		[id],
		{ toString: () => id }
	])('refuse %j', (value) => {
		expect(parseId(value)).toEqual(malformed);
	});

	test('of another length are our own mistake', () => {
		expect(() => idFromBytes(new Uint8Array(15))).toThrow(RangeError);
		expect(() => idFromBytes(new Uint8Array(17))).toThrow(RangeError);
		expect(() => bytesOfId(id.slice(2) as ItemId)).toThrow(RangeError);
	});
});

test('bytes are joined in order and compared whole', () => {
	const [a, b] = [Uint8Array.of(1, 2), Uint8Array.of(3)];
	expect(concatBytes(a, new Uint8Array(), b)).toEqual(Uint8Array.of(1, 2, 3));
	expect(equalBytes(a, Uint8Array.of(1, 2))).toBe(true);
	expect(equalBytes(a, Uint8Array.of(1, 3))).toBe(false);
	expect(equalBytes(a, Uint8Array.of(1, 2, 0))).toBe(false);
	expect(equalBytes(new Uint8Array(), new Uint8Array())).toBe(true);
});
