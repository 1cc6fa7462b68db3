// What derives from the root of an account. Every key is HKDF-SHA-256 of the root under a label of
// its own; the drawing is in crypto/README.md. Once these are derived the root is wiped: what needs
// it again (a new keyslot, the recovery kit) unlocks again. Source: docs/keys.md.
import type { DeviceId } from '../../protocol/ids.ts';
import { derivationInfo, labels, localStoreInfo } from '../../protocol/labels.ts';
import { hkdf } from '../kdf.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { importSigningKey, type SigningKey } from '../signature.ts';
import { importXaesKey, type XaesKey } from './aead.ts';
import { deriveKemPublicKey } from './hpke.ts';
import { createSecret, type EpochKey, type KemSeed, type RootSecret } from './secret.ts';

const derivedBytes = 32;

/** The keys of an identity, of an account as of a share link. */
export interface IdentityKeys {
	/** Identity signing key (Ed25519); its private half is a non-extractable CryptoKey. */
	readonly signing: SigningKey;
	/** Identity KEM key (X-Wing). The seed is bytes, since no WebCrypto has the primitive. */
	readonly kem: { readonly seed: KemSeed; readonly publicKey: Uint8Array };
}

/** The keys of an unlocked account. */
export interface AccountKeys extends IdentityKeys {
	/** The 32 random bytes in the genesis of the keyring: they make its id a function of the root. */
	readonly keyringGenesisRandom: Uint8Array;
	/** The same of the account's first space. */
	readonly firstGenesisRandom: Uint8Array;
	/** Key of the keyring's epoch 1, which needs no wrap to be had again. */
	readonly keyringEpochKey: EpochKey;
}

/** A new root: 32 random bytes, made in the browser at sign-up and nowhere else. */
export const generateRoot = (random: RandomSource = randomBytes): RootSecret =>
	createSecret(random(derivedBytes));

/** Derives what an account needs while it is unlocked. `root` stays the caller's to wipe. */
export async function deriveAccountKeys(root: RootSecret): Promise<AccountKeys> {
	const identityKeys = await importIdentityKeys(
		deriveBytes(root, labels.identitySigning),
		deriveBytes(root, labels.identityKem)
	);
	return {
		...identityKeys,
		keyringGenesisRandom: deriveBytes(root, labels.keyringGenesis),
		firstGenesisRandom: deriveBytes(root, labels.firstGenesis),
		keyringEpochKey: createSecret(deriveBytes(root, labels.keyringEpoch))
	};
}

/**
 * The key pairs of two seeds.
 *
 * @param signingSeed Ed25519, 32 bytes; overwritten before this resolves.
 * @param kemSeed X-Wing, 32 bytes; taken over.
 */
export async function importIdentityKeys(
	signingSeed: Uint8Array,
	kemSeed: Uint8Array
): Promise<IdentityKeys> {
	const signing = await importSigningKey(signingSeed);
	signingSeed.fill(0);
	const seed: KemSeed = createSecret(kemSeed);
	return { signing, kem: { seed, publicKey: deriveKemPublicKey(seed) } };
}

/**
 * The key that seals everything that one device keeps at rest. Each device has its own, so that a
 * store copied to another profile opens nothing there by itself.
 */
export async function deriveLocalStoreKey(root: RootSecret, device: DeviceId): Promise<XaesKey> {
	const key = hkdf(root.reveal(), localStoreInfo(device), derivedBytes);
	const imported = await importXaesKey(key);
	key.fill(0);
	return imported;
}

const deriveBytes = (root: RootSecret, label: string): Uint8Array =>
	hkdf(root.reveal(), derivationInfo(label), derivedBytes);
