// What goes wrong for people, and what the page says then. Nothing is lost by any of it.
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { assertNoProblems, tellStories, type Profile } from './browser.ts';
import {
	copyText,
	fillLogIn,
	fillSignUp,
	goTo,
	lock,
	logIn,
	newNote,
	noteRow,
	noteText,
	openNote,
	passwordField,
	signUp,
	syncLine,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();
const handle = 'clumsy';
/** A login that is refused answers with this status, and the browser says so on the console. */
const refused = /status of (401|409)/;

let profile: Profile;

beforeAll(async () => {
	profile = await story.profile();
	await signUp(profile.page, handle);
	await newNote(profile.page, 'Kept through everything', 'Still here.');
	await whenSynced(profile.page);
});

test('a wrong password and an unknown handle are answered alike', async () => {
	const other = await story.profile();
	const { page } = other;
	const alert = page.getByRole('alert').filter({ hasText: 'do not belong together' });
	await fillLogIn(page, handle, 'not the password');
	await alert.waitFor();
	const saidOfPassword = await alert.innerText();
	await fillLogIn(page, 'nobody-at-all', 'not the password');
	await alert.waitFor();
	expect(await alert.innerText()).toBe(saidOfPassword);
	// What was typed is still there, and the right password opens.
	await logIn(page, handle);
	await noteRow(page, 'Kept through everything').waitFor();
	assertNoProblems(other, { but: refused });
	await other.close();
});

test('a password that nothing could judge is not called weak, and is judged once the part is there', async () => {
	const other = await story.profile({ settings: { serviceWorkers: 'block' } });
	const { page, context } = other;
	await context.route(/strength-worker/, (route) => route.abort());
	const create = page.getByRole('button', { name: 'Create account' });
	await fillSignUp(page, ' Patient ');
	await page.getByText('How strong this is can’t be judged now.').waitFor();
	await create.click();
	await page.getByRole('alert').getByText('The server can’t be reached.').waitFor();
	expect(await page.getByText('This password could be guessed.').count()).toBe(0);
	await context.unroute(/strength-worker/);
	await create.click();
	// The sheet says the handle as it is from now on, not as it was typed.
	const sheet = page.getByRole('region', { name: 'Recovery kit' });
	await sheet.getByText('patient', { exact: true }).waitFor();
	assertNoProblems(other, { mayBeUnreachable: true });
	await other.close();
});

test('a taken handle, and a handle that can not be one, are told of and can be changed', async () => {
	const other = await story.profile();
	const { page } = other;
	const create = page.getByRole('button', { name: 'Create account' });
	await fillSignUp(page, handle);
	await create.click();
	await page.getByRole('alert').getByText('Somebody already has this handle.').waitFor();
	await fillSignUp(page, 'no spaces, please');
	await create.click();
	await page.getByRole('alert').getByText('The handle holds other characters').waitFor();
	await signUp(page, 'clumsy-two');
	assertNoProblems(other, { but: refused });
	await other.close();
});

test('a server that can not be reached is told of at sign-up and at login', async () => {
	const other = await story.profile();
	const { page } = other;
	await page.getByRole('button', { name: 'Create account' }).waitFor();
	await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
	story.edge.wire.cut();
	await fillSignUp(page, 'clumsy-three');
	await page.getByRole('button', { name: 'Create account' }).click();
	await page.getByRole('alert').getByText('The server can’t be reached.').waitFor();
	await fillLogIn(page, handle);
	await page.getByRole('alert').getByText('The server can’t be reached.').waitFor();
	story.edge.wire.mend();
	await page.getByRole('button', { name: 'Log in', exact: true }).click();
	await noteRow(page, 'Kept through everything').waitFor();
	assertNoProblems(other, { mayBeUnreachable: true });
	await other.close();
});

test('a wrong password does not unlock, and the right one does', async () => {
	const { page } = profile;
	await lock(page);
	await passwordField(page).fill('not the password');
	await page.getByRole('button', { name: 'Unlock', exact: true }).click();
	await page.getByRole('alert').getByText('That is not the password.').waitFor();
	await unlock(page);
	await whenSynced(page);
});

test('without room nothing typed or imported is lost: it is told of, and saved when there is room', async () => {
	const { page, context } = profile;
	const session = await context.newCDPSession(page);
	const { origin } = new URL(story.edge.url);
	const folder = await story.folder();
	await mkdir(path.join(folder, 'roomy'));
	for (let at = 0; at < 40; at += 1) {
		await writeFile(path.join(folder, 'roomy', `${String(at)}.md`), `${String(at)} `.repeat(3_000));
	}
	await openNote(page, 'Kept through everything');
	await noteText(page).click();
	await page.keyboard.press('Control+End');
	await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
	const full = page.getByRole('alert').getByText('Not saved. This device has no room left.');
	let typed = 'Still here.';
	// The browser lets a little more in before it counts again.
	while (!(await full.isVisible())) {
		await page.keyboard.type(' More.');
		typed += ' More.';
	}
	await syncLine(page, 'This device has no room left').waitFor();

	await goTo(page, 'Import');
	await page.getByLabel('Folder to import').setInputFiles(`${folder}/roomy`);
	const stopped = page.getByRole('region', { name: 'Import stopped' });
	await stopped.getByText('This device has no room left. The import stopped there').waitFor();
	await stopped.getByText(/^Not saved, for lack of room or storage: /).waitFor();

	await session.send('Storage.overrideQuotaForOrigin', { origin });
	await page.getByLabel('Folder to import').setInputFiles(`${folder}/roomy`);
	await page.getByRole('region', { name: 'Import done' }).waitFor();
	await goTo(page, 'Notes');
	await openNote(page, 'Kept through everything');
	expect(await copyText(page)).toBe(typed);
	await page.keyboard.press('Control+End');
	await page.keyboard.type(' And with room.');
	await full.waitFor({ state: 'detached' });
	await whenSynced(page);
	await page.reload();
	await unlock(page);
	await openNote(page, 'Kept through everything');
	expect(await copyText(page)).toBe(`${typed} And with room.`);
});

test('files that are no notes are named with the reason, and the others are taken', async () => {
	const { page } = profile;
	const folder = path.join(await story.folder(), 'mixed');
	await mkdir(folder);
	const put = (name: string, bytes: string | Uint8Array): Promise<void> =>
		writeFile(path.join(folder, name), bytes);
	await put('good.md', '# Good\n');
	const broken = '# [Broken](((\n\n```\nnever closed\n\n| a | b\n<div\n**\n- [ ] - [x]\n\u0007\n';
	await put('broken-markdown.md', broken);
	await put(
		'binary.md',
		Uint8Array.from({ length: 4_096 }, (_, at) => (at * 37) % 256)
	);
	await put('utf-16.md', Buffer.from('\uFEFFSixteen bits a letter', 'utf16le'));
	await put('picture.png', Uint8Array.of(0x89, 0x50, 0x4e, 0x47));
	await put('broken.zip', 'this is no zip');
	await put('huge.md', '');
	// A hole of 100 MB: it takes no room, and reads as zeros.
	await truncate(path.join(folder, 'huge.md'), 100_000_000);

	await goTo(page, 'Import');
	await page.getByLabel('Folder to import').setInputFiles(folder);
	const report = page.getByRole('region', { name: 'Import done' });
	await report.getByText('2 notes taken, 4 files not taken.').waitFor();
	await report.getByText('mixed/broken.zip is not a zip that can be opened').waitFor();
	for (const [reason, names] of [
		['Larger than a note may be: 1', ['mixed/huge.md']],
		['Not readable as text (UTF-8): 2', ['mixed/binary.md', 'mixed/utf-16.md']],
		['Not a Markdown or text file: 1', ['mixed/picture.png']]
	] as const) {
		await report.getByText(reason).click();
		for (const name of names) await report.getByText(name, { exact: true }).waitFor();
	}
	await report.getByText('100.0 MB').waitFor();
	await goTo(page, 'Notes');
	await openNote(page, 'broken-markdown');
	expect(await copyText(page)).toBe(broken);
	await openNote(page, 'good');
	await openNote(page, 'Kept through everything');
	await syncLine(page, /^Synced/).waitFor();
	assertNoProblems(profile, { mayBeUnreachable: true, but: refused });
});

test('a browser that refuses to keep data is told of, before anything is typed', async () => {
	const refusing = await story.profile({
		before: () => {
			IDBFactory.prototype.open = () => {
				throw new DOMException('refused', 'SecurityError');
			};
		}
	});
	const { page } = refusing;
	await page.getByRole('heading', { name: 'This browser refuses to keep data' }).waitFor();
	await page.getByText('Leave private browsing or allow site data, then reload.').waitFor();
	await page.getByRole('button', { name: 'Try again' }).waitFor();
	assertNoProblems(refusing);
	await refusing.close();
});
