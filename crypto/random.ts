// The one source of randomness. Functions that need some take a `RandomSource`, so that published
// vectors can be reproduced; everything that ships passes none and gets this one.
import { webCryptoBytes } from './webcrypto-bytes.ts';

/** Gives `lengthBytes` fresh bytes at each call. */
export type RandomSource = (lengthBytes: number) => Uint8Array;

/**
 * Bytes from the platform's secure generator (`crypto.getRandomValues`), owned by the caller.
 *
 * @param lengthBytes at most 65,536, WebCrypto's limit for one call; beyond, it throws.
 */
export const randomBytes: RandomSource = (lengthBytes) =>
	crypto.getRandomValues(webCryptoBytes(new Uint8Array(lengthBytes)));
