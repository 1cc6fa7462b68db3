// Which identities are this account's own: the one in force, and those before a renewal whose keys are
// here. A space pins one; until an owner has put the one in force there, it is an earlier one.
import type { Member } from '../crypto/log-state.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { UnlockedAccount } from './crypto-port.ts';

type OwnHashes = Pick<UnlockedAccount, 'identityHash' | 'earlierHashes'>;

/** The hash, if it is of one of them; else null. */
export const ownHashOf = (me: OwnHashes, hash: Uint8Array): Uint8Array | null =>
	equalBytes(me.identityHash, hash) ? me.identityHash : earlierHashOf(me, hash);

/** The hash, if it is of one before the one in force; else null. */
export const earlierHashOf = ({ earlierHashes }: OwnHashes, hash: Uint8Array): Uint8Array | null =>
	earlierHashes.find((earlier) => equalBytes(earlier, hash)) ?? null;

export type OwnIdentity =
	/** Also where this account is no member. */
	| 'in_force'
	/** One before a renewal: this account reads on there, and signs nothing. */
	| 'earlier'
	/** Not this account's at all. */
	| 'another';

/** Whose identity a space pins in this account's place: the one in force, until anybody is a member. */
export function standingIn(
	members: ReadonlyMap<AccountId, Member>,
	me: UnlockedAccount
): OwnIdentity {
	const own = members.get(me.account)?.identity.hash;
	if (own === undefined || equalBytes(own, me.identityHash)) return 'in_force';
	return earlierHashOf(me, own) === null ? 'another' : 'earlier';
}
