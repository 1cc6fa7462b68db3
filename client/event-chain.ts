// The chain of a space's access log, as far as it was given: which events follow from which, and
// whether what was seen before still lies on it. Asks no key and sends nothing.
import { eventHead } from '../crypto/audit-event.ts';
import { noEvents, type AuditHead, type SealedEvent } from '../protocol/audit-event.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { SpaceId } from '../protocol/ids.ts';
import type { EventPlace } from '../protocol/labels.ts';

/** One answer: events that follow each other, oldest first. */
export interface EventPart {
	/** Number of the oldest event that is kept. */
	readonly oldest: number;
	/** How far the log goes before the first of them. */
	readonly after: AuditHead;
	readonly events: readonly SealedEvent[];
}

export interface PlacedEvent extends SealedEvent {
	readonly place: EventPlace;
}

/** The head before the first event of a part, and that after each of them. */
function headsOf(space: SpaceId, { after, events }: EventPart): readonly AuditHead[] {
	const heads = [after];
	let head = after;
	for (const event of events) {
		head = eventHead({ space, n: head.n + 1, previous: head.hash }, event);
		heads.push(head);
	}
	return heads;
}

/** The events of a part, each at its place. */
export function placedEvents(space: SpaceId, part: EventPart): readonly PlacedEvent[] {
	const heads = headsOf(space, part);
	return part.events.map((event, index) => {
		const { n, hash } = heads[index] ?? noEvents;
		return { ...event, place: { space, n: n + 1, previous: hash } };
	});
}

export class EventChain {
	readonly #space: SpaceId;
	readonly newest: AuditHead;
	/** By number, from the lowest to the newest, without gaps. */
	readonly #hashes = new Map<number, Uint8Array>();
	#lowest: number;
	#oldest: number;

	/** @param newest the part that ends the log. */
	constructor(space: SpaceId, newest: EventPart) {
		this.#space = space;
		this.#lowest = newest.after.n;
		this.#oldest = newest.oldest;
		const heads = headsOf(space, newest);
		this.newest = heads.at(-1) ?? noEvents;
		this.#remember(heads);
	}

	/** Before which number older events can be asked for; null if none are kept. */
	get older(): number | null {
		return this.#lowest >= this.#oldest ? this.#lowest + 1 : null;
	}

	/** How many events there are, by what was given last. */
	get kept(): number {
		return this.newest.n - this.#oldest + 1;
	}

	/** Puts older events before those that are known. False if these do not follow from them. */
	prepend(part: EventPart): boolean {
		const heads = headsOf(this.#space, part);
		const last = heads.at(-1);
		const isNext = last?.n === this.#lowest && this.holds(last) === true;
		if (part.events.length === 0 || !isNext) return false;
		this.#lowest = part.after.n;
		this.#oldest = part.oldest;
		this.#remember(heads);
		return true;
	}

	/** Whether a part that ends before number `before` is one that leads to what is known. */
	confirms(part: EventPart, before: number): boolean {
		const last = headsOf(this.#space, part).at(-1);
		return last?.n === before - 1 && this.holds(last) === true;
	}

	/** Whether a head lies on the chain; null if it is older than what was given. */
	holds({ n, hash }: AuditHead): boolean | null {
		if (n < this.#lowest) return null;
		const own = this.#hashes.get(n);
		return own !== undefined && equalBytes(own, hash);
	}

	#remember(heads: readonly AuditHead[]): void {
		for (const { n, hash } of heads) this.#hashes.set(n, hash);
	}
}
