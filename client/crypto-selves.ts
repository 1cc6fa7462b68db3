// The identities that an account had before a renewal, inside the crypto core. Their roots are under the
// one in force, one sealed under the next, as the account's log says. They open what is still sealed to
// them, and sign one thing: the commit that puts the identity in force in their place.
import { deriveAccountKeys, deriveLocalStoreKey } from '../crypto/client/account-keys.ts';
import type { XaesKey } from '../crypto/client/aead.ts';
import { openPreviousRoot } from '../crypto/client/previous-root.ts';
import { RecordCipher } from '../crypto/client/record-cipher.ts';
import { createSecret, type RootSecret } from '../crypto/client/secret.ts';
import { openIdentity, readIdentity, type Identity } from '../crypto/identity.ts';
import { parseAccountWrite, type SignedAccountWrite } from '../protocol/account-write.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { Head } from '../protocol/commit.ts';
import type { DeviceId } from '../protocol/ids.ts';
import type { AccountKeys } from '../crypto/client/account-keys.ts';

/** An identity with the keys that one root gave. */
export interface Self {
	readonly identity: Identity;
	readonly keys: AccountKeys;
	readonly localKey: RecordCipher;
}

export interface EarlierSelf extends Self {
	/** Of the keyring under its root, when it was renewed. */
	readonly keyringHead: Head;
}

/** What an account's log says of its roots. */
export interface RootLog {
	/** Oldest first. */
	readonly identities: readonly Identity[];
	/** One for each identity after the first. */
	readonly previousRoots: readonly Uint8Array[];
}

/** Of a log that was verified when it was kept. */
export function rootLogOf(writes: readonly SignedAccountWrite[]): RootLog {
	const identities: Identity[] = [];
	const previousRoots: Uint8Array[] = [];
	for (const { write } of writes) {
		const parsed = parseAccountWrite(write);
		const action = parsed.ok ? parsed.value.action : null;
		if (action === null || !('identityEntry' in action)) continue;
		const identity = readIdentity(action.identityEntry);
		if (identity.ok) identities.push(identity.value);
		if (action.type === 'identity') previousRoots.push(action.previousRoot);
	}
	return { identities, previousRoots };
}

/** The keys of a root; null if they are not those of this identity. */
export async function selfOf(
	root: RootSecret,
	identity: Identity,
	device: DeviceId
): Promise<Self | null> {
	const keys = await deriveAccountKeys(root);
	if (!derives(keys, identity)) {
		keys.kem.seed.wipe();
		keys.keyringEpochKey.wipe();
		return null;
	}
	return { identity, keys, localKey: new RecordCipher(await deriveLocalStoreKey(root, device)) };
}

/**
 * The selves before one, oldest first, as far back as a root opens the one before it: what does not open
 * was sealed by nobody of this account, and nothing but its content is lost.
 *
 * @param root of `identity`; stays the caller's to wipe.
 */
export async function openEarlier(
	root: RootSecret,
	identity: Identity,
	{ log, device }: { readonly log: RootLog; readonly device: DeviceId }
): Promise<readonly EarlierSelf[]> {
	const place = log.identities.findIndex(({ hash }) => equalBytes(hash, identity.hash));
	const earlier: EarlierSelf[] = [];
	const roots: RootSecret[] = [];
	let next = root;
	for (let index = place; index > 0; index -= 1) {
		const [sealed, before] = [log.previousRoots[index - 1], log.identities[index - 1]];
		if (sealed === undefined || before === undefined) break;
		const { account } = identity;
		const opened = await openPreviousRoot(next, sealed, { account, n: index + 1 });
		if (!opened.ok) break;
		next = opened.value.root;
		roots.push(next);
		const self = await selfOf(next, before, device);
		if (self === null) break;
		earlier.unshift({ ...self, keyringHead: opened.value.keyringHead });
	}
	for (const each of roots) each.wipe();
	return earlier;
}

const derives = ({ signing, kem }: AccountKeys, { entry }: Identity): boolean => {
	const { signingKey, kemKey } = entry.body;
	return equalBytes(signingKey, signing.publicKey) && equalBytes(kemKey, kem.publicKey);
};

/** On its way to another tab. */
export interface HandedSelf {
	readonly identity: Uint8Array;
	readonly signingKey: CryptoKey;
	readonly kemSeed: Uint8Array;
	readonly keyringGenesisRandom: Uint8Array;
	readonly firstGenesisRandom: Uint8Array;
	readonly keyringEpochKey: Uint8Array;
	readonly localKey: XaesKey;
}

export interface HandedEarlierSelf extends HandedSelf {
	readonly keyringHead: Head;
}

export const handSelf = ({ identity, keys, localKey }: Self): HandedSelf => ({
	identity: identity.bytes,
	signingKey: keys.signing.privateKey,
	kemSeed: keys.kem.seed.reveal().slice(),
	keyringGenesisRandom: keys.keyringGenesisRandom,
	firstGenesisRandom: keys.firstGenesisRandom,
	keyringEpochKey: keys.keyringEpochKey.reveal().slice(),
	localKey: localKey.key
});

export async function takeSelf(handed: HandedSelf): Promise<Self> {
	const identity = await openIdentity(handed.identity);
	if (!identity.ok) throw new TypeError('handed keys carry no identity');
	// As they were compared when the root was opened; from the seed it would take longer than all else.
	const { signingKey: publicKey, kemKey } = identity.value.entry.body;
	const { keyringGenesisRandom, firstGenesisRandom } = handed;
	return {
		identity: identity.value,
		keys: {
			signing: { privateKey: handed.signingKey, publicKey },
			kem: { seed: createSecret(handed.kemSeed.slice()), publicKey: kemKey },
			...{ keyringGenesisRandom, firstGenesisRandom },
			keyringEpochKey: createSecret(handed.keyringEpochKey.slice())
		},
		localKey: new RecordCipher(handed.localKey)
	};
}

export function wipeSelf({ keys }: Pick<Self, 'keys'>): void {
	keys.kem.seed.wipe();
	keys.keyringEpochKey.wipe();
}
