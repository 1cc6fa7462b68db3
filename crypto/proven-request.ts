// What a DPoP proof says of the request that it was made for, in the same words on both sides: the
// client puts them into a proof, the edge holds a proof against them (RFC 9449 §4.2).
import { toBase64Url, utf8Encode } from '../protocol/bytes.ts';
import { requestHashInput } from '../protocol/labels.ts';
import { sha256, sha256Async } from './hash.ts';

/** Plain data, so that the Worker can hand it to the object that judges. */
export interface ProvenRequest {
	/** The method, as it is sent. */
	readonly htm: string;
	/** The absolute URL, http or https, without query and fragment. */
	readonly htu: string;
	/** base64url of SHA-256 of query and body: `htu` has neither. */
	readonly bh: string;
}

/**
 * Describes a request.
 *
 * Source: RFC 9449 §4.2; docs/formats.md, DPoP proof.
 * @param request `url` is absolute, and exactly what goes over the wire: what `URL` gives as `href`.
 * Of a socket it is the URL of the upgrade, http or https. Without a body, `body` is empty.
 */
export async function describeRequest(request: {
	readonly method: string;
	readonly url: string;
	readonly body: Uint8Array;
}): Promise<ProvenRequest> {
	const [address = ''] = request.url.split('#');
	const queryAt = address.indexOf('?');
	const htu = queryAt < 0 ? address : address.slice(0, queryAt);
	const query = queryAt < 0 ? '' : address.slice(queryAt + 1);
	const hash = await sha256Async(requestHashInput(query, request.body));
	return { htm: request.method, htu, bh: toBase64Url(hash) };
}

/** `ath`: base64url of SHA-256 of the access token (RFC 9449 §4.2). */
export const accessTokenHash = (accessToken: string): string =>
	toBase64Url(sha256(utf8Encode(accessToken)));
