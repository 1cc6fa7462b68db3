import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keepSeeds, keptIn } from '../../client/item-seed.ts';
import { inOnePiece } from '../../client/outbox-pack.ts';
import { encodeChange } from '../../protocol/page.ts';
import { itemId, seedChange, seedOf, tombstone } from './item-samples.ts';

it('keeps texts in any script as they were', () => {
	const bodies = fc.array(fc.oneof(fc.string(), fc.string({ unit: 'grapheme' })));
	fc.assert(
		fc.property(bodies, (texts) => {
			const seeds = texts.map((text, index) => ({
				...seedOf(`Title ${index}`, text.toWellFormed()),
				path: index % 3 === 0 ? null : `Folder ${index >> 1}`
			}));
			const kept = keepSeeds(seeds);
			expect(
				kept.map(({ title, body, path, createdAtMs }) => [title, body, path, createdAtMs])
			).toEqual(
				seeds.map(({ title, body, path, createdAtMs }) => [title, body, path, createdAtMs])
			);
		})
	);
});

it('finds texts in the bytes that changes were encoded to', () => {
	const texts = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.option(fc.string())));
	fc.assert(
		fc.property(texts, (given) => {
			const changes = given.flatMap(([text, path], index) => [
				tombstone(itemId(1)),
				seedChange(itemId(index), {
					...seedOf(`Title ${index}`, text.toWellFormed()),
					path: path?.toWellFormed() ?? null
				})
			]);
			const kept = keptIn(changes, inOnePiece(changes.map(encodeChange)));
			expect(kept.map(encodeChange)).toEqual(changes.map(encodeChange));
		})
	);
});
