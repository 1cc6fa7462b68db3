import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeAuditEvent, parseAuditEvent } from '../../protocol/audit-event.ts';
import { minPaddedBytes } from '../../protocol/limits.ts';
import type { Cbor } from '../../protocol/cbor.ts';
import { edited, expectNoThrow, expectStrict } from './samples.ts';
import { sampleEvent, someEvent } from './sharing-samples.ts';

const malformed = { ok: false, error: 'malformed' };
type Edit = (value: Cbor[]) => unknown;

describe('an event of the access log', () => {
	const good = encodeAuditEvent(sampleEvent);

	test('is read back as it was written, has one encoding, and fits the smallest padding', () => {
		expectStrict(parseAuditEvent, encodeAuditEvent, good);
		fc.assert(
			fc.property(someEvent, (event) => {
				const bytes = encodeAuditEvent(event);
				expect(bytes.length).toBeLessThanOrEqual(minPaddedBytes - 4);
				expect(parseAuditEvent(bytes)).toEqual({ ok: true, value: event });
			})
		);
		expectNoThrow(parseAuditEvent);
	});

	test.each<[string, Edit]>([
		['another version', (value) => (value[0] = 2)],
		['a kind that there is not', (value) => (value[1] = 8)],
		['no kind', (value) => (value[1] = null)],
		['a time in words', (value) => (value[2] = 'now')],
		['an account of 15 bytes', (value) => (value[3] = new Uint8Array(15))],
		['a device of 17 bytes', (value) => (value[4] = new Uint8Array(17))],
		['a subject that is a number', (value) => (value[5] = 1)],
		['more in it', (value) => value.push(null)]
	])('with %s is malformed', (_, edit) => {
		expect(parseAuditEvent(edited(good, (value) => void edit(value)))).toEqual(malformed);
	});
});
