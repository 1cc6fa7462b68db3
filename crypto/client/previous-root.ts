// The root before a renewal, sealed under the one after it: whoever opens the account now also opens
// what is under the root before, and never the other way round, as each epoch seals the key of the one
// before. With it stands where the keyring of that root ended: what whoever still has that root writes
// there later is not the account's. Source: docs/formats.md, Previous-root record.
//
//   record = XAES-256-GCM record, AAD previousRootAad, of CBOR [ root (32), seq >= 1, head (32) ]
//   key    = HKDF(new root, label)
import { decodeCbor, encodeCbor } from '../../protocol/cbor.ts';
import type { Head } from '../../protocol/commit.ts';
import type { AccountId } from '../../protocol/ids.ts';
import { derivationInfo, labels, previousRootAad } from '../../protocol/labels.ts';
import { hashBytes } from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { isArray, isBytes, isCount } from '../../protocol/shape.ts';
import { hkdf } from '../kdf.ts';
import { importXaesKey, open, seal, type XaesKey } from './aead.ts';
import { createSecret, type RootSecret } from './secret.ts';

const rootBytes = 32;

export interface PreviousRoot {
	readonly root: RootSecret;
	/** Of the keyring under that root, when it was renewed. */
	readonly keyringHead: Head;
}

interface Place {
	readonly account: AccountId;
	/** Of the identity that the new root derives, from 2. */
	readonly n: number;
}

/** Seals `previous` under a key of `root`; both stay the caller's to wipe. */
export async function sealPreviousRoot(
	root: RootSecret,
	previous: PreviousRoot,
	{ account, n }: Place
): Promise<Uint8Array> {
	const { seq, hash } = previous.keyringHead;
	const plaintext = encodeCbor([previous.root.reveal(), seq, hash]);
	const sealed = await seal(await keyOf(root), { plaintext, aad: previousRootAad(account, n) });
	plaintext.fill(0);
	return sealed;
}

/**
 * Opens what {@link sealPreviousRoot} made. Whether it is the root of the identity before is the
 * caller's to compare.
 *
 * @param sealed as it stands in the account's log.
 */
export async function openPreviousRoot(
	root: RootSecret,
	sealed: Uint8Array,
	{ account, n }: Place
): Promise<Result<PreviousRoot, 'open_failed'>> {
	const opened = await open(await keyOf(root), { sealed, aad: previousRootAad(account, n) });
	const decoded = opened.ok ? decodeCbor(opened.value) : opened;
	if (!decoded.ok || !isArray(decoded.value, 3)) return err('open_failed');
	const [bytes, seq, hash] = decoded.value;
	if (!isBytes(bytes, rootBytes) || !isCount(seq) || !isBytes(hash, hashBytes)) {
		return err('open_failed');
	}
	const previous = createSecret<'root'>(bytes.slice());
	if (opened.ok) opened.value.fill(0);
	return ok({ root: previous, keyringHead: { seq, hash: hash.slice() } });
}

async function keyOf(root: RootSecret): Promise<XaesKey> {
	const bytes = hkdf(root.reveal(), derivationInfo(labels.previousRoot), 32);
	const key = await importXaesKey(bytes);
	bytes.fill(0);
	return key;
}
