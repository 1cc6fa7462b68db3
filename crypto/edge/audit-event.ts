// Writing an event of a space's access log. The edge knows what it writes when it writes it, and can't
// read it afterwards: the private half of the audit key is wrapped to owners and auditors.
import { auditEventKinds, encodeAuditEvent, type AuditEvent } from '../../protocol/audit-event.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { eventInfo, eventTagInput, type EventPlace } from '../../protocol/labels.ts';
import { sealTo } from '../hpke.ts';
import { hmacSha256 } from '../mac.ts';
import { pad } from '../padding.ts';
import type { TokenKey } from './session-token.ts';

const tagBytes = 16;

/**
 * Seals an event to a space's audit public key, for one place of its log.
 *
 * @param publicKey 1,216 bytes, as the log pins it.
 * @returns 1,264 bytes, whatever happened.
 */
export const sealAuditEvent = (
	publicKey: Uint8Array,
	place: EventPlace,
	event: AuditEvent
): Promise<Uint8Array> =>
	sealTo(publicKey, { info: eventInfo(place), plaintext: pad(encodeAuditEvent(event)) });

/**
 * By which the edge knows an event that says the same as another one of that hour, but for the time.
 * Whoever has the database and no key of the deployment learns nothing by it.
 *
 * @param hour since 1970.
 * @returns 16 bytes.
 */
export function auditEventTag(
	{ secret }: TokenKey,
	{ space, hour }: { readonly space: SpaceId; readonly hour: number },
	{ kind, account, device, subject }: Omit<AuditEvent, 'timeMs'>
): Uint8Array {
	const ids = [account, device, subject];
	const input = eventTagInput(space, hour, { kind: auditEventKinds.indexOf(kind), ids });
	return hmacSha256(secret, input).slice(0, tagBytes);
}
