import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCommit } from '../../protocol/commit.ts';
import type { ClientFrame } from '../../protocol/frames.ts';
import type { WireErrorCode } from '../../protocol/errors.ts';
import { isDistrusted, isOnline, seqOf, when, type Device } from './device.ts';
import { honest, type Lie, type Line } from './liar.ts';
import { makeWorld, type World } from './world.ts';

let world: World;
let writer: Device;
beforeAll(async () => {
	world = await makeWorld({ seed: 41, steps: 1 });
	writer = world.writer;
}, 60_000);
afterAll(() => world.end(), 60_000);

type Append = Extract<ClientFrame, { type: 'append' }>;
const countOf = (append: Append): number => {
	const commit = parseCommit(append.commit);
	if (!commit.ok) throw new Error('an append carries a commit');
	return commit.value.count;
};

/** Appends of the world's space only. */
const onAppend =
	(
		tell: (append: Append, line: Line) => readonly ClientFrame[] | undefined
	): NonNullable<Lie['toEdge']> =>
	(frame, line) =>
		frame.type === 'append' && line.space === world.space ? tell(frame, line) : undefined;

let written = 0;
/** Writes an item under a lie; answers its title. */
async function writeUnder(lie: Lie): Promise<string> {
	const title = `under a lie ${String(++written)}`;
	writer.liar.lie = lie;
	expect((await writer.space.create({ title })).ok).toBe(true);
	return title;
}

/** The truth again, on a new line; then everything stands on the log once, and everybody sees it. */
async function expectOnce(...titles: string[]): Promise<void> {
	writer.liar.lie = honest;
	writer.liar.cut();
	await when(writer.space, () => writer.space.sync.connection !== 'online');
	writer.space.syncNow();
	await when(writer.space, () => isOnline(writer.space));
	const { reader } = world;
	await when(reader.space, () => seqOf(reader.space) === seqOf(writer.space));
	for (const { space } of [writer, reader]) {
		for (const title of titles) {
			expect(space.items.filter((item) => item.title === title)).toHaveLength(1);
		}
		expect(space.sync.trust.state).toBe('verified');
	}
}

describe('an acknowledgement', () => {
	test('INT-08 of another place than the right one is not taken for synced', async () => {
		for (const shift of [1, 2, 1_000]) {
			let told: () => void = () => undefined;
			const heard = new Promise<void>((resolve) => (told = resolve));
			const title = await writeUnder({
				toClient: (frame, { space }) => {
					if (frame.type !== 'appended' || space !== world.space) return undefined;
					told();
					return [{ ...frame, seq: frame.seq + shift }];
				}
			});
			await heard;
			expect(writer.space.sync.waiting).toBe(1);
			expect(writer.space.items.find((item) => item.title === title)?.waiting).toBe(true);
			await expectOnce(title);
		}
	});

	test('INT-04 of a place that is taken changes nothing that was verified', async () => {
		let told: () => void = () => undefined;
		const heard = new Promise<void>((resolve) => (told = resolve));
		const title = await writeUnder({
			toClient: (frame, { space }) => {
				if (frame.type !== 'appended' || space !== world.space) return undefined;
				told();
				return [{ ...frame, seq: 1 }];
			}
		});
		await heard;
		await expectOnce(title);
	});

	test('INT-08 of a commit that was never sent is not taken for one', async () => {
		const title = await writeUnder({
			toClient: (frame, { space }) =>
				frame.type === 'appended' && space === world.space
					? [{ ...frame, count: frame.count + 7 }]
					: undefined
		});
		await expectOnce(title);
	});

	test('INT-04 that is lost, or comes twice, makes nothing count twice', async () => {
		const lost = await writeUnder({
			toClient: (frame, line) => {
				if (frame.type !== 'appended' || line.space !== world.space) return undefined;
				line.cut();
				return [];
			}
		});
		await expectOnce(lost);
		const twice = await writeUnder({
			toClient: (frame, { space }) =>
				frame.type === 'appended' && space === world.space ? [frame, frame] : undefined
		});
		await expectOnce(twice);
	});
});

describe('an append', () => {
	test('INT-04 that the line repeats stands on the log once', async () => {
		const title = await writeUnder({ toEdge: onAppend((append) => [append, append]) });
		await expectOnce(title);
	});

	test('INT-04 that comes after the next one is sent again, and both stand on the log once', async () => {
		const held: Append[] = [];
		const first = await writeUnder({
			toEdge: onAppend((append) => {
				held.push(append);
				return held.length < 2 ? [] : held.splice(0).reverse();
			})
		});
		expect((await writer.space.create({ title: `${first} too` })).ok).toBe(true);
		await expectOnce(first, `${first} too`);
	});

	test('INT-08 that is refused for nothing goes out again with the same bytes', async () => {
		const codes: WireErrorCode[] = ['malformed', 'forbidden', 'stale_epoch', 'unknown_head'];
		for (const code of codes) {
			const refused: Append[] = [];
			const title = await writeUnder({
				toEdge: onAppend((append, line) => {
					refused.push(append);
					const count = countOf(append);
					line.tell({ type: 'refused', count, refusal: { code } });
					return [];
				})
			});
			await when(writer.space, () => refused.length > 0);
			const again: Append[] = [];
			writer.liar.lie = {
				toEdge: onAppend((append) => {
					again.push(append);
					return [append];
				})
			};
			writer.liar.cut();
			await when(writer.space, () => again.length > 0);
			expect(again[0]).toEqual(refused[0]);
			await expectOnce(title);
		}
	}, 60_000);

	test('INT-08 that is refused, though it was taken, stands on the log once', async () => {
		const codes: WireErrorCode[] = [
			'stale_count',
			'stale_epoch',
			'unknown_head',
			'admin_conflict',
			'forbidden',
			'over_quota',
			'login_failed',
			'unavailable',
			'version_too_old'
		];
		for (const code of codes) {
			const title = await writeUnder({
				toClient: (frame, { space }) =>
					frame.type === 'appended' && space === world.space
						? [{ type: 'refused', count: frame.count, refusal: { code } }]
						: undefined
			});
			await expectOnce(title);
		}
	}, 60_000);
});

describe('an acknowledgement of what was thrown away', () => {
	test('INT-05 is found out when the log is shown without it, and the text stays here', async () => {
		const title = await writeUnder({
			toEdge: onAppend((append, line) => {
				line.tell({ type: 'appended', count: countOf(append), seq: seqOf(writer.space) + 1 });
				return [];
			})
		});
		await when(writer.space, () => writer.space.sync.waiting === 0);
		writer.liar.lie = honest;
		writer.liar.cut();
		await when(writer.space, () => isDistrusted(writer.space));
		expect(writer.space.sync.trust).toMatchObject({ state: 'not_trusted', fault: 'rollback' });
		expect(writer.space.items.some((item) => item.title === title)).toBe(true);
	});
});
