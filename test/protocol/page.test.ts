import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeCbor, type Cbor } from '../../protocol/cbor.ts';
import { maxPagePlaintextBytes } from '../../protocol/limits.ts';
import {
	encodeChange,
	encodePage,
	joinChanges,
	joinRestated,
	joinedPageBytes,
	parseChangeBytes,
	parsePage,
	type PageContent
} from '../../protocol/page.ts';
import {
	edited,
	expectNoThrow,
	expectStrict,
	item,
	sampleChanges,
	someChanges
} from './samples.ts';

const malformed = { ok: false, error: 'malformed' };

const encodeContent = ({ changes, restatedMs }: PageContent) => encodePage(changes, restatedMs);

test('a page is read back as it was written', () => {
	const read = parsePage(encodePage(sampleChanges));
	expect(read).toEqual({ ok: true, value: { changes: sampleChanges, restatedMs: null } });
	const someTime = fc.option(fc.maxSafeNat(), { nil: null });
	fc.assert(
		fc.property(someChanges, someTime, (changes, restatedMs) => {
			const bytes = encodePage(changes, restatedMs);
			const parsed = parsePage(bytes);
			expect(parsed).toEqual({ ok: true, value: { changes, restatedMs } });
			expect(parsed.ok && encodeContent(parsed.value)).toEqual(bytes);
		})
	);
});

test('changes encoded one by one and joined make the same page', () => {
	const lengths = [1, 2, 23, 24, 255, 256, 70_000];
	for (const length of lengths) {
		const changes = Array.from({ length }, () => sampleChanges[3]!);
		const encoded = changes.map(encodeChange);
		const joined = joinChanges(encoded);
		expect(joined).toEqual(encodePage(changes));
		const total = encoded.reduce((sum, change) => sum + change.length, 0);
		expect(joinedPageBytes(length, total)).toBe(joined.length);
		expect(joinRestated(encoded, length)).toEqual(encodePage(changes, length));
	}
	for (const change of sampleChanges) {
		expect(parseChangeBytes(encodeChange(change))).toEqual({ ok: true, value: change });
		expectStrict(parseChangeBytes, encodeChange, encodeChange(change));
	}
});

test('a page has one encoding, whatever happens to its bytes', () => {
	expectStrict(parsePage, encodeContent, encodePage(sampleChanges));
	expectStrict(parsePage, encodeContent, encodePage(sampleChanges.slice(0, 2), 1_764_000_000_000));
});

test('a page is read or refused, never thrown at', () => {
	expectNoThrow(parsePage);
	expectNoThrow(parseChangeBytes);
});

const id = new Uint8Array(16);
const hash = new Uint8Array(32);
test.each<[string, Cbor]>([
	['no change', []],
	['an unknown kind', [[id, 6, null]]],
	['a name of no kind', [[id, 5, null]]],
	['a name of an unknown kind', [[id, 5, [3, 'Home']]]],
	['a name that is bytes', [[id, 5, [0, id]]]],
	['a name with more in it', [[id, 5, [0, 'Home', null]]]],
	['a name that is too long', [[id, 5, [0, 'a'.repeat(401)]]]],
	['an item of 15 bytes', [[new Uint8Array(15), 3]]],
	['a tombstone with something in it', [[id, 3, null]]],
	['an update that is text', [[id, 2, 'update']]],
	['a seed without a path', [[id, 1, [1, 'title', 'body']]]],
	['a seed made before 1970', [[id, 1, [-1, 'title', 'body', null]]]],
	['a seed whose body is bytes', [[id, 1, [1, 'title', id, null]]]],
	['a seed whose path is a number', [[id, 1, [1, 'title', 'body', 1]]]],
	['a keyring entry of unknown kind', [[id, 4, [99, id, 1, hash]]]],
	['a kit asked for places out of order', [[id, 4, [11, id, 1, [3, 2, 1], hash, null]]]],
	['a kit asked for a thirteenth word', [[id, 4, [11, id, 1, [1, 2, 13], hash, null]]]],
	['an account log before its first write', [[id, 4, [10, id, 0, hash]]]],
	['a keyring entry about nothing', [[id, 4, [7]]]],
	['a head at position 0', [[id, 4, [2, id, 0, hash]]]],
	['a genesis hash of 31 bytes', [[id, 4, [1, id, new Uint8Array(31), 1]]]],
	['one good change and one bad', [[id, 3], [id]]],
	['a change that is no array', [7]]
])('a page with %s is malformed as a whole', (_, changes) => {
	expect(parsePage(encodeCbor([1, changes]))).toEqual(malformed);
});

test('a page of another version or shape is malformed', () => {
	const good = encodePage(sampleChanges);
	expect(parsePage(edited(good, (value) => (value[0] = 2)))).toEqual(malformed);
	for (const restated of [null, -1, 'now', new Uint8Array(8)]) {
		expect(parsePage(edited(good, (value) => value.push(restated)))).toEqual(malformed);
	}
	expect(parsePage(edited(good, (value) => value.push(1, 2)))).toEqual(malformed);
	expect(parsePage(encodeCbor([1]))).toEqual(malformed);
});

test('a page fills its limit, and not one byte more', () => {
	const pageOf = (length: number) =>
		encodePage([{ type: 'update', item, update: new Uint8Array(length) }]);
	const around = pageOf(maxPagePlaintextBytes).length - maxPagePlaintextBytes;
	expect(parsePage(pageOf(maxPagePlaintextBytes - around)).ok).toBe(true);
	expect(parsePage(pageOf(maxPagePlaintextBytes - around + 1))).toEqual(malformed);
});
