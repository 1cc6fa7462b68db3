// Under which id an account knows a passkey, on both sides.
import { idBytes } from '../protocol/ids.ts';
import { sha256 } from './hash.ts';

/** Id of the keyslot that a passkey opens, and of the factor that it is: 16 bytes. */
export const passkeySlotId = (credentialId: Uint8Array): Uint8Array =>
	sha256(credentialId).slice(0, idBytes);
