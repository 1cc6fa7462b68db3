// What a call of the engine may answer instead of a value. Codes only; words for people are web's.
import type { PasswordFault } from '../crypto/client/password.ts';
import type { WireErrorCode } from '../protocol/errors.ts';
import type { HandleFault } from '../protocol/handle.ts';
import { err } from '../protocol/result.ts';
import type { StoreFault } from './store.ts';

export type LocalErrorCode =
	/** No answer: no network, no server, or it took too long. */
	| 'offline'
	| 'wrong_password'
	/** Not twelve words. */
	| 'recovery_code_word_count'
	/** Not a word of the list. */
	| 'recovery_code_unknown_word'
	/** Twelve words that are no code together: one is wrong, or two are swapped. */
	| 'recovery_code_checksum'
	/** A device of the account objected, or it was left lying for too long. */
	| 'recovery_called_off'
	/** The server gives out an account before the time that its own policy says. */
	| 'recovery_too_early'
	| 'password_too_short'
	/** The server proves another key than the one that this device has seen: nothing was sent on. */
	| 'server_key_changed'
	/** What the edge keeps for this account does not open, or opens to another account's keys. */
	| 'keyslot_unreadable'
	/** An older account than the one that this device knows: its newest changes are missing. */
	| 'account_reverted'
	/**
	 * The edge was set back to an older account, and let this device in with a password that was replaced
	 * since. It was given back what it lacked; the newest password opens the account.
	 */
	| 'password_was_replaced'
	/** More passwords were set since then than go back at once: only a newer backup helps. */
	| 'put_back_too_long'
	/** Another change of the account stands where this device knows one: it was shown two accounts. */
	| 'account_forked'
	/** An answer that no honest edge of this version gives. */
	| 'server_misbehaved'
	| 'locked'
	/** By another device, by the edge, or since somebody used a copy of its token. */
	| 'session_ended'
	| 'signed_out'
	| 'already_signed_in'
	/** The account asks for more than the password, and there is nobody to answer. */
	| 'second_step_needed'
	/** Answered wrongly too often, or too late: the login, the step-up or the recovery begins anew. */
	| 'second_step_failed'
	/** This device lacks the account key, and there is nobody to answer. */
	| 'account_key_needed'
	/** Characters too many or few, or one that is wrong: no account key reads like this. */
	| 'account_key_mistyped'
	/** Another account's, an older one, or the server keeps a damaged keyslot: it opens nothing. */
	| 'account_key_wrong'
	/** The person did not go on. */
	| 'cancelled'
	/** None was asked, none answered, or its person did not want to. */
	| 'passkey_unanswered'
	/** It answers nothing that could open a keyslot: the PRF extension is missing. */
	| 'passkey_without_prf'
	/** Its writes wait until it goes on under a new device id, at the next login. */
	| 'device_copied'
	| 'not_trusted'
	| 'not_found'
	| 'note_too_large'
	| 'unsent_changes'
	/** Another code than the new device shows: nothing was handed over. */
	| 'wrong_code'
	| 'passphrase_needed'
	| 'wrong_passphrase'
	/** A link that was cut short or altered, or belongs to something else: it opens nothing. */
	| 'link_invalid'
	/** Revoked, expired, or done with. */
	| 'invitation_ended'
	/** Another identity than the one pinned: a person compares and confirms before it gets a key. */
	| 'identity_changed'
	/** Whoever claimed did not hold the invitation's secret. */
	| 'claim_forged'
	| 'already_member'
	/** The edge does not take it, although nothing on the log forbids it: it may still be placed. */
	| 'refused'
	/** Logins ask for a second step, and this would leave none that lasts. */
	| 'last_factor'
	/** No other device has vouched for this one yet: it writes to what it made itself. */
	| 'unconfirmed'
	/** Another root is in force, here or by another device: lock, and unlock by its password. */
	| 'account_renewed'
	/** One mishap more, and nobody could open the account: first confirm the recovery code. */
	| 'too_few_ways'
	/** An owner has turned share links off in this space. */
	| 'links_off'
	/** A space without an owner could never be changed again. */
	| 'last_owner';

export type TacetErrorCode =
	| WireErrorCode
	| StoreFault
	| HandleFault
	| PasswordFault
	| LocalErrorCode;

export interface TacetError {
	readonly code: TacetErrorCode;
	readonly retryAfterSeconds?: number;
	/** With `unsent_changes`: how many would be lost. */
	readonly unsent?: number;
	/** With `wrong_password`: the one that opens this account was set not long ago. */
	readonly changedLately?: boolean;
	/** The recovery went through, and the login after it did not: the new password is good. */
	readonly passwordIsSet?: boolean;
	/** When sign-up made the account and then stopped: show it; logging in finishes the rest. */
	readonly recoveryCode?: readonly string[];
	/** The same for the account key. */
	readonly accountKey?: string | null;
}

/** Longer, and a timer would ring at once; nobody waits for a day either. */
const longestWaitSeconds = 3_600;

/** How long an edge asks to wait, as far as it may ask for it. */
export const waitMs = ({ retryAfterSeconds }: TacetError, otherwiseSeconds: number): number =>
	Math.min(Math.max(retryAfterSeconds ?? otherwiseSeconds, 0), longestWaitSeconds) * 1_000;

export const fail = (code: TacetErrorCode): { readonly ok: false; readonly error: TacetError } =>
	err({ code });
