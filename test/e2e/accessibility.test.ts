// axe finds nothing to object to, on every page, light and dark, wide and narrow; and nothing has to
// be scrolled sideways on the smallest screens.
import AxeBuilder from '@axe-core/playwright';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { assertNoProblems, tellStories, type Profile } from './browser.ts';
import {
	atTheDesk,
	confirmKit,
	fillSignUp,
	goTo,
	lock,
	newNote,
	noteText,
	openNote,
	readKit,
	syncLine,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();
let profile: Profile;
let page: Page;

beforeAll(async () => {
	profile = await story.profile({ settings: { reducedMotion: 'reduce' } });
	page = profile.page;
});

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };
const smallest = { width: 320, height: 640 };

/** Looks at what the page shows now, in all its forms. */
async function assertAccessible(what: string): Promise<void> {
	const found: string[] = [];
	for (const colorScheme of ['light', 'dark'] as const) {
		for (const size of [desktop, phone]) {
			await page.emulateMedia({ colorScheme });
			await page.setViewportSize(size);
			const { violations, passes } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
			expect(passes.length).toBeGreaterThan(10);
			for (const { id, nodes } of violations) {
				for (const { target, failureSummary } of nodes) {
					found.push(
						`${what}, ${colorScheme}, ${String(size.width)} px: ${id}: ${JSON.stringify(target)} ${failureSummary ?? ''}`
					);
				}
			}
		}
	}
	await page.setViewportSize(smallest);
	const sideways = await page.evaluate(() => {
		const { scrollWidth, clientWidth } = document.documentElement;
		return scrollWidth - clientWidth;
	});
	if (sideways > 0) found.push(`${what}: ${String(sideways)} px to be scrolled sideways at 320 px`);
	await page.setViewportSize(desktop);
	expect(found).toEqual([]);
}

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
	await page.getByRole('switch', { name: 'Unlock without a network' }).click();
	await page.getByRole('dialog').waitFor();
	await assertAccessible('offline unlock?');
	await page.getByRole('button', { name: 'Leave it off' }).click();
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
