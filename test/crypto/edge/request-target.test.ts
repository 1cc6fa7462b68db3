import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normaliseTarget } from '../../../crypto/edge/request-target.ts';

describe('two spellings of one target are one', () => {
	test.each([
		// RFC 3986 §6.2.2.1, case.
		['HTTP://www.EXAMPLE.com/', 'http://www.example.com/'],
		['https://a.example/%3a', 'https://a.example/%3A'],
		// §6.2.2.2, letters that need no escape.
		['https://a.example/%7Euser/%41', 'https://a.example/~user/A'],
		// §6.2.2.3, segments of dots.
		['https://a.example/v1/./account', 'https://a.example/v1/account'],
		['https://a.example/v1/x/../account', 'https://a.example/v1/account'],
		['https://a.example/v1/x/%2e%2E/account', 'https://a.example/v1/account'],
		['https://a.example/v1/account/..', 'https://a.example/v1/'],
		['https://a.example/../../v1/.', 'https://a.example/v1/'],
		// §6.2.3, the scheme's port and the empty path.
		['https://a.example', 'https://a.example/'],
		['https://a.example:/', 'https://a.example/'],
		['https://a.example:443/v1', 'https://a.example/v1'],
		['http://a.example:80', 'http://a.example/'],
		// Dots and all of RFC 3986 §5.2.4's example.
		['http://a/a/b/c/./../../g', 'http://a/a/g'],
		['http://[2001:DB8::1]:8787/v1', 'http://[2001:db8::1]:8787/v1']
	])('%s', (spelling, normal) => {
		expect(normaliseTarget(spelling)).toBe(normal);
		expect(normaliseTarget(normal)).toBe(normal);
	});
});

test('targets that are not the same stay apart', () => {
	const apart = [
		'https://a.example/v1',
		'https://a.example/v1/',
		'https://a.example/V1',
		'https://a.example//v1',
		'https://a.example:8443/v1',
		'https://a.example:80/v1',
		'http://a.example/v1',
		'http://a.example:443/v1',
		'https://b.example/v1',
		'https://a.example/v1%2Fx',
		'https://a.example/v1/x'
	];
	expect(new Set(apart.map(normaliseTarget)).size).toBe(apart.length);
});

test.each([
	'',
	'/v1/account',
	'//a.example/v1',
	'wss://a.example/v1',
	'https:/a.example/v1',
	'https:///v1',
	'https://user@a.example/v1',
	'https://a.example@b.example/v1',
	'https://a.example/v1?x',
	'https://a.example/v1#x',
	'https://a.example?x',
	'https://a.example:x/v1',
	'https://a.example/%',
	'https://a.example/%2',
	'https://a.example/%zz',
	'https://a.example\\v1',
	'https://a.example/v1\\x',
	'https://a.example/\tv1',
	' https://a.example/v1',
	'https://a.example/v1\n',
	'https://ä.example/v1',
	'https://a.example/ä',
	'https://a%2eexample/v1'
])('%j is no target', (text) => {
	expect(normaliseTarget(text)).toBeNull();
});

test('what a platform makes of an address is normal already, but for letters that need no escape', () => {
	const path = fc
		.array(fc.constantFrom('a', 'v1', 'B', '.', '..', '%2F', '%C3%A4', 'x~y', '*'), {
			maxLength: 6
		})
		.map((parts) => parts.join('/'));
	fc.assert(
		fc.property(
			path,
			fc.constantFrom('http', 'https'),
			fc.integer({ min: 0, max: 9999 }),
			(...of) => {
				const [tail, scheme, port] = of;
				const { origin, pathname } = new URL(`${scheme}://A.example:${port}/${tail}`);
				expect(normaliseTarget(`${scheme}://A.example:${port}/${tail}`)).toBe(origin + pathname);
			}
		)
	);
});

test('takes time by length alone, whatever it is fed', () => {
	for (const part of ['/', '/.', '/..', '/a', '%41', '/%2e%2e']) {
		expect(normaliseTarget(`https://a.example/${part.repeat(300)}?`)).toBeNull();
	}
});
