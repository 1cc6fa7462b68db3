// What a locked or left device gives away: nothing.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { assertNoProblems, password, tellStories } from './browser.ts';
import { goTo, lock, newNote, searchField, signUp, unlock, whenSynced } from './person.ts';

const story = tellStories();

const secrets = ['Marmoset', 'Quetzalcoatlus', 'Pangolin'] as const;
const [titleSecret, bodySecret, searchSecret] = secrets;

test('THF-02 a locked page and its profile on the disk hold no word of the notes', async () => {
	const profile = await story.profile();
	const { page } = profile;
	await signUp(page, 'locked-away');
	await newNote(page, `About the ${titleSecret}`, `It met a ${bodySecret} in the rain.`);
	await whenSynced(page);
	await searchField(page).fill(searchSecret);
	await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
	await lock(page);
	const held = await page.evaluate(() => document.documentElement.outerHTML + document.title);
	for (const secret of [...secrets, password]) expect(held).not.toContain(secret);
	const drawn = page.getByText(new RegExp(secrets.join('|')));
	expect(await drawn.count()).toBe(0);
	assertNoProblems(profile);
	await profile.close();
	expect(await filesWith(profile.folder, [...secrets, password])).toEqual([]);
	// The search does find what is there: the browser notes which pages it showed.
	expect(await filesWith(profile.folder, ['localhost'])).not.toEqual([]);

	const again = await profile.reopen();
	await again.page.getByRole('button', { name: 'Show password' }).click();
	await unlock(again.page);
	await again.page.getByText(`About the ${titleSecret}`).first().waitFor();
	await again.close();
	expect(await filesWith(profile.folder, [...secrets, password])).toEqual([]);
});

test('THF-02 a browser that is closed without locking leaves no word of the notes on the disk', async () => {
	const profile = await story.profile();
	const { page } = profile;
	await signUp(page, 'walked-away');
	await newNote(page, `About the ${titleSecret}`, `It met a ${bodySecret} in the rain.`);
	await whenSynced(page);
	await searchField(page).fill(searchSecret);
	await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
	await profile.close();
	expect(await filesWith(profile.folder, [...secrets, password])).toEqual([]);
});

test('logging out warns of what was not sent, and then erases this device', async () => {
	const profile = await story.profile();
	const { page } = profile;
	await signUp(page, 'leaving');
	await newNote(page, 'Sent', 'to the server');
	await whenSynced(page);
	story.edge.wire.cut();
	await newNote(page, 'Not sent', 'only here');
	await page
		.getByText(/^Offline · /)
		.filter({ visible: true })
		.waitFor();
	await goTo(page, 'Settings');
	await page.getByRole('button', { name: 'Log out' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByRole('button', { name: 'Log out' }).click();
	await dialog.getByText(/changes? not sent to the server yet/).waitFor();
	await dialog.getByRole('button', { name: 'Stay' }).click();
	story.edge.wire.mend();
	await goTo(page, 'Notes');
	await whenSynced(page);
	await goTo(page, 'Settings');
	await page.getByRole('button', { name: 'Log out' }).click();
	await dialog.getByRole('button', { name: 'Log out' }).click();
	await page.getByRole('heading', { name: 'Make a place for your notes' }).waitFor();
	expect(await rowsInStores(profile.page)).toBe(0);
	assertNoProblems(profile, { mayBeUnreachable: true });
});

type ProfilePage = Awaited<ReturnType<typeof story.profile>>['page'];

/** Records that IndexedDB still holds for the page, beside the random number that a database has for itself. */
const rowsInStores = (page: ProfilePage): Promise<number> =>
	page.evaluate(async () => {
		const settled = <Value>(request: IDBRequest<Value>): Promise<Value> =>
			new Promise((resolve, reject) => {
				request.onsuccess = () => resolve(request.result);
				request.onerror = () => reject(request.error ?? new Error('refused'));
			});
		let rows = 0;
		for (const { name = '' } of await indexedDB.databases()) {
			const database = await settled(indexedDB.open(name));
			for (const table of database.objectStoreNames) {
				if (table === 'made') continue;
				const store = database.transaction(table).objectStore(table);
				rows += await settled(store.count());
			}
			database.close();
		}
		return rows;
	});

/** Words that stand in files of a folder, as UTF-8 or as UTF-16, and where. */
async function filesWith(folder: string, words: readonly string[]): Promise<string[]> {
	const found: string[] = [];
	for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
		if (!entry.isFile()) continue;
		const file = path.join(entry.parentPath, entry.name);
		const bytes = await readFile(file);
		for (const word of words) {
			const forms = [Buffer.from(word), Buffer.from(word, 'utf16le')];
			if (forms.some((form) => bytes.includes(form))) found.push(`${word} in ${file}`);
		}
	}
	return found;
}
