// B9: rows written, which is what the platform bills. Counted in the space's own database after the
// server has ended: no table of it has a second index, and nothing that live edits or an import
// write is ever deleted by them, so that each row that stands there was one row written. The state's
// snapshot is one row that is written over; how often follows from the number of commits.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { startCryptoInProcess } from '../client/crypto-core.ts';
import type { Space } from '../client/index.ts';
import { createMemoryStore } from '../client/memory-store.ts';
import type { OpenItem } from '../client/open-item.ts';
import { createTacet } from '../client/tacet.ts';
import { snapshotEveryCommits } from '../durable-objects/limits.ts';
import { utf8Encode } from '../protocol/bytes.ts';
import { inProject } from '../scripts/project.mjs';
import { makeNotes } from './notes.ts';
import { tacet } from './systems.ts';

export interface RowFigures {
	/** Edits made one after another, each acknowledged before the next. */
	readonly perThousandEdits: number;
	readonly perTenThousandImported: number;
	/** Half a minute of typing at eight characters a second, as an editor's person does. */
	readonly typedCharacters: number;
	readonly rowsWhileTyping: number;
}

const loadOpaque = () =>
	Promise.resolve(
		new WebAssembly.Module(readFileSync(inProject('crypto/opaque-ke/opaque-ke.wasm')))
	);

export async function measureRows(): Promise<RowFigures> {
	const imported = await rowsOf(async (space) => {
		const files = makeNotes(10_000).map(({ title, body }) => ({
			path: `${title}.md`,
			sizeBytes: body.length,
			bytes: () => Promise.resolve(utf8Encode(body))
		}));
		await space.importFiles(files);
	});
	const edited = await rowsOf(async (space) => {
		const item = await newItem(space);
		for (let edit = 0; edit < 1_000; edit++) {
			item.body.insert(0, 'x');
			await item.flush();
			await until(space, () => space.sync.waiting === 0);
		}
	});
	const typedCharacters = 240;
	const typed = await rowsOf(async (space) => {
		const item = await newItem(space);
		for (let typed = 0; typed < typedCharacters; typed++) {
			item.body.insert(item.body.length, 'x');
			await wait(125);
		}
		await item.close();
	});
	return {
		perThousandEdits: edited,
		perTenThousandImported: imported,
		typedCharacters,
		rowsWhileTyping: typed
	};
}

async function newItem(space: Space): Promise<OpenItem> {
	const id = await space.create({ title: 'Measured' });
	const item = id.ok ? await space.open(id.value) : id;
	if (!item.ok) throw new Error(item.error.code);
	return item.value;
}

/** Rows that `work` writes in the space's object, beyond those of an empty space. */
async function rowsOf(work: (space: Space) => Promise<void>): Promise<number> {
	const folder = mkdtempSync(path.join(tmpdir(), 'bench-rows-'));
	const server = await tacet.serve(folder);
	try {
		const client = createTacet({
			origin: `http://localhost:${server.port}`,
			store: createMemoryStore(),
			startCrypto: () => startCryptoInProcess(loadOpaque)
		});
		await client.start();
		const made = await client.signUp({ handle: 'measured', password: 'correct horse battery' });
		if (!made.ok || client.state.phase !== 'unlocked') throw new Error('no account');
		const { space } = client.state;
		await work(space);
		await until(space, () => space.sync.waiting === 0 && space.sync.verified !== null);
		const commits = space.sync.verified?.seq ?? 0;
		await client.close();
		await server.stop();
		return rowsIn(folder, commits);
	} finally {
		await server.stop();
		rmSync(folder, { recursive: true, force: true });
	}
}

/** The space's database is the one that holds as many commits as the client has verified. */
function rowsIn(folder: string, commits: number): number {
	for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
		if (!name.endsWith('.sqlite') || !name.includes('tacet-Space')) continue;
		const database = new DatabaseSync(path.join(folder, name));
		const count = (table: string) =>
			Number(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows']);
		const hasCommits = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'commits'").get();
		if (hasCommits !== undefined && count('commits') === commits) {
			const genesisRows = 1;
			const snapshots = Math.floor(commits / snapshotEveryCommits);
			return count('commits') - genesisRows + count('pages') + snapshots;
		}
		database.close();
	}
	throw new Error('no database holds what the client has verified');
}

async function until(space: Space, test: () => boolean): Promise<void> {
	if (test()) return;
	await new Promise<void>((resolve) => {
		const stop = space.subscribe(() => {
			if (!test()) return;
			stop();
			resolve();
		});
	});
}
