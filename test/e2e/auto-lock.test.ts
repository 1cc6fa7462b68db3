// What happens to an unlocked account that its person left.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { assertNoProblems, tellStories, type Profile } from './browser.ts';
import {
	atTheDesk,
	goToAccount,
	lock,
	newNote,
	noteText,
	signUp,
	titleField,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();
/** A story that is told again is one of another account. */
let accounts = 0;

/** A profile whose pages have a clock that the story moves on. */
async function timed(): Promise<Profile> {
	const profile = await story.profile();
	await profile.context.clock.install();
	await profile.page.reload();
	return profile;
}

const pass = (page: Page, minutes: number): Promise<void> =>
	page.clock.runFor(Math.round(minutes * 60_000));

async function expectUnlocked(page: Page): Promise<void> {
	await atTheDesk(page);
	expect(await page.getByRole('heading', { name: 'Locked' }).count()).toBe(0);
}

test('an account that nobody uses locks in all tabs, and what was being written is there again', async () => {
	const profile = await timed();
	const { page, context } = profile;
	await signUp(page, `left-alone-${String(++accounts)}`);
	await newNote(page, 'A letter', 'Dear sister,\n\nyesterday it rained.');
	await whenSynced(page);
	await page.keyboard.press('Control+Home');
	await page.keyboard.press('End');
	await page.keyboard.type(' and brother');
	// Half a thought, and the cursor before the comma.
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('ArrowRight');

	const second = await context.newPage();
	await second.goto(story.edge.url);
	await atTheDesk(second);
	await page.bringToFront();

	await pass(page, 10);
	await page.keyboard.press('Shift');
	// The other tab has the same clock, and heard that this one is used.
	await pass(page, 10);
	await expectUnlocked(page);
	await expectUnlocked(second);
	await pass(page, 6);
	await page.getByRole('heading', { name: 'Locked' }).waitFor();
	await second.getByRole('heading', { name: 'Locked' }).waitFor();
	await second.close();

	await unlock(page);
	await noteText(page).and(page.locator(':focus')).waitFor();
	await page.keyboard.type('!');
	await noteText(page).getByText('Dear sister, and brother!').waitFor();

	// In the title, and after the browser was closed.
	await titleField(page).focus();
	await page.keyboard.press('Home');
	await page.keyboard.press('ArrowRight');
	const { hash } = new URL(page.url());
	await lock(page);
	assertNoProblems(profile, { but: /status of 40[13]/ });
	const again = await profile.reopen();
	await again.page.goto(`${story.edge.url}/${hash}`);
	await unlock(again.page);
	await titleField(again.page).and(again.page.locator(':focus')).waitFor();
	const caret = await titleField(again.page).evaluate(
		(field: HTMLTextAreaElement) => field.selectionStart
	);
	expect(caret).toBe(1);
	assertNoProblems(again, { but: /status of 40[13]/ });
	await again.close();
});

test('how long is a choice of this device, for all its tabs', async () => {
	const profile = await timed();
	const { page, context } = profile;
	await signUp(page, `impatient-${String(++accounts)}`);
	await goToAccount(page, 'Unlocking');
	const group = page.getByRole('group', { name: 'Lock when nobody uses Tacet for' });
	await group.getByRole('radio', { name: '15 minutes', checked: true }).waitFor();
	await group.getByRole('radio', { name: 'Never' }).check();
	await group.getByText('Its cost: whoever sits down at this device').waitFor();
	// Longer than any other choice. Requests that this clock gives up on are not lost, and mount up.
	await pass(page, 61);
	await expectUnlocked(page);
	await group.getByRole('radio', { name: '1 minute' }).check();
	await lock(page);
	await unlock(page);
	await goToAccount(page, 'Unlocking');
	await group.getByRole('radio', { name: '1 minute', checked: true }).waitFor();
	await pass(page, 1.1);
	await page.getByRole('heading', { name: 'Locked' }).waitFor();

	// Whoever opens the lid again may be anybody.
	await unlock(page);
	await goToAccount(page, 'Unlocking');
	await group.getByRole('radio', { name: '1 hour' }).check();
	await page.clock.fastForward(3 * 60_000);
	await page.getByRole('heading', { name: 'Locked' }).waitFor();

	await unlock(page);
	await goToAccount(page, 'Unlocking');
	await page.getByRole('switch', { name: 'Lock all tabs when one is closed' }).click();
	const second = await context.newPage();
	await second.goto(story.edge.url);
	await atTheDesk(second);
	await second.close({ runBeforeUnload: true });
	await page.getByRole('heading', { name: 'Locked' }).waitFor();
	// Clocks that jump make tokens old, and a login ends the session that asks for a new one.
	assertNoProblems(profile, { but: /status of 40[13]/ });
});
