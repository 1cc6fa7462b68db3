// Reading a space's access log. The private half of an audit key is an X-Wing seed that was wrapped to
// owners and auditors; the log of the space pins its public half. Source: docs/formats.md, Audit event.
import { parseAuditEvent, type AuditEvent } from '../../protocol/audit-event.ts';
import { equalBytes } from '../../protocol/bytes.ts';
import { eventInfo, wrapInfo, type EventPlace, type WrapContext } from '../../protocol/labels.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { unpad } from '../padding.ts';
import { deriveKemPublicKey, openSealedTo } from './hpke.ts';
import { createSecret, type KemSeed } from './secret.ts';

const seedBytes = 32;

/**
 * Opens the wrap of an audit key, and checks that it is the private half of the public key that a
 * verified commit pins: that a wrap opens proves nothing.
 *
 * @param seed the account's own.
 * @param input `wrap` as received, any length; `publicKey` 1,216 bytes.
 * @returns the audit key's seed; `open_failed` for every kind of mismatch alike.
 */
export async function openAuditKey(
	seed: KemSeed,
	input: {
		readonly wrap: Uint8Array;
		readonly context: WrapContext;
		readonly publicKey: Uint8Array;
	}
): Promise<Result<KemSeed, 'open_failed'>> {
	const opened = await openSealedTo(seed, { info: wrapInfo(input.context), sealed: input.wrap });
	if (!opened.ok) return opened;
	const auditSeed = createSecret<'kem seed'>(opened.value);
	const isPair =
		opened.value.length === seedBytes && equalBytes(deriveKemPublicKey(auditSeed), input.publicKey);
	if (isPair) return ok(auditSeed);
	auditSeed.wipe();
	return err('open_failed');
}

/**
 * Opens an event at its place. Nobody has signed it: it says what the edge says it saw.
 *
 * @param sealed as received, any length.
 * @returns the event; `open_failed` for another key or place, every change, wrong padding and form alike.
 */
export async function openAuditEvent(
	seed: KemSeed,
	place: EventPlace,
	sealed: Uint8Array
): Promise<Result<AuditEvent, 'open_failed'>> {
	const opened = await openSealedTo(seed, { info: eventInfo(place), sealed });
	if (!opened.ok) return opened;
	const content = unpad(opened.value);
	const event = content.ok ? parseAuditEvent(content.value) : content;
	return event.ok ? event : err('open_failed');
}
