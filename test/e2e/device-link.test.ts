// One more device of the same account: linked by a QR code, or logged in without.
import type { Locator, Page } from 'playwright-core';
import { encode } from 'uqr';
import { expect, test } from 'vitest';
import { assertNoProblems, password, still, tellStories } from './browser.ts';
import {
	atTheDesk,
	goToAccount,
	logIn,
	newNote,
	noteRow,
	noteText,
	openNote,
	passwordField,
	signUp,
	syncLine,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();

const banner = (page: Page): Locator =>
	page.getByRole('status', { name: 'This device is not confirmed' });

/** Which squares of a QR code on the page are dark, as rows of 0 and 1. */
async function squaresOf(code: Locator): Promise<string[]> {
	const path = (await code.locator('path').getAttribute('d')) ?? '';
	const box = (await code.getAttribute('viewBox')) ?? '';
	const size = Number(box.split(' ').at(-1));
	const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => 0));
	for (const [, x, y] of path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
		const row = rows[Number(y)];
		if (row !== undefined) row[Number(x)] = 1;
	}
	return rows.map((row) => row.join(''));
}

/** A second try needs another: the first one's account stands. */
let accounts = 0;

test('a device that is linked by its code is confirmed from the start', async () => {
	const first = await story.profile(still);
	const handle = `linked-${String(++accounts)}`;
	await signUp(first.page, handle);
	await newNote(first.page, 'Made on the first', 'Before there were two.');
	await whenSynced(first.page);
	await goToAccount(first.page, 'Sessions and devices');
	await first.page.getByRole('button', { name: 'Link a device' }).click();
	const dialog = first.page.getByRole('dialog', { name: 'Link a device' });
	const url = await dialog.getByRole('code').innerText();
	const drawn = await squaresOf(dialog.getByRole('img', { name: 'QR code to link a device' }));
	const { data } = encode(url, { ecc: 'M', border: 4 });
	expect(drawn).toEqual(data.map((row) => row.map(Number).join('')));

	const second = await story.profile(still);
	await second.page.goto(url);
	await second.page.getByRole('heading', { name: 'Link this device' }).waitFor();
	const label = await second.page.getByLabel(/^Code: /).getAttribute('aria-label');
	const code = (label ?? '').replace(/\D/g, '');
	expect(code).toMatch(/^\d{6}$/);

	const field = dialog.getByRole('textbox', { name: 'Code on the new device' });
	const confirm = dialog.getByRole('button', { name: 'Confirm the code' });
	await field.fill(code === '000000' ? '111111' : '000000');
	await confirm.click();
	await dialog.getByRole('alert').getByText('That is not the code on the new device.').waitFor();
	await field.fill(`${code.slice(0, 3)} ${code.slice(3)}`);
	await confirm.click();
	await dialog.getByText('Log in there with your password').waitFor();
	// The first need not be there any more: the second knows already how far the history goes.
	await first.close();

	await second.page.getByText('This device is linked.').waitFor();
	expect(await second.page.getByRole('textbox', { name: 'Handle' }).inputValue()).toBe(handle);
	expect(second.page.url()).not.toContain('link');
	await passwordField(second.page).fill(password);
	await second.page.getByRole('button', { name: 'Log in', exact: true }).click();
	await atTheDesk(second.page);
	await openNote(second.page, 'Made on the first');
	await noteText(second.page).click();
	await second.page.keyboard.press('Control+End');
	await second.page.keyboard.type(' Written on the second.');
	await whenSynced(second.page);
	expect(await banner(second.page).count()).toBe(0);
	assertNoProblems(second);
	await second.close();
});

test('a device that only logged in waits to be confirmed until another one is there', async () => {
	let first = await story.profile(still);
	const handle = `unlinked-${String(++accounts)}`;
	await signUp(first.page, handle);
	await newNote(first.page, 'Known to both', 'One line.');
	await whenSynced(first.page);
	const { folder } = first;
	await first.close();

	const second = await story.profile(still);
	const { page } = second;
	await logIn(page, handle);
	await banner(page).getByText('Not confirmed yet.').waitFor();
	await openNote(page, 'Known to both');
	await noteText(page).click();
	await page.keyboard.press('Control+End');
	await page.keyboard.type(' Another line.');
	await syncLine(page, 'This device is not confirmed yet').waitFor();
	await banner(page).getByRole('button', { name: 'What this means' }).click();
	const dialog = page.getByRole('dialog', { name: 'This device is not confirmed yet' });
	await dialog.getByText('The last change was made').waitFor();

	first = await story.profile({ folder, ...still });
	await unlock(first.page);
	await dialog.getByText('Another device has vouched for this one: it is confirmed.').waitFor();
	await dialog.getByRole('button', { name: 'Close' }).click();
	await banner(page).waitFor({ state: 'hidden' });
	await whenSynced(page);
	await noteRow(first.page, 'Known to both').click();
	await noteText(first.page).getByText('One line. Another line.').waitFor();
	for (const profile of [first, second]) assertNoProblems(profile);
	for (const profile of [first, second]) await profile.close();
});

test('where there is no other device, a person confirms it by hand', async () => {
	const first = await story.profile(still);
	await signUp(first.page, 'alone');
	await newNote(first.page, 'All that is left', 'One line.');
	await whenSynced(first.page);
	await first.close();
	const second = await story.profile(still);
	const { page } = second;
	await logIn(page, 'alone');
	await openNote(page, 'All that is left');
	await noteText(page).click();
	await page.keyboard.press('Control+End');
	await page.keyboard.type(' Waiting to go.');
	await syncLine(page, 'This device is not confirmed yet').waitFor();
	await banner(page).getByRole('button', { name: 'What this means' }).click();
	const dialog = page.getByRole('dialog', { name: 'This device is not confirmed yet' });
	const confirm = dialog.getByRole('button', { name: 'Confirm this device' });
	expect(await confirm.isDisabled()).toBe(true);
	await dialog.getByRole('checkbox', { name: /^The time and the device above are right/ }).check();
	await confirm.click();
	await banner(page).waitFor({ state: 'hidden' });
	await whenSynced(page);
	const third = await story.profile(still);
	await logIn(third.page, 'alone');
	await openNote(third.page, 'All that is left');
	await noteText(third.page).getByText('One line. Waiting to go.').waitFor();
	for (const profile of [second, third]) assertNoProblems(profile);
});
