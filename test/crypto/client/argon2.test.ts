import { argon2id } from 'hash-wasm';
import { describe, expect, test } from 'vitest';
import { argon2Parameters, stretchPassword } from '../../../crypto/client/argon2.ts';
import { toHex } from '../../../protocol/bytes.ts';
import { hex, isWorkerd } from '../vectors.ts';

const why = 'workerd compiles no Wasm from bytes, and no password is ever stretched there';

describe('Argon2id', () => {
	test('agrees with an implementation that gives the tag of RFC 9106 §5.3', async ({ skip }) => {
		skip(isWorkerd, why);
		// hash-wasm takes no associated data, which RFC 9106 §5.3 has: a second implementation gives
		// the published tag with it, and agrees with hash-wasm without it.
		const { argon2id: secondOpinion } = await import('@noble/hashes/argon2.js');
		const password = hex('01'.repeat(32));
		const salt = hex('02'.repeat(16));
		const secret = hex('03'.repeat(8));
		const tag = await argon2id({
			password,
			salt,
			secret,
			memorySize: 32,
			iterations: 3,
			parallelism: 4,
			hashLength: 32,
			outputType: 'hex'
		});
		const parameters = { m: 32, t: 3, p: 4, dkLen: 32, key: secret };
		expect(tag).toBe(toHex(secondOpinion(password, salt, parameters)));
		const personalization = hex('04'.repeat(12));
		expect(toHex(secondOpinion(password, salt, { ...parameters, personalization }))).toBe(
			'0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659'
		);
	});

	test('stretches with 64 MiB, three passes and four lanes, whatever anybody else says', async ({
		skip
	}) => {
		skip(isWorkerd, why);
		expect(argon2Parameters).toEqual({ memoryKib: 65_536, iterations: 3, parallelism: 4 });
		const salt = new Uint8Array(16).fill(1);
		const stretched = await stretchPassword('correct horse battery staple', salt);
		const expected = await argon2id({
			password: 'correct horse battery staple',
			salt,
			memorySize: 65_536,
			iterations: 3,
			parallelism: 4,
			hashLength: 32,
			outputType: 'binary'
		});
		expect(stretched).toEqual(expected);
		expect(await stretchPassword('correct horse battery staple', salt.fill(2))).not.toEqual(
			stretched
		);
	});

	test('refuses a salt of another length', async () => {
		await expect(stretchPassword('x', new Uint8Array(15))).rejects.toThrow(RangeError);
	});
});
