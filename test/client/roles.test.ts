// The table of roles against the client: an edge that passes on what it must refuse is not believed.
import { beforeAll, describe, expect, test } from 'vitest';
import { Chain } from '../../client/chain.ts';
import { verifyProof } from '../../crypto/signature.ts';
import { hashOf } from '../crypto/log-fixture.ts';
import {
	actors,
	cast,
	signed,
	stageOf,
	starts,
	type Actor,
	type Stage,
	type Start
} from '../crypto/role-cast.ts';
import { commitOf, roleTable, verdictOf, type Row } from '../crypto/role-table.ts';

const stages = new Map<Start, Stage>();
beforeAll(async () => {
	for (const start of starts) stages.set(start, await stageOf(start, hashOf(3)));
});

/** A client’s log after the entries that lead to the start, each with good proofs. */
async function followed({ chain, sent }: Stage): Promise<Chain> {
	const client = new Chain(chain.space);
	const { judged, fault } = client.try(sent.map(({ entry }) => entry));
	const good = await Promise.all(judged.flatMap(({ proofs }) => proofs.map(verifyProof)));
	expect([fault, good.every(Boolean)]).toEqual([null, true]);
	client.accept(judged);
	return client;
}

/** What the client makes of an entry that a lying edge puts next, and where it then stands. */
async function metWith(client: Chain, stage: Stage, row: Row, actor: Actor): Promise<string> {
	const { entry } = await signed(cast.actor[actor], commitOf(row, actor, stage));
	const { judged, fault } = client.try([entry]);
	const proofs = judged.flatMap((each) => each.proofs);
	client.forget();
	expect(client.head).toEqual(stage.chain.state.head);
	if (fault !== null) return fault;
	const good = await Promise.all(proofs.map(verifyProof));
	return good.every(Boolean) ? 'allowed' : 'signature_invalid';
}

describe('who may do what to whom, at a client whose edge passes everything on', () => {
	test.each(roleTable.map((row) => [row.action, row] as const))('%s', async (_, row) => {
		const stage = stages.get(row.start)!;
		const client = await followed(stage);
		const verdicts: (readonly [Actor, string])[] = [];
		for (const actor of actors) {
			verdicts.push([actor, await metWith(client, stage, row, actor)]);
		}
		expect(verdicts).toEqual(actors.map((actor) => [actor, verdictOf(row, actor)]));
	});
});

test('a forbidden entry takes down nothing that came before it in the same frame', async () => {
	const stage = stages.get('quiet')!;
	const forbidden = roleTable.find(({ action }) => action === 'write a page')!;
	const { entry } = await signed(cast.actor.viewer, commitOf(forbidden, 'viewer', stage));
	const client = new Chain(stage.chain.space);
	const { judged, fault } = client.try([...stage.sent.map((each) => each.entry), entry]);
	expect(fault).toBe('role_forbids');
	client.accept(judged);
	expect(client.head).toEqual(stage.chain.state.head);
});
