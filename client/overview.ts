// What the edge says of an account: its keyslots, sessions, and what happened at its door.
import { fromBase64Url } from '../protocol/bytes.ts';
import type { ResponseOf } from '../protocol/http.ts';
import { parseKeyslot } from '../protocol/keyslot.ts';
import type { AccountOverview } from './status.ts';

export function overviewOf(
	answer: ResponseOf<'accountRead'>,
	here: Pick<AccountOverview, 'handle' | 'device' | 'offlineUnlock'>
): AccountOverview {
	const { account, keyslots, sessions, sessionCap, events, recovery } = answer;
	return {
		...here,
		account,
		keyslots: keyslots.flatMap((text) => {
			const bytes = fromBase64Url(text);
			const keyslot = bytes.ok ? parseKeyslot(bytes.value) : bytes;
			return keyslot.ok ? [{ kind: keyslot.value.kind }] : [];
		}),
		...{ sessions, sessionCap, events, recovery }
	};
}
