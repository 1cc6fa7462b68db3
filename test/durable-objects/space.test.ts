import { expect, it } from 'vitest';
import { connect, openEdge } from './edge.ts';
import { after, Person, randomPage } from './person.ts';

it('lets a person sign up, log in, make a space, append and pull', async () => {
	const edge = await openEdge();
	const ada = await Person.signUp(edge);
	const session = await ada.logIn();
	const { log, append } = await ada.genesis(session.device);
	const socket = await connect(log.space, session.token);
	expect(await socket.ask(append)).toEqual({ type: 'appended', count: 1, seq: 1 });
	const page = randomPage(100);
	const edit = await ada.commit(after(log, append), session.device, { pages: [page] });
	expect(await socket.ask(edit)).toEqual({ type: 'appended', count: 2, seq: 2 });
	const reader = await connect(log.space, (await ada.logIn()).token);
	reader.send({ type: 'pull', after: 0 });
	const { entries, offered } = await reader.nextOf('entries');
	expect(entries.map(({ seq }) => seq)).toEqual([1, 2]);
	expect(entries[1]?.pages).toEqual([page]);
	expect(offered).toEqual(after(after(log, append), edit).head);
});
