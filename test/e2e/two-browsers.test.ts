// The main story: notes written in one browser are read and edited in another.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { bodiesByPath, headlessDevice } from './device.ts';
import { assertNoProblems, tellStories, type Profile } from './browser.ts';
import {
	atTheDesk,
	confirmKit,
	copyText,
	fillSignUp,
	goTo,
	logIn,
	newNote,
	noteList,
	noteRow,
	noteText,
	openNote,
	passwordField,
	readKit,
	whenSynced
} from './person.ts';
import { gatherReadmes, type RealFile } from './readmes.ts';

const story = tellStories();
const handle = 'two-browsers';

let first: Profile;
let second: Profile;

describe('a folder of real notes', () => {
	let files: RealFile[];
	let folder: string;

	beforeAll(async () => {
		folder = await story.folder();
		files = await gatherReadmes(folder);
		first = await story.profile();
		second = await story.profile();
	});

	test('an account is made with a strong password only, and its recovery kit read back', async () => {
		const { page } = first;
		await fillSignUp(page, handle, 'password1');
		await page.getByRole('button', { name: 'Create account' }).click();
		await page.getByRole('alert').getByText('This password could be guessed.').waitFor();
		await passwordField(page).fill('a tortoise on the old pier');
		await page.getByText('Keep it well: nobody can reset it.').waitFor();
		await page.getByRole('button', { name: 'Create account' }).click();
		const words = await readKit(page);
		expect(words).toHaveLength(12);
		expect(new Set(words).size).toBeGreaterThan(8);
		const [saved] = await Promise.all([
			page.waitForEvent('download'),
			page.getByRole('button', { name: 'Save as a file' }).click()
		]);
		const file = await readFile(await saved.path(), 'utf8');
		expect(saved.suggestedFilename()).toBe(`tacet-recovery-kit-${handle}.html`);
		expect([...file.matchAll(/<li>(\w+)<\/li>/g)].map(([, word]) => word)).toEqual(words);
		expect(file).toContain(`<dd>${handle}</dd>`);
		expect(file).not.toMatch(/<script|https?:\/\/[^<]*#/);
		await page.getByRole('button', { name: 'I have kept it' }).click();
		await confirmKit(page, [...words].reverse());
		await page.getByRole('alert').getByText('These are not the words').waitFor();
		await confirmKit(page, words);
		await atTheDesk(page);
	});

	test('hundreds of files are taken in one go, and the report names what was not', async () => {
		const { page } = first;
		await goTo(page, 'Import');
		await page.getByLabel('Folder to import').setInputFiles(`${folder}/readmes`);
		const report = page.getByRole('region', { name: 'Import done' });
		await report.waitFor();
		expect(files.length).toBeGreaterThan(200);
		await report.getByText(`${String(files.length)} notes taken, nothing left out.`).waitFor();
		await report.getByRole('link', { name: 'To the notes' }).click();
		await whenSynced(page);
		assertNoProblems(first);
	});

	test('all are in the other browser, byte for byte', async () => {
		const { page } = second;
		await logIn(page, handle);
		await whenSynced(page);
		const list = noteList(page);
		await list.getByRole('link').first().waitFor();
		expect(await list.getByRole('listitem').first().getAttribute('aria-setsize')).toBe(
			String(files.length)
		);
		let checked = 0;
		const rows = await allRows(page);
		expect(rows).toHaveLength(files.length);
		const isHard = ({ path }: RealFile): boolean => path.includes('/hard/');
		const isSample = (file: RealFile, index: number): boolean => isHard(file) || index % 30 === 0;
		for (const file of files.filter(isSample)) {
			// Nothing can be copied from an empty note; the third device reads it.
			if (file.bytes.length === 0) continue;
			const named = rows.filter((row) => isRowOf(file, row));
			// Some packages lie in folders of the same name: a row can't tell them apart.
			const [row] = named;
			if (named.length !== 1 || row === undefined) continue;
			await page.goto(new URL(row.href, page.url()).href);
			await noteText(page).waitFor();
			checked += 1;
			expect(sha256(Buffer.from(await copyText(page))), file.path).toBe(sha256(file.bytes));
		}
		expect(checked).toBeGreaterThan(15);
		assertNoProblems(second);
	});

	test('all are on a third device, byte for byte', async () => {
		const device = await headlessDevice(story.edge.url, handle);
		const bodies = await bodiesByPath(device.space, files.length);
		await device.close();
		expect([...bodies.keys()].sort()).toEqual(files.map(({ path }) => path).sort());
		for (const { path, bytes } of files) {
			expect(sha256(Buffer.from(bodies.get(path) ?? '')), path).toBe(sha256(bytes));
		}
	});
});

interface Row {
	readonly href: string;
	readonly text: string;
}

/** Whether the row can be the file's, by the title and the last two folders that it shows. */
function isRowOf({ path }: RealFile, { text }: Row): boolean {
	const names = path.split('/');
	const title = names.at(-1)?.replace(/\.md$/, '') ?? '';
	return text.startsWith(`${title} `) && text.includes(` ${names.slice(-3, -1).join('/')} `);
}

/** Every row of a list that draws only those in sight, by scrolling through it. */
async function allRows(page: Page): Promise<Row[]> {
	const items = noteList(page).getByRole('listitem');
	const rows = new Map<number, Row>();
	for (;;) {
		const drawn = await items.evaluateAll((nodes) =>
			nodes.map((node) => ({
				at: Number(node.getAttribute('aria-posinset')),
				of: Number(node.getAttribute('aria-setsize')),
				href: node.querySelector('a')?.getAttribute('href') ?? '',
				text: (node as HTMLElement).innerText.replace(/\s+/g, ' ') + ' '
			}))
		);
		for (const { at, href, text } of drawn) rows.set(at, { href, text });
		const last = drawn.at(-1);
		if (last === undefined || last.at === last.of) return [...rows.values()];
		await items.last().scrollIntoViewIfNeeded();
		await page.locator(`[aria-posinset="${String(last.at + 1)}"]`).waitFor();
	}
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('both browsers open', () => {
	test('an edit in one shows in the other, which keeps its place', async () => {
		const [one, two] = [first.page, second.page];
		await newNote(one, 'Shared by two', 'The first line\nThe last line');
		await openNote(two, 'Shared by two');
		await noteText(two).getByText('The last line').click();
		await two.keyboard.press('Control+End');
		await noteText(one).click();
		await one.keyboard.press('Control+Home');
		await one.keyboard.type('Seen elsewhere. ');
		await noteText(two).getByText('Seen elsewhere. The first line').waitFor();
		await two.keyboard.type(', and more');
		await noteText(one).getByText('The last line, and more').waitFor();
		expect(await copyText(two)).toBe('Seen elsewhere. The first line\nThe last line, and more');
	});

	test('both edit the same note offline, and both edits are kept in both', async () => {
		const pages = [first.page, second.page];
		for (const { context } of [first, second]) await context.setOffline(true);
		story.edge.wire.cut();
		await noteText(first.page).click();
		await first.page.keyboard.press('Control+Home');
		await first.page.keyboard.type('Written offline here. ');
		await noteText(second.page).click();
		await second.page.keyboard.press('Control+End');
		await second.page.keyboard.type(' And offline there.');
		for (const page of pages)
			await page
				.getByText(/^Offline · /)
				.filter({ visible: true })
				.waitFor();
		story.edge.wire.mend();
		for (const { context } of [first, second]) await context.setOffline(false);
		for (const page of pages) {
			await noteText(page).getByText('Written offline here. Seen elsewhere.').waitFor();
			await noteText(page).getByText(', and more And offline there.').waitFor();
			await whenSynced(page);
		}
		expect(await copyText(second.page)).toBe(await copyText(first.page));
		expect(await noteRow(first.page, 'Shared by two').count()).toBe(1);
		for (const profile of [first, second]) assertNoProblems(profile, { mayBeUnreachable: true });
	});
});
