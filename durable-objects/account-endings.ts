// How spaces hear that a session has ended: each that it may have a socket in closes it, and refuses what
// was under way. They hear first; then the end is written down, with those that could not be reached.
import type { SpaceId } from '../protocol/ids.ts';
import { accessTokenTtlSeconds } from '../protocol/limits.ts';
import type { AccountSessionStore, Ending, StoredSession } from './account-session-store.ts';
import { ringBy } from './alarm.ts';
import { deadSessionMarginMs, endingRetryMs } from './limits.ts';

export class AccountEndings {
	readonly #store: AccountSessionStore;
	readonly #storage: DurableObjectStorage;
	readonly #tell: (space: SpaceId, ending: Ending) => Promise<void>;

	constructor(
		store: AccountSessionStore,
		storage: DurableObjectStorage,
		tell: (space: SpaceId, ending: Ending) => Promise<void>
	) {
		this.#store = store;
		this.#storage = storage;
		this.#tell = tell;
	}

	/** Tells all spaces of the sessions. Answers with what could not be told. */
	async tell(sessions: readonly StoredSession[]): Promise<Ending[]> {
		const endings = endingsOf(sessions);
		const told = await Promise.allSettled(
			endings.map((ending) => this.#tell(ending.space, ending))
		);
		return endings.filter((_, index) => told[index]?.status === 'rejected');
	}

	/** Writes down all that has to be told, in the caller's transaction; the alarm sees to it. */
	addAll(sessions: readonly StoredSession[]): void {
		if (sessions.length === 0) return;
		this.#store.addEndings(endingsOf(sessions));
		// Whatever else the alarm was for is looked at then, too; of an account that is deleted, all that is left.
		void this.#storage.setAlarm(Date.now() + endingRetryMs);
	}

	/** Writes down whom to tell later: at once, before anything is awaited. */
	async keep(endings: readonly Ending[]): Promise<void> {
		if (endings.length === 0) return;
		this.#store.addEndings(endings);
		await this.ringAgain();
	}

	get isAnyLeft(): boolean {
		return this.#store.loadEndings().length > 0;
	}

	/** By the alarm: until no token of the session could be used any more. */
	async retry(): Promise<void> {
		for (const ending of this.#store.loadEndings()) {
			if (Date.now() < ending.untilMs) {
				const told = await this.#tell(ending.space, ending).then(
					() => true,
					() => false
				);
				if (!told) continue;
			}
			this.#store.removeEnding(ending);
		}
		if (this.isAnyLeft) await this.ringAgain();
	}

	/** For whatever could not be told now. */
	ringAgain(): Promise<void> {
		return ringBy(this.#storage, Date.now() + endingRetryMs);
	}
}

function endingsOf(sessions: readonly StoredSession[]): Ending[] {
	const untilMs = Date.now() + accessTokenTtlSeconds * 1_000 + deadSessionMarginMs;
	return sessions.flatMap(({ id, spaces }) =>
		spaces.map((space) => ({ session: id, space, untilMs }))
	);
}
