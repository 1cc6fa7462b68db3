// Whoever opens a share link in a simulation: the real page of links, without an account, in a tab
// that keeps nothing.
import type { LinkView } from '../../client/api-sharing.ts';
import type { TacetError } from '../../client/errors.ts';
import { ok, type Result } from '../../protocol/result.ts';
import { Line, type LineParts } from './line.ts';
import type { SharedLink } from './link-board.ts';
import { origin, type ClientCode } from './simulated-tab.ts';

export interface ReaderParts extends Omit<LineParts, 'isOnline'> {
	readonly code: ClientCode;
	readonly link: SharedLink;
	readonly skewMs: number;
}

export class LinkReader {
	readonly #parts: ReaderParts;
	readonly #line: Line;
	isOnline = true;
	view: LinkView | null = null;

	constructor(parts: ReaderParts) {
		this.#parts = parts;
		this.#line = new Line({ ...parts, isOnline: () => this.isOnline });
	}

	get link(): SharedLink {
		return this.#parts.link;
	}

	get name(): string {
		return `a reader of link ${this.link.terms.label}`;
	}

	async open(passphrase: string | null): Promise<Result<null, TacetError>> {
		const { code, link, time, skewMs } = this.#parts;
		const options = {
			origin,
			startCrypto: () => code.startCryptoInProcess(code.loadOpaque),
			WebSocket: this.#line.socketClass,
			fetch: this.#line.fetch,
			nowMs: () => time.nowMs + skewMs
		};
		const opened = await code.openLinkView(options, link.url, passphrase ?? undefined);
		if (!opened.ok) return opened;
		this.view = opened.value;
		return ok(null);
	}

	cut(): void {
		this.#line.cut(30_000, 90_000);
	}

	goOffline(): void {
		this.isOnline = false;
		this.#line.cut(0, 60_000);
	}

	goOnline(): void {
		this.isOnline = true;
		this.view?.space.syncNow();
	}

	/** The tab is gone. */
	crash(): void {
		this.#line.end();
	}

	async close(): Promise<void> {
		await this.view?.close();
		this.#line.end();
	}
}
