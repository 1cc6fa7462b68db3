import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
	formatRecoveryCode,
	generateRecoveryEntropy,
	parseRecoveryCode
} from '../../../crypto/client/recovery-code.ts';
import { createSecret } from '../../../crypto/client/secret.ts';
import { toHex } from '../../../protocol/bytes.ts';
import { hex, scripted, valueOf, withVectors } from '../vectors.ts';

const code = 'legal winner thank year wave sausage worth useful legal winner thank yellow';

describe('a recovery code', () => {
	test('is 12 words that stand for 128 random bits', () => {
		const entropy = generateRecoveryEntropy(scripted(new Uint8Array(16).fill(0x7f)));
		expect(formatRecoveryCode(entropy)).toBe(code);
		expect(formatRecoveryCode(generateRecoveryEntropy()).split(' ').length).toBe(12);
		expect(formatRecoveryCode(generateRecoveryEntropy())).not.toBe(
			formatRecoveryCode(generateRecoveryEntropy())
		);
	});

	test('is read back, however it is spaced and capitalised', () => {
		fc.assert(
			fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
				const typed = formatRecoveryCode(createSecret(bytes.slice()));
				expect(valueOf(parseRecoveryCode(typed)).reveal()).toEqual(bytes);
				const sloppy = `\n ${typed.toUpperCase().replaceAll(' ', '  \t\n')} `;
				expect(valueOf(parseRecoveryCode(sloppy)).reveal()).toEqual(bytes);
			})
		);
	});

	test('with too few or too many words says how many there are', () => {
		for (const [typed, count] of [
			['', 0],
			['legal winner', 2],
			[`${code} legal`, 13]
		] as const) {
			expect(parseRecoveryCode(typed)).toEqual({
				ok: false,
				error: { code: 'recovery_code_word_count', count }
			});
		}
	});

	test('with a word that is not in the list says which', () => {
		expect(parseRecoveryCode(code.replace('wave', 'waev'))).toEqual({
			ok: false,
			error: { code: 'recovery_code_unknown_word', position: 5 }
		});
	});

	test('with known words that do not belong together says so', () => {
		expect(parseRecoveryCode(code.replace('yellow', 'year'))).toEqual({
			ok: false,
			error: { code: 'recovery_code_checksum' }
		});
	});
});

await withVectors<{ english: [string, string, string, string][] }>(
	'BIP-39',
	'bip39/vectors.json',
	({ english }) => {
		const ours = english.filter(([entropy]) => entropy.length === 32);

		test.each(ours)('entropy %s has the published words', (entropy, words) => {
			expect(formatRecoveryCode(createSecret(hex(entropy)))).toBe(words);
			expect(toHex(valueOf(parseRecoveryCode(words)).reveal())).toBe(entropy);
		});

		test('there are eight of 128 bits; longer ones are refused', () => {
			expect(ours.length).toBe(8);
			for (const [entropy, words] of english) {
				expect(parseRecoveryCode(words).ok).toBe(entropy.length === 32);
			}
		});
	}
);
