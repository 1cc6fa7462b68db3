// Share links that are over are taken back by themselves: the edge opens them no more, but whoever
// opened one before has a key until an owner's commit removes its member. One owner's device does it,
// after a random wait; the commit is formed against a log that was pulled since, where another one's
// may stand already. The edge says which are over: it can bring that forward, as it could refuse to
// open them, and it names no person.
import type { ResponseOf } from '../protocol/http.ts';
import type { AccountId, SpaceId } from '../protocol/ids.ts';
import type { Desk } from './desk.ts';
import type { VaultSpace } from './vault-space.ts';

type ListedLink = ResponseOf<'linkList'>['links'][number];

export interface LinkSweepParts {
	readonly desk: Pick<Desk, 'nowMs' | 'session' | 'spaceOf'>;
	readonly mayWrite: (space: SpaceId) => boolean;
	/** How long to leave it to others; random, so that few devices begin at once. */
	readonly repairWaitMs: () => number;
}

/** How often the edge is asked while there are links. */
const intervalMs = 3_600_000;
/** Clocks differ: one that has expired since is over by everybody's. */
const clockMarginMs = 3_600_000;

/** Whether a link opens no more, and nobody may keep it open either. */
export function isOver({ expiresAtMs, openingsLeft, inUse }: ListedLink, nowMs: number): boolean {
	if (expiresAtMs !== null && expiresAtMs + clockMarginMs <= nowMs) return true;
	return openingsLeft === 0 && !inUse;
}

export class LinkSweep {
	readonly #parts: LinkSweepParts;
	readonly #timers = new Map<SpaceId, ReturnType<typeof setTimeout>>();
	#stopped = false;

	constructor(parts: LinkSweepParts) {
		this.#parts = parts;
	}

	/** Something of a space changed: if it has links, they are looked at now and then. */
	look(space: VaultSpace): void {
		if (!this.#timers.has(space.id) && this.#isMine(space)) {
			this.#wait(space.id, this.#parts.repairWaitMs());
		}
	}

	stop(): void {
		this.#stopped = true;
		for (const timer of this.#timers.values()) clearTimeout(timer);
		this.#timers.clear();
	}

	#wait(space: SpaceId, ms: number): void {
		if (this.#stopped) return;
		const timer = setTimeout(() => {
			void this.#sweep(space).finally(() => {
				if (this.#timers.get(space) !== timer) return;
				this.#timers.delete(space);
				const open = this.#parts.desk.spaceOf(space);
				if (open !== null && this.#isMine(open)) this.#wait(space, intervalMs);
			});
		}, ms);
		this.#timers.set(space, timer);
	}

	#isMine(space: VaultSpace): boolean {
		const { sync } = space;
		if (space.role !== 'owner' || !sync.caughtUp || !this.#parts.mayWrite(space.id)) return false;
		return sync.status.trust.state === 'verified' && linksOf(space).length > 0;
	}

	async #sweep(space: SpaceId): Promise<void> {
		const { desk } = this.#parts;
		const answered = await desk.session.call('linkList', { space });
		const open = desk.spaceOf(space);
		if (!answered.ok || open === null || !this.#isMine(open)) return;
		const nowMs = desk.nowMs();
		const over = answered.value.links.filter((link) => isOver(link, nowMs));
		const members = new Set(linksOf(open));
		const accounts = over.flatMap(({ account }) => (members.has(account) ? [account] : []));
		// Whatever comes of it: what is still over is found again.
		if (accounts.length > 0) await open.sync.administer({ type: 'remove_links', accounts });
	}
}

const linksOf = ({ sync }: VaultSpace): readonly AccountId[] =>
	[...sync.members.values()].flatMap(({ account, kind }) => (kind === 'link' ? [account] : []));
