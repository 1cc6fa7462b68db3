// The login that the crypto core has at hand: what it left opens the password keyslot, and with it the root,
// until that was done or the login does not count as fresh any more.
import { importAccountKey, parseAccountKey, sealAccountKey } from '../crypto/client/account-key.ts';
import type { AccountState } from '../crypto/account-log.ts';
import type { ExportKey, OpaqueSessionKey } from '../crypto/client/opaque-client.ts';
import type { PreparedPassword } from '../crypto/client/password.ts';
import { freshTtlSeconds } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import {
	openPasswordSlot,
	openPasswordSlotBy,
	type LoginKeys,
	type OpenedByPassword
} from './crypto-keyslots.ts';
import type { HeldAccountKey } from './store.ts';

export interface FinishedLogin {
	readonly password: PreparedPassword;
	readonly exportKey: ExportKey;
	readonly sessionKey: OpaqueSessionKey;
	/** That this device keeps; none if it has none, more than one while a write brings another. */
	readonly accountKeys: readonly HeldAccountKey[];
}

export type AccountKeyRefusal =
	/** The account has an account key, and what this device has of one opens nothing. */
	| 'account_key_needed'
	/** What was typed is no account key. */
	| 'account_key_mistyped'
	/** It is one, and opens nothing: another's, an older one, or the keyslot is damaged. */
	| 'account_key_wrong';

export class LoginAtHand {
	#login: FinishedLogin | null = null;
	#timer: ReturnType<typeof setTimeout> | undefined;

	/** Takes the place of the one before. */
	keep(login: FinishedLogin): void {
		this.drop();
		this.#login = login;
		this.#timer = setTimeout(() => {
			this.drop();
		}, freshTtlSeconds * 1_000);
	}

	/** Throws without one. */
	get current(): FinishedLogin {
		if (this.#login === null) throw new Error('no login is at hand');
		return this.#login;
	}

	get isThere(): boolean {
		return this.#login !== null;
	}

	/** What opens the password keyslot; null without a login. */
	get keys(): LoginKeys | null {
		return this.#login;
	}

	/** While somebody looks for their account key, which takes as long as it takes. */
	await(): void {
		clearTimeout(this.#timer);
	}

	drop(): void {
		clearTimeout(this.#timer);
		this.#login?.exportKey.wipe();
		this.#login?.sessionKey.wipe();
		this.#login = null;
	}
}

/**
 * Opens the root of an account by a login, and by its account key where the log says that it has one.
 *
 * @param typed the account key as somebody typed it; null: what this device keeps.
 */
export async function openByLogin(
	login: FinishedLogin,
	state: AccountState,
	{ keyslots, typed }: { readonly keyslots: readonly Uint8Array[]; readonly typed: string | null }
): Promise<Result<OpenedByPassword, 'keyslot_unreadable' | AccountKeyRefusal>> {
	const { exportKey } = login;
	const { usesAccountKey } = state.material.password;
	if (!usesAccountKey || typed === null) {
		const opened = await openPasswordSlot(login, state, keyslots);
		if (opened !== null) return ok(opened);
		return err(usesAccountKey ? 'account_key_needed' : 'keyslot_unreadable');
	}
	const parsed = parseAccountKey(typed);
	if (!parsed.ok) return err('account_key_mistyped');
	const key = await importAccountKey(parsed.value);
	const root = await openPasswordSlotBy({ exportKey, accountKey: key }, state.account, keyslots);
	const sealed = root && (await sealAccountKey(root, parsed.value, state.account));
	parsed.value.wipe();
	if (root === null || sealed === null) return err('account_key_wrong');
	return ok({ root, accountKey: { key, sealed } });
}
