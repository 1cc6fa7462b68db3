// The recovery kit, on the day that it is looked for.
import { expect, test } from 'vitest';
import { assertNoProblems, tellStories } from './browser.ts';
import { lock, signUp, unlock } from './person.ts';

const story = tellStories();
const dayMs = 24 * 60 * 60_000;

test('after a month the page asks whether the kit is still there, and takes three words for an answer', async () => {
	const profile = await story.profile();
	const { page } = profile;
	const words = await signUp(page, 'a-month-later');
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
