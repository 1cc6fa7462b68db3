// The edge's check that the device key in a login belongs to whoever knew the password: no relay,
// and no thief of a login in progress, can bring a key of their own.
import { deviceBindingInput } from '../../protocol/labels.ts';
import { equalConstantTime, hmacSha256 } from '../mac.ts';

/**
 * Verifies the client's HMAC-SHA-256 over the device key, in constant time.
 *
 * Source: docs/formats.md, Device key at login.
 * @param sessionKey OPAQUE's, 64 bytes, from the login that just finished.
 * @param binding `mac` as received; `handleHash` 32 bytes; `thumbprint` 32 bytes (RFC 7638).
 */
export const verifyDeviceBinding = (
	sessionKey: Uint8Array,
	binding: {
		readonly mac: Uint8Array;
		readonly origin: string;
		readonly handleHash: Uint8Array;
		readonly thumbprint: Uint8Array;
	}
): boolean =>
	equalConstantTime(
		hmacSha256(
			sessionKey,
			deviceBindingInput(binding.origin, binding.handleHash, binding.thumbprint)
		),
		binding.mac
	);
