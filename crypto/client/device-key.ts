// The one secret of a browser profile: a non-extractable HMAC key in its store. What it derives
// makes an offline keyslot useless without this profile, and seals the little that is kept while
// locked. It stops scripts and copied records, not someone who copies the whole profile folder.
import { derivationInfo, labels } from '../../protocol/labels.ts';
import { webCryptoBytes } from '../webcrypto-bytes.ts';
import { importXaesKey, type XaesKey } from './aead.ts';
import type { DeviceSecret } from './keyslots.ts';
import { createSecret } from './secret.ts';

const hmacSha256Algorithm = { name: 'HMAC', hash: 'SHA-256' } as const;

/** A new device key: HMAC-SHA-256, non-extractable; it can be kept in IndexedDB. */
export const generateDeviceKey = (): Promise<CryptoKey> =>
	crypto.subtle.generateKey(hmacSha256Algorithm, false, ['sign']);

/** What the device adds to its own keyslot, 32 bytes: HMAC-SHA-256 of the label. */
export const deriveDeviceSecret = async (deviceKey: CryptoKey): Promise<DeviceSecret> =>
	createSecret(await deriveBytes(deviceKey, labels.deviceSlot));

/** The key that seals what this profile keeps while locked: which account it belongs to. */
export async function deriveProfileKey(deviceKey: CryptoKey): Promise<XaesKey> {
	const key = await deriveBytes(deviceKey, labels.profile);
	const imported = await importXaesKey(key);
	key.fill(0);
	return imported;
}

async function deriveBytes(deviceKey: CryptoKey, label: string): Promise<Uint8Array> {
	const input = webCryptoBytes(derivationInfo(label));
	return new Uint8Array(await crypto.subtle.sign('HMAC', deviceKey, input));
}
