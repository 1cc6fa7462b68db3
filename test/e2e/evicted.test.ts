// The browser takes away all that it keeps for this address, as it may when its disk is full, while
// somebody writes: what is typed stays on the screen, and what the server has comes back.
import { expect, test } from 'vitest';
import { assertNoProblems, tellStories } from './browser.ts';
import {
	logIn,
	newNote,
	noteRow,
	noteText,
	openNote,
	signUp,
	syncLine,
	whenSynced
} from './person.ts';

const story = tellStories();

test('storage that is taken away while a note is written keeps the page from writing on top of nothing', async () => {
	const profile = await story.profile();
	const { page, context } = profile;
	await signUp(page, 'evicted');
	await newNote(page, 'Kept', 'From before.');
	await whenSynced(page);
	await openNote(page, 'Kept');
	const browser = await context.newCDPSession(page);
	await browser.send('Storage.clearDataForOrigin', {
		origin: new URL(page.url()).origin,
		storageTypes: 'all'
	});
	await noteText(page).click();
	await page.keyboard.press('ControlOrMeta+End');
	await page.keyboard.type(' And written after.');
	await page.getByRole('alert').filter({ hasText: 'Not saved.' }).waitFor();
	await syncLine(page, 'This browser stopped keeping data').waitFor();
	// To be copied, as the page says.
	expect(await noteText(page).innerText()).toContain('From before. And written after.');

	// The page asks before it is left with what is nowhere else.
	const asked = page.waitForEvent('dialog');
	const reloaded = page.reload();
	await (await asked).accept();
	await reloaded;
	await page.getByRole('button', { name: 'Create account' }).waitFor();
	await logIn(page, 'evicted');
	// The address still names the note, which opens as soon as it has come.
	await noteText(page).filter({ hasText: 'From before.' }).waitFor();
	await noteRow(page, 'Kept').waitFor();
	await whenSynced(page);
	assertNoProblems(profile);
});
