import { describe, expect, test } from 'vitest';
import { sealCommitted } from '../../../crypto/client/key-commitment.ts';
import {
	claimMac,
	deriveFromLinkSecret,
	isClaimMac,
	linkDoorHash,
	linkDoorKey,
	linkPassword,
	openClaimName,
	openInviteRecord,
	sealClaimName,
	sealInviteRecord,
	type RecordPlace
} from '../../../crypto/client/link-secret.ts';
import { openPadded, sealPadded } from '../../../crypto/client/padded-record.ts';
import { preparePassword } from '../../../crypto/client/password.ts';
import { sha256 } from '../../../crypto/hash.ts';
import { hkdf } from '../../../crypto/kdf.ts';
import { isPaddedLength } from '../../../crypto/padding.ts';
import { concatBytes, toHex, utf8Encode } from '../../../protocol/bytes.ts';
import type { AccountId, InviteId, LinkId, SpaceId } from '../../../protocol/ids.ts';
import { encodeInviteRecord, type InviteRecord } from '../../../protocol/invite.ts';
import {
	claimNameAad,
	derivationInfo,
	inviteRecordAad,
	labels,
	type ClaimPlace
} from '../../../protocol/labels.ts';
import { maxInviteRecordBytes, maxSealedNameBytes } from '../../../protocol/limits.ts';
import { ok } from '../../../protocol/result.ts';
import { account, bytesFrom } from '../../protocol/samples.ts';
import { flipped, scripted, valueOf } from '../vectors.ts';
import {
	exportKeyOf,
	failed,
	genesisHash,
	idFrom,
	invite,
	link,
	otherSecret,
	secret,
	space,
	spoilt
} from './link-samples.ts';

const uses = [
	...(['claim', 'claimName', 'confirm', 'deviceLink', 'door'] as const),
	...(['handOver', 'invite', 'link', 'linkSeed', 'passphrase'] as const)
];

describe('the keys of a carried secret', () => {
	test('are these, for ever', () => {
		const derived = uses.map((use) => [use, toHex(deriveFromLinkSecret(secret, use))]);
		expect(Object.fromEntries(derived)).toEqual(lockedKeys);
		const guarded = (['link', 'linkSeed'] as const).map((use) => [
			use,
			toHex(deriveFromLinkSecret(secret, use, exportKeyOf(1)))
		]);
		expect(Object.fromEntries(guarded)).toEqual(lockedGuardedKeys);
	});

	test('are HKDF of the secret under one label each, and with a passphrase of both', () => {
		for (const use of uses) {
			const bytes = use === 'linkSeed' ? 64 : 32;
			const info = derivationInfo(labels[use]);
			expect(deriveFromLinkSecret(secret, use)).toEqual(hkdf(secret, info, bytes));
			const both = concatBytes(secret, bytesFrom(1, 64));
			const guarded = deriveFromLinkSecret(secret, use, exportKeyOf(1));
			expect(guarded).toEqual(hkdf(both, info, bytes));
		}
	});

	test('are all different, from each other and from those of other secrets', () => {
		const all = uses.flatMap((use) => [
			deriveFromLinkSecret(secret, use),
			deriveFromLinkSecret(otherSecret, use),
			deriveFromLinkSecret(secret, use, exportKeyOf(1)),
			deriveFromLinkSecret(secret, use, exportKeyOf(2))
		]);
		const beginnings = all.map((key) => toHex(key.subarray(0, 32)));
		expect(new Set(beginnings).size).toBe(all.length);
	});

	test('are not made from secrets of another length, and leave the secret as it was', () => {
		for (const length of [0, 31, 33]) {
			expect(() => deriveFromLinkSecret(bytesFrom(0, length), 'invite')).toThrow(RangeError);
		}
		const short = exportKeyOf(1).reveal().subarray(1);
		const key = { ...exportKeyOf(1), reveal: () => short };
		expect(() => deriveFromLinkSecret(secret, 'link', key)).toThrow(RangeError);
		expect(secret).toEqual(bytesFrom(145, 32));
	});
});

const record: InviteRecord = {
	...{ space, genesisHash, head: { seq: 7, hash: bytesFrom(65, 32) }, inviter: account },
	...{ inviterIdentity: bytesFrom(66, 32), role: 'editor', expiresAtMs: 1_764_000_000_000 },
	...{ spaceName: 'Küche', inviterName: 'ada' }
};
const invited: RecordPlace = { type: 'invite', space, invite };
const shared: RecordPlace = { type: 'link', space, link, exportKey: null };
const guarded: RecordPlace = { type: 'link', space, link, exportKey: exportKeyOf(1) };
const places = [invited, shared, guarded];
const otherSpace = idFrom<SpaceId>(2);

describe('the record of an invitation or a share link', () => {
	test.each(places)('opens for whoever holds the secret (%#)', async (place) => {
		const sealed = await sealInviteRecord(secret, place, record);
		expect(valueOf(await openInviteRecord(secret, place, sealed))).toEqual(record);
	});

	test('opens no more once any byte changed, was cut off or added', async () => {
		const sealed = await sealInviteRecord(secret, invited, record);
		for (const bytes of spoilt(sealed)) {
			expect(await openInviteRecord(secret, invited, bytes)).toEqual(failed);
		}
	});

	test('opens for no other secret, passphrase, invitation, link, space or kind', async () => {
		for (const place of places) {
			const sealed = await sealInviteRecord(secret, place, record);
			expect(await openInviteRecord(otherSecret, place, sealed)).toEqual(failed);
			const elsewhere: RecordPlace[] = [
				{ ...invited, invite: idFrom<InviteId>(82) },
				{ ...invited, space: otherSpace },
				{ ...shared, link: idFrom<LinkId>(114) },
				{ ...shared, space: otherSpace },
				{ ...guarded, exportKey: exportKeyOf(2) },
				...places.filter((other) => other !== place)
			];
			for (const other of elsewhere) {
				expect(await openInviteRecord(secret, other, sealed)).toEqual(failed);
			}
		}
	});

	test('that names another space than the one it was sealed for is refused', async () => {
		const lying = async (lie: Partial<InviteRecord>) =>
			sealPadded(deriveFromLinkSecret(secret, 'invite'), {
				plaintext: encodeInviteRecord({ ...record, ...lie }),
				aad: inviteRecordAad(space, invite)
			});
		expect(await openInviteRecord(secret, invited, await lying({}))).toEqual(ok(record));
		for (const lie of [{ space: otherSpace }, { genesisHash: bytesFrom(2, 32) }]) {
			expect(await openInviteRecord(secret, invited, await lying(lie))).toEqual(failed);
			const wrong = { ...record, ...lie };
			expect(() => sealInviteRecord(secret, invited, wrong)).toThrow(RangeError);
		}
	});

	test('has a padded length, and fits its limit with the longest names', async () => {
		const lengthOf = async (spaceName: string, inviterName: string) =>
			(await sealInviteRecord(secret, invited, { ...record, spaceName, inviterName })).length;
		for (const name of ['', 'Kitchen', 'a'.repeat(40)]) {
			expect(isPaddedLength((await lengthOf(name, 'ada')) - 72)).toBe(true);
		}
		expect(await lengthOf('Home', 'ada')).toBe(await lengthOf('Kitchen', 'adam'));
		const longest = await lengthOf('\uffff'.repeat(400), '\uffff'.repeat(128));
		expect(longest).toBeLessThanOrEqual(maxInviteRecordBytes);
	});

	test('without its padding is refused', async () => {
		const sealed = await sealInviteRecord(secret, invited, record);
		const unpadded = { sealed, aad: inviteRecordAad(space, invite), parse: ok };
		const key = () => deriveFromLinkSecret(secret, 'invite');
		expect(valueOf(await openPadded(key(), unpadded))).toEqual(encodeInviteRecord(record));
		const { aad } = unpadded;
		const bare = await sealCommitted(key(), { plaintext: encodeInviteRecord(record), aad });
		expect(await openInviteRecord(secret, invited, bare)).toEqual(failed);
	});

	test('is sealed to these bytes, for ever', async () => {
		const random = scripted(bytesFrom(1, 24));
		const sealed = await sealInviteRecord(secret, guarded, record, random);
		expect(toHex(sha256(sealed))).toBe(lockedRecord);
	});
});

const claimed: ClaimPlace = {
	...{ space, invite, role: 2, expiresAtMs: 1_764_000_000_000 },
	...{ inviterIdentity: bytesFrom(66, 32), invitee: account, inviteeIdentity: bytesFrom(67, 32) }
};

describe('the MAC of a claim', () => {
	test('is these bytes, for ever, and is recognised', () => {
		const mac = claimMac(secret, claimed);
		expect(toHex(mac)).toBe(lockedClaimMac);
		expect(isClaimMac(secret, claimed, mac)).toBe(true);
	});

	test('holds for nothing else than what was claimed', () => {
		const mac = claimMac(secret, claimed);
		const others: Partial<ClaimPlace>[] = [
			{ space: otherSpace },
			{ invite: idFrom<InviteId>(82) },
			{ role: 1 },
			{ expiresAtMs: claimed.expiresAtMs + 1 },
			{ inviterIdentity: bytesFrom(67, 32) },
			{ invitee: idFrom<AccountId>(18) },
			{ inviteeIdentity: bytesFrom(66, 32) },
			{ inviterIdentity: claimed.inviteeIdentity, inviteeIdentity: claimed.inviterIdentity }
		];
		for (const other of others) {
			expect(isClaimMac(secret, { ...claimed, ...other }, mac)).toBe(false);
		}
		expect(isClaimMac(otherSecret, claimed, mac)).toBe(false);
		for (const bytes of spoilt(mac)) expect(isClaimMac(secret, claimed, bytes)).toBe(false);
	});
});

describe('the name of who claims', () => {
	const place = { invite, invitee: account };

	test('opens for whoever holds the secret, and for no other claim', async () => {
		const sealed = await sealClaimName(secret, place, 'bob');
		expect(valueOf(await openClaimName(secret, place, sealed))).toBe('bob');
		expect(await openClaimName(otherSecret, place, sealed)).toEqual(failed);
		const otherInvite = { ...place, invite: idFrom<InviteId>(82) };
		expect(await openClaimName(secret, otherInvite, sealed)).toEqual(failed);
		const otherInvitee = { ...place, invitee: idFrom<AccountId>(18) };
		expect(await openClaimName(secret, otherInvitee, sealed)).toEqual(failed);
		for (const bytes of spoilt(sealed)) {
			expect(await openClaimName(secret, place, bytes)).toEqual(failed);
		}
	});

	test('is at most so long, and says nothing by its length', async () => {
		const longest = await sealClaimName(secret, place, '\uffff'.repeat(128));
		expect(longest.length).toBeLessThanOrEqual(maxSealedNameBytes);
		expect(() => sealClaimName(secret, place, 'a'.repeat(129))).toThrow(RangeError);
		const long = await sealClaimName(secret, place, 'somebody.with.a.long.name');
		expect((await sealClaimName(secret, place, 'bo')).length).toBe(long.length);
	});

	test('that is too long, or no text, is refused by who opens it', async () => {
		const sealing = (plaintext: Uint8Array) =>
			sealPadded(deriveFromLinkSecret(secret, 'claimName'), {
				plaintext,
				aad: claimNameAad(invite, account)
			});
		for (const bytes of [utf8Encode('a'.repeat(129)), Uint8Array.of(0xff)]) {
			expect(await openClaimName(secret, place, await sealing(bytes))).toEqual(failed);
		}
	});
});

test('the door key needs the secret alone, and the edge keeps its hash', () => {
	const key = linkDoorKey(secret);
	expect(toHex(key)).toBe(lockedKeys.door);
	expect(linkDoorHash(key)).toEqual(sha256(key));
	expect(linkDoorHash(flipped(key, 0))).not.toEqual(linkDoorHash(key));
});

test('the OPAQUE password of a link needs passphrase and secret both', () => {
	const typed = (text: string) => valueOf(preparePassword(text));
	const password = linkPassword(secret, typed('correct horse'));
	expect(password).toBe(lockedPassword);
	expect(linkPassword(secret, typed('correct horsf'))).not.toBe(password);
	expect(linkPassword(otherSecret, typed('correct horse'))).not.toBe(password);
	expect(valueOf(preparePassword(password))).toBe(password);
});

const lockedKeys = {
	claim: 'ba0093eb4dff0c60e9a9b3d8ca42762c2388cdbce318401fbfb34eebc9b39c11',
	claimName: '3978f8a0bd9d0e76b21fd84b9f5a3161bb39720670cbd9c5ed0494e1856fab36',
	confirm: '605613e3649e920693ddd52b7a0df6c2d1bd8b55540bdc1f28ac6308b214aa91',
	deviceLink: '27bc582aa6b3634e5854e854af0635893700ff4d918d5d6e8970fa073a39086f',
	door: '08827e00c7f7e174d2c664e5df7aa7e8333d4d7eb4f953e16de3064760bd7c1a',
	handOver: '18e4774307b6f2655bb49bee56c38445b40ef0ad2fec80afa5144b52ca0510b3',
	invite: 'e85fee0a7543f26c3e214483addfa7b1ea20c08c50a6180ed67c681ec68d39f8',
	link: 'd8d4c3d06042cee9e987c2cec1500f49695566eb8431d2ecf0f6fdc5a9affef8',
	linkSeed:
		'7b524a0a4f09a676a409a6eb9d1b8099e4db72637a9954b7703e623ba018522f' +
		'e0228810d31f62e6d59c2bd92d9b1f237d3e8f262a8d769b551fb98a20675752',
	passphrase: '9973bbbdf99f2b7de6728200fe8a1dbea2fa5bef4fa79c53859a52a30e77e79f'
};
const lockedGuardedKeys = {
	link: '64c18bf3d685683ee1753731d5a1687685c2a88dbf82eee04b900c98a710a0df',
	linkSeed:
		'3998315817593bb43611267b9b763e1feec3e3f43f8e79b3775a1107b139275e' +
		'4828a25ae33520e172e92072ba424d8769116a6ff27ca86685f6a7c988465a3b'
};
const lockedRecord = '9bdecb7acf7ec30291144789cdccbd3a8c0574ccd747ea56bfd6fbefe1e9c78a';
const lockedClaimMac = 'f51c25015a7277f22e113da6db8f7adf465590e90a1ddf3e055e5507fb0f8f44';
const lockedPassword = 'IN9zp0dspqUDtWrDwHPU8-IaDtAuYkvSjzQbLK3LGxo';
