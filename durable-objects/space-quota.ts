// How much a space may store, in how many pages, and how many members it may have. Room is set aside by
// the account that made the space, in steps, and asked for before it is needed: what is stored is never
// more than that, but for a reserve. Out of the reserve comes only what gives room back or takes somebody
// out: a full space can still be cleared, and a member removed.
import type { ParsedEntry } from '../crypto/log-rules.ts';
import type { LogState } from '../crypto/log-state.ts';
import type { WireErrorCode } from '../protocol/errors.ts';
import type { OperatorLimits } from '../protocol/http-operator.ts';
import type { SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { RoomAsked, RoomGiven } from './account-spaces.ts';
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
	readonly setAside: (
		creator: string,
		asked: RoomAsked
	) => Promise<Result<RoomGiven, 'over_quota'>>;
	readonly limits: () => Promise<OperatorLimits>;
}

/** What is about to be appended. */
export interface Growth {
	/** Name of the Account object of whoever appends: a space that begins counts for it. */
	readonly asker: string;
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
		const { creator, bytes, pages } = this.#quota ?? { creator: asker, bytes: 0, pages: 0 };
		const neededPages = this.#pagesBeyond(growth, pages);
		if (this.#quota !== null && neededBytes <= bytes && neededPages === 0) return ok(null);
		const step = Math.min(Math.max(neededBytes, firstRoomBytes), maxRoomStepBytes);
		const asked = { neededBytes, wantedBytes: neededBytes + step, neededPages };
		const given = await this.#ask(creator, before.space, asked);
		if (given.ok) {
			this.#quota = {
				creator,
				bytes: given.value.bytes,
				pages: Math.max(pages, given.value.pages)
			};
			this.#isSaved = false;
			return ok(null);
		}
		const isInReserve =
			neededBytes <= bytes + freeingReserveBytes && neededPages <= pages + freeingReservePages;
		return given.error === 'over_quota' && isInReserve && entries.every(frees) ? ok(null) : given;
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
		space: SpaceId,
		asked: Omit<RoomAsked, 'space'>
	): Promise<Result<RoomGiven, 'over_quota' | 'unavailable'>> {
		try {
			return await this.#parts.setAside(creator, { space, ...asked });
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

/** Gives room back, at once or when history goes; or takes somebody out, which must always be possible. */
function frees({ parsed }: ParsedEntry): boolean {
	const pagesBytes = parsed.pages.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
	if (pagesBytes > maxFreeingPagesBytes) return false;
	const removes = parsed.admin?.members.some(({ role }) => role === null) ?? false;
	return removes || parsed.supersedes.length + parsed.purge.length > 0;
}
