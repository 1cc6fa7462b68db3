// An event of a space's access log: what the edge saw somebody do. The edge seals it to the space's
// audit public key, and so can't read it afterwards; owners and auditors can. Events form a chain of
// their own, beside the log of the space.
//
//   event   = CBOR [ version 1, kind 0–7, time in ms, account (16)|null, device (16)|null,
//                    subject (16)|null ]
//   sealed  = HPKE to the audit public key, of pad(event)                        1,264 bytes
//   head(n) = SHA-256(CBOR [ 'tacet/1 event head', space, n, head(n−1), audit key's number, sealed ])
//   head(0) = 32 zeros
import { decodeCbor, encodeCbor, type Cbor } from './cbor.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceId,
	type InviteId,
	type LinkId
} from './ids.ts';
import { hashBytes } from './limits.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, isUint } from './shape.ts';

/** What can happen. Numbered by their places here, which never change. */
export const auditEventKinds = [
	/** A device of a member began to follow the log. */
	'opened',
	/** Somebody has a share link open. */
	'link_opened',
	/** A wrong passphrase for a share link. */
	'guess_wrong',
	/** A share link takes no more guesses. */
	'link_frozen',
	/** An invitation was looked at by somebody who has it. */
	'invite_read',
	'invite_claimed',
	/** A commit that no rule of the log allows was sent by a member's device. */
	'append_refused',
	/** More happened within the hour than is written down. */
	'more'
] as const;
export type AuditEventKind = (typeof auditEventKinds)[number];

export interface AuditEvent {
	readonly kind: AuditEventKind;
	/** By the edge's clock. */
	readonly timeMs: number;
	/** Null where the edge can't tell who it is. */
	readonly account: AccountId | null;
	readonly device: DeviceId | null;
	/** The share link or the invitation that it is about. */
	readonly subject: InviteId | LinkId | null;
}

/** How far a log of events goes: the number of the newest one, and the hash of the chain there. */
export interface AuditHead {
	/** From 1; 0 before the first. */
	readonly n: number;
	/** 32 bytes. */
	readonly hash: Uint8Array;
}

/** Before the first event: 32 zeros. */
export const noEvents: AuditHead = { n: 0, hash: new Uint8Array(hashBytes) };

/** An event as it is kept and given: its place is where it stands in the chain. */
export interface SealedEvent {
	/** Number of the audit key that it is sealed to. */
	readonly key: number;
	/** `sealedEventBytes`. */
	readonly sealed: Uint8Array;
}

/** Canonical bytes, less than `minPaddedBytes`: all events have one length once they are sealed. */
export const encodeAuditEvent = (event: AuditEvent): Uint8Array =>
	encodeCbor([
		1,
		auditEventKinds.indexOf(event.kind),
		event.timeMs,
		event.account && bytesOfId(event.account),
		event.device && bytesOfId(event.device),
		event.subject && bytesOfId(event.subject)
	]);

/** Reads an event; nobody vouches for it but the edge that wrote it. */
export function parseAuditEvent(bytes: Uint8Array): Result<AuditEvent, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 6)) return err('malformed');
	const [version, kindNumber, timeMs, account, device, subject] = decoded.value;
	if (version !== 1 || !isUint(kindNumber) || !isUint(timeMs)) return err('malformed');
	const kind = auditEventKinds[kindNumber];
	if (kind === undefined) return err('malformed');
	if (!isIdOrNull(account) || !isIdOrNull(device) || !isIdOrNull(subject)) return err('malformed');
	return ok({
		kind,
		timeMs,
		account: account && idFromBytes<AccountId>(account),
		device: device && idFromBytes<DeviceId>(device),
		subject: subject && idFromBytes<InviteId | LinkId>(subject)
	});
}

const isIdOrNull = (value: Cbor | undefined): value is Uint8Array | null =>
	value === null || isBytes(value, idBytes);
