// Typing a recovery code: which words there are. For the page, which fetches it when a code is
// typed.
import { wordlist } from '@scure/bip39/wordlists/english.js';

/** At most `limit` words that begin so; none before two letters, and none once the word is whole. */
export function wordsBeginning(typed: string, limit: number): readonly string[] {
	const prefix = typed.trim().toLowerCase();
	if (prefix.length < 2 || wordlist.includes(prefix)) return [];
	return wordlist.filter((word) => word.startsWith(prefix)).slice(0, limit);
}

export const isWord = (typed: string): boolean => wordlist.includes(typed.trim().toLowerCase());
