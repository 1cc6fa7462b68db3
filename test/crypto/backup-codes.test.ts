import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	backupCodeHash,
	formatBackupCode,
	generateBackupCodes,
	parseBackupCode
} from '../../crypto/backup-codes.ts';
import { idFromBytes, type AccountId } from '../../protocol/ids.ts';
import { hex, scripted, valueOf } from './vectors.ts';

const anyCode = fc.uint8Array({ minLength: 10, maxLength: 10 });
const account = (first: number) => idFromBytes<AccountId>(new Uint8Array(16).fill(first));

describe('backup codes', () => {
	test('are ten of 80 random bits, each asked for by itself', () => {
		const parts = Array.from({ length: 10 }, (_, index) => new Uint8Array(10).fill(index));
		expect(generateBackupCodes(scripted(...parts))).toEqual(parts);
		expect(new Set(generateBackupCodes().map(formatBackupCode)).size).toBe(10);
	});

	test.each([
		['00000000000000000000', '0000-0000-0000-0000'],
		['00000000000000000001', '0000-0000-0000-0001'],
		['ffffffffffffffffffff', 'ZZZZ-ZZZZ-ZZZZ-ZZZZ'],
		// Five bits at a time, from the left: 0, 1, 2, … 15.
		['00443214c74254b635cf', '0123-4567-89AB-CDEF'],
		['84653a56d7c675be77df', 'GHJK-MNPQ-RSTV-WXYZ']
	])('are written in four groups of four: %s', (bytes, text) => {
		expect(formatBackupCode(hex(bytes))).toBe(text);
		expect(valueOf(parseBackupCode(text))).toEqual(hex(bytes));
	});

	test('come back as they were, and no two are written alike', () => {
		fc.assert(
			fc.property(anyCode, anyCode, (a, b) => {
				const text = formatBackupCode(a);
				expect(text).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
				expect(valueOf(parseBackupCode(text))).toEqual(a);
				expect(text === formatBackupCode(b)).toBe(a.join() === b.join());
			})
		);
	});

	test('use every character as often as any other, at every place', () => {
		const places = Array.from({ length: 16 }, () => new Map<string, number>());
		const rounds = 640;
		for (let round = 0; round < rounds; round++) {
			for (const code of generateBackupCodes()) {
				[...formatBackupCode(code).replaceAll('-', '')].forEach((character, place) => {
					const counts = places[place]!;
					counts.set(character, (counts.get(character) ?? 0) + 1);
				});
			}
		}
		const expected = (rounds * 10) / 32;
		for (const counts of places) {
			expect(counts.size).toBe(32);
			// χ² of 31 degrees of freedom: beyond 100 once in 10⁹ runs.
			const chiSquare = [...counts.values()]
				.map((count) => (count - expected) ** 2 / expected)
				.reduce((total, part) => total + part);
			expect(chiSquare).toBeLessThan(100);
		}
	});
});

describe('a typed code', () => {
	const code = hex('00443214c74254b635cf');

	test.each([
		'0123-4567-89AB-CDEF',
		'0123456789abcdef',
		' 0123 4567\t89ab\u00a0cdef\n',
		'oi23-4567-89ab-cdef',
		'OL23–4567—89AB‐CDEF',
		'0-1-2-3-4-5-6-7-8-9-a-b-c-d-e-f'
	])('%j is read', (typed) => {
		expect(valueOf(parseBackupCode(typed))).toEqual(code);
	});

	test.each([
		'',
		'0123-4567-89AB-CDE',
		'0123-4567-89AB-CDEFG',
		'U123-4567-89AB-CDEF',
		'0123_4567_89AB_CDEF',
		'0123-4567-89AB-CDE*',
		'٠123-4567-89AB-CDEF',
		'0123-4567-89AB-CDEſ',
		'0123-4567-89AB-CDß'
	])('%j is malformed', (typed) => {
		expect(parseBackupCode(typed)).toEqual({ ok: false, error: 'malformed' });
	});

	test('is never anything but ten bytes or malformed', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (typed) => {
				const parsed = parseBackupCode(typed);
				if (parsed.ok) expect(parsed.value).toHaveLength(10);
			})
		);
	});
});

test('what the edge keeps is of one account and one code', () => {
	const [code, other] = [hex('00443214c74254b635cf'), hex('00443214c74254b635ce')];
	const kept = [
		backupCodeHash(account(1), code),
		backupCodeHash(account(1), other),
		backupCodeHash(account(2), code)
	];
	expect(kept.map(({ length }) => length)).toEqual([32, 32, 32]);
	expect(new Set(kept.map((hash) => hash.join())).size).toBe(3);
	expect(backupCodeHash(account(1), code)).toEqual(kept[0]);
});
