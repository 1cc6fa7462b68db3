// Where routes and sockets are, and what a socket says when it closes.
import { expect, test } from 'vitest';
import {
	nonceOfReason,
	parseSocketQuery,
	routes,
	spaceSocketPath,
	staleProofReason
} from '../../protocol/http.ts';
import { names } from './http-samples.ts';
import { space } from './samples.ts';

test('where a socket goes on from has one spelling', () => {
	for (const after of [null, 0, 7, Number.MAX_SAFE_INTEGER]) {
		const { search } = new URL(spaceSocketPath(space, after), 'https://tacet.test');
		expect(parseSocketQuery(search)).toEqual({ ok: true, value: after });
	}
	const strange = [
		...[
			'?',
			'?after',
			'?after=',
			'?after=-1',
			'?after=+1',
			'?after=01',
			'?after=1.0',
			'?after=1e3'
		],
		...['?after=0x10', '?after=%31', '?after=1&', '?after=1&after=2', '?after=1&x=1', '?x=1'],
		...['?After=1', '?after=null', '?after= 1', '?after=١', `?after=${'9'.repeat(16)}`, 'after=1'],
		...[`?after=${'1'.repeat(10_000)}`, '?after=9007199254740992', '?after=1\n']
	];
	for (const query of strange) {
		expect(parseSocketQuery(query)).toEqual({ ok: false, error: 'malformed' });
	}
});

test('a reason gives back the nonce that was put into it, and no other text is one', () => {
	expect(nonceOfReason(staleProofReason('a-Nonce_1'))).toBe('a-Nonce_1');
	const others = ['', 'unauthenticated', 'use_dpop_nonce', 'use_dpop_nonce ', 'use_dpop_nonce a b'];
	for (const reason of [...others, ' use_dpop_nonce a', 'use_dpop_nonce é', 'use_dpop_nonces a']) {
		expect(nonceOfReason(reason)).toBeNull();
	}
	expect(nonceOfReason(staleProofReason('a'.repeat(1_000)))).toBeNull();
});

test('every route has its own method and path', () => {
	const places = names.map((name) => `${routes[name].method} ${routes[name].path}`);
	expect(new Set(places).size).toBe(names.length);
	for (const name of names) expect(routes[name].path).toMatch(/^\/v1\/[a-z-]+(\/[a-z-]+)?$/);
	expect(spaceSocketPath(space)).toBe(`/v1/spaces/${space}/socket`);
	expect(spaceSocketPath(space, 0)).toBe(`/v1/spaces/${space}/socket?after=0`);
});
