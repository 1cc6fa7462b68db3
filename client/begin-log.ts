// The first entry of a space of this account's own: made by whichever device comes first.
import type { CryptoPort, NewSpace } from './crypto-port.ts';
import { fail, type TacetError } from './errors.ts';
import type { SpaceSync } from './sync.ts';
import type { DeviceId } from '../protocol/ids.ts';
import { ok, type Result } from '../protocol/result.ts';

export interface Beginning {
	readonly sync: SpaceSync;
	readonly crypto: CryptoPort;
	readonly space: NewSpace;
	readonly kind: 'keyring' | 'items';
	readonly device: DeviceId;
	readonly nowMs: () => number;
}

/**
 * Answers once entry 1 stands, whoever made it. The sync must have loaded what this device has and be
 * caught up: an entry 1 that it formed before goes out again, the same bytes.
 */
export async function beginLog(beginning: Beginning): Promise<Result<null, TacetError>> {
	const { sync, crypto, space, kind, device, nowMs } = beginning;
	if (sync.head.seq > 0) return ok(null);
	if (!sync.hasPending) {
		const genesis = { space, kind, device, timeMs: nowMs() };
		const made = await sync.createGenesis(await crypto.formGenesis(genesis));
		if (!made.ok) return fail(made.error);
	}
	sync.push();
	return sync.until(() => sync.head.seq > 0);
}
