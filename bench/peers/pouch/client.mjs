// PouchDB: a database in memory, replicated to the server's.
import { createRequire } from 'node:module';
import { runClient } from '../../../bench/peer-process.ts';

const require = createRequire(import.meta.url);
const PouchDB = require('pouchdb');
PouchDB.plugin(require('pouchdb-adapter-memory'));

const batch = 500;
const idOf = (index) => `note${String(index).padStart(6, '0')}`;
let local;
let remote;

runClient({
	async signUp(url) {
		local = new PouchDB('a', { adapter: 'memory' });
		remote = new PouchDB(`${url}/notes`);
		await remote.info();
	},
	async push(notes) {
		for (let first = 0; first < notes.length; first += batch) {
			const some = notes.slice(first, first + batch);
			await local.bulkDocs(
				some.map(({ title, body }, index) => ({ _id: idOf(first + index), title, body }))
			);
		}
		await local.replicate.to(remote, { batch_size: batch });
		local.sync(remote, { live: true, retry: true });
		return null;
	},
	async logIn(url) {
		local = new PouchDB('b', { adapter: 'memory' });
		remote = new PouchDB(`${url}/notes`);
	},
	async pull(notes) {
		await local.replicate.from(remote, { batch_size: batch });
		const { rows } = await local.allDocs({ include_docs: true });
		return rows.filter(({ doc }, index) => doc.body === notes[index]?.body).length;
	},
	async watch(_notes, onBody) {
		local.sync(remote, { live: true, retry: true });
		local
			.changes({ since: 'now', live: true, include_docs: true })
			.on('change', ({ doc }) => onBody(doc.body));
	},
	async edit(index, body) {
		const doc = await local.get(idOf(index));
		await local.put({ ...doc, body });
	}
});
