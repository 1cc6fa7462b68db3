// What the page sends and what the edge keeps hold no word of what a person wrote, and not the
// password. The engine's own story, with more secrets, is told in test/ciphertext-only.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { expect, test } from 'vitest';
import { canary, findIn, formsOf } from '../ciphertext-only/canaries.ts';
import { assertNoProblems, tellStories } from './browser.ts';
import {
	goTo,
	goToAccount,
	lock,
	logIn,
	newNote,
	noteRow,
	noteText,
	openNote,
	searchField,
	signUp,
	titleField,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();

const words = {
	password: `${canary('Password')} and more`,
	title: canary('Title'),
	body: canary('Body'),
	retitled: canary('Retitled'),
	typed: canary('Typed'),
	folder: canary('Folder'),
	fileName: canary('FileName'),
	fileText: canary('FileText'),
	searched: canary('Searched')
};
/** A story that is told again is one of another account. */
let accounts = 0;
const newHandle = (): string => canary(`handle${String(++accounts)}`).toLowerCase();

interface Seen {
	readonly where: string;
	readonly bytes: Uint8Array;
}

/** Everything the browser says that it sent and got. */
function overhear(context: BrowserContext, seen: Seen[]): void {
	const note = (where: string, what: string | Buffer | null): void => {
		if (what !== null) seen.push({ where, bytes: Buffer.from(what) });
	};
	context.on('request', (request) => {
		note(`address ${request.url()}`, request.url());
		note(`headers of ${request.url()}`, JSON.stringify(request.headers()));
		note(`body of ${request.url()}`, request.postDataBuffer());
	});
	context.on('response', (response) => {
		note(`headers from ${response.url()}`, JSON.stringify(response.headers()));
	});
	for (const page of context.pages()) {
		page.on('websocket', (socket) => {
			socket.on('framesent', ({ payload }) => {
				note('frame sent', payload);
			});
			socket.on('framereceived', ({ payload }) => {
				note('frame received', payload);
			});
		});
	}
}

test('no word of a person’s notes leaves the browser or reaches the disk of the edge', async () => {
	const { edge } = story;
	const handle = newHandle();
	const seen: Seen[] = [];
	const passed = new Map<string, Buffer[]>();
	edge.wire.listen((bytes, direction) => {
		const before = passed.get(direction) ?? [];
		passed.set(direction, [...before, bytes]);
	});
	const first = await story.profile();
	overhear(first.context, seen);
	const one = first.page;
	await signUp(one, handle, words.password);
	await newNote(one, words.title, words.body);
	const folder = path.join(await story.folder(), words.folder);
	await mkdir(folder);
	await writeFile(path.join(folder, `${words.fileName}.md`), words.fileText);
	await writeFile(path.join(folder, `${words.fileName}.png`), words.fileText);
	await goTo(one, 'Import');
	await one.getByLabel('Folder to import').setInputFiles(folder);
	await one.getByRole('region', { name: 'Import done' }).waitFor();
	await goTo(one, 'Notes');
	await searchField(one).fill(words.searched);
	await one.getByRole('heading', { name: 'Nothing found' }).waitFor();
	await searchField(one).fill('');
	await whenSynced(one);

	const second = await story.profile();
	overhear(second.context, seen);
	const two = second.page;
	await logIn(two, handle, words.password);
	await openNote(two, words.title);
	await titleField(two).fill(words.retitled);
	await noteText(two).click();
	await two.keyboard.type(words.typed);
	await noteRow(one, words.retitled).waitFor();
	await openNote(two, words.fileName);
	await two.getByRole('button', { name: 'Delete note' }).click();
	await goTo(two, 'Trash');
	await two.getByRole('button', { name: /^Delete for ever: / }).click();
	await two.getByRole('dialog').getByRole('button', { name: 'Delete for ever' }).click();
	await goTo(two, 'Notes');
	await whenSynced(two);
	await lock(two);
	await unlock(two, words.password);
	await goToAccount(two, 'Sessions and devices');
	await two.getByText('This one', { exact: true }).first().waitFor();
	for (const profile of [first, second]) {
		assertNoProblems(profile);
		await profile.close();
	}
	await edge.stop();

	for (const [direction, chunks] of passed) {
		seen.push({ where: `connection ${direction}`, bytes: Buffer.concat(chunks) });
	}
	for (const name of await readdir(edge.dataDir, { recursive: true, withFileTypes: true })) {
		if (!name.isFile()) continue;
		const file = path.join(name.parentPath, name.name);
		seen.push({ where: file, bytes: await readFile(file) });
	}
	const secrets = new Map(Object.entries(words).map(([name, word]) => [name, formsOf(word)]));
	const leaks = seen.flatMap(({ where, bytes }) =>
		findIn(bytes, secrets).map((name) => `${name} in ${where}`)
	);
	expect(leaks).toEqual([]);

	// The search does find what is there: the edge is told the handle, in bodies of requests.
	const told = seen.filter(
		({ bytes }) => findIn(bytes, new Map([['handle', formsOf(handle)]])).length > 0
	);
	expect(told.some(({ where }) => where.startsWith('body of '))).toBe(true);
	expect(told.some(({ where }) => where.startsWith('connection '))).toBe(true);
	expect(told.some(({ where }) => where.startsWith('address '))).toBe(false);
	expect(told.some(({ where }) => where.startsWith(edge.dataDir))).toBe(false);
	expect(seen.some(({ where }) => where === 'frame sent')).toBe(true);
	expect(seen.some(({ where }) => where.endsWith('.sqlite'))).toBe(true);
});
