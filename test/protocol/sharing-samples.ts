// Samples and generators of what sharing adds: heartbeats, invitations, links, requests, device
// links, keyring entries.
import fc from 'fast-check';
import { auditEventKinds, type AuditEvent } from '../../protocol/audit-event.ts';
import { roles } from '../../protocol/commit.ts';
import { encodeHeartbeat, type Heartbeat } from '../../protocol/heartbeat.ts';
import {
	idFromBytes,
	type AccountId,
	type AnyId,
	type DeviceId,
	type DeviceLinkId,
	type FactorId,
	type InviteId,
	type LinkId,
	type SpaceId
} from '../../protocol/ids.ts';
import type { DeviceClaim, HandOver, InviteRecord, RequestBody } from '../../protocol/invite.ts';
import type { KeyringEntry } from '../../protocol/keyring-entry.ts';
import {
	claimInput,
	claimNameAad,
	confirmInput,
	deviceLinkAad,
	eventHeadInput,
	eventInfo,
	eventTagInput,
	inviteRecordAad,
	linkRecordAad,
	requestInfo,
	kitCheckInput,
	requestSigningInput,
	safetyInput,
	type EventPlace
} from '../../protocol/labels.ts';

const bytesFrom = (first: number, length: number): Uint8Array =>
	Uint8Array.from({ length }, (_, index) => (first + index) & 0xff);
const idFrom = <Kind extends AnyId>(first: number): Kind => idFromBytes<Kind>(bytesFrom(first, 16));

const space = idFrom<SpaceId>(1);
const account = idFrom<AccountId>(17);
const device = idFrom<DeviceId>(33);
const invite = idFrom<InviteId>(81);
const link = idFrom<LinkId>(113);
const deviceLink = idFrom<DeviceLinkId>(129);
const hash = bytesFrom(65, 32);
const secret = bytesFrom(145, 32);
const head = { seq: 256, hash };

export const sampleHeartbeat: Heartbeat = {
	...{ space, account, device, head, audit: { n: 24, hash: bytesFrom(67, 32) } },
	timeMs: 1_764_000_000_000
};
export const sampleSignedHeartbeat = {
	body: encodeHeartbeat(sampleHeartbeat),
	signature: bytesFrom(97, 64)
};

export const sampleEvent: AuditEvent = {
	...{ kind: 'link_opened', timeMs: 1_764_000_000_000 },
	...{ account, device, subject: link }
};
export const sampleEventPlace: EventPlace = { space, n: 24, previous: hash };

export const sampleInviteRecord: InviteRecord = {
	...{ space, genesisHash: hash, head, inviter: account, inviterIdentity: bytesFrom(66, 32) },
	...{ role: 'editor', expiresAtMs: 1_764_000_000_000, spaceName: 'Küche', inviterName: 'ada' }
};
export const sampleLinkRecord: InviteRecord = {
	...sampleInviteRecord,
	...{ role: 'viewer', expiresAtMs: null, spaceName: '' }
};
export const sampleRequestBody: RequestBody = {
	...{ space, invite, secret, senderEntry: bytesFrom(9, 40), senderName: 'ada' }
};
export const sampleHandOver: HandOver = {
	...{ handle: 'ada', serverPublicKey: bytesFrom(7, 32), accountKey: bytesFrom(8, 16) },
	keyringHead: head
};
export const sampleDeviceClaim: DeviceClaim = { nonce: bytesFrom(3, 16), deviceName: 'Laptop' };

export const sampleEntries: readonly KeyringEntry[] = [
	{ type: 'space', space, genesisHash: hash, joinedAtMs: 3 },
	{ type: 'head', space, seq: 4, hash },
	{ type: 'contact', account, handle: 'bob', identityHash: hash, comparedAtMs: 5 },
	{ type: 'contact', account, handle: 'bob', identityHash: hash, comparedAtMs: null },
	{ type: 'invite', invite, space, secret, role: 'owner', expiresAtMs: 6 },
	{
		...{ type: 'claimed', invite, space, genesisHash: hash, head, inviter: account },
		...{ inviterIdentity: bytesFrom(66, 32), role: 'viewer', expiresAtMs: 7 },
		...{ spaceName: 'Küche', inviterName: 'ada' }
	},
	{
		...{ type: 'link', link, space, secret, account, expiresAtMs: 8 },
		...{ hasPassphrase: true, label: 'For the printer' }
	},
	{
		...{ type: 'link', link, space, secret, account, expiresAtMs: null },
		...{ hasPassphrase: false, label: '' }
	},
	{ type: 'closed', of: invite },
	{ type: 'left', space, leftAtMs: 9 },
	{ type: 'device', device, name: 'Laptop', addedAtMs: 10 },
	{ type: 'account', account, head: { n: 11, hash } },
	{
		...{ type: 'kit', account, madeAtMs: 12, positions: [1, 7, 12] },
		...{ check: hash, checkedAtMs: null }
	},
	{ type: 'kit', account, madeAtMs: 12, positions: [2, 3, 4], check: hash, checkedAtMs: 13 },
	{ type: 'name', of: idFromBytes<FactorId>(bytesFrom(70, 16)), name: 'Blue key', namedAtMs: 14 }
];

/** Deterministic arrays that begin with their label. */
export const sharingInputs = {
	claim: claimInput({
		...{ space, invite, role: 2, expiresAtMs: 1_764_000_000_000, inviterIdentity: hash },
		...{ invitee: account, inviteeIdentity: bytesFrom(66, 32) }
	}),
	claimName: claimNameAad(invite, account),
	confirm: confirmInput(deviceLink, bytesFrom(3, 16)),
	deviceLink: deviceLinkAad('claim', deviceLink),
	event: eventInfo(sampleEventPlace),
	eventHead: eventHeadInput(sampleEventPlace, { key: 2, sealed: bytesFrom(5, 60) }),
	eventTag: eventTagInput(space, 490_000, { kind: 1, ids: [account, null, link] }),
	handOver: deviceLinkAad('handOver', deviceLink),
	heartbeat: encodeHeartbeat(sampleHeartbeat),
	invite: inviteRecordAad(space, invite),
	kitCheck: kitCheckInput(account, [1, 7, 12], ['abandon', 'zebra', 'zoo']),
	link: linkRecordAad(space, link),
	request: requestSigningInput(account, hash, bytesFrom(1, 20)),
	safety: safetyInput(hash, bytesFrom(66, 32))
};
/** Its label is that of what a sender signs; the one is signed, the other an HPKE `info`. */
export const sampleRequestInfo = requestInfo(account, hash);

const someBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const someId = <Kind extends AnyId>() => someBytes(16).map((bytes) => idFromBytes<Kind>(bytes));
const someText = fc.string({ unit: 'grapheme', maxLength: 30 });
const uint = fc.maxSafeNat();
const count = uint.map((number) => Math.max(number, 1));
const orNull = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });
const someHash = someBytes(32);
const someHead = fc.record({ seq: count, hash: someHash });
const someRole = fc.constantFrom(...roles);
const typed = <Type extends string>(type: Type) => fc.constant(type);

export const someHeartbeat: fc.Arbitrary<Heartbeat> = fc.record({
	space: someId<SpaceId>(),
	account: someId<AccountId>(),
	device: someId<DeviceId>(),
	head: someHead,
	audit: orNull(fc.record({ n: count, hash: someHash })),
	timeMs: uint
});
export const someEvent: fc.Arbitrary<AuditEvent> = fc.record({
	kind: fc.constantFrom(...auditEventKinds),
	timeMs: uint,
	account: orNull(someId<AccountId>()),
	device: orNull(someId<DeviceId>()),
	subject: orNull(someId<LinkId>())
});
export const someInviteRecord: fc.Arbitrary<InviteRecord> = fc.record({
	space: someId<SpaceId>(),
	genesisHash: someHash,
	head: someHead,
	inviter: someId<AccountId>(),
	inviterIdentity: someHash,
	role: someRole,
	expiresAtMs: orNull(uint),
	spaceName: someText,
	inviterName: someText
});
export const someEntry: fc.Arbitrary<KeyringEntry> = fc.oneof(
	fc.record({
		type: typed('space'),
		space: someId<SpaceId>(),
		genesisHash: someHash,
		joinedAtMs: uint
	}),
	fc.record({ type: typed('head'), space: someId<SpaceId>(), seq: count, hash: someHash }),
	fc.record({
		type: typed('contact'),
		account: someId<AccountId>(),
		handle: someText,
		identityHash: someHash,
		comparedAtMs: orNull(uint)
	}),
	fc.record({
		type: typed('invite'),
		invite: someId<InviteId>(),
		space: someId<SpaceId>(),
		secret: someHash,
		role: someRole,
		expiresAtMs: uint
	}),
	fc.record({
		type: typed('claimed'),
		invite: someId<InviteId>(),
		space: someId<SpaceId>(),
		genesisHash: someHash,
		head: someHead,
		inviter: someId<AccountId>(),
		inviterIdentity: someHash,
		role: someRole,
		expiresAtMs: uint,
		spaceName: someText,
		inviterName: someText
	}),
	fc.record({
		type: typed('link'),
		link: someId<LinkId>(),
		space: someId<SpaceId>(),
		secret: someHash,
		account: someId<AccountId>(),
		expiresAtMs: orNull(uint),
		hasPassphrase: fc.boolean(),
		label: someText
	}),
	fc.record({ type: typed('closed'), of: someId<InviteId>() }),
	fc.record({ type: typed('left'), space: someId<SpaceId>(), leftAtMs: uint }),
	fc.record({
		type: typed('device'),
		device: someId<DeviceId>(),
		name: someText,
		addedAtMs: uint
	}),
	fc.record({
		type: typed('account'),
		account: someId<AccountId>(),
		head: fc.record({ n: count, hash: someHash })
	}),
	fc.record({
		type: typed('kit'),
		account: someId<AccountId>(),
		madeAtMs: uint,
		positions: fc.constantFrom([1, 2, 3], [1, 7, 12], [10, 11, 12]),
		check: someHash,
		checkedAtMs: orNull(uint)
	}),
	fc.record({
		...{ type: typed('name'), of: someId<FactorId>() },
		...{ name: someText, namedAtMs: uint }
	})
);
