// The keys that an administrative commit brings: a new epoch's, with its commitment and the key of
// the epoch before sealed under it; a new audit key; and each wrapped to exactly who is to hold it.
// Nothing made here is kept: what stands on the log comes back by this account's own wrap.
import { deriveKemPublicKey } from '../crypto/client/hpke.ts';
import { epochKeyCommitment } from '../crypto/client/key-commitment.ts';
import type { RecordCipher } from '../crypto/client/record-cipher.ts';
import { createSecret, type EpochKey, type KemSeed } from '../crypto/client/secret.ts';
import {
	deriveContentKey,
	generateEpochKey,
	sealPreviousKey,
	wrapEpochKey
} from '../crypto/client/space-keys.ts';
import { sha256 } from '../crypto/hash.ts';
import { sealTo } from '../crypto/hpke.ts';
import { openIdentity, type Identity } from '../crypto/identity.ts';
import { randomBytes } from '../crypto/random.ts';
import type { Admin, EpochOpening } from '../protocol/commit.ts';
import type { Epoch, SpaceId } from '../protocol/ids.ts';
import { wrapInfo, type WrapContext } from '../protocol/labels.ts';
import type { AdminDraft, KeyReader } from './crypto-port.ts';

export interface AdminKeysInput {
	readonly space: SpaceId;
	/** The open epoch, or the one that the commit opens. */
	readonly epoch: Epoch;
	readonly draft: AdminDraft;
	readonly sender: Identity;
	/** The open epoch's key, and that of the one before a new one; null where they are not here. */
	readonly open: EpochKey | null;
	readonly previous: EpochKey | null;
}

export interface MadeKeys {
	readonly admin: Admin;
	readonly wraps: readonly Uint8Array[];
	readonly previousKey: Uint8Array | null;
	/** Of the epoch that the commit opens: for its own pages. */
	readonly contentKey: RecordCipher | null;
}

interface Opening {
	readonly epochKey: EpochKey;
	readonly contentKey: RecordCipher;
	readonly header: EpochOpening;
	readonly previousKey: Uint8Array | null;
}

export async function makeAdminKeys(input: AdminKeysInput): Promise<MadeKeys> {
	const { draft } = input;
	const opening = draft.opensEpoch ? await openEpoch(input) : null;
	const auditSeed = draft.auditNumber === null ? null : createSecret<'kem seed'>(randomBytes(32));
	const contentKey = opening?.epochKey ?? input.open;
	const wraps = await Promise.all(
		draft.readers.map((reader) => wrapTo(reader, input, { contentKey, auditSeed }))
	);
	const audit =
		draft.auditNumber === null || auditSeed === null
			? null
			: { number: draft.auditNumber, publicKey: deriveKemPublicKey(auditSeed) };
	opening?.epochKey.wipe();
	auditSeed?.wipe();
	const { members, settings } = draft;
	return {
		admin: {
			members,
			epoch: opening?.header ?? null,
			audit,
			wraps: draft.readers.map(({ kind, account }, index) => ({
				kind,
				number: numberOf(kind, input),
				recipient: account,
				hash: sha256(wraps[index] ?? new Uint8Array())
			})),
			settings
		},
		wraps,
		previousKey: opening?.previousKey ?? null,
		contentKey: opening?.contentKey ?? null
	};
}

async function openEpoch({ space, epoch, previous }: AdminKeysInput): Promise<Opening> {
	const epochKey = generateEpochKey();
	const contentKey = await deriveContentKey(epochKey, { space, epoch });
	const place = { space, next: epoch, old: epoch - 1 };
	// A device that never got the old key can still shut somebody out.
	const previousKey = previous === null ? null : await sealPreviousKey(contentKey, previous, place);
	const commitment = epochKeyCommitment(epochKey, space, epoch);
	const previousHash = previousKey === null ? null : sha256(previousKey);
	return {
		epochKey,
		contentKey,
		header: { number: epoch, commitment, previousHash },
		previousKey
	};
}

const numberOf = (kind: KeyReader['kind'], { epoch, draft }: AdminKeysInput): number =>
	kind === 'content' ? epoch : (draft.auditNumber ?? 0);

async function wrapTo(
	reader: KeyReader,
	input: AdminKeysInput,
	keys: { readonly contentKey: EpochKey | null; readonly auditSeed: KemSeed | null }
): Promise<Uint8Array> {
	const identity = await openIdentity(reader.identityEntry);
	if (!identity.ok || identity.value.account !== reader.account) {
		throw new TypeError('a key was to go to an identity that is not its reader’s');
	}
	const { kemKey } = identity.value.entry.body;
	const context: WrapContext = {
		kind: reader.kind,
		space: input.space,
		number: numberOf(reader.kind, input),
		recipient: reader.account,
		recipientIdentity: identity.value.hash,
		sender: input.sender.account,
		senderIdentity: input.sender.hash
	};
	if (reader.kind === 'content') {
		if (keys.contentKey === null) throw new Error('no key of this epoch');
		return wrapEpochKey(keys.contentKey, kemKey, context);
	}
	if (keys.auditSeed === null) throw new Error('an open audit key is never wrapped again');
	return sealTo(kemKey, { info: wrapInfo(context), plaintext: keys.auditSeed.reveal() });
}
