// Keyslots: the root of an account, sealed under one way of unlocking. The edge stores them and can
// open none. A slot that opens is believed only when the identity derived from its root is the
// pinned one: the caller compares. Source: docs/formats.md, Keyslot.
//
//   committed record = commitment (32) ‖ XAES-256-GCM record of the root (72), AAD keyslotAad;
//   it stands in the keyslot that protocol/keyslot.ts lays out
import { concatBytes } from '../../protocol/bytes.ts';
import type { AccountId } from '../../protocol/ids.ts';
import { encodeKeyslot, parseKeyslot } from '../../protocol/keyslot.ts';
import {
	derivationInfo,
	keyslotAad,
	labels,
	type KeyslotKind,
	type KeyslotPlace
} from '../../protocol/labels.ts';
import { prfOutputBytes } from '../../protocol/limits.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { hkdf, hkdfExpand } from '../kdf.ts';
import { randomBytes, type RandomSource } from '../random.ts';
import { webCryptoBytes } from '../webcrypto-bytes.ts';
import { openCommitted, sealCommitted } from './key-commitment.ts';
import type { RecoveryEntropy } from './recovery-code.ts';
import { createSecret, type RootSecret, type Secret, type SlotKey } from './secret.ts';

/** 32 random bytes that stay on one device, without which its keyslot can't be guessed at. */
export type DeviceSecret = Secret<'device secret'>;
/** What a passkey answers about `passkeySalt`, 32 bytes. */
export type PrfOutput = Secret<'prf output'>;

const slotIdBytes = 16;
const rootBytes = 32;
const slotKeyBytes = 32;
const opaqueExportKeyBytes = 64;
const stretchedBytes = 32;
const deviceSecretBytes = 32;

/**
 * Slot key of the password keyslot. With an account key this is HKDF whose salt it is: the key that
 * HKDF-Extract gives (RFC 5869 §2.2) is an HMAC by a key that need not be readable.
 *
 * @param exportKey OPAQUE's export key, 64 bytes (RFC 9807 §3.3): unknown to the server.
 * @param accountKey from `importAccountKey`, or null for an account without one.
 */
export async function derivePasswordSlotKey(
	exportKey: Secret<'opaque export key'>,
	accountKey: CryptoKey | null
): Promise<SlotKey> {
	const ikm = expectLength(exportKey, opaqueExportKeyBytes);
	if (accountKey === null) return deriveSlotKey(ikm, labels.passwordSlot);
	const extracted = await crypto.subtle.sign('HMAC', accountKey, webCryptoBytes(ikm));
	const prk = new Uint8Array(extracted);
	const info = derivationInfo(labels.passwordSlot);
	const slotKey: SlotKey = createSecret(hkdfExpand({ prk, info, lengthBytes: slotKeyBytes }));
	prk.fill(0);
	return slotKey;
}

/** Slot key of the recovery keyslot. The code has 128 random bits, so that it needs no stretching. */
export const deriveRecoverySlotKey = (entropy: RecoveryEntropy): SlotKey =>
	deriveSlotKey(entropy.reveal(), labels.recoverySlot);

/**
 * Slot key of a device's own keyslot, for unlocking offline.
 *
 * @param stretched 32 bytes, from `stretchPassword`.
 */
export const deriveDeviceSlotKey = (stretched: Uint8Array, device: DeviceSecret): SlotKey => {
	if (stretched.length !== stretchedBytes) throw new RangeError('Argon2id output is 32 bytes');
	const ikm = concatBytes(stretched, expectLength(device, deviceSecretBytes));
	return deriveSlotKey(ikm, labels.deviceSlot);
};

/** Slot key of a passkey's keyslot. The output has full entropy, and is made for one account only. */
export const derivePasskeySlotKey = (output: PrfOutput): SlotKey =>
	deriveSlotKey(expectLength(output, prfOutputBytes), labels.passkeySlot);

const deriveSlotKey = (ikm: Uint8Array, label: string): SlotKey =>
	createSecret(hkdf(ikm, derivationInfo(label), slotKeyBytes));

function expectLength(secret: Secret<string>, lengthBytes: number): Uint8Array {
	const bytes = secret.reveal();
	if (bytes.length !== lengthBytes) throw new RangeError(`expected ${lengthBytes} secret bytes`);
	return bytes;
}

/**
 * Seals the root into a new keyslot with a random slot id.
 *
 * @returns the stored form; about 150 bytes, under `maxSealedKeyslotBytes`.
 */
export async function sealKeyslot(
	slotKey: SlotKey,
	root: RootSecret,
	place: Omit<KeyslotPlace, 'slot' | 'kind'> & { readonly kind: Exclude<KeyslotKind, 'passkey'> },
	random: RandomSource = randomBytes
): Promise<Uint8Array> {
	return sealAt(slotKey, root, { ...place, slot: random(slotIdBytes) }, random);
}

/**
 * Seals the root into the keyslot of a passkey, whose id says which passkey opens it.
 *
 * @param slot of the credential, from `passkeySlotId`.
 */
export const sealPasskeyKeyslot = (
	slotKey: SlotKey,
	root: RootSecret,
	place: Omit<KeyslotPlace, 'kind'>,
	random: RandomSource = randomBytes
): Promise<Uint8Array> => sealAt(slotKey, root, { ...place, kind: 'passkey' }, random);

async function sealAt(
	slotKey: SlotKey,
	root: RootSecret,
	place: KeyslotPlace,
	random: RandomSource
): Promise<Uint8Array> {
	const record = await sealCommitted(
		slotKey.reveal(),
		{ plaintext: expectLength(root, rootBytes), aad: keyslotAad(place) },
		random
	);
	return encodeKeyslot({ ...place, record });
}

/**
 * Opens a keyslot of `account`.
 *
 * @param keyslot the stored form, as received.
 * @returns the root, which the caller wipes; `open_failed` for a wrong password or code, another
 * account's slot, and every change alike.
 */
export async function openKeyslot(
	slotKey: SlotKey,
	account: AccountId,
	keyslot: Uint8Array
): Promise<Result<RootSecret, 'open_failed'>> {
	const parsed = parseKeyslot(keyslot);
	if (!parsed.ok) return err('open_failed');
	const { kind, slot, generation, record } = parsed.value;
	const aad = keyslotAad({ account, kind, slot, generation });
	const opened = await openCommitted(slotKey.reveal(), { sealed: record, aad });
	return opened.ok ? ok(createSecret(opened.value)) : opened;
}
