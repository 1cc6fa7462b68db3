// What an account must remember, read from its own keyring: which spaces it has, the newest heads
// that any of its devices has verified, whom it knows, what it invited and claimed, and its devices.
// Heads are merged by greatest seq, never by last write.
import { equalBytes, toHex } from '../protocol/bytes.ts';
import type { AccountHead } from '../protocol/account-write.ts';
import type { Head, PageId } from '../protocol/commit.ts';
import type {
	AccountId,
	DeviceId,
	FactorId,
	InviteId,
	ItemId,
	LinkId,
	SpaceId
} from '../protocol/ids.ts';
import { keyringItem, type KeyringEntry } from '../protocol/keyring-entry.ts';
import { encodeChange, type Change } from '../protocol/page.ts';
import { pageName, type PageName } from './chain.ts';
import type { SupersededAt } from './item-coverage.ts';
import type { LocalRow, PlacedPage } from './items.ts';
import type { Content } from './receive.ts';

export interface KnownSpace {
	readonly space: SpaceId;
	/** head(0), 32 bytes. */
	readonly genesisHash: Uint8Array;
}

interface PlacedEntry {
	readonly page: PageId;
	readonly entry: KeyringEntry;
}

export type EntryOf<Type extends KeyringEntry['type']> = KeyringEntry & { readonly type: Type };

/** When an entry was said first, then where: entries that replace each other count in this order. */
type Moment = readonly [number, number, number];
/** What is written here and waits: newer than all that stands on the log. */
const now: Moment = [Number.MAX_SAFE_INTEGER, 0, 0];

export interface KeyringOptions {
	/** Called for each head that says something new. */
	readonly onHead?: (space: SpaceId, head: Head) => void;
	/** Something else is known now. */
	readonly onChange?: () => void;
}

export class Keyring implements Content {
	readonly #options: KeyringOptions;
	/** In the order of the log: the first one is the account's first space. */
	readonly #spaces: (KnownSpace & { readonly joinedAtMs: number; readonly place: Moment })[] = [];
	readonly #leftAtMs = new Map<SpaceId, number>();
	readonly #heads = new Map<SpaceId, Head>();
	/** Heads that contradict another at the same place: two devices were shown different logs. */
	readonly #conflicts: { readonly space: SpaceId; readonly head: Head }[] = [];
	readonly #contacts = new Newest<AccountId, EntryOf<'contact'>>();
	readonly #devices = new Newest<DeviceId, EntryOf<'device'>>();
	readonly #invites = new Map<InviteId, EntryOf<'invite'>>();
	readonly #claimed = new Map<InviteId, EntryOf<'claimed'>>();
	readonly #links = new Map<LinkId, EntryOf<'link'>>();
	readonly #closed = new Set<InviteId | LinkId>();
	/** Of the account's own log, as its devices have verified it: each once. */
	#accountHeads: readonly AccountHead[] = [];
	readonly #accounts = new Set<AccountId>();
	readonly #kits = new Newest<AccountId, EntryOf<'kit'>>();
	readonly #names = new Newest<FactorId | DeviceId, EntryOf<'name'>>();
	/** Identities before which the keyring of that time was read, as hex. */
	readonly #carried = new Set<string>();

	/** By the page that brought them. */
	readonly #entries = new Map<PageName, readonly PlacedEntry[]>();

	constructor(options: KeyringOptions = {}) {
		this.#options = options;
	}

	/** Whether all that the keyring before this identity said is said here. */
	hasCarried(identityHash: Uint8Array): boolean {
		return this.#carried.has(toHex(identityHash));
	}

	/**
	 * What the keyring after a renewal is to say of it, in this order. What was claimed with the identity of
	 * before leads nowhere now; the kit is another.
	 */
	get toCarry(): readonly KeyringEntry[] {
		const spaces = this.#spaces.map(({ space, genesisHash, joinedAtMs }) => {
			return { type: 'space', space, genesisHash, joinedAtMs } as const;
		});
		const heads = [
			...this.#heads,
			...this.#conflicts.map(({ space, head }) => [space, head] as const)
		];
		const [account] = [...this.#accounts];
		return [
			...spaces,
			...[...this.#leftAtMs].map(
				([space, leftAtMs]) => ({ type: 'left', space, leftAtMs }) as const
			),
			...heads.map(([space, { seq, hash }]) => ({ type: 'head', space, seq, hash }) as const),
			...this.#contacts.values,
			...this.#devices.values,
			...this.invites,
			...this.links,
			...this.#claimed.values(),
			...[...this.#claimed.keys()].map((of) => ({ type: 'closed', of }) as const),
			...this.#names.values,
			...(account === undefined
				? []
				: this.#accountHeads.map((head) => ({ type: 'account', account, head }) as const))
		];
	}

	/** Made here, and not done with. */
	get invites(): readonly EntryOf<'invite'>[] {
		return [...this.#invites.values()].filter(({ invite }) => !this.#closed.has(invite));
	}

	get links(): readonly EntryOf<'link'>[] {
		return [...this.#links.values()].filter(({ link }) => !this.#closed.has(link));
	}

	/** Those that this account has not left, in the order in which it came to them. */
	get spaces(): readonly KnownSpace[] {
		return this.#spaces.filter(({ space }) => !this.hasLeft(space));
	}

	get firstSpace(): KnownSpace | null {
		return this.spaces[0] ?? null;
	}

	/** Whether it was ever one of this account's. */
	knows(space: SpaceId): boolean {
		return this.#leftAtMs.has(space) || this.#spaces.some((known) => known.space === space);
	}

	/** Whoever left may have come back later. */
	hasLeft(space: SpaceId): boolean {
		const joined = this.#spaces.find((known) => known.space === space);
		return (this.#leftAtMs.get(space) ?? -1) >= (joined?.joinedAtMs ?? 0);
	}

	/** A time for coming back to a space: after the one of leaving it. */
	joinTimeMs(space: SpaceId, nowMs: number): number {
		return Math.max(nowMs, (this.#leftAtMs.get(space) ?? -1) + 1);
	}

	headOf(space: SpaceId): Head | null {
		return this.#heads.get(space) ?? null;
	}

	/** What must lie on the log of a space: the newest head, and whatever contradicts one. */
	headsOf(space: SpaceId): readonly Head[] {
		const newest = this.#heads.get(space);
		const conflicts = this.#conflicts.filter((conflict) => conflict.space === space);
		return [...(newest === undefined ? [] : [newest]), ...conflicts.map(({ head }) => head)];
	}

	/** Heads that must lie on the account's own log. */
	get accountHeads(): readonly AccountHead[] {
		return this.#accountHeads;
	}

	contactOf(account: AccountId): EntryOf<'contact'> | null {
		return this.#contacts.get(account);
	}

	get contacts(): readonly EntryOf<'contact'>[] {
		return this.#contacts.values;
	}

	/** Somebody who is pinned under that handle. */
	contactNamed(handle: string): EntryOf<'contact'> | null {
		return this.#contacts.values.find((contact) => contact.handle === handle) ?? null;
	}

	deviceOf(device: DeviceId): EntryOf<'device'> | null {
		return this.#devices.get(device);
	}

	get devices(): readonly EntryOf<'device'>[] {
		return this.#devices.values;
	}

	/** Null when it was made elsewhere, or is done with. */
	inviteOf(invite: InviteId): EntryOf<'invite'> | null {
		return this.#closed.has(invite) ? null : (this.#invites.get(invite) ?? null);
	}

	linkOf(link: LinkId): EntryOf<'link'> | null {
		return this.#closed.has(link) ? null : (this.#links.get(link) ?? null);
	}

	/** Invitations that were claimed with this account, and are not done with. */
	get claimed(): readonly EntryOf<'claimed'>[] {
		return [...this.#claimed.values()].filter(({ invite }) => !this.#closed.has(invite));
	}

	/** The newest that any device has said of the account's recovery kit. */
	kitOf(account: AccountId): EntryOf<'kit'> | null {
		return this.#kits.get(account);
	}

	/** What somebody called a factor, a keyslot or a device; null if nobody has. */
	nameGiven(of: FactorId | DeviceId): string | null {
		return this.#names.get(of)?.name ?? null;
	}

	/** As an invitation said; empty for a space of one's own. */
	nameOf(space: SpaceId): string {
		const claimed = [...this.#claimed.values()].find((entry) => entry.space === space);
		return claimed?.spaceName ?? '';
	}

	applyPages(pages: readonly PlacedPage[]): void {
		for (const { seq, index, timeMs, changes } of pages) {
			const entries = changes.flatMap((change) =>
				change.type === 'keyring' ? [change.entry] : []
			);
			const page = { seq, index };
			this.#entries.set(
				pageName(page),
				entries.map((entry) => ({ page, entry }))
			);
			for (const entry of entries) this.#take(entry, [timeMs, seq, index]);
		}
		if (pages.length > 0) this.#options.onChange?.();
	}

	itemsOf(page: PageId): readonly ItemId[] {
		const entries = this.#entries.get(pageName(page)) ?? [];
		return [...new Set(entries.map(({ entry }) => keyringItem(entry)))];
	}

	/** Rule 13: all that was said is still said, and a head at least as new as the newest held. */
	missing(item: ItemId, supersededAt: SupersededAt): readonly Change[] | null {
		const held = [...this.#entries.values()]
			.flat()
			.filter(({ entry }) => keyringItem(entry) === item);
		const live = held.filter(({ page }) => supersededAt(page) === null);
		const missing = held.filter(
			({ page, entry }) =>
				supersededAt(page) !== null && !live.some((other) => covers(other.entry, entry))
		);
		// Of those, the newest say what the others do.
		const needed = missing.filter(
			({ entry }, index) =>
				!missing.some(
					(other, place) =>
						covers(other.entry, entry) && (place > index || !covers(entry, other.entry))
				)
		);
		return needed.length === 0 ? null : needed.map(({ entry }) => keyringChange(entry));
	}

	/** What was read stays known: heads only grow, and spaces are not forgotten. */
	release(pages: readonly PageId[]): void {
		for (const page of pages) this.#entries.delete(pageName(page));
	}

	freedBy(): readonly PageId[] {
		return [];
	}

	/** Spaces, heads and what was carried count once they are on the log; the rest is the account's own word. */
	applyOutbox(rows: readonly LocalRow[]): void {
		const entries = rows.flatMap(({ changes }) =>
			changes.flatMap((change) => (change.type === 'keyring' ? [change.entry] : []))
		);
		for (const entry of entries) {
			if (!['space', 'head', 'account', 'carried'].includes(entry.type)) this.#take(entry, now);
		}
		if (entries.length > 0) this.#options.onChange?.();
	}

	removeOutbox(_ids: Iterable<number>): void {}

	#take(entry: KeyringEntry, place: Moment): void {
		switch (entry.type) {
			case 'space':
				this.#takeSpace(entry, [0, place[1], place[2]]);
				break;
			case 'head':
				this.#takeHead(entry);
				break;
			case 'contact':
				this.#contacts.take(entry.account, entry, place);
				break;
			case 'device':
				this.#devices.take(entry.device, entry, place);
				break;
			case 'invite':
				this.#invites.set(entry.invite, entry);
				break;
			case 'claimed':
				this.#claimed.set(entry.invite, entry);
				break;
			case 'link':
				this.#links.set(entry.link, entry);
				break;
			case 'closed':
				this.#closed.add(entry.of);
				break;
			case 'account':
				this.#accounts.add(entry.account);
				this.#takeAccountHead(entry.head);
				break;
			case 'carried':
				this.#carried.add(toHex(entry.identityHash));
				break;
			case 'kit':
				// Which of two is newer is said in them, whichever came to the log first.
				this.#kits.take(entry.account, entry, [entry.madeAtMs, entry.checkedAtMs ?? 0, 0]);
				break;
			case 'name':
				this.#names.take(entry.of, entry, [entry.namedAtMs, place[1], place[2]]);
				break;
			case 'left':
				this.#leftAtMs.set(
					entry.space,
					Math.max(entry.leftAtMs, this.#leftAtMs.get(entry.space) ?? 0)
				);
		}
	}

	#takeSpace({ space, genesisHash, joinedAtMs }: EntryOf<'space'>, place: Moment): void {
		const index = this.#spaces.findIndex((known) => known.space === space);
		const known = this.#spaces[index];
		if (known === undefined) this.#spaces.push({ space, genesisHash, joinedAtMs, place });
		else {
			const joined = Math.max(joinedAtMs, known.joinedAtMs);
			this.#spaces[index] = { ...known, joinedAtMs: joined };
		}
		this.#spaces.sort((a, b) => compareMoments(a.place, b.place));
	}

	#takeAccountHead(head: AccountHead): void {
		const isNew = this.#accountHeads.every(
			({ n, hash }) => n !== head.n || !equalBytes(hash, head.hash)
		);
		if (isNew) this.#accountHeads = [...this.#accountHeads, head];
	}

	#takeHead({ space, seq, hash }: EntryOf<'head'>): void {
		const known = this.#heads.get(space);
		const head = { seq, hash };
		if (known?.seq === seq && !equalBytes(known.hash, hash)) {
			this.#conflicts.push({ space, head });
		} else if (known !== undefined && known.seq >= seq) return;
		else this.#heads.set(space, head);
		this.#options.onHead?.(space, head);
	}
}

const compareMoments = (a: Moment, b: Moment): number => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];

/** The entry that was said last about each thing. */
class Newest<Id, Entry> {
	readonly #entries = new Map<Id, { readonly entry: Entry; readonly place: Moment }>();

	take(id: Id, entry: Entry, place: Moment): void {
		const known = this.#entries.get(id);
		if (known === undefined || compareMoments(known.place, place) <= 0) {
			this.#entries.set(id, { entry, place });
		}
	}

	get(id: Id): Entry | null {
		return this.#entries.get(id)?.entry ?? null;
	}

	get values(): readonly Entry[] {
		return [...this.#entries.values()].map(({ entry }) => entry);
	}
}

/** What a change about an entry is named after: entries about a space carry its bytes. */
export const keyringChange = (entry: KeyringEntry): Change => ({
	type: 'keyring',
	item: keyringItem(entry),
	entry
});

/** Whether `entry` says at least what `other`, about the same thing, does. */
function covers(entry: KeyringEntry, other: KeyringEntry): boolean {
	if (entry.type === 'closed') return true;
	if (entry.type !== other.type) return false;
	if (entry.type === 'head' && other.type === 'head') {
		return entry.seq > other.seq || (entry.seq === other.seq && equalBytes(entry.hash, other.hash));
	}
	if (entry.type === 'account' && other.type === 'account') {
		const [{ n, hash }, before] = [entry.head, other.head];
		return n > before.n || (n === before.n && equalBytes(hash, before.hash));
	}
	if (entry.type === 'space' && other.type === 'space') {
		const later = entry.joinedAtMs >= other.joinedAtMs;
		return later && equalBytes(entry.genesisHash, other.genesisHash);
	}
	if (entry.type === 'left' && other.type === 'left') return entry.leftAtMs >= other.leftAtMs;
	if (entry.type === 'device' && other.type === 'device') {
		return entry.name === other.name || entry.addedAtMs > other.addedAtMs;
	}
	if (entry.type === 'name' && other.type === 'name') {
		return entry.name === other.name || entry.namedAtMs > other.namedAtMs;
	}
	if (entry.type === 'kit' && other.type === 'kit') {
		if (entry.madeAtMs !== other.madeAtMs) return entry.madeAtMs > other.madeAtMs;
		const isSame = equalBytes(entry.check, other.check);
		return isSame && (entry.checkedAtMs ?? 0) >= (other.checkedAtMs ?? 0);
	}
	return equalBytes(encodeChange(keyringChange(entry)), encodeChange(keyringChange(other)));
}
