// A commit: what one author adds to the log of a space, signed. Pages travel beside it.
//
//   commit = CBOR [
//     version 1, space (16), author (16), identity hash (32), device (16), count ≥ 1,
//     seen [seq, head (32)], time in ms,
//     pages      [ [epoch, length in bytes of the sealed page, SHA-256 of it (32), expiry ms|null] ],
//     supersedes [ [seq, index] ],
//     purge      [ [seq, index] ],
//     admin      null | [ members [ [account (16), role 0–4, kind 0–2, identity entry|null] ],
//                         epoch null|[number, commitment (32), hash of previous-key record (32)|null],
//                         audit null|[number, X-Wing public key (1,216)],
//                         wraps [ [key kind 0|1, number, recipient (16), SHA-256 of the wrap (32)] ],
//                         settings null|[retention days, default expiry days|null, links allowed] ],
//     genesis    null | genesis body (bstr),
//     checkpoint null (reserved) ]
//
//   genesis body = CBOR [ version 1, creator (16), creator's identity hash (32), 32 random bytes ]
//
// The signature is Ed25519 over `commitSigningInput(commit)`. Rules: docs/protocol.md.
import { decodeCbor, encodeCbor, type Cbor } from './cbor.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceId,
	type Epoch,
	type Seq,
	type SpaceId
} from './ids.ts';
import { keyKinds, type KeyKind } from './labels.ts';
import {
	hashBytes,
	maxCommitBytes,
	maxMembers,
	maxPagesPerCommit,
	maxSealedPageBytes,
	maxSupersedesPerCommit,
	xwingPublicKeyBytes
} from './limits.ts';
import { err, ok, type Result } from './result.ts';
import { isArray, isBytes, isCount, isUint, parseEach } from './shape.ts';

export const roles = ['owner', 'editor', 'viewer', 'auditor'] as const;
export type Role = (typeof roles)[number];
export const memberKinds = ['person', 'link', 'app'] as const;
export type MemberKind = (typeof memberKinds)[number];

/** A place on a chain, and what stands there. */
export interface Head {
	readonly seq: Seq;
	/** 32 bytes. */
	readonly hash: Uint8Array;
}
export interface PageHeader {
	readonly epoch: Epoch;
	readonly lengthBytes: number;
	readonly hash: Uint8Array;
	readonly expiresAtMs: number | null;
}
/** A page's name in its space: the commit that brought it, and its index there. */
export interface PageId {
	readonly seq: Seq;
	readonly index: number;
}
/** `role` null removes the member. A member who is added or whose identity changes brings an entry. */
export interface MemberChange {
	readonly account: AccountId;
	readonly role: Role | null;
	readonly kind: MemberKind;
	readonly identityEntry: Uint8Array | null;
}
export interface EpochOpening {
	readonly number: Epoch;
	readonly commitment: Uint8Array;
	/** Hash of the previous epoch's key sealed under this one; null in epoch 1 or if it is absent. */
	readonly previousHash: Uint8Array | null;
}
export interface AuditKeyChange {
	readonly number: number;
	readonly publicKey: Uint8Array;
}
export interface WrapHeader {
	readonly kind: KeyKind;
	readonly number: number;
	readonly recipient: AccountId;
	readonly hash: Uint8Array;
}
export interface SpaceSettings {
	readonly retentionDays: number;
	readonly defaultExpiryDays: number | null;
	readonly linksAllowed: boolean;
}
export interface Admin {
	readonly members: readonly MemberChange[];
	readonly epoch: EpochOpening | null;
	readonly audit: AuditKeyChange | null;
	readonly wraps: readonly WrapHeader[];
	readonly settings: SpaceSettings | null;
}
export interface Commit {
	readonly space: SpaceId;
	readonly author: AccountId;
	/** Hash of the identity entry whose key signs, 32 bytes. */
	readonly identity: Uint8Array;
	readonly device: DeviceId;
	readonly count: number;
	readonly seen: Head;
	readonly timeMs: number;
	readonly pages: readonly PageHeader[];
	readonly supersedes: readonly PageId[];
	readonly purge: readonly PageId[];
	readonly admin: Admin | null;
	readonly genesis: Uint8Array | null;
}
export interface Genesis {
	readonly creator: AccountId;
	readonly creatorIdentity: Uint8Array;
	readonly random: Uint8Array;
}

const roleNumber = (role: Role | null): number => (role === null ? 0 : roles.indexOf(role) + 1);

const encodePageIds = (ids: readonly PageId[]): Cbor => ids.map(({ seq, index }) => [seq, index]);

/** Canonical bytes of a commit. The caller vouches for its limits; `parseCommit` checks them. */
export const encodeCommit = (commit: Commit): Uint8Array =>
	encodeCbor([
		1,
		bytesOfId(commit.space),
		bytesOfId(commit.author),
		commit.identity,
		bytesOfId(commit.device),
		commit.count,
		[commit.seen.seq, commit.seen.hash],
		commit.timeMs,
		commit.pages.map((page) => [page.epoch, page.lengthBytes, page.hash, page.expiresAtMs]),
		encodePageIds(commit.supersedes),
		encodePageIds(commit.purge),
		commit.admin === null ? null : encodeAdmin(commit.admin),
		commit.genesis,
		null
	]);

function encodeAdmin({ members, epoch, audit, wraps, settings }: Admin): Cbor {
	return [
		members.map((member) => [
			bytesOfId(member.account),
			roleNumber(member.role),
			memberKinds.indexOf(member.kind),
			member.identityEntry
		]),
		epoch === null ? null : [epoch.number, epoch.commitment, epoch.previousHash],
		audit === null ? null : [audit.number, audit.publicKey],
		wraps.map((wrap) => [
			keyKinds.indexOf(wrap.kind),
			wrap.number,
			bytesOfId(wrap.recipient),
			wrap.hash
		]),
		settings === null
			? null
			: [settings.retentionDays, settings.defaultExpiryDays, settings.linksAllowed]
	];
}

/** Canonical bytes of a genesis body. */
export const encodeGenesis = (genesis: Genesis): Uint8Array =>
	encodeCbor([1, bytesOfId(genesis.creator), genesis.creatorIdentity, genesis.random]);

export function parseGenesis(bytes: Uint8Array): Result<Genesis, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 4)) return err('malformed');
	const [version, creator, creatorIdentity, random] = decoded.value;
	if (version !== 1 || !isBytes(creator, idBytes)) return err('malformed');
	if (!isBytes(creatorIdentity, hashBytes) || !isBytes(random, 32)) return err('malformed');
	return ok({ creator: idFromBytes<AccountId>(creator), creatorIdentity, random });
}

/**
 * Reads a commit, rule 1's form: canonical bytes, version 1, within limits, and at least one page,
 * `supersedes` or admin change.
 */
export function parseCommit(bytes: Uint8Array): Result<Commit, 'malformed' | 'too_large'> {
	if (bytes.length > maxCommitBytes) return err('too_large');
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 14)) return err('malformed');
	const [version, space, author, identity, device, count, seen, timeMs, ...rest] = decoded.value;
	const [pageList, supersedeList, purgeList, adminPart, genesis, checkpoint] = rest;
	if (version !== 1 || checkpoint !== null) return err('malformed');
	if (!isBytes(space, idBytes) || !isBytes(author, idBytes)) return err('malformed');
	if (!isBytes(identity, hashBytes) || !isBytes(device, idBytes)) return err('malformed');
	if (!isCount(count) || !isUint(timeMs)) return err('malformed');
	if (!isArray(seen, 2) || !isUint(seen[0]) || !isBytes(seen[1], hashBytes)) {
		return err('malformed');
	}
	if (genesis !== null && !isBytes(genesis)) return err('malformed');
	const pages = parseEach(pageList, maxPagesPerCommit, parsePageHeader);
	const supersedes = parseEach(supersedeList, maxSupersedesPerCommit, parsePageId);
	const purge = parseEach(purgeList, maxSupersedesPerCommit, parsePageId);
	const admin = adminPart === null ? null : parseAdmin(adminPart);
	if (pages === null || supersedes === null || purge === null) return err('malformed');
	if (adminPart !== null && admin === null) return err('malformed');
	if (pages.length + supersedes.length + purge.length === 0 && admin === null) {
		return err('malformed');
	}
	return ok({
		space: idFromBytes<SpaceId>(space),
		author: idFromBytes<AccountId>(author),
		identity,
		device: idFromBytes<DeviceId>(device),
		count,
		seen: { seq: seen[0], hash: seen[1] },
		timeMs,
		pages,
		supersedes,
		purge,
		admin,
		genesis: genesis ?? null
	});
}

function parsePageHeader(value: Cbor): PageHeader | null {
	if (!isArray(value, 4)) return null;
	const [epoch, lengthBytes, hash, expiresAtMs] = value;
	if (!isCount(epoch) || !isCount(lengthBytes) || !isBytes(hash, hashBytes)) return null;
	if (lengthBytes > maxSealedPageBytes) return null;
	if (expiresAtMs !== null && !isUint(expiresAtMs)) return null;
	return { epoch, lengthBytes, hash, expiresAtMs: expiresAtMs ?? null };
}

/** A page id inside a decoded array: [seq ≥ 1, index ≥ 0]. */
export function parsePageId(value: Cbor): PageId | null {
	if (!isArray(value, 2)) return null;
	const [seq, index] = value;
	return isCount(seq) && isUint(index) ? { seq, index } : null;
}

function parseAdmin(value: Cbor | undefined): Admin | null {
	if (!isArray(value, 5)) return null;
	const [memberList, epochPart, auditPart, wrapList, settingsPart] = value;
	const members = parseEach(memberList, maxMembers, parseMemberChange);
	const wraps = parseEach(wrapList, 2 * maxMembers, parseWrapHeader);
	const epoch = epochPart === null ? null : parseEpochOpening(epochPart);
	const audit = auditPart === null ? null : parseAuditKeyChange(auditPart);
	const settings = settingsPart === null ? null : parseSettings(settingsPart);
	if (members === null || wraps === null) return null;
	if (epochPart !== null && epoch === null) return null;
	if (auditPart !== null && audit === null) return null;
	if (settingsPart !== null && settings === null) return null;
	if (members.length + wraps.length === 0 && !epoch && !audit && !settings) return null;
	return { members, epoch, audit, wraps, settings };
}

function parseMemberChange(value: Cbor): MemberChange | null {
	if (!isArray(value, 4)) return null;
	const [account, role, kindNumber, identityEntry] = value;
	if (!isBytes(account, idBytes) || !isUint(role) || role > roles.length) return null;
	const kind = isUint(kindNumber) ? memberKinds[kindNumber] : undefined;
	if (kind === undefined) return null;
	if (identityEntry !== null && !isBytes(identityEntry)) return null;
	return {
		account: idFromBytes<AccountId>(account),
		role: role === 0 ? null : (roles[role - 1] ?? null),
		kind,
		identityEntry: identityEntry ?? null
	};
}

function parseEpochOpening(value: Cbor | undefined): EpochOpening | null {
	if (!isArray(value, 3)) return null;
	const [number, commitment, previousHash] = value;
	if (!isCount(number) || !isBytes(commitment, hashBytes)) return null;
	if (previousHash !== null && !isBytes(previousHash, hashBytes)) return null;
	return { number, commitment, previousHash: previousHash ?? null };
}

function parseAuditKeyChange(value: Cbor | undefined): AuditKeyChange | null {
	if (!isArray(value, 2)) return null;
	const [number, publicKey] = value;
	if (!isCount(number) || !isBytes(publicKey, xwingPublicKeyBytes)) return null;
	return { number, publicKey };
}

function parseWrapHeader(value: Cbor): WrapHeader | null {
	if (!isArray(value, 4)) return null;
	const [kindNumber, number, recipient, hash] = value;
	const kind = isUint(kindNumber) ? keyKinds[kindNumber] : undefined;
	if (kind === undefined || !isCount(number)) return null;
	if (!isBytes(recipient, idBytes) || !isBytes(hash, hashBytes)) return null;
	return { kind, number, recipient: idFromBytes<AccountId>(recipient), hash };
}

function parseSettings(value: Cbor | undefined): SpaceSettings | null {
	if (!isArray(value, 3)) return null;
	const [retentionDays, defaultExpiryDays, linksAllowed] = value;
	if (!isUint(retentionDays) || typeof linksAllowed !== 'boolean') return null;
	if (defaultExpiryDays !== null && !isCount(defaultExpiryDays)) return null;
	return { retentionDays, defaultExpiryDays: defaultExpiryDays ?? null, linksAllowed };
}
