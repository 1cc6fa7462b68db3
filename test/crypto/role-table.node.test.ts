import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { markdownOf, roleTable } from './role-table.ts';

test('docs/protocol.md shows the table of roles that the tests are made from', () => {
	const text = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
	const [, shown] = /<!-- roles: .* -->\n\n([^]*?)\n\n<!-- end of roles -->/.exec(text) ?? [];
	expect(shown).toBe(markdownOf(roleTable));
});
