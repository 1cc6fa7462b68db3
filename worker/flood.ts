// The outer guard: stops a flood of one network before it wakes an object. The platform counts in each
// of its places apart, and roughly; what must be exact is counted by Limiter and Account objects, which
// would come to the same answer without this.
import { parseNetwork } from '../crypto/edge/keyed-name.ts';
import type { Env } from '../durable-objects/env.ts';
import { toHex } from '../protocol/bytes.ts';

/** As in wrangler.toml: the platform takes 10 or 60. */
export const floodPeriodSeconds = 10;

/** Whether this network has asked for more than anybody does. Where nothing counts, nobody has. */
export async function isFlood({ RATE_LIMITER }: Env, address: string): Promise<boolean> {
	const network = parseNetwork(address);
	if (RATE_LIMITER === undefined || !network.ok) return false;
	const { success } = await RATE_LIMITER.limit({ key: toHex(network.value) });
	return !success;
}
