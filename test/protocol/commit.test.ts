import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCbor, type Cbor } from '../../protocol/cbor.ts';
import {
	encodeCommit,
	encodeGenesis,
	parseCommit,
	parseGenesis,
	type Admin,
	type Commit
} from '../../protocol/commit.ts';
import { maxCommitBytes, maxMembers } from '../../protocol/limits.ts';
import {
	edited,
	expectNoThrow,
	expectStrict,
	sampleAdmin,
	sampleCommit,
	sampleGenesis,
	smallCommit,
	someCommit
} from './samples.ts';

const malformed = { ok: false, error: 'malformed' };
const many = <Value>(length: number, value: Value): Value[] => Array.from({ length }, () => value);
const withAdmin = (admin: Partial<Admin>): Commit => ({
	...smallCommit,
	admin: { ...sampleAdmin, ...admin }
});

describe('a commit', () => {
	test('is read back as it was written', () => {
		for (const commit of [sampleCommit, smallCommit]) {
			expect(parseCommit(encodeCommit(commit))).toEqual({ ok: true, value: commit });
		}
		fc.assert(
			fc.property(someCommit, (commit) => {
				const bytes = encodeCommit(commit);
				const parsed = parseCommit(bytes);
				expect(parsed).toEqual({ ok: true, value: commit });
				expect(parsed.ok && encodeCommit(parsed.value)).toEqual(bytes);
			})
		);
	});

	test('has one encoding, whatever happens to its bytes', () => {
		expectStrict(parseCommit, encodeCommit, encodeCommit(smallCommit));
		const { audit, ...admin } = sampleAdmin;
		expect(audit).not.toBeNull();
		const full = { ...sampleCommit, admin: { ...admin, audit: null } };
		expectStrict(parseCommit, encodeCommit, encodeCommit(full));
	});

	test('is read or refused, never thrown at', () => {
		expectNoThrow(parseCommit);
		expectNoThrow(parseGenesis);
	});

	test('needs a page, a superseded page or an admin change', () => {
		const nothing = { ...smallCommit, pages: [] };
		const supersedes = [{ seq: 1, index: 0 }];
		expect(parseCommit(encodeCommit(nothing))).toEqual(malformed);
		expect(parseCommit(encodeCommit({ ...nothing, supersedes })).ok).toBe(true);
		expect(parseCommit(encodeCommit({ ...nothing, admin: sampleAdmin })).ok).toBe(true);
		const empty = { members: [], epoch: null, audit: null, wraps: [], settings: null };
		expect(parseCommit(encodeCommit(withAdmin(empty)))).toEqual(malformed);
	});

	test.each<[string, (value: Cbor[]) => void]>([
		['version 2', (value) => (value[0] = 2)],
		['a field more', (value) => value.push(null)],
		['a field less', (value) => value.pop()],
		['a checkpoint', (value) => (value[13] = 1)],
		['count 0', (value) => (value[5] = 0)],
		['a negative time', (value) => (value[7] = -1)],
		['an id of 15 bytes', (value) => (value[1] = new Uint8Array(15))],
		['an identity hash of 31 bytes', (value) => (value[3] = new Uint8Array(31))],
		['a seen head of 33 bytes', (value) => (value[6] = [1, new Uint8Array(33)])],
		['a page of epoch 0', (value) => (value[8] = [[0, 168, new Uint8Array(32), null]])],
		['a page of no bytes', (value) => (value[8] = [[1, 0, new Uint8Array(32), null]])],
		['a page too long', (value) => (value[8] = [[1, 1_150_001, new Uint8Array(32), null]])],
		['a page id before the first', (value) => (value[9] = [[0, 0]])],
		['text in place of bytes', (value) => (value[12] = 'genesis')]
	])('with %s is malformed', (_, edit) => {
		expect(parseCommit(edited(encodeCommit(smallCommit), edit))).toEqual(malformed);
	});

	test.each<[string, Cbor[]]>([
		['role 5', [[[new Uint8Array(16), 5, 0, null]], null, null, [], null]],
		['kind 3', [[[new Uint8Array(16), 1, 3, null]], null, null, [], null]],
		['epoch 0', [[], [0, new Uint8Array(32), null], null, [], null]],
		['a commitment of 31 bytes', [[], [1, new Uint8Array(31), null], null, [], null]],
		['an audit key of 1,215 bytes', [[], null, [1, new Uint8Array(1_215)], [], null]],
		['key kind 2', [[], null, null, [[2, 1, new Uint8Array(16), new Uint8Array(32)]], null]],
		['key number 0', [[], null, null, [[0, 0, new Uint8Array(16), new Uint8Array(32)]], null]],
		['an expiry of no days', [[], null, null, [], [30, 0, true]]],
		['a number for a boolean', [[], null, null, [], [30, null, 1]]],
		['a sixth part', [[], null, null, [], [30, null, true], null]]
	])('with %s in its admin part is malformed', (_, admin) => {
		const bytes = edited(encodeCommit(smallCommit), (value) => (value[11] = admin));
		expect(parseCommit(bytes)).toEqual(malformed);
	});

	test('holds so many pages, page ids, members and wraps, and not one more', () => {
		const page = smallCommit.pages[0]!;
		const member = sampleAdmin.members[1]!;
		const wrap = sampleAdmin.wraps[0]!;
		const limits: [number, (length: number) => Commit][] = [
			[64, (length) => ({ ...smallCommit, pages: many(length, page) })],
			[4_096, (length) => ({ ...smallCommit, supersedes: many(length, { seq: 1, index: 0 }) })],
			[4_096, (length) => ({ ...smallCommit, purge: many(length, { seq: 1, index: 0 }) })],
			[maxMembers, (length) => withAdmin({ members: many(length, member) })],
			[2 * maxMembers, (length) => withAdmin({ wraps: many(length, wrap) })]
		];
		for (const [limit, commitOf] of limits) {
			expect(parseCommit(encodeCommit(commitOf(limit))).ok).toBe(true);
			expect(parseCommit(encodeCommit(commitOf(limit + 1)))).toEqual(malformed);
		}
	});

	test('beyond its bytes is too large before anything is read', () => {
		const genesis = new Uint8Array(maxCommitBytes);
		const bytes = encodeCommit({ ...smallCommit, genesis });
		expect(parseCommit(bytes)).toEqual({ ok: false, error: 'too_large' });
		const over = bytes.length - maxCommitBytes;
		const fitting = encodeCommit({ ...smallCommit, genesis: genesis.subarray(over) });
		expect(fitting.length).toBe(maxCommitBytes);
		expect(parseCommit(fitting).ok).toBe(true);
	});
});

describe('a genesis body', () => {
	test('is read back as it was written, and has one encoding', () => {
		const bytes = encodeGenesis(sampleGenesis);
		expect(parseGenesis(bytes)).toEqual({ ok: true, value: sampleGenesis });
		expectStrict(parseGenesis, encodeGenesis, bytes);
	});

	test('of another shape is malformed', () => {
		const parts: Cbor[][] = [
			[2, new Uint8Array(16), new Uint8Array(32), new Uint8Array(32)],
			[1, new Uint8Array(16), new Uint8Array(32), new Uint8Array(31)],
			[1, new Uint8Array(16), new Uint8Array(31), new Uint8Array(32)],
			[1, new Uint8Array(17), new Uint8Array(32), new Uint8Array(32)],
			[1, new Uint8Array(16), new Uint8Array(32), new Uint8Array(32), null]
		];
		for (const part of parts) expect(parseGenesis(encodeCbor(part))).toEqual(malformed);
	});
});
