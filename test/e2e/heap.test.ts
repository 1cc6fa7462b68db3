// What is left in a browser's memory once the account is locked.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { createMemoryStore, createTacet, type CryptoWorker } from '../../client/index.ts';
import { startCryptoInProcess } from '../../client/crypto-core.ts';
import { assertNoProblems, tellStories } from './browser.ts';
import { loadOpaque } from './device.ts';
import { heapsOf, timesInMemory, type Heap } from './heap.ts';
import {
	atTheDesk,
	confirmKit,
	lock,
	noteText,
	passwordField,
	readKit,
	searchField,
	titleField,
	whenSynced
} from './person.ts';

const story = tellStories();

const password = 'canaryPassword of an okapi in 1901';
const texts = {
	title: 'canaryTitleAxolotl',
	body: 'canaryBodyPlatypus',
	later: 'canaryLaterEchidna',
	search: 'canarySearchWombat'
} as const;

/** As a keyboard does it: what a locator is given stays in the page, as the test's own. */
async function write(page: Page, text: string): Promise<void> {
	await page.keyboard.insertText(text);
}

interface Keys {
	readonly kemSeed: Uint8Array;
	readonly keyringEpochKey: Uint8Array;
}

/** The account's keys, as another device has them. */
async function keysOf(handle: string): Promise<Keys> {
	const cores: CryptoWorker[] = [];
	const tacet = createTacet({
		origin: story.edge.url,
		store: createMemoryStore(),
		startCrypto: () => {
			const core = startCryptoInProcess(loadOpaque);
			cores.push(core);
			return core;
		}
	});
	await tacet.start();
	const done = await tacet.logIn({ handle, password });
	const core = cores.at(-1);
	if (!done.ok || core === undefined) throw new Error('the other device did not log in');
	const { kemSeed, keyringEpochKey } = await core.port.handKeys();
	const keys = { kemSeed: kemSeed.slice(), keyringEpochKey: keyringEpochKey.slice() };
	await tacet.logOut({ discardUnsent: true });
	await tacet.close();
	return keys;
}

const holding = (heaps: readonly Heap[], words: readonly string[]): readonly string[] =>
	heaps.flatMap(({ type, url, snapshot }) =>
		words.filter((word) => snapshot.includes(word)).map((word) => `${word} in ${type} ${url}`)
	);

test('THF-03 no page or worker of a locked account holds a word, a password or a key', async () => {
	const profile = await story.profile();
	const { page, context } = profile;
	const tokens = new Set<string>();
	context.on('request', (request) => {
		const [, token] = request.headers()['authorization']?.split(' ') ?? [];
		if (token !== undefined) tokens.add(token);
	});
	const handle = 'memorised';
	await page.getByRole('textbox', { name: 'Handle' }).fill(handle);
	await passwordField(page).click();
	await write(page, password);
	await page.getByRole('button', { name: 'Create account' }).click();
	const words = await readKit(page);
	await page.getByRole('button', { name: 'I have kept it' }).click();
	await confirmKit(page, words);
	await atTheDesk(page);
	await page.evaluate(() => navigator.serviceWorker.ready.then(({ active }) => active?.state));

	await page.getByRole('button', { name: 'New note' }).filter({ visible: true }).first().click();
	await titleField(page).and(page.locator(':focus')).waitFor();
	await write(page, texts.title);
	await noteText(page).click();
	await write(page, `It met a ${texts.body}.`);
	await whenSynced(page);
	await searchField(page).click();
	await write(page, texts.search);
	await page.getByRole('heading', { name: 'Nothing found' }).waitFor();

	// The way of looking does find what is there.
	const open = await heapsOf(context);
	expect(open.map(({ type }) => type).toSorted()).toEqual(['page', 'service_worker', 'worker']);
	for (const text of [texts.title, texts.body, texts.search]) {
		expect(holding(open, [text]), text).not.toEqual([]);
	}
	expect(tokens.size).toBeGreaterThan(0);
	expect(holding(open, [...tokens])).not.toEqual([]);
	const keys = await keysOf(handle);
	const inUse = await timesInMemory(context, Object.values(keys));
	if (inUse !== null) for (const times of inUse) expect(times).toBeGreaterThan(0);

	// Half a thought, and a second later the lock.
	await noteText(page).click();
	await write(page, texts.later);
	await lock(page);
	await expect.poll(() => page.workers().length).toBe(0);
	const locked = await heapsOf(context);
	expect(locked.map(({ type }) => type).toSorted()).toEqual(['page', 'service_worker']);
	const secrets = [...Object.values(texts), password, words.join(' '), ...tokens];
	expect(holding(locked, secrets)).toEqual([]);
	const left = await timesInMemory(context, Object.values(keys));
	expect(left ?? [0, 0]).toEqual([0, 0]);
	assertNoProblems(profile);
});
