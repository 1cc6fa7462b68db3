import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { Items } from '../../client/items.ts';
import type { OpenItem, OpenState, SaveFault } from '../../client/open-item.ts';
import { maxNoteBytes } from '../../protocol/limits.ts';
import type { Change } from '../../protocol/page.ts';
import { err, ok, type Result } from '../../protocol/result.ts';
import { editOf, itemId, pageOf, seedChange, seedOf, updateChange } from './item-samples.ts';

const item = itemId(1);
const seed = seedOf('Title', 'Body');

/** A space in miniature: what is saved goes into the outbox, and from there into the items. */
class Desk {
	readonly items = new Items();
	readonly saves: (readonly Change[])[] = [];
	readonly states: OpenState[] = [];
	answer: (changes: readonly Change[]) => Promise<Result<void, SaveFault>> = () =>
		Promise.resolve(ok(undefined));

	constructor() {
		this.items.applyPages([pageOf(1, 0, [seedChange(item, seed)])]);
	}

	open(): OpenItem {
		const open = this.items.open(item, {
			save: async (changes) => {
				const saved = await this.answer(changes);
				if (!saved.ok) return saved;
				this.saves.push(changes);
				const outboxId = this.saves.length;
				this.items.applyOutbox([{ outboxId, timeMs: 3_000, changes }]);
				return saved;
			},
			onState: (state) => this.states.push(state)
		});
		if (!open) throw new Error('the item does not open');
		return open;
	}
}

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

describe('an open item', () => {
	it('saves the first edit after a pause at once, as one change', async () => {
		const desk = new Desk();
		const open = desk.open();
		for (let edit = 1; edit <= 3; edit++) {
			open.body.insert(0, 'b');
			open.body.insert(0, 'a');
			expect(open.state).toBe('unsaved');
			await vi.advanceTimersByTimeAsync(0);
			expect(desk.saves.map((changes) => changes.length)).toEqual(Array(edit).fill(1));
			await vi.advanceTimersByTimeAsync(1_000);
		}
		expect(desk.items.read(item)?.body).toBe('abababBody');
		expect(desk.items.list[0]?.waiting).toBe(true);
		expect(desk.saves).toHaveLength(3);
		expect(desk.states.slice(0, 2)).toEqual(['unsaved', 'saved']);
	});

	it('saves about twice a second while typing goes on, and the end of it soon', async () => {
		const desk = new Desk();
		const open = desk.open();
		for (let typed = 0; typed < 30; typed++) {
			open.body.insert(0, 'x');
			await vi.advanceTimersByTimeAsync(100);
		}
		expect(desk.saves.length).toBeGreaterThanOrEqual(6);
		expect(desk.saves.length).toBeLessThanOrEqual(7);
		await vi.advanceTimersByTimeAsync(500);
		expect(open.state).toBe('saved');
		expect(desk.items.read(item)?.body).toBe(`${'x'.repeat(30)}Body`);
	});

	it('saves at once when it is flushed or closed, and nothing if nothing was typed', async () => {
		const desk = new Desk();
		const open = desk.open();
		expect(await open.flush()).toEqual(ok(undefined));
		open.title.insert(0, 'A ');
		expect(await open.flush()).toEqual(ok(undefined));
		expect(desk.items.read(item)?.title).toBe('A Title');
		open.title.insert(0, 'Not ');
		expect(await open.close()).toEqual(ok(undefined));
		expect(desk.items.read(item)?.title).toBe('Not A Title');
		expect(desk.saves).toHaveLength(2);
		expect(await open.close()).toEqual(ok(undefined));
	});

	it('shows what others write, and does not save it again', async () => {
		const desk = new Desk();
		const open = desk.open();
		const update = editOf(item, seed, ({ body }) => body.insert(4, ' of theirs'));
		desk.items.applyPages([pageOf(2, 0, [updateChange(item, update)])]);
		expect(open.body.toJSON()).toBe('Body of theirs');
		await vi.advanceTimersByTimeAsync(5_000);
		expect(desk.saves).toHaveLength(0);
		expect(open.state).toBe('saved');
	});

	it('undoes own edits only', async () => {
		const desk = new Desk();
		const open = desk.open();
		const undo = new Y.UndoManager(open.body);
		open.body.insert(0, 'Mine. ');
		const update = editOf(item, seed, ({ body }) => body.insert(4, ' Theirs.'));
		desk.items.applyPages([pageOf(2, 0, [updateChange(item, update)])]);
		undo.undo();
		expect(open.body.toJSON()).toBe('Body Theirs.');
		await open.close();
		expect(desk.items.read(item)?.body).toBe('Body Theirs.');
	});

	it('is open twice with the same text', async () => {
		const desk = new Desk();
		const [left, right] = [desk.open(), desk.open()];
		left.body.insert(0, 'Left. ');
		await left.flush();
		right.body.insert(0, 'Right. ');
		await right.flush();
		expect(left.body.toJSON()).toBe(right.body.toJSON());
		expect(left.body.toJSON()).toContain('Left. ');
	});

	it('keeps what could not be saved, says so, and saves it with the next edit', async () => {
		const desk = new Desk();
		const open = desk.open();
		desk.answer = () => Promise.resolve(err('store_full'));
		open.body.insert(0, 'Kept. ');
		await vi.advanceTimersByTimeAsync(300);
		expect(open.state).toEqual({ failed: 'store_full' });
		expect(await open.close()).toEqual(err('store_full'));
		desk.answer = () => Promise.resolve(ok(undefined));
		open.body.insert(0, 'Also. ');
		expect(await open.close()).toEqual(ok(undefined));
		expect(desk.items.read(item)?.body).toBe('Also. Kept. Body');
		expect(desk.states.at(-1)).toBe('saved');
	});

	it('saves what is typed while a save is under way, in order', async () => {
		const desk = new Desk();
		const open = desk.open();
		const slow = Promise.withResolvers<Result<void, SaveFault>>();
		desk.answer = () => slow.promise;
		open.body.insert(0, 'One. ');
		const first = open.flush();
		await vi.advanceTimersByTimeAsync(0);
		open.body.insert(0, 'Two. ');
		const closed = open.close();
		slow.resolve(ok(undefined));
		await Promise.all([first, closed]);
		expect(desk.saves).toHaveLength(2);
		expect(desk.items.read(item)?.body).toBe('Two. One. Body');
	});

	it('refuses to grow beyond the size of a note, and saves when it has shrunk', async () => {
		const desk = new Desk();
		const open = desk.open();
		open.body.insert(0, 'x'.repeat(maxNoteBytes));
		expect(await open.flush()).toEqual(err('note_too_large'));
		expect(open.state).toEqual({ failed: 'note_too_large' });
		open.body.delete(0, 500_000);
		expect(await open.close()).toEqual(ok(undefined));
		expect(desk.items.read(item)?.body).toHaveLength(500_004);
	});

	it('saves a note that was pasted over several times between two saves', async () => {
		const desk = new Desk();
		const open = desk.open();
		for (const letter of 'abc') {
			open.body.delete(0, open.body.length);
			open.body.insert(0, letter.repeat(600_000));
		}
		expect(await open.close()).toEqual(ok(undefined));
		expect(desk.items.read(item)?.body).toBe('c'.repeat(600_000));
	});
});
