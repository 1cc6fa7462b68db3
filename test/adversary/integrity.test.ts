import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCommit } from '../../protocol/commit.ts';
import type { Entry, SpaceFrame } from '../../protocol/frames.ts';
import { concatBytes } from '../../protocol/bytes.ts';
import { decodeCbor, encodeCbor, type Cbor } from '../../protocol/cbor.ts';
import { tell, type LieName } from './lies.ts';
import type { Lie } from './liar.ts';
import { materialOf } from './property.ts';
import { readUnder, type Outcome } from './reading.ts';
import { makeWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
	world = await makeWorld({ seed: 11 });
}, 60_000);
afterAll(() => world.end(), 60_000);

const middle = 6;
/** What a device sends that has found a fault in the first answer to its pull. */
const traceOfFault = ['socket', 'end 1000'];

async function tellOnce(name: LieName, seed: number, patienceMs?: number): Promise<Outcome> {
	const material = await materialOf(world, 'space', seed);
	const lie = tell(name, { space: world.space, material, times: 1, after: 0 });
	const outcome = await readUnder(world, lie, { from: middle, ...(patienceMs && { patienceMs }) });
	if (patienceMs === undefined) expect(lie.told).toBe(1);
	return outcome;
}

/** After these a device may wait for more: whatever it does is held against the rule. */
const tellShortly = (name: LieName, seed: number): Promise<Outcome> => tellOnce(name, seed, 200);

async function expectStop(name: LieName, seed: number): Promise<void> {
	const outcome = await tellOnce(name, seed);
	expect(outcome.after, `${name}, ${String(seed)}`).toBe('distrusted');
	expect(outcome.trace).toEqual(traceOfFault);
}

/** The signed pages are asked for once more, and given. */
async function expectRecovery(name: LieName, seed: number): Promise<void> {
	const outcome = await tellOnce(name, seed);
	expect(outcome).toMatchObject({ under: 'online', after: 'online' });
	expect(outcome.trace.filter((line) => line.startsWith('fetch'))).toHaveLength(1);
}

describe('a changed byte', () => {
	test('INT-01 in a commit stops the device, whichever bit it is', async () => {
		for (let seed = 0; seed < 8; seed++) await expectStop('flip a bit of a commit', seed);
	});

	test('INT-01 in a signature stops the device, whichever bit it is', async () => {
		for (let seed = 0; seed < 6; seed++) await expectStop('flip a bit of a signature', seed);
	});

	test('INT-01 in a page is seen before anything is opened, and the signed page is asked for', async () => {
		for (let seed = 0; seed < 4; seed++) await expectRecovery('flip a bit of a page', seed);
	});

	test('INT-01 in a page, each time it is asked for, stops the device', async () => {
		const material = await materialOf(world, 'space', 5);
		const flip = tell('flip a bit of a page', {
			space: world.space,
			material,
			times: Number.POSITIVE_INFINITY,
			after: 0
		});
		const outcome = await readUnder(
			world,
			{
				toClient(frame, line) {
					if (frame.type !== 'pages') return flip.toClient?.(frame, line);
					const pages = frame.pages.map(({ page, ...place }) => ({
						...place,
						page: page && page.map((byte, index) => (index === 40 ? byte ^ 1 : byte))
					}));
					return [{ type: 'pages', pages }];
				}
			},
			{ from: middle }
		);
		expect(outcome).toMatchObject({ under: 'distrusted', fault: 'page_missing' });
	});

	test('INT-01 of a frame stops the device, or ends the line and nothing else', async () => {
		for (let seed = 0; seed < 12; seed++) await tellShortly('flip a bit of the frame', seed);
	});

	test('INT-14 that names another version of a commit is refused', async () => {
		const outcome = await changeEntry((entry) => {
			const commit = decodeCbor(entry.commit);
			if (!commit.ok) throw new Error('a commit is CBOR');
			const [, ...rest] = commit.value as readonly Cbor[];
			return { ...entry, commit: encodeCbor([2, ...rest]) };
		});
		expect(outcome).toMatchObject({ under: 'distrusted', fault: 'malformed' });
	});

	test('INT-14 with any field of a commit null or absent, the commit is refused', async () => {
		for (let field = 0; field < 14; field++) {
			const outcome = await changeEntry((entry) => {
				const commit = decodeCbor(entry.commit);
				if (!commit.ok) throw new Error('a commit is CBOR');
				const parts = [...(commit.value as readonly Cbor[])];
				if (parts[field] === null) parts.splice(field, 1);
				else parts[field] = null;
				return { ...entry, commit: encodeCbor(parts) };
			});
			expect(outcome, String(field)).toMatchObject({ under: 'distrusted', fault: 'malformed' });
		}
	});
});

/** Serves the first entry that the device has not seen otherwise. */
function changeEntry(change: (entry: Entry) => Entry): Promise<Outcome> {
	const lie: Lie = {
		toClient(frame, { space }) {
			if (space !== world.space || frame.type !== 'entries') return undefined;
			return [{ ...frame, entries: frame.entries.map((e, i) => (i === 0 ? change(e) : e)) }];
		}
	};
	return readUnder(world, lie, { from: middle });
}

describe('a swap', () => {
	test('INT-02 of the pages of two entries gives neither in the place of the other', async () => {
		// All pairs of entries that the device has not seen.
		for (let a = middle + 1; a <= world.head.seq; a++) {
			for (let b = a + 1; b <= world.head.seq; b++) {
				const pageAt = (seq: number) => world.entries[seq - 1]?.pages ?? [];
				const outcome = await readUnder(
					world,
					onEntries((entries) =>
						entries.map((entry) => {
							if (entry.seq === a) return { ...entry, pages: pageAt(b) };
							return entry.seq === b ? { ...entry, pages: pageAt(a) } : entry;
						})
					),
					{ from: middle }
				);
				expect(outcome).toMatchObject({ under: 'online', after: 'online' });
			}
		}
	});

	test('INT-02 with a page of the keyring shows nothing of it', async () => {
		for (let seed = 0; seed < 4; seed++) await tellShortly('give a page of another space', seed);
	});

	test('INT-02 of two signatures, or of two commits under their numbers, stops the device', async () => {
		for (let seed = 0; seed < 4; seed++) {
			await expectStop('give an entry the signature of another', seed);
			await expectStop('swap two entries under their numbers', seed);
			await expectStop('put an entry in the place of another', seed);
			await expectStop('put an entry of another space in the place of one', seed);
		}
	});
});

function onEntries(change: (entries: readonly Entry[]) => readonly Entry[]): Lie {
	let told = false;
	return {
		toClient(frame, { space }): readonly SpaceFrame[] | undefined {
			if (space !== world.space || frame.type !== 'entries' || told) return undefined;
			told = true;
			return [{ ...frame, entries: change(frame.entries) }];
		}
	};
}

describe('entries', () => {
	test('INT-04 left out stop the device, whichever it is', async () => {
		for (let seq = middle + 1; seq < world.head.seq; seq++) {
			const outcome = await readUnder(
				world,
				onEntries((entries) => entries.filter((entry) => entry.seq !== seq)),
				{ from: middle }
			);
			expect(outcome).toMatchObject({ under: 'distrusted', fault: 'head_wrong', seq: seq - 1 });
		}
	});

	test('INT-04 left out and renumbered stop the device', async () => {
		for (let seq = middle + 1; seq < world.head.seq; seq++) {
			const outcome = await readUnder(
				world,
				onEntries((entries) =>
					entries
						.filter((entry) => entry.seq !== seq)
						.map((entry) => (entry.seq > seq ? { ...entry, seq: entry.seq - 1 } : entry))
				),
				{ from: middle }
			);
			expect(outcome.under).toBe('distrusted');
		}
	});

	test('INT-04 in another order stop the device', async () => {
		for (let seed = 0; seed < 3; seed++) {
			await expectStop('give two entries in the other order', seed);
		}
	});

	test('INT-04 given twice change nothing', async () => {
		for (let seed = 0; seed < 3; seed++) {
			const outcome = await tellOnce('give an entry twice', seed);
			expect(outcome).toMatchObject({ under: 'online', seq: world.head.seq });
		}
	});

	test('INT-04 served once more at the end, each of them, stop the device', async () => {
		const material = await materialOf(world, 'space', 1);
		for (const entry of world.entries) {
			const lie = tell('serve an old entry once more at the end', {
				space: world.space,
				material: { ...material, chance: { ...material.chance, pick: () => entry as never } },
				times: 1,
				after: 0
			});
			const outcome = await readUnder(world, lie, { from: middle });
			expect(outcome.under).toBe('distrusted');
			expect(outcome.fault).toBe(entry.seq === 1 ? 'genesis_invalid' : 'count_wrong');
		}
	});

	test('INT-04 of another space at the end stop the device', async () => {
		for (let seed = 0; seed < 2; seed++) {
			await expectStop('serve an entry of another space at the end', seed);
		}
	});

	test('INT-04 without a page, which is given when it is asked for, are complete before they are shown as such', async () => {
		for (let seed = 0; seed < 3; seed++) await expectRecovery('withhold a page', seed);
		await expectRecovery('withhold all pages', 0);
		await expectRecovery('leave out the list of pages', 0);
	});

	test('INT-04 without a page, and no answer when it is asked for, are never taken for everything', async () => {
		const outcome = await readUnder(
			world,
			withoutPages(() => []),
			{
				from: middle,
				patienceMs: 300
			}
		);
		expect(outcome).toMatchObject({ under: 'waiting', after: 'online' });
	});

	test('INT-04 without a page, and null when it is asked for, stop the device', async () => {
		const outcome = await readUnder(
			world,
			withoutPages((frame) => [
				{ ...frame, pages: frame.pages.map((place) => ({ ...place, page: null })) }
			]),
			{ from: middle }
		);
		expect(outcome).toMatchObject({ under: 'distrusted', fault: 'page_missing' });
	});
});

/** Gives no pages with entries; `answer` says what comes when they are asked for. */
const withoutPages = (
	answer: (frame: Extract<SpaceFrame, { type: 'pages' }>) => readonly SpaceFrame[]
): Lie => ({
	toClient(frame, { space }) {
		if (space !== world.space) return undefined;
		if (frame.type === 'pages') return answer(frame);
		if (frame.type !== 'entries') return undefined;
		const entries = frame.entries.map((entry) => ({
			...entry,
			pages: entry.pages.map(() => null)
		}));
		return [{ ...frame, entries }];
	}
});

describe('what is not signed', () => {
	test('INT-10 of an entry is believed in nothing: number, pages, wraps, records', async () => {
		for (const name of [
			'number an entry otherwise',
			'add a page',
			'make a page longer',
			'cut a page short',
			'add a wrap',
			'add a record of a previous key'
		] as const) {
			for (let seed = 0; seed < 2; seed++) await tellShortly(name, seed);
		}
	});

	test('INT-10 of the head on offer is believed in nothing', async () => {
		await expectStop('offer another hash', 1);
		for (let seed = 0; seed < 3; seed++) await tellShortly('offer more than there is', seed);
		for (let seed = 0; seed < 3; seed++) await tellShortly('greet with more than there is', seed);
	});

	test('INT-10 every field of a commit that says when, where and what is under the signature', async () => {
		for (let field = 1; field < 12; field++) {
			const outcome = await changeEntry((entry) => ({
				...entry,
				commit: withOtherField(entry.commit, field)
			}));
			expect(outcome.under, String(field)).toBe('distrusted');
		}
	});
});

/** Another value of the same form. */
function withOtherField(commit: Uint8Array, field: number): Uint8Array {
	const decoded = decodeCbor(commit);
	if (!decoded.ok || !parseCommit(commit).ok) throw new Error('no commit');
	const other = (value: Cbor): Cbor => {
		if (value instanceof Uint8Array)
			return concatBytes(Uint8Array.of((value[0] ?? 0) ^ 1), value.subarray(1));
		if (typeof value === 'number') return value + 1;
		if (Array.isArray(value) && value.length > 0)
			return [other(value[0] as Cbor), ...value.slice(1)] as Cbor;
		return Array.isArray(value) ? [[1, 0]] : [[], null, null, [], [1, null, true]];
	};
	const parts = (decoded.value as readonly Cbor[]).map((value, index) =>
		index === field ? other(value) : value
	);
	return encodeCbor(parts);
}
