// Bytes of requests that the Worker has checked against their schemas.
import type { AccountRecords } from '../crypto/account-log.ts';
import type { SignedAccountWrite } from '../protocol/account-write.ts';
import { equalBytes, fromBase64Url } from '../protocol/bytes.ts';

/** Throws for what is no base64url: the schema would have refused it. */
export function decodeText(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new TypeError('the request was not checked against its schema');
	return bytes.value;
}

/** Whether two byte strings, either of which may be missing, are the same. */
export const sameBytes = (a: Uint8Array | null, b: Uint8Array | null): boolean =>
	a === null || b === null ? a === b : equalBytes(a, b);

export const signedWriteOf = (request: {
	readonly write: string;
	readonly signature: string;
}): SignedAccountWrite => ({
	write: decodeText(request.write),
	signature: decodeText(request.signature)
});

export const recordsOf = (request: {
	readonly registrationRecord: string | null;
	readonly keyslots: readonly string[];
}): AccountRecords => ({
	registrationRecord:
		request.registrationRecord === null ? null : decodeText(request.registrationRecord),
	keyslots: request.keyslots.map(decodeText)
});
