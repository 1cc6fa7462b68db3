// Bytes of requests that the Worker has checked against their schemas.
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
