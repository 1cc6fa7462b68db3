// How an account's devices hear at once of what happened at its door: each of its sockets gets an `account`
// frame, and its device asks. Whoever makes things happen again and again makes no flood of frames: what
// comes within a second of the last is told together.
import type { SessionId, SpaceId } from '../protocol/ids.ts';
import type { StoredSession } from './account-session-store.ts';
import { announceEveryMs } from './limits.ts';

interface AnnouncerParts {
	readonly live: () => readonly Pick<StoredSession, 'id' | 'spaces'>[];
	/** Whoever does not hear of it asks when it is next connected. */
	readonly tell: (space: SpaceId, sessions: readonly SessionId[]) => Promise<unknown>;
	readonly waitUntil: (work: Promise<unknown>) => void;
}

export class AccountAnnouncer {
	readonly #parts: AnnouncerParts;
	#isDue = false;
	#toldAtMs = 0;

	constructor(parts: AnnouncerParts) {
		this.#parts = parts;
	}

	/** Once the caller's block, and its transaction, are done. */
	announce(): void {
		if (this.#isDue) return;
		this.#isDue = true;
		this.#parts.waitUntil(this.#announceSoon());
	}

	async #announceSoon(): Promise<void> {
		const restMs = this.#toldAtMs + announceEveryMs - Date.now();
		await (restMs > 0 ? sleep(Math.min(restMs, announceEveryMs)) : Promise.resolve());
		this.#isDue = false;
		this.#toldAtMs = Date.now();
		const { live, tell } = this.#parts;
		const sessionsBySpace = new Map<SpaceId, SessionId[]>();
		for (const { id, spaces } of live()) {
			for (const space of spaces) {
				sessionsBySpace.set(space, [...(sessionsBySpace.get(space) ?? []), id]);
			}
		}
		await Promise.allSettled([...sessionsBySpace].map(([space, ids]) => tell(space, ids)));
	}
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
