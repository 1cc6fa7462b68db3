// Secrets that can't be printed by accident. Bytes that WebCrypto can hold as a non-extractable
// CryptoKey are held so; the rest (root, X-Wing seed, epoch keys) live in one of these.

declare const secretBrand: unique symbol;

/**
 * Secret bytes with a name in their type, so that one can't be passed for another. Made of
 * functions: it prints as `<redacted>`, and can neither be cloned to another thread nor stored.
 */
export interface Secret<Name extends string> {
	readonly [secretBrand]?: Name;
	/** The bytes themselves, not a copy; whoever asks must not keep or change them. */
	reveal(): Uint8Array;
	/** Overwrites the bytes with zeros; after that {@link Secret.reveal} throws. */
	wipe(): void;
	toString(): string;
	toJSON(): string;
}

/** Root of an account, 32 bytes. */
export type RootSecret = Secret<'root'>;
/** Epoch key of a space, 32 bytes. */
export type EpochKey = Secret<'epoch key'>;
/** Seed of an X-Wing key pair, 32 bytes. */
export type KemSeed = Secret<'kem seed'>;
/** What opens a keyslot, 32 bytes. */
export type SlotKey = Secret<'slot key'>;

const redacted = '<redacted>';

/** Takes `bytes` over: the caller must not use them any more. */
export function createSecret<Name extends string>(bytes: Uint8Array): Secret<Name> {
	let wiped = false;
	return Object.freeze({
		reveal() {
			if (wiped) throw new Error('this secret has been wiped');
			return bytes;
		},
		wipe() {
			bytes.fill(0);
			wiped = true;
		},
		toString: () => redacted,
		toJSON: () => redacted
	});
}
