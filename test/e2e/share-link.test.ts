// A note read by people without an account, by its link: how it opens, and how that ends.
import type { Locator, Page } from 'playwright-core';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { assertNoProblems, tellStories, type Profile } from './browser.ts';
import { newNote, noteRow, noteText, openNote, signUp, whenSynced } from './person.ts';
import { closeDialog, makeShareLink, sharingDialog } from './sharing.ts';

const story = tellStories();
const passphrase = 'heron under ice';
/** What a link does not open is answered with such a status, and the browser says so. */
const refused = /status of (401|403|404|410|423)/;

let owner: Profile;
let reader: Profile;
/** The part of the sharing dialog that is about links, open at the start of every test. */
let links: Locator;

beforeAll(async () => {
	owner = await story.profile();
	reader = await story.profile();
	const { page } = owner;
	await signUp(page, 'ada');
	await newNote(page, 'Kept at home', 'For nobody else.');
	await newNote(page, 'The recipe', 'Soak the beans.');
	await whenSynced(page);
	await page.getByRole('button', { name: 'Share note' }).click();
	await page.getByRole('button', { name: 'Share only this note' }).click();
	await sharingDialog(page).waitFor();
});

beforeEach(async () => {
	const { page } = owner;
	links = sharingDialog(page);
	if (!(await links.isVisible())) {
		await openNote(page, 'The recipe');
		await page.getByRole('button', { name: 'Share note' }).click();
	}
	await links.getByRole('tab', { name: 'Link' }).click();
});

const sharedNote = (page: Page): Locator => page.getByRole('article', { name: 'Shared note' });

/** What the owner is shown of a link: how often it was opened, and how often it may be. */
const linkRow = (label: string): Locator =>
	links
		.getByRole('region', { name: 'Share links' })
		.getByRole('listitem')
		.filter({ has: owner.page.getByText(label, { exact: true }) });

const ended = (page: Page): Locator =>
	page.getByRole('alert').filter({ hasText: 'This link has ended.' });

/** A tab of its own without any of what another one has. */
async function openTab(url: string): Promise<Page> {
	const page = await reader.context.newPage();
	await page.goto(url);
	return page;
}

test('a note is shown by its link without an account, and follows its author', async () => {
	const url = await makeShareLink(links, { label: 'For the cook' });
	const page = await reader.context.newPage();
	const fromMs = performance.now();
	await page.goto(url);
	await sharedNote(page).getByText('Soak the beans.').waitFor();
	const tookMs = performance.now() - fromMs;
	console.log(`share link: shown ${tookMs.toFixed(0)} ms after it was opened`);
	expect(tookMs).toBeLessThan(5_000);
	await page.getByText('ada shares this note with you').waitFor();
	expect(await page.getByText('Kept at home').count()).toBe(0);
	await linkRow('For the cook')
		.getByText(/^opened 1 time ·/)
		.waitFor();
	await closeDialog(links);
	await noteText(owner.page).click();
	await owner.page.keyboard.press('Control+End');
	await owner.page.keyboard.type(' Overnight.');
	await sharedNote(page).getByText('Soak the beans. Overnight.').waitFor();
	assertNoProblems(owner);
	assertNoProblems(reader);
	await page.close();
});

test('a preview fetch uses no opening, and after the last opening nothing is shown', async () => {
	const url = await makeShareLink(links, { label: 'Just once', openings: 'Once' });
	for (let fetched = 0; fetched < 3; fetched += 1) {
		const answer = await fetch(url);
		expect(answer.status).toBe(200);
		expect(await answer.text()).not.toContain('Soak the beans.');
	}
	await linkRow('Just once')
		.getByText(/^opened 0 times · 1 opening left/)
		.waitFor();
	const first = await openTab(url);
	await sharedNote(first).waitFor();
	await linkRow('Just once')
		.getByText(/^opened 1 time · 0 openings left/)
		.waitFor();
	const second = await openTab(url);
	await ended(second).waitFor();
	expect(await sharedNote(second).count()).toBe(0);
	// Whoever is in reads on.
	expect(await sharedNote(first).isVisible()).toBe(true);
	for (const page of [first, second]) await page.close();
});

test('a link with a passphrase opens to that, and ten wrong guesses freeze it', async () => {
	const url = await makeShareLink(links, { label: 'With a word', passphrase });
	const page = await openTab(url);
	await page.getByRole('heading', { name: 'This link has a passphrase' }).waitFor();
	const wrong = page.getByRole('alert').filter({ hasText: 'That is not the passphrase.' });
	const frozen = page.getByRole('alert').filter({ hasText: 'This link is frozen.' });
	const say = async (words: string): Promise<void> => {
		await page.getByRole('textbox', { name: 'Passphrase' }).fill(words);
		await page.getByRole('button', { name: 'Open', exact: true }).click();
	};
	await say('heron over ice');
	await wrong.waitFor();
	await say(passphrase);
	await sharedNote(page).getByText('Soak the beans.').waitFor();
	await page.reload();
	for (let guesses = 2; guesses <= 10; guesses += 1) {
		// What was said of the guess before is gone by then.
		const asked = page.waitForResponse((response) => response.url().endsWith('/links/start'));
		await say(`guess number ${String(guesses)}`);
		await asked;
		await wrong.or(frozen).waitFor();
	}
	if (await wrong.isVisible()) await say(passphrase);
	await frozen.waitFor();
	await linkRow('With a word').getByText('Frozen: its passphrase was guessed wrong').waitFor();
	// Not with the right one either.
	const another = await openTab(url);
	await another.getByRole('alert').filter({ hasText: 'This link is frozen.' }).waitFor();
	for (const each of [page, another]) await each.close();
});

test('a link that is revoked closes for whoever has it open, and opens no more', async () => {
	const url = await makeShareLink(links, { label: 'Not for long' });
	const page = await openTab(url);
	await sharedNote(page).waitFor();
	await links.getByRole('button', { name: 'Revoke link: Not for long' }).click();
	await links.getByRole('button', { name: 'Revoke and make a new key' }).click();
	await page.getByRole('status').filter({ hasText: 'This link has ended.' }).waitFor();
	await linkRow('Not for long').waitFor({ state: 'hidden' });
	const late = await openTab(url);
	await late.getByRole('heading', { name: 'Nothing to show' }).waitFor();
	await closeDialog(links);
	await noteText(owner.page).click();
	await owner.page.keyboard.press('Control+End');
	await owner.page.keyboard.type(' A secret spice.');
	await whenSynced(owner.page);
	expect(await page.getByText('A secret spice.').count()).toBe(0);
	for (const each of [page, late]) await each.close();
	await noteRow(owner.page, 'The recipe').waitFor();
	assertNoProblems(owner);
	assertNoProblems(reader, { but: refused });
});
