// Taking entries of the log in: rules 1 to 9 in order, signatures many at once, then keys, page
// hashes, pages; stored in one transaction. Only then this device concludes anything from them; the
// texts of items are shown a moment earlier. Own commits pass the same rules.
import { sha256 } from '../crypto/hash.ts';
import type { RuleFault } from '../crypto/log-rules.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { Entry, SignedCommit } from '../protocol/frames.ts';
import type { PageId } from '../protocol/commit.ts';
import type { DeviceId, ItemId, Seq } from '../protocol/ids.ts';
import type { Change } from '../protocol/page.ts';
import { pageName, type Chain, type JudgedEntry } from './chain.ts';
import type { CryptoPort, UnlockedAccount } from './crypto-port.ts';
import type { SupersededAt } from './item-coverage.ts';
import type { LocalRow, PlacedPage } from './items.ts';
import type { LocalLog } from './local-log.ts';
import type { Outbox } from './outbox.ts';
import type { Pages, ReceivedEntry } from './pages.ts';
import type { ChainFaultCode } from './status.ts';
import type { PendingCommit, StoreFault } from './store.ts';

/** Where opened changes go: the items of a space, or the entries of the keyring. */
export interface Content {
	/**
	 * Whether its pages may be shown once they are verified and before they are kept: where nothing that
	 * this device does or believes follows from them.
	 */
	readonly isShownFirst?: boolean;
	applyPages(pages: readonly PlacedPage[]): void;
	applyOutbox(rows: readonly LocalRow[]): void;
	removeOutbox(ids: Iterable<number>): void;
	/** The items of which a page brought changes; none once it is released. */
	itemsOf(page: PageId): readonly ItemId[];
	/** Rule 13: changes that bring back what live pages don't say of an item; null if they do. */
	missing(item: ItemId, supersededAt: SupersededAt): readonly Change[] | null;
	/** Forgets what these pages brought. */
	release(pages: readonly PageId[]): void;
	/** Pages that nobody needs once these rows of the outbox, and those before, are on the log. */
	freedBy(rows: readonly number[], before: Iterable<number>): readonly PageId[];
	/** Of a page's changes, those to be said again under a new key; all of them if absent. */
	restated?(page: PageId, changes: readonly Change[]): readonly Change[];
	/**
	 * Changes that say of an item what live pages would lack without those that `supersededAt` gives
	 * up; null if that can't be said under its own id. Absent: pages of this content are not packed.
	 */
	packed?(item: ItemId, supersededAt: SupersededAt): readonly Change[] | null;
}

export interface ReceiverParts {
	readonly chain: Chain;
	readonly pages: Pages;
	readonly log: LocalLog;
	readonly outbox: Outbox;
	readonly content: Content;
	readonly crypto: CryptoPort;
	readonly me: UnlockedAccount;
	readonly device: DeviceId;
	/** head(0) that this space must have, from the root or the keyring: 32 bytes. */
	readonly genesisHash: Uint8Array;
}

export interface Taken {
	readonly fault: { readonly code: ChainFaultCode; readonly entry: SignedCommit | null } | null;
	readonly storeFault: StoreFault | null;
	/** An entry in this device's name that this device never made. */
	readonly copied: boolean;
	/** Outbox rows that stand on the log now. */
	readonly settled: readonly number[];
}

const nothingTaken: Taken = { fault: null, storeFault: null, copied: false, settled: [] };

/** An entry that follows the chain, or a commit of this device that was acknowledged there. */
interface Incoming {
	readonly entry: SignedCommit;
	readonly pages: readonly (Uint8Array | null)[];
	readonly wraps: ReceivedEntry['wraps'];
	readonly previousKey: Uint8Array | null;
	readonly acknowledged: boolean;
}

interface Verified extends JudgedEntry, Omit<Incoming, 'entry'> {
	readonly own: PendingCommit | null;
}

/** What entries need beside good signatures, made before these are known. */
interface Prepared {
	/** For each entry its pages, null where the bytes are not the signed ones. */
	readonly checked: readonly (readonly (Uint8Array | null)[])[];
	readonly decrypted: readonly (readonly (Uint8Array | null)[])[];
}

export class Receiver {
	readonly #parts: ReceiverParts;
	/** Own commits that were acknowledged ahead of what is verified. */
	readonly #acknowledged = new Map<Seq, PendingCommit>();
	/** Entries that were shown, and that the store did not take. */
	readonly #shown = new Map<Seq, SignedCommit>();

	constructor(parts: ReceiverParts) {
		this.#parts = parts;
	}

	acknowledge(seq: Seq, pending: PendingCommit): void {
		this.#acknowledged.set(seq, pending);
	}

	/** A new connection answers anew. */
	reset(): void {
		this.#acknowledged.clear();
	}

	async take(entries: readonly Entry[]): Promise<Taken> {
		await this.#link(entries);
		const { incoming, fault } = this.#line(entries);
		const taken = incoming.length > 0 ? await this.#apply(incoming) : nothingTaken;
		return taken.fault === null && fault !== null ? { ...taken, fault } : taken;
	}

	/** What was not for this account's role when it came first, and is now. */
	async #link(entries: readonly Entry[]): Promise<void> {
		const { chain, pages, log, content } = this.#parts;
		let linked = false;
		for (const { seq, previousKey, ...entry } of entries) {
			if (previousKey === null || seq > chain.head.seq || !chain.holdsEntry(seq, entry)) continue;
			if (!(await pages.link(seq, previousKey))) continue;
			linked = true;
			await log.saveLink(seq, previousKey);
		}
		if (linked) content.applyPages(await pages.openLocked());
	}

	/** Puts entries and acknowledged commits in line behind the chain. */
	#line(entries: readonly Entry[]): { incoming: Incoming[]; fault: Taken['fault'] } {
		const { chain } = this.#parts;
		const incoming: Incoming[] = [];
		const first = chain.head.seq + 1;
		const lineOwn = (until: Seq): void => {
			for (let seq = first + incoming.length; seq < until; seq++) {
				const pending = this.#acknowledged.get(seq);
				if (pending === undefined) return;
				incoming.push(ownIncoming(pending));
			}
		};
		for (const entry of entries) {
			if (entry.seq < first) {
				if (chain.holdsEntry(entry.seq, entry)) continue;
				return { incoming, fault: { code: 'fork', entry } };
			}
			lineOwn(entry.seq);
			const next = first + incoming.length;
			if (entry.seq < next && !sameEntry(incoming[entry.seq - first]?.entry, entry)) {
				return { incoming, fault: { code: 'fork', entry } };
			}
			if (entry.seq < next) continue;
			if (entry.seq > next) return { incoming, fault: { code: 'head_wrong', entry } };
			if (!sameEntry(this.#shown.get(entry.seq) ?? entry, entry)) {
				return { incoming, fault: { code: 'fork', entry } };
			}
			const { pages, wraps, previousKey } = entry;
			incoming.push({ entry, pages, wraps, previousKey, acknowledged: false });
		}
		lineOwn(Number.MAX_SAFE_INTEGER);
		return { incoming, fault: null };
	}

	async #apply(incoming: readonly Incoming[]): Promise<Taken> {
		const { chain, pages, log, outbox, content } = this.#parts;
		const tried = chain.try(incoming.map(({ entry }) => entry));
		const candidates = tried.judged.map((judged, index) => this.#withOwn(judged, incoming[index]));
		const bringsKeys = candidates.some(({ commit }) => commit.admin !== null);
		// Pages are opened while signatures are verified: what they say is read only if these are good.
		const [good, ahead] = await Promise.all([
			this.#verify(candidates),
			bringsKeys ? null : this.#prepare(candidates)
		]);
		const fault = this.#faultAfter(good, { candidates, tried: tried.fault, incoming });
		const last = good.at(-1);
		if (last === undefined) {
			chain.forget();
			return { ...nothingTaken, fault };
		}
		await pages.learnKeys(good, last.after);
		const isReady = ahead !== null && good.length === candidates.length;
		const prepared = isReady ? ahead : await this.#prepare(good);
		const unlocked = await pages.openLocked();
		const placed = [...unlocked, ...this.#read(good, prepared)];
		const superseded = this.#unread(good, placed);
		const settledCounts = good.flatMap(({ own }) => (own === null ? [] : [own.count]));
		// The edge can't tell when this device has shown an entry and not kept it yet; and after a crash
		// in that moment it is what it was before.
		if (content.isShownFirst === true) this.#show(good, placed);
		const { checked } = prepared;
		const saved = await log.save({
			entries: good.map((entry, index) => ({ ...entry, pages: checked[index] ?? [] })),
			sealedState: await log.sealState(last.after),
			superseded,
			settledCounts
		});
		if (!saved.ok) {
			chain.forget();
			return { ...nothingTaken, storeFault: saved.error };
		}
		chain.accept(good);
		this.#show(good, placed);
		for (const { seq } of good) {
			this.#acknowledged.delete(seq);
			this.#shown.delete(seq);
		}
		const settled = outbox.settle(settledCounts);
		content.removeOutbox(settled);
		return {
			fault,
			storeFault: null,
			copied: good.some((entry) => this.#isCopied(entry)),
			settled
		};
	}

	/** Another time changes nothing. */
	#show(good: readonly Verified[], placed: readonly PlacedPage[]): void {
		const { content } = this.#parts;
		for (const { seq, entry } of good) this.#shown.set(seq, entry);
		content.applyPages(placed);
	}

	/** Superseded pages that brought nothing: the others are kept until rule 13 was checked. */
	#unread(good: readonly Verified[], placed: readonly PlacedPage[]): readonly PageId[] {
		const superseded = good.flatMap(({ commit }) => commit.supersedes);
		if (superseded.length === 0) return superseded;
		const read = new Set(placed.map(pageName));
		const { content } = this.#parts;
		return superseded.filter(
			(page) => !read.has(pageName(page)) && content.itemsOf(page).length === 0
		);
	}

	#withOwn(judged: JudgedEntry, incoming: Incoming | undefined): Verified {
		if (incoming === undefined) throw new Error('more entries judged than given');
		const pending = this.#isMine(judged) ? this.#parts.outbox.pendingAt(judged.commit.count) : null;
		const own = pending && sameEntry(pending, judged.entry) ? pending : null;
		if (own === null) return { ...incoming, ...judged, own };
		// Whole, as it was signed here: the edge gives this account nothing but its own part of it.
		const { wraps, previousKey } = ownIncoming(own);
		return { ...incoming, ...judged, own, wraps, previousKey };
	}

	#isMine({ commit }: JudgedEntry): boolean {
		return commit.author === this.#parts.me.account && commit.device === this.#parts.device;
	}

	#isCopied(entry: Verified): boolean {
		return this.#isMine(entry) && entry.own === null;
	}

	/** Those before the first bad signature or wrap. Bytes that were signed here need no check. */
	async #verify(candidates: readonly Verified[]): Promise<readonly Verified[]> {
		const foreign = candidates.filter(({ own }) => own === null);
		const verdicts = await this.#parts.crypto.verifyProofs(foreign.flatMap(({ proofs }) => proofs));
		let checked = 0;
		for (const [index, { own, proofs }] of candidates.entries()) {
			if (own !== null) continue;
			const mine = verdicts.slice(checked, checked + proofs.length);
			checked += proofs.length;
			if (!mine.every(Boolean) || mine.length === 0) return candidates.slice(0, index);
			if (!this.#hasOwnKeys(candidates[index])) return candidates.slice(0, index);
		}
		return this.#anchored(candidates) ? candidates : [];
	}

	/** Rule 3's anchor: the whole hash, of which the space id is only the first half. */
	#anchored(candidates: readonly Verified[]): boolean {
		const [first] = candidates;
		if (first?.seq !== 1) return true;
		const { genesisHash } = first.after;
		return genesisHash !== null && equalBytes(genesisHash, this.#parts.genesisHash);
	}

	/** Rule 10 for keys: what was wrapped to this account is there, and is what was signed. */
	#hasOwnKeys(entry: Verified | undefined): boolean {
		const admin = entry?.commit.admin;
		if (entry === undefined || admin == null) return true;
		const { account } = this.#parts.me;
		const given = entry.wraps.filter(({ index }) => admin.wraps[index]?.recipient === account);
		const isSigned = given.every(({ index, wrap }) =>
			equalBytes(sha256(wrap), admin.wraps[index]?.hash ?? new Uint8Array())
		);
		const owed = admin.wraps.flatMap(({ recipient }, index) =>
			recipient === account ? [index] : []
		);
		if (!isSigned || !owed.every((index) => given.some((wrap) => wrap.index === index))) {
			return false;
		}
		// Not given to whoever did not read when it was asked for: who reads at the head asks again.
		const previousHash = admin.epoch?.previousHash ?? null;
		if (previousHash === null || entry.previousKey === null) return true;
		return equalBytes(sha256(entry.previousKey), previousHash);
	}

	#faultAfter(
		good: readonly Verified[],
		judged: {
			readonly candidates: readonly Verified[];
			readonly tried: RuleFault | null;
			readonly incoming: readonly Incoming[];
		}
	): Taken['fault'] {
		const bad = judged.candidates[good.length];
		if (bad !== undefined) {
			const { entry } = bad;
			if (!this.#anchored(judged.candidates)) return { code: 'genesis_invalid', entry };
			return { code: this.#hasOwnKeys(bad) ? 'signature_invalid' : 'wraps_wrong', entry };
		}
		if (judged.tried === null) return null;
		return { code: judged.tried, entry: judged.incoming[good.length]?.entry ?? null };
	}

	/** All that waits for keys and hashes: pages opened, and checked. */
	async #prepare(entries: readonly Verified[]): Promise<Prepared> {
		const { pages } = this.#parts;
		const sealed = entries.map((entry) =>
			this.#pagesAtHand(entry) === null ? entry : { ...entry, pages: [] }
		);
		// Small pages are hashed on this thread, while others open them.
		const [decrypted, checked] = await Promise.all([pages.decrypt(sealed), pages.check(entries)]);
		return { checked, decrypted };
	}

	/** Own changes are at hand; everybody else's pages are read. */
	#read(good: readonly Verified[], { checked, decrypted }: Prepared): readonly PlacedPage[] {
		const { pages } = this.#parts;
		return good.flatMap((entry, position) => {
			const own = this.#pagesAtHand(entry);
			const { seq, commit } = entry;
			if (own !== null) {
				const { timeMs } = commit;
				return own.map((changes, index) => ({ seq, index, timeMs, changes }));
			}
			const received = { ...entry, pages: checked[position] ?? [] };
			return pages.read([received], [decrypted[position] ?? []]);
		});
	}

	#pagesAtHand({ own }: Verified): readonly (readonly Change[])[] | null {
		return own === null ? null : this.#parts.outbox.pagesOf(own);
	}
}

const ownIncoming = (pending: PendingCommit): Incoming => ({
	entry: pending,
	pages: pending.pages,
	wraps: pending.wraps.map((wrap, index) => ({ index, wrap })),
	previousKey: pending.previousKey,
	acknowledged: true
});

const sameEntry = (a: SignedCommit | undefined, b: SignedCommit): boolean =>
	a !== undefined && equalBytes(a.commit, b.commit) && equalBytes(a.signature, b.signature);
