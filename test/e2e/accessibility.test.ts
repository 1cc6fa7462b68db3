// axe finds nothing to object to, on every page, light and dark, wide and narrow; and nothing has to
// be scrolled sideways on the smallest screens.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, test } from 'vitest';
import { assertAccessible as assertPageAccessible } from './accessible.ts';
import { assertNoProblems, still, tellStories, type Profile } from './browser.ts';
import {
	atTheDesk,
	confirmKit,
	fillSignUp,
	goTo,
	goToAccount,
	lock,
	logIn,
	newNote,
	noteText,
	openNote,
	readKit,
	signUp,
	syncLine,
	unlock,
	whenSynced
} from './person.ts';
import {
	changeRole,
	closeDialog,
	makeInvitation,
	makeShareLink,
	memberRow,
	newSpace,
	openSharing,
	openSpace
} from './sharing.ts';

const story = tellStories();
let profile: Profile;
let page: Page;

beforeAll(async () => {
	profile = await story.profile(still);
	page = profile.page;
});

/** Of the page of the first person, unless of another. */
const assertAccessible = (what: string, of: Page = page): Promise<void> =>
	assertPageAccessible(of, what);

test('sign-up, recovery kit and login', async () => {
	await page.getByRole('button', { name: 'Create account' }).waitFor();
	await fillSignUp(page, 'everybody', 'password1');
	await page.getByRole('button', { name: 'Create account' }).click();
	await page.getByRole('alert').getByText('could be guessed').waitFor();
	await assertAccessible('sign-up with a weak password');
	await page.getByRole('button', { name: 'Log in' }).click();
	await page.getByRole('heading', { name: 'Log in' }).waitFor();
	await assertAccessible('login');
	await page.getByRole('button', { name: 'Create an account' }).click();
	await fillSignUp(page, 'everybody');
	await page.getByRole('button', { name: 'Create account' }).click();
	const words = await readKit(page);
	await assertAccessible('recovery kit');
	await page.getByRole('button', { name: 'I have kept it' }).click();
	await page.getByRole('button', { name: 'Confirm' }).waitFor();
	await assertAccessible('confirming the kit');
	await confirmKit(page, words);
	await atTheDesk(page);
	await assertAccessible('no notes yet');
});

test('list and editor', async () => {
	await newNote(page, 'A note to look at', '# Heading\n\nText with [a link](https://example.org).');
	await newNote(page, 'Another one', '> quoted\n\n- item\n\n`code`');
	await whenSynced(page);
	await assertAccessible('list and editor');
	await page.getByRole('searchbox').fill('note');
	await page
		.getByText(/found$/)
		.first()
		.waitFor();
	await assertAccessible('search');
	await page.getByRole('searchbox').fill('');
	await goTo(page, 'Notes');
	await page.getByRole('heading', { name: 'No note is open' }).waitFor();
	await assertAccessible('list alone');
});

test('import report', async () => {
	const folder = path.join(await story.folder(), 'a-folder-with-quite-a-long-name');
	await mkdir(folder);
	await writeFile(path.join(folder, 'taken.md'), 'taken');
	await writeFile(path.join(folder, 'a picture with a name that is long.png'), 'not');
	await goTo(page, 'Import');
	await assertAccessible('import');
	await page.getByLabel('Folder to import').setInputFiles(folder);
	const report = page.getByRole('region', { name: 'Import done' });
	await report.getByText('Not a Markdown or text file').click();
	await assertAccessible('import report');
});

test('trash, settings and their dialogs', async () => {
	await goTo(page, 'Notes');
	await openNote(page, 'Another one');
	await page.getByRole('button', { name: 'Delete note' }).click();
	await page.getByRole('status').getByText('‘Another one’ is in the trash.').waitFor();
	await assertAccessible('deleted, with undo');
	await goTo(page, 'Trash');
	await page.getByRole('button', { name: 'Delete for ever: Another one' }).waitFor();
	await assertAccessible('trash');
	await page.getByRole('button', { name: 'Delete for ever: Another one' }).click();
	await assertAccessible('delete for ever?');
	await page.getByRole('button', { name: 'Keep it' }).click();
	await goTo(page, 'Settings');
	await page.getByText('This device', { exact: true }).first().waitFor();
	await assertAccessible('settings');
	await goTo(page, 'Account');
	await page.getByText('1 of 3 logged in').waitFor();
	await assertAccessible('account');
	await goToAccount(page, 'Sessions and devices');
	await page.getByText(/last seen/).waitFor();
	await assertAccessible('sessions and devices');
	await goToAccount(page, 'Recovery kit');
	await page.getByRole('button', { name: 'Read three words back' }).click();
	await page.getByRole('dialog').waitFor();
	await assertAccessible('reading the kit back');
	await page.getByRole('button', { name: 'Not now' }).click();
	await assertAccessible('recovery kit of the account');
	await goToAccount(page, 'Limits');
	await assertAccessible('limits');
	await goToAccount(page, 'Unlocking');
	await page.getByRole('list', { name: 'What opens your notes' }).waitFor();
	await assertAccessible('unlocking');
	await page.getByRole('switch', { name: 'Unlock without a network' }).click();
	await page.getByRole('dialog').waitFor();
	await assertAccessible('offline unlock?');
	await page.getByRole('button', { name: 'Leave it off' }).click();
	await goTo(page, 'Settings');
	await page.getByRole('button', { name: 'Log out' }).click();
	await page.getByRole('dialog').waitFor();
	await assertAccessible('log out?');
	await page.getByRole('button', { name: 'Stay' }).click();
});

test('palette, keyboard map, sync story and lock', async () => {
	await goTo(page, 'Notes');
	await openNote(page, 'A note to look at');
	await noteText(page).waitFor();
	await page.keyboard.press('Escape');
	await page.keyboard.press('Control+K');
	await page.getByRole('dialog').waitFor();
	await assertAccessible('palette');
	await page.keyboard.type('keyboard map');
	await page.keyboard.press('Enter');
	await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
	await assertAccessible('keyboard map');
	await page.keyboard.press('Escape');
	await syncLine(page, /^Synced/).click();
	await page.getByRole('dialog', { name: 'Sync' }).waitFor();
	await assertAccessible('sync story');
	await page.getByRole('button', { name: 'Close' }).click();
	await lock(page);
	await assertAccessible('locked');
	await unlock(page);
	assertNoProblems(profile);
});

let guest: Profile;

test('inviting, being invited, and letting in', async () => {
	guest = await story.profile(still);
	await newSpace(page, 'Shared with a guest');
	await newNote(page, 'For the guest too', 'Hello.');
	const dialog = await openSharing(page);
	const url = await makeInvitation(dialog);
	await dialog
		.getByRole('region', { name: 'Open invitations' })
		.getByText('As an editor')
		.waitFor();
	await assertAccessible('people of a space, with an invitation');
	await guest.page.goto(url);
	const goOn = guest.page.getByRole('button', { name: 'Create an account to go on' });
	await goOn.waitFor();
	await assertAccessible('an invitation, without an account', guest.page);
	await goOn.click();
	await signUp(guest.page, 'guest');
	const accept = guest.page.getByRole('button', { name: 'Accept' });
	await accept.waitFor();
	await assertAccessible('an invitation', guest.page);
	await accept.click();
	await guest.page.getByText(/^Waiting for everybody to let you in/).waitFor();
	await assertAccessible('waiting to be let in', guest.page);
	const claims = dialog.getByRole('region', { name: 'Waiting to be let in' });
	const letIn = claims.getByRole('button', { name: 'Let in guest' });
	await letIn.waitFor();
	await assertAccessible('somebody waits to be let in');
	await letIn.click();
	await memberRow(dialog, 'guest').waitFor();
	await dialog.getByRole('combobox', { name: 'Role of guest' }).selectOption({ label: 'Viewer' });
	await dialog.getByRole('button', { name: 'Change role' }).waitFor();
	await assertAccessible('change a role?');
	await dialog.getByRole('button', { name: 'Leave it' }).click();
	await changeRole(dialog, 'guest', 'Viewer');
	await dialog.getByRole('button', { name: 'Remove guest' }).click();
	await dialog.getByRole('button', { name: 'Keep guest' }).waitFor();
	await assertAccessible('remove somebody?');
	await dialog.getByRole('button', { name: 'Keep guest' }).click();
	await closeDialog(dialog);
	await openSpace(guest.page, 'Shared with a guest');
	await openNote(guest.page, 'For the guest too');
	await guest.page.getByText('You can read this note, not change it.').waitFor();
	await assertAccessible('a note that can only be read', guest.page);
	await guest.close();
});

test('share links, what holds each limit, and the page of a space', async () => {
	guest = await story.profile(still);
	const dialog = await openSharing(page);
	await dialog.getByRole('tab', { name: 'Link' }).click();
	const open = await makeShareLink(dialog, { label: 'For anybody' });
	const made = dialog.getByRole('region', { name: 'New share link' });
	await made.getByRole('button', { name: 'Show QR code' }).click();
	await made.getByRole('img', { name: 'QR code of Share link' }).waitFor();
	await assertAccessible('share links');
	const guarded = await makeShareLink(dialog, { label: 'With a word', passphrase: 'heron ice' });
	await dialog.getByRole('tab', { name: 'Access' }).click();
	await dialog.getByText('What holds each limit').waitFor();
	await assertAccessible('what holds each limit');
	await closeDialog(dialog);
	await page.getByRole('link', { name: 'Settings of this space' }).click();
	await page.getByRole('list', { name: 'Activity, newest first' }).waitFor();
	await assertAccessible('the page of a space');
	const rules = page.getByRole('region', { name: 'Rules' });
	await rules.getByRole('combobox').selectOption({ label: '1 day' });
	await page.getByRole('button', { name: 'Keep 30 days' }).waitFor();
	await assertAccessible('keep older versions for less time?');
	await page.getByRole('button', { name: 'Keep 30 days' }).click();
	await rules.getByRole('switch', { name: 'Share links' }).click();
	await page.getByRole('button', { name: 'Leave links on' }).waitFor();
	await assertAccessible('turn share links off?');
	await page.getByRole('button', { name: 'Leave links on' }).click();
	await guest.page.goto(open);
	await guest.page.getByRole('article', { name: 'Shared note' }).waitFor();
	await assertAccessible('a shared note', guest.page);
	await guest.page.goto(guarded);
	await guest.page.getByRole('heading', { name: 'This link has a passphrase' }).waitFor();
	await assertAccessible('a link with a passphrase', guest.page);
});

test('linking a device, and one that is not confirmed', async () => {
	await goToAccount(page, 'Sessions and devices');
	await page.getByRole('button', { name: 'Link a device' }).click();
	const dialog = page.getByRole('dialog', { name: 'Link a device' });
	const url = await dialog.getByRole('code').innerText();
	await assertAccessible('an offer to link a device');
	await guest.page.goto(url);
	await guest.page.getByLabel(/^Code: /).waitFor();
	await assertAccessible('the code on the new device', guest.page);
	await dialog.getByRole('textbox', { name: 'Code on the new device' }).waitFor();
	await assertAccessible('typing the code');
	await dialog.getByRole('button', { name: 'Cancel' }).click();
	await profile.close();
	await guest.page.goto(story.edge.url);
	await logIn(guest.page, 'everybody');
	const means = guest.page.getByRole('button', { name: 'What this means' });
	await means.waitFor();
	await assertAccessible('a device that is not confirmed', guest.page);
	await means.click();
	await guest.page.getByRole('checkbox').waitFor();
	await assertAccessible('what it means not to be confirmed', guest.page);
});
