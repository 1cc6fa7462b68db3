import { expect, it } from 'vitest';
import document from '../../docs/storage-schema.md?raw';
import { accountObject, bindings, connect, openEdge } from './edge.ts';
import { Person } from './person.ts';
import { schemaOf } from './storage.ts';
import { randomBytes } from '../../crypto/random.ts';
import { toHex } from '../../protocol/bytes.ts';

/** Columns by table of one object, as the document lists them. */
function documented(object: string): Record<string, string[]> {
	const [, chapter = ''] = document.split(`\n## ${object}\n`);
	const [own = ''] = chapter.split('\n## ');
	const tables: Record<string, string[]> = { schema_version: columnsOf(document) };
	for (const section of own.split('\n### ').slice(1)) {
		const [name = ''] = section.split('\n');
		tables[name] = columnsOf(section);
	}
	return tables;
}

/** First cells of the first table in a text, without its two lines of heading. */
function columnsOf(text: string): string[] {
	const lines = text.split('\n');
	const start = lines.findIndex((line) => line.startsWith('|'));
	const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
	return lines
		.slice(start + 2, length < 0 ? undefined : start + length)
		.map((line) => (line.split('|')[1] ?? '').trim());
}

it('is what docs/storage-schema.md says, column for column', async () => {
	const edge = await openEdge();
	const ada = await Person.signUp(edge);
	const session = await ada.logIn();
	const { log, append } = await ada.genesis(session.device);
	await (await connect(log.space, session.token)).ask(append);
	const limiter = bindings.LIMITER.getByName(toHex(randomBytes(32)));
	// Few are not written down.
	for (let asked = 0; asked < 10; asked++) await limiter.take('login');
	const account = accountObject(session.answer.handleHash);
	const objects: [string, DurableObjectStub][] = [
		['Deployment', bindings.DEPLOYMENT.getByName('deployment')],
		['Account', account],
		['Space', bindings.SPACE.getByName(log.space)],
		['Limiter', limiter]
	];
	for (const [name, stub] of objects) expect(await schemaOf(stub)).toEqual(documented(name));
});
