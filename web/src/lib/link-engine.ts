// What a share link needs of the engine: no account, no store, no editor.
import { connectCrypto } from '../../../client/connect-crypto.ts';
import type { Answer } from '../../../client/api.ts';
import type { LinkView } from '../../../client/api-sharing.ts';
import { openLinkView } from '../../../client/link-view.ts';

/** Takes over the worker, and ends it if the link does not open. */
export const openLink = (
	url: string,
	worker: Worker,
	passphrase: string | undefined
): Answer<LinkView> =>
	openLinkView(
		{ origin: location.origin, startCrypto: () => connectCrypto(worker) },
		url,
		passphrase
	);
