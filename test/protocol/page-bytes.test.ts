// Pages made of changes that were encoded one by one, and text that a careless decoder would alter.
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../../protocol/bytes.ts';
import { decodeCbor, encodeCbor } from '../../protocol/cbor.ts';
import type { ItemId } from '../../protocol/ids.ts';
import {
	encodeChange,
	encodePage,
	joinChanges,
	joinedPageBytes,
	parseChangeBytes,
	parsePage,
	type Change
} from '../../protocol/page.ts';

const item = '000102030405060708090a0b0c0d0e0f' as ItemId;
const seedOf = (body: string): Change => ({
	type: 'seed',
	item,
	seed: { createdAtMs: 1_700_000_000_000, title: 'a', body, path: null }
});

describe('a page of changes that were encoded before', () => {
	it.each([1, 23, 24, 255, 256, 70_000])('has the same bytes, for %i changes', (count) => {
		const changes = Array.from({ length: count }, (): Change => ({ type: 'tombstone', item }));
		const encoded = changes.map(encodeChange);
		const page = joinChanges(encoded);
		expect(equalBytes(page, encodePage(changes))).toBe(true);
		const bytes = encoded.reduce((total, change) => total + change.length, 0);
		expect(joinedPageBytes(count, bytes)).toBe(page.length);
	});

	it('gives each change back', () => {
		const change = seedOf('text');
		expect(parseChangeBytes(encodeChange(change))).toEqual({ ok: true, value: change });
		expect(parseChangeBytes(encodePage([change])).ok).toBe(false);
	});
});

describe('text', () => {
	const texts = [
		'\ufeff',
		'\ufeffa',
		`\ufeff${'é'.repeat(40_000)}`,
		`\ufeff\ufeff${'a'.repeat(300)}`
	];
	it.each([...texts, 'a\ufeff', 'a\0b', '\r\r\n', '👩‍👩‍👧'])(
		'keeps byte order marks and control characters (%#)',
		(text) => {
			expect(decodeCbor(encodeCbor(text))).toEqual({ ok: true, value: text });
			const value = { changes: [seedOf(text)], restatedMs: null };
			expect(parsePage(encodePage([seedOf(text)]))).toEqual({ ok: true, value });
		}
	);

	it('that is no UTF-8 is refused, with a mark before it or not', () => {
		expect(decodeCbor(Uint8Array.of(0x61, 0xff)).ok).toBe(false);
		expect(decodeCbor(Uint8Array.of(0x64, 0xef, 0xbb, 0xbf, 0xff)).ok).toBe(false);
		expect(decodeCbor(Uint8Array.of(0x63, 0xef, 0xbb)).ok).toBe(false);
	});
});
