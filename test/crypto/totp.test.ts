import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { generateTotpSecret, hotpCode, toBase32, totpUri, verifyTotp } from '../../crypto/totp.ts';
import { utf8Encode } from '../../protocol/bytes.ts';
import { hex, withVectors } from './vectors.ts';

/** RFC 4226 App. D and RFC 6238 App. B: the ASCII digits 1 to 0, twice. */
const rfcSecret = utf8Encode('12345678901234567890');

describe('codes', () => {
	test('are those of RFC 4226, Appendix D', () => {
		const codes = Array.from({ length: 10 }, (_, counter) => hotpCode(rfcSecret, counter));
		expect(codes).toEqual([
			...['755224', '287082', '359152', '969429', '338314'],
			...['254676', '287922', '162583', '399871', '520489']
		]);
	});

	// Printed with eight digits; six are the last six.
	test.each([
		[59, '94287082'],
		[1_111_111_109, '07081804'],
		[1_111_111_111, '14050471'],
		[1_234_567_890, '89005924'],
		[2_000_000_000, '69279037'],
		[20_000_000_000, '65353130']
	])('are those of RFC 6238, Appendix B, at %d s', (seconds, printed) => {
		const code = printed.slice(2);
		const step = Math.floor(seconds / 30);
		expect(hotpCode(rfcSecret, step)).toBe(code);
		const attempt = { code, nowMs: seconds * 1_000, lastStep: null };
		expect(verifyTotp(rfcSecret, attempt)).toBe(step);
	});
});

interface Printed {
	readonly secret_hex: string;
	readonly alg: string;
}
interface PrintedCodes {
	readonly hotp: readonly (Printed & { readonly counter: number; readonly hotp: string })[];
	readonly totp: readonly (Printed & { readonly time: number; readonly totp: string })[];
}

await withVectors<PrintedCodes>(
	'RFC 4226 and 6238, transcribed',
	'rfc-small/rfc4226_rfc6238_otp.json',
	({ hotp, totp }) => {
		test('has the same codes', () => {
			const byCounter = hotp.filter(({ alg }) => alg === 'SHA1');
			const byTime = totp.filter(({ alg }) => alg === 'SHA1');
			expect([byCounter.length, byTime.length]).toEqual([10, 6]);
			for (const { secret_hex, counter, hotp: code } of byCounter) {
				expect(hotpCode(hex(secret_hex), counter)).toBe(code);
			}
			for (const { secret_hex, time, totp: code } of byTime) {
				expect(hotpCode(hex(secret_hex), Math.floor(time / 30))).toBe(code.slice(-6));
			}
		});
	}
);

describe('a code', () => {
	const nowMs = 1_795_000_000_000;
	const present = Math.floor(nowMs / 30_000);
	const codeOf = (step: number) => hotpCode(rfcSecret, step);
	const verify = (code: string, lastStep: number | null = null, atMs = nowMs) =>
		verifyTotp(rfcSecret, { code, nowMs: atMs, lastStep });

	test('is good for its step, the one before and the one after', () => {
		const steps = [-2, -1, 0, 1, 2].map((by) => verify(codeOf(present + by)));
		expect(steps).toEqual([null, present - 1, present, present + 1, null]);
	});

	test('is good to the last millisecond, and no longer', () => {
		const code = codeOf(present);
		expect(verify(code, null, (present - 1) * 30_000)).toBe(present);
		expect(verify(code, null, (present - 1) * 30_000 - 1)).toBeNull();
		expect(verify(code, null, (present + 2) * 30_000 - 1)).toBe(present);
		expect(verify(code, null, (present + 2) * 30_000)).toBeNull();
	});

	test('is good once, and makes older ones bad', () => {
		expect(verify(codeOf(present), present - 1)).toBe(present);
		expect(verify(codeOf(present), present)).toBeNull();
		expect(verify(codeOf(present - 1), present)).toBeNull();
		expect(verify(codeOf(present + 1), present)).toBe(present + 1);
		expect(verify(codeOf(present), present + 1)).toBeNull();
	});

	test('stays bad after a clock that went back', () => {
		expect(verify(codeOf(present - 10), present, nowMs - 300_000)).toBeNull();
	});

	test('of two steps in the window is of the later one, so that it is not good again', () => {
		// Found by search: the first two steps that follow each other with one code.
		const step = 910_737;
		expect([codeOf(step), codeOf(step + 1)]).toEqual(['911617', '911617']);
		expect(verify('911617', null, step * 30_000)).toBe(step + 1);
		expect(verify('911617', step + 1, step * 30_000)).toBeNull();
	});

	test('before 1970 there are none, and the first has no one before it', () => {
		expect(verify(codeOf(0), null, 0)).toBe(0);
		expect(verify(codeOf(0), 0, 0)).toBeNull();
		expect(verify(codeOf(0), null, -60_000)).toBeNull();
	});

	test.each([
		'',
		'1',
		'0755224',
		'75522',
		'755224 ',
		' 755224',
		'+55224',
		'7.5e22',
		'７５５２２４'
	])('of another form is none: %j', (typed) => {
		expect(verify(typed, null, 0)).toBeNull();
	});

	test('by chance is good three times in a million', () => {
		const good = new Set([-1, 0, 1].map((by) => codeOf(present + by)));
		fc.assert(
			fc.property(fc.nat(999_999), (number) => {
				const code = String(number).padStart(6, '0');
				expect(verify(code) !== null).toBe(good.has(code));
			})
		);
	});
});

describe('a secret', () => {
	test('is 20 random bytes', () => {
		expect(generateTotpSecret()).toHaveLength(20);
		expect(generateTotpSecret()).not.toEqual(generateTotpSecret());
	});

	test.each([
		// RFC 4648 §10, without the padding.
		['', ''],
		['f', 'MY'],
		['fo', 'MZXQ'],
		['foo', 'MZXW6'],
		['foob', 'MZXW6YQ'],
		['fooba', 'MZXW6YTB'],
		['foobar', 'MZXW6YTBOI']
	])('is written in base32: %j', (text, written) => {
		expect(toBase32(utf8Encode(text))).toBe(written);
	});

	test('has as many letters as its bits need, and others for other bytes', () => {
		const bytes = fc.uint8Array({ maxLength: 40 });
		fc.assert(
			fc.property(bytes, bytes, (a, b) => {
				expect(toBase32(a)).toHaveLength(Math.ceil((a.length * 8) / 5));
				expect(toBase32(a) === toBase32(b)).toBe(a.length === b.length && a.join() === b.join());
			})
		);
	});

	test('is given to an app by an address', () => {
		const names = { issuer: 'Tacet notes.example', account: 'ada@home' };
		expect(totpUri(rfcSecret, names)).toBe(
			'otpauth://totp/Tacet%20notes.example:ada%40home' +
				'?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tacet%20notes.example' +
				'&algorithm=SHA1&digits=6&period=30'
		);
	});

	test('whose names could be read in two ways has no address', () => {
		for (const names of [
			{ issuer: 'a:b', account: 'c' },
			{ issuer: 'a', account: 'b:c' }
		]) {
			expect(() => totpUri(rfcSecret, names)).toThrow(RangeError);
		}
	});
});
