// Safety words: what two people read to each other to know that the edge gave each the other's
// identity, and not one of its own. Source: docs/formats.md, Safety words.
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { safetyInput } from '../../protocol/labels.ts';
import { hashBytes } from '../../protocol/limits.ts';
import { sha256 } from '../hash.ts';

export const safetyWordCount = 12;
const wordBits = 11;

/**
 * The words of two identities, the same for both people: 132 bits of a hash over both identity
 * hashes, in the English list of BIP-39. Words are public, and no checksum is among them.
 *
 * @param a identity hash of one, 32 bytes; another length throws.
 * @param b identity hash of the other, 32 bytes.
 * @returns twelve words, in order.
 */
export function safetyWords(a: Uint8Array, b: Uint8Array): readonly string[] {
	if (a.length !== hashBytes || b.length !== hashBytes) {
		throw new RangeError('an identity hash is 32 bytes');
	}
	const [lesser, greater] = isLesser(a, b) ? [a, b] : [b, a];
	const hash = sha256(safetyInput(lesser, greater));
	return Array.from({ length: safetyWordCount }, (_, index) => wordAt(hash, index));
}

/** By the first byte that differs. */
function isLesser(a: Uint8Array, b: Uint8Array): boolean {
	const index = a.findIndex((byte, at) => byte !== b[at]);
	return index !== -1 && (a[index] ?? 0) < (b[index] ?? 0);
}

/** The word of 11 bits from bit 11 × `index` on, the highest bit of a byte first. */
function wordAt(bytes: Uint8Array, index: number): string {
	let value = 0;
	for (let bit = index * wordBits; bit < (index + 1) * wordBits; bit++) {
		value = (value << 1) | (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1);
	}
	const word = wordlist[value];
	if (word === undefined) throw new Error('the word list has 2,048 words');
	return word;
}
