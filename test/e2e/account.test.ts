// What guards an account, and what a person changes of it: password, kit, limits, and its end.
import { expect, test } from 'vitest';
import { assertAccessible } from './accessible.ts';
import { assertNoProblems, password, still, tellStories } from './browser.ts';
import { headlessDevice } from './device.ts';
import {
	fillLogIn,
	fillWords,
	goTo,
	goToAccount,
	lock,
	logIn,
	newNote,
	noteRow,
	readKit,
	showWhoIsHere,
	signUp,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();
/** A story that is told again is one of another account. */
let accounts = 0;

test('what a device left unlocked would give away asks for the password first', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	await signUp(page, `left-unlocked-${String(++accounts)}`);
	await newNote(page, 'Of value', 'To others as well.');
	await goTo(page, 'Settings');
	// Just after the password was typed nobody is asked.
	const atOnce = page.waitForEvent('download');
	await page.getByRole('button', { name: 'Export' }).click();
	await atOnce;

	await page.clock.install();
	await page.clock.fastForward('06:00');
	await page.getByRole('button', { name: 'Export' }).click();
	const dialog = page.getByRole('dialog', { name: 'Is it you?' });
	await dialog.waitFor();
	await assertAccessible(page, 'the password once more');
	await dialog.getByRole('textbox', { name: 'Password' }).fill('not the password');
	await dialog.getByRole('button', { name: 'Go on' }).click();
	await dialog.getByText('That is not the password.').waitFor();
	const afterwards = page.waitForEvent('download');
	await dialog.getByRole('textbox', { name: 'Password' }).fill(password);
	await dialog.getByRole('button', { name: 'Go on' }).click();
	await afterwards;
	await dialog.waitFor({ state: 'detached' });
	assertNoProblems(profile, { but: /status of 401/ });
});

const another = 'a heron asleep in the reeds';

test('the password is changed: every other session ends, and the old one opens nothing', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	const handle = `new-password-${String(++accounts)}`;
	await signUp(page, handle);
	await newNote(page, 'Behind a new lock', 'Sealed.');
	await whenSynced(page);
	const elsewhere = await headlessDevice(story.edge.url, handle);
	await goToAccount(page, 'Password');
	await assertAccessible(page, 'password');
	const field = page.getByRole('textbox', { name: 'New password' });
	await field.fill('password1');
	await page.getByRole('button', { name: 'Change the password' }).click();
	await page.getByText('This password could be guessed.').waitFor();
	await field.fill(another);
	await page.getByRole('button', { name: 'Change the password' }).click();
	await showWhoIsHere(page);
	await page.getByText('Your password is changed.').waitFor();
	await assertAccessible(page, 'password changed');
	expect(await elsewhere.isLoggedIn()).toBe(false);
	await goTo(page, 'Account');
	const events = page.getByRole('list', { name: 'Security events, newest first' });
	await events.getByText('The password was changed').waitFor();
	await lock(page);
	await unlock(page, another);
	await goTo(page, 'Notes');
	await noteRow(page, 'Behind a new lock').waitFor();

	const second = await story.profile(still);
	await fillLogIn(second.page, handle);
	await second.page.getByText('do not belong together').waitFor();
	await logIn(second.page, handle, another);
	await noteRow(second.page, 'Behind a new lock').waitFor();
	assertNoProblems(profile);
	await elsewhere.close();
});

test('a new kit takes the place of the old one when its words are read back, and not before', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	await signUp(page, `new-kit-${String(++accounts)}`);
	await goToAccount(page, 'Recovery kit');
	await page.getByRole('radio', { name: /^1 day/, checked: true }).waitFor();
	await assertAccessible(page, 'recovery kit');
	const make = page.getByRole('button', { name: 'Make a new kit' });
	await make.click();
	await showWhoIsHere(page);
	const sheet = page.getByRole('dialog', { name: 'Your new recovery kit' });
	const left = await readKit(page);
	expect(left.length).toBe(12);
	await assertAccessible(page, 'a new kit');
	await sheet.getByRole('button', { name: 'Keep the old one' }).click();
	await sheet.waitFor({ state: 'detached' });

	await make.click();
	const words = await readKit(page);
	expect(words).not.toEqual(left);
	await sheet.getByRole('button', { name: 'I have kept it' }).click();
	const confirming = page.getByRole('dialog', { name: 'Is it really kept?' });
	await assertAccessible(page, 'a new kit, read back');
	const fields = confirming.getByRole('textbox', { name: /^Word \d+$/ });
	for (const field of await fields.all()) await field.fill('wrong');
	await confirming.getByRole('button', { name: 'Confirm' }).click();
	await confirming.getByText('These are not the words on the sheet.').waitFor();
	await fillWords(confirming, words);
	await confirming.getByRole('button', { name: 'Confirm' }).click();
	await confirming.waitFor({ state: 'detached' });
	await page.getByText('The new kit counts from now on.').waitFor();

	// What is asked for half a year from now is of the new sheet.
	await page.getByRole('button', { name: 'Read three words back' }).click();
	const checking = page.getByRole('dialog', { name: 'Check your recovery kit' });
	await fillWords(checking, words);
	await checking.getByRole('button', { name: 'Check' }).click();
	await checking.waitFor({ state: 'detached' });

	await page.getByRole('radio', { name: /^7 days/ }).check();
	await page.getByText('A recovery waits 7 days.').waitFor();
	await page.getByRole('radio', { name: /^7 days/, checked: true }).waitFor();
	await goTo(page, 'Account');
	const events = page.getByRole('list', { name: 'Security events, newest first' });
	await events.getByText('What logins and recoveries ask for was changed').waitFor();
	await events.getByText('The recovery kit was made anew, or confirmed').first().waitFor();
	assertNoProblems(profile);
});

test('an account sees what it uses of what it may, and nothing of running the server', async () => {
	// Whoever is first runs the server.
	const first = await story.profile(still);
	await signUp(first.page, `operator-${String(++accounts)}`);
	const profile = await story.profile(still);
	const { page } = profile;
	await signUp(page, `sparing-${String(++accounts)}`);
	await newNote(page, 'One', 'Sealed.');
	await whenSynced(page);
	await goToAccount(page, 'Limits');
	await page.getByText('1 of 3').waitFor();
	await page.getByText(/MB of 2\.0 GB/).waitFor();
	await page.getByText('2 of 256').waitFor();
	const spaces = page.getByRole('list', { name: 'Room of each space' });
	await spaces.getByText('1 member of 128 · 1 note').waitFor();
	await assertAccessible(page, 'limits');
	await goTo(page, 'Account');
	await page.getByText(/MB of 2\.0 GB/).waitFor();
	expect(await page.getByRole('link', { name: 'Running this server' }).count()).toBe(0);

	story.edge.wire.cut();
	await page.getByRole('link', { name: /^Limits/ }).click();
	await page.getByText('This is how things stood when it was asked last.').waitFor();
	await assertAccessible(page, 'limits without a network');
	story.edge.wire.mend();
	await page.getByRole('button', { name: 'Try again' }).click();
	await page.getByRole('button', { name: 'Try again' }).waitFor({ state: 'detached' });
	assertNoProblems(profile, { mayBeUnreachable: true });
	await first.close();
});

test('what is copied of secrets is taken out of the clipboard, unless something else lies there', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	// Timers of before would go on by the real clock, and find the page's far ahead.
	await page.clock.install();
	await page.reload();
	await signUp(page, `copied-${String(++accounts)}`);
	await goToAccount(page, 'Second factors');
	const held = () => page.evaluate(() => navigator.clipboard.readText());
	// A page that finds a whole minute gone takes it that the device slept, and locks.
	const aMinuteLater = async (): Promise<void> => {
		await page.clock.fastForward('00:31');
		await page.clock.fastForward('00:31');
	};
	const copyCodes = async (): Promise<void> => {
		await page.getByRole('button', { name: /^Make ten/ }).click();
		const paper = page.getByRole('dialog', { name: 'Backup codes' });
		await paper.getByRole('listitem').first().waitFor();
		await paper.getByRole('button', { name: 'Copy the codes' }).click();
		await paper.getByText('It is taken out of the clipboard in a minute').waitFor();
		expect((await held()).split('\n').length).toBe(10);
		await paper.getByRole('button', { name: 'Cancel' }).click();
	};
	await copyCodes();
	await aMinuteLater();
	await expect.poll(held).toBe('');

	await copyCodes();
	await page.evaluate(() => navigator.clipboard.writeText('of somebody else'));
	await aMinuteLater();
	await lock(page);
	expect(await held()).toBe('of somebody else');
	await unlock(page);
	await goToAccount(page, 'Second factors');
	await copyCodes();
	await lock(page);
	await expect.poll(held).toBe('');
	assertNoProblems(profile);
});

test('where the page may not look into the clipboard, it says so, and its person clears it', async () => {
	const profile = await story.profile({
		settings: { ...still.settings, permissions: ['clipboard-write'] }
	});
	const { page, context } = profile;
	await signUp(page, `not-looked-${String(++accounts)}`);
	await goToAccount(page, 'Second factors');
	await page.getByRole('button', { name: /^Make ten/ }).click();
	const paper = page.getByRole('dialog', { name: 'Backup codes' });
	await paper.getByRole('listitem').first().waitFor();
	await paper.getByRole('button', { name: 'Copy the codes' }).click();
	await paper.getByText('This browser does not let the page look').waitFor();
	await assertAccessible(page, 'copied, and not cleared');
	await paper.getByRole('button', { name: 'Clear the clipboard' }).click();
	await paper.getByText('The clipboard is empty.').waitFor();
	await context.grantPermissions(['clipboard-read', 'clipboard-write']);
	expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('');
	assertNoProblems(profile);
});

test('an account is deleted by whoever types its handle and shows who they are', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	const handle = `leaving-${String(++accounts)}`;
	await signUp(page, handle);
	// Nothing is there to be clicked on before all is known that could move it.
	let release = (): void => undefined;
	const held = new Promise<void>((resolve) => {
		release = resolve;
	});
	await page.route('**/v1/account/usage', async (route) => {
		await held;
		await route.continue();
	});
	await goTo(page, 'Account');
	await page.getByRole('status').filter({ hasText: 'Asking the server…' }).waitFor();
	expect(await page.getByRole('link', { name: /^Password/ }).count()).toBe(0);
	release();
	await goToAccount(page, 'Password');
	await page.getByRole('button', { name: 'Delete the account' }).click();
	const asked = page.getByRole('dialog', { name: `Delete the account ‘${handle}’?` });
	await assertAccessible(page, 'delete the account?');
	const end = asked.getByRole('button', { name: 'Delete for ever' });
	expect(await end.isDisabled()).toBe(true);
	await asked.getByRole('textbox').fill(handle);
	await end.click();
	await page.getByRole('button', { name: 'Create account' }).waitFor();
	await fillLogIn(page, handle);
	await page.getByText('do not belong together').waitFor();
	assertNoProblems(profile, { but: /status of 401/ });
});
