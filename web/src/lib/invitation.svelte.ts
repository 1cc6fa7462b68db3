// An invitation that was opened by its link: what it says, or why it says nothing.
import type { InvitationPreview } from '../../../client/api-sharing.ts';
import { parseLinkUrl } from '../../../client/link-url.ts';
import type { TacetError } from '../../../client/index.ts';
import type { App } from './app.svelte.ts';

export class OpenedInvitation {
	preview = $state.raw<InvitationPreview | null>(null);
	error = $state.raw<TacetError | null>(null);
	readonly url: string;
	#app: App;

	constructor(app: App, url: string) {
		this.#app = app;
		this.url = url;
	}

	async read(): Promise<void> {
		this.error = null;
		if (parseLinkUrl(this.url) === null) {
			this.error = { code: 'link_invalid' };
			return;
		}
		const read = await this.#app.tacet.readInvitation(this.url);
		if (read.ok) this.preview = read.value;
		else this.error = read.error;
	}

	/** By this device's clock. */
	get expired(): boolean {
		return this.preview !== null && this.preview.expiresAtMs <= Date.now();
	}

	/** Trying again may help. */
	get mayRetry(): boolean {
		const code = this.error?.code;
		return code === 'offline' || code === 'unavailable' || code === 'rate_limited';
	}
}
