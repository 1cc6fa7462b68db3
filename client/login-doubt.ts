// Whether a login asked for what the account's own log says that logins ask for. An edge that does not is
// not kept from letting somebody in; their devices say so.
import type { FactorId } from '../protocol/ids.ts';
import type { AccountSteps } from './crypto-account.ts';

export type LoginDoubt =
	/** It showed an older account than this device knows, and was given back what it lacked. */
	| 'server_was_set_back'
	/** The account asks for a second step, and the server let this device in without one. */
	| 'second_step_skipped'
	/** The server did not ask for a factor that the account has: something weaker was to be taken. */
	| 'factor_left_out';

/** @param asked factors that were named when a second step was asked for. */
export function doubtOf(
	{ factors, policy }: AccountSteps,
	asked: readonly FactorId[]
): LoginDoubt | null {
	if (policy.suffices.length === 0) return null;
	if (asked.length === 0) return 'second_step_skipped';
	// Backup codes may be used up.
	const expected = factors.filter(
		({ kind }) => kind !== 'backup_codes' && policy.suffices.includes(kind)
	);
	return expected.every(({ factor }) => asked.includes(factor)) ? null : 'factor_left_out';
}
