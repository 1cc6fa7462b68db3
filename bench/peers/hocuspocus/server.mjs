// Yjs in plain text: Hocuspocus, which keeps the document in a file.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { Database } from '@hocuspocus/extension-database';
import { Server } from '@hocuspocus/server';

const fileOf = (name) => `${process.env.DIR}/${name.replace(/\W/g, '')}`;
const server = new Server({
	port: 0,
	address: '127.0.0.1',
	quiet: true,
	debounce: 200,
	maxDebounce: 1_000,
	extensions: [
		new Database({
			fetch: async ({ documentName }) =>
				existsSync(fileOf(documentName)) ? readFileSync(fileOf(documentName)) : null,
			store: async ({ documentName, state }) => writeFileSync(fileOf(documentName), state)
		})
	]
});
await server.listen();
process.send({ port: server.address.port });
