import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCbor, type Cbor } from '../../protocol/cbor.ts';
import {
	encodeClientFrame,
	encodeSpaceFrame,
	parseClientFrame,
	parseSpaceFrame,
	type Append
} from '../../protocol/frames.ts';
import {
	maxCommitBytes,
	maxFrameBytes,
	maxHeartbeatsPerFrame,
	maxSealedPageBytes
} from '../../protocol/limits.ts';
import {
	clientFrames,
	edited,
	expectNoThrow,
	expectStrict,
	someClientFrame,
	someSpaceFrame,
	spaceFrames
} from './samples.ts';

const malformed = { ok: false, error: 'malformed' };
const tooLarge = { ok: false, error: 'too_large' };
const bytes = (length: number) => new Uint8Array(length);
const append = clientFrames[1] as Append;

describe('frames of a client', () => {
	test('are read back as they were written', () => {
		for (const frame of clientFrames) {
			expect(parseClientFrame(encodeClientFrame(frame))).toEqual({ ok: true, value: frame });
		}
		fc.assert(
			fc.property(someClientFrame, (frame) => {
				expect(parseClientFrame(encodeClientFrame(frame))).toEqual({ ok: true, value: frame });
			})
		);
	});

	test('have one encoding, whatever happens to their bytes', () => {
		for (const frame of clientFrames) {
			expectStrict(parseClientFrame, encodeClientFrame, encodeClientFrame(frame));
		}
	});

	test('are read or refused, never thrown at', () => {
		expectNoThrow(parseClientFrame);
	});

	test.each<[string, Cbor[]]>([
		['an unknown kind', [9]],
		['a heartbeat without its signature', [4, bytes(9)]],
		['a heartbeat with a short signature', [4, bytes(9), bytes(63)]],
		['a heartbeat that is text', [4, 'beat', bytes(64)]],
		['a heartbeat that is too long', [4, bytes(513), bytes(64)]],
		['a heartbeat with more in it', [4, bytes(9), bytes(64), null]],
		['a frame of the space', [18, 1, 1]],
		['nothing', []],
		['a pull before the beginning', [2, -1]],
		['a pull with more in it', [2, 1, null]],
		['a fetch of nothing', [3, []]],
		['a fetch of entry 0', [3, [[0, 0]]]],
		['an append without a signature', [1, bytes(9), bytes(63), [], [], null]],
		['a wrap too short', [1, bytes(9), bytes(64), [], [bytes(1_167)], null]],
		['a previous key too short', [1, bytes(9), bytes(64), [], [], bytes(71)]],
		['a page that is absent', [1, bytes(9), bytes(64), [null], [], null]],
		['an append with more in it', [1, bytes(9), bytes(64), [], [], null, null]],
		['nothing to put back', [5, 1, bytes(32), []]],
		['entries to put back nowhere', [5, 1, [[bytes(9), bytes(64), [], [], null]]]],
		['an entry to put back cut short', [5, 1, bytes(32), [[bytes(9), bytes(64), [], []]]]],
		['an entry to put back with text', [5, 1, bytes(32), [[bytes(9), bytes(64), ['p'], [], null]]]]
	])('with %s are malformed', (_, frame) => {
		expect(parseClientFrame(encodeCbor(frame))).toEqual(malformed);
	});

	test('hold so many pages, wraps and page ids, and not one more', () => {
		const many = (length: number, of: Cbor) => Array.from({ length }, () => of);
		const frames: [number, (length: number) => Cbor[]][] = [
			[64, (length) => [1, bytes(9), bytes(64), many(length, bytes(2)), [], null]],
			[256, (length) => [1, bytes(9), bytes(64), [], many(length, bytes(1_168)), null]],
			[64, (length) => [3, many(length, [1, 0])]],
			[64, (length) => [5, 1, bytes(32), [[bytes(9), bytes(64), many(length, null), [], null]]]],
			[1_024, (length) => [5, 1, bytes(32), many(length, [bytes(9), bytes(64), [], [], null])]]
		];
		for (const [limit, frameOf] of frames) {
			expect(parseClientFrame(encodeCbor(frameOf(limit))).ok).toBe(true);
			expect(parseClientFrame(encodeCbor(frameOf(limit + 1)))).toEqual(malformed);
		}
	});

	test('hold a commit and a page within their limits, and not one byte more', () => {
		const withCommit = (length: number) => encodeClientFrame({ ...append, commit: bytes(length) });
		const withPage = (length: number) => encodeClientFrame({ ...append, pages: [bytes(length)] });
		expect(parseClientFrame(withCommit(maxCommitBytes)).ok).toBe(true);
		expect(parseClientFrame(withCommit(maxCommitBytes + 1))).toEqual(malformed);
		expect(parseClientFrame(withPage(maxSealedPageBytes)).ok).toBe(true);
		expect(parseClientFrame(withPage(maxSealedPageBytes + 1))).toEqual(malformed);
	});

	test('beyond their bytes are too large before anything is read', () => {
		expect(parseClientFrame(bytes(maxFrameBytes + 1))).toEqual(tooLarge);
		expect(parseSpaceFrame(bytes(maxFrameBytes + 1))).toEqual(tooLarge);
		expect(parseClientFrame(bytes(maxFrameBytes))).toEqual(malformed);
	});
});

describe('frames of a space', () => {
	test('are read back as they were written', () => {
		for (const frame of spaceFrames) {
			expect(parseSpaceFrame(encodeSpaceFrame(frame))).toEqual({ ok: true, value: frame });
		}
		fc.assert(
			fc.property(someSpaceFrame, (frame) => {
				expect(parseSpaceFrame(encodeSpaceFrame(frame))).toEqual({ ok: true, value: frame });
			})
		);
	});

	test('have one encoding, whatever happens to their bytes', () => {
		for (const frame of spaceFrames) {
			expectStrict(parseSpaceFrame, encodeSpaceFrame, encodeSpaceFrame(frame));
		}
	});

	test('are read or refused, never thrown at', () => {
		expectNoThrow(parseSpaceFrame);
	});

	test.each<[string, Cbor[]]>([
		['an unknown kind', [29]],
		['a heartbeat for a list', [21, bytes(9), bytes(64)]],
		['a heartbeat without its signature', [21, [[bytes(9)]]]],
		['a heartbeat that is too long', [21, [[bytes(513), bytes(64)]]]],
		['a notice about something', [22, 1]],
		['a frame of a client', [2, 0]],
		['a hello with more in it', [16, 1, bytes(32), null]],
		['a head of 31 bytes', [16, 1, bytes(31)]],
		['an entry at position 0', [17, [[0, bytes(9), bytes(64), [], [], null]], 1, bytes(32)]],
		['an entry cut short', [17, [[1, bytes(9), bytes(64), [], []]], 1, bytes(32)]],
		['a wrap without its index', [17, [[1, bytes(9), bytes(64), [], [[]], null]], 1, bytes(32)]],
		['a page that is text', [17, [[1, bytes(9), bytes(64), ['p'], [], null]], 1, bytes(32)]],
		['a count of 0', [18, 0, 1]],
		['an unknown code', [19, 1, 'sorry', null]],
		['a code that every object has', [19, 1, 'toString', null]],
		['no word on retrying', [19, 1, 'internal']],
		['a retry before now', [19, 1, 'rate_limited', -1]],
		['a fetched page that is text', [20, [[1, 0, 'page']]]],
		['a fetched page of entry 0', [20, [[0, 0, null]]]],
		['a head that stands nowhere', [23, bytes(32)]]
	])('with %s are malformed', (_, frame) => {
		expect(parseSpaceFrame(encodeCbor(frame))).toEqual(malformed);
	});

	test('hold so many heartbeats, and not one more', () => {
		const frameOf = (length: number) =>
			encodeCbor([21, Array.from({ length }, () => [bytes(9), bytes(64)])]);
		expect(parseSpaceFrame(frameOf(maxHeartbeatsPerFrame)).ok).toBe(true);
		expect(parseSpaceFrame(frameOf(maxHeartbeatsPerFrame + 1))).toEqual(malformed);
	});

	test('with anything after their last field are malformed', () => {
		for (const frame of spaceFrames) {
			const longer = edited(encodeSpaceFrame(frame), (value) => value.push(null));
			expect(parseSpaceFrame(longer)).toEqual(malformed);
		}
	});
});
