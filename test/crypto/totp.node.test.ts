// Our one-time passwords beside those of others: a library, and Debian's oathtool where it is there.
import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { HOTP, Secret, TOTP, URI } from 'otpauth';
import { describe, expect, test } from 'vitest';
import { generateTotpSecret, hotpCode, toBase32, totpUri, verifyTotp } from '../../crypto/totp.ts';

const secrets = fc.uint8Array({ minLength: 20, maxLength: 20 });
const asSecret = (bytes: Uint8Array) => new Secret({ buffer: bytes.slice().buffer });

describe('beside otpauth', () => {
	test('every counter has the same code', () => {
		fc.assert(
			fc.property(secrets, fc.nat({ max: 2 ** 40 }), (secret, counter) => {
				expect(hotpCode(secret, counter)).toBe(
					HOTP.generate({ secret: asSecret(secret), counter })
				);
			})
		);
	});

	test('every moment has the same code, and codes around it are taken alike', () => {
		const moments = fc.integer({ min: 60_000, max: 4_102_444_800_000 });
		const awayMs = fc.integer({ min: -70_000, max: 70_000 });
		fc.assert(
			fc.property(secrets, moments, awayMs, (bytes, nowMs, byMs) => {
				const secret = asSecret(bytes);
				const code = TOTP.generate({ secret, timestamp: Math.max(0, nowMs + byMs) });
				const theirs = TOTP.validate({ secret, token: code, timestamp: nowMs, window: 1 });
				const ours = verifyTotp(bytes, { code, nowMs, lastStep: null });
				const away = ours === null ? null : ours - Math.floor(nowMs / 30_000);
				expect(away).toBe(theirs);
			})
		);
	});

	test('our address is read as it is meant', () => {
		const secret = generateTotpSecret();
		const uri = totpUri(secret, { issuer: 'Tacet notes.example', account: 'ada@home' });
		const read = URI.parse(uri);
		expect(read).toBeInstanceOf(TOTP);
		expect(read).toMatchObject({
			...{ issuer: 'Tacet notes.example', label: 'ada@home' },
			...{ algorithm: 'SHA1', digits: 6, period: 30 }
		});
		expect(new Uint8Array(read.secret.bytes)).toEqual(secret);
	});
});

test('oathtool makes the same codes from the same base32', ({ skip }) => {
	if (spawnSync('oathtool', ['--version']).error) skip('oathtool is not installed');
	for (const seconds of [59, 1_111_111_109, 1_795_000_000, 20_000_000_000]) {
		const secret = generateTotpSecret();
		const now = new Date(seconds * 1_000).toISOString().replace('T', ' ').slice(0, 19);
		const args = ['--totp', '--base32', `--now=${now} UTC`, toBase32(secret)];
		const printed = execFileSync('oathtool', args, { encoding: 'utf8' }).trim();
		expect(hotpCode(secret, Math.floor(seconds / 30))).toBe(printed);
	}
});
