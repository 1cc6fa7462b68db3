import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256, sha256Async } from '../../crypto/hash.ts';
import { toHex, utf8Encode } from '../../protocol/bytes.ts';

test('SHA-256 gives the digests of FIPS 180-4', () => {
	expect(toHex(sha256(new Uint8Array()))).toBe(
		'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
	);
	expect(toHex(sha256(utf8Encode('abc')))).toBe(
		'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
	);
	expect(
		toHex(sha256(utf8Encode('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')))
	).toBe('248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1');
});

test('both forms of SHA-256 agree', async () => {
	await fc.assert(
		fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
			expect(await sha256Async(bytes)).toEqual(sha256(bytes));
		})
	);
});
