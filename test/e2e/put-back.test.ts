// The operator restores yesterday's copy of the server. What a device has verified since goes back when
// its person says so, and not before.
import { cp, rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { assertNoProblems, tellStories } from './browser.ts';
import { logIn, newNote, noteRow, signUp, whenSynced } from './person.ts';

const story = tellStories();
const handle = 'archivist';

test('a server that was set back is found out, and given back what it lost', async () => {
	const { edge } = story;
	const profile = await story.profile();
	const { page } = profile;
	await signUp(page, handle);
	await newNote(page, 'Before the copy', 'Old.');
	await whenSynced(page);
	const copy = await story.folder();
	await edge.kill();
	await cp(edge.dataDir, copy, { recursive: true });
	await edge.restart();
	await newNote(page, 'After the copy', 'New.');
	await whenSynced(page);

	await edge.kill();
	await rm(edge.dataDir, { recursive: true });
	await cp(copy, edge.dataDir, { recursive: true });
	await edge.restart();
	const notice = page.getByRole('alert').filter({ hasText: 'a history' });
	await notice.getByRole('button', { name: 'What to do' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByText('this server showed an older history').waitFor();
	// The other way out stands beside it.
	await dialog.getByRole('button', { name: 'Continue in a new space' }).waitFor();
	await dialog.getByText('and this device has them all').waitFor();
	await dialog.getByRole('button', { name: /^Put \d+ entr(y|ies) back$/ }).click();
	await page.getByText('is trusted again').waitFor();
	await dialog.waitFor({ state: 'detached' });
	expect(await notice.count()).toBe(0);
	await whenSynced(page);
	assertNoProblems(profile, { mayBeUnreachable: true });

	const other = await story.profile();
	await logIn(other.page, handle);
	await noteRow(other.page, 'Before the copy').waitFor();
	await noteRow(other.page, 'After the copy').waitFor();
	assertNoProblems(other);
	await Promise.all([profile.close(), other.close()]);
});
