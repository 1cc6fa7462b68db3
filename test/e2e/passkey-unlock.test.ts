// Unlocking by a passkey, with an authenticator that the browser's debugger lends.
import type { CDPSession, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { assertAccessible } from './accessible.ts';
import { assertNoProblems, password, tellStories, type Profile } from './browser.ts';
import {
	atTheDesk,
	goTo,
	goToAccount,
	lock,
	newNote,
	noteRow,
	noteText,
	openNote,
	signUp,
	syncLine,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();

interface Authenticator {
	readonly session: CDPSession;
	readonly id: string;
}

/** One that is part of the device, and whose person is always there. */
async function lend({ page, context }: Profile, hasPrf = true): Promise<Authenticator> {
	const session = await context.newCDPSession(page);
	await session.send('WebAuthn.enable');
	const { authenticatorId: id } = await session.send('WebAuthn.addVirtualAuthenticator', {
		options: {
			protocol: 'ctap2',
			ctap2Version: 'ctap2_1',
			transport: 'internal',
			hasResidentKey: true,
			hasUserVerification: true,
			isUserVerified: true,
			automaticPresenceSimulation: true,
			hasPrf
		}
	});
	return { session, id };
}

async function addPasskey(page: Page, name: string): Promise<void> {
	await goToAccount(page, 'Unlocking');
	await page.getByRole('button', { name: 'Add a passkey' }).click();
	await showPassword(page, password);
	const dialog = page.getByRole('dialog', { name: 'Add a passkey' });
	await dialog.getByRole('textbox', { name: 'Name of the passkey' }).fill(name);
	await dialog.getByRole('button', { name: 'Make the passkey' }).click();
}

async function showPassword(page: Page, secret: string): Promise<void> {
	const dialog = page.getByRole('dialog', { name: 'Is it you?' });
	await dialog.getByRole('textbox', { name: 'Password' }).fill(secret);
	await dialog.getByRole('button', { name: 'Go on' }).click();
}

const passkeyButton = (page: Page) => page.getByRole('button', { name: 'Unlock with passkey' });

test('a passkey opens the device online and offline; without it the password does', async () => {
	const profile = await story.profile();
	const { page, context } = profile;
	const authenticator = await lend(profile);
	await signUp(page, 'finger');
	await newNote(page, 'By finger', 'Written at home.');
	await whenSynced(page);
	await addPasskey(page, 'This laptop');
	// On a phone the words have the width, and the button stands below.
	await page.setViewportSize({ width: 360, height: 780 });
	const words = await page.getByText('A finger, a face or a security key').boundingBox();
	expect(words?.width).toBeGreaterThan(250);
	await page.setViewportSize({ width: 1280, height: 800 });
	const passkeys = page.getByRole('list', { name: 'Passkeys that unlock this device' });
	await passkeys.getByText('This laptop').waitFor();

	await lock(page);
	await passkeyButton(page).click();
	await atTheDesk(page);
	await goTo(page, 'Notes');
	await openNote(page, 'By finger');
	await noteText(page).getByText('Written at home.').waitFor();
	await whenSynced(page);

	// Without a network: the password is not enough, as nobody chose that.
	await page.evaluate(() => navigator.serviceWorker.ready.then(({ active }) => active?.state));
	story.edge.wire.cut();
	await context.setOffline(true);
	await page.reload();
	await page.getByRole('heading', { name: 'Locked' }).waitFor();
	await passkeyButton(page).click();
	await atTheDesk(page);
	await goTo(page, 'Notes');
	await openNote(page, 'By finger');
	await noteText(page).getByText('Written at home.').click();
	await page.keyboard.press('Control+End');
	await page.keyboard.type(' And on the train.');
	await syncLine(page, /^Offline · \d+ changes? waiting$/).waitFor();
	await goToAccount(page, 'Unlocking');
	await page.getByText('Only the server knows.').waitFor();
	story.edge.wire.mend();
	await context.setOffline(false);
	// By itself, as soon as there is a connection.
	await page.getByText('New devices do not need one').waitFor();
	await goTo(page, 'Notes');
	await openNote(page, 'By finger');
	await whenSynced(page);

	// Lost: nothing answers, and nothing is lost with it.
	await lock(page);
	const { session, id } = authenticator;
	await session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: id });
	await lend(profile);
	await passkeyButton(page).click();
	await page.getByRole('alert').getByText('No passkey has answered.').waitFor();
	await unlock(page);
	await goToAccount(page, 'Unlocking');
	await page.getByRole('button', { name: 'Remove This laptop' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
	await passkeys.waitFor({ state: 'detached' });

	// Whoever typed the password is offered one, until they decline it.
	const offer = page.getByRole('complementary', { name: 'Unlock with a passkey' });
	await lock(page);
	await unlock(page);
	await goTo(page, 'Notes');
	await offer.waitFor();
	await assertAccessible(page, 'unlocking with a passkey, offered');
	await offer.getByRole('button', { name: 'Never on this device' }).click();
	await offer.waitFor({ state: 'detached' });
	await lock(page);
	await unlock(page);
	await goTo(page, 'Notes');
	await noteRow(page, 'By finger').waitFor();
	expect(await offer.count()).toBe(0);
	await lock(page);
	expect(await passkeyButton(page).count()).toBe(0);
	await unlock(page);
	assertNoProblems(profile, { mayBeUnreachable: true });
});

test('a passkey without PRF, a wrong password and a dialog that was closed add nothing', async () => {
	const profile = await story.profile();
	const { page } = profile;
	const { session, id } = await lend(profile, false);
	await signUp(page, 'fingerless');
	await addPasskey(page, 'Old key');
	const dialog = page.getByRole('dialog', { name: 'Add a passkey' });
	await dialog.getByRole('alert').getByText('This passkey can’t open anything.').waitFor();
	await dialog.getByRole('button', { name: 'Cancel' }).click();
	await session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: id });
	const other = await lend(profile);
	// Whoever comes back later is asked again, and finds out nothing by guessing.
	await lock(page);
	await unlock(page);
	await goToAccount(page, 'Unlocking');
	await page.getByRole('button', { name: 'Add a passkey' }).click();
	await showPassword(page, 'not the password');
	const asking = page.getByRole('dialog', { name: 'Is it you?' });
	await asking.getByRole('alert').getByText('That is not the password.').waitFor();
	await showPassword(page, password);
	await session.send('WebAuthn.setUserVerified', {
		authenticatorId: other.id,
		isUserVerified: false
	});
	await dialog.getByRole('button', { name: 'Make the passkey' }).click();
	await dialog.getByRole('alert').getByText('No passkey has answered.').waitFor();
	await dialog.getByRole('button', { name: 'Cancel' }).click();
	await lock(page);
	expect(await passkeyButton(page).count()).toBe(0);
	await unlock(page);
	assertNoProblems(profile, { but: /status of 40[13]/ });
});
