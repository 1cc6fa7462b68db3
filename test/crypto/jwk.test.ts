import { describe, expect, test } from 'vitest';
import { jwkThumbprint, parseP256Jwk } from '../../crypto/jwk.ts';
import { toBase64Url } from '../../protocol/bytes.ts';
import { valueOf } from './vectors.ts';

/** The device key and its thumbprint in RFC 9449 §4.1 and §6.1. */
const published = {
	kty: 'EC',
	x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
	y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
	crv: 'P-256'
};

describe('a device key', () => {
	test('has the thumbprint that RFC 9449 publishes', () => {
		const jwk = valueOf(parseP256Jwk(published));
		expect(toBase64Url(jwkThumbprint(jwk))).toBe('0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I');
	});

	test('has one thumbprint, whatever the order of its members', () => {
		const { kty, x, y, crv } = published;
		const other = valueOf(parseP256Jwk({ y, crv, x, kty }));
		expect(jwkThumbprint(other)).toEqual(jwkThumbprint(valueOf(parseP256Jwk(published))));
	});

	test('of another kind, with a private or an unknown member, or a coordinate cut, is malformed', () => {
		const others: unknown[] = [
			null,
			'EC',
			[],
			{},
			{ ...published, kty: 'RSA' },
			{ ...published, crv: 'P-384' },
			{ ...published, d: published.x },
			{ ...published, alg: 'ES256' },
			{ ...published, x: published.x.slice(1) },
			{ ...published, x: `${published.x}=` },
			{ ...published, y: 7 },
			{ kty: 'EC', crv: 'P-256', x: published.x }
		];
		for (const other of others) {
			expect(parseP256Jwk(other)).toEqual({ ok: false, error: 'malformed' });
		}
	});
});
