// Names of things, branded so that one can't be passed for another. An id is 16 bytes; in memory,
// JSON and SQL it is 32 lower-case hex digits, in CBOR a byte string.
import { fromHex, toHex } from './bytes.ts';
import { err, ok, type Result } from './result.ts';

declare const brand: unique symbol;
export interface Brand<Name extends string> {
	readonly [brand]: Name;
}
type Id<Name extends string> = string & Brand<Name>;

/** First 16 bytes of the hash of the account's first identity entry. */
export type AccountId = Id<'account'>;
/** Random; one browser profile or install. */
export type DeviceId = Id<'device'>;
/** First 16 bytes of head(0), the hash of the genesis body. */
export type SpaceId = Id<'space'>;
/** Random; known to members only. */
export type ItemId = Id<'item'>;
/** Random; a logged-in device. */
export type SessionId = Id<'session'>;

/** Random; a way into a space for one person, or for whoever has a link. */
export type InviteId = Id<'invite'>;
/** Random; a share link: a viewer without an account. */
export type LinkId = Id<'link'>;
/** Random; an account's offer to link one more device. */
export type DeviceLinkId = Id<'device link'>;
/** Random; an invitation that was sent to a handle. */
export type RequestId = Id<'request'>;

/** Random; an attempt to get into an account by its recovery code. */
export type RecoveryId = Id<'recovery'>;
/** Random; a second step of an account's logins. */
export type FactorId = Id<'factor'>;

export type AnyId =
	| AccountId
	| DeviceId
	| SpaceId
	| ItemId
	| SessionId
	| InviteId
	| LinkId
	| DeviceLinkId
	| RequestId
	| RecoveryId
	| FactorId;

export const idBytes = 16;

/** Position of a commit in the log of a space, from 1. */
export type Seq = number;
/** Generation of a space's content key, from 1. */
export type Epoch = number;

/** Reads an id from its hex text: exactly 32 lower-case digits. */
export function parseId<Kind extends AnyId>(text: unknown): Result<Kind, 'malformed'> {
	if (typeof text !== 'string' || !/^[0-9a-f]{32}$/.test(text)) return err('malformed');
	return ok(text as Kind);
}

/** The id whose bytes these are. Throws RangeError unless there are 16. */
export function idFromBytes<Kind extends AnyId>(bytes: Uint8Array): Kind {
	if (bytes.length !== idBytes) throw new RangeError('an id is 16 bytes');
	return toHex(bytes) as Kind;
}

/** The 16 bytes of an id. */
export function bytesOfId(id: AnyId): Uint8Array {
	const bytes = fromHex(id);
	if (!bytes.ok || bytes.value.length !== idBytes) throw new RangeError('an id is 16 bytes');
	return bytes.value;
}
