// Work on a log that anybody who writes may do, and that is done once: live pages are said again in
// other pages, by commits that supersede them. Nothing but the log is state, so that anybody goes on
// where somebody stopped, and two at once do no harm. Begins after a random wait and a fresh pull;
// gives way to whatever else is sent.
import { writesItems } from '../crypto/log-state.ts';
import type { PageId } from '../protocol/commit.ts';
import type { AccountId } from '../protocol/ids.ts';
import { draftOwed } from './admin-draft.ts';
import type { Chain } from './chain.ts';
import type { Pages } from './pages.ts';
import type { LoneCommit, Pusher } from './push.ts';
import type { StoreFault } from './store.ts';

/** What one commit says: encoded pages, in the place of live ones. */
export interface Rewriting {
	readonly pages: readonly Uint8Array[];
	readonly supersedes: readonly PageId[];
}

/** One reason to write pages again. */
export interface RewriteJob {
	/** Whether there is something to do. */
	readonly isDue: boolean;
	/** How many times as long as for mending it is left to others. */
	readonly patience: number;
	/**
	 * Reads, and finds the words for one commit; null if there is nothing after all. They are asked for
	 * when the commit is formed: null then if the pages were replaced meanwhile.
	 */
	gather(): Promise<(() => Rewriting | null) | null>;
	/** There is nothing to do for anybody. */
	ended?(): void;
}

export interface RewriterParts {
	readonly account: AccountId;
	readonly chain: Chain;
	readonly pages: Pages;
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

export class Rewriter {
	readonly #parts: RewriterParts;
	/** The first that is due is done. */
	readonly #jobs: readonly RewriteJob[];
	#timer: ReturnType<typeof setTimeout> | undefined;
	/** The wait is over, and what others did meanwhile was pulled. */
	#due = false;
	#working = false;
	#idle: Promise<void> = Promise.resolve();

	constructor(parts: RewriterParts, jobs: readonly RewriteJob[]) {
		this.#parts = parts;
		this.#jobs = jobs;
	}

	/** All on offer is verified, or a commit of this device stands. */
	caughtUp(): void {
		if (this.#working || this.#timer !== undefined) return;
		const job = this.#next;
		if (job === undefined) {
			this.#due = false;
			for (const idle of this.#jobs) idle.ended?.();
			return;
		}
		if (this.#due) {
			this.#wait(pauseMs, () => {
				this.#idle = this.#work();
			});
			return;
		}
		this.#wait(this.#parts.repairWaitMs() * job.patience, () => {
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

	/** What there is to do, if this device may do it now. */
	get #next(): RewriteJob | undefined {
		const { chain, account, pages, isReady, mayWrite, isOneself } = this.#parts;
		const role = chain.state.members.get(account)?.role;
		if (role === undefined || !writesItems(role) || !isOneself()) return undefined;
		if (!isReady() || !mayWrite()) return undefined;
		if (!pages.knows(chain.state.openEpoch) || chain.state.epochOwed) return undefined;
		return this.#jobs.find(({ isDue }) => isDue);
	}

	async #work(): Promise<void> {
		const { pusher } = this.#parts;
		const job = this.#next;
		// Whatever people write goes first; its place on the log wakes this again.
		if (job === undefined || pusher.isBusy) return;
		this.#working = true;
		const say = await job.gather().finally(() => {
			this.#working = false;
		});
		if (say !== null) {
			pusher.pushAlone(this.#commitOf(say));
			return;
		}
		// No place on the log follows from that: whatever else is due begins by itself.
		this.#due = false;
		this.caughtUp();
	}

	#commitOf(say: () => Rewriting | null): LoneCommit {
		const { chain, account, onStoreFault } = this.#parts;
		const { openEpoch } = chain.state;
		return {
			draft: () => {
				if (chain.state.openEpoch !== openEpoch || this.#next === undefined) return null;
				const said = say();
				// Rule 8d: the audit key that is owed comes with the next page of an owner.
				const role = chain.state.members.get(account)?.role;
				const admin = role === undefined ? null : draftOwed(chain.state, role);
				return said && { epoch: openEpoch, admin, ...said };
			},
			formed: () => undefined,
			failed: (fault) => {
				if (fault === 'store_full' || fault === 'store_unavailable') onStoreFault(fault);
			}
		};
	}
}
