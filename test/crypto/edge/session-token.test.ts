import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	createRefreshSecret,
	encodeRefreshToken,
	parseRefreshToken
} from '../../../crypto/edge/refresh-token.ts';
import {
	mintAccessToken,
	verifyAccessToken,
	type AccessClaims,
	type TokenKey
} from '../../../crypto/edge/session-token.ts';
import { hmacSha256 } from '../../../crypto/mac.ts';
import { fromBase64Url, toBase64Url } from '../../../protocol/bytes.ts';
import { decodeCbor, encodeCbor, type Cbor } from '../../../protocol/cbor.ts';
import {
	idFromBytes,
	type AccountId,
	type DeviceId,
	type SessionId
} from '../../../protocol/ids.ts';
import { sessionTokenInput } from '../../../protocol/labels.ts';
import { valueOf } from '../vectors.ts';

const key: TokenKey = { id: 7, secret: new Uint8Array(32).fill(1) };
const invalid = { ok: false, error: 'token_invalid' };
const nowMs = 1_800_000_000_000;
const sixteen = (fill: number) => new Uint8Array(16).fill(fill);
const claims: AccessClaims = {
	account: idFromBytes<AccountId>(sixteen(1)),
	accountObject: 'ab'.repeat(32),
	device: idFromBytes<DeviceId>(sixteen(2)),
	session: idFromBytes<SessionId>(sixteen(3)),
	expiresAtMs: nowMs + 900_000,
	jkt: new Uint8Array(32).fill(4)
};

describe('an access token', () => {
	test('gives back what it was minted with, until it expires', () => {
		const token = mintAccessToken(key, claims);
		expect(token).toMatch(/^tacet_at_[\w-]+\.[\w-]{43}$/);
		expect(verifyAccessToken([key], { token, nowMs })).toEqual({ ok: true, value: claims });
		const lastMs = claims.expiresAtMs - 1;
		expect(verifyAccessToken([key], { token, nowMs: lastMs }).ok).toBe(true);
		expect(verifyAccessToken([key], { token, nowMs: claims.expiresAtMs })).toEqual({
			ok: false,
			error: 'token_expired'
		});
	});

	test('is refused once any character changed', () => {
		const token = mintAccessToken(key, claims);
		for (let index = 0; index < token.length; index++) {
			const other = token[index] === 'A' ? 'B' : 'A';
			const changed = token.slice(0, index) + other + token.slice(index + 1);
			expect(verifyAccessToken([key], { token: changed, nowMs })).toEqual(invalid);
			expect(verifyAccessToken([key], { token: token.slice(0, index), nowMs })).toEqual(invalid);
		}
	});

	test('is accepted under each of the accepted keys, and under no other', () => {
		const next: TokenKey = { id: 8, secret: new Uint8Array(32).fill(2) };
		const token = mintAccessToken(key, claims);
		expect(verifyAccessToken([next, key], { token, nowMs }).ok).toBe(true);
		expect(verifyAccessToken([next], { token, nowMs })).toEqual(invalid);
		expect(verifyAccessToken([{ ...next, id: 7 }], { token, nowMs })).toEqual(invalid);
		expect(verifyAccessToken([], { token, nowMs })).toEqual(invalid);
	});

	test('of another version or shape is refused even with a good MAC', () => {
		const body = valueOf(fromBase64Url(mintAccessToken(key, claims).slice(9).split('.')[0] ?? ''));
		const fields = valueOf(decodeCbor(body)) as Cbor[];
		const withMac = (other: readonly Cbor[]) => {
			const bytes = encodeCbor(other);
			const mac = hmacSha256(key.secret, sessionTokenInput(bytes));
			return `tacet_at_${toBase64Url(bytes)}.${toBase64Url(mac)}`;
		};
		expect(verifyAccessToken([key], { token: withMac(fields), nowMs }).ok).toBe(true);
		const others = [
			fields.with(0, 2),
			fields.with(2, sixteen(1).subarray(1)),
			fields.with(3, null),
			fields.with(6, -1),
			fields.with(7, new Uint8Array(31)),
			[...fields, null],
			fields.slice(0, 7)
		];
		for (const other of others) {
			expect(verifyAccessToken([key], { token: withMac(other), nowMs })).toEqual(invalid);
		}
	});

	test('is not mistaken for a refresh token, nor the other way round', () => {
		const refresh = encodeRefreshToken(claims.accountObject, createRefreshSecret());
		expect(verifyAccessToken([key], { token: refresh, nowMs })).toEqual(invalid);
		expect(parseRefreshToken(mintAccessToken(key, claims)).ok).toBe(false);
	});

	test('that is no token at all is refused, and nothing throws', () => {
		fc.assert(
			fc.property(fc.string(), (text) => {
				expect(verifyAccessToken([key], { token: text, nowMs })).toEqual(invalid);
				expect(verifyAccessToken([key], { token: `tacet_at_${text}`, nowMs })).toEqual(invalid);
			})
		);
		const huge = `tacet_at_${'A'.repeat(1_000_000)}.AAAA`;
		expect(verifyAccessToken([key], { token: huge, nowMs })).toEqual(invalid);
	});
});
