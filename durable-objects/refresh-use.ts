// What it means that a refresh token of a session is used.
import type { RefreshSecret } from '../crypto/edge/refresh-token.ts';
import { equalConstantTime } from '../crypto/mac.ts';
import type { StoredSession } from './account-session-store.ts';
import { refreshAgainMs } from './limits.ts';

/**
 * `current`: the session's token. `again`: the one before, whose answer may have been lost, within
 * seconds and once. `spent`: that one a third time within seconds. `reused`: any other that was good.
 */
export function judgeRefresh(
	{ refresh, previous, refreshedAtMs }: StoredSession,
	{ hashes }: RefreshSecret,
	nowMs: number
): 'current' | 'again' | 'spent' | 'reused' {
	if (equalConstantTime(refresh.secret, hashes.secret)) return 'current';
	const isPrevious = previous !== null && equalConstantTime(previous.secret, hashes.secret);
	if (!isPrevious || nowMs - refreshedAtMs > refreshAgainMs) return 'reused';
	return previous.mayRefresh ? 'again' : 'spent';
}
