// A space that several people write in: how they come in, what each may do, and how they go.
import type { Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { assertNoProblems, tellStories, type Profile } from './browser.ts';
import { headlessDevice, until } from './device.ts';
import {
	copyText,
	lock,
	newNote,
	noteList,
	noteRow,
	noteText,
	openNote,
	searchField,
	signUp,
	syncLine,
	titleField,
	unlock,
	whenSynced
} from './person.ts';
import {
	changeRole,
	closeDialog,
	makeInvitation,
	memberRow,
	newSpace,
	openSharing,
	openSpace,
	safetyWords,
	spaceRow
} from './sharing.ts';

const story = tellStories();
const spaceName = 'Expedition';
/** What is not for somebody is answered with such a status, and the browser says so on the console. */
const refused = /status of (403|404|409)/;

let ada: Profile;
let bo: Profile;
let carol: Profile;

/** From an invitation's link to an account, and to the page that asks whether to accept. */
async function comeByLink(profile: Profile, url: string, handle: string): Promise<void> {
	const { page } = profile;
	await page.goto(url);
	await page.getByRole('heading', { name: 'You are invited' }).waitFor();
	await page.getByRole('button', { name: 'Create an account to go on' }).click();
	await signUp(page, handle);
	await page.getByRole('button', { name: 'Accept' }).waitFor();
}

async function accept(page: Page): Promise<void> {
	await page.getByRole('button', { name: 'Accept' }).click();
	await page.getByText('Waiting for ada to let you in.').waitFor();
}

beforeAll(async () => {
	ada = await story.profile();
	bo = await story.profile();
	carol = await story.profile();
	await signUp(ada.page, 'ada');
});

test('who comes by an invitation’s link is seen with the same safety words, and let in', async () => {
	await newSpace(ada.page, spaceName);
	await newNote(ada.page, 'The route', 'Over the pass.');
	const dialog = await openSharing(ada.page);
	const url = await makeInvitation(dialog);
	await comeByLink(bo, url, 'boris');
	const wordsOfBo = await safetyWords(bo.page, 'ada');
	await accept(bo.page);
	const claims = dialog.getByRole('region', { name: 'Waiting to be let in' });
	await claims.getByText('boris wants in').waitFor();
	expect(wordsOfBo).toHaveLength(12);
	expect(await safetyWords(claims, 'boris')).toEqual(wordsOfBo);
	// Nothing is given away before it is said.
	expect(await spaceRow(bo.page, spaceName).count()).toBe(0);
	await claims.getByRole('button', { name: 'Let in boris' }).click();
	await memberRow(dialog, 'boris').waitFor();
	await closeDialog(dialog);
	await openSpace(bo.page, spaceName);
	await openNote(bo.page, 'The route');
	await noteText(bo.page).getByText('Over the pass.').waitFor();
	assertNoProblems(ada);
	assertNoProblems(bo, { but: refused });
});

test('both write into the same note, and each sees the other at once', async () => {
	await noteText(bo.page).click();
	await bo.page.keyboard.press('Control+End');
	await bo.page.keyboard.type(' Then down.');
	await noteText(ada.page).getByText('Over the pass. Then down.').waitFor();
	await noteText(ada.page).click();
	await ada.page.keyboard.press('Control+Home');
	await ada.page.keyboard.type('At dawn. ');
	await noteText(bo.page).getByText('At dawn. Over the pass. Then down.').waitFor();
	await bo.page.keyboard.type(' Home.');
	await noteText(ada.page).getByText('Then down. Home.').waitFor();
	for (const { page } of [ada, bo]) await whenSynced(page);
});

test('who is made a viewer reads on and writes no more, from that moment', async () => {
	const before = await copyText(bo.page);
	const dialog = await openSharing(ada.page);
	await changeRole(dialog, 'boris', 'Viewer');
	await closeDialog(dialog);
	await bo.page.getByText('You can read this note, not change it.').waitFor();
	expect(await titleField(bo.page).isEditable()).toBe(false);
	await noteText(bo.page).click();
	await bo.page.keyboard.type('Not to be. ');
	expect(await copyText(bo.page)).toBe(before);
	await expect.poll(() => noteText(ada.page).innerText()).not.toContain('Not to be');
	await noteText(ada.page).click();
	await ada.page.keyboard.press('Control+End');
	await ada.page.keyboard.type(' Written by Ada alone.');
	await noteText(bo.page).getByText('Home. Written by Ada alone.').waitFor();
	await memberIsShownAs(bo.page, 'read-only');
});

test('what was written offline is refused if its author may not write any more, and kept', async () => {
	const dialog = await openSharing(ada.page);
	await changeRole(dialog, 'boris', 'Editor');
	await bo.page.getByText('You can read this note, not change it.').waitFor({ state: 'hidden' });
	await bo.context.setOffline(true);
	story.edge.wire.cut();
	story.edge.wire.mend();
	await noteText(bo.page).click();
	await bo.page.keyboard.press('Control+Home');
	await bo.page.keyboard.type('Written offline. ');
	await syncLine(bo.page, /^Offline · /).waitFor();
	await changeRole(dialog, 'boris', 'Viewer');
	await bo.context.setOffline(false);
	await syncLine(bo.page, 'The server refuses these changes').waitFor();
	await noteText(bo.page).getByText('Written offline. At dawn.').waitFor();
	expect(await noteText(ada.page).innerText()).not.toContain('Written offline');
	// Nothing of it is lost: it arrives once its author may write again.
	await changeRole(dialog, 'boris', 'Editor');
	await closeDialog(dialog);
	await noteText(ada.page).getByText('Written offline. At dawn.').waitFor();
	await whenSynced(bo.page);
	for (const profile of [ada, bo]) {
		assertNoProblems(profile, { but: refused, mayBeUnreachable: true });
		profile.problems.length = 0;
	}
});

test('an auditor sees who is in and who did how much, and no note', async () => {
	const dialog = await openSharing(ada.page);
	const url = await makeInvitation(dialog, 'Auditor');
	await comeByLink(carol, url, 'carol');
	await accept(carol.page);
	const claims = dialog.getByRole('region', { name: 'Waiting to be let in' });
	await claims.getByRole('button', { name: 'Let in carol' }).click();
	await memberRow(dialog, 'carol').waitFor();
	await closeDialog(dialog);
	const { page } = carol;
	await spaceRow(page, 'audit').click();
	await page.getByRole('link', { name: 'Settings of this space' }).click();
	// Nobody has told her the handle of somebody whom another one let in.
	for (const name of ['ada', 'carol', 'Somebody']) await memberRow(page, name).waitFor();
	const activity = page.getByRole('list', { name: 'Activity, newest first' });
	await activity.getByText(/ let in somebody \(.*\) as an editor$/i).waitFor();
	await activity
		.getByText(/^ada .*wrote /)
		.first()
		.waitFor();
	// What the server saw, from the moment on from which she has a key to it.
	const access = page.getByRole('list', { name: 'Access log, newest first' });
	await access.waitFor();
	await page.getByRole('button', { name: 'Look again' }).click();
	await access.getByText('You opened the space').waitFor();
	await page.getByText('nothing is missing that this device, or another one, has seen').waitFor();
	await access.getByText('Sealed before you could read this log').first().waitFor();
	await page.getByRole('link', { name: 'All notes' }).first().click();
	await page.getByRole('heading', { name: 'All notes', level: 1 }).waitFor();
	expect(await noteList(page).getByRole('link').count()).toBe(0);
	await searchField(page).fill('pass');
	await page.getByRole('heading', { name: 'Nothing found' }).waitFor();
	await searchField(page).fill('');
	assertNoProblems(carol, { but: refused });
});

test('a second person with the same invitation gets nothing, and both sides are told', async () => {
	await newSpace(ada.page, 'Base camp');
	const dialog = await openSharing(ada.page);
	const url = await makeInvitation(dialog);
	await carol.page.goto(url);
	await accept(carol.page);
	const claims = dialog.getByRole('region', { name: 'Waiting to be let in' });
	await claims.getByText('carol wants in').waitFor();
	await bo.page.goto(url);
	const told = bo.page.getByRole('alert').filter({ hasText: 'Somebody else has used this' });
	await told.waitFor();
	const contested = claims.getByText('A second person tried to use this invitation');
	expect(await contested.count()).toBe(0);
	await bo.page.getByRole('button', { name: 'Tell ada' }).click();
	await bo.page.getByText('The owners of this space are told').waitFor();
	await contested.waitFor();
	await claims.getByRole('button', { name: 'Refuse carol' }).click();
	await claims.waitFor({ state: 'hidden' });
	await carol.page.getByText('This has ended: ada took it back').waitFor();
	await closeDialog(dialog);
	assertNoProblems(ada);
	for (const profile of [bo, carol]) assertNoProblems(profile, { but: refused });
});

test('who is removed is shown so within two seconds, and gets nothing that is written later', async () => {
	await openSpace(ada.page, spaceName);
	await openSpace(bo.page, spaceName);
	for (const { page } of [ada, bo]) await openNote(page, 'The route');
	// One more device of the same person, which keeps every key and note that it was given.
	const other = await headlessDevice(story.edge.url, 'boris');
	const kept = await other.spaceThat(({ name, items }) => name === spaceName && items.length > 0);
	const dialog = await openSharing(ada.page);
	await dialog.getByRole('button', { name: 'Remove boris' }).click();
	const question = dialog.getByRole('dialog', { name: 'Remove boris?' });
	const removed = bo.page.getByText(`You were removed from ‘${spaceName}’.`);
	const atMs = (): number => performance.now();
	await question.waitFor();
	const [standsAtMs, seenAtMs] = await Promise.all([
		question.waitFor({ state: 'hidden' }).then(atMs),
		removed.waitFor().then(atMs),
		question.getByRole('button', { name: 'Remove and make a new key' }).click()
	]);
	console.log(`removed: seen ${(seenAtMs - standsAtMs).toFixed(0)} ms after the commit stood`);
	expect(seenAtMs - standsAtMs).toBeLessThan(2_000);
	expect(await memberRow(dialog, 'boris').count()).toBe(0);
	await closeDialog(dialog);
	const text = await copyText(bo.page);
	await until(kept, () => kept.sync.problem === 'removed');
	await newNote(ada.page, 'For those who stay', 'The cache is under the third cairn.');
	await whenSynced(ada.page);
	for (const title of ['The route', 'For those who stay']) await noteRow(ada.page, title).waitFor();
	// Whatever both devices kept, and however they ask again.
	kept.syncNow();
	expect(await titleField(bo.page).isEditable()).toBe(false);
	await lock(bo.page);
	await unlock(bo.page);
	await spaceRow(bo.page, 'removed').click();
	await bo.page.getByText('You were removed.').waitFor();
	await noteRow(bo.page, 'The route').click();
	await noteText(bo.page).waitFor();
	expect(await copyText(bo.page)).toBe(text);
	await searchField(bo.page).fill('cairn');
	await bo.page.getByRole('heading', { name: 'Nothing found' }).waitFor();
	expect(kept.sync.problem).toBe('removed');
	expect(kept.items.map(({ title }) => title)).toEqual(['The route']);
	await other.close();
	assertNoProblems(bo, { but: refused });
});

const memberIsShownAs = (page: Page, state: string): Promise<void> =>
	spaceRow(page, spaceName).filter({ hasText: state }).waitFor();
