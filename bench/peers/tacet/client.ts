// Tacet's own Node client, through its public face: signed, verified, encrypted, as in the app.
import { readFile } from 'node:fs/promises';
import { startCryptoInProcess } from '../../../client/crypto-core.ts';
import type { Space, Tacet } from '../../../client/index.ts';
import { createMemoryStore } from '../../../client/memory-store.ts';
import type { OpenItem } from '../../../client/open-item.ts';
import { createTacet } from '../../../client/tacet.ts';
import { utf8Encode } from '../../../protocol/bytes.ts';
import { bodyLength, type BenchNote } from '../../notes.ts';
import { runClient } from '../../peer-process.ts';

const handle = 'measured';
const password = 'correct horse battery staple';
const wasm = new URL('../../../crypto/opaque-ke/opaque-ke.wasm', import.meta.url);
const loadOpaque = async () => new WebAssembly.Module(await readFile(wasm));

let tacet: Tacet;
let entered: Promise<void>;
const opened = new Map<number, OpenItem>();

async function start(url: string): Promise<void> {
	tacet = createTacet({
		origin: url,
		store: createMemoryStore(),
		startCrypto: () => startCryptoInProcess(loadOpaque)
	});
	await tacet.start();
}

function spaceOf({ state }: Tacet): Space {
	if (state.phase !== 'unlocked') throw new Error(`still ${state.phase}`);
	return state.space;
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

const itemsByTitle = (space: Space) => new Map(space.items.map(({ title, id }) => [title, id]));

async function open(space: Space, notes: readonly BenchNote[]): Promise<void> {
	const ids = itemsByTitle(space);
	for (const [index, { title }] of notes.entries()) {
		const item = await space.open(ids.get(title)!);
		if (!item.ok) throw new Error(item.error.code);
		opened.set(index, item.value);
	}
}

runClient({
	async signUp(url) {
		await start(url);
		const made = await tacet.signUp({ handle, password });
		if (!made.ok) throw new Error(made.error.code);
		const space = spaceOf(tacet);
		await until(space, () => space.sync.connection === 'online');
	},
	async push(notes) {
		const space = spaceOf(tacet);
		const files = notes.map((note) => ({
			path: `${note.title}.md`,
			sizeBytes: bodyLength,
			bytes: () => Promise.resolve(utf8Encode(note.body))
		}));
		const report = await space.importFiles(files);
		if (report.taken !== notes.length) throw new Error(JSON.stringify(report).slice(0, 500));
		await until(space, () => space.sync.waiting === 0);
		return null;
	},
	async logIn(url) {
		await start(url);
		await new Promise<void>((resolve, reject) => {
			const onStep = (step: string): void => {
				if (step === 'opening_space') resolve();
			};
			entered = tacet.logIn({ handle, password, onStep }).then((done) => {
				if (!done.ok) reject(new Error(done.error.code));
			});
		});
	},
	async pull(notes) {
		await entered;
		const space = spaceOf(tacet);
		await until(space, () => space.items.length === notes.length);
		const ids = itemsByTitle(space);
		let equal = 0;
		for (const { title, body } of notes) {
			const id = ids.get(title);
			const read = id === undefined ? null : await space.read(id);
			if (read?.ok && read.value.body === body) equal += 1;
		}
		return equal;
	},
	async watch(notes, onBody) {
		await open(spaceOf(tacet), notes);
		for (const { body } of opened.values()) {
			body.observe(() => {
				onBody(body.toJSON());
			});
		}
	},
	openForEdit: (notes) => open(spaceOf(tacet), notes),
	edit(index, text) {
		const item = opened.get(index)!;
		item.doc.transact(() => {
			item.body.delete(0, item.body.length);
			item.body.insert(0, text);
		});
	}
});
