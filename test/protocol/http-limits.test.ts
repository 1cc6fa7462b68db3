// How long what stands in a request may be, and which keys and refusals are none.
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { errorResponse, type RouteName } from '../../protocol/http.ts';
import { accepts, bytes, id, jwk, samples, type Shape } from './http-samples.ts';

test('byte strings have their exact lengths', () => {
	const lengths: [RouteName, string, number][] = [
		['registrationStart', 'registrationRequest', 32],
		['registrationFinish', 'registrationRecord', 192],
		['registrationFinish', 'signature', 64],
		['loginStart', 'ke1', 96],
		['loginFinish', 'login', 16],
		['loginFinish', 'ke3', 64],
		['inviteClaim', 'mac', 32],
		['linkRegister', 'registrationRequest', 32],
		['linkCreate', 'door', 32],
		['linkCreate', 'registrationRecord', 192],
		['linkStart', 'door', 32],
		['linkStart', 'ke1', 96],
		['linkStart', 'jkt', 32],
		['linkFinish', 'jkt', 32],
		['linkFinish', 'login', 16],
		['linkFinish', 'ke3', 64]
	];
	for (const [name, field, length] of lengths) {
		const { request } = samples[name];
		expect(accepts(name, 'request', { ...request, [field]: bytes(length) })).toBe(true);
		for (const other of [length - 1, length + 1]) {
			expect(accepts(name, 'request', { ...request, [field]: bytes(other) })).toBe(false);
		}
	}
});

test('lists and texts end at their limits', () => {
	const finish = samples.registrationFinish.request;
	const many = (length: number, of: unknown) => Array.from({ length }, () => of);
	const takes = (field: Shape) => accepts('registrationFinish', 'request', { ...finish, ...field });
	expect(takes({ keyslots: many(16, bytes(64)) })).toBe(true);
	expect(takes({ keyslots: many(17, bytes(64)) })).toBe(false);
	expect(takes({ keyslots: [] })).toBe(false);
	expect(takes({ keyslots: [bytes(512)] })).toBe(true);
	expect(takes({ keyslots: [bytes(513)] })).toBe(false);
	expect(takes({ keyslots: [bytes(63)] })).toBe(false);
	expect(takes({ handle: 'a'.repeat(512) })).toBe(true);
	expect(takes({ handle: 'a'.repeat(513) })).toBe(false);
	const refresh = (length: number) =>
		accepts('sessionRefresh', 'request', { refreshToken: 'a'.repeat(length) });
	expect([refresh(256), refresh(257)]).toEqual([true, false]);
});

test('records of sharing have room for their commitment, and end at their limits', () => {
	const bounds: [RouteName, string, number, number][] = [
		['inviteCreate', 'record', 72, 2_048],
		['inviteClaim', 'name', 72, 512],
		['linkCreate', 'record', 72, 2_048],
		['requestSend', 'sealed', 64, 4_096],
		['deviceLinkClaim', 'claim', 72, 1_024],
		['deviceLinkHandOver', 'sealed', 72, 1_024]
	];
	for (const [name, field, min, max] of bounds) {
		const { request } = samples[name];
		const takes = (length: number) =>
			accepts(name, 'request', { ...request, [field]: bytes(length) });
		expect([min - 1, min, max, max + 1].map(takes)).toEqual([false, true, true, false]);
	}
	const { request } = samples.linkCreate;
	const opens = (openings: number) => accepts('linkCreate', 'request', { ...request, openings });
	expect([0, 1, 1_000_000, 1_000_001].map(opens)).toEqual([false, true, true, false]);
});

test('a device key is a P-256 public key and nothing else', () => {
	const finish = samples.loginFinish.request;
	const takes = (other: Shape) =>
		accepts('loginFinish', 'request', {
			...finish,
			device: { id, jwk: other, binding: bytes(32) }
		});
	expect(takes(jwk)).toBe(true);
	for (const other of [{ kty: 'RSA' }, { crv: 'P-384' }, { d: bytes(32) }, { alg: 'none' }]) {
		expect(takes({ ...jwk, ...other })).toBe(false);
	}
	const polluted = JSON.parse(`{"__proto__":{"x":1},"kty":"EC"}`) as Shape;
	expect(takes({ ...polluted })).toBe(false);
});

test('a refusal carries a code and perhaps a time, and nothing else', () => {
	const takes = (error: unknown) => v.safeParse(errorResponse, { error }).success;
	expect(takes({ code: 'rate_limited', retryAfterSeconds: 3 })).toBe(true);
	expect(takes({ code: 'not_found' })).toBe(true);
	expect(takes({ code: 'not_found', detail: 'no such account' })).toBe(false);
	expect(takes({})).toBe(false);
});
