// Preparing a password before it is used, so that the same password typed on another keyboard or
// system is the same bytes: the OpaqueString profile of RFC 8265 §4.2.
import { maxPasswordCharacters } from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';

declare const preparedBrand: unique symbol;
/** A password as it goes into OPAQUE and Argon2id. A string: it can't be overwritten. */
export type PreparedPassword = string & { readonly [preparedBrand]: true };

export type PasswordFault =
	| 'password_empty'
	| 'password_too_long'
	/** A control, an unassigned or private character, or half of a surrogate pair. */
	| 'password_has_other_characters';

/**
 * RFC 8265 §4.2.2: other spaces become U+0020, then NFC; case is kept, and nothing is trimmed.
 * What the FreeformClass (RFC 8264 §4.3) does not allow is refused, not dropped.
 *
 * Differs from RFC 8264 in that default-ignorable characters inside emoji (joiners, variation
 * selectors) are allowed: they can be typed, and refusing them would lock nobody else out. How
 * strong a password must be is not decided here.
 */
export function preparePassword(typed: string): Result<PreparedPassword, PasswordFault> {
	if (typed.length > 4 * maxPasswordCharacters) return err('password_too_long');
	if (/[\p{Cc}\p{Cn}\p{Co}\p{Cs}]/u.test(typed)) return err('password_has_other_characters');
	const prepared = typed.replace(/\p{Zs}/gu, ' ').normalize('NFC');
	if (prepared === '') return err('password_empty');
	if ([...prepared].length > maxPasswordCharacters) return err('password_too_long');
	return ok(prepared as PreparedPassword);
}
