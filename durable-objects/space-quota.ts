// How much a space may store, in how many pages, and how many members it may have. Room is set aside by
// the account that made the space, in steps, and asked for before it is needed: what is stored is never
// more than that, but for a reserve. Out of the reserve comes only what gives room back or takes somebody
// out: a full space can still be cleared, and a member removed.
import type { ParsedEntry } from '../crypto/log-rules.ts';
import type { LogState } from '../crypto/log-state.ts';
import type { WireErrorCode } from '../protocol/errors.ts';
import type { OperatorLimits } from '../protocol/http-operator.ts';
import type { AccountId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { RoomAsked, RoomGiven, RoomRefused } from './account-spaces.ts';
import {
	firstRoomBytes,
	freeingReserveBytes,
	freeingReservePages,
	maxFreeingPagesBytes,
	maxRoomStepBytes
} from './limits.ts';
import type { SpaceQuotaStore, StoredQuota } from './space-quota-store.ts';
import type { Stored } from './space-size.ts';

interface QuotaParts {
	readonly store: SpaceQuotaStore;
	readonly setAside: (account: string, asked: RoomAsked) => Promise<Result<RoomGiven, RoomRefused>>;
	readonly limits: () => Promise<OperatorLimits>;
}

export interface Asker {
	readonly account: AccountId;
	/** Name of its object. */
	readonly accountObject: string;
}

/** What is about to be appended. */
export interface Growth {
	/** Whoever appends: a space that begins counts for their account. */
	readonly asker: Asker;
	readonly stored: Stored;
	readonly added: Stored;
	/** What is live afterwards: asked for where it may be too much, as it takes a look at each that goes. */
	readonly pagesAfter: () => number;
	readonly entries: readonly ParsedEntry[];
	readonly before: LogState;
	readonly after: LogState;
}

export class SpaceQuota {
	readonly #parts: QuotaParts;
	#quota: StoredQuota | null;
	#isSaved = true;

	constructor(parts: QuotaParts) {
		this.#parts = parts;
		this.#quota = parts.store.load();
	}

	/** Answers whether there is room; asks the account for more if there is not. */
	async makeRoom(growth: Growth): Promise<Result<null, WireErrorCode>> {
		if (!(await this.#hasSeats(growth))) return err('over_quota');
		const { stored, added, before, asker, entries } = growth;
		const neededBytes = stored.bytes + added.bytes;
		const { bytes, pages } = this.#quota ?? { bytes: 0, pages: 0 };
		const neededPages = this.#pagesBeyond(growth, pages);
		if (this.#quota !== null && neededBytes <= bytes && neededPages === 0) return ok(null);
		const step = Math.min(Math.max(neededBytes, firstRoomBytes), maxRoomStepBytes);
		const wantedBytes = neededBytes + step;
		const asked = { space: before.space, neededBytes, wantedBytes, neededPages };
		const heir = { creator: asker.accountObject, account: asker.account };
		let { creator, account } = this.#quota ?? heir;
		let given = await this.#ask(creator, { account, ...asked });
		if (!given.ok && given.error === 'no_account' && inherits(growth)) {
			({ creator, account } = heir);
			given = await this.#ask(creator, { account, ...asked });
		}
		if (given.ok) {
			const allowed = Math.max(pages, given.value.pages);
			this.#quota = { creator, account, bytes: given.value.bytes, pages: allowed };
			this.#isSaved = false;
			return ok(null);
		}
		if (given.error === 'unavailable') return err('unavailable');
		const isInReserve =
			neededBytes <= bytes + freeingReserveBytes && neededPages <= pages + freeingReservePages;
		return isInReserve && entries.every(frees) ? ok(null) : err('over_quota');
	}

	/** How many pages have to be allowed in all; 0 if as many are as there may come to be. */
	#pagesBeyond({ stored, added, pagesAfter }: Growth, pages: number): number {
		if (added.pages === 0 || stored.pages + added.pages <= pages) return 0;
		const needed = pagesAfter();
		return needed <= pages ? 0 : needed;
	}

	/** In the transaction of what was appended. */
	save(): void {
		if (this.#isSaved || this.#quota === null) return;
		this.#parts.store.save(this.#quota);
		this.#isSaved = true;
	}

	async #ask(
		creator: string,
		asked: RoomAsked
	): Promise<Result<RoomGiven, RoomRefused | 'unavailable'>> {
		try {
			return await this.#parts.setAside(creator, asked);
		} catch {
			// The account's object can't answer now.
			return err('unavailable');
		}
	}

	/** Whoever is in stays in, whatever the limit has become. */
	async #hasSeats({ before, after }: Growth): Promise<boolean> {
		if (after.members.size <= Math.max(1, before.members.size)) return true;
		const { membersPerSpace } = await this.#parts.limits();
		return after.members.size <= membersPerSpace;
	}
}

/** Whoever made the space has deleted their account: it counts for the next owner who writes. */
const inherits = ({ before, asker }: Growth): boolean =>
	before.members.get(asker.account)?.role === 'owner';

/** Gives room back, at once or when history goes; or takes somebody out, which must always be possible. */
function frees({ parsed }: ParsedEntry): boolean {
	const pagesBytes = parsed.pages.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
	if (pagesBytes > maxFreeingPagesBytes) return false;
	const removes = parsed.admin?.members.some(({ role }) => role === null) ?? false;
	return removes || parsed.supersedes.length + parsed.purge.length > 0;
}
