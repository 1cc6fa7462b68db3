// Sealing and opening pages: padded, then sealed under the epoch's content key, bound to their
// place in the log. Source: docs/formats.md, Page.
import { pageAad, type PagePlace } from '../../protocol/labels.ts';
import { err, type Result } from '../../protocol/result.ts';
import { pad, unpad } from '../padding.ts';
import { open, seal, type XaesKey } from './aead.ts';

/**
 * Seals one page. Client half.
 *
 * @param contentKey of epoch `place.epoch`.
 * @param plaintext the encoded changes; at most `maxPagePlaintextBytes`, which the caller keeps.
 * @returns a padded length plus 40 bytes.
 */
export async function sealPage(
	contentKey: XaesKey,
	place: PagePlace,
	plaintext: Uint8Array
): Promise<Uint8Array> {
	const padded = pad(plaintext);
	const sealed = await seal(contentKey, { plaintext: padded, aad: pageAad(place) });
	padded.fill(0);
	return sealed;
}

/**
 * Opens one page. Client half.
 *
 * @param sealed as received, any length. Not modified.
 * @returns the encoded changes; or `open_failed` for another key, another place, any change and
 * wrong padding alike: whoever serves a page must not learn which check refused it.
 */
export async function openPage(
	contentKey: XaesKey,
	place: PagePlace,
	sealed: Uint8Array
): Promise<Result<Uint8Array, 'open_failed'>> {
	const opened = await open(contentKey, { sealed, aad: pageAad(place) });
	if (!opened.ok) return opened;
	const content = unpad(opened.value);
	opened.value.fill(0);
	return content.ok ? content : err('open_failed');
}
