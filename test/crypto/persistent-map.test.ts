import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PersistentMap } from '../../crypto/persistent-map.ts';

/** More keys than a version copies, and few enough that most are set again. */
const changes = fc.array(fc.tuple(fc.integer({ min: 0, max: 99 }), fc.nat()), { maxLength: 400 });

test('says in each version what a Map said after the same changes, whatever came later', () => {
	fc.assert(
		fc.property(changes, (made) => {
			const plain = new Map<number, number>();
			let last = new PersistentMap<number, number>();
			const versions = made.map(([key, value]) => {
				plain.set(key, value);
				last = last.with(key, value);
				return { version: last, expected: [...plain] };
			});
			for (const { version, expected } of versions) {
				expect([...version]).toEqual(expected);
				const said = new Map(expected);
				for (let key = 0; key < 100; key++) expect(version.get(key)).toBe(said.get(key));
			}
		}),
		{ numRuns: 30 }
	);
});

test('two versions that follow the same one do not know of each other', () => {
	const before = new PersistentMap(new Map([['a', 1]]));
	const [left, right] = [before.with('a', 2), before.with('b', 3)];
	expect([...left]).toEqual([['a', 2]]);
	expect([...right]).toEqual([
		['a', 1],
		['b', 3]
	]);
	expect([...before]).toEqual([['a', 1]]);
});
