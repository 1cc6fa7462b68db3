import { describe, expect, test } from 'vitest';
import { accessTokenHash, describeRequest } from '../../crypto/proven-request.ts';
import { utf8Encode } from '../../protocol/bytes.ts';

const describeText = (url: string, body = '', method = 'GET') =>
	describeRequest({ method, url, body: utf8Encode(body) });

describe('a request, as a proof says it', () => {
	test('is its address without query and fragment, and a hash of query and body', async () => {
		// By openssl, of `after=7`, a zero byte and `{}`.
		expect(await describeText('https://a.example/v1/x?after=7#top', '{}', 'POST')).toEqual({
			htm: 'POST',
			htu: 'https://a.example/v1/x',
			bh: 'Uvw9Q7tF9cKW9KunITmkZS_5F3bxGVeyLsEr3fpZKgs'
		});
	});

	test('with nothing in it has the hash of one zero byte', async () => {
		for (const url of ['https://a.example', 'https://a.example?', 'https://a.example#?x']) {
			const { htu, bh } = await describeText(url);
			expect([htu, bh]).toEqual([
				'https://a.example',
				'bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0'
			]);
		}
	});

	test('is another wherever query or body is, and whichever of them it is', async () => {
		const requests = await Promise.all([
			describeText('https://a.example/'),
			describeText('https://a.example/?x'),
			describeText('https://a.example/', 'x'),
			describeText('https://a.example/', '\0x'),
			describeText('https://a.example/?x', 'x'),
			describeText('https://a.example/?x?x'),
			describeText('https://a.example/?X')
		]);
		expect(new Set(requests.map(({ bh }) => bh)).size).toBe(requests.length);
		expect(new Set(requests.map(({ htu }) => htu)).size).toBe(1);
	});
});

test('the hash of a token is that of RFC 9449 §7.1', () => {
	const token = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU';
	expect(accessTokenHash(token)).toBe('fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo');
});
