// What an edge asks a passkey, and what a browser sends of one: the JSON form of WebAuthn Level 3, §5.1
// (`toJSON`), less all that the edge has no use for. There is no place for outputs of extensions: a PRF
// output is what opens a keyslot, and a request that brings one is refused.
import * as v from 'valibot';
import { bytesText } from './http-fields.ts';
import {
	maxAttestationObjectBytes,
	maxAuthenticatorDataBytes,
	maxClientDataBytes,
	maxCredentialIdBytes,
	maxFactors,
	maxPasskeySignatureBytes,
	maxUserHandleBytes,
	minCredentialIdBytes,
	passkeyChallengeBytes
} from './limits.ts';

const credentialId = bytesText(minCredentialIdBytes, maxCredentialIdBytes);
const clientDataJSON = bytesText(2, maxClientDataBytes);

/** How a browser reaches an authenticator: a hint, given back when it is asked again. */
export const passkeyTransports = ['ble', 'hybrid', 'internal', 'nfc', 'usb'] as const;
export type PasskeyTransport = (typeof passkeyTransports)[number];

const transports = v.pipe(
	v.array(v.picklist(passkeyTransports)),
	v.maxLength(passkeyTransports.length)
);

/** What an edge asks, and whom: every passkey of the account. */
export const passkeyQuestion = v.strictObject({
	challenge: bytesText(passkeyChallengeBytes),
	passkeys: v.pipe(
		v.array(v.strictObject({ id: credentialId, transports })),
		v.maxLength(maxFactors)
	)
});
export type PasskeyQuestion = v.InferOutput<typeof passkeyQuestion>;

/** Of `navigator.credentials.create`. */
export const passkeyCreated = v.strictObject({
	id: credentialId,
	rawId: credentialId,
	type: v.literal('public-key'),
	response: v.strictObject({
		clientDataJSON,
		attestationObject: bytesText(1, maxAttestationObjectBytes),
		transports
	})
});
export type PasskeyCreated = v.InferOutput<typeof passkeyCreated>;

/** Of `navigator.credentials.get`. */
export const passkeyAsserted = v.strictObject({
	id: credentialId,
	rawId: credentialId,
	type: v.literal('public-key'),
	response: v.strictObject({
		clientDataJSON,
		authenticatorData: bytesText(1, maxAuthenticatorDataBytes),
		signature: bytesText(1, maxPasskeySignatureBytes),
		/** The account's id, from authenticators that keep it. */
		userHandle: v.nullable(bytesText(1, maxUserHandleBytes))
	})
});
export type PasskeyAsserted = v.InferOutput<typeof passkeyAsserted>;
