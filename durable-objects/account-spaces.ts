// What an account has of the room of its deployment: how many spaces it has made, and how many bytes are
// set aside for each of them. A space asks before it grows beyond that, and stores nothing that was not
// set aside for it, so that the sums hold whatever comes at once, and wherever something ends.
import type { OperatorLimits } from '../protocol/http-operator.ts';
import type { AccountId, SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import type { AccountSpaceStore } from './account-space-store.ts';
import { maxErasedSpacesAtOnce } from './limits.ts';

/** By a space that this account has made, or is about to. */
export interface RoomAsked {
	readonly space: SpaceId;
	/** Whose it is; an account that was made under the same handle later sets nothing aside for it. */
	readonly account: AccountId | '';
	/** In all; with less it would have to refuse. */
	readonly neededBytes: number;
	/** In all, so that it need not ask soon again. */
	readonly wantedBytes: number;
	/** In all; 0 if it may have as many as it needs already. */
	readonly neededPages: number;
}

/** In all, for one space. */
export interface RoomGiven {
	readonly bytes: number;
	readonly pages: number;
}

/** The account has no room, or is none: nobody has made it, or it was deleted. */
export type RoomRefused = 'over_quota' | 'no_account';

interface SpacesParts {
	readonly store: AccountSpaceStore;
	readonly limits: () => Promise<OperatorLimits>;
	readonly noteBytes: (bytes: number) => Promise<void>;
	/** Of a space that nobody else is in, nothing is left; any other stays as it is. */
	readonly erase: (space: SpaceId) => Promise<void>;
}

export class AccountSpaces {
	readonly #parts: SpacesParts;

	constructor(parts: SpacesParts) {
		this.#parts = parts;
	}

	/** What is set aside for each. */
	list(): { readonly space: SpaceId; readonly bytes: number }[] {
		return [...this.#parts.store.load()].map(([space, bytes]) => ({ space, bytes }));
	}

	/** Of an account that is deleted. Answers whether all are seen to; the rest is for the next time. */
	async eraseAll(): Promise<boolean> {
		const { store, erase } = this.#parts;
		const all = [...store.load().keys()];
		const spaces = all.slice(0, maxErasedSpacesAtOnce);
		const erased = await Promise.allSettled(spaces.map(erase));
		const done = spaces.filter((_, index) => erased[index]?.status === 'fulfilled');
		for (const space of done) store.remove(space);
		return done.length === all.length;
	}

	/**
	 * How many bytes are set aside for a space from now on, and how many live pages it may have. The same asked again is the same: a space
	 * that never heard the answer asks once more. What was set aside stays, whatever the limits become.
	 */
	async setAside({
		space,
		neededBytes,
		wantedBytes,
		neededPages
	}: RoomAsked): Promise<Result<RoomGiven, 'over_quota'>> {
		const { store, limits, noteBytes } = this.#parts;
		const { spacesPerAccount, bytesPerAccount, bytesPerSpace, pagesPerSpace } = await limits();
		// From here to the row nothing awaits: parallel spaces are judged one by one.
		const bytesBySpace = store.load();
		const before = bytesBySpace.get(space);
		if (before === undefined && bytesBySpace.size >= spacesPerAccount) return err('over_quota');
		const all = [...bytesBySpace.values()].reduce((sum, bytes) => sum + bytes, 0);
		const others = all - (before ?? 0);
		const most = Math.min(bytesPerSpace, bytesPerAccount - others, wantedBytes);
		const given = Math.max(before ?? 0, most);
		if (given < neededBytes || pagesPerSpace < neededPages) return err('over_quota');
		if (given !== before) {
			store.save(space, given);
			await noteBytes(others + given);
		}
		return ok({ bytes: given, pages: pagesPerSpace });
	}
}
