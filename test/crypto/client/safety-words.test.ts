import { entropyToMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { safetyWordCount, safetyWords } from '../../../crypto/client/safety-words.ts';
import { sha256 } from '../../../crypto/hash.ts';
import { safetyInput } from '../../../protocol/labels.ts';
import { bytesFrom } from '../../protocol/samples.ts';
import { flipped } from '../vectors.ts';

const ada = bytesFrom(10, 32);
const bob = bytesFrom(11, 32);
const someHash = fc.uint8Array({ minLength: 32, maxLength: 32 });

test('two people see the same twelve words', () => {
	expect(safetyWords(ada, bob)).toEqual(locked);
	fc.assert(
		fc.property(someHash, someHash, (a, b) => {
			const words = safetyWords(a, b);
			expect(words).toEqual(safetyWords(b, a));
			expect(words).toHaveLength(safetyWordCount);
			expect(words.every((word) => wordlist.includes(word))).toBe(true);
		}),
		{ numRuns: 50 }
	);
});

test('the words are the first bits of the hash, as BIP-39 reads them', () => {
	const hash = sha256(safetyInput(ada, bob));
	const mnemonic = entropyToMnemonic(hash, wordlist);
	expect(safetyWords(bob, ada)).toEqual(mnemonic.split(' ').slice(0, 12));
});

test('another identity has other words, whichever byte of its hash differs', () => {
	const seen = new Set([safetyWords(ada, bob).join(' ')]);
	for (let index = 0; index < 32; index++) {
		seen.add(safetyWords(flipped(ada, index), bob).join(' '));
		seen.add(safetyWords(ada, flipped(bob, index)).join(' '));
	}
	expect(seen.size).toBe(65);
	expect(() => safetyWords(ada.subarray(1), bob)).toThrow(RangeError);
});

const locked = [
	'foot',
	'decade',
	'seek',
	'entire',
	'paper',
	'real',
	'spring',
	'language',
	'name',
	'already',
	'wrestle',
	'master'
];
