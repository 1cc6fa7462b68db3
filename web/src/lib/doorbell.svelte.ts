// Who waits to be let in, over all spaces that this account owns.
import { SvelteMap } from 'svelte/reactivity';
import type { Invitation } from '../../../client/api-sharing.ts';
import type { Space } from '../../../client/index.ts';
import type { SpaceId } from '../../../protocol/ids.ts';

const leastMs = 5_000;

export interface Ring {
	readonly space: Space;
	/** Those that somebody has claimed. */
	readonly claimed: readonly Invitation[];
}

/** Asks once for every space, and again when one changes whose invitations are still open. */
export class Doorbell {
	readonly rings = new SvelteMap<SpaceId, Ring>();
	readonly #open = new Map<SpaceId, number>();

	async look(space: Space): Promise<void> {
		if (space.role !== 'owner') return;
		const answer = await space.invitations();
		if (!answer.ok) return;
		const claimed = answer.value.filter(({ claim }) => claim !== null);
		this.#open.set(space.id, answer.value.length);
		if (claimed.length === 0) this.rings.delete(space.id);
		else this.rings.set(space.id, { space, claimed });
	}

	/** Answers how to stop. */
	follow(spaces: readonly Space[]): () => void {
		let stopped = false;
		const timers = new Map<SpaceId, ReturnType<typeof setTimeout>>();
		const lookSoon = (space: Space): void => {
			if (timers.has(space.id) || this.#open.get(space.id) === 0) return;
			const look = (): void => {
				timers.delete(space.id);
				void this.look(space);
			};
			timers.set(space.id, setTimeout(look, leastMs));
		};
		const offs = spaces.map((space) => space.subscribe(() => lookSoon(space)));
		const lookAtAll = async (): Promise<void> => {
			// One after another: there may be many.
			for (const space of spaces) {
				if (stopped) return;
				if (!this.#open.has(space.id)) await this.look(space);
			}
		};
		void lookAtAll();
		return () => {
			stopped = true;
			for (const off of offs) off();
			for (const timer of timers.values()) clearTimeout(timer);
		};
	}
}
