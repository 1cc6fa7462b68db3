// What a heartbeat's signature covers, and whose it must be. Synchronous: the caller verifies the
// proof when it suits, and judges by its own log what the heartbeat says.
import type { SignedHeartbeat } from '../protocol/heartbeat.ts';
import type { Identity } from './identity.ts';
import type { Proof } from './signature.ts';

/**
 * The signature by which a member vouches for the newest head that a device of theirs has verified.
 * Source: docs/formats.md, Heartbeat.
 *
 * @param identity as the log pins it in the member entry of the account that the body names: the
 * caller looks that up, and checks body, space and head.
 * @param signed `body` of any length; its first element is a label, so that it is nothing else that
 * an identity signs.
 */
export const heartbeatProof = (identity: Identity, signed: SignedHeartbeat): Proof => ({
	publicKey: identity.entry.body.signingKey,
	message: signed.body,
	signature: signed.signature
});
