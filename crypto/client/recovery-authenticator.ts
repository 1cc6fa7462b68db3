// What a holder of the recovery code shows the edge, before it gives out what the code opens.
import { derivationInfo, labels } from '../../protocol/labels.ts';
import { sha256 } from '../hash.ts';
import { hkdf } from '../kdf.ts';
import type { RecoveryEntropy } from './recovery-code.ts';

const authenticatorBytes = 32;

/**
 * Shown to the edge once, when the code is used: it opens nothing, and gives away nothing of the
 * slot key, which derives from the same code under another label.
 *
 * @returns 32 bytes.
 */
export const deriveRecoveryAuthenticator = (entropy: RecoveryEntropy): Uint8Array =>
	hkdf(entropy.reveal(), derivationInfo(labels.recoveryProof), authenticatorBytes);

/** What the edge keeps of it, by a signed account write: SHA-256, 32 bytes. */
export const recoveryAuthenticatorHash = (authenticator: Uint8Array): Uint8Array =>
	sha256(authenticator);
