import { describe, expect, test } from 'vitest';
import { parseHeadersFile } from '../../scripts/headers-file.mjs';

const matches = (pattern: string, path: string) => {
	const [rule] = parseHeadersFile(`${pattern}\n  X-A: 1`);
	return new RegExp(rule!.pattern).test(path);
};

describe('a _headers file', () => {
	test('gives each path its headers, in order, without comments', () => {
		const rules = parseHeadersFile('# all\n/*\n  X-A: one: two\n\n/a\n\t! X-A\n\tX-B: 3\n');
		expect(rules).toEqual([
			{ pattern: '^/.*$', set: [['x-a', 'one: two']], unset: [] },
			{ pattern: '^/a$', set: [['x-b', '3']], unset: ['x-a'] }
		]);
	});

	test('takes * for anything and :name for one segment, and dots as dots', () => {
		expect(matches('/_app/*', '/_app/a/b.js')).toBe(true);
		expect(matches('/_app/*', '/x/_app/a')).toBe(false);
		expect(matches('/s/:id', '/s/abc')).toBe(true);
		expect(matches('/s/:id', '/s/abc/d')).toBe(false);
		expect(matches('/a.js', '/abjs')).toBe(false);
	});

	test('is refused when a line is neither path nor header', () => {
		expect(() => parseHeadersFile('  X-A: 1')).toThrow('line 1');
		expect(() => parseHeadersFile('/a\n  nothing')).toThrow('line 2');
		expect(() => parseHeadersFile('/a\n  X-A:')).toThrow('line 2');
	});
});
