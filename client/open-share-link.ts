// The way into a share link for those who import the engine: what opens it is imported then.
import type { LinkView } from './api-sharing.ts';
import type { Answer } from './api.ts';
import type { LinkOptions } from './link-view.ts';

/** Opens a share link, without an account. `passphrase_needed`: call again with one. */
export async function openShareLink(
	options: LinkOptions,
	url: string,
	passphrase?: string
): Answer<LinkView> {
	const { openLinkView } = await import('./link-view.ts');
	return openLinkView(options, url, passphrase);
}
