// What a person does with the account itself: where it is logged in, what opens it, and who is asked for
// what.
import { Secret, TOTP } from 'otpauth';
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
	await first.page.getByRole('heading', { name: 'Locked' }).waitFor();
	await first.page.getByText('This device was logged out.').waitFor();
	await assertAccessible(first.page, 'a device that was logged out from elsewhere');
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

test('codes from an app and on paper are added, and asked for at the next login', async () => {
	const first = await story.profile(reducedMotion);
	const handle = `two-steps-${String(++accounts)}`;
	await signUp(first.page, handle);
	await newNote(first.page, 'Behind two doors', 'Sealed.');
	await whenSynced(first.page);
	await goToAccount(first.page, 'Second factors');
	await first.page.getByText('None yet: the password alone logs in.').waitFor();
	await assertAccessible(first.page, 'no second factor yet');
	await first.page.getByRole('button', { name: /^Add.*Codes from an app/ }).click();
	const adding = first.page.getByRole('dialog', { name: 'Codes from an app' });
	const key = await adding.getByRole('code').innerText();
	await assertAccessible(first.page, 'adding codes from an app');
	const app = new TOTP({ secret: Secret.fromBase32(key.replace(/\s/g, '')) });
	const digits = adding.getByRole('textbox', { name: 'The six digits that it shows' });
	await digits.fill(app.generate() === '000000' ? '000001' : '000000');
	await adding.getByText('That was not the right second step.').waitFor();
	const right = app.generate();
	// As it is copied: in two groups. The last digit goes on by itself.
	await digits.fill(`${right.slice(0, 3)} ${right.slice(3)}`);
	await adding.waitFor({ state: 'detached' });
	await first.page.getByRole('button', { name: /^Make ten/ }).click();
	const paper = first.page.getByRole('dialog', { name: 'Backup codes' });
	await paper.getByRole('listitem').first().waitFor();
	const codes = await paper.getByRole('listitem').allInnerTexts();
	expect(codes.length).toBe(10);
	await assertAccessible(first.page, 'backup codes');
	await paper.getByRole('textbox').fill(codes[0] ?? '');
	await paper.getByRole('button', { name: 'I have kept them' }).click();
	await paper.waitFor({ state: 'detached' });
	const mine = first.page.getByRole('list', { name: 'Your second factors' });
	await mine.getByText(/10 codes left/).waitFor();
	await assertAccessible(first.page, 'second factors');

	const second = await story.profile(reducedMotion);
	await fillLogIn(second.page, handle);
	await second.page.getByRole('heading', { name: 'One more step' }).waitFor();
	await assertAccessible(second.page, 'the second step of a login');
	await second.page.getByRole('button', { name: 'Type a backup code' }).click();
	await second.page
		.getByRole('textbox', { name: 'Backup code' })
		.fill(codes[1]?.toLowerCase() ?? '');
	await second.page.getByRole('button', { name: 'Go on' }).click();
	await atTheDesk(second.page);
	await noteRow(second.page, 'Behind two doors').waitFor();
	assertNoProblems(second);
	await goToAccount(first.page, 'Second factors');
	await mine.getByText(/9 codes left/).waitFor();

	// By name, and away with it.
	await mine.getByRole('button', { name: /^Rename/ }).click();
	const naming = first.page.getByRole('dialog', { name: 'Name of this second factor' });
	await naming.getByRole('textbox').fill('The old phone');
	await naming.getByRole('button', { name: 'Save' }).click();
	await mine.getByRole('button', { name: 'Remove The old phone' }).waitFor();
	await mine.getByRole('button', { name: /^Remove Backup codes/ }).click();
	const removing = first.page.getByRole('dialog', { name: /^Remove/ });
	await assertAccessible(first.page, 'remove a second factor?');
	await removing.getByRole('button', { name: 'Remove' }).click();
	await mine.getByText(/codes left/).waitFor({ state: 'detached' });
	assertNoProblems(first, { but: /status of 40[13]/ });
});
