// The account key as a person meets it: on the kit, on a new device, and among the ways of unlocking.
import { expect, test } from 'vitest';
import { assertAccessible } from './accessible.ts';
import { assertNoProblems, still, tellStories } from './browser.ts';
import {
	accountKeyField,
	accountKeys,
	atTheDesk,
	fillLogIn,
	goToAccount,
	newNote,
	noteRow,
	showWhoIsHere,
	signUp,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();
const formOfKey = /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){6}$/;

test('the first account has none; who comes after it finds one on the kit, and needs it on a new device', async () => {
	const operator = await story.profile(still);
	await operator.page.getByText('You are the first here.').waitFor();
	await signUp(operator.page, 'the-operator');
	expect(accountKeys.has('the-operator')).toBe(false);
	await operator.close();

	const first = await story.profile(still);
	await first.page.getByText('You get a kit to print.').waitFor();
	await signUp(first.page, 'keyed');
	const key = accountKeys.get('keyed') ?? '';
	expect(key).toMatch(formOfKey);
	await newNote(first.page, 'Behind password and paper', 'Sealed.');
	await whenSynced(first.page);

	const second = await story.profile(still);
	const { page } = second;
	await fillLogIn(page, 'keyed');
	await page.getByRole('heading', { name: 'Your account key' }).waitFor();
	await assertAccessible(page, 'the account key, asked for');
	const goOn = page.getByRole('button', { name: 'Go on' });
	await accountKeyField(page).fill(key.slice(0, -1));
	await goOn.click();
	await page.getByText('That is no account key as it stands there.').waitFor();
	// Of nobody: as long, and it reads well.
	await accountKeyField(page).fill('000G-40R4-0M30-E209-185G-R38E-1Y75');
	await goOn.click();
	await page.getByText('This account key does not open your account.').waitFor();
	await assertAccessible(page, 'a wrong account key');
	await accountKeyField(page).fill(key.toLowerCase().replaceAll('-', ' '));
	await goOn.click();
	await atTheDesk(page);
	await noteRow(page, 'Behind password and paper').waitFor();
	// Once is enough.
	await page.keyboard.press('Control+Shift+L');
	await unlock(page);
	assertNoProblems(first);
	assertNoProblems(second);
	await Promise.all([first.close(), second.close()]);
});

test('it is shown again, turned off and on, by whoever shows who they are', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	await signUp(page, 'turning');
	const old = accountKeys.get('turning') ?? '';
	await newNote(page, 'Stays', 'Sealed.');
	await whenSynced(page);
	await goToAccount(page, 'Unlocking');
	const section = page.getByRole('region', { name: 'Account key' });
	await section.getByText('New devices need it').waitFor();
	await assertAccessible(page, 'unlocking, with an account key');
	await section.getByRole('button', { name: 'Show it' }).click();
	await showWhoIsHere(page);
	const shown = page.getByRole('dialog', { name: 'Your account key' });
	expect(await shown.getByTitle('Account key').innerText()).toBe(old);
	await assertAccessible(page, 'the account key');
	await shown.getByRole('button', { name: 'Done' }).click();

	await section.getByRole('button', { name: 'Turn off' }).click();
	const off = page.getByRole('dialog', { name: 'Turn the account key off' });
	await assertAccessible(page, 'turning the account key off');
	await off.getByRole('button', { name: 'Turn off' }).click();
	await section.getByText('New devices do not need one').waitFor();

	await section.getByRole('button', { name: 'Turn on' }).click();
	// What was shown before opened the keyslot of before.
	await showWhoIsHere(page);
	const on = page.getByRole('dialog', { name: 'Turn the account key on' });
	const made = await on.getByTitle('Account key').innerText();
	expect(made).toMatch(formOfKey);
	expect(made).not.toBe(old);
	await assertAccessible(page, 'turning the account key on');
	await on.getByRole('textbox').fill('none');
	await on.getByRole('button', { name: 'Turn on' }).click();
	await on.getByText('That is not the last group.').waitFor();
	await on.getByRole('textbox').fill(made.slice(-4).toLowerCase());
	await on.getByRole('button', { name: 'Turn on' }).click();
	await section.getByText('New devices need it').waitFor();

	const other = await story.profile(still);
	await fillLogIn(other.page, 'turning');
	await accountKeyField(other.page).fill(old);
	await other.page.getByRole('button', { name: 'Go on' }).click();
	await other.page.getByText('This account key does not open your account.').waitFor();
	await accountKeyField(other.page).fill(made);
	await other.page.getByRole('button', { name: 'Go on' }).click();
	await noteRow(other.page, 'Stays').waitFor();
	assertNoProblems(profile);
	assertNoProblems(other);
});
