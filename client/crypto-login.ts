// The login that the crypto core has at hand: what it left opens the password keyslot, and with it the root,
// until that was done or the login does not count as fresh any more.
import { importAccountKey, parseAccountKey, sealAccountKey } from '../crypto/client/account-key.ts';
import type { AccountState } from '../crypto/account-log.ts';
import type { ExportKey, OpaqueSessionKey } from '../crypto/client/opaque-client.ts';
import type { PreparedPassword } from '../crypto/client/password.ts';
import type { RootSecret } from '../crypto/client/secret.ts';
import { freshTtlSeconds } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { openPasswordSlot, type PasswordKeys } from './crypto-keyslots.ts';
import type { HeldAccountKey } from './store.ts';

export interface FinishedLogin {
	readonly password: PreparedPassword;
	readonly exportKey: ExportKey;
	readonly sessionKey: OpaqueSessionKey;
	/** That this device keeps; null if it has none. */
	readonly accountKey: HeldAccountKey | null;
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
	get passwordKeys(): PasswordKeys | null {
		if (this.#login === null) return null;
		const { exportKey, accountKey } = this.#login;
		return { exportKey, accountKey: accountKey?.key ?? null };
	}

	get accountKey(): HeldAccountKey | null {
		return this.#login?.accountKey ?? null;
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
 * @param typed the account key as somebody typed it; null: that of this device.
 */
export async function openByLogin(
	login: FinishedLogin,
	state: AccountState,
	{ keyslots, typed }: { readonly keyslots: readonly Uint8Array[]; readonly typed: string | null }
): Promise<
	Result<
		{
			readonly root: RootSecret;
			/** To be kept by this device; null where the account has none. */
			readonly accountKey: HeldAccountKey | null;
		},
		'keyslot_unreadable' | AccountKeyRefusal
	>
> {
	const { exportKey } = login;
	if (!state.material.password.usesAccountKey) {
		const root = await openPasswordSlot({ exportKey, accountKey: null }, state, keyslots);
		return root === null ? err('keyslot_unreadable') : ok({ root, accountKey: null });
	}
	if (typed === null) {
		const held = login.accountKey;
		const keys = { exportKey, accountKey: held?.key ?? null };
		const root = await openPasswordSlot(keys, state, keyslots);
		return root === null ? err('account_key_needed') : ok({ root, accountKey: held });
	}
	const parsed = parseAccountKey(typed);
	if (!parsed.ok) return err('account_key_mistyped');
	const key = await importAccountKey(parsed.value);
	const root = await openPasswordSlot({ exportKey, accountKey: key }, state, keyslots);
	const sealed = root && (await sealAccountKey(root, parsed.value, state.account));
	parsed.value.wipe();
	if (root === null || sealed === null) return err('account_key_wrong');
	return ok({ root, accountKey: { key, sealed } });
}
