// What the parts of sharing have in common: a space as it stands now, one thing that is being asked,
// and lists that only the edge knows.
import { createSubscriber } from 'svelte/reactivity';
import { on } from 'svelte/events';
import type { Answer, Space, TacetError } from '../../../client/index.ts';
import { nameOf } from './sharing-words.ts';

/** Answers a way to look at a space: whoever looks is told when it has changed. */
export function watching(space: Space): () => Space {
	const subscribe = createSubscriber((update) => space.subscribe(update));
	return () => {
		subscribe();
		return space;
	};
}

/** An account's first space has no name before somebody gives it one. */
export function spaceName(space: Pick<Space, 'name' | 'members'>): string {
	if (space.name !== '') return space.name;
	const owners = space.members.filter(({ role }) => role === 'owner');
	const [owner] = owners;
	const own = owner === undefined || owners.some(({ identity }) => identity === 'own');
	return own ? 'Notes' : `Notes of ${nameOf(owner)}`;
}

/** One thing that was asked for: whether it is under way, and why it failed. */
export class Attempt {
	busy = $state(false);
	error = $state.raw<TacetError | null>(null);

	async run<Value>(ask: () => Answer<Value>): Answer<Value> {
		this.busy = true;
		this.error = null;
		try {
			const answer = await ask();
			if (!answer.ok) this.error = answer.error;
			return answer;
		} finally {
			this.busy = false;
		}
	}

	forget(): void {
		this.error = null;
	}
}

const refreshMs = 15_000;
/** A space changes with every keystroke in it; the lists about it hardly ever do. */
const leastMs = 2_000;
/** Whoever waits longer sees what is known here. */
const patienceMs = 4_000;

/** A list that the edge keeps: asked for again while somebody looks at it. */
export class Asked<Value> {
	/** Null until the first answer. */
	value = $state.raw<Value | null>(null);
	error = $state.raw<TacetError | null>(null);
	/** It was answered or refused once, or waited for: what is shown by it no longer jumps. */
	settled = $state(false);
	#ask: () => Answer<Value>;
	#turn = 0;
	#askedAtMs = 0;

	constructor(ask: () => Answer<Value>) {
		this.#ask = ask;
	}

	async refresh(): Promise<void> {
		const turn = ++this.#turn;
		this.#askedAtMs = performance.now();
		const patience = setTimeout(() => (this.settled = true), patienceMs);
		const answer = await this.#ask();
		clearTimeout(patience);
		if (turn !== this.#turn) return;
		this.error = answer.ok ? null : answer.error;
		if (answer.ok) this.value = answer.value;
		this.settled = true;
	}

	/** Asks now, when the space changes or the edge says that this did, and now and then. Answers
	 * how to stop. */
	follow(space: Space): () => void {
		void this.refresh();
		let soon: ReturnType<typeof setTimeout> | undefined;
		const refreshIfSeen = (): void => {
			soon = undefined;
			if (document.visibilityState === 'visible') void this.refresh();
		};
		const unsubscribe = space.subscribe(() => {
			const sinceMs = performance.now() - this.#askedAtMs;
			soon ??= setTimeout(refreshIfSeen, Math.max(0, leastMs - sinceMs));
		});
		const timer = setInterval(refreshIfSeen, refreshMs);
		const offVisible = on(document, 'visibilitychange', refreshIfSeen);
		return () => {
			clearTimeout(soon);
			clearInterval(timer);
			unsubscribe();
			offVisible();
			this.#turn += 1;
		};
	}
}
