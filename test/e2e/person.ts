// What a person does at the page, by what is written on it: roles and labels, no insides.
import type { Locator, Page } from 'playwright-core';
import { password } from './browser.ts';

export const passwordField = (page: Page): Locator =>
	page.getByRole('textbox', { name: 'Password', exact: true });

export async function fillSignUp(page: Page, handle: string, secret = password): Promise<void> {
	await page.getByRole('textbox', { name: 'Handle' }).fill(handle);
	await passwordField(page).fill(secret);
}

/** Account keys as they stand on the kits of people here, by handle. */
export const accountKeys = new Map<string, string>();

/** Signs up and keeps the recovery kit. Answers its words. */
export async function signUp(page: Page, handle: string, secret = password): Promise<string[]> {
	await fillSignUp(page, handle, secret);
	await page.getByRole('button', { name: 'Create account' }).click();
	const words = await readKit(page);
	await keepAccountKey(page, handle);
	await page.getByRole('button', { name: 'I have kept it' }).click();
	await confirmKit(page, words);
	await atTheDesk(page);
	return words;
}

export async function readKit(page: Page): Promise<string[]> {
	const lines = page.getByRole('region', { name: 'Recovery kit' }).getByRole('listitem');
	await lines.first().waitFor();
	return (await lines.allInnerTexts()).map((line) => line.replace(/^\d+\s*/, '').trim());
}

/** Takes the account key off the kit that is shown; the first account of a server has none. */
export async function keepAccountKey(page: Page, handle: string): Promise<void> {
	const key = page.getByRole('region', { name: 'Recovery kit' }).getByTitle('Account key');
	if ((await key.count()) > 0) accountKeys.set(handle, await key.first().innerText());
}

/** Reads the two words back that the page asks for. */
export async function confirmKit(page: Page, words: readonly string[]): Promise<void> {
	await fillWords(page, words);
	await page.getByRole('button', { name: 'Confirm' }).click();
}

/** Into fields that say which words they ask for. */
export async function fillWords(at: Page | Locator, words: readonly string[]): Promise<void> {
	const fields = at.getByRole('textbox', { name: /^Word \d+$/ });
	await fields.first().waitFor();
	for (const field of await fields.all()) {
		const label = await field.evaluate((input: HTMLInputElement) => input.labels?.[0]?.innerText);
		const position = Number(/\d+/.exec(label ?? '')?.[0]);
		await field.fill(words[position - 1] ?? '');
	}
}

/** The password once more, where a change of the account asks for it. */
export async function showWhoIsHere(page: Page, secret = password): Promise<void> {
	const dialog = page.getByRole('dialog', { name: 'Is it you?' });
	await dialog.getByRole('textbox', { name: 'Password' }).fill(secret);
	await dialog.getByRole('button', { name: 'Go on' }).click();
	await dialog.waitFor({ state: 'detached' });
}

export async function fillLogIn(page: Page, handle: string, secret = password): Promise<void> {
	const toLogIn = page.getByRole('button', { name: 'Log in', exact: true });
	await toLogIn.waitFor();
	if (!(await page.getByRole('heading', { name: 'Log in' }).isVisible())) await toLogIn.click();
	await page.getByRole('heading', { name: 'Log in' }).waitFor();
	await fillSignUp(page, handle, secret);
	await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

export async function logIn(page: Page, handle: string, secret = password): Promise<void> {
	await fillLogIn(page, handle, secret);
	await comeIn(page, handle);
}

/** The end of a login: whoever is asked for their account key types it from the kit. */
export async function comeIn(page: Page, handle: string): Promise<void> {
	await showAccountKey(page, handle);
	await atTheDesk(page);
}

export const accountKeyField = (page: Page): Locator =>
	page.getByRole('textbox', { name: 'Account key' });

/** Types it from the kit, if this device asks for it. */
async function showAccountKey(page: Page, handle: string): Promise<void> {
	const key = accountKeys.get(handle);
	if (key === undefined) return;
	await accountKeyField(page).or(atPlaces(page)).waitFor();
	if (!(await accountKeyField(page).isVisible())) return;
	await accountKeyField(page).fill(key);
	await page.getByRole('button', { name: 'Go on' }).click();
}

export async function unlock(page: Page, secret = password): Promise<void> {
	await page.getByRole('heading', { name: 'Locked' }).waitFor();
	await passwordField(page).fill(secret);
	await page.getByRole('button', { name: 'Unlock', exact: true }).click();
	await atTheDesk(page);
}

export async function lock(page: Page): Promise<void> {
	await page.keyboard.press('Control+Shift+L');
	await page.getByRole('heading', { name: 'Locked' }).waitFor();
}

const atPlaces = (page: Page): Locator =>
	page.getByRole('navigation', { name: 'Places' }).filter({ visible: true });

export const atTheDesk = (page: Page): Promise<void> => atPlaces(page).waitFor();

export async function goTo(
	page: Page,
	place: 'Notes' | 'Trash' | 'Import' | 'Account' | 'Settings'
): Promise<void> {
	const places = page.getByRole('navigation', { name: 'Places' }).filter({ visible: true });
	await places.getByRole('link', { name: place }).click();
	await page.getByRole('heading', { name: place, level: 1 }).waitFor();
}

/** A page of the account, by the way of the one that leads to them all. */
export async function goToAccount(page: Page, part: AccountPage): Promise<void> {
	await goTo(page, 'Account');
	await page
		.getByRole('navigation', { name: 'Pages of the account' })
		.getByRole('link', { name: new RegExp(`^${part}`) })
		.click();
	await page.getByRole('heading', { name: part, level: 1 }).waitFor();
}

type AccountPage =
	| 'Sessions and devices'
	| 'Password'
	| 'Second factors'
	| 'Unlocking'
	| 'Recovery kit'
	| 'Limits';

export const titleField = (page: Page): Locator =>
	page.getByRole('textbox', { name: 'Title', exact: true });

/** The open note's text. It lies in a shadow root, which locators see through. */
export const noteText = (page: Page): Locator => page.getByRole('textbox', { name: 'Note text' });

export const noteList = (page: Page): Locator =>
	page.getByRole('list', { name: /^Notes(, newest first| found)$/ });

/** A note in the list, by the text of its row. Rows far out of sight are not drawn. */
export const noteRow = (page: Page, text: string | RegExp): Locator =>
	noteList(page).getByRole('link').filter({ hasText: text });

export const searchField = (page: Page): Locator =>
	page.getByRole('searchbox', { name: 'Search notes' });

export async function newNote(page: Page, title: string, body: string): Promise<void> {
	await page.getByRole('button', { name: 'New note' }).filter({ visible: true }).first().click();
	// Until it has the focus, the title there is that of the note before.
	await titleField(page).and(page.locator(':focus')).fill(title);
	await noteText(page).click();
	if (body !== '') await page.keyboard.insertText(body);
	await noteText(page)
		.getByText(body.split('\n')[0] ?? '')
		.first()
		.waitFor();
}

/** Finds a note by searching for its title, and opens it. */
export async function openNote(page: Page, title: string): Promise<void> {
	await searchField(page).fill(title);
	await noteRow(page, title).first().click();
	await noteText(page).waitFor();
	if (await searchField(page).isVisible()) await searchField(page).fill('');
}

/** The line in the editor's head that says where changes are. */
export const syncLine = (page: Page, text: string | RegExp): Locator =>
	page.getByRole('status').filter({ hasText: text, visible: true }).first();

export const whenSynced = (page: Page): Promise<void> => syncLine(page, /^Synced/).waitFor();

/** All of the open note's text, by way of select all and copy, as the clipboard would get it. */
export async function copyText(page: Page): Promise<string> {
	await noteText(page).focus();
	await page.keyboard.press('Control+A');
	const copied = await page.evaluateHandle(() => {
		const clipboard: { text?: string } = {};
		const take = (event: ClipboardEvent): void => {
			clipboard.text = event.clipboardData?.getData('text/plain') ?? '';
		};
		addEventListener('copy', take, { once: true });
		return clipboard;
	});
	await page.keyboard.press('Control+C');
	await page.waitForFunction(({ text }) => text !== undefined, copied);
	return await copied.evaluate(({ text }) => text ?? '');
}
