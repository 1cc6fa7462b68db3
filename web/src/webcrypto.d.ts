// Kit's types bring Node's along, and those of Web Crypto in both do not merge to one that knows that
// an HMAC key is a single key.
interface SubtleCrypto {
	generateKey(
		algorithm: { readonly name: 'HMAC'; readonly hash: 'SHA-256' },
		extractable: boolean,
		keyUsages: readonly KeyUsage[]
	): Promise<CryptoKey>;
}
