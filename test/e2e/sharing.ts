// What people do with each other at the page: spaces, invitations, share links.
import type { Locator, Page } from 'playwright-core';

/** A space among the account's own in the rail, by its name. */
export const spaceRow = (page: Page, name: string): Locator =>
	page.getByRole('navigation', { name: 'Spaces' }).getByRole('link').filter({ hasText: name });

export async function newSpace(page: Page, name: string): Promise<void> {
	await page
		.getByRole('navigation', { name: 'Spaces' })
		.getByRole('button', { name: 'New space' })
		.click();
	const dialog = page.getByRole('dialog', { name: 'New space' });
	await dialog.getByRole('textbox', { name: 'Name' }).fill(name);
	await dialog.getByRole('button', { name: 'Create space' }).click();
	await page.getByRole('heading', { name, level: 1 }).waitFor();
}

export async function openSpace(page: Page, name: string): Promise<void> {
	await spaceRow(page, name).click();
	await page.getByRole('heading', { name, level: 1 }).waitFor();
}

/** The dialog about who is in the space that is shown. */
export async function openSharing(page: Page): Promise<Locator> {
	await page.getByRole('button', { name: /^(Share|Members of) this space$/ }).click();
	return sharingDialog(page);
}

export const sharingDialog = (page: Page): Locator =>
	page.getByRole('dialog', { name: /^(Share|Who is in) ‘.*’$/ });

export async function closeDialog(dialog: Locator): Promise<void> {
	await dialog.getByRole('button', { name: 'Close', exact: true }).click();
	await dialog.waitFor({ state: 'hidden' });
}

/** Makes an invitation in the open dialog. Answers its link. */
export async function makeInvitation(dialog: Locator, role = 'Editor'): Promise<string> {
	const form = dialog.getByRole('region', { name: 'Invite somebody' });
	await form.getByRole('combobox', { name: 'Invite as' }).selectOption({ label: role });
	await form.getByRole('button', { name: 'Make invitation link' }).click();
	return form.getByRole('code').innerText();
}

export interface LinkWishes {
	readonly label: string;
	readonly openings?: string;
	readonly passphrase?: string;
}

/** Makes a share link in the open dialog's part for links. Answers its address. */
export async function makeShareLink(dialog: Locator, wishes: LinkWishes): Promise<string> {
	const form = dialog.getByRole('region', { name: 'New share link' });
	await form.getByRole('textbox', { name: 'For whom or what' }).fill(wishes.label);
	const openings = form.getByRole('combobox', { name: 'Can be opened' });
	await openings.selectOption({ label: wishes.openings ?? 'Any number' });
	if (wishes.passphrase !== undefined) {
		await form.getByRole('textbox', { name: 'Passphrase' }).fill(wishes.passphrase);
	}
	await form.getByRole('button', { name: 'Make share link' }).click();
	return form.getByRole('code').innerText();
}

/** The words that a person and somebody else read to each other. */
export async function safetyWords(within: Page | Locator, name: string): Promise<string[]> {
	const items = within
		.getByRole('list', { name: `Safety words with ${name}` })
		.getByRole('listitem');
	await items.first().waitFor();
	return (await items.allInnerTexts()).map((line) => line.replace(/^\d+\s*/, '').trim());
}

export const memberRow = (within: Page | Locator, name: string): Locator =>
	within
		.getByRole('list', { name: 'Members' })
		.getByRole('listitem')
		.filter({ hasText: new RegExp(`^\\s*${name}`) });

/** In the open dialog: from the menu to the commit that stands. */
export async function changeRole(dialog: Locator, name: string, role: string): Promise<void> {
	const menu = dialog.getByRole('combobox', { name: `Role of ${name}` });
	await menu.selectOption({ label: role });
	const question = dialog.getByRole('dialog', { name: `Make ${name} a` });
	await question.getByRole('button', { name: 'Change role' }).click();
	await question.waitFor({ state: 'hidden' });
}
