// The account key as an unlocked device shows it again, or hands it on: after its person has shown who they
// are, by the root that this opens.
import { ok, type Result } from '../protocol/result.ts';
import { openKnownAccount } from './account-log.ts';
import type { CryptoPort } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { Store } from './store.ts';

/** @returns as it is written down; null if the account has none. `step_up_needed` before it is shown. */
export async function shownAccountKey({
	store,
	crypto
}: {
	readonly store: Pick<Store, 'loadProfile'>;
	readonly crypto: CryptoPort;
}): Promise<Result<string | null, TacetError>> {
	const loaded = await store.loadProfile();
	if (!loaded.ok) return fail(loaded.error);
	if (loaded.value === null) return fail('signed_out');
	const shown = await crypto.account.showAccountKey(await openKnownAccount(loaded.value));
	if (shown.ok) return ok(shown.value);
	return fail(shown.error === 'step_up_needed' ? shown.error : 'keyslot_unreadable');
}
