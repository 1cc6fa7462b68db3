import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCbor, type Cbor } from '../../protocol/cbor.ts';
import { encodeHeartbeat, parseHeartbeat } from '../../protocol/heartbeat.ts';
import {
	encodeDeviceClaim,
	encodeHandOver,
	encodeInviteRecord,
	encodeRequest,
	encodeRequestBody,
	parseDeviceClaim,
	parseHandOver,
	parseInviteRecord,
	parseRequest
} from '../../protocol/invite.ts';
import { keyringEntryForm, keyringItem, parseKeyringEntry } from '../../protocol/keyring-entry.ts';
import { edited, expectNoThrow, expectStrict } from './samples.ts';
import {
	sampleDeviceClaim,
	sampleEntries,
	sampleHandOver,
	sampleHeartbeat,
	sampleInviteRecord,
	sampleLinkRecord,
	sampleRequestBody,
	sampleSignedHeartbeat,
	someEntry,
	someHeartbeat,
	someInviteRecord
} from './sharing-samples.ts';

const malformed = { ok: false, error: 'malformed' };
const { signature } = sampleSignedHeartbeat;
type Edit = (value: Cbor[]) => unknown;

describe('a heartbeat', () => {
	const good = encodeHeartbeat(sampleHeartbeat);

	test('is read back as it was written, and has one encoding', () => {
		expectStrict(parseHeartbeat, encodeHeartbeat, good);
		fc.assert(
			fc.property(someHeartbeat, (heartbeat) => {
				const value = parseHeartbeat(encodeHeartbeat(heartbeat));
				expect(value).toEqual({ ok: true, value: heartbeat });
			})
		);
		expectNoThrow(parseHeartbeat);
	});

	test.each<[string, Edit]>([
		['another label', (value) => (value[0] = 'tacet/1 commit')],
		['a space of 15 bytes', (value) => (value[1] = new Uint8Array(15))],
		['position 0', (value) => (value[4] = 0)],
		['a head of 31 bytes', (value) => (value[5] = new Uint8Array(31))],
		['an event that is not a list', (value) => (value[6] = 1)],
		['event 0', (value) => (value[6] = [0, new Uint8Array(32)])],
		['a hash of events of 31 bytes', (value) => (value[6] = [1, new Uint8Array(31)])],
		['no time', (value) => (value[7] = null)],
		['more in it', (value) => value.push(null)]
	])('with %s is malformed', (_, edit) => {
		expect(parseHeartbeat(edited(good, (value) => void edit(value)))).toEqual(malformed);
	});
});

describe('the record of an invitation or a link', () => {
	test('is read back as it was written, and has one encoding', () => {
		for (const record of [sampleInviteRecord, sampleLinkRecord]) {
			expectStrict(parseInviteRecord, encodeInviteRecord, encodeInviteRecord(record));
		}
		fc.assert(
			fc.property(someInviteRecord, (record) => {
				const value = parseInviteRecord(encodeInviteRecord(record));
				expect(value).toEqual({ ok: true, value: record });
			})
		);
		expectNoThrow(parseInviteRecord);
	});

	test.each<[string, Edit]>([
		['another version', (value) => (value[0] = 2)],
		['a genesis hash of 16 bytes', (value) => (value[2] = new Uint8Array(16))],
		['position 0', (value) => (value[3] = 0)],
		['no role', (value) => (value[7] = 0)],
		['an unknown role', (value) => (value[7] = 5)],
		['an expiry that is text', (value) => (value[8] = 'never')],
		['a name that is too long', (value) => (value[9] = 'a'.repeat(401))],
		['an inviter whose name is too long', (value) => (value[10] = 'a'.repeat(129))],
		['more in it', (value) => value.push(null)]
	])('with %s is malformed', (_, edit) => {
		const changed = edited(encodeInviteRecord(sampleInviteRecord), (value) => void edit(value));
		expect(parseInviteRecord(changed)).toEqual(malformed);
	});
});

describe('a request', () => {
	const good = encodeRequest(encodeRequestBody(sampleRequestBody), signature);

	test('is read back as it was written, and has one encoding', () => {
		const bodyBytes = encodeRequestBody(sampleRequestBody);
		expect(parseRequest(good)).toEqual({
			ok: true,
			value: { ...sampleRequestBody, bodyBytes, signature }
		});
		expectStrict(
			parseRequest,
			(request) => encodeRequest(encodeRequestBody(request), request.signature),
			good
		);
		expectNoThrow(parseRequest);
	});

	test('with a body or signature of another shape is malformed', () => {
		const withBody = (edit: Edit) =>
			encodeRequest(
				edited(encodeRequestBody(sampleRequestBody), (value) => void edit(value)),
				signature
			);
		expect(parseRequest(withBody((value) => (value[0] = 2)))).toEqual(malformed);
		expect(parseRequest(withBody((value) => (value[3] = new Uint8Array(31))))).toEqual(malformed);
		expect(parseRequest(withBody((value) => (value[5] = 'a'.repeat(129))))).toEqual(malformed);
		expect(parseRequest(withBody((value) => value.push(null)))).toEqual(malformed);
		const short = encodeRequest(encodeRequestBody(sampleRequestBody), signature.subarray(1));
		expect(parseRequest(short)).toEqual(malformed);
	});
});

test('a hand-over and a device claim are read back as they were written, and have one encoding', () => {
	for (const handOver of [sampleHandOver, { ...sampleHandOver, accountKey: null }]) {
		const bytes = encodeHandOver(handOver);
		expect(parseHandOver(bytes)).toEqual({ ok: true, value: handOver });
		expectStrict(parseHandOver, encodeHandOver, bytes);
	}
	const claim = encodeDeviceClaim(sampleDeviceClaim);
	expect(parseDeviceClaim(claim)).toEqual({ ok: true, value: sampleDeviceClaim });
	expectStrict(parseDeviceClaim, encodeDeviceClaim, claim);
	expectNoThrow(parseHandOver);
	expectNoThrow(parseDeviceClaim);
	const keyOf = (length: number) =>
		edited(encodeHandOver(sampleHandOver), (value) => (value[3] = new Uint8Array(length)));
	expect(parseHandOver(keyOf(15))).toEqual(malformed);
	const named = (deviceName: string) =>
		parseDeviceClaim(encodeDeviceClaim({ ...sampleDeviceClaim, deviceName }));
	expect(named('a'.repeat(200)).ok).toBe(true);
	expect(named('a'.repeat(201))).toEqual(malformed);
});

describe('an entry of the keyring', () => {
	test('is read back as it was written', () => {
		for (const entry of sampleEntries) {
			expect(parseKeyringEntry(keyringEntryForm(entry))).toEqual(entry);
		}
		fc.assert(
			fc.property(someEntry, (entry) => {
				expect(parseKeyringEntry(keyringEntryForm(entry))).toEqual(entry);
			})
		);
	});

	test('with a field more, a field less, or a field of another type is none', () => {
		for (const entry of sampleEntries) {
			const form = keyringEntryForm(entry) as readonly Cbor[];
			expect(parseKeyringEntry([...form, null])).toBeNull();
			expect(parseKeyringEntry(form.slice(0, -1))).toBeNull();
			for (const index of form.keys()) {
				expect(parseKeyringEntry(form.with(index, [])), `${entry.type} ${index}`).toBeNull();
			}
		}
	});

	test('is about the space, account, invitation, link or device that it names', () => {
		for (const entry of sampleEntries) {
			const form = keyringEntryForm(entry) as readonly Cbor[];
			expect(encodeCbor(form[1]!).subarray(1)).toEqual(
				Uint8Array.from(keyringItem(entry).match(/../g)!, (digits) => parseInt(digits, 16))
			);
		}
	});
});
