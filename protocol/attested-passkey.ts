// What an authenticator says of a new passkey, as its owner's client reads it to sign it into the
// account log. Nothing is judged here: the edge does that (crypto/edge/webauthn.ts), by its own reading.
import { decode, decodeFirst } from 'cborg';
import { fromBase64Url } from './bytes.ts';
import type { FactorDataOf } from './factor.ts';
import { maxCredentialIdBytes, maxPasskeyKeyBytes, minCredentialIdBytes } from './limits.ts';
import type { PasskeyCreated } from './passkey.ts';
import { err, ok, type Result } from './result.ts';

/** Hash of the RP ID 32, flags 1, counter 4, AAGUID 16, length 2, credential id (WebAuthn Level 3, §6.5.1). */
const flagsAt = 32;
const lengthAt = 53;
const credentialIdAt = 55;
const backupEligible = 0x08;
const attested = 0x40;

/** The factor that a new passkey is. */
export function factorOfPasskey({
	response
}: PasskeyCreated): Result<FactorDataOf<'webauthn'>, 'malformed'> {
	const bytes = fromBase64Url(response.attestationObject);
	const authData = bytes.ok ? authenticatorData(bytes.value) : null;
	if (authData === null || authData.length < credentialIdAt) return err('malformed');
	const flags = authData[flagsAt] ?? 0;
	const keyAt = credentialIdAt + new DataView(authData.buffer).getUint16(lengthAt);
	const credentialId = authData.slice(credentialIdAt, keyAt);
	const publicKey = firstKey(authData.slice(keyAt));
	const { length } = credentialId;
	if (length < minCredentialIdBytes || length > maxCredentialIdBytes) return err('malformed');
	if ((flags & attested) === 0 || publicKey === null) return err('malformed');
	return ok({
		kind: 'webauthn',
		credentialId,
		publicKey,
		isBackupEligible: (flags & backupEligible) !== 0,
		transports: response.transports
	});
}

/** A copy of it, with a buffer of its own. */
function authenticatorData(attestationObject: Uint8Array): Uint8Array | null {
	try {
		const object: unknown = decode(attestationObject, { useMaps: true });
		const authData: unknown = object instanceof Map ? object.get('authData') : null;
		return authData instanceof Uint8Array ? Uint8Array.from(authData) : null;
	} catch {
		// The library throws on everything that is no CBOR.
		return null;
	}
}

/** The COSE_Key that these begin with: outputs of extensions may follow. */
function firstKey(bytes: Uint8Array): Uint8Array | null {
	try {
		const [key, rest] = decodeFirst(bytes, { useMaps: true }) as [unknown, Uint8Array];
		if (!(key instanceof Map)) return null;
		const item = bytes.slice(0, bytes.length - rest.length);
		return item.length > maxPasskeyKeyBytes ? null : item;
	} catch {
		// As above.
		return null;
	}
}
