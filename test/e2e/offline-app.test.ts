// The installed app: it opens, unlocks, reads and writes without a network.
import { expect, test } from 'vitest';
import { assertNoProblems, password, tellStories } from './browser.ts';
import { bodiesByPath, headlessDevice } from './device.ts';
import {
	atTheDesk,
	goTo,
	goToAccount,
	newNote,
	noteText,
	openNote,
	passwordField,
	signUp,
	syncLine,
	whenSynced
} from './person.ts';

const story = tellStories();

interface Manifest {
	readonly name: string;
	readonly start_url: string;
	readonly display: string;
	readonly icons: readonly {
		readonly src: string;
		readonly sizes: string;
		readonly type: string;
	}[];
}

test('the manifest names icons that load with the size they say', async () => {
	const { page } = await story.profile();
	const href = await page.locator('link[rel=manifest]').getAttribute('href');
	const answer = await page.request.get(new URL(href ?? '', story.edge.url).href);
	expect(answer.headers()['content-type']).toContain('application/manifest+json');
	const manifest = (await answer.json()) as Manifest;
	expect(manifest).toMatchObject({ name: 'Tacet', start_url: '/', display: 'standalone' });
	expect(manifest.icons.map(({ sizes }) => sizes)).toEqual(
		expect.arrayContaining(['192x192', '512x512'])
	);
	for (const { src, sizes, type } of manifest.icons) {
		const size = await page.evaluate(async (address) => {
			const image = new Image();
			image.src = address;
			await image.decode();
			return `${String(image.naturalWidth)}x${String(image.naturalHeight)}`;
		}, src);
		if (sizes !== 'any') expect(size, src).toBe(sizes);
		const icon = await page.request.get(new URL(src, story.edge.url).href);
		expect(icon.headers()['content-type']).toBe(type);
	}
	const session = await page.context().newCDPSession(page);
	const faults = (await session.send('Page.getAppManifest')).errors;
	expect(faults).toEqual([]);
});

test('the app opens and unlocks offline, by choice, and syncs later what was written', async () => {
	const profile = await story.profile();
	const { page, context } = profile;
	await signUp(page, 'offline-app');
	await newNote(page, 'Read on the train', 'Written at home.');
	await whenSynced(page);
	await page.evaluate(() => navigator.serviceWorker.ready.then(({ active }) => active?.state));

	const goOffline = async (): Promise<void> => {
		story.edge.wire.cut();
		await context.setOffline(true);
	};
	const goOnline = async (): Promise<void> => {
		story.edge.wire.mend();
		await context.setOffline(false);
	};

	// Not opted in: the page opens, and says what is needed.
	await goOffline();
	await page.reload();
	await page.getByRole('heading', { name: 'Locked' }).waitFor();
	await passwordField(page).fill(password);
	await page.getByRole('button', { name: 'Unlock', exact: true }).click();
	await page.getByRole('alert').getByText('The server can’t be reached.').waitFor();
	await page.getByText('Unlocking needs the server, since offline unlock is off').waitFor();
	await goOnline();
	await page.getByRole('button', { name: 'Unlock', exact: true }).click();
	await atTheDesk(page);

	// Opted in.
	await goToAccount(page, 'Unlocking');
	await page.getByRole('switch', { name: 'Unlock without a network' }).click();
	const dialog = page.getByRole('dialog', { name: 'Unlock without a network' });
	await dialog.getByRole('textbox', { name: 'Password' }).fill(password);
	await dialog.getByRole('button', { name: 'Turn on' }).click();
	await page.getByRole('switch', { name: 'Unlock without a network', checked: true }).waitFor();
	await goOffline();
	await page.reload();
	await passwordField(page).fill('not the password');
	await page.getByRole('button', { name: 'Unlock', exact: true }).click();
	await page.getByRole('alert').getByText('That is not the password.').waitFor();
	await passwordField(page).fill(password);
	await page.getByRole('button', { name: 'Unlock', exact: true }).click();
	await atTheDesk(page);
	await goTo(page, 'Notes');
	await openNote(page, 'Read on the train');
	await noteText(page).getByText('Written at home.').click();
	await page.keyboard.press('Control+End');
	await page.keyboard.type(' Written on the train.');
	await syncLine(page, /^Offline · \d+ changes? waiting$/).waitFor();
	await goOnline();
	await whenSynced(page);
	const device = await headlessDevice(story.edge.url, 'offline-app');
	const bodies = await bodiesByPath(device.space, 1);
	expect(bodies.get('/Read on the train.md')).toBe('Written at home. Written on the train.');
	await device.close();

	const kept = await page.evaluate(async () => {
		const caches_ = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
		const requests = await Promise.all(caches_.map((cache) => cache.keys()));
		return requests.flat().map(({ url }) => new URL(url).pathname);
	});
	expect(kept).toContain('/');
	expect(kept.filter((path) => path.endsWith('.wasm'))).toHaveLength(1);
	expect(kept.filter((path) => path.startsWith('/v1') || path.startsWith('/.well-known'))).toEqual(
		[]
	);
	// Opting in logs in anew: the session before it may ask once more for a token, and is refused.
	assertNoProblems(profile, { mayBeUnreachable: true, but: /\/v1\/session\/refresh/ });
});
