// A person looks at what a note said before, and brings a version back.
import { expect, test } from 'vitest';
import { assertNoProblems, tellStories } from './browser.ts';
import { noteText, signUp, titleField, whenSynced } from './person.ts';

const story = tellStories();

test('what was written over is found again by keyboard, brought back, and taken back', async () => {
	const profile = await story.profile();
	const { page } = profile;
	const { keyboard } = page;
	await signUp(page, 'historian');
	await keyboard.press('n');
	await titleField(page).waitFor();
	await keyboard.type('Recipe');
	await keyboard.press('Enter');
	await keyboard.type('Two eggs, a spoon of flour, and patience.\nServe warm.');
	await whenSynced(page);
	await noteText(page).press('Control+a');
	await keyboard.type('Bread.');
	await noteText(page).getByText('Bread.').waitFor();
	await whenSynced(page);

	await page.getByRole('button', { name: 'Version history' }).focus();
	await keyboard.press('Enter');
	const dialog = page.getByRole('dialog', { name: 'Versions of ‘Recipe’' });
	const rows = dialog.getByRole('listitem');
	const long = rows.nth(1).getByRole('button').first();
	await long.focus();
	await keyboard.press('Enter');
	await rows.nth(1).getByText('Two eggs').waitFor();
	await rows.nth(0).getByRole('button').first().press('Enter');
	const removed = rows.nth(0).getByRole('deletion');
	await removed.getByText('Two eggs, a spoon of flour, and patience.').waitFor();
	await rows.nth(0).getByRole('insertion').getByText('Bread.').waitFor();
	expect(await rows.nth(0).getByRole('button', { name: 'Bring this version back' }).count()).toBe(
		0
	);

	await long.press('Enter');
	await rows.nth(1).getByRole('button', { name: 'Bring this version back' }).press('Enter');
	await dialog.waitFor({ state: 'detached' });
	await noteText(page).getByText('Serve warm.').waitFor();
	await whenSynced(page);
	await page.getByRole('button', { name: 'Undo' }).click();
	await noteText(page).getByText('Bread.').waitFor();
	assertNoProblems(profile);
	await profile.close();
});

test('a note that was never changed says so', async () => {
	const profile = await story.profile();
	const { page } = profile;
	await signUp(page, 'beginner');
	await page.keyboard.press('n');
	await titleField(page).waitFor();
	await whenSynced(page);
	await page.getByRole('button', { name: 'Version history' }).click();
	await page.getByText('It has been like this since it was written.').waitFor();
	await page.keyboard.press('Escape');
	await page.getByRole('dialog').waitFor({ state: 'detached' });
	await profile.close();
});
