// Servers that die and tabs that are closed at the worst moment.
import { expect, test } from 'vitest';
import { assertNoProblems, tellStories } from './browser.ts';
import { bodiesByPath, headlessDevice, until } from './device.ts';
import { writeNotes } from './made-notes.ts';
import {
	goTo,
	newNote,
	noteText,
	openNote,
	signUp,
	syncLine,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();

test('a server killed in the middle of an import and of typing loses nothing', async () => {
	const { edge } = story;
	const profile = await story.profile();
	const { page } = profile;
	const folder = await story.folder();
	const notes = await writeNotes(folder, 'many', 2_000);
	await signUp(page, 'killed-server');
	await newNote(page, 'Typed meanwhile', 'Begun before. ');
	await whenSynced(page);

	await goTo(page, 'Import');
	const carried = edge.wire.carries(200_000);
	await page.getByLabel('Folder to import').setInputFiles(`${folder}/many`);
	await carried;
	await edge.kill();
	await page.getByRole('region', { name: 'Import done' }).waitFor();
	await page.getByText('2,000 notes taken, nothing left out.').waitFor();

	await goTo(page, 'Notes');
	await openNote(page, 'Typed meanwhile');
	await noteText(page).click();
	await page.keyboard.press('Control+End');
	await page.keyboard.type('Typed without a server. ');
	await syncLine(page, /^Offline · .* waiting$/).click();
	const sync = page.getByRole('dialog', { name: 'Sync' });
	await sync.getByText('Every change is saved.').waitFor();
	await sync.getByText('Everything goes on here, and is sent later.').waitFor();
	await edge.restart();
	// While what waited is being sent, it is killed once more.
	const more = edge.wire.carries(200_000);
	await sync.getByRole('button', { name: 'Try now' }).click();
	await more;
	await edge.kill();
	await edge.restart();
	await sync.getByRole('button', { name: 'Close' }).click();
	await noteText(page).click();
	await page.keyboard.press('Control+End');
	await page.keyboard.type('Typed with it again.');
	await whenSynced(page);

	const device = await headlessDevice(edge.url, 'killed-server');
	const typed = 'Begun before. Typed without a server. Typed with it again.';
	const bodies = await bodiesByPath(device.space, notes.size + 1);
	expect(device.space.items).toHaveLength(notes.size + 1);
	expect(bodies.get('/Typed meanwhile.md')).toBe(typed);
	for (const [path, text] of notes) expect(bodies.get(path), path).toBe(text);
	await device.close();
	assertNoProblems(profile, { mayBeUnreachable: true });
});

test('an import that a closed tab cut short is finished by running it again', async () => {
	const profile = await story.profile();
	const { context } = profile;
	const folder = await story.folder();
	const notes = await writeNotes(folder, 'long', 3_000);
	const before = profile.page;
	await signUp(before, 'closed-tab');
	await goTo(before, 'Import');
	await before.getByLabel('Folder to import').setInputFiles(`${folder}/long`);
	await before.getByText(/ [1-9][\d,]* notes taken/).waitFor();
	await before.getByRole('button', { name: 'Pause' }).click();
	await before.getByText('Paused', { exact: true }).waitFor();
	await before.close({ runBeforeUnload: false });

	const after = await context.newPage();
	await after.goto(story.edge.url);
	await unlock(after);
	await after.getByText('An import did not finish. It can be run again').waitFor();
	await after.getByRole('button', { name: 'Import' }).click();
	await after.getByText('An import did not finish.', { exact: true }).waitFor();
	await after.getByLabel('Folder to import').setInputFiles(`${folder}/long`);
	const report = after.getByRole('region', { name: 'Import done' });
	const said = await report.getByRole('status').innerText();
	const [taken = 0, left = 0] = (said.match(/\d[\d,]*/g) ?? []).map((n) => +n.replace(',', ''));
	expect(taken).toBeGreaterThan(0);
	expect(taken + left).toBe(notes.size);
	await report.getByText(/^Already here, with the same text: /).waitFor();
	await report.getByRole('link', { name: 'To the notes' }).click();
	await whenSynced(after);

	const device = await headlessDevice(story.edge.url, 'closed-tab');
	await until(device.space, () => device.space.sync.pulling === null);
	const bodies = await bodiesByPath(device.space, notes.size);
	expect(device.space.items).toHaveLength(notes.size);
	for (const [path, text] of notes) expect(bodies.get(path), path).toBe(text);
	await device.close();
	assertNoProblems(profile);
});
