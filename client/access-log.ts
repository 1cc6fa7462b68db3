// The access log of a space, for its owners and auditors: what the edge says it saw. Asked from the
// edge, checked to be one chain that leads on from what this device, and others by their heartbeats,
// have seen of it, and opened with the audit keys that were wrapped to this account.
import { noEvents, type AuditHead } from '../protocol/audit-event.ts';
import { equalBytes } from '../protocol/bytes.ts';
import type { SpaceId } from '../protocol/ids.ts';
import { auditEventTtlSeconds, maxAuditEvents } from '../protocol/limits.ts';
import { ok, type Result } from '../protocol/result.ts';
import type { AccessEntry, AccessLogPart, AccessLogState } from './api-sharing.ts';
import type { Answer } from './api.ts';
import { bytesOf } from './contacts.ts';
import type { Desk } from './desk.ts';
import { fail, type TacetError } from './errors.ts';
import { EventChain, placedEvents, type EventPart } from './event-chain.ts';
import type { SeenEvents } from './event-memory.ts';
import type { SpaceSync } from './sync.ts';

/** An edge may drop what is old a little before this device's clock says so. */
const clockToleranceMs = 86_400_000;

export class AccessLog {
	readonly #desk: Desk;
	readonly #space: SpaceId;
	/** What was read last, and what was found. */
	#chain: EventChain | null = null;
	#state: AccessLogState = 'checked';

	constructor(desk: Desk, space: SpaceId) {
		this.#desk = desk;
		this.#space = space;
	}

	/** The newest part, or the one before a number that an answer gave. */
	async read(before: number | null): Answer<AccessLogPart> {
		const sync = this.#desk.spaceOf(this.#space)?.sync;
		if (sync === undefined) return fail('not_found');
		const chain = this.#chain;
		const part =
			before === null || chain === null
				? await this.#readNew(sync)
				: await this.#readOlder(chain, before);
		if (!part.ok) return part;
		if (part.value === null) return ok({ entries: [], older: null, state: this.#state });
		const { after, oldest } = part.value;
		return ok({
			entries: await this.#open(sync, part.value),
			older: after.n >= oldest ? after.n + 1 : null,
			state: this.#state
		});
	}

	/** What this and other devices have seen is known before the question: the answer must hold it. */
	async #readNew(sync: SpaceSync): Promise<Result<EventPart, TacetError>> {
		const seen = await sync.events.load();
		const others = sync.heartbeats.flatMap(({ audit }) => (audit === null ? [] : [audit]));
		const part = await this.#ask(null);
		if (!part.ok) return part;
		const chain = new EventChain(this.#space, part.value);
		this.#chain = chain;
		const lowest = Math.min(...[...others, ...(seen ? [seen] : [])].map(({ n }) => n));
		const reached = await this.#reach(chain, lowest);
		if (!reached.ok) return reached;
		this.#state = reached.value ? judge(chain, seen, others, this.#desk.nowMs()) : 'forked';
		if (this.#state === 'checked') {
			await sync.events.save({ ...chain.newest, seenAtMs: this.#desk.nowMs() });
		}
		return part;
	}

	/** Asks for older events until one with this number is given, or none are left. */
	async #reach(chain: EventChain, n: number): Promise<Result<boolean, TacetError>> {
		for (let before = chain.older; before !== null && before > n + 1; before = chain.older) {
			const part = await this.#ask(before);
			if (!part.ok) return part;
			if (!chain.prepend(part.value)) return ok(false);
		}
		return ok(true);
	}

	/** Null where it does not lead to what was read last: others are reading meanwhile, too. */
	async #readOlder(
		chain: EventChain,
		before: number
	): Promise<Result<EventPart | null, TacetError>> {
		const reached = await this.#reach(chain, before - 1);
		if (!reached.ok) return reached;
		const part = reached.value ? await this.#ask(before) : ok(null);
		if (!part.ok) return part;
		if (part.value !== null && chain.confirms(part.value, before)) return part;
		this.#state = 'forked';
		return ok(null);
	}

	async #ask(before: number | null): Promise<Result<EventPart, TacetError>> {
		const answered = await this.#desk.session.call('eventList', { space: this.#space, before });
		if (!answered.ok) return answered;
		const { oldest, after, previous, events } = answered.value;
		const hash = bytesOf(previous);
		const isBegun = after > 0 || equalBytes(hash, noEvents.hash);
		if (!isBegun || oldest > after + 1) return fail('server_misbehaved');
		return ok({
			oldest,
			after: { n: after, hash },
			events: events.map(({ key, sealed }) => ({ key, sealed: bytesOf(sealed) }))
		});
	}

	/** Newest first. */
	async #open(sync: SpaceSync, part: EventPart): Promise<readonly AccessEntry[]> {
		const grants = sync.events.grants;
		const events = placedEvents(this.#space, part);
		const opened = await this.#desk.crypto.openEvents(grants, events);
		const entries = events.map(({ place, key }, index): AccessEntry => {
			const event = opened[index] ?? null;
			const isMine = grants.some(({ number }) => number === key);
			return { n: place.n, event: event ?? (isMine ? 'unreadable' : 'not_for_this_account') };
		});
		return entries.reverse();
	}
}

/** Whether the log leads on from what was seen of it before. */
function judge(
	chain: EventChain,
	seen: SeenEvents | null,
	others: readonly AuditHead[],
	nowMs: number
): AccessLogState {
	const heads = seen === null ? others : [seen, ...others];
	if (heads.some(({ n }) => n > chain.newest.n)) return 'cut_back';
	if (heads.some((head) => chain.holds(head) === false)) return 'forked';
	// What is older than all that is kept was dropped, for its age or for the number of newer ones.
	if (seen === null || chain.holds(seen) !== null || chain.kept >= maxAuditEvents) return 'checked';
	const ageMs = nowMs - seen.seenAtMs;
	return ageMs >= auditEventTtlSeconds * 1_000 - clockToleranceMs ? 'checked' : 'cut_back';
}
