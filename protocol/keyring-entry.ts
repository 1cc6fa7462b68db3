// What an account remembers about itself, in its own keyring: one entry a change.
//
//   entry = [ 1, space (16), genesis hash (32), joined ms ]
//         | [ 2, space (16), seq, head (32) ]               newest head that this account has verified
//         | [ 3, account (16), handle, identity hash (32), words compared ms|null ]      a contact
//         | [ 4, invite (16), space (16), secret (32), role 1-4, expiry ms ]     an invitation made here
//         | [ 5, invite (16), space (16), genesis hash (32), seq, head (32), inviter (16),
//             inviter's identity hash (32), role 1-4, expiry ms, name of the space,
//             name of the inviter ]                          an invitation that was claimed
//         | [ 6, link (16), space (16), secret (32), the link's account (16), expiry ms|null,
//             has a passphrase, label ]                      a share link made here
//         | [ 7, invite or link (16) ]                       that one is done with
//         | [ 8, space (16), left ms ]                       this account left, or was removed
//         | [ 9, device (16), name, added ms ]               what a device is called
//         | [ 10, account (16), n, head (32) ]            newest head of this account's own log
//         | [ 11, account (16), made ms, three places 1–12, check (32), checked ms|null ]   its kit
//         | [ 12, factor, keyslot or device (16), name, named ms ]     what a person called it since
//         | [ 13, account (16), identity hash (32) ]      what its keyring before this identity said is here
import type { AccountHead } from './account-write.ts';
import type { Cbor } from './cbor.ts';
import { roles, type Head, type Role } from './commit.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceId,
	type FactorId,
	type InviteId,
	type ItemId,
	type LinkId,
	type Seq,
	type SpaceId
} from './ids.ts';
import { hashBytes, kitCheckWords, recoveryCodeWords } from './limits.ts';
import { linkSecretBytes } from './invite.ts';
import { isArray, isBytes, isCount, isUint, parseEach } from './shape.ts';

export type KeyringEntry =
	| {
			readonly type: 'space';
			readonly space: SpaceId;
			/** head(0) in full, 32 bytes: the space id is its first half. */
			readonly genesisHash: Uint8Array;
			readonly joinedAtMs: number;
	  }
	| {
			readonly type: 'head';
			readonly space: SpaceId;
			readonly seq: Seq;
			readonly hash: Uint8Array;
	  }
	| {
			readonly type: 'contact';
			readonly account: AccountId;
			readonly handle: string;
			/** 32 bytes: pinned. */
			readonly identityHash: Uint8Array;
			/** When a person compared the safety words; null if nobody has. */
			readonly comparedAtMs: number | null;
	  }
	| {
			readonly type: 'invite';
			readonly invite: InviteId;
			readonly space: SpaceId;
			readonly secret: Uint8Array;
			readonly role: Role;
			readonly expiresAtMs: number;
	  }
	| {
			readonly type: 'claimed';
			readonly invite: InviteId;
			readonly space: SpaceId;
			readonly genesisHash: Uint8Array;
			readonly head: Head;
			readonly inviter: AccountId;
			readonly inviterIdentity: Uint8Array;
			readonly role: Role;
			readonly expiresAtMs: number;
			readonly spaceName: string;
			readonly inviterName: string;
	  }
	| {
			readonly type: 'link';
			readonly link: LinkId;
			readonly space: SpaceId;
			readonly secret: Uint8Array;
			readonly account: AccountId;
			readonly expiresAtMs: number | null;
			readonly hasPassphrase: boolean;
			readonly label: string;
	  }
	| { readonly type: 'closed'; readonly of: InviteId | LinkId }
	| { readonly type: 'left'; readonly space: SpaceId; readonly leftAtMs: number }
	| {
			readonly type: 'device';
			readonly device: DeviceId;
			readonly name: string;
			readonly addedAtMs: number;
	  }
	| {
			readonly type: 'account';
			/** The one whose keyring this is. */
			readonly account: AccountId;
			readonly head: AccountHead;
	  }
	| {
			readonly type: 'kit';
			/** The one whose recovery kit this is. */
			readonly account: AccountId;
			readonly madeAtMs: number;
			/** Which of its words are asked for, from 1, rising: never others, or it would be given away. */
			readonly positions: readonly number[];
			/** SHA-256 of these words, 32 bytes. */
			readonly check: Uint8Array;
			/** When a person last read them back; null if nobody has. */
			readonly checkedAtMs: number | null;
	  }
	| {
			readonly type: 'name';
			/** A factor, a keyslot (a passkey that is both has one), or a device. */
			readonly of: FactorId | DeviceId;
			readonly name: string;
			readonly namedAtMs: number;
	  }
	| {
			readonly type: 'carried';
			/** The one whose keyring this is. */
			readonly account: AccountId;
			/** Of the identity whose keyring this is, 32 bytes: one that a renewal has put in force. */
			readonly identityHash: Uint8Array;
	  };

/** The item of the change that carries an entry: what the entry is about, so that one covers another. */
export function keyringItem(entry: KeyringEntry): ItemId {
	switch (entry.type) {
		case 'space':
		case 'head':
		case 'left':
			return idFromBytes<ItemId>(bytesOfId(entry.space));
		case 'contact':
		case 'account':
		case 'carried':
		case 'kit':
			return idFromBytes<ItemId>(bytesOfId(entry.account));
		case 'invite':
		case 'claimed':
			return idFromBytes<ItemId>(bytesOfId(entry.invite));
		case 'link':
			return idFromBytes<ItemId>(bytesOfId(entry.link));
		case 'closed':
		case 'name':
			return idFromBytes<ItemId>(bytesOfId(entry.of));
		case 'device':
			return idFromBytes<ItemId>(bytesOfId(entry.device));
	}
}

/** An entry inside a page. */
export function keyringEntryForm(entry: KeyringEntry): Cbor {
	switch (entry.type) {
		case 'space':
			return [1, bytesOfId(entry.space), entry.genesisHash, entry.joinedAtMs];
		case 'head':
			return [2, bytesOfId(entry.space), entry.seq, entry.hash];
		case 'contact':
			return [3, bytesOfId(entry.account), entry.handle, entry.identityHash, entry.comparedAtMs];
		case 'invite':
			return [
				4,
				bytesOfId(entry.invite),
				bytesOfId(entry.space),
				entry.secret,
				roles.indexOf(entry.role) + 1,
				entry.expiresAtMs
			];
		case 'claimed':
			return [
				5,
				bytesOfId(entry.invite),
				bytesOfId(entry.space),
				entry.genesisHash,
				entry.head.seq,
				entry.head.hash,
				bytesOfId(entry.inviter),
				entry.inviterIdentity,
				roles.indexOf(entry.role) + 1,
				entry.expiresAtMs,
				entry.spaceName,
				entry.inviterName
			];
		case 'link':
			return [
				6,
				bytesOfId(entry.link),
				bytesOfId(entry.space),
				entry.secret,
				bytesOfId(entry.account),
				entry.expiresAtMs,
				entry.hasPassphrase,
				entry.label
			];
		case 'closed':
			return [7, bytesOfId(entry.of)];
		case 'left':
			return [8, bytesOfId(entry.space), entry.leftAtMs];
		case 'device':
			return [9, bytesOfId(entry.device), entry.name, entry.addedAtMs];
		case 'account':
			return [10, bytesOfId(entry.account), entry.head.n, entry.head.hash];
		case 'kit': {
			const { account, madeAtMs, positions, check, checkedAtMs } = entry;
			return [11, bytesOfId(account), madeAtMs, [...positions], check, checkedAtMs];
		}
		case 'name':
			return [12, bytesOfId(entry.of), entry.name, entry.namedAtMs];
		case 'carried':
			return [13, bytesOfId(entry.account), entry.identityHash];
	}
}

/** Reads an entry inside a page; null for anything else. */
export function parseKeyringEntry(value: Cbor | undefined): KeyringEntry | null {
	if (!isArray(value) || !isBytes(value[1], idBytes)) return null;
	const [kind, id, ...rest] = value;
	if (!isBytes(id, idBytes)) return null;
	switch (kind) {
		case 1:
			return parseSpace(id, rest);
		case 2:
			return parseHead(id, rest);
		case 3:
			return parseContact(id, rest);
		case 4:
			return parseInvite(id, rest);
		case 5:
			return parseClaimed(id, rest);
		case 6:
			return parseLink(id, rest);
		case 7:
			return rest.length === 0 ? { type: 'closed', of: idFromBytes<InviteId>(id) } : null;
		case 8:
			return rest.length === 1 && isUint(rest[0])
				? { type: 'left', space: idFromBytes<SpaceId>(id), leftAtMs: rest[0] }
				: null;
		case 9:
			return parseDevice(id, rest);
		case 10:
			return parseAccountHead(id, rest);
		case 11:
			return parseKit(id, rest);
		case 12:
			return parseName(id, rest);
		case 13: {
			const [identityHash] = rest;
			if (rest.length !== 1 || !isBytes(identityHash, hashBytes)) return null;
			return { type: 'carried', account: idFromBytes<AccountId>(id), identityHash };
		}
		default:
			return null;
	}
}

type Rest = readonly Cbor[];

const roleOf = (value: Cbor | undefined): Role | undefined =>
	isCount(value) ? roles[value - 1] : undefined;

function parseSpace(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [genesisHash, joinedAtMs] = rest;
	if (rest.length !== 2 || !isBytes(genesisHash, hashBytes) || !isUint(joinedAtMs)) return null;
	return { type: 'space', space: idFromBytes<SpaceId>(id), genesisHash, joinedAtMs };
}

function parseHead(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [seq, hash] = rest;
	if (rest.length !== 2 || !isCount(seq) || !isBytes(hash, hashBytes)) return null;
	return { type: 'head', space: idFromBytes<SpaceId>(id), seq, hash };
}

function parseContact(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [handle, identityHash, comparedAtMs] = rest;
	if (rest.length !== 3 || typeof handle !== 'string') return null;
	if (!isBytes(identityHash, hashBytes)) return null;
	if (comparedAtMs !== null && !isUint(comparedAtMs)) return null;
	const account = idFromBytes<AccountId>(id);
	return { type: 'contact', account, handle, identityHash, comparedAtMs: comparedAtMs ?? null };
}

function parseInvite(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [space, secret, roleNumber, expiresAtMs] = rest;
	const role = roleOf(roleNumber);
	if (rest.length !== 4 || !isBytes(space, idBytes) || role === undefined) return null;
	if (!isBytes(secret, linkSecretBytes) || !isUint(expiresAtMs)) return null;
	return {
		type: 'invite',
		invite: idFromBytes<InviteId>(id),
		space: idFromBytes<SpaceId>(space),
		secret,
		role,
		expiresAtMs
	};
}

function parseClaimed(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [space, genesisHash, seq, hash, inviter, inviterIdentity, ...tail] = rest;
	const [roleNumber, expiresAtMs, spaceName, inviterName] = tail;
	const role = roleOf(roleNumber);
	if (rest.length !== 10 || role === undefined || !isUint(expiresAtMs)) return null;
	if (!isBytes(space, idBytes) || !isBytes(genesisHash, hashBytes)) return null;
	if (!isCount(seq) || !isBytes(hash, hashBytes)) return null;
	if (!isBytes(inviter, idBytes) || !isBytes(inviterIdentity, hashBytes)) return null;
	if (typeof spaceName !== 'string' || typeof inviterName !== 'string') return null;
	return {
		type: 'claimed',
		invite: idFromBytes<InviteId>(id),
		space: idFromBytes<SpaceId>(space),
		genesisHash,
		head: { seq, hash },
		inviter: idFromBytes<AccountId>(inviter),
		inviterIdentity,
		role,
		expiresAtMs,
		spaceName,
		inviterName
	};
}

function parseLink(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [space, secret, account, expiresAtMs, hasPassphrase, label] = rest;
	if (rest.length !== 6 || !isBytes(space, idBytes) || !isBytes(account, idBytes)) return null;
	if (!isBytes(secret, linkSecretBytes) || typeof hasPassphrase !== 'boolean') return null;
	if (expiresAtMs !== null && !isUint(expiresAtMs)) return null;
	if (typeof label !== 'string') return null;
	return {
		type: 'link',
		link: idFromBytes<LinkId>(id),
		space: idFromBytes<SpaceId>(space),
		secret,
		account: idFromBytes<AccountId>(account),
		expiresAtMs: expiresAtMs ?? null,
		hasPassphrase,
		label
	};
}

function parseDevice(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [name, addedAtMs] = rest;
	if (rest.length !== 2 || typeof name !== 'string' || !isUint(addedAtMs)) return null;
	return { type: 'device', device: idFromBytes<DeviceId>(id), name, addedAtMs };
}

function parseName(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [name, namedAtMs] = rest;
	if (rest.length !== 2 || typeof name !== 'string' || !isUint(namedAtMs)) return null;
	return { type: 'name', of: idFromBytes<FactorId>(id), name, namedAtMs };
}

function parseAccountHead(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [n, hash] = rest;
	if (rest.length !== 2 || !isCount(n) || !isBytes(hash, hashBytes)) return null;
	return { type: 'account', account: idFromBytes<AccountId>(id), head: { n, hash } };
}

function parseKit(id: Uint8Array, rest: Rest): KeyringEntry | null {
	const [madeAtMs, places, check, checkedAtMs] = rest;
	if (rest.length !== 4 || !isUint(madeAtMs) || !isBytes(check, hashBytes)) return null;
	if (checkedAtMs !== null && !isUint(checkedAtMs)) return null;
	const positions = parseEach(places, kitCheckWords, parsePosition);
	if (positions?.length !== kitCheckWords || !isRising(positions)) return null;
	const account = idFromBytes<AccountId>(id);
	return { type: 'kit', account, madeAtMs, positions, check, checkedAtMs: checkedAtMs ?? null };
}

const parsePosition = (place: Cbor): number | null =>
	isCount(place) && place <= recoveryCodeWords ? place : null;

const isRising = (places: readonly number[]): boolean =>
	places.every((place, index) => index === 0 || place > (places[index - 1] ?? 0));
