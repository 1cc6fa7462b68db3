// After an epoch was opened, live pages under older ones are written again under the open one, by
// commits that supersede them: page for page, with the time that each was written first. Nothing but
// the log is state, so that anybody who writes can go on where somebody stopped, and two at once do
// no harm. Begins after a random wait and a fresh pull; gives way to whatever else is sent.
import { writesItems } from '../crypto/log-state.ts';
import { parseCommit, type PageId } from '../protocol/commit.ts';
import type { AccountId, DeviceId, Seq, SpaceId } from '../protocol/ids.ts';
import {
	maxCommitPagesBytes,
	maxPagePlaintextBytes,
	maxPagesPerCommit
} from '../protocol/limits.ts';
import { encodePage, parsePage } from '../protocol/page.ts';
import type { EpochStatus } from './api-sharing.ts';
import { pageName, type Chain, type PageName } from './chain.ts';
import type { CryptoPort } from './crypto-port.ts';
import type { Pages } from './pages.ts';
import type { LoneCommit, Pusher } from './push.ts';
import type { Content } from './receive.ts';
import type { Store, StoreFault } from './store.ts';

export interface ResealerParts {
	readonly space: SpaceId;
	readonly account: AccountId;
	readonly device: DeviceId;
	readonly chain: Chain;
	readonly pages: Pages;
	readonly store: Store;
	readonly crypto: CryptoPort;
	readonly content: Content;
	readonly pusher: Pusher;
	/** How long to leave the work to others; random, so that few devices begin at once. */
	readonly repairWaitMs: () => number;
	readonly mayWrite: () => boolean;
	/** Whether the member entry holds this account's identity. */
	readonly isOneself: () => boolean;
	/** Whether this tab leads, is connected, and has verified all that is on offer. */
	readonly isReady: () => boolean;
	readonly pull: () => void;
	readonly onStoreFault: (fault: StoreFault) => void;
}

/** Between commits, so that others get their turn. */
const pauseMs = 100;

/** A live page under an older epoch, and what to say in its place; null: nothing but what is over. */
interface Restated {
	readonly page: PageId;
	readonly plaintext: Uint8Array | null;
	/** Of the page that it replaces, sealed: the new one is about as long. */
	readonly sealedBytes: number;
}

export class Resealer {
	readonly #parts: ResealerParts;
	/** Pages that this device can't say again: they did not open, or their bytes are not here. */
	readonly #unreadable = new Set<PageName>();
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** The wait is over, and what others did meanwhile was pulled. */
	#due = false;
	#working = false;
	#idle: Promise<void> = Promise.resolve();

	constructor(parts: ResealerParts) {
		this.#parts = parts;
	}

	/** Null once every live page that can be opened is under the open epoch. */
	get progress(): EpochStatus['resealing'] {
		const { chain } = this.#parts;
		const { openEpoch } = chain.state;
		const { total, before } = chain.ledger.countLive(openEpoch);
		if (before === 0) return null;
		const left = [...this.#old()].length;
		return left === 0 ? null : { done: total - before, total: total - before + left };
	}

	/** All on offer is verified, or a commit of this device stands. */
	caughtUp(): void {
		if (this.#working || this.#timer !== undefined || !this.#isMine) return;
		if (this.#due) {
			this.#wait(pauseMs, () => {
				this.#idle = this.#work();
			});
			return;
		}
		this.#wait(this.#parts.repairWaitMs(), () => {
			this.#due = true;
			if (this.#parts.isReady()) this.#parts.pull();
		});
	}

	/** Settles when no page is being read or formed. */
	get idle(): Promise<void> {
		return this.#idle;
	}

	stop(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#due = false;
	}

	#wait(ms: number, then: () => void): void {
		this.#timer = setTimeout(() => {
			this.#timer = undefined;
			then();
		}, ms);
	}

	/** Whether there is something to do, and this device may do it now. */
	get #isMine(): boolean {
		const { chain, account, pages, isReady, mayWrite, isOneself } = this.#parts;
		const role = chain.state.members.get(account)?.role;
		if (role === undefined || !writesItems(role) || !isOneself()) return false;
		if (!isReady() || !mayWrite()) return false;
		if (!pages.knows(chain.state.openEpoch) || chain.state.epochOwed) return false;
		return this.#old().next().done !== true;
	}

	*#old(): Generator<PageId> {
		const { chain, pages } = this.#parts;
		for (const page of chain.ledger.liveBefore(chain.state.openEpoch)) {
			if (!pages.isUnread(page) && !this.#unreadable.has(pageName(page))) yield page;
		}
	}

	async #work(): Promise<void> {
		const { pusher } = this.#parts;
		// Whatever people write goes first; its place on the log wakes this again.
		if (!this.#isMine || pusher.isBusy) return;
		this.#working = true;
		const batch = await this.#gather().finally(() => {
			this.#working = false;
		});
		if (batch.length === 0) this.#due = false;
		else pusher.pushAlone(this.#commitOf(batch));
	}

	#commitOf(batch: readonly Restated[]): LoneCommit {
		const { chain, onStoreFault } = this.#parts;
		const { openEpoch } = chain.state;
		return {
			draft: () => {
				const live = batch.filter(({ page }) => !chain.isSuperseded(page));
				if (chain.state.openEpoch !== openEpoch || live.length === 0 || !this.#isMine) return null;
				const pages = live.flatMap(({ plaintext }) => (plaintext === null ? [] : [plaintext]));
				return { epoch: openEpoch, pages, supersedes: live.map(({ page }) => page) };
			},
			formed: () => undefined,
			failed: (fault) => {
				if (fault === 'store_full' || fault === 'store_unavailable') onStoreFault(fault);
			}
		};
	}

	/** As many as one commit takes, oldest first. */
	async #gather(): Promise<readonly Restated[]> {
		const batch: Restated[] = [];
		let bytes = 0;
		for (const page of this.#old()) {
			if (batch.length === maxPagesPerCommit) break;
			const restated = await this.#restate(page);
			if (restated === null) {
				this.#unreadable.add(pageName(page));
				continue;
			}
			// The time that is said again may take a page to the next padded length.
			bytes += restated.sealedBytes * 1.1 + 64;
			if (bytes > maxCommitPagesBytes && batch.length > 0) break;
			batch.push(restated);
		}
		return batch;
	}

	async #restate(page: PageId): Promise<Restated | null> {
		const { content } = this.#parts;
		const opened = await this.#open(page);
		if (opened === null) return null;
		const { changes, timeMs, sealedBytes } = opened;
		const said = content.restated?.(page, changes) ?? changes;
		if (said.length === 0) return { page, plaintext: null, sealedBytes: 0 };
		const plaintext = encodePage(said, timeMs);
		return plaintext.length > maxPagePlaintextBytes ? null : { page, plaintext, sealedBytes };
	}

	async #open({ seq, index }: PageId) {
		const { space, crypto } = this.#parts;
		const sealed = await this.#load(seq, index);
		if (sealed === null) return null;
		const { commit, bytes } = sealed;
		const { author, device, count, timeMs } = commit;
		const epoch = commit.pages[index]?.epoch ?? 0;
		const place = { space, epoch, author, device, count, index };
		const [plaintext] = await crypto.openPages([{ place, sealed: bytes }]);
		const parsed = plaintext ? parsePage(plaintext) : null;
		if (!parsed?.ok) return null;
		const { changes, restatedMs } = parsed.value;
		return { changes, timeMs: restatedMs ?? timeMs, sealedBytes: bytes.length };
	}

	async #load(seq: Seq, index: number) {
		const { space, store, onStoreFault } = this.#parts;
		const loaded = await store.loadEntries(space, seq - 1, 1);
		if (!loaded.ok) {
			onStoreFault(loaded.error);
			return null;
		}
		const [entry] = loaded.value;
		const bytes = entry?.pages[index] ?? null;
		const commit = entry === undefined ? null : parseCommit(entry.commit);
		return bytes === null || !commit?.ok ? null : { commit: commit.value, bytes };
	}
}
