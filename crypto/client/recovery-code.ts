// The recovery code: 128 random bits as 12 English words with a 4-bit checksum (BIP-39), which
// people can copy from paper, and which says at which word they slipped.
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { recoveryCodeWords } from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { createSecret, type Secret } from './secret.ts';

/** The 16 bytes that a recovery code stands for. */
export type RecoveryEntropy = Secret<'recovery entropy'>;

export type RecoveryCodeFault =
	| { readonly code: 'recovery_code_word_count'; readonly count: number }
	/** `position` counts words from 1. */
	| { readonly code: 'recovery_code_unknown_word'; readonly position: number }
	/** Every word is known, but together they are no code: one is wrong, or two are swapped. */
	| { readonly code: 'recovery_code_checksum' };

const entropyBytes = 16;

/** A new recovery code. */
export const generateRecoveryEntropy = (random: RandomSource = randomBytes): RecoveryEntropy =>
	createSecret(random(entropyBytes));

/** The 12 words, lower case, one space between. A string can't be overwritten: show it and let go. */
export const formatRecoveryCode = (entropy: RecoveryEntropy): string =>
	entropyToMnemonic(entropy.reveal(), wordlist);

/**
 * Reads a typed code: letter case, and white space around and between the words, do not matter.
 *
 * Source: BIP-39, 'Generating the mnemonic'.
 * @returns the entropy; or what is wrong, for the person to mend.
 */
export function parseRecoveryCode(typed: string): Result<RecoveryEntropy, RecoveryCodeFault> {
	const words = typed.normalize('NFKD').toLowerCase().split(/\s+/u).filter(Boolean);
	if (words.length !== recoveryCodeWords) {
		return err({ code: 'recovery_code_word_count', count: words.length });
	}
	const unknown = words.findIndex((word) => !wordlist.includes(word));
	if (unknown !== -1) return err({ code: 'recovery_code_unknown_word', position: unknown + 1 });
	try {
		return ok(createSecret(mnemonicToEntropy(words.join(' '), wordlist)));
	} catch {
		// With twelve known words, the checksum is the only thing left to fail.
		return err({ code: 'recovery_code_checksum' });
	}
}
