// Everything can be done by keyboard.
import type { Locator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { assertNoProblems, password, tellStories } from './browser.ts';
import { atTheDesk, noteRow, noteText, signUp, titleField, whenSynced } from './person.ts';

const story = tellStories();

/** Presses Tab until the thing has the focus. */
async function tabTo(page: Page, thing: Locator): Promise<void> {
	await thing.waitFor();
	for (let presses = 0; presses < 60; presses += 1) {
		if (await hasFocus(thing)) return;
		await page.keyboard.press('Tab');
	}
	throw new Error(`Tab does not lead to ${String(thing)}`);
}

const hasFocus = (thing: Locator): Promise<boolean> =>
	thing.evaluate((node) => (node.getRootNode() as Document | ShadowRoot).activeElement === node);

const whenFocused = (thing: Locator): Promise<void> =>
	thing.and(thing.page().locator(':focus')).waitFor();

test('a person logs in, writes, finds, deletes, brings back and locks without a mouse', async () => {
	const other = await story.profile();
	await signUp(other.page, 'keys-only');
	await other.close();

	const profile = await story.profile();
	const { page } = profile;
	const { keyboard } = page;
	await tabTo(page, page.getByRole('button', { name: 'Log in' }));
	await keyboard.press('Enter');
	await page.getByRole('heading', { name: 'Log in' }).waitFor();
	await whenFocused(page.getByRole('textbox', { name: 'Handle' }));
	await keyboard.type('keys-only');
	await keyboard.press('Tab');
	await keyboard.type(password);
	await keyboard.press('Enter');
	await atTheDesk(page);

	// No other device is there to vouch for this one.
	await tabTo(page, page.getByRole('button', { name: 'What this means' }));
	await keyboard.press('Enter');
	const unconfirmed = page.getByRole('dialog', { name: 'This device is not confirmed yet' });
	await tabTo(page, unconfirmed.getByRole('checkbox'));
	await keyboard.press('Space');
	await tabTo(page, unconfirmed.getByRole('button', { name: 'Confirm this device' }));
	await keyboard.press('Enter');
	await unconfirmed.waitFor({ state: 'detached' });

	await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
	await keyboard.press('n');
	await whenFocused(titleField(page));
	await keyboard.type('Written by keys');
	await keyboard.press('Enter');
	await whenFocused(noteText(page));
	await keyboard.type('# No mouse\n\nA needle in the hay.');
	await keyboard.press('Escape');
	await whenFocused(noteRow(page, 'Written by keys'));
	await keyboard.press('n');
	await whenFocused(titleField(page));
	await keyboard.type('Another');
	await keyboard.press('Escape');

	await keyboard.press('/');
	await whenFocused(page.getByRole('searchbox', { name: 'Search notes' }));
	await keyboard.type('needle');
	await page.getByText('1 note found').waitFor();
	await keyboard.press('ArrowDown');
	await whenFocused(noteRow(page, 'Written by keys'));
	await keyboard.press('Enter');
	await whenFocused(noteText(page));
	await keyboard.press('Control+End');
	await keyboard.type(' Found again.');
	await noteText(page).getByText('A needle in the hay. Found again.').waitFor();
	await keyboard.press('Escape');

	await tabTo(page, page.getByRole('button', { name: 'Delete note' }));
	await keyboard.press('Enter');
	await page.getByRole('status').getByText('‘Written by keys’ is in the trash.').waitFor();
	expect(await noteText(page).count()).toBe(0);
	await keyboard.press('Control+Z');
	await noteText(page).getByText('A needle in the hay. Found again.').waitFor();

	await keyboard.press('Control+K');
	const palette = page.getByRole('dialog', { name: 'Find a note or a command' });
	await palette.waitFor();
	await keyboard.type('keyboard map');
	await keyboard.press('Enter');
	await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
	await keyboard.press('Escape');
	await page.getByRole('dialog').waitFor({ state: 'detached' });
	await whenSynced(page);
	await keyboard.press('Control+Shift+L');
	await page.getByRole('heading', { name: 'Locked' }).waitFor();
	await keyboard.type(password);
	await keyboard.press('Enter');
	await atTheDesk(page);
	assertNoProblems(profile);
});
