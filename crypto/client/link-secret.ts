// What derives from the 32 bytes behind the '#' of an invitation or a share link. The edge never
// sees them: it keeps what is sealed under keys of theirs, and compares MACs and hashes that it
// can't make. Each key has a label of its own. Source: docs/formats.md, Keys of a carried secret.
import {
	toBase64Url,
	utf8Decode,
	utf8Encode,
	concatBytes,
	equalBytes
} from '../../protocol/bytes.ts';
import {
	bytesOfId,
	idBytes,
	type AccountId,
	type InviteId,
	type LinkId,
	type SpaceId
} from '../../protocol/ids.ts';
import {
	encodeInviteRecord,
	linkSecretBytes,
	parseInviteRecord,
	type InviteRecord
} from '../../protocol/invite.ts';
import {
	claimInput,
	claimNameAad,
	derivationInfo,
	inviteRecordAad,
	labels,
	linkRecordAad,
	type ClaimPlace
} from '../../protocol/labels.ts';
import { maxHandleCharacters } from '../../protocol/limits.ts';
import { err, type Result } from '../../protocol/result.ts';
import { sha256 } from '../hash.ts';
import { hkdf } from '../kdf.ts';
import { equalConstantTime, hmacSha256 } from '../mac.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import type { ExportKey } from './opaque-client.ts';
import { openPadded, sealPadded } from './padded-record.ts';
import type { PreparedPassword } from './password.ts';

const opaqueExportKeyBytes = 64;

/** What a key from a carried secret is for, and how many bytes it has. */
const derivedBytes = {
	claim: 32,
	claimName: 32,
	confirm: 32,
	deviceLink: 32,
	door: 32,
	handOver: 32,
	invite: 32,
	link: 32,
	/** Ed25519 seed 32 ‖ X-Wing seed 32. */
	linkSeed: 64,
	passphrase: 32
} as const satisfies Partial<Record<keyof typeof labels, number>>;

/**
 * The key of one use of a carried secret: HKDF-SHA-256 under that use's label.
 *
 * @param secret 32 bytes; another length throws. Not modified.
 * @param exportKey of a share link with a passphrase: OPAQUE's export key, 64 bytes, appended to
 * the secret for 'link' and 'linkSeed', so that these need both.
 * @returns a new array, the caller's to overwrite: 64 bytes for 'linkSeed', else 32.
 */
export function deriveFromLinkSecret(
	secret: Uint8Array,
	use: keyof typeof derivedBytes,
	exportKey: ExportKey | null = null
): Uint8Array {
	if (secret.length !== linkSecretBytes) throw new RangeError('a carried secret is 32 bytes');
	const guard = exportKey?.reveal() ?? new Uint8Array(0);
	if (exportKey !== null && guard.length !== opaqueExportKeyBytes) {
		throw new RangeError('an OPAQUE export key is 64 bytes');
	}
	const ikm = concatBytes(secret, guard);
	const derived = hkdf(ikm, derivationInfo(labels[use]), derivedBytes[use]);
	ikm.fill(0);
	return derived;
}

/** Which record: of an invitation, or of a share link (with the export key of its passphrase). */
export type RecordPlace =
	| { readonly type: 'invite'; readonly space: SpaceId; readonly invite: InviteId }
	| {
			readonly type: 'link';
			readonly space: SpaceId;
			readonly link: LinkId;
			/** Null for a link without a passphrase. */
			readonly exportKey: ExportKey | null;
	  };

const recordKey = (secret: Uint8Array, place: RecordPlace): Uint8Array =>
	place.type === 'invite'
		? deriveFromLinkSecret(secret, 'invite')
		: deriveFromLinkSecret(secret, 'link', place.exportKey);

const recordAad = (place: RecordPlace): Uint8Array =>
	place.type === 'invite'
		? inviteRecordAad(place.space, place.invite)
		: linkRecordAad(place.space, place.link);

/** The space id is the first half of head(0). */
const namesSpace = (record: InviteRecord, space: SpaceId): boolean =>
	record.space === space && equalBytes(record.genesisHash.subarray(0, idBytes), bytesOfId(space));

/**
 * Seals what an invitation or a share link says, for whoever holds its secret.
 *
 * @param secret 32 bytes.
 * @param record of the space that `place` names; another one throws.
 * @param random only for vectors.
 * @returns a committed record, under `maxInviteRecordBytes`.
 */
export function sealInviteRecord(
	secret: Uint8Array,
	place: RecordPlace,
	record: InviteRecord,
	random: RandomSource = randomBytes
): Promise<Uint8Array> {
	if (!namesSpace(record, place.space)) throw new RangeError('the record of another space');
	const input = { plaintext: encodeInviteRecord(record), aad: recordAad(place) };
	return sealPadded(recordKey(secret, place), input, random);
}

/**
 * Opens what {@link sealInviteRecord} made.
 *
 * @param secret 32 bytes.
 * @param sealed as received, any length.
 * @returns a record of the space that `place` names, whose genesis hash gives that id;
 * `open_failed` for another secret, passphrase, invitation, link or space and every change alike.
 */
export async function openInviteRecord(
	secret: Uint8Array,
	place: RecordPlace,
	sealed: Uint8Array
): Promise<Result<InviteRecord, 'open_failed'>> {
	const opened = await openPadded(recordKey(secret, place), {
		sealed,
		aad: recordAad(place),
		parse: parseInviteRecord
	});
	if (!opened.ok) return opened;
	return namesSpace(opened.value, place.space) ? opened : err('open_failed');
}

/**
 * The MAC by which an invitee shows the owner that they hold the invitation's secret, and that the
 * identity they claim with is theirs: 32 bytes.
 *
 * @param secret 32 bytes, of the invitation.
 */
export function claimMac(secret: Uint8Array, place: ClaimPlace): Uint8Array {
	const key = deriveFromLinkSecret(secret, 'claim');
	const mac = hmacSha256(key, claimInput(place));
	key.fill(0);
	return mac;
}

/**
 * Whether `mac` is the {@link claimMac} of this claim; in constant time.
 *
 * @param mac as received, any length.
 */
export const isClaimMac = (secret: Uint8Array, place: ClaimPlace, mac: Uint8Array): boolean =>
	equalConstantTime(claimMac(secret, place), mac);

/** Which claim a name belongs to. */
export interface ClaimNamePlace {
	readonly invite: InviteId;
	readonly invitee: AccountId;
}

/**
 * Seals the name that an invitee goes by, for the owner.
 *
 * @param secret 32 bytes, of the invitation.
 * @param name at most `maxHandleCharacters` characters; more throws.
 * @param random only for vectors.
 * @returns a committed record, under `maxSealedNameBytes`.
 */
export function sealClaimName(
	secret: Uint8Array,
	place: ClaimNamePlace,
	name: string,
	random: RandomSource = randomBytes
): Promise<Uint8Array> {
	if (!isShortName(name)) throw new RangeError('a name is too long');
	const aad = claimNameAad(place.invite, place.invitee);
	const input = { plaintext: utf8Encode(name), aad };
	return sealPadded(deriveFromLinkSecret(secret, 'claimName'), input, random);
}

/**
 * Opens what {@link sealClaimName} made.
 *
 * @param sealed as received, any length.
 * @returns the name, as an invitee chose it; `open_failed` for another secret, invitation or
 * invitee and every change alike.
 */
export const openClaimName = (
	secret: Uint8Array,
	place: ClaimNamePlace,
	sealed: Uint8Array
): Promise<Result<string, 'open_failed'>> =>
	openPadded(deriveFromLinkSecret(secret, 'claimName'), {
		sealed,
		aad: claimNameAad(place.invite, place.invitee),
		parse: parseName
	});

/** A character is at most two UTF-16 code units. */
const isShortName = (name: string): boolean => name.length <= 2 * maxHandleCharacters;

function parseName(bytes: Uint8Array): Result<string, 'malformed'> {
	const name = utf8Decode(bytes);
	return name.ok && !isShortName(name.value) ? err('malformed') : name;
}

/**
 * The key that whoever opens a share link shows the edge first, 32 bytes. It derives from the
 * secret alone: a passphrase is guessed at only behind the door.
 *
 * @param secret 32 bytes, of the share link.
 */
export const linkDoorKey = (secret: Uint8Array): Uint8Array => deriveFromLinkSecret(secret, 'door');

/** What the edge keeps of a door key, to compare: SHA-256, 32 bytes. */
export const linkDoorHash = (doorKey: Uint8Array): Uint8Array => sha256(doorKey);

/**
 * What OPAQUE takes as the password of a guarded share link. The edge alone, without the link, can't
 * guess at the passphrase: its guesses would lack the secret.
 *
 * @param secret 32 bytes, of the share link.
 * @param passphrase as `preparePassword` gives it.
 * @returns base64url of HMAC-SHA-256, 43 characters.
 */
export function linkPassword(secret: Uint8Array, passphrase: PreparedPassword): PreparedPassword {
	const key = deriveFromLinkSecret(secret, 'passphrase');
	const mac = hmacSha256(key, utf8Encode(passphrase));
	key.fill(0);
	return toBase64Url(mac) as PreparedPassword;
}
