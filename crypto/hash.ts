// SHA-256 (FIPS 180-4), in two forms with the same result: synchronous for what is small or stands
// inside a block of synchronous SQL, WebCrypto's for whole pages.
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { webCryptoBytes } from './webcrypto-bytes.ts';

/** SHA-256 in one synchronous call, 32 bytes: about 3 µs for a head, 2 ms for 64 KiB. */
export const sha256 = (bytes: Uint8Array): Uint8Array => nobleSha256(bytes);

/** SHA-256 by WebCrypto, 32 bytes; faster from about 1 KiB on. */
export async function sha256Async(bytes: Uint8Array): Promise<Uint8Array> {
	return new Uint8Array(await crypto.subtle.digest('SHA-256', webCryptoBytes(bytes)));
}
