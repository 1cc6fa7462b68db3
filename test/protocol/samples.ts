// One fixed sample of every format, generators of all that the parsers must accept, and the ways in
// which bytes go wrong.
import fc from 'fast-check';
import { expect } from 'vitest';
import { decodeCbor, encodeCbor, type Cbor } from '../../protocol/cbor.ts';
import {
	encodeCommit,
	encodeGenesis,
	memberKinds,
	roles,
	type Admin,
	type Commit,
	type Genesis
} from '../../protocol/commit.ts';
import { wireErrors, type WireErrorCode } from '../../protocol/errors.ts';
import type { ClientFrame, Entry, SpaceFrame } from '../../protocol/frames.ts';
import { encodeIdentityBody, type IdentityBody } from '../../protocol/identity.ts';
import {
	idFromBytes,
	type AccountId,
	type DeviceId,
	type FactorId,
	type ItemId,
	type SpaceId
} from '../../protocol/ids.ts';
import {
	accountKeyAad,
	backupCodeInput,
	commitSigningInput,
	contentKeyInfo,
	copyIdInput,
	deviceBindingInput,
	factorAad,
	genesisInput,
	headInput,
	identitySigningInput,
	keyCommitmentInput,
	keyedNameInput,
	keyKinds,
	keyslotAad,
	localRecordAad,
	localStoreInfo,
	pageAad,
	passkeySaltInput,
	previousKeyAad,
	previousRootAad,
	sessionTokenInput,
	wrapInfo
} from '../../protocol/labels.ts';
import { keyringItem } from '../../protocol/keyring-entry.ts';
import { nameKinds, type Change } from '../../protocol/page.ts';
import type { Result } from '../../protocol/result.ts';
import { accountInputs } from './account-samples.ts';
import {
	sampleEntries,
	sampleSignedHeartbeat,
	sharingInputs,
	someEntry
} from './sharing-samples.ts';

/** `length` bytes, counting up from `first`. */
export const bytesFrom = (first: number, length: number): Uint8Array =>
	Uint8Array.from({ length }, (_, index) => (first + index) & 0xff);

export const space = idFromBytes<SpaceId>(bytesFrom(1, 16));
export const account = idFromBytes<AccountId>(bytesFrom(17, 16));
export const device = idFromBytes<DeviceId>(bytesFrom(33, 16));
export const item = idFromBytes<ItemId>(bytesFrom(49, 16));
const hash = bytesFrom(65, 32);
const signature = bytesFrom(97, 64);

export const sampleIdentityBody: IdentityBody = {
	account: null,
	n: 1,
	previousHash: null,
	signingKey: bytesFrom(5, 32),
	kemKey: bytesFrom(6, 1_216)
};
export const sampleIdentity = {
	bodyBytes: encodeIdentityBody(sampleIdentityBody),
	signature,
	previousSignature: null
};
export const sampleRenewal = {
	bodyBytes: encodeIdentityBody({ ...sampleIdentityBody, account, n: 2, previousHash: hash }),
	signature,
	previousSignature: bytesFrom(98, 64)
};

export const sampleAdmin: Admin = {
	members: [
		{ account, role: 'editor', kind: 'link', identityEntry: bytesFrom(9, 20) },
		{ account, role: null, kind: 'person', identityEntry: null }
	],
	epoch: { number: 2, commitment: hash, previousHash: bytesFrom(66, 32) },
	audit: { number: 1, publicKey: bytesFrom(7, 1_216) },
	wraps: [{ kind: 'audit', number: 1, recipient: account, hash }],
	settings: { retentionDays: 30, defaultExpiryDays: 7, linksAllowed: true }
};
export const sampleCommit: Commit = {
	space,
	author: account,
	identity: hash,
	device,
	count: 24,
	seen: { seq: 256, hash },
	timeMs: 1_764_000_000_000,
	pages: [
		{ epoch: 1, lengthBytes: 168, hash, expiresAtMs: null },
		{ epoch: 2, lengthBytes: 65_576, hash, expiresAtMs: 1_765_000_000_000 }
	],
	supersedes: [{ seq: 3, index: 0 }],
	purge: [{ seq: 4, index: 63 }],
	admin: sampleAdmin,
	genesis: bytesFrom(3, 8)
};
export const smallCommit: Commit = {
	...sampleCommit,
	pages: sampleCommit.pages.slice(0, 1),
	supersedes: [],
	purge: [],
	admin: null,
	genesis: null
};
export const sampleGenesis: Genesis = { creator: account, creatorIdentity: hash, random: hash };

export const sampleChanges: readonly Change[] = [
	{ type: 'seed', item, seed: { createdAtMs: 1, title: 'Ü', body: '\ufeffb\n', path: null } },
	{ type: 'seed', item, seed: { createdAtMs: 2, title: '', body: '', path: 'a/b.md' } },
	{ type: 'update', item, update: bytesFrom(1, 30) },
	{ type: 'tombstone', item },
	...sampleEntries.map((entry): Change => ({ type: 'keyring', item: keyringItem(entry), entry })),
	{ type: 'name', item, kind: 'space', name: 'Küche' },
	{ type: 'name', item, kind: 'item', name: '' },
	{ type: 'name', item, kind: 'member', name: 'dora' },
	{ type: 'update', item, update: bytesFrom(1, 30), writtenMs: 1_764_000_000_000 }
];

const entry: Entry = {
	seq: 5,
	commit: bytesFrom(1, 40),
	signature,
	pages: [bytesFrom(2, 30), null],
	wraps: [{ index: 0, wrap: bytesFrom(8, 1_168) }],
	previousKey: bytesFrom(4, 72)
};
const { commit, pages, previousKey } = entry;
export const clientFrames: readonly ClientFrame[] = [
	{
		type: 'append',
		commit,
		signature,
		pages: [pages[0]!],
		wraps: [bytesFrom(8, 1_168)],
		previousKey
	},
	{ type: 'append', commit, signature, pages: [], wraps: [], previousKey: null },
	{ type: 'pull', after: 0 },
	{ type: 'fetch', pages: [{ seq: 1, index: 0 }] },
	{ type: 'beat', heartbeat: sampleSignedHeartbeat },
	{
		type: 'put_back',
		after: { seq: 0, hash },
		entries: [
			{ commit, signature, pages: [pages[0]!, null], wraps: [bytesFrom(8, 1_168)], previousKey },
			{ commit, signature, pages: [], wraps: [], previousKey: null }
		]
	}
];
export const spaceFrames: readonly SpaceFrame[] = [
	{ type: 'hello', offered: { seq: 0, hash } },
	{ type: 'entries', entries: [entry], offered: { seq: 9, hash } },
	{ type: 'appended', count: 1, seq: 5 },
	{ type: 'refused', count: 2, refusal: { code: 'stale_epoch' } },
	{ type: 'refused', count: null, refusal: { code: 'rate_limited', retryAfterSeconds: 30 } },
	{
		type: 'pages',
		pages: [
			{ seq: 1, index: 0, page: bytesFrom(2, 30) },
			{ seq: 1, index: 1, page: null }
		]
	},
	{ type: 'heartbeats', heartbeats: [] },
	{ type: 'heartbeats', heartbeats: [sampleSignedHeartbeat, sampleSignedHeartbeat] },
	{ type: 'notice' },
	{ type: 'stands', offered: { seq: 9, hash } },
	{ type: 'account' }
];

const someBytes = (min: number, max: number = min): fc.Arbitrary<Uint8Array> =>
	fc.uint8Array({ minLength: min, maxLength: max });
const someId = <Kind extends AccountId | DeviceId | ItemId | SpaceId>() =>
	someBytes(16).map((bytes) => idFromBytes<Kind>(bytes));
const uint = fc.maxSafeNat();
const count = uint.map((number) => Math.max(number, 1));
const someHash = someBytes(32);
const orNull = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });
const pageIds = fc.array(fc.record({ seq: count, index: uint }), { maxLength: 5 });
const someText = fc.string({ unit: 'grapheme', maxLength: 40 });

const someAdmin: fc.Arbitrary<Admin> = fc.record({
	members: fc.array(
		fc.record({
			account: someId<AccountId>(),
			role: orNull(fc.constantFrom(...roles)),
			kind: fc.constantFrom(...memberKinds),
			identityEntry: orNull(someBytes(0, 30))
		}),
		{ minLength: 1, maxLength: 3 }
	),
	epoch: orNull(fc.record({ number: count, commitment: someHash, previousHash: orNull(someHash) })),
	audit: orNull(fc.record({ number: count, publicKey: fc.constant(bytesFrom(1, 1_216)) })),
	wraps: fc.array(
		fc.record({
			kind: fc.constantFrom(...keyKinds),
			number: count,
			recipient: someId<AccountId>(),
			hash: someHash
		}),
		{ maxLength: 3 }
	),
	settings: orNull(
		fc.record({
			retentionDays: uint,
			defaultExpiryDays: orNull(count),
			linksAllowed: fc.boolean()
		})
	)
});

export const someCommit: fc.Arbitrary<Commit> = fc.record({
	space: someId<SpaceId>(),
	author: someId<AccountId>(),
	identity: someHash,
	device: someId<DeviceId>(),
	count,
	seen: fc.record({ seq: uint, hash: someHash }),
	timeMs: uint,
	pages: fc.array(
		fc.record({
			epoch: count,
			lengthBytes: fc.integer({ min: 1, max: 1_150_000 }),
			hash: someHash,
			expiresAtMs: orNull(uint)
		}),
		{ minLength: 1, maxLength: 4 }
	),
	supersedes: pageIds,
	purge: pageIds,
	admin: orNull(someAdmin),
	genesis: orNull(someBytes(0, 40))
});

export const someChanges: fc.Arbitrary<readonly Change[]> = fc.array(
	fc.oneof(
		fc.record({
			type: fc.constant('seed' as const),
			item: someId<ItemId>(),
			seed: fc.record({
				createdAtMs: uint,
				title: someText,
				body: someText,
				path: orNull(someText)
			})
		}),
		fc.record({
			type: fc.constant('update' as const),
			item: someId<ItemId>(),
			update: someBytes(0, 50)
		}),
		fc.record({ type: fc.constant('tombstone' as const), item: someId<ItemId>() }),
		fc.record({
			type: fc.constant('keyring' as const),
			item: someId<ItemId>(),
			entry: someEntry
		}),
		fc.record({
			type: fc.constant('name' as const),
			item: someId<ItemId>(),
			kind: fc.constantFrom(...nameKinds),
			name: someText
		})
	),
	{ minLength: 1, maxLength: 5 }
);

const somePages = fc.array(someBytes(0, 60), { maxLength: 3 });
const someWrap = fc.nat(255).map((first) => bytesFrom(first, 1_168));
const someSignedHeartbeat = fc.record({ body: someBytes(0, 200), signature: someBytes(64) });
const offered = fc.record({ seq: uint, hash: someHash });
export const someClientFrame: fc.Arbitrary<ClientFrame> = fc.oneof(
	fc.record({
		type: fc.constant('append' as const),
		commit: someBytes(0, 90),
		signature: someBytes(64),
		pages: somePages,
		wraps: fc.array(someWrap, { maxLength: 2 }),
		previousKey: orNull(someBytes(72))
	}),
	fc.record({ type: fc.constant('pull' as const), after: uint }),
	fc.record({
		type: fc.constant('fetch' as const),
		pages: fc.array(fc.record({ seq: count, index: uint }), { minLength: 1, maxLength: 5 })
	}),
	fc.record({ type: fc.constant('beat' as const), heartbeat: someSignedHeartbeat }),
	fc.record({
		type: fc.constant('put_back' as const),
		after: offered,
		entries: fc.array(
			fc.record({
				commit: someBytes(0, 60),
				signature: someBytes(64),
				pages: fc.array(orNull(someBytes(0, 30)), { maxLength: 3 }),
				wraps: fc.array(someWrap, { maxLength: 1 }),
				previousKey: orNull(someBytes(72))
			}),
			{ minLength: 1, maxLength: 3 }
		)
	})
);
export const someSpaceFrame: fc.Arbitrary<SpaceFrame> = fc.oneof(
	fc.record({ type: fc.constant('hello' as const), offered }),
	fc.record({
		type: fc.constant('entries' as const),
		entries: fc.array(
			fc.record({
				seq: count,
				commit: someBytes(0, 60),
				signature: someBytes(64),
				pages: fc.array(orNull(someBytes(0, 30)), { maxLength: 3 }),
				wraps: fc.array(fc.record({ index: uint, wrap: someWrap }), { maxLength: 1 }),
				previousKey: orNull(someBytes(72))
			}),
			{ maxLength: 3 }
		),
		offered
	}),
	fc.record({ type: fc.constant('appended' as const), count, seq: count }),
	fc.record({
		type: fc.constant('refused' as const),
		count: orNull(count),
		refusal: fc.oneof(
			fc.record({ code: fc.constantFrom(...(Object.keys(wireErrors) as WireErrorCode[])) }),
			fc.record({ code: fc.constant('unavailable' as const), retryAfterSeconds: uint })
		)
	}),
	fc.record({
		type: fc.constant('pages' as const),
		pages: fc.array(fc.record({ seq: count, index: uint, page: orNull(someBytes(0, 30)) }), {
			maxLength: 4
		})
	}),
	fc.record({
		type: fc.constant('heartbeats' as const),
		heartbeats: fc.array(someSignedHeartbeat, { maxLength: 3 })
	}),
	fc.constant({ type: 'notice' as const })
);

/** A copy of `bytes` with the value that they encode changed by `edit`. */
export function edited(bytes: Uint8Array, edit: (value: Cbor[]) => void): Uint8Array {
	const decoded = decodeCbor(bytes);
	if (!decoded.ok || !Array.isArray(decoded.value)) throw new Error('no array');
	const value = structuredClone([...(decoded.value as readonly Cbor[])]);
	edit(value);
	return encodeCbor(value);
}

type Parse = (bytes: Uint8Array) => Result<unknown, string>;

/**
 * Whatever bytes come, `parse` answers; and what it accepts is the one encoding of what it read.
 * Each byte of `good` flipped in turn, cut at each length, and extended.
 */
export function expectStrict<Value>(
	parse: (bytes: Uint8Array) => Result<Value, string>,
	encode: (value: Value) => Uint8Array,
	good: Uint8Array
): void {
	expect(parse(good).ok).toBe(true);
	for (let index = 0; index < good.length; index++) {
		for (const bit of [0x01, 0x20, 0x80]) {
			const changed = good.slice();
			changed[index]! ^= bit;
			const parsed = parse(changed);
			if (parsed.ok) expect(encode(parsed.value)).toEqual(changed);
		}
		if (parse(good.subarray(0, index)).ok) throw new Error(`accepted when cut at ${index}`);
	}
	for (const more of [[0], [0xf6], [...good]]) {
		expect(parse(Uint8Array.from([...good, ...more])).ok).toBe(false);
	}
}

/** Random bytes, and random CBOR, never throw. */
export function expectNoThrow(parse: Parse): void {
	fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void parse(bytes)));
	const leaf = fc.oneof(uint, someBytes(0, 33), someText, fc.boolean(), fc.constant(null));
	const { tree } = fc.letrec<{ tree: Cbor; list: Cbor }>((tie) => ({
		tree: fc.oneof({ maxDepth: 3 }, leaf, tie('list')),
		list: fc.array(tie('tree'), { maxLength: 6 })
	}));
	const shaped = fc.tuple(fc.constantFrom(1, 2, 3, 4, 16, 17, 18, 19, 20, 21, 22), fc.array(tree));
	fc.assert(fc.property(shaped, ([first, rest]) => void parse(encodeCbor([first, ...rest]))));
}

const wrapContext = {
	...{ kind: 'content' as const, space, number: 2, recipient: account, sender: account },
	...{ recipientIdentity: hash, senderIdentity: bytesFrom(66, 32) }
};
const pagePlace = { space, epoch: 2, author: account, device, count: 3, index: 1 };
const keyslotPlace = { account, kind: 'recovery' as const, slot: bytesFrom(2, 16), generation: 1 };

/** `label ‖ bytes`: inputs whose bytes are canonical by themselves. */
export const rawInputs = {
	commit: commitSigningInput(encodeCommit(smallCommit)),
	genesis: genesisInput(encodeGenesis(sampleGenesis)),
	head: headInput(hash, bytesFrom(66, 32)),
	identity: identitySigningInput(sampleIdentity.bodyBytes),
	session: sessionTokenInput(bytesFrom(1, 20))
};

/** A deterministic array that begins with its label. */
export const arrayInputs = {
	...sharingInputs,
	...accountInputs,
	accountKey: accountKeyAad(account),
	backupCode: backupCodeInput(account, bytesFrom(7, 10)),
	content: contentKeyInfo(space, 2),
	copy: copyIdInput(item, 3),
	device: deviceBindingInput('https://example.org', hash, bytesFrom(66, 32)),
	handle: keyedNameInput('handle', 'ada'),
	key: keyCommitmentInput('audit', space, 2),
	factor: factorAad(account, idFromBytes<FactorId>(bytesFrom(11, 16)), 'totp'),
	keyslot: keyslotAad(keyslotPlace),
	localRecord: localRecordAad(device, 'pages', '1.0'),
	localStore: localStoreInfo(device),
	network: keyedNameInput('network', bytesFrom(1, 6)),
	page: pageAad(pagePlace),
	passkeySalt: passkeySaltInput(account),
	previous: previousKeyAad(space, 3, 2),
	previousRoot: previousRootAad(account, 2),
	wrap: wrapInfo(wrapContext)
};
