// Each route's schemas take what is meant, and nothing that is shaped otherwise at any depth.
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { routes } from '../../protocol/http.ts';
import { accepts, bytes, mayBeNull, names, samples, sides, type Shape } from './http-samples.ts';

/** Every copy of `value` with one place changed by `change`; arrays and objects are descended. */
function* variants(
	value: unknown,
	change: (leaf: unknown, place: string) => readonly unknown[],
	place = ''
): Generator {
	yield* change(value, place);
	if (Array.isArray(value)) {
		for (const [index, element] of value.entries()) {
			const others = variants(element, change, `${place}.${index}`);
			for (const other of others) yield value.with(index, other);
		}
	} else if (typeof value === 'object' && value !== null) {
		for (const [key, element] of Object.entries(value)) {
			const others = variants(element, change, `${place}.${key}`);
			for (const other of others) yield { ...value, [key]: other };
		}
	}
}

const isObject = (value: unknown): value is Shape =>
	typeof value === 'object' && value !== null && !Array.isArray(value);
const opaqueText = new Set([
	...['token', 'tacet_rt_1.2', 'ada', 'tacet', 'EC', 'P-256', 'internal', 'public-key'],
	...[
		'factor',
		'choose',
		'done',
		'ready',
		'fresh',
		'end_oldest',
		'totp',
		'webauthn',
		'123456',
		'AAAA'
	],
	'+15550123456',
	...['open', 'invite', 'limits'],
	...['DE', 'Bonn', 'own', 'logged_in', 'cookie', 'answer']
]);

for (const name of names) {
	describe(`the schemas of ${name}`, () => {
		test.each(sides)('accept a %s, and give it back as it is', (side) => {
			const sample = samples[name][side];
			expect(v.parse(routes[name][side] as v.GenericSchema, sample)).toEqual(sample);
		});

		test.each(sides)('refuse a %s with a field more, at any depth', (side) => {
			const more = [
				...variants(samples[name][side], (leaf) =>
					isObject(leaf) ? [{ ...leaf, admin: true }] : []
				)
			];
			expect(more.length).toBeGreaterThan(0);
			for (const value of more) expect(accepts(name, side, value)).toBe(false);
		});

		test.each(sides)('refuse a %s with a field less, at any depth', (side) => {
			const less = variants(samples[name][side], (leaf) =>
				isObject(leaf)
					? Object.keys(leaf).map((key) =>
							Object.fromEntries(Object.entries(leaf).filter(([other]) => other !== key))
						)
					: []
			);
			for (const value of less) expect(accepts(name, side, value)).toBe(false);
		});

		test.each(sides)('refuse a %s with a value of another type', (side) => {
			const others = variants(samples[name][side], (leaf, place) =>
				[null, undefined, 'é', -1, 1.5, {}, [], true].filter(
					(other) =>
						typeof other !== typeof leaf &&
						!(other === null && mayBeNull.has(`${name}.${side}${place}`)) &&
						!(isObject(leaf) && isObject(other)) &&
						!(leaf !== null && Array.isArray(leaf))
				)
			);
			for (const value of others) expect(accepts(name, side, value)).toBe(false);
		});

		test.each(sides)('refuse a %s with bytes or ids of another length or alphabet', (side) => {
			const others = variants(samples[name][side], (leaf) => {
				if (typeof leaf !== 'string' || opaqueText.has(leaf)) return [];
				const longer = `${leaf}${bytes(5_000)}`;
				return ['', leaf.slice(0, 8), longer, `${leaf.slice(0, -1)}=`, ` ${leaf}`, `${leaf}\n`];
			});
			for (const value of others) expect(accepts(name, side, value)).toBe(false);
		});
	});
}

test('null is taken where there may be nothing, and nowhere else', () => {
	const taken = names.flatMap((name) =>
		sides.flatMap((side) => {
			const nulled = variants(samples[name][side], (leaf, place) =>
				leaf === null || place === '' ? [] : [{ nulled: `${name}.${side}${place}` }]
			);
			return [...nulled].flatMap((value) => {
				const text = JSON.stringify(value);
				const [, place = ''] = /\{"nulled":"([^"]+)"\}/.exec(text) ?? [];
				const other: unknown = JSON.parse(text.replace(/\{"nulled":"[^"]+"\}/, 'null'));
				return accepts(name, side, other) ? [place] : [];
			});
		})
	);
	expect(taken.toSorted()).toEqual([...mayBeNull].toSorted());
});
