// Every domain-separation string, and the exact bytes that each seal, signature, MAC and derivation
// covers, in one place so that two can never collide unseen. Normative text: docs/formats.md.
//
// Each input is a deterministic CBOR array whose first element is its label, but for commits and
// heads, which are `label ‖ bytes` (the bytes are canonical already), and for what a DPoP proof says
// of a request.
import { concatBytes, utf8Encode } from './bytes.ts';
import { encodeCbor, type Cbor } from './cbor.ts';
import {
	bytesOfId,
	type AccountId,
	type AnyId,
	type DeviceId,
	type Epoch,
	type DeviceLinkId,
	type FactorId,
	type InviteId,
	type ItemId,
	type LinkId,
	type RecoveryId,
	type Seq,
	type SpaceId
} from './ids.ts';

export const labels = {
	accountHead: 'tacet/1 account head',
	accountKey: 'tacet/1 account key',
	accountWrite: 'tacet/1 account write',
	backupCode: 'tacet/1 backup code',
	claim: 'tacet/1 claim',
	claimName: 'tacet/1 claim name',
	commit: 'tacet/1 commit',
	commitment: 'tacet/1 commitment',
	confirm: 'tacet/1 confirm',
	content: 'tacet/1 content',
	copy: 'tacet/1 copy',
	device: 'tacet/1 device',
	deviceLink: 'tacet/1 device link',
	deviceSlot: 'tacet/1 device slot',
	door: 'tacet/1 door',
	event: 'tacet/1 event',
	eventHead: 'tacet/1 event head',
	eventTag: 'tacet/1 event tag',
	factor: 'tacet/1 factor',
	firstGenesis: 'tacet/1 first genesis',
	genesis: 'tacet/1 genesis',
	handle: 'tacet/1 handle',
	handOver: 'tacet/1 hand over',
	head: 'tacet/1 head',
	heartbeat: 'tacet/1 heartbeat',
	identity: 'tacet/1 identity',
	identitySigning: 'tacet/1 identity signing',
	identityKem: 'tacet/1 identity kem',
	invite: 'tacet/1 invite',
	key: 'tacet/1 key',
	kitCheck: 'tacet/1 kit check',
	keyringEpoch: 'tacet/1 keyring epoch',
	keyringGenesis: 'tacet/1 keyring genesis',
	keyslot: 'tacet/1 keyslot',
	link: 'tacet/1 link',
	linkSeed: 'tacet/1 link seed',
	localRecord: 'tacet/1 local record',
	localStore: 'tacet/1 local store',
	network: 'tacet/1 network',
	page: 'tacet/1 page',
	passkeySalt: 'tacet/1 passkey salt',
	passkeySlot: 'tacet/1 passkey slot',
	passphrase: 'tacet/1 passphrase',
	passwordSlot: 'tacet/1 password slot',
	previous: 'tacet/1 previous',
	previousRoot: 'tacet/1 previous root',
	profile: 'tacet/1 profile',
	recoveryApproval: 'tacet/1 recovery approval',
	recoveryCode: 'tacet/1 recovery code',
	recoveryProof: 'tacet/1 recovery proof',
	recoverySlot: 'tacet/1 recovery slot',
	request: 'tacet/1 request',
	safety: 'tacet/1 safety',
	serverKeys: 'tacet/1 server keys',
	session: 'tacet/1 session',
	wrap: 'tacet/1 wrap'
} as const;

/** The kinds of key that a space has. */
export const keyKinds = ['content', 'audit'] as const;
export type KeyKind = (typeof keyKinds)[number];

/** HKDF `info` of a key that needs nothing but its label. */
export const derivationInfo = (label: string): Uint8Array => encodeCbor([label]);

/** HKDF `info` of a space's content key, from the epoch key. */
export const contentKeyInfo = (space: SpaceId, epoch: Epoch): Uint8Array =>
	encodeCbor([labels.content, bytesOfId(space), epoch]);

/** HKDF `info` of the key that seals what one device keeps at rest, from the root. */
export const localStoreInfo = (device: DeviceId): Uint8Array =>
	encodeCbor([labels.localStore, bytesOfId(device)]);

/** AAD of one record in a device's store: which table, which row. */
export const localRecordAad = (device: DeviceId, table: string, row: string): Uint8Array =>
	encodeCbor([labels.localRecord, bytesOfId(device), table, row]);

export interface PagePlace {
	readonly space: SpaceId;
	readonly epoch: Epoch;
	readonly author: AccountId;
	readonly device: DeviceId;
	/** The commit's count, from 1. */
	readonly count: number;
	/** Index of the page in its commit, from 0. */
	readonly index: number;
}

/** AAD of a sealed page. */
export const pageAad = (place: PagePlace): Uint8Array =>
	encodeCbor([
		labels.page,
		bytesOfId(place.space),
		place.epoch,
		bytesOfId(place.author),
		bytesOfId(place.device),
		place.count,
		place.index
	]);

/** AAD of the key of epoch `old`, sealed under the content key of epoch `next`. */
export const previousKeyAad = (space: SpaceId, next: Epoch, old: Epoch): Uint8Array =>
	encodeCbor([labels.previous, bytesOfId(space), next, old]);

/** AAD of the root before a renewal, sealed under a key of the new one; `n` as of the new identity. */
export const previousRootAad = (account: AccountId, n: number): Uint8Array =>
	encodeCbor([labels.previousRoot, bytesOfId(account), n]);

/** Input of the HMAC, keyed with the epoch key, that commits to it. */
export const keyCommitmentInput = (kind: KeyKind, space: SpaceId, epoch: Epoch): Uint8Array =>
	encodeCbor([labels.key, kind, bytesOfId(space), epoch]);

export interface WrapContext {
	readonly kind: KeyKind;
	readonly space: SpaceId;
	/** Epoch of a content key; number of an audit key. */
	readonly number: number;
	readonly recipient: AccountId;
	/** Hash of the recipient's identity entry, 32 bytes. */
	readonly recipientIdentity: Uint8Array;
	readonly sender: AccountId;
	/** Hash of the sender's identity entry, 32 bytes. */
	readonly senderIdentity: Uint8Array;
}

/** HPKE `info` of a key wrapped to a member. */
export const wrapInfo = (context: WrapContext): Uint8Array =>
	encodeCbor([
		labels.wrap,
		context.kind,
		bytesOfId(context.space),
		context.number,
		bytesOfId(context.recipient),
		context.recipientIdentity,
		bytesOfId(context.sender),
		context.senderIdentity
	]);

/** Where an event stands in a space's access log. */
export interface EventPlace {
	readonly space: SpaceId;
	/** From 1. */
	readonly n: number;
	/** Hash of the chain up to the event before, 32 bytes; before the first, zeros. */
	readonly previous: Uint8Array;
}

/** HPKE `info` of an event, which is sealed to the audit public key. */
export const eventInfo = ({ space, n, previous }: EventPlace): Uint8Array =>
	encodeCbor([labels.event, bytesOfId(space), n, previous]);

/** Preimage of the hash of a chain of events; `key` is the audit key's number. */
export const eventHeadInput = (
	{ space, n, previous }: EventPlace,
	{ key, sealed }: { readonly key: number; readonly sealed: Uint8Array }
): Uint8Array => encodeCbor([labels.eventHead, bytesOfId(space), n, previous, key, sealed]);

/**
 * Input of the HMAC by which the edge knows that it has written the like within the hour: the hour
 * since 1970, and of the event everything but its time.
 */
export const eventTagInput = (
	space: SpaceId,
	hour: number,
	event: { readonly kind: number; readonly ids: readonly (AnyId | null)[] }
): Uint8Array =>
	encodeCbor([
		labels.eventTag,
		bytesOfId(space),
		hour,
		event.kind,
		...event.ids.map((id) => id && bytesOfId(id))
	]);

export const keyslotKinds = ['password', 'recovery', 'device', 'passkey'] as const;
export type KeyslotKind = (typeof keyslotKinds)[number];

/** Preimage of what tells whether three words are those of the kit: its places, from 1, and its words. */
export const kitCheckInput = (
	account: AccountId,
	positions: readonly number[],
	words: readonly string[]
): Uint8Array => encodeCbor([labels.kitCheck, bytesOfId(account), [...positions], [...words]]);

export interface KeyslotPlace {
	readonly account: AccountId;
	readonly kind: KeyslotKind;
	/** 16 bytes. */
	readonly slot: Uint8Array;
	/** Which root of the account this is, from 1. */
	readonly generation: number;
}

/** Preimage of what tells a mistyped account key from another one. */
export const accountKeyCheckInput = (key: Uint8Array): Uint8Array =>
	encodeCbor([labels.accountKey, key]);

/** AAD of an account key as a device of the account keeps it. */
export const accountKeyAad = (account: AccountId): Uint8Array =>
	encodeCbor([labels.accountKey, bytesOfId(account)]);

/** Preimage of the input that a passkey's PRF is asked about: one for each account, and no other. */
export const passkeySaltInput = (account: AccountId): Uint8Array =>
	encodeCbor([labels.passkeySalt, bytesOfId(account)]);

/**
 * What the identity signs to spare a recovery its wait.
 *
 * @param thumbprint of the key of the device that recovers, 32 bytes.
 */
export const recoveryApprovalInput = (
	account: AccountId,
	recovery: RecoveryId,
	thumbprint: Uint8Array
): Uint8Array =>
	encodeCbor([labels.recoveryApproval, bytesOfId(account), bytesOfId(recovery), thumbprint]);

/** Preimage of the six digits that tell a recovery, on one device, from others. */
export const recoveryCodeInput = (recovery: RecoveryId, thumbprint: Uint8Array): Uint8Array =>
	encodeCbor([labels.recoveryCode, bytesOfId(recovery), thumbprint]);

/** AAD of the root sealed in a keyslot. */
export const keyslotAad = (place: KeyslotPlace): Uint8Array =>
	encodeCbor([labels.keyslot, bytesOfId(place.account), place.kind, place.slot, place.generation]);

/** What an identity entry's signatures cover: `label ‖ body` (docs/formats.md, Identity entry). */
export const identitySigningInput = (body: Uint8Array): Uint8Array =>
	concatBytes(utf8Encode(labels.identity), body);

/** Preimage of the id under which an item comes back: the hash's first 16 bytes (rule 13). */
export const copyIdInput = (item: ItemId, since: Seq): Uint8Array =>
	encodeCbor([labels.copy, bytesOfId(item), since]);

// Once for each entry of a log: made once, not each time.
const commitLabel = utf8Encode(labels.commit);
const headLabel = utf8Encode(labels.head);

/** What an author signs: `label ‖ commit`. */
export const commitSigningInput = (commit: Uint8Array): Uint8Array =>
	concatBytes(commitLabel, commit);

/** Preimage of head(0): `label ‖ genesis body`. The space id is the hash's first 16 bytes. */
export const genesisInput = (genesis: Uint8Array): Uint8Array =>
	concatBytes(utf8Encode(labels.genesis), genesis);

/** Preimage of head(n): `label ‖ head(n−1) ‖ SHA-256(commit ‖ signature)`. */
export const headInput = (previousHead: Uint8Array, entryHash: Uint8Array): Uint8Array =>
	concatBytes(headLabel, previousHead, entryHash);

/** Preimage of an account log's head: a write, which names the head before it, and its signature. */
export const accountHeadInput = (write: Uint8Array, signature: Uint8Array): Uint8Array =>
	encodeCbor([labels.accountHead, write, signature]);

/** Input of the HMAC, keyed with the OPAQUE session key, that binds a device key to a login. */
export const deviceBindingInput = (
	origin: string,
	handleHash: Uint8Array,
	thumbprint: Uint8Array
): Uint8Array => encodeCbor([labels.device, origin, handleHash, thumbprint]);

/** Input of a keyed hash that names something at the edge (a handle, a network). */
export const keyedNameInput = (label: 'handle' | 'network', name: Cbor): Uint8Array =>
	encodeCbor([labels[label], name]);

/**
 * Preimage of `bh` in a DPoP proof: `query ‖ 0x00 ‖ body`. It has no label: what it separates is said
 * by the claim that it stands in.
 *
 * @param query as it stands in the URL, without its question mark; no URL has a zero byte in it.
 */
export const requestHashInput = (query: string, body: Uint8Array): Uint8Array =>
	concatBytes(utf8Encode(query), new Uint8Array(1), body);

/** Preimage of what the edge keeps of a backup code, which is 10 bytes. */
export const backupCodeInput = (account: AccountId, code: Uint8Array): Uint8Array =>
	encodeCbor([labels.backupCode, bytesOfId(account), code]);

/** HKDF `info` of the key under which an edge seals the factors of one account. */
export const factorKeyInfo = (account: AccountId): Uint8Array =>
	encodeCbor([labels.factor, bytesOfId(account)]);

/** AAD of a factor's data, sealed by the edge. */
export const factorAad = (account: AccountId, factor: FactorId, kind: string): Uint8Array =>
	encodeCbor([labels.factor, bytesOfId(account), bytesOfId(factor), kind]);

/** Input of the HMAC of an access token: `label ‖ token body`. */
export const sessionTokenInput = (body: Uint8Array): Uint8Array =>
	concatBytes(utf8Encode(labels.session), body);

/** AAD of an invitation's record, under a key that derives from the invitation's secret. */
export const inviteRecordAad = (space: SpaceId, invite: InviteId): Uint8Array =>
	encodeCbor([labels.invite, bytesOfId(space), bytesOfId(invite)]);

/** AAD of a share link's record, under a key that derives from the link's secret. */
export const linkRecordAad = (space: SpaceId, link: LinkId): Uint8Array =>
	encodeCbor([labels.link, bytesOfId(space), bytesOfId(link)]);

export interface ClaimPlace {
	readonly space: SpaceId;
	readonly invite: InviteId;
	/** 1 owner, 2 editor, 3 viewer, 4 auditor. */
	readonly role: number;
	readonly expiresAtMs: number;
	/** Hash of the inviter's identity entry, 32 bytes. */
	readonly inviterIdentity: Uint8Array;
	readonly invitee: AccountId;
	/** Hash of the invitee's identity entry, 32 bytes. */
	readonly inviteeIdentity: Uint8Array;
}

/** Input of the HMAC of a claim, keyed from the invitation's secret: neither side can be swapped. */
export const claimInput = (place: ClaimPlace): Uint8Array =>
	encodeCbor([
		labels.claim,
		bytesOfId(place.invite),
		bytesOfId(place.space),
		place.role,
		place.expiresAtMs,
		place.inviterIdentity,
		bytesOfId(place.invitee),
		place.inviteeIdentity
	]);

/** AAD of the name of whoever claims, under a key that derives from the invitation's secret. */
export const claimNameAad = (invite: InviteId, invitee: AccountId): Uint8Array =>
	encodeCbor([labels.claimName, bytesOfId(invite), bytesOfId(invitee)]);

/** HPKE `info` of an invitation that is sent to an account by its handle. */
export const requestInfo = (recipient: AccountId, recipientIdentity: Uint8Array): Uint8Array =>
	encodeCbor([labels.request, bytesOfId(recipient), recipientIdentity]);

/** What the sender's identity signs of a request: who it is for, and what it says. */
export const requestSigningInput = (
	recipient: AccountId,
	recipientIdentity: Uint8Array,
	body: Uint8Array
): Uint8Array => encodeCbor([labels.request, bytesOfId(recipient), recipientIdentity, body]);

/** Preimage of the safety words of two identities: the lesser hash first, so that both see alike. */
export const safetyInput = (lesser: Uint8Array, greater: Uint8Array): Uint8Array =>
	encodeCbor([labels.safety, lesser, greater]);

/** AAD of what a new device says first (`claim`), and of what it is handed over (`handOver`). */
export const deviceLinkAad = (step: 'claim' | 'handOver', link: DeviceLinkId): Uint8Array =>
	encodeCbor([step === 'claim' ? labels.deviceLink : labels.handOver, bytesOfId(link)]);

/** Input of the HMAC that gives the code to compare when a device is linked. */
export const confirmInput = (link: DeviceLinkId, nonce: Uint8Array): Uint8Array =>
	encodeCbor([labels.confirm, bytesOfId(link), nonce]);
