// Sealing and opening pages: padded, then sealed under the epoch's content key, bound to their
// place in the log. Source: docs/formats.md, Page.
import { pageAad, type PagePlace } from '../../protocol/labels.ts';
import { sealOverheadBytes } from '../../protocol/limits.ts';
import { err, type Result } from '../../protocol/result.ts';
import { contentOf, paddedLength, padInto } from '../padding.ts';
import { xaesNonceBytes } from './aead.ts';
import type { RecordCipher } from './record-cipher.ts';

/**
 * A page's plaintext, padded, in the very bytes where its sealed form will stand: a page is large, and
 * memory that was never touched costs a browser as much as sealing what is put into it.
 */
export interface LaidOutPage {
	/** `room for the nonce (24) ‖ padded plaintext ‖ room for the tag (16)`. */
	readonly room: Uint8Array;
}

/**
 * Lays out the page whose bytes these parts are, one behind the other, in a new array.
 *
 * @param parts at most `maxPagePlaintextBytes` together, which the caller keeps.
 */
export function layOutPage(parts: readonly Uint8Array[]): LaidOutPage {
	const lengthBytes = parts.reduce((total, part) => total + part.length, 0);
	const padded = paddedLength(lengthBytes);
	const room = new Uint8Array(padded + sealOverheadBytes);
	padInto(room.subarray(xaesNonceBytes, xaesNonceBytes + padded), parts);
	return { room };
}

/**
 * Seals one page. Client half.
 *
 * @param contentKey of epoch `place.epoch`.
 * @param page the encoded changes; or the same laid out, which is taken over and written over.
 * @returns a padded length plus 40 bytes; of a page that was laid out, its room.
 */
export async function sealPage(
	contentKey: RecordCipher,
	place: PagePlace,
	page: Uint8Array | LaidOutPage
): Promise<Uint8Array> {
	const { room } = page instanceof Uint8Array ? layOutPage([page]) : page;
	await contentKey.sealLaidOut(room, pageAad(place));
	return room;
}

/**
 * Opens one page. Client half.
 *
 * @param sealed as received, any length. Not modified.
 * @returns the encoded changes, with nothing else in their buffer but padding; or `open_failed` for
 * another key, another place, any change and wrong padding alike: whoever serves a page must not learn
 * which check refused it.
 */
export async function openPage(
	contentKey: RecordCipher,
	place: PagePlace,
	sealed: Uint8Array
): Promise<Result<Uint8Array, 'open_failed'>> {
	const opened = await contentKey.open({ sealed, aad: pageAad(place) });
	if (!opened.ok) return opened;
	const content = contentOf(opened.value);
	return content.ok ? content : err('open_failed');
}
