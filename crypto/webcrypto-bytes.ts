// WebCrypto's types ask for `Uint8Array<ArrayBuffer>`; everything else here speaks plain
// `Uint8Array`. The narrowing happens in this one place.

/**
 * The same bytes, typed as WebCrypto wants them. Nothing is copied, but for bytes in shared memory:
 * they could change between a check and a use, and engines refuse them.
 */
export function webCryptoBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	return bytes.buffer instanceof ArrayBuffer
		? (bytes as Uint8Array<ArrayBuffer>)
		: new Uint8Array(bytes);
}
