// What the engine asks while somebody logs in, and what can be asked of an account: for web/, cli/ and
// tests. Plain data, and methods that answer with a code.
import type { FactorKind } from '../protocol/factor-kind.ts';
import type { LiveSession } from '../protocol/http-fields.ts';
import type { FactorAnswer } from '../protocol/factor-answer.ts';
import type { FactorId, SessionId } from '../protocol/ids.ts';
import type { PasskeyQuestion } from '../protocol/passkey.ts';
import type { Result } from '../protocol/result.ts';
import type { TacetError } from './errors.ts';
import type { PasskeyDialog } from './passkeys.ts';
import type { LogInStep } from './status.ts';

type Answered<Value> = Promise<Result<Value, TacetError>>;

interface Open {
	/** Ends the login, which then answers with `cancelled`. */
	cancel(): void;
}

/**
 * The password was right, and the account asks for more. It stands open after `factor_wrong`,
 * `rate_limited` and `offline`; after anything else the login ends with the same answer.
 */
export interface FactorAsked extends Open {
	readonly next: 'factor';
	/** One of these suffices. */
	readonly factors: readonly { readonly factor: FactorId; readonly kind: FactorKind }[];
	/** What passkeys are asked; null unless one is among them. Good for one answer: see `send`. */
	readonly webauthn: PasskeyQuestion | null;
	answer(shown: FactorAnswer): Answered<void>;
	/** Has a code sent, with null; or gives a passkey another challenge. */
	send(factor: FactorId): Answered<PasskeyQuestion | null>;
}

/** As many sessions live as may: which of them shall end? May be asked again, if others began. */
export interface SessionsAsked extends Open {
	readonly next: 'choose';
	readonly cap: number;
	/** Oldest first. */
	readonly sessions: readonly LiveSession[];
	end(sessions: readonly SessionId[]): Answered<void>;
}

/**
 * The login went through, and this device lacks the account key that opens what it led to. Stands open after
 * `account_key_mistyped` and `account_key_wrong`, which nobody counts.
 */
export interface AccountKeyAsked extends Open {
	readonly next: 'account_key';
	/** As it stands on the recovery kit. */
	answer(typed: string): Answered<void>;
}

export type LoginQuestion = FactorAsked | SessionsAsked | AccountKeyAsked;

/** What can be asked of an unlocked account's security. */
export interface AccountSecurity {
	/** Sessions of other devices, or all with this one's. Others need a step-up before. */
	endSessions(which: 'others' | 'all' | readonly SessionId[]): Answered<void>;
}

/** How somebody shows who they are. */
export interface LogInOptions {
	readonly onStep?: (step: LogInStep) => void;
	/**
	 * Asked until the login ends. Without it, a login that needs a second step answers with
	 * `second_step_needed`, and where as many sessions live as may, the oldest ends.
	 */
	readonly onQuestion?: (question: LoginQuestion) => void;
	/**
	 * As it stands on the recovery kit, for a device that has none yet. Without it whoever answers questions
	 * is asked; with nobody there the login ends with `account_key_needed`.
	 */
	readonly accountKey?: string | undefined;
}

/** By the password; or by a passkey that was added on this device, with or without a network. */
export type UnlockInput = LogInOptions &
	({ readonly password: string } | { readonly dialog: PasskeyDialog });
