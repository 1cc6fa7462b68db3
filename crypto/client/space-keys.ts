// The keys of a space. An epoch key is 32 random bytes, wrapped to each member who may read, and
// committed to by the signed commit that opens the epoch; pages are sealed under the content key
// derived from it. Each epoch seals the key of the one before. Source: docs/keys.md.
import type { Epoch, SpaceId } from '../../protocol/ids.ts';
import {
	contentKeyInfo,
	previousKeyAad,
	wrapInfo,
	type WrapContext
} from '../../protocol/labels.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { sealTo } from '../hpke.ts';
import { hkdf } from '../kdf.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { importXaesKey } from './aead.ts';
import { openSealedTo } from './hpke.ts';
import { isCommittedEpochKey } from './key-commitment.ts';
import { RecordCipher } from './record-cipher.ts';
import { createSecret, type EpochKey, type KemSeed } from './secret.ts';

const epochKeyBytes = 32;

/** A new epoch key: 32 random bytes. */
export const generateEpochKey = (random: RandomSource = randomBytes): EpochKey =>
	createSecret(random(epochKeyBytes));

/** The key that a space's pages are sealed under in one epoch; not extractable. */
export async function deriveContentKey(
	epochKey: EpochKey,
	place: { readonly space: SpaceId; readonly epoch: Epoch }
): Promise<RecordCipher> {
	const key = hkdf(epochKey.reveal(), contentKeyInfo(place.space, place.epoch), epochKeyBytes);
	const imported = await importXaesKey(key);
	key.fill(0);
	return new RecordCipher(imported);
}

/**
 * Wraps an epoch key to one member.
 *
 * @param recipientKey the member's X-Wing public key, 1,216 bytes, from an accepted identity.
 * @param context names space, epoch, and both identities; a wrap moved anywhere else won't open.
 * @returns 1,168 bytes; the commit signs their hash.
 */
export const wrapEpochKey = (
	epochKey: EpochKey,
	recipientKey: Uint8Array,
	context: WrapContext
): Promise<Uint8Array> =>
	sealTo(recipientKey, { info: wrapInfo(context), plaintext: epochKey.reveal() });

/**
 * Opens a wrap, and checks the key against the epoch's signed commitment. That a wrap opens never
 * proves that the key is the space's: call this only with a commitment from a verified commit.
 *
 * @param input `commitment` 32 bytes; `wrap` as received, any length.
 * @returns the epoch key; `open_failed` for every kind of mismatch alike.
 */
export async function unwrapEpochKey(
	seed: KemSeed,
	input: {
		readonly wrap: Uint8Array;
		readonly context: WrapContext;
		readonly commitment: Uint8Array;
	}
): Promise<Result<EpochKey, 'open_failed'>> {
	const { context, commitment } = input;
	const opened = await openSealedTo(seed, { info: wrapInfo(context), sealed: input.wrap });
	if (!opened.ok) return opened;
	return acceptEpochKey(opened.value, {
		space: context.space,
		epoch: context.number,
		commitment
	});
}

/** Which of two neighbouring epochs' keys is sealed under which. */
export interface PreviousKeyPlace {
	readonly space: SpaceId;
	/** The epoch whose content key seals. */
	readonly next: Epoch;
	/** The epoch whose key is sealed. */
	readonly old: Epoch;
}

/**
 * Seals the key of the epoch before, so that who holds the newest key reads all live history.
 *
 * @param contentKey of epoch `place.next`.
 * @returns 72 bytes; the commit signs their hash.
 */
export const sealPreviousKey = (
	contentKey: RecordCipher,
	oldKey: EpochKey,
	place: PreviousKeyPlace
): Promise<Uint8Array> =>
	contentKey.seal({
		plaintext: oldKey.reveal(),
		aad: previousKeyAad(place.space, place.next, place.old)
	});

/**
 * Opens what {@link sealPreviousKey} made, and checks the key against the commitment of its epoch.
 *
 * @param contentKey of epoch `input.place.next`.
 * @returns the key of epoch `input.place.old`; or `open_failed`.
 */
export async function openPreviousKey(
	contentKey: RecordCipher,
	input: {
		readonly sealed: Uint8Array;
		readonly place: PreviousKeyPlace;
		readonly commitment: Uint8Array;
	}
): Promise<Result<EpochKey, 'open_failed'>> {
	const { space, next, old } = input.place;
	const aad = previousKeyAad(space, next, old);
	const opened = await contentKey.open({ sealed: input.sealed, aad });
	if (!opened.ok) return opened;
	return acceptEpochKey(opened.value, { space, epoch: old, commitment: input.commitment });
}

function acceptEpochKey(
	bytes: Uint8Array,
	place: { readonly space: SpaceId; readonly epoch: Epoch; readonly commitment: Uint8Array }
): Result<EpochKey, 'open_failed'> {
	const epochKey: EpochKey = createSecret(bytes);
	if (bytes.length === epochKeyBytes && isCommittedEpochKey(epochKey, place)) return ok(epochKey);
	epochKey.wipe();
	return err('open_failed');
}
