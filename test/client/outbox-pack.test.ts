import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
	encodeOutboxRow,
	fitsPage,
	packCommits,
	parseOutboxRow,
	splitIntoRows
} from '../../client/outbox-pack.ts';
import type { LaidOutPage } from '../../crypto/client/seal-page.ts';
import { contentOf } from '../../crypto/padding.ts';
import {
	maxCommitPagesBytes,
	maxPagePlaintextBytes,
	maxPagesPerCommit,
	targetPageBytes
} from '../../protocol/limits.ts';
import { encodeChange, encodePage, parsePage, type Change } from '../../protocol/page.ts';
import { itemId, seedChange, seedOf } from './item-samples.ts';

const changeOf = (number: number, bodyBytes: number): Change =>
	seedChange(itemId(number), seedOf('', 'x'.repeat(bodyBytes)));

const plaintextOf = ({ room }: LaidOutPage): Uint8Array => {
	const unpadded = contentOf(room.subarray(24, -16));
	if (!unpadded.ok) throw new Error('a page is not padded');
	return unpadded.value;
};

const changesIn = (page: LaidOutPage): readonly Change[] => {
	const parsed = parsePage(plaintextOf(page));
	if (!parsed.ok) throw new Error('a page does not parse');
	return parsed.value.changes;
};

const rowsOf = (sizes: readonly (readonly number[])[]) => {
	let number = 0;
	return sizes.map((row, id) => ({
		id,
		changes: row.map((bytes) => encodeChange(changeOf(number++, bytes)))
	}));
};

describe('packing', () => {
	it('keeps every change in order, whole rows to a commit, within every limit', () => {
		const size = fc.oneof(
			{ weight: 6, arbitrary: fc.nat(2_000) },
			{ weight: 2, arbitrary: fc.integer({ min: 30_000, max: 70_000 }) },
			{ weight: 1, arbitrary: fc.integer({ min: 500_000, max: 1_000_000 }) }
		);
		const row = fc
			.array(size, { minLength: 1, maxLength: 4 })
			.filter((sizes) => sizes.reduce((total, bytes) => total + bytes, 0) < 1_500_000);
		fc.assert(
			fc.property(fc.array(row, { maxLength: 40 }), (sizes) => {
				const rows = rowsOf(sizes);
				const commits = [...packCommits(rows)];
				expect(commits.flatMap(({ outboxIds }) => outboxIds)).toEqual(rows.map(({ id }) => id));
				for (const { pages, outboxIds } of commits) {
					const carried = outboxIds.flatMap((id) => rows[id]?.changes ?? []);
					const packed = pages.flatMap(changesIn).map(encodeChange);
					expect(packed.map((change) => change.length)).toEqual(
						carried.map((change) => change.length)
					);
					expect(packed).toEqual(carried);
					expect(pages.length).toBeLessThanOrEqual(maxPagesPerCommit);
					const sealed = pages.map(({ room }) => room.length);
					expect(sealed.reduce((total, bytes) => total + bytes, 0)).toBeLessThanOrEqual(
						maxCommitPagesBytes
					);
					for (const page of pages) {
						const { length } = plaintextOf(page);
						expect(length).toBeLessThanOrEqual(maxPagePlaintextBytes);
						const alone = changesIn(page).length === 1;
						expect(alone || length <= targetPageBytes).toBe(true);
					}
				}
			}),
			{ numRuns: 60 }
		);
	});

	it('gives the bytes of encodePage', () => {
		const changes = [changeOf(1, 10), changeOf(2, 20)];
		const [commit] = packCommits([{ id: 1, changes: changes.map(encodeChange) }]);
		expect(commit?.pages.map(plaintextOf)).toEqual([encodePage(changes)]);
		expect(commit?.outboxIds).toEqual([1]);
	});

	it('fills pages: ten thousand notes of 1 KiB take about 165 of them', () => {
		const encoded = Array.from({ length: 10_000 }, (_, index) =>
			encodeChange(changeOf(index, 1_000))
		);
		const rows = splitIntoRows(encoded).map((changes, id) => ({ id, changes }));
		const commits = [...packCommits(rows)];
		const pages = commits.flatMap((commit) => commit.pages);
		expect(pages.length).toBeLessThanOrEqual(168);
		expect(pages.flatMap(changesIn)).toHaveLength(10_000);
		expect(commits.length).toBeLessThanOrEqual(8);
	});

	it('joins many small rows into one page', () => {
		const rows = rowsOf(Array.from({ length: 500 }, () => [20]));
		const commits = [...packCommits(rows)];
		expect(commits.map(({ pages, outboxIds }) => [pages.length, outboxIds.length])).toEqual([
			[1, 500]
		]);
	});

	it('gives nothing for nothing', () => {
		expect([...packCommits([])]).toEqual([]);
	});

	it('throws for what no commit can carry', () => {
		const tooLarge = new Uint8Array(maxPagePlaintextBytes);
		expect(fitsPage(tooLarge)).toBe(false);
		expect(fitsPage(tooLarge.subarray(4))).toBe(true);
		expect(() => splitIntoRows([tooLarge])).toThrow(RangeError);
		const rows = rowsOf([[900_000, 900_000, 900_000]]);
		expect(() => [...packCommits(rows)]).toThrow(RangeError);
	});
});

describe('a row of the outbox', () => {
	it('comes back as it was', () => {
		const row = {
			timeMs: 5,
			changes: [encodeChange(changeOf(1, 3)), encodeChange(changeOf(2, 4))]
		};
		expect(parseOutboxRow(encodeOutboxRow(row))).toEqual({ ok: true, value: row });
	});

	it('is refused when it is empty, cut, or followed by anything', () => {
		const row = encodeOutboxRow({ timeMs: 5, changes: [encodeChange(changeOf(1, 3))] });
		const refused = { ok: false, error: 'malformed' };
		for (let length = 0; length < row.length; length++) {
			expect(parseOutboxRow(row.slice(0, length))).toEqual(refused);
		}
		expect(parseOutboxRow(Uint8Array.of(...row, 0))).toEqual(refused);
		expect(parseOutboxRow(encodeOutboxRow({ timeMs: 5, changes: [] }))).toEqual(refused);
	});
});
