import { expect, test } from 'vitest';
import { codeOfClose, isWireErrorCode, wireErrors, type Retry } from '../../protocol/errors.ts';

const rows = Object.entries(wireErrors);

test('every close code is of the range for applications, and means one thing', () => {
	const codes = rows.flatMap(([, { closeCode }]) => (closeCode === null ? [] : [closeCode]));
	expect(new Set(codes).size).toBe(codes.length);
	for (const code of codes) {
		expect(code).toBeGreaterThanOrEqual(4_000);
		expect(code).toBeLessThan(5_000);
	}
});

test('a close code is its HTTP status, and gives back its error', () => {
	for (const [code, { closeCode, httpStatus }] of rows) {
		if (closeCode === null) continue;
		expect(closeCode).toBe(4_000 + httpStatus);
		expect(codeOfClose(closeCode)).toBe(code);
	}
});

test('closes that say nothing of ours have no error', () => {
	for (const closeCode of [1000, 1001, 1006, 1008, 1011, 4000, 4403, 4999, 0, Number.NaN]) {
		expect(codeOfClose(closeCode)).toBeNull();
	}
});

test('only the codes of the table are codes', () => {
	for (const [code] of rows) expect(isWireErrorCode(code)).toBe(true);
	for (const other of ['', 'toString', '__proto__', 'Malformed', null, undefined, 404, {}]) {
		expect(isWireErrorCode(other)).toBe(false);
	}
});

test('what may be tried again is what can turn out otherwise', () => {
	const retries = new Map<Retry, string[]>();
	for (const [code, { retry }] of rows) retries.set(retry, [...(retries.get(retry) ?? []), code]);
	expect(Object.fromEntries(retries)).toEqual({
		never: [
			...[
				'malformed',
				'invalid_dpop_proof',
				'login_failed',
				'factor_wrong',
				'forbidden',
				'not_found'
			],
			...['method_not_allowed'],
			...['handle_taken', 'already_claimed', 'link_ended', 'link_frozen'],
			...['sign_up_closed', 'invite_needed', 'invite_ended'],
			...['too_large', 'tls_too_old', 'over_quota']
		],
		at_once: ['use_dpop_nonce'],
		after_login: ['unauthenticated'],
		after_step_up: ['step_up_needed'],
		after_refetch: ['stale_count', 'stale_epoch', 'unknown_head', 'admin_conflict'],
		after_upgrade: ['version_too_old'],
		backoff: ['rate_limited', 'unavailable', 'internal']
	});
});

test('statuses are those of refusals', () => {
	for (const [, { httpStatus }] of rows) {
		expect(httpStatus).toBeGreaterThanOrEqual(400);
		expect(httpStatus).toBeLessThan(600);
	}
});
