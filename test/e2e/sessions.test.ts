// Where an account is logged in: who chooses which session ends, names devices and removes them, and hears
// of a new one.
import { expect, test } from 'vitest';
import { init } from '../../crypto/opaque-ke/opaque-ke.js';
import { assertAccessible } from './accessible.ts';
import { assertNoProblems, password, still, tellStories } from './browser.ts';
import { headlessDevice, loadOpaque } from './device.ts';
import {
	atTheDesk,
	comeIn,
	fillLogIn,
	goTo,
	goToAccount,
	newNote,
	noteRow,
	signUp,
	whenSynced
} from './person.ts';

const story = tellStories();
/** A story that is told again is one of another account. */
let accounts = 0;

test('whoever is logged in on as many devices as may be chooses which one to log out', async () => {
	const first = await story.profile(still);
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

	const fourth = await story.profile(still);
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
	await comeIn(page, handle);
	await noteRow(page, 'On every device').waitFor();
	await first.page.getByRole('heading', { name: 'Locked' }).waitFor();
	await first.page.getByText('This device was logged out.').waitFor();
	await assertAccessible(first.page, 'a device that was logged out from elsewhere');
	assertNoProblems(fourth);
	for (const device of others) await device.close();
});

test('sessions are ended one by one or all at once, and devices named and removed', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	const handle = `own-devices-${String(++accounts)}`;
	await signUp(page, handle);
	await newNote(page, 'Here', 'Sealed.');
	await whenSynced(page);
	const [phone, tablet] = [
		await headlessDevice(story.edge.url, handle, 'The phone'),
		await headlessDevice(story.edge.url, handle, 'The tablet')
	];
	await goToAccount(page, 'Sessions and devices');
	const mine = page.getByRole('list', { name: 'Your devices' });
	await page.getByText('3 of 3 logged in').waitFor();
	await mine.getByText('This one').waitFor();
	await assertAccessible(page, 'sessions and devices');

	// One of them, by its name; nobody is asked again who just typed the password.
	await mine.getByRole('button', { name: 'End the session of The phone' }).click();
	const ending = page.getByRole('dialog', { name: 'End the session of ‘The phone’?' });
	await assertAccessible(page, 'end a session?');
	await ending.getByRole('button', { name: 'End it' }).click();
	await ending.waitFor({ state: 'detached' });
	await page.getByText('2 of 3 logged in').waitFor();
	expect(await phone.isLoggedIn()).toBe(false);
	expect(await tablet.isLoggedIn()).toBe(true);

	await mine.getByRole('button', { name: 'Rename The tablet' }).click();
	const naming = page.getByRole('dialog', { name: 'Name of this device' });
	await naming.getByRole('textbox').fill('Kitchen');
	await naming.getByRole('button', { name: 'Save' }).click();
	await mine.getByRole('button', { name: 'Rename Kitchen' }).waitFor();
	// A name that turns the direction of writing leaves the words beside it where they were.
	const own = mine.getByRole('listitem').filter({ hasText: 'This one' });
	await own.getByRole('button', { name: /^Rename/ }).click();
	await naming.getByRole('textbox').fill('\u202Epotpal');
	await naming.getByRole('button', { name: 'Save' }).click();
	await own.getByText('potpal').waitFor();
	const tag = await own.getByText('This one').boundingBox();
	expect(tag?.x).toBeGreaterThan(((await own.boundingBox())?.x ?? 0) + 30);

	await mine.getByRole('button', { name: 'Remove The phone' }).click();
	const removing = page.getByRole('dialog', { name: 'Remove ‘The phone’?' });
	await assertAccessible(page, 'remove a device?');
	await removing.getByRole('button', { name: 'Remove' }).click();
	await removing.waitFor({ state: 'detached' });
	await mine.getByText('The phone').waitFor({ state: 'detached' });
	await mine.getByText('Kitchen').waitFor();

	// Fewer at once: what that ends is said before.
	const cap = page.getByRole('spinbutton', { name: /may be logged in at the same time/ });
	await cap.fill('0');
	await page.getByText('A number from 1 to 20.').waitFor();
	await cap.fill('1');
	await page.getByText('Saving this ends the session of Kitchen.').waitFor();
	await assertAccessible(page, 'fewer sessions at once');
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByText('1 of 1 logged in').waitFor();
	expect(await tablet.isLoggedIn()).toBe(false);
	// Notices stay while the pointer rests on them, and here they lie over the button.
	await page.mouse.move(0, 0);
	await cap.fill('5');
	await page.getByText('No session ends by this.').waitFor();
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByText('1 of 5 logged in').waitFor();

	// Everywhere: others first, then here, where nothing stays behind.
	const other = await headlessDevice(story.edge.url, handle, 'Another');
	await goToAccount(page, 'Sessions and devices');
	await page.getByText('2 of 5 logged in').waitFor();
	await page.getByRole('button', { name: 'Log out everywhere' }).click();
	const leaving = page.getByRole('dialog', { name: 'Log out everywhere?' });
	await assertAccessible(page, 'log out everywhere?');
	await leaving.getByRole('button', { name: 'Log out everywhere' }).click();
	await page.getByRole('button', { name: 'Log in', exact: true }).waitFor();
	expect(await other.isLoggedIn()).toBe(false);
	assertNoProblems(profile);
	for (const device of [phone, tablet, other]) await device.close();
});

test('a device that nobody knew is told of, and its session ended, on the page that is open', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	const handle = `watched-${String(++accounts)}`;
	await signUp(page, handle);
	await newNote(page, 'Watched', 'Sealed.');
	await whenSynced(page);
	const told = page.getByRole('alert', { name: 'At your door' });
	expect(await told.count()).toBe(0);
	const stranger = await headlessDevice(story.edge.url, handle, 'Somebody’s laptop');
	await told.getByText('A new device logged in.').waitFor();
	await assertAccessible(page, 'a new device logged in');
	// It stays, whatever is done meanwhile, until it is answered.
	await goTo(page, 'Trash');
	await told.waitFor();
	await told.getByRole('button', { name: 'It was not' }).click();
	const asked = page.getByRole('dialog', { name: 'Was this you?' });
	await assertAccessible(page, 'was this you?');
	await asked.getByRole('button', { name: 'End that session' }).click();
	await page.getByRole('button', { name: 'End it' }).click();
	await asked.waitFor();
	expect(await stranger.isLoggedIn()).toBe(false);
	await asked.getByRole('button', { name: 'It was me' }).click();
	await told.waitFor({ state: 'detached' });
	// Once said, it is not said again; the list keeps it.
	await page.reload();
	await page.getByRole('textbox', { name: 'Password', exact: true }).fill(password);
	await page.getByRole('button', { name: 'Unlock', exact: true }).click();
	await atTheDesk(page);
	await goTo(page, 'Account');
	const events = page.getByRole('list', { name: 'Security events, newest first' });
	await events.getByText('A session ended').first().waitFor();
	await events.getByText('Somebody’s laptop').first().waitFor();
	expect(await told.count()).toBe(0);
	await assertAccessible(page, 'the account, with what happened at its door');
	assertNoProblems(profile);
	await stranger.close();
});

test('wrong passwords that are tried elsewhere are told of on the page that is open', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	const handle = `guessed-${String(++accounts)}`;
	await signUp(page, handle);
	await newNote(page, 'Guessed', 'Sealed.');
	await whenSynced(page);
	const { client } = await init(await loadOpaque());
	const { startLoginRequest: ke1 } = client.startLogin({ password: 'a guess' });
	const guess = async () => {
		const { status } = await fetch(`${story.edge.url}/v1/login/start`, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify({ handle, ke1 })
		});
		return status;
	};
	let tries = 0;
	while ((await guess()) === 200) expect(++tries).toBeLessThan(100);
	const told = page.getByRole('alert', { name: 'At your door' });
	await told.getByText('Too many wrong passwords were tried.').waitFor();
	assertNoProblems(profile);
});
