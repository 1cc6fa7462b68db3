// OPAQUE's registration record, RFC 9807 §5.2.3: client public key (32) ‖ masking key (64) ‖ envelope (96).
// Whoever signs or keeps one that is none locks its owner out: no login against it ends well.
import { ristretto255 } from '@noble/curves/ed25519.js';

const recordBytes = 192;
const publicKeyBytes = 32;

/** Whether it has the length of a record, and its public key is a point other than the identity. */
export function isRegistrationRecord(record: Uint8Array): boolean {
	if (record.length !== recordBytes) return false;
	try {
		const key = ristretto255.Point.fromBytes(record.subarray(0, publicKeyBytes));
		return !key.is0();
	} catch {
		// Not the canonical encoding of a point, RFC 9496 §4.3.1.
		return false;
	}
}
