// The identity of a share link: a member of kind 'link' whose keys derive from the link's secret
// and nothing else, so that the owner who makes the link and whoever opens it have the same, and the
// edge never does. Source: docs/formats.md, Identity of a share link.
import { createIdentity, type Identity } from '../identity.ts';
import { importIdentityKeys, type IdentityKeys } from './account-keys.ts';
import { deriveFromLinkSecret } from './link-secret.ts';
import type { ExportKey } from './opaque-client.ts';

const seedBytes = 32;

/** A share link as a member: its keys, and the one identity entry that it ever has. */
export interface LinkIdentity {
	readonly keys: IdentityKeys;
	/** First entry; its hash gives the link its account id, like everybody's. */
	readonly identity: Identity;
}

/**
 * The identity of a share link: the same bytes each time, since Ed25519 is deterministic.
 *
 * @param secret 32 bytes, of the share link.
 * @param exportKey of its passphrase, 64 bytes; null for a link without one.
 */
export async function deriveLinkIdentity(
	secret: Uint8Array,
	exportKey: ExportKey | null
): Promise<LinkIdentity> {
	const seeds = deriveFromLinkSecret(secret, 'linkSeed', exportKey);
	const keys = await importIdentityKeys(seeds.slice(0, seedBytes), seeds.slice(seedBytes));
	seeds.fill(0);
	const identity = await createIdentity({ signing: keys.signing, kemKey: keys.kem.publicKey });
	return { keys, identity };
}
