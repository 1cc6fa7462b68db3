// Recovery, as the engine's users see it: getting into an account by the twelve words of its kit, and
// what own devices say to that.
import type { DeviceId, RecoveryId } from '../protocol/ids.ts';
import type { Paper } from './account.ts';
import type { LogInOptions } from './api-account.ts';
import type { Answer } from './api.ts';

/** Begun on this device. */
export interface BegunRecovery {
	readonly handle: string;
	/** By this device's clock. */
	readonly startedAtMs: number;
	/** Until then every device of the account may object. */
	readonly readyAtMs: number;
	/** The other devices are shown the same six digits, so that nobody approves another one. */
	readonly code: string;
	/**
	 * The end of it was sent, and no answer came. If the words are refused, the new password is good.
	 */
	readonly isFinishing: boolean;
}

export type RecoveryProgress =
	| { readonly next: 'wait'; readonly begun: BegunRecovery }
	| RecoveryOpen;

/** The account is open as far as it takes to give it a new password; nothing has changed yet. */
export interface RecoveryOpen {
	readonly next: 'password';
	/** How long it took since it was begun, and what the account's own policy asks for. */
	readonly waitedMs: number;
	readonly delayDays: number;
	/** An own device spared it the wait. */
	readonly approved: boolean;
	/** May be asked again; of several passwords and kits the last count. */
	setPassword(password: string): Answer<Paper>;
	/**
	 * Once a person has shown that they have the new kit: the old password and the old words are good no
	 * more, every session ends, and this device is logged in. After that login failed, `passwordIsSet`
	 * says that the new ones are in force all the same.
	 */
	finish(
		options?: { readonly kitConfirmed?: boolean } & Pick<LogInOptions, 'onQuestion'>
	): Answer<void>;
	/** Lets go of the keys; what was begun stays begun. */
	close(): void;
}

/** Under way on another device, or on one that says so. */
export interface RecoveryAlert {
	readonly recovery: RecoveryId;
	readonly device: DeviceId;
	/** Of the key of the device that recovers, base64url. */
	readonly thumbprint: string;
	readonly startedAtMs: number;
	readonly readyAtMs: number;
	readonly approved: boolean;
	/** Six digits, which the device that recovers shows too. */
	readonly code: string;
}

export interface TacetRecovery {
	/** What was begun on this device, and not ended; null if nothing was. */
	begun(): Answer<BegunRecovery | null>;
	/**
	 * Begins a recovery with the words of a kit, or goes on with the one that was begun here. A wrong
	 * word is told before anything is sent. On a device that is locked: of its own account.
	 */
	goOn(
		input: { readonly handle: string; readonly words: string } & Pick<LogInOptions, 'onQuestion'>
	): Answer<RecoveryProgress>;
	/** Asks how far it is, without the words; `login_failed` if a device objected, or the kit is another. */
	look(): Answer<BegunRecovery>;
	/** This device forgets what it began. */
	forget(): Answer<void>;

	/** As an own device that is unlocked; null while nobody recovers. */
	alert(): Answer<RecoveryAlert | null>;
	cancel(recovery: RecoveryId): Answer<void>;
	/** Only after comparing the code. */
	approve(alert: RecoveryAlert): Answer<void>;
}
