// The operator restores a copy from before the password was changed. Every tab says so, and the account is
// given back by the person whose device knows better.
import { cp, rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { assertAccessible } from './accessible.ts';
import { assertNoProblems, password, tellStories } from './browser.ts';
import {
	atTheDesk,
	fillLogIn,
	goToAccount,
	logIn,
	newNote,
	passwordField,
	showWhoIsHere,
	signUp,
	whenSynced
} from './person.ts';

const story = tellStories();
// A tab behind another one leaves transitions where they are.
const reducedMotion = { settings: { reducedMotion: 'reduce' } } as const;
let accounts = 0;
const next = 'seven herons over the quiet weir';

test('EDG-11 an account that was set back is told of in all tabs, and given back', async () => {
	const { edge } = story;
	const profile = await story.profile(reducedMotion);
	const { page } = profile;
	const handle = `restored-${String(++accounts)}`;
	await signUp(page, handle);
	await newNote(page, 'Before the copy', 'Old.');
	await whenSynced(page);
	const copy = await story.folder();
	await edge.kill();
	await cp(edge.dataDir, copy, { recursive: true });
	await edge.restart();
	await goToAccount(page, 'Password');
	await page.getByRole('textbox', { name: 'New password' }).fill(next);
	await page.getByRole('button', { name: 'Change the password' }).click();
	await showWhoIsHere(page);
	await page.getByText('Your password is changed.').waitFor();
	const second = await profile.context.newPage();
	await second.goto(edge.url);
	await atTheDesk(second);
	const tabs = [page, second];
	const banners = tabs.map((tab) =>
		tab.getByRole('alert', { name: 'The server does not show your account' })
	);
	for (const banner of banners) expect(await banner.count()).toBe(0);

	await edge.kill();
	await rm(edge.dataDir, { recursive: true });
	await cp(copy, edge.dataDir, { recursive: true });
	await edge.restart();
	for (const banner of banners) await banner.getByText('an older state of your account').waitFor();
	await page.bringToFront();
	await assertAccessible(page, 'an account that was set back');

	await second.bringToFront();
	await banners[1]!.getByRole('button', { name: 'What to do' }).click();
	const dialog = second.getByRole('dialog', { name: 'Give back what the server lost' });
	await assertAccessible(second, 'what to do about an account that was set back');
	await dialog.getByRole('button', { name: 'Give back what the server lost' }).click();
	// The session as it was copied is fresh: its sign-up is not long ago.
	await second.getByText('The server has again what it lost of your account.').waitFor();
	for (const banner of banners) await banner.waitFor({ state: 'detached' });
	await dialog.waitFor({ state: 'detached' });
	assertNoProblems(profile, { mayBeUnreachable: true });

	const other = await story.profile();
	await fillLogIn(other.page, handle, password);
	await other.page.getByRole('alert').getByText('do not belong together').waitFor();
	await passwordField(other.page).fill('');
	await logIn(other.page, handle, next);
	await Promise.all([profile.close(), other.close()]);
});
