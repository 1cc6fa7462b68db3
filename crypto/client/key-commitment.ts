// Commitments to keys. AES-GCM opens one crafted ciphertext under many keys (Len, Grubbs,
// Ristenpart, 'Partitioning Oracle Attacks', USENIX Security 2021), so whatever is opened under a
// key that a person typed or a link carried first says which key that is; the keys of an epoch are
// committed to once, by the signed commit that opens it. Source: docs/formats.md, Key commitment.
//
//   committed record = commitment (32) ‖ sealed record
//   commitment       = HMAC-SHA-256(HKDF(key, label), nonce of the record)
import { concatBytes } from '../../protocol/bytes.ts';
import type { Epoch, SpaceId } from '../../protocol/ids.ts';
import { derivationInfo, keyCommitmentInput, labels } from '../../protocol/labels.ts';
import { hashBytes, sealOverheadBytes } from '../../protocol/limits.ts';
import { err, type Result } from '../../protocol/result.ts';
import { hkdf } from '../kdf.ts';
import { equalConstantTime, hmacSha256 } from '../mac.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { importXaesKey, open, sealWithRandom, xaesNonceBytes, type SealInput } from './aead.ts';
import type { EpochKey } from './secret.ts';

/** Bytes that a committed record adds to its plaintext. */
export const committedOverheadBytes = hashBytes + sealOverheadBytes;

/**
 * The commitment to an epoch's content key that the opening commit signs, 32 bytes.
 *
 * @param epochKey 32 bytes.
 */
export const epochKeyCommitment = (epochKey: EpochKey, space: SpaceId, epoch: Epoch): Uint8Array =>
	hmacSha256(epochKey.reveal(), keyCommitmentInput('content', space, epoch));

/** Whether `epochKey` is the key that `commitment` was signed for; in constant time. */
export const isCommittedEpochKey = (
	epochKey: EpochKey,
	place: { readonly space: SpaceId; readonly epoch: Epoch; readonly commitment: Uint8Array }
): boolean =>
	equalConstantTime(epochKeyCommitment(epochKey, place.space, place.epoch), place.commitment);

/**
 * Seals a record that says which key it is under.
 *
 * @param key 32 bytes from a typed or carried secret; used for this and nothing else.
 * @param random only for vectors.
 * @returns 72 bytes more than the plaintext.
 */
export async function sealCommitted(
	key: Uint8Array,
	input: SealInput,
	random: RandomSource = randomBytes
): Promise<Uint8Array> {
	const sealed = await sealWithRandom(await importXaesKey(key), input, random);
	return concatBytes(recordCommitment(key, sealed), sealed);
}

/**
 * Opens a committed record: the commitment is checked, in constant time, before anything else.
 *
 * @param key 32 bytes.
 * @returns the plaintext; `open_failed` for another key, another place and every change alike.
 */
export async function openCommitted(
	key: Uint8Array,
	input: { readonly sealed: Uint8Array; readonly aad: Uint8Array }
): Promise<Result<Uint8Array, 'open_failed'>> {
	if (input.sealed.length < committedOverheadBytes) return err('open_failed');
	const sealed = input.sealed.subarray(hashBytes);
	const commitment = input.sealed.subarray(0, hashBytes);
	if (!equalConstantTime(recordCommitment(key, sealed), commitment)) return err('open_failed');
	return open(await importXaesKey(key), { sealed, aad: input.aad });
}

function recordCommitment(key: Uint8Array, sealed: Uint8Array): Uint8Array {
	const commitmentKey = hkdf(key, derivationInfo(labels.commitment), hashBytes);
	return hmacSha256(commitmentKey, sealed.subarray(0, xaesNonceBytes));
}
