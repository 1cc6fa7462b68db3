// The chain of an access log as its parts come in: what follows from what, without a key.
import { expect, test } from 'vitest';
import { EventChain, placedEvents, type EventPart } from '../../client/event-chain.ts';
import { eventHead } from '../../crypto/audit-event.ts';
import { randomBytes } from '../../crypto/random.ts';
import { noEvents, type AuditHead, type SealedEvent } from '../../protocol/audit-event.ts';
import { idFromBytes, type SpaceId } from '../../protocol/ids.ts';

const space = idFromBytes<SpaceId>(randomBytes(16));
const events: readonly SealedEvent[] = Array.from({ length: 150 }, () => ({
	key: 1,
	sealed: randomBytes(40)
}));
const heads: AuditHead[] = [noEvents];
for (const event of events) {
	const { n, hash } = heads.at(-1) ?? noEvents;
	heads.push(eventHead({ space, n: n + 1, previous: hash }, event));
}
const headAt = (n: number): AuditHead => heads[n] ?? noEvents;

/** Events `first` to `last`, of a log from which those before `oldest` were dropped. */
const part = (first: number, last: number, oldest = 1): EventPart => ({
	oldest,
	after: headAt(first - 1),
	events: events.slice(first - 1, last)
});

test('leads from part to part, down to the oldest event that is kept', () => {
	const chain = new EventChain(space, part(87, 150, 20));
	expect(chain.newest).toEqual(headAt(150));
	expect([chain.older, chain.kept]).toEqual([87, 131]);
	expect(chain.holds(headAt(86))).toBe(true);
	expect(chain.holds(headAt(85))).toBeNull();
	expect(chain.prepend(part(23, 86, 20))).toBe(true);
	expect(chain.older).toBe(23);
	expect(chain.prepend(part(20, 22, 20))).toBe(true);
	expect(chain.older).toBeNull();
	for (let n = 19; n <= 150; n++) expect(chain.holds(headAt(n))).toBe(true);
	expect(chain.holds({ n: 60, hash: headAt(61).hash })).toBe(false);
	expect(chain.holds({ n: 151, hash: headAt(150).hash })).toBe(false);
});

test('takes no part that does not end where the known one begins, or leads elsewhere', () => {
	const chain = new EventChain(space, part(87, 150));
	const good = part(23, 86);
	const others: readonly EventPart[] = [
		part(22, 85),
		part(24, 87),
		part(87, 150),
		{ ...good, events: [] },
		{ ...good, after: headAt(21) },
		{ ...good, after: { n: 22, hash: headAt(21).hash } },
		{ ...good, events: good.events.with(3, good.events[4]!) },
		{ ...good, events: good.events.with(63, { ...good.events[63]!, key: 2 }) }
	];
	for (const other of others) {
		expect(chain.prepend(other)).toBe(false);
		expect(chain.confirms(other, 87)).toBe(false);
		expect(chain.older).toBe(87);
	}
	expect(chain.confirms(good, 87)).toBe(true);
	expect(chain.confirms(part(87, 150), 151)).toBe(true);
	expect(chain.prepend(good)).toBe(true);
});

test('gives every event the place that it opens at', () => {
	const places = placedEvents(space, part(23, 86)).map(({ place }) => place);
	expect(places.map(({ n }) => n)).toEqual(Array.from({ length: 64 }, (_, index) => 23 + index));
	for (const { n, previous } of places) expect(previous).toEqual(headAt(n - 1).hash);
	expect(new EventChain(space, { oldest: 1, after: noEvents, events: [] }).older).toBeNull();
});
