// The chain of a space's access log. Source: docs/formats.md, Audit event.
import type { AuditHead, SealedEvent } from '../protocol/audit-event.ts';
import { eventHeadInput, type EventPlace } from '../protocol/labels.ts';
import { sha256 } from './hash.ts';

/**
 * The head of a log of events after one more.
 *
 * @param place where the event stands: `previous` is the head's hash before it.
 * @returns the number of the event and 32 bytes, which name space, place, key and every event before.
 */
export const eventHead = (place: EventPlace, event: SealedEvent): AuditHead => ({
	n: place.n,
	hash: sha256(eventHeadInput(place, event))
});
