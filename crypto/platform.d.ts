// The only outside world of crypto/: WebCrypto and secure randomness, as far as they are used.
// No I/O, no clock, no storage; whatever is not declared here does not compile in this room.

interface CryptoKey {
	readonly type: 'secret' | 'private' | 'public';
	readonly extractable: boolean;
	readonly algorithm: { readonly name: string };
	readonly usages: readonly string[];
}

interface GcmOrCbcParams {
	readonly name: 'AES-GCM' | 'AES-CBC';
	readonly iv: Uint8Array<ArrayBuffer>;
	readonly additionalData?: Uint8Array<ArrayBuffer>;
}

interface HmacAlgorithm {
	readonly name: 'HMAC';
	readonly hash: 'SHA-256';
}

interface EcKeyAlgorithm {
	readonly name: 'ECDSA';
	readonly namedCurve: 'P-256';
}

interface EcdsaParams {
	readonly name: 'ECDSA';
	readonly hash: 'SHA-256';
}

interface TacetSubtle {
	digest(algorithm: 'SHA-256', bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
	importKey(
		format: 'raw' | 'pkcs8',
		key: Uint8Array<ArrayBuffer>,
		algorithm: 'AES-CBC' | 'AES-GCM' | 'Ed25519' | HmacAlgorithm | EcKeyAlgorithm,
		extractable: boolean,
		usages: ('encrypt' | 'decrypt' | 'sign' | 'verify')[]
	): Promise<CryptoKey>;
	generateKey(algorithm: HmacAlgorithm, extractable: false, usages: 'sign'[]): Promise<CryptoKey>;
	encrypt(
		algorithm: GcmOrCbcParams,
		key: CryptoKey,
		plaintext: Uint8Array<ArrayBuffer>
	): Promise<ArrayBuffer>;
	decrypt(
		algorithm: GcmOrCbcParams,
		key: CryptoKey,
		ciphertext: Uint8Array<ArrayBuffer>
	): Promise<ArrayBuffer>;
	sign(
		algorithm: 'Ed25519' | 'HMAC' | EcdsaParams,
		key: CryptoKey,
		message: Uint8Array<ArrayBuffer>
	): Promise<ArrayBuffer>;
	verify(
		algorithm: 'Ed25519' | EcdsaParams,
		key: CryptoKey,
		signature: Uint8Array<ArrayBuffer>,
		message: Uint8Array<ArrayBuffer>
	): Promise<boolean>;
}

declare const crypto: {
	readonly subtle: TacetSubtle;
	getRandomValues(target: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
};
