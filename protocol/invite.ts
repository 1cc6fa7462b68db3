// What invitations, share links, requests and device links say once they are open.
//
//   invite or link record = CBOR [ version 1, space (16), genesis hash (32), seq, head (32),
//                                  inviter (16), inviter's identity hash (32), role 1-4,
//                                  expiry ms|null, name of the space, name of the inviter ]
//   request body          = CBOR [ version 1, space (16), invite (16), secret (32),
//                                  sender's identity entry (bstr), name of the sender ]
//   request               = CBOR [ request body (bstr), signature by the sender's identity (64) ]
//   hand-over             = CBOR [ version 1, handle, OPAQUE public key of the server (32),
//                                  account key (16)|null, keyring seq, keyring head (32) ]
//   device claim          = CBOR [ version 1, nonce (16), name of the device ]
import { decodeCbor, encodeCbor } from './cbor.ts';
import { roles, type Head, type Role } from './commit.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type AccountId,
	type InviteId,
	type SpaceId
} from './ids.ts';
import {
	accountKeyBytes,
	hashBytes,
	maxHandleCharacters,
	maxSpaceNameCharacters,
	signatureBytes
} from './limits.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, isCount, isUint } from './shape.ts';

/** Bytes of the secret that stands after `#` in a link. */
export const linkSecretBytes = 32;
export const deviceNonceBytes = 16;
const maxDeviceNameCharacters = 100;

export interface InviteRecord {
	readonly space: SpaceId;
	/** head(0), 32 bytes. */
	readonly genesisHash: Uint8Array;
	/** Counts as seen by whoever opens the record (rule 2). */
	readonly head: Head;
	readonly inviter: AccountId;
	/** 32 bytes. */
	readonly inviterIdentity: Uint8Array;
	readonly role: Role;
	readonly expiresAtMs: number | null;
	readonly spaceName: string;
	readonly inviterName: string;
}

/** Canonical bytes of an invite or link record. */
export const encodeInviteRecord = (record: InviteRecord): Uint8Array =>
	encodeCbor([
		1,
		bytesOfId(record.space),
		record.genesisHash,
		record.head.seq,
		record.head.hash,
		bytesOfId(record.inviter),
		record.inviterIdentity,
		roles.indexOf(record.role) + 1,
		record.expiresAtMs,
		record.spaceName,
		record.inviterName
	]);

const isName = (value: unknown, maxCharacters: number): value is string =>
	typeof value === 'string' && value.length <= 2 * maxCharacters;

/** Reads an opened invite or link record. */
export function parseInviteRecord(bytes: Uint8Array): Result<InviteRecord, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 11)) return err('malformed');
	const [version, space, genesisHash, seq, hash, inviter, inviterIdentity, ...rest] = decoded.value;
	const [roleNumber, expiresAtMs, spaceName, inviterName] = rest;
	if (version !== 1 || !isBytes(space, idBytes) || !isBytes(genesisHash, hashBytes)) {
		return err('malformed');
	}
	if (!isCount(seq) || !isBytes(hash, hashBytes)) return err('malformed');
	if (!isBytes(inviter, idBytes) || !isBytes(inviterIdentity, hashBytes)) return err('malformed');
	const role = isCount(roleNumber) ? roles[roleNumber - 1] : undefined;
	if (role === undefined || (expiresAtMs !== null && !isUint(expiresAtMs))) return err('malformed');
	if (!isName(spaceName, maxSpaceNameCharacters)) return err('malformed');
	if (!isName(inviterName, maxHandleCharacters)) return err('malformed');
	return ok({
		space: idFromBytes<SpaceId>(space),
		genesisHash,
		head: { seq, hash },
		inviter: idFromBytes<AccountId>(inviter),
		inviterIdentity,
		role,
		expiresAtMs: expiresAtMs ?? null,
		spaceName,
		inviterName
	});
}

export interface RequestBody {
	readonly space: SpaceId;
	readonly invite: InviteId;
	/** The invitation's secret, 32 bytes. */
	readonly secret: Uint8Array;
	/** The sender's newest identity entry. */
	readonly senderEntry: Uint8Array;
	readonly senderName: string;
}

/** Canonical bytes of a request's body: what its sender signs a hash of. */
export const encodeRequestBody = (body: RequestBody): Uint8Array =>
	encodeCbor([
		1,
		bytesOfId(body.space),
		bytesOfId(body.invite),
		body.secret,
		body.senderEntry,
		body.senderName
	]);

/** A request as it is sealed to its recipient. */
export const encodeRequest = (body: Uint8Array, signature: Uint8Array): Uint8Array =>
	encodeCbor([body, signature]);

export interface ParsedRequest extends RequestBody {
	readonly bodyBytes: Uint8Array;
	readonly signature: Uint8Array;
}

/** Reads an opened request; its signature is the caller's to verify. */
export function parseRequest(bytes: Uint8Array): Result<ParsedRequest, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 2)) return err('malformed');
	const [bodyBytes, signature] = decoded.value;
	if (!isBytes(bodyBytes) || !isBytes(signature, signatureBytes)) return err('malformed');
	const body = decodeCbor(bodyBytes);
	if (!body.ok || !isArray(body.value, 6)) return err('malformed');
	const [version, space, invite, secret, senderEntry, senderName] = body.value;
	if (version !== 1 || !isBytes(space, idBytes) || !isBytes(invite, idBytes)) {
		return err('malformed');
	}
	if (!isBytes(secret, linkSecretBytes) || !isBytes(senderEntry)) return err('malformed');
	if (!isName(senderName, maxHandleCharacters)) return err('malformed');
	return ok({
		space: idFromBytes<SpaceId>(space),
		invite: idFromBytes<InviteId>(invite),
		secret,
		senderEntry,
		senderName,
		bodyBytes,
		signature
	});
}

export interface HandOver {
	readonly handle: string;
	/** 32 bytes: pinned before the first login. */
	readonly serverPublicKey: Uint8Array;
	/** 16 bytes; null for an account without one. */
	readonly accountKey: Uint8Array | null;
	/** The newest verified head of the account's keyring. */
	readonly keyringHead: Head;
}

/** Canonical bytes of what a linked device hands to a new one. */
export const encodeHandOver = (handOver: HandOver): Uint8Array =>
	encodeCbor([
		1,
		handOver.handle,
		handOver.serverPublicKey,
		handOver.accountKey,
		handOver.keyringHead.seq,
		handOver.keyringHead.hash
	]);

/** Reads an opened hand-over. */
export function parseHandOver(bytes: Uint8Array): Result<HandOver, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 6)) return err('malformed');
	const [version, handle, serverPublicKey, accountKey, seq, hash] = decoded.value;
	if (version !== 1 || !isName(handle, maxHandleCharacters)) return err('malformed');
	if (!isBytes(serverPublicKey, 32)) return err('malformed');
	if (accountKey !== null && !isBytes(accountKey, accountKeyBytes)) return err('malformed');
	if (!isCount(seq) || !isBytes(hash, hashBytes)) return err('malformed');
	const keyringHead = { seq, hash };
	return ok({ handle, serverPublicKey, accountKey: accountKey ?? null, keyringHead });
}

export interface DeviceClaim {
	/** 16 random bytes: the code to compare derives from it. */
	readonly nonce: Uint8Array;
	readonly deviceName: string;
}

/** Canonical bytes of what a new device says of itself. */
export const encodeDeviceClaim = (claim: DeviceClaim): Uint8Array =>
	encodeCbor([1, claim.nonce, claim.deviceName]);

/** Reads an opened device claim. */
export function parseDeviceClaim(bytes: Uint8Array): Result<DeviceClaim, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 3)) return err('malformed');
	const [version, nonce, deviceName] = decoded.value;
	if (version !== 1 || !isBytes(nonce, deviceNonceBytes)) return err('malformed');
	if (!isName(deviceName, maxDeviceNameCharacters)) return err('malformed');
	return ok({ nonce, deviceName });
}
