// Bytes in the text of a request.
import { fromBase64Url } from '../protocol/bytes.ts';

/** The Worker has checked every text against its schema. */
export function decode(text: string): Uint8Array {
	const bytes = fromBase64Url(text);
	if (!bytes.ok) throw new TypeError('the request was not checked against its schema');
	return bytes.value;
}
