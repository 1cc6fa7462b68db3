// A device was lost: its person gives the account a new key, from another one, and goes on.
import type { Locator, Page } from 'playwright-core';
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
	noteText,
	openNote,
	readKit,
	showWhoIsHere,
	signUp,
	unlock,
	whenSynced
} from './person.ts';
import {
	closeDialog,
	makeInvitation,
	memberRow,
	newSpace,
	openSharing,
	safetyWords
} from './sharing.ts';

const story = tellStories();
const another = 'a heron asleep in the reeds';
/** What is not for somebody is answered with such a status, and the browser says so on the console. */
const refused = /status of (401|403|404|409)/;

const status = (page: Page, text: string): Locator =>
	page.getByRole('status').filter({ hasText: text });

/** No socket of this space gets through any more, from the next load of the page on. */
async function cutOff(page: Page, space: string): Promise<{ mend(): void }> {
	let isCut = true;
	await page.routeWebSocket(
		({ href }) => href.includes(space),
		(socket) => {
			if (isCut) void socket.close();
			else socket.connectToServer();
		}
	);
	return { mend: () => void (isCut = false) };
}

/** From the dialog that says what it means to the locked page. */
async function renewIn(
	page: Page,
	dialog: Locator,
	{ removing }: { readonly removing: string | null }
): Promise<void> {
	await dialog.getByRole('button', { name: 'Give my account a new key' }).click();
	const first = removing === null ? 'No device to remove' : `Remove ‘${removing}’`;
	await status(page, first).waitFor({ state: 'attached' });
	await dialog.getByRole('textbox', { name: 'New password' }).fill(another);
	await dialog.getByRole('button', { name: 'Go on to the new kit' }).click();
	const sheet = page.getByRole('dialog', { name: 'Your new recovery kit' });
	await sheet.or(page.getByRole('dialog', { name: 'Is it you?' })).waitFor();
	if (!(await sheet.isVisible())) await showWhoIsHere(page);
	const words = await readKit(page);
	expect(words).toHaveLength(12);
	await status(page, 'Keep a new recovery kit').waitFor({ state: 'attached' });
	await sheet.getByRole('button', { name: 'I have kept it' }).click();
	const confirming = page.getByRole('dialog', { name: 'Is it really kept?' });
	await fillWords(confirming, words);
	await confirming.getByRole('button', { name: 'Confirm' }).click();
	await page.getByRole('button', { name: 'Unlock' }).waitFor();
}

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
	// From the overview a person says which one; nothing is begun before.
	await goTo(page, 'Account');
	await page.getByRole('button', { name: 'A device was lost or stolen?' }).click();
	const which = page.getByRole('dialog', { name: 'A device is lost or stolen' });
	expect(await which.getByRole('button', { name: 'Give my account' }).isEnabled()).toBe(false);
	await which.getByRole('radio', { name: 'Old phone' }).check();
	expect(await which.getByRole('button', { name: 'Give my account' }).isEnabled()).toBe(true);
	await which.getByRole('button', { name: 'Cancel' }).click();
	await goToAccount(page, 'Sessions and devices');
	await page.getByRole('button', { name: 'It is lost or stolen… (Old phone)' }).click();
	const dialog = page.getByRole('dialog', { name: '‘Old phone’ is lost or stolen' });
	await dialog.waitFor();
	await assertAccessible(page, 'a lost device');
	await renewIn(page, dialog, { removing: 'Old phone' });
	expect(await stolen.isLoggedIn()).toBe(false);

	// Where a space can't be reached it waits, and the page says so, after a new start, too.
	const space = await cutOff(page, stolen.space.id);
	await page.reload();
	await unlock(page, another);
	await goTo(page, 'Notes');
	await noteRow(page, 'Kept').waitFor();
	await status(page, 'Renewing your spaces: 0 of 1. Goes on when there is a connection').waitFor();
	await assertAccessible(page, 'a renewal that waits');
	await page.getByRole('link', { name: 'What is left' }).click();
	await page.getByRole('listitem').filter({ hasText: 'Waits for a connection.' }).waitFor();
	await assertAccessible(page, 'what is left of a renewal');
	await page.reload();
	await unlock(page, another);
	await goTo(page, 'Account');
	await status(page, 'Renewing your spaces: 0 of 1. Goes on when there is a connection.').waitFor();
	space.mend();
	await page.getByRole('button', { name: 'Try now' }).click();
	await status(page, 'There is nothing left to do.').waitFor();
	// The new kit was read back on the way: the account's log has it, whatever this page has forgotten.
	await page.getByRole('link', { name: /^Recovery kit Made/ }).waitFor();
	await goTo(page, 'Notes');
	expect(await page.getByText('What is left').count()).toBe(0);
	expect(await page.getByText('Is your recovery kit still there?').count()).toBe(0);
	await newNote(page, 'After', 'Under the new key.');
	await whenSynced(page);
	await stolen.close();
	assertNoProblems(profile, { but: /status of 40[13]/ });
});

test('who renewed is let in again by an owner of each space who has compared the words', async () => {
	const at = ++accounts;
	const [ada, bo] = [`ada-${String(at)}`, `bo-${String(at)}`];
	const owner = await story.profile({ settings: { reducedMotion: 'reduce' } });
	const phone = { viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' } as const;
	const member = await story.profile({ settings: phone });
	await signUp(owner.page, ada);
	await newSpace(owner.page, 'Expedition');
	await newNote(owner.page, 'The route', 'Over the pass.');
	const dialog = await openSharing(owner.page);
	const url = await makeInvitation(dialog);
	await member.page.goto(url);
	await member.page.getByRole('button', { name: 'Create an account to go on' }).click();
	await signUp(member.page, bo);
	await member.page.getByRole('button', { name: 'Accept' }).click();
	await dialog.getByRole('button', { name: `Let in ${bo}` }).click();
	await memberRow(dialog, bo).waitFor();
	await closeDialog(dialog);
	await goTo(member.page, 'Notes');
	await noteRow(member.page, 'The route').waitFor();

	// From the overview, with no device to remove.
	await goTo(member.page, 'Settings');
	await member.page.getByRole('link', { name: new RegExp(`^${bo}`) }).click();
	await member.page.getByRole('button', { name: 'A device was lost or stolen?' }).click();
	const losing = member.page.getByRole('dialog', { name: 'A device is lost or stolen' });
	await assertAccessible(member.page, 'a device is lost, from the overview');
	await renewIn(member.page, losing, { removing: null });
	await unlock(member.page, another);
	await goTo(member.page, 'Notes');
	await status(member.page, '1 space of others waits for an owner').waitFor();
	await member.page.reload();
	await unlock(member.page, another);
	await member.page.getByRole('link', { name: 'What is left' }).click();
	await member.page.getByText(`Waits for ${ada}`).waitFor();
	await assertAccessible(member.page, 'a space that waits for its owner');
	await goTo(member.page, 'Notes');
	await openNote(member.page, 'The route');
	await member.page.getByText(`until ${ada} lets your new identity in`).waitFor();
	await noteText(member.page).click();
	await member.page.keyboard.press('Control+Home');
	await member.page.keyboard.type('At dawn. ');

	const sharing = await openSharing(owner.page);
	const row = memberRow(sharing, bo);
	await row.getByText(`${bo} has renewed their identity`).waitFor();
	expect(await safetyWords(row, bo)).toHaveLength(12);
	await assertAccessible(owner.page, 'a member who renewed');
	expect(await noteText(owner.page).innerText()).not.toContain('At dawn');
	await row.getByRole('button', { name: `The words are the same: let ${bo} in` }).click();
	await row.getByText('Compared', { exact: true }).waitFor();
	await closeDialog(sharing);
	await noteText(owner.page).getByText('At dawn. Over the pass.').waitFor();
	await member.page.getByText('lets your new identity in').waitFor({ state: 'detached' });
	await whenSynced(member.page);
	assertNoProblems(owner, { but: refused });
	assertNoProblems(member, { but: refused });
});
