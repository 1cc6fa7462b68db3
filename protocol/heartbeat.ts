// A heartbeat: a device's signed statement of the newest head it has verified. Every role gives one.
//
//   heartbeat = CBOR [ 'tacet/1 heartbeat', space (16), account (16), device (16), seq >= 1,
//                      head (32), audit: null|[n >= 1, head (32)], time in ms ]
//
// `audit` is the newest event of the access log that the device has verified; only owners and auditors
// say one.
//
// The signature is Ed25519 over these bytes, by the identity in the account's member entry.
import type { AuditHead } from './audit-event.ts';
import { decodeCbor, encodeCbor, type Cbor } from './cbor.ts';
import type { Head } from './commit.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceId,
	type SpaceId
} from './ids.ts';
import { labels } from './labels.ts';
import { hashBytes, maxHeartbeatBytes } from './limits.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, isCount, isUint } from './shape.ts';

export interface Heartbeat {
	readonly space: SpaceId;
	readonly account: AccountId;
	readonly device: DeviceId;
	readonly head: Head;
	/** Of the access log; null for who does not read it, or has not yet. */
	readonly audit: AuditHead | null;
	/** By the device's clock. */
	readonly timeMs: number;
}

/** As it travels and is stored. */
export interface SignedHeartbeat {
	/** Canonical bytes, at most `maxHeartbeatBytes`. */
	readonly body: Uint8Array;
	/** 64 bytes. */
	readonly signature: Uint8Array;
}

/** The bytes that are signed. */
export const encodeHeartbeat = (heartbeat: Heartbeat): Uint8Array =>
	encodeCbor([
		labels.heartbeat,
		bytesOfId(heartbeat.space),
		bytesOfId(heartbeat.account),
		bytesOfId(heartbeat.device),
		heartbeat.head.seq,
		heartbeat.head.hash,
		heartbeat.audit && [heartbeat.audit.n, heartbeat.audit.hash],
		heartbeat.timeMs
	]);

/** Reads a heartbeat's form; its signature is judged by crypto/heartbeat.ts. */
export function parseHeartbeat(bytes: Uint8Array): Result<Heartbeat, 'malformed'> {
	if (bytes.length > maxHeartbeatBytes) return err('malformed');
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 8)) return err('malformed');
	const [label, space, account, device, seq, hash, auditPart, timeMs] = decoded.value;
	const audit = parseAuditHead(auditPart);
	if (label !== labels.heartbeat || audit === undefined) return err('malformed');
	if (!isBytes(space, idBytes) || !isBytes(account, idBytes)) return err('malformed');
	if (!isBytes(device, idBytes) || !isCount(seq)) return err('malformed');
	if (!isBytes(hash, hashBytes) || !isUint(timeMs)) return err('malformed');
	return ok({
		space: idFromBytes<SpaceId>(space),
		account: idFromBytes<AccountId>(account),
		device: idFromBytes<DeviceId>(device),
		head: { seq, hash },
		audit,
		timeMs
	});
}

function parseAuditHead(value: Cbor | undefined): AuditHead | null | undefined {
	if (value === null) return null;
	if (!isArray(value, 2)) return undefined;
	const [n, hash] = value;
	return isCount(n) && isBytes(hash, hashBytes) ? { n, hash } : undefined;
}
