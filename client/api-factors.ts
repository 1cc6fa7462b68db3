// What can be asked about second factors: for web/, cli/ and tests. A factor counts once one right answer
// came with it, so that whoever adds one is asked to show that it works.
import type {
	AssertedCredential,
	CreatedCredential,
	passkeyCreationOptions,
	passkeyStepOptions
} from '../crypto/client/passkey.ts';
import type { AccountPolicy } from '../protocol/account-write.ts';
import type { FactorKind } from '../protocol/factor-kind.ts';
import type { DeviceId, FactorId } from '../protocol/ids.ts';
import type { Answer } from './api.ts';

/**
 * `navigator.credentials`, as far as it is used: only a page can open its dialogs. Null if the person
 * said no, or nothing there could answer.
 */
export interface PasskeyPort {
	create(options: ReturnType<typeof passkeyCreationOptions>): Promise<CreatedCredential | null>;
	get(options: ReturnType<typeof passkeyStepOptions>): Promise<AssertedCredential | null>;
}

export interface FactorSummary {
	readonly factor: FactorId;
	readonly kind: FactorKind;
	/** As a device of this account called it; null where its keyring says nothing. */
	readonly name: string | null;
	/** Null: the account has it, and the server has lost what it needs to ask for it. Add another. */
	readonly kept: {
		readonly addedAtMs: number;
		/** Null: never, since it was added. */
		readonly usedAtMs: number | null;
		/** Of backup codes, how many are still good. */
		readonly codesLeft: number | null;
	} | null;
}

export interface FactorsOverview {
	readonly factors: readonly FactorSummary[];
	readonly policy: AccountPolicy;
}

export interface NewTotp {
	/** For whoever types it: base32, without spaces. */
	readonly secretBase32: string;
	/** For an app that reads a QR code. Secret, as the other is. */
	readonly uri: string;
	/** `factor_wrong`: try the next code. */
	confirm(input: { readonly code: string; readonly name: string }): Answer<FactorId>;
}

export interface NewBackupCodes {
	/** Ten, as they are printed. Shown once: nobody has them afterwards. */
	readonly codes: readonly string[];
	/** One of them, as typed; it stays good. In place of the codes before, which end. */
	confirm(typed: string): Answer<FactorId>;
}

export interface NewTelephone {
	/** The code of the message. */
	confirm(input: { readonly code: string; readonly name: string }): Answer<FactorId>;
}

/** Each that changes something answers `step_up_needed` unless the session is fresh. */
export interface TacetFactors {
	factors(): Answer<FactorsOverview>;
	addTotp(): Answer<NewTotp>;
	/** `cancelled` if nothing came of the browser's dialog. */
	addPasskey(input: { readonly passkeys: PasskeyPort; readonly name: string }): Answer<FactorId>;
	addBackupCodes(): Answer<NewBackupCodes>;
	/** Has a code sent. `unavailable` where the operator has named no gateway. */
	addSms(number: string): Answer<NewTelephone>;
	/** `last_factor` while logins ask for a second step and no other lasting one is there. */
	removeFactor(factor: FactorId): Answer<void>;
	/** A factor, a keyslot or a device: in the keyring, and nowhere else. */
	rename(of: FactorId | DeviceId, name: string): Answer<void>;
	/** What is left out stays. `last_factor` if logins would ask for what there is not. */
	setPolicy(change: Partial<AccountPolicy>): Answer<void>;
}
