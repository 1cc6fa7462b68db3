// What the log of a space amounts to after a position, as far as rules 1 to 9 ask: head, members,
// open epoch, counts. Pure data and its bytes; the rules that move it on are in log-rules.ts.
//
//   state = CBOR [ version 1, space (16), genesis hash (32)|null, seq, head (32),
//     members [ [account (16), role 1–4, kind 0–2, identity entry] ],
//     open epoch, epoch owed, audit owed,
//     commitments [ [epoch, commitment (32)] ],
//     audit null|[number, X-Wing public key (1,216)],
//     settings null|[retention days, default expiry days|null, links allowed],
//     last admin seq, counts [ [account (16), device (16), count] ] ]
import { decodeCbor, encodeCbor, type Cbor } from '../protocol/cbor.ts';
import {
	memberKinds,
	roles,
	type AuditKeyChange,
	type Head,
	type MemberKind,
	type Role,
	type SpaceSettings
} from '../protocol/commit.ts';
import {
	bytesOfId,
	idBytes,
	idFromBytes,
	type AccountId,
	type DeviceId,
	type Epoch,
	type Seq,
	type SpaceId
} from '../protocol/ids.ts';
import { hashBytes, xwingPublicKeyBytes } from '../protocol/limits.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { isArray, isBytes, isCount, isUint, parseEach } from '../protocol/shape.ts';
import { readIdentity, type Identity } from './identity.ts';
import { PersistentMap } from './persistent-map.ts';

export interface Member {
	readonly account: AccountId;
	readonly role: Role;
	readonly kind: MemberKind;
	/** As pinned in the member entry: commits are verified by its key and nothing else. */
	readonly identity: Identity;
}

/** Names a device of an account in the table of counts. */
export type CountKey = `${AccountId}/${DeviceId}`;
export const countKey = (account: AccountId, device: DeviceId): CountKey => `${account}/${device}`;

export interface LogState {
	readonly space: SpaceId;
	/** head(0) in full, 32 bytes; null before entry 1. */
	readonly genesisHash: Uint8Array | null;
	/** Before entry 1: seq 0, and 32 zeros that nothing compares with. */
	readonly head: Head;
	readonly members: ReadonlyMap<AccountId, Member>;
	/** 0 before entry 1. */
	readonly openEpoch: Epoch;
	/** A member left by themselves: the next page must open an epoch first. */
	readonly epochOwed: boolean;
	readonly auditOwed: boolean;
	readonly commitments: ReadonlyMap<Epoch, Uint8Array>;
	readonly audit: AuditKeyChange | null;
	readonly settings: SpaceSettings | null;
	readonly lastAdminSeq: Seq;
	/** Kept for ever, through removal and return, so that no signed bytes ever count twice. */
	readonly counts: PersistentMap<CountKey, number>;
}

/** The state of a space before its first entry. */
export const emptyLog = (space: SpaceId): LogState => ({
	space,
	genesisHash: null,
	head: { seq: 0, hash: new Uint8Array(hashBytes) },
	members: new Map(),
	openEpoch: 0,
	epochOwed: false,
	auditOwed: false,
	commitments: new Map(),
	audit: null,
	settings: null,
	lastAdminSeq: 0,
	counts: new PersistentMap()
});

/** Roles that read content, and so hold content keys. */
export const readsContent = (role: Role): boolean => role !== 'auditor';
/** Roles that hold the private half of the audit key. */
export const readsAudit = (role: Role): boolean => role === 'owner' || role === 'auditor';
/** Roles whose pages count. */
export const writesItems = (role: Role): boolean => role === 'owner' || role === 'editor';

/** Canonical bytes of a state: a snapshot to go on from. */
export const encodeLogState = (state: LogState): Uint8Array =>
	encodeCbor([
		1,
		bytesOfId(state.space),
		state.genesisHash,
		state.head.seq,
		state.head.hash,
		[...state.members.values()].map((member) => [
			bytesOfId(member.account),
			roles.indexOf(member.role) + 1,
			memberKinds.indexOf(member.kind),
			member.identity.bytes
		]),
		state.openEpoch,
		state.epochOwed,
		state.auditOwed,
		[...state.commitments].map(([epoch, commitment]) => [epoch, commitment]),
		state.audit === null ? null : [state.audit.number, state.audit.publicKey],
		state.settings === null
			? null
			: [
					state.settings.retentionDays,
					state.settings.defaultExpiryDays,
					state.settings.linksAllowed
				],
		state.lastAdminSeq,
		[...state.counts].map(([key, count]) => [
			bytesOfId(key.slice(0, 2 * idBytes) as AccountId),
			bytesOfId(key.slice(2 * idBytes + 1) as DeviceId),
			count
		])
	]);

/** Beyond every limit of members and devices; a snapshot is written by its own reader. */
const maxSnapshotElements = 1_000_000;

/** Reads a snapshot; whoever stored it vouches for it (sealed, or in the edge's own table). */
export function parseLogState(bytes: Uint8Array): Result<LogState, 'malformed'> {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !isArray(decoded.value, 14)) return err('malformed');
	const [version, space, genesisHash, seq, hash, memberList, ...rest] = decoded.value;
	const [openEpoch, epochOwed, auditOwed, commitmentList, ...tail] = rest;
	const [auditPart, settingsPart, lastAdminSeq, countList] = tail;
	if (version !== 1 || !isBytes(space, idBytes)) return err('malformed');
	if (genesisHash !== null && !isBytes(genesisHash, hashBytes)) return err('malformed');
	if (!isUint(seq) || !isBytes(hash, hashBytes)) return err('malformed');
	if (!isUint(openEpoch) || !isUint(lastAdminSeq)) return err('malformed');
	if (typeof epochOwed !== 'boolean' || typeof auditOwed !== 'boolean') return err('malformed');
	const members = parseEach(memberList, maxSnapshotElements, parseMember);
	const commitments = parseEach(commitmentList, maxSnapshotElements, parseCommitment);
	const counts = parseEach(countList, maxSnapshotElements, parseCount);
	const audit = parseAudit(auditPart);
	const settings = parseSettings(settingsPart);
	if (members === null || commitments === null || counts === null) return err('malformed');
	if (audit === undefined || settings === undefined) return err('malformed');
	return ok({
		space: idFromBytes<SpaceId>(space),
		genesisHash: genesisHash ?? null,
		head: { seq, hash },
		members: new Map(members.map((member) => [member.account, member])),
		openEpoch,
		epochOwed,
		auditOwed,
		commitments: new Map(commitments),
		audit,
		settings,
		lastAdminSeq,
		counts: new PersistentMap(new Map(counts))
	});
}

function parseMember(value: Cbor): Member | null {
	if (!isArray(value, 4)) return null;
	const [account, roleNumber, kindNumber, entry] = value;
	if (!isBytes(account, idBytes) || !isCount(roleNumber) || !isUint(kindNumber)) return null;
	const role = roles[roleNumber - 1];
	const kind = memberKinds[kindNumber];
	const identity = isBytes(entry) ? readIdentity(entry) : null;
	if (role === undefined || kind === undefined || !identity?.ok) return null;
	return { account: idFromBytes<AccountId>(account), role, kind, identity: identity.value };
}

function parseCommitment(value: Cbor): [Epoch, Uint8Array] | null {
	if (!isArray(value, 2)) return null;
	const [epoch, commitment] = value;
	return isCount(epoch) && isBytes(commitment, hashBytes) ? [epoch, commitment] : null;
}

function parseCount(value: Cbor): [CountKey, number] | null {
	if (!isArray(value, 3)) return null;
	const [account, device, count] = value;
	if (!isBytes(account, idBytes) || !isBytes(device, idBytes) || !isCount(count)) return null;
	return [countKey(idFromBytes<AccountId>(account), idFromBytes<DeviceId>(device)), count];
}

function parseAudit(value: Cbor | undefined): AuditKeyChange | null | undefined {
	if (value === null) return null;
	if (!isArray(value, 2)) return undefined;
	const [number, publicKey] = value;
	if (!isCount(number) || !isBytes(publicKey, xwingPublicKeyBytes)) return undefined;
	return { number, publicKey };
}

function parseSettings(value: Cbor | undefined): SpaceSettings | null | undefined {
	if (value === null) return null;
	if (!isArray(value, 3)) return undefined;
	const [retentionDays, defaultExpiryDays, linksAllowed] = value;
	if (!isUint(retentionDays) || typeof linksAllowed !== 'boolean') return undefined;
	if (defaultExpiryDays !== null && !isCount(defaultExpiryDays)) return undefined;
	return { retentionDays, defaultExpiryDays: defaultExpiryDays ?? null, linksAllowed };
}
