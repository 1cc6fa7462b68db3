// Giving a heartbeat. Source: docs/formats.md, Heartbeat.
import { encodeHeartbeat, type Heartbeat, type SignedHeartbeat } from '../../protocol/heartbeat.ts';
import { sign } from '../signature.ts';

/**
 * Signs the newest head that this device has verified.
 *
 * @param privateKey of the identity in the account's member entry.
 * @returns `body` about 130 bytes, under `maxHeartbeatBytes`; `signature` 64 bytes.
 */
export async function signHeartbeat(
	privateKey: CryptoKey,
	heartbeat: Heartbeat
): Promise<SignedHeartbeat> {
	const body = encodeHeartbeat(heartbeat);
	return { body, signature: await sign(privateKey, body) };
}
