// What a person does with the account itself: where it is logged in, what opens it, and who is asked for
// what.
import { expect, test } from 'vitest';
import { assertAccessible } from './accessible.ts';
import { assertNoProblems, password, tellStories } from './browser.ts';
import { headlessDevice } from './device.ts';
import {
	atTheDesk,
	fillLogIn,
	goTo,
	goToAccount,
	newNote,
	noteRow,
	signUp,
	whenSynced
} from './person.ts';

const story = tellStories();
const reducedMotion = { settings: { reducedMotion: 'reduce' } } as const;

/** A story that is told again is one of another account. */
let accounts = 0;

test('whoever is logged in on as many devices as may be chooses which one to log out', async () => {
	const first = await story.profile(reducedMotion);
	const handle = `four-devices-${String(++accounts)}`;
	await signUp(first.page, handle);
	await newNote(first.page, 'On every device', 'Sealed.');
	await whenSynced(first.page);
	const others = [
		await headlessDevice(story.edge.url, handle),
		await headlessDevice(story.edge.url, handle)
	];
	await goToAccount(first.page, 'Sessions and devices');
	await first.page.getByText('3 of 3 logged in').waitFor();
	expect(await first.page.getByText(/last seen/).count()).toBe(3);

	const fourth = await story.profile(reducedMotion);
	const { page } = fourth;
	await fillLogIn(page, handle);
	await page.getByText('You are logged in on 3 of 3 devices.').waitFor();
	await assertAccessible(page, 'choosing which device to log out');
	await page.getByRole('button', { name: 'Cancel the login' }).click();
	await page.getByRole('heading', { name: 'Log in' }).waitFor();
	expect(await page.getByRole('alert').innerText()).toBe('');

	await page.getByRole('button', { name: 'Log in', exact: true }).click();
	// Oldest first: that is the one that signed up, and what is suggested.
	const oldest = page.getByRole('checkbox').first();
	await oldest.and(page.getByRole('checkbox', { checked: true })).waitFor();
	expect(await page.getByRole('checkbox').count()).toBe(3);
	await oldest.uncheck();
	expect(await page.getByRole('button', { name: 'Choose 1 device' }).isDisabled()).toBe(true);
	await oldest.check();
	await page.getByRole('button', { name: 'Log out of 1 device and go on' }).click();
	await atTheDesk(page);
	await noteRow(page, 'On every device').waitFor();
	await goTo(first.page, 'Account');
	await first.page.getByText('This device is not logged in any more.').waitFor();
	assertNoProblems(fourth);
	for (const device of others) await device.close();
});

test('what a device left unlocked would give away asks for the password first', async () => {
	const profile = await story.profile(reducedMotion);
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
