import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { preparePassword } from '../../../crypto/client/password.ts';
import { valueOf } from '../vectors.ts';

const refused = (error: string) => ({ ok: false, error });

describe('preparing a password', () => {
	test('gives the examples of RFC 8265 §4.3', () => {
		for (const [typed, prepared] of [
			['correct horse battery staple', 'correct horse battery staple'],
			['Correct Horse Battery Staple', 'Correct Horse Battery Staple'],
			['πßå', 'πßå'],
			['Jack of ♦s', 'Jack of ♦s'],
			['foo\u1680bar', 'foo bar']
		] as const) {
			expect(preparePassword(typed)).toEqual({ ok: true, value: prepared });
		}
		expect(preparePassword('')).toEqual(refused('password_empty'));
		expect(preparePassword('my cat is a \u0009by')).toEqual(
			refused('password_has_other_characters')
		);
	});

	test('PWD-13 makes composed and decomposed forms the same', () => {
		expect(valueOf(preparePassword('Ame\u0301lie'))).toBe(valueOf(preparePassword('Am\u00e9lie')));
	});

	test('PWD-13 makes every kind of space the plain one, and trims nothing', () => {
		expect(valueOf(preparePassword(' a\u00a0b\u3000c\u2003 '))).toBe(' a b c  ');
	});

	test('refuses controls, unassigned and private characters and lone surrogates', () => {
		for (const typed of ['a\nb', 'a\u0000', '\u007f', '\ud800x', '\ue000', '\u0378']) {
			expect(preparePassword(typed)).toEqual(refused('password_has_other_characters'));
		}
	});

	test('keeps emoji whole', () => {
		expect(preparePassword('👩‍🚀 ❤️').ok).toBe(true);
	});

	test('refuses what is too long, by characters', () => {
		expect(preparePassword('😀'.repeat(256)).ok).toBe(true);
		expect(preparePassword('😀'.repeat(257))).toEqual(refused('password_too_long'));
		expect(preparePassword('x'.repeat(100_000))).toEqual(refused('password_too_long'));
	});

	test('changes nothing when done twice', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (typed) => {
				const once = preparePassword(typed);
				if (once.ok) expect(preparePassword(once.value)).toEqual(once);
			})
		);
	});
});
