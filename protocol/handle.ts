// The name a person types. Both sides normalise alike, or a person would be locked out by a
// keyboard: NFKC, lower case, then only letters, digits, dot, hyphen and underscore.
import { maxHandleCharacters, minHandleCharacters } from './limits.ts';
import { err, ok, type Result } from './result.ts';

declare const handleBrand: unique symbol;
/** A normalised handle. */
export type Handle = string & { readonly [handleBrand]: true };

export type HandleFault = 'handle_too_short' | 'handle_too_long' | 'handle_has_other_characters';

/**
 * Normalises what was typed (Unicode NFKC, then case folding by lower-casing, then NFKC again).
 * Refuses look-alike machinery (controls, bidi marks, zero width, spaces) instead of dropping it.
 */
export function parseHandle(typed: string): Result<Handle, HandleFault> {
	if (typed.length > 8 * maxHandleCharacters) return err('handle_too_long');
	const handle = typed.trim().normalize('NFKC').toLowerCase().normalize('NFKC');
	const characters = [...handle].length;
	if (characters < minHandleCharacters) return err('handle_too_short');
	if (characters > maxHandleCharacters) return err('handle_too_long');
	// Some letters and marks are drawn as nothing: fillers, variation selectors, joiners.
	const invisible = /\p{Default_Ignorable_Code_Point}/u.test(handle);
	const plain = /^[\p{L}\p{N}][\p{L}\p{N}\p{M}._-]*$/u.test(handle);
	if (invisible || !plain) {
		return err('handle_has_other_characters');
	}
	return ok(handle as Handle);
}
