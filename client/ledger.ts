// What a space's log adds up to beside the state that the rules ask for: which pages are live, under
// which epoch, and worth packing, which were purged, when epochs were opened, and what happened. Follows accepted
// entries in order; holds no keys.
import type { Commit, PageId } from '../protocol/commit.ts';
import type { AccountId, Epoch, Seq } from '../protocol/ids.ts';
import { maxPagesPerCommit } from '../protocol/limits.ts';
import { ActivityLog } from './activity.ts';
import { smallPageBytes } from './packing.ts';

/** Number of a page: pages of a commit follow each other. */
const keyOf = ({ seq, index }: PageId): number => seq * maxPagesPerCommit + index;
const pageOf = (key: number): PageId => ({
	seq: Math.floor(key / maxPagesPerCommit),
	index: key % maxPagesPerCommit
});

export class Ledger {
	/** Live pages that do not expire, in the order of the log, and their epochs. */
	readonly #live = new Map<number, Epoch>();
	/** Those with a date, which go by themselves. */
	readonly #dated = new Set<number>();
	readonly #liveIn = new Map<Epoch, number>();
	/** Live pages that are worth packing with others, in the order of the log, and their bytes. */
	readonly #small = new Map<number, number>();
	/** Larger ones that came too late: all that they replaced was replaced already. */
	readonly #late = new Map<number, number>();
	readonly #purged = new Set<number>();
	readonly #openedAtMs = new Map<Epoch, number>();
	/** Who put each account's identity into its member entry last. */
	readonly #vouchers = new Map<AccountId, AccountId>();
	readonly activity = new ActivityLog();

	note(seq: Seq, commit: Commit): void {
		this.activity.note(seq, commit);
		const isLate = this.#isLate(commit);
		for (const page of commit.supersedes) this.#end(keyOf(page));
		// Purging a live page has no effect (rule 9).
		for (const page of commit.purge) {
			const key = keyOf(page);
			if (!this.#live.has(key) && !this.#dated.has(key)) this.#purged.add(key);
		}
		for (const [index, { epoch, expiresAtMs, lengthBytes }] of commit.pages.entries()) {
			const key = keyOf({ seq, index });
			if (expiresAtMs !== null) this.#dated.add(key);
			else {
				this.#live.set(key, epoch);
				if (lengthBytes < smallPageBytes) this.#small.set(key, lengthBytes);
				else if (isLate) this.#late.set(key, lengthBytes);
				this.#liveIn.set(epoch, (this.#liveIn.get(epoch) ?? 0) + 1);
			}
		}
		for (const { account, identityEntry } of commit.admin?.members ?? []) {
			if (identityEntry !== null) this.#vouchers.set(account, commit.author);
		}
		const opened = commit.admin?.epoch;
		if (opened) this.#openedAtMs.set(opened.number, commit.timeMs);
	}

	/** Two who rewrite the same pages at once leave the later one's beside the earlier one's. */
	#isLate({ supersedes }: Commit): boolean {
		const isOver = (key: number): boolean => !this.#live.has(key) && !this.#dated.has(key);
		return supersedes.length > 0 && supersedes.every((page) => isOver(keyOf(page)));
	}

	#end(key: number): void {
		this.#dated.delete(key);
		this.#small.delete(key);
		this.#late.delete(key);
		const epoch = this.#live.get(key);
		if (epoch === undefined) return;
		this.#live.delete(key);
		this.#liveIn.set(epoch, (this.#liveIn.get(epoch) ?? 1) - 1);
	}

	/** Every page that is live, oldest first. */
	*live(): Generator<PageId> {
		for (const key of this.#live.keys()) yield pageOf(key);
		for (const key of this.#dated) yield pageOf(key);
	}

	/** Live pages under epochs before this one, oldest first; those that expire are left to it. */
	*liveBefore(epoch: Epoch): Generator<PageId> {
		for (const [key, of] of this.#live) if (of < epoch) yield pageOf(key);
	}

	/** How many live pages there are, and how many of them are under epochs before this one. */
	countLive(epoch: Epoch): { readonly total: number; readonly before: number } {
		let before = 0;
		for (const [of, count] of this.#liveIn) if (of < epoch) before += count;
		return { total: this.#live.size, before };
	}

	/** Live pages that are worth packing, oldest first, with their sealed bytes. */
	*packable(): Generator<{ readonly page: PageId; readonly bytes: number }> {
		for (const [key, bytes] of this.#late) yield { page: pageOf(key), bytes };
		for (const [key, bytes] of this.#small) yield { page: pageOf(key), bytes };
	}

	/** It can't be said in other words, as far as this device knows. */
	leavePacked(page: PageId): void {
		this.#small.delete(keyOf(page));
		this.#late.delete(keyOf(page));
	}

	/** How many of them are small, and how many say nothing that others do not. */
	get packableCount(): { readonly small: number; readonly late: number } {
		return { small: this.#small.size, late: this.#late.size };
	}

	isPurged(page: PageId): boolean {
		return this.#purged.has(keyOf(page));
	}

	/** Who let this account in under the identity that its member entry holds, or replaced that. */
	voucherOf(account: AccountId): AccountId | null {
		return this.#vouchers.get(account) ?? null;
	}

	/** By the clock of whoever opened it; null if this device does not know. */
	openedAtMs(epoch: Epoch): number | null {
		return this.#openedAtMs.get(epoch) ?? null;
	}
}
