// Every number that both sides must agree on, with its unit. Changing one changes the protocol.

/** Plaintext that a bulk page is filled to. At 64 KiB one seal costs little more than its bytes. */
export const targetPageBytes = 65_536;
/** Largest plaintext of one page; a page also fits one SQLite row (2 MB) once sealed. */
export const maxPagePlaintextBytes = 1_048_576;
/** Largest sealed page: padding adds at most 1/32 at this size, sealing 40 bytes. */
export const maxSealedPageBytes = 1_150_000;
/** Largest text of one note, in UTF-8; leaves room for the page around it. */
export const maxNoteBytes = 1_000_000;
/** Pages in one commit, and their bytes together. */
export const maxPagesPerCommit = 64;
export const maxCommitPagesBytes = 2_097_152;
/** A commit without its pages: wraps' hashes and members are the bulk of it. */
export const maxCommitBytes = 262_144;
export const maxSupersedesPerCommit = 4_096;
export const maxMembers = 128;
/** A frame on the socket, either way. */
export const maxFrameBytes = 4_194_304;
/** Pages named in one fetch. */
export const maxPagesPerFetch = 64;
/** An HTTP body of any route. */
export const maxBodyBytes = 65_536;

export const hashBytes = 32;
export const signatureBytes = 64;
export const ed25519PublicKeyBytes = 32;
/** X-Wing encapsulation key: ML-KEM-768 1,184 + X25519 32 (draft-connolly-cfrg-xwing-kem). */
export const xwingPublicKeyBytes = 1_216;
/** HPKE wrap of a 32-byte key: X-Wing ciphertext 1,120 + key 32 + tag 16. */
export const wrapBytes = 1_168;
/** XAES-256-GCM: nonce 24 + tag 16 around the plaintext. */
export const sealOverheadBytes = 40;
/** The smallest padded length: a keystroke must not cost more. */
export const minPaddedBytes = 128;

export const accessTokenTtlSeconds = 900;
export const refreshTokenTtlSeconds = 30 * 86_400;
export const maxSessionsPerAccount = 3;
export const maxKeyslots = 16;
export const maxSealedKeyslotBytes = 512;
export const loginStateTtlSeconds = 60;
export const historyRetentionDays = 30;

export const minHandleCharacters = 3;
export const maxHandleCharacters = 64;
/** Passwords are counted in Unicode code points after preparation. */
export const minPasswordCharacters = 8;
export const maxPasswordCharacters = 256;
