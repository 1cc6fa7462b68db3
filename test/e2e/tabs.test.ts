// Two tabs of one profile are one device.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { assertNoProblems, tellStories } from './browser.ts';
import { atTheDesk, lock, newNote, noteText, openNote, signUp, whenSynced } from './person.ts';

const story = tellStories();

/** Notes the address of every socket that a tab has open: one for each space that it syncs. */
function watchSockets(page: Page): string[] {
	const open: string[] = [];
	page.on('websocket', (socket) => {
		open.push(socket.url());
		socket.on('close', () => open.splice(open.indexOf(socket.url()), 1));
	});
	return open;
}

test('a second tab opens unlocked, shares one socket, shows edits, and locks with the first', async () => {
	const profile = await story.profile();
	const one = profile.page;
	const socketsOfOne = watchSockets(one);
	await signUp(one, 'two-tabs');
	await newNote(one, 'In both tabs', 'Written in the first.');
	await whenSynced(one);

	const two = await profile.context.newPage();
	const socketsOfTwo = watchSockets(two);
	await two.goto(story.edge.url);
	await atTheDesk(two);
	await openNote(two, 'In both tabs');
	await noteText(two).getByText('Written in the first.').waitFor();
	await noteText(two).click();
	await two.keyboard.press('Control+End');
	await two.keyboard.type(' And in the second.');
	await noteText(one).getByText('Written in the first. And in the second.').waitFor();
	await whenSynced(one);
	await whenSynced(two);
	expect(socketsOfOne).not.toEqual([]);
	expect(new Set(socketsOfOne).size).toBe(socketsOfOne.length);
	expect(socketsOfTwo).toEqual([]);

	// The tab that syncs is closed: the other takes over.
	await one.close();
	await two.keyboard.type(' Alone.');
	await whenSynced(two);
	expect(socketsOfTwo).not.toEqual([]);
	expect(new Set(socketsOfTwo).size).toBe(socketsOfTwo.length);

	const three = await profile.context.newPage();
	await three.goto(story.edge.url);
	await atTheDesk(three);
	await openNote(three, 'In both tabs');
	await noteText(three).getByText('And in the second. Alone.').waitFor();
	await lock(three);
	await two.getByRole('heading', { name: 'Locked' }).waitFor();
	expect(await two.getByText('Written in the first').count()).toBe(0);
	assertNoProblems(profile);
});
