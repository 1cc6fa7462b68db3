// Turning on unlocking without a network. The root is needed for it, and only the password gives that: a
// login in a crypto core of its own.
import { logIn, type AccountParts, type OpenedAccount } from './account.ts';
import { fail, type TacetError } from './errors.ts';
import type { Result } from '../protocol/result.ts';

export async function sealOfflineSlot(
	parts: AccountParts,
	known: Pick<OpenedAccount, 'profile' | 'name'>,
	password: string
): Promise<Result<OpenedAccount, TacetError>> {
	const { handle } = known.name;
	const proved = await logIn(parts, { handle, password, known, offline: true });
	if (proved.ok) return proved;
	return fail(proved.error.code === 'login_failed' ? 'wrong_password' : proved.error.code);
}
