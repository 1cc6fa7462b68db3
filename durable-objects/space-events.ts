// The access log of a space: what this edge sees members and strangers do, sealed to the audit key as
// soon as it is written, and chained. One row an event, and one event for all that is alike within an
// hour. A space without an audit key has none.
import { eventHead } from '../crypto/audit-event.ts';
import { auditEventTag, sealAuditEvent } from '../crypto/edge/audit-event.ts';
import type { TokenKey } from '../crypto/edge/session-token.ts';
import { noEvents, type AuditEvent, type AuditHead } from '../protocol/audit-event.ts';
import { equalBytes, toBase64Url, toHex } from '../protocol/bytes.ts';
import type { Refusal } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/http.ts';
import {
	auditEventTtlSeconds,
	maxAuditEvents,
	maxAuditEventsPerHour,
	maxAuditEventsPerRead
} from '../protocol/limits.ts';
import { ok, type Result } from '../protocol/result.ts';
import { logBug } from './log.ts';
import type { SpaceEventStore, StoredEvent } from './space-event-store.ts';
import type { SpaceLog } from './space-log.ts';

/** What happened, and when does not matter yet. What is left out is not known, or of no account. */
export type Noted = Pick<AuditEvent, 'kind'> & Partial<AuditEvent>;
export type Note = (noted: Noted) => void;

export interface SpaceEventsParts {
	readonly store: SpaceEventStore;
	readonly log: SpaceLog;
	readonly tokenKeys: () => Promise<Result<{ readonly tokenKeys: readonly TokenKey[] }, Refusal>>;
	/** One more stands. */
	readonly written: () => Promise<void>;
}

const hourMs = 3_600_000;
const ttlHours = auditEventTtlSeconds / 3_600;
/** Events that are too old go once a day at most. */
const dropEveryHours = 24;

export class SpaceEvents {
	readonly #parts: SpaceEventsParts;
	/** The end of the last one's work: each is sealed for its place behind the one before. */
	#turn: Promise<void> = Promise.resolve();
	/** Tags of what was written in this hour. */
	#written: { readonly hour: number; readonly tags: Set<string> } | null = null;

	constructor(parts: SpaceEventsParts) {
		this.#parts = parts;
	}

	/** Writes down what happened, unless the like was within the hour. See {@link SpaceEvents.idle}. */
	note(noted: Noted): void {
		const { log } = this.#parts;
		if (!log.hasBegun || log.known.audit === null) return;
		this.#turn = this.#turn
			.then(() => this.#write(noted, Date.now()))
			.catch((error: unknown) => {
				// Nobody is refused what they came for because it can't be written down.
				logBug('space.event', error);
			});
	}

	/** Settles when all that was noted stands. */
	get idle(): Promise<void> {
		return this.#turn;
	}

	/** How far the log goes: null for a number that it has not reached or no longer knows. */
	headAt(n: number): AuditHead | null {
		const [next, own] = this.#parts.store.newest(2, n + 2);
		if (next?.n === n + 1) return { n, hash: next.previous };
		const last = next?.n === n ? next : own;
		return last?.n === n ? this.#headOf(last) : null;
	}

	/** Whether this head is not of this log. One whose event was dropped long ago can't be told. */
	contradicts(head: AuditHead): boolean {
		const own = this.headAt(head.n);
		if (own !== null) return !equalBytes(own.hash, head.hash);
		return head.n > (this.#newest?.n ?? 0);
	}

	list({ before }: RequestOf<'eventList'>): Result<ResponseOf<'eventList'>, Refusal> {
		const { store } = this.#parts;
		const upTo = before ?? Number.MAX_SAFE_INTEGER;
		const events = store.newest(maxAuditEventsPerRead, upTo).reverse();
		const [first] = events;
		return ok({
			oldest: store.oldest()?.n ?? 1,
			after: (first?.n ?? 1) - 1,
			previous: toBase64Url(first?.previous ?? noEvents.hash),
			events: events.map(({ key, sealed }) => ({ key, sealed: toBase64Url(sealed) }))
		});
	}

	removeExpired(nowMs: number): void {
		this.#parts.store.dropBefore(Math.floor(nowMs / hourMs) - ttlHours);
	}

	nextDropMs(): number | null {
		const oldest = this.#parts.store.oldest();
		if (oldest === null || oldest.n === this.#newest?.n) return null;
		return (oldest.hour + ttlHours + dropEveryHours) * hourMs;
	}

	get #newest(): StoredEvent | null {
		return this.#parts.store.newest(1, Number.MAX_SAFE_INTEGER)[0] ?? null;
	}

	#headOf(event: StoredEvent): AuditHead {
		return eventHead({ space: this.#parts.log.known.space, ...event }, event);
	}

	async #write(noted: Noted, timeMs: number): Promise<void> {
		const { store, log, tokenKeys, written } = this.#parts;
		const keys = await tokenKeys();
		const [tokenKey] = keys.ok ? keys.value.tokenKeys : [];
		if (tokenKey === undefined) throw new Error('no key of the deployment is here');
		const { space } = log.known;
		const hour = Math.floor(timeMs / hourMs);
		const tags = this.#tagsOf(hour);
		const full = { kind: 'more', account: null, device: null, subject: null, timeMs } as const;
		const isFull = tags.size >= maxAuditEventsPerHour - 1;
		const event: AuditEvent = isFull ? full : { ...full, ...noted };
		const tag = auditEventTag(tokenKey, { space, hour }, event);
		if (tags.has(toHex(tag))) return;
		const newest = this.#newest;
		const { n, hash: previous } = newest === null ? noEvents : this.#headOf(newest);
		const { audit } = log.known;
		if (audit === null) return;
		const place = { space, n: n + 1, previous };
		const sealed = await sealAuditEvent(audit.publicKey, place, event);
		store.add({ ...place, hour, tag, key: audit.number, sealed });
		tags.add(toHex(tag));
		if (place.n > maxAuditEvents) store.dropThrough(place.n - maxAuditEvents);
		await written();
	}

	#tagsOf(hour: number): Set<string> {
		if (this.#written?.hour !== hour) {
			const tags = this.#parts.store.tagsSince(hour).map(toHex);
			this.#written = { hour, tags: new Set(tags) };
		}
		return this.#written.tags;
	}
}
