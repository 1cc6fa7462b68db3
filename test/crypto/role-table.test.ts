import { beforeAll, describe, expect, test } from 'vitest';
import { hashOf } from './log-fixture.ts';
import { actors, signed, stageOf, starts, type Stage, type Start } from './role-cast.ts';
import { cast } from './role-cast.ts';
import { commitOf, roleTable, verdictOf } from './role-table.ts';

const stages = new Map<Start, Stage>();
beforeAll(async () => {
	for (const start of starts) stages.set(start, await stageOf(start, hashOf(3)));
});

describe('who may do what to whom', () => {
	test.each(roleTable.map((row) => [row.action, row] as const))('%s', async (_, row) => {
		const stage = stages.get(row.start)!;
		const verdicts = actors.map(async (actor) => {
			const { entry } = await signed(cast.actor[actor], commitOf(row, actor, stage));
			const judged = stage.chain.judge(entry.parsed);
			return [actor, judged.ok ? 'allowed' : judged.error];
		});
		expect(await Promise.all(verdicts)).toEqual(
			actors.map((actor) => [actor, verdictOf(row, actor)])
		);
	});

	test('every action is another one', () => {
		const names = roleTable.map(({ action }) => action);
		expect(new Set(names).size).toBe(names.length);
	});
});
