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
/** Entries put back in one frame. */
export const maxEntriesPerRun = 1_024;
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

/** A heartbeat: its body and its signature are much smaller. */
export const maxHeartbeatBytes = 512;
/** Heartbeats in one frame: the newest ones. */
export const maxHeartbeatsPerFrame = 256;
/** A device gives one at most this often for each space, but for hand-over. */
export const heartbeatIntervalSeconds = 86_400;

/** A sealed event of an access log: `minPaddedBytes` and what HPKE adds. */
export const sealedEventBytes = 1_264;
/** Events that a space keeps: the newest ones, and none that is older. */
export const maxAuditEvents = 4_096;
export const auditEventTtlSeconds = 90 * 86_400;
/** Events of one hour; what happens beyond that is one event together. */
export const maxAuditEventsPerHour = 256;
export const maxAuditEventsPerRead = 64;

/** Sealed records of invitations and share links. */
export const maxInviteRecordBytes = 2_048;
/** The name of whoever claims an invitation, sealed. */
export const maxSealedNameBytes = 512;
/** Open invitations, and share links, of one space. */
export const maxInvitesPerSpace = 64;
export const maxLinksPerSpace = 64;
/** An invitation may be open for at most this long; a person is offered 7 days. */
export const maxInviteTtlSeconds = 30 * 86_400;
/** Wrong guesses of a passphrase, after which a share link is frozen. */
export const maxPassphraseGuesses = 10;
/** How long an opened share link may be kept open without counting as another opening. */
export const linkOpeningTtlSeconds = 86_400;
export const maxRequestBytes = 4_096;
/** Requests that wait for one account. */
export const maxRequestsPerAccount = 32;
export const requestTtlSeconds = 7 * 86_400;
export const deviceLinkTtlSeconds = 600;
export const maxHandOverBytes = 1_024;
export const maxSpaceNameCharacters = 200;
/** An epoch is followed by a new one after this long, by an owner's device. */
export const epochTtlSeconds = 90 * 86_400;

/** A DPoP proof in its compact form; ours have about 700 characters. */
export const maxProofCharacters = 2_048;
/** `jti` of a proof: at least 96 bits in base64url (RFC 9449 §4.2). */
export const minProofIdCharacters = 16;
export const maxProofIdCharacters = 64;
/** A nonce that an edge gives for proofs. */
export const maxProofNonceCharacters = 64;

/** Secrets of one-time passwords, as RFC 4226 §4 recommends. */
export const totpSecretBytes = 20;
export const totpStepSeconds = 30;
export const totpDigits = 6;
/** Backup codes that an account has, each good once. */
export const backupCodesPerAccount = 10;
export const backupCodeBytes = 10;
/** 128 random bits that go into the slot key of a password. */
export const accountKeyBytes = 16;
/** What an edge keeps of one factor; of a passkey with the longest id and key. */
export const maxFactorDataBytes = 2_304;
/** Codes that are sent to a telephone, and what keeps its number out of the log's hash. */
export const smsCodeDigits = 6;
export const smsCodeTtlSeconds = 600;
export const smsSaltBytes = 16;

/** WebAuthn Level 3: ids of credentials have 16 bytes and more (§4), at most 1,023 (§5.1.3). */
export const minCredentialIdBytes = 16;
export const maxCredentialIdBytes = 1_023;
/** About 200 bytes, and what browsers add of their own. */
export const maxClientDataBytes = 2_048;
/** Credential id, key and extensions; in an attestation object, certificates that nobody reads. */
export const maxAuthenticatorDataBytes = 4_096;
export const maxAttestationObjectBytes = 16_384;
/** Of RSA with 4,096 bits, the longest that is taken. */
export const maxPasskeySignatureBytes = 512;
export const maxUserHandleBytes = 64;
/** COSE_Key of RSA with 4,096 bits, and room. */
export const maxPasskeyKeyBytes = 1_024;
export const passkeyChallengeBytes = 32;
export const prfOutputBytes = 32;
/** A person may have to look for a key, and for its PIN. */
export const passkeyChallengeTtlSeconds = 300;

export const accessTokenTtlSeconds = 900;
export const refreshTokenTtlSeconds = 30 * 86_400;
export const maxSessionsPerAccount = 3;
export const maxKeyslots = 16;
export const maxSealedKeyslotBytes = 512;
/** An account write: one with an identity entry and all keyslots is the longest. */
export const maxAccountWriteBytes = 4_096;
/** Of a renewal: the root before it, and where its keyring ended, sealed. */
export const maxPreviousRootBytes = 256;
/** No action is shorter. */
export const minAccountWriteBytes = 100;
export const maxAccountWritesPerAnswer = 1_024;
/** Writes that are put back at once: more than a body holds. */
export const maxAccountWritesPutBack = 256;
export const maxFactors = 16;
/** Sessions that a person may allow at a time. */
export const maxSessionCap = 20;
export const maxRecoveryDelayDays = 30;
export const recoveryCodeWords = 12;
export const recoveryAuthenticatorBytes = 32;
/** For how long a recovery that has waited, and is not gone on with, stays possible. */
export const recoveryKeptDays = 7;
/** Of the recovery code, read back now and then. The others keep it from being guessed. */
export const kitCheckWords = 3;
/** Between KE1 and KE3. */
export const loginStateTtlSeconds = 60;
/** For what is asked after the password. */
export const loginStepsTtlSeconds = 300;
/** Answers to a second step, of one login. */
export const maxFactorTries = 5;
/** For how long whoever has shown password and second step need not do so again. */
export const freshTtlSeconds = 300;
/** What an account is told of what happened at its door. */
export const maxSecurityEvents = 256;
export const securityEventTtlSeconds = 90 * 86_400;
export const maxSecurityEventsPerRead = 64;
export const maxCityCharacters = 64;
export const historyRetentionDays = 30;

export const minHandleCharacters = 3;
export const maxHandleCharacters = 64;
/** Passwords are counted in Unicode code points after preparation. */
export const minPasswordCharacters = 8;
export const maxPasswordCharacters = 256;

/** The code of a sign-up invite. */
export const signUpCodeBytes = 16;
/** Sign-up invites of a deployment at a time, and how often one may be used. */
export const maxSignUpInvites = 64;
export const maxSignUpInviteUses = 100;
/** What an operator may allow: a space is one object of the platform, which holds 10 GB. */
export const maxAccountsOfDeployment = 1_000_000;
export const maxSpacesOfAccount = 10_000;
export const minBytesOfSpace = 1_000_000;
export const maxBytesOfSpace = 8_000_000_000;
export const minPagesOfSpace = 1_000;
export const maxPagesOfSpace = 10_000_000;
export const maxBytesOfAccount = 1_000_000_000_000;
