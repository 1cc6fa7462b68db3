// A device was lost: its person gives the account a new key, from another one, and goes on.
import { expect, test } from 'vitest';
import { assertAccessible } from './accessible.ts';
import { assertNoProblems, still, tellStories } from './browser.ts';
import { headlessDevice } from './device.ts';
import {
	fillWords,
	goTo,
	goToAccount,
	newNote,
	noteRow,
	readKit,
	showWhoIsHere,
	signUp,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();
const another = 'a heron asleep in the reeds';
/** A story that is told again is one of another account. */
let accounts = 0;

test('a device that was stolen opens nothing that is written from then on, and this one goes on', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	const handle = `lost-device-${String(++accounts)}`;
	await signUp(page, handle);
	await newNote(page, 'Kept', 'On every device.');
	await whenSynced(page);
	const stolen = await headlessDevice(story.edge.url, handle, 'Old phone');
	await stolen.spaceThat((space) => space.items.length === 1);
	await goToAccount(page, 'Sessions and devices');
	await page.getByRole('button', { name: 'It is lost or stolen… (Old phone)' }).click();
	const dialog = page.getByRole('dialog', { name: '‘Old phone’ is lost or stolen' });
	await dialog.waitFor();
	await assertAccessible(page, 'a lost device');
	await dialog.getByRole('button', { name: 'Give my account a new key' }).click();
	await dialog.getByRole('textbox', { name: 'New password' }).fill(another);
	await dialog.getByRole('button', { name: 'Go on to the new kit' }).click();
	await showWhoIsHere(page);
	const words = await readKit(page);
	expect(words).toHaveLength(12);
	expect(await stolen.isLoggedIn()).toBe(false);
	const sheet = page.getByRole('dialog', { name: 'Your new recovery kit' });
	await sheet.getByRole('button', { name: 'I have kept it' }).click();
	const confirming = page.getByRole('dialog', { name: 'Is it really kept?' });
	await fillWords(confirming, words);
	await confirming.getByRole('button', { name: 'Confirm' }).click();

	await page.getByRole('button', { name: 'Unlock' }).waitFor();
	await unlock(page, another);
	await goTo(page, 'Notes');
	await noteRow(page, 'Kept').waitFor();
	await newNote(page, 'After', 'Under the new key.');
	await whenSynced(page);
	await stolen.close();
	assertNoProblems(profile, { but: /status of 40[13]/ });
});
