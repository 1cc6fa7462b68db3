import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keepSeeds } from '../../client/item-seed.ts';
import { seedOf } from './item-samples.ts';

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
