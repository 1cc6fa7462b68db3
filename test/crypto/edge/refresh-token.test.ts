import { describe, expect, test } from 'vitest';
import {
	createRefreshSecret,
	encodeRefreshToken,
	joinRefreshToken,
	parseRefreshToken,
	rotateRefreshSecret,
	splitRefreshToken
} from '../../../crypto/edge/refresh-token.ts';
import { sha256 } from '../../../crypto/hash.ts';
import { valueOf } from '../vectors.ts';

const accountObject = 'ab'.repeat(32);

describe('a refresh token', () => {
	test('is read back as it was made', () => {
		const secret = createRefreshSecret();
		const parsed = valueOf(parseRefreshToken(encodeRefreshToken(accountObject, secret)));
		expect(parsed.accountObject).toBe(accountObject);
		expect(parsed.secret).toEqual(secret);
		expect(secret.hashes.secret).toEqual(sha256(secret.bytes));
	});

	test('keeps its family when it is rotated, and changes otherwise', () => {
		const first = createRefreshSecret();
		const next = rotateRefreshSecret(first);
		expect(next.hashes.family).toEqual(first.hashes.family);
		expect(next.hashes.secret).not.toEqual(first.hashes.secret);
		expect(createRefreshSecret().hashes.family).not.toEqual(first.hashes.family);
	});

	test('comes apart into two halves, of which none is a token, and together again', () => {
		const token = encodeRefreshToken(accountObject, createRefreshSecret());
		const halves = splitRefreshToken(token);
		expect(halves?.kept).toMatch(/^tacet_rt_[0-9a-f]{64}\.[\w-]{22}$/);
		expect(halves?.secret).toMatch(/^[\w-]{43}$/);
		expect(joinRefreshToken(halves!.kept, halves!.secret)).toBe(token);
		for (const half of Object.values(halves!)) {
			expect([parseRefreshToken(half).ok, splitRefreshToken(half)]).toEqual([false, null]);
		}
	});

	test('of another form is refused', () => {
		const token = encodeRefreshToken(accountObject, createRefreshSecret());
		const others = ['', token.slice(0, -1), `${token}A`, `${token}=`, token.slice(9)];
		for (const other of [
			...others,
			token.replace('ab', 'AB'),
			token.replace('.', ''),
			`${token}.AA`
		]) {
			expect(parseRefreshToken(other).ok, other).toBe(false);
		}
	});
});
