// The recovery kit, on the day that it is looked for.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { codeOf } from '../client/authenticator-app.ts';
import { askForTotp, wrongCodeOf } from '../client/guarded.ts';
import { assertAccessible } from './accessible.ts';
import { assertNoProblems, still, tellStories } from './browser.ts';
import { headlessDevice } from './device.ts';
import {
	accountKeyField,
	atTheDesk,
	comeIn,
	confirmKit,
	keepAccountKey,
	lock,
	newNote,
	openNote,
	passwordField,
	readKit,
	signUp,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();
/** A story that is told again is one of another account. */
let accounts = 0;
const newHandle = (name: string): string => `${name}-${String(++accounts)}`;
const dayMs = 24 * 60 * 60_000;

test('after a month the page asks whether the kit is still there, and takes three words for an answer', async () => {
	const profile = await story.profile(still);
	const { page } = profile;
	const words = await signUp(page, newHandle('a-month-later'));
	const nudge = page.getByRole('complementary', { name: 'Recovery kit' });
	expect(await nudge.count()).toBe(0);
	await page.clock.install({ time: Date.now() + 31 * dayMs });
	await lock(page);
	await unlock(page);
	await nudge.getByRole('button', { name: 'Check it' }).click();
	const dialog = page.getByRole('dialog', { name: 'Check your recovery kit' });
	const fields = dialog.getByRole('textbox', { name: /^Word \d+$/ });
	await fields.first().waitFor();
	expect(await fields.count()).toBe(3);
	const labels = await fields.evaluateAll((inputs) =>
		inputs.map((input) => (input as HTMLInputElement).labels?.[0]?.innerText ?? '')
	);
	const right = labels.map((label) => words[Number(/\d+/.exec(label)?.[0]) - 1] ?? '');
	for (const [index, word] of [...right].reverse().entries()) await fields.nth(index).fill(word);
	await dialog.getByRole('button', { name: 'Check', exact: true }).click();
	await dialog.getByRole('alert').getByText('These are not the words').waitFor();
	for (const [index, word] of right.entries()) await fields.nth(index).fill(word);
	await dialog.getByRole('button', { name: 'Check', exact: true }).click();
	await dialog.waitFor({ state: 'detached' });
	await nudge.waitFor({ state: 'detached' });
	assertNoProblems(profile);
});

const nextPassword = 'a heron under the new bridge';
const digits = (page: Page) => page.getByText(/^\d{6}$/);

async function toTheWords(page: Page, handle: string): Promise<void> {
	await page.getByRole('button', { name: 'Log in', exact: true }).click();
	await page.getByRole('link', { name: 'your recovery kit' }).click();
	await page.getByRole('heading', { name: 'Use your recovery kit' }).waitFor();
	await page.getByRole('textbox', { name: 'Handle' }).fill(handle);
}

/** As from a file, numbers and line breaks included. */
async function pasteWords(page: Page, words: readonly string[]): Promise<void> {
	const field = page.getByRole('combobox', { name: 'Word 1', exact: true });
	await field.waitFor();
	await field.fill(words.map((word, index) => `${String(index + 1)} ${word}`).join('  '));
	await page.getByRole('button', { name: 'Go on' }).click();
}

test('a forgotten password: the words wait, another browser lets them in, and everything is there', async () => {
	const [home, fresh] = [await story.profile(still), await story.profile(still)];
	const handle = newHandle('forgotten');
	const words = await signUp(home.page, handle);
	await newNote(home.page, 'Still here', 'after all that');
	await whenSynced(home.page);

	const { page } = fresh;
	await toTheWords(page, handle);
	// Of these, unlike of a kit's in another order, the checksum is never right.
	await pasteWords(page, Array<string>(12).fill('zoo'));
	await page.getByRole('alert').getByText('not the words of a recovery kit').waitFor();
	await pasteWords(page, words);
	await page.getByRole('heading', { name: 'Waiting, for your safety' }).waitFor();
	const code = await digits(page).innerText();
	// Closed, and come back to by the way that the page tells of.
	await page.getByText('by ‘Forgot your password?’, where you log in').waitFor();
	await page.goto('about:blank');
	await page.goto(story.edge.url);
	await page.getByRole('button', { name: 'Log in', exact: true }).click();
	await page.getByRole('link', { name: 'your recovery kit' }).click();
	await page.getByRole('heading', { name: 'Waiting, for your safety' }).waitFor();
	expect(await digits(page).innerText()).toBe(code);

	await home.page.bringToFront();
	await home.page.getByRole('button', { name: 'It is me' }).click();
	const dialog = home.page.getByRole('dialog', { name: 'Is it you?' });
	await dialog.getByText(code).waitFor();
	await dialog.getByRole('button', { name: /let me in$/ }).click();
	await home.page.getByText('A device of yours has approved.').waitFor();

	await page.bringToFront();
	await page.getByRole('button', { name: 'Ask again now' }).click();
	await page.getByRole('heading', { name: 'The wait is over' }).waitFor();
	await pasteWords(page, words);
	await page.getByRole('textbox', { name: 'New password' }).fill('password1');
	await page.getByRole('button', { name: 'Go on to the new kit' }).click();
	await page.getByText('This password could be guessed.').waitFor();
	await page.getByRole('textbox', { name: 'New password' }).fill(nextPassword);
	await page.getByRole('button', { name: 'Go on to the new kit' }).click();
	const next = await readKit(page);
	expect(next).not.toEqual(words);
	await keepAccountKey(page, handle);
	await page.getByRole('button', { name: 'I have kept it' }).click();
	await confirmKit(page, next);
	await atTheDesk(page);
	await openNote(page, 'Still here');
	expect(page.url()).not.toContain('recover');

	await home.page.bringToFront();
	await lock(home.page);
	// What this browser kept was the key of the kit before.
	await passwordField(home.page).fill(nextPassword);
	await home.page.getByRole('button', { name: 'Unlock', exact: true }).click();
	await accountKeyField(home.page).waitFor();
	await comeIn(home.page, handle);
	await openNote(home.page, 'Still here');
	await Promise.all([home.close(), fresh.close()]);
});

test('words in other hands: the browser at home calls it off, and whoever waits is told', async () => {
	const [home, thief] = [await story.profile(still), await story.profile(still)];
	const handle = newHandle('a-copied-sheet');
	const words = await signUp(home.page, handle);
	await toTheWords(thief.page, handle);
	await pasteWords(thief.page, words);
	await thief.page.getByRole('heading', { name: 'Waiting, for your safety' }).waitFor();
	await home.page.bringToFront();
	await home.page.getByRole('button', { name: 'Call it off' }).click();
	await home.page.getByText('The recovery was called off.').waitFor();
	await thief.page.bringToFront();
	await thief.page.getByRole('button', { name: 'Ask again now' }).click();
	await thief.page.getByRole('alert').getByText('This recovery was called off.').waitFor();
	await thief.page.getByRole('heading', { name: 'Use your recovery kit' }).waitFor();
	await Promise.all([home.close(), thief.close()]);
});

test('everything is lost but the words and an app: where the account lets its kit in at once, that is enough', async () => {
	const home = await story.profile(still);
	const handle = newHandle('all-is-lost');
	const words = await signUp(home.page, handle);
	await newNote(home.page, 'Still here', 'after the fire');
	await whenSynced(home.page);
	const other = await headlessDevice(story.edge.url, handle);
	const app = await askForTotp(other, { recoveryDelayDays: 0 });
	await Promise.all([home.close(), other.close()]);

	const fresh = await story.profile(still);
	const { page } = fresh;
	const digitsField = page.getByRole('textbox', { name: 'Six digits from your app' });
	await toTheWords(page, handle);
	await pasteWords(page, words);
	await page.getByText('The words were right.').waitFor();
	await page.getByRole('button', { name: 'Cancel the recovery' }).click();
	await page.getByRole('heading', { name: 'Use your recovery kit' }).waitFor();
	await page.reload();
	await page.getByRole('heading', { name: 'Use your recovery kit' }).waitFor();
	await page.getByRole('textbox', { name: 'Handle' }).fill(handle);
	await pasteWords(page, words);
	await digitsField.fill(wrongCodeOf(app));
	await page.getByText('That was not the right second step.').waitFor();
	await assertAccessible(page, 'the second step of a recovery');
	await digitsField.fill(codeOf(app));
	await page.getByText('Your account lets its kit in at once.').waitFor();
	await page.getByRole('textbox', { name: 'New password' }).fill(nextPassword);
	await page.getByRole('button', { name: 'Go on to the new kit' }).click();
	const next = await readKit(page);
	await page.getByRole('button', { name: 'I have kept it' }).click();
	await confirmKit(page, next);
	await page.getByText('Your new password and kit are in force.').waitFor();
	await digitsField.fill(codeOf(app, 1));
	await atTheDesk(page);
	await openNote(page, 'Still here');
	// The code that was wrong.
	assertNoProblems(fresh, { but: /\/v1\/recovery\/step/ });
	await fresh.close();
});
