// Whoever is first runs the server: says who may sign up, and gives out links for it.
import { describe, expect, test } from 'vitest';
import { still, tellStories, type Profile } from './browser.ts';
import { fillSignUp, signUp } from './person.ts';

const story = tellStories();

describe('a new server', () => {
	let first: Profile;
	let link = '';

	test('says to the first person that they will run it, and shows them how', async () => {
		first = await story.profile(still);
		const { page } = first;
		await page.getByText('You are the first here.').waitFor();
		await signUp(page, 'ada');
		await page.goto(`${story.edge.url}/#/account`);
		await page.getByRole('link', { name: 'Running this server' }).click();
		await page.getByRole('heading', { name: 'Running this server', level: 1 }).waitFor();
		await page.getByText('You can’t reset anybody’s password').waitFor();
	});

	test('is set to take whoever has an invite, and gives one out', async () => {
		const { page } = first;
		await page.getByRole('radio', { name: 'Whoever has an invite' }).check();
		await page.getByRole('button', { name: 'Make an invite' }).click();
		const text = page.getByText(/#\/sign-up\/[\w-]{22}$/);
		await text.waitFor();
		link = (await text.innerText()).trim();
		await page.getByText('1 of 1 account left').waitFor();
	});

	test('refuses whoever comes without one', async () => {
		const profile = await story.profile(still);
		const { page } = profile;
		await page.getByText('This server takes new accounts by invite only.').waitFor();
		expect(await page.getByRole('button', { name: 'Create account' }).count()).toBe(0);
		await profile.close();
	});

	test('takes one account by it, which runs nothing', async () => {
		const profile = await story.profile(still);
		const { page } = profile;
		// Pasted where the page stands already, at the login.
		await page.getByRole('button', { name: 'Log in', exact: true }).click();
		await page.getByRole('heading', { name: 'Log in' }).waitFor();
		await page.goto(link);
		await signUp(page, 'berta');
		expect(page.url()).not.toContain('sign-up');
		await page.goto(`${story.edge.url}/#/account`);
		await page.getByRole('heading', { name: 'Account', level: 1 }).waitFor();
		expect(await page.getByRole('link', { name: 'Running this server' }).count()).toBe(0);
		await profile.close();
	});

	test('takes no second one by it', async () => {
		const profile = await story.profile(still);
		const { page } = profile;
		await page.goto(link);
		await page.reload();
		await fillSignUp(page, 'clara');
		await page.getByRole('button', { name: 'Create account' }).click();
		await page.getByText('This sign-up link is not good any more.').waitFor();
		await profile.close();
	});
});
