// Second factors, from adding one to the login that asks for it.
import { expect, test } from 'vitest';
import { codeOf } from '../client/authenticator-app.ts';
import { assertAccessible } from './accessible.ts';
import { assertNoProblems, still, tellStories } from './browser.ts';
import { comeIn, fillLogIn, goToAccount, newNote, noteRow, signUp, whenSynced } from './person.ts';

const story = tellStories();
/** A story that is told again is one of another account. */
let accounts = 0;

test('codes from an app and on paper are added, and asked for at the next login', async () => {
	const first = await story.profile(still);
	const handle = `two-steps-${String(++accounts)}`;
	await signUp(first.page, handle);
	await newNote(first.page, 'Behind two doors', 'Sealed.');
	await whenSynced(first.page);
	await goToAccount(first.page, 'Second factors');
	await first.page.getByText('None yet: the password alone logs in.').waitFor();
	await assertAccessible(first.page, 'no second factor yet');
	await first.page.getByRole('button', { name: /^Add.*Codes from an app/ }).click();
	const adding = first.page.getByRole('dialog', { name: 'Codes from an app' });
	const key = await adding.getByRole('code').innerText();
	await assertAccessible(first.page, 'adding codes from an app');
	const digits = adding.getByRole('textbox', { name: 'The six digits that it shows' });
	const app = { secretBase32: key };
	await digits.fill(codeOf(app) === '000000' ? '000001' : '000000');
	await adding.getByText('That was not the right second step.').waitFor();
	const right = codeOf(app);
	// As it is copied: in two groups. The last digit goes on by itself.
	await digits.fill(`${right.slice(0, 3)} ${right.slice(3)}`);
	await adding.waitFor({ state: 'detached' });
	await first.page.getByRole('button', { name: /^Make ten/ }).click();
	const paper = first.page.getByRole('dialog', { name: 'Backup codes' });
	await paper.getByRole('listitem').first().waitFor();
	const codes = await paper.getByRole('listitem').allInnerTexts();
	expect(codes.length).toBe(10);
	await assertAccessible(first.page, 'backup codes');
	// On a phone the codes fill the screen: what is said about a wrong one is in sight all the same.
	await first.page.setViewportSize({ width: 360, height: 640 });
	await paper.getByRole('textbox').fill('none of them');
	await paper.getByRole('button', { name: 'I have kept them' }).click();
	const wrong = paper.getByText('That was not the right second step.');
	await wrong.waitFor();
	const place = await wrong.boundingBox();
	expect(place?.y).toBeGreaterThan(0);
	expect(place?.y).toBeLessThan(640);
	await first.page.setViewportSize({ width: 1280, height: 800 });
	await paper.getByRole('textbox').fill(codes[0] ?? '');
	await paper.getByRole('button', { name: 'I have kept them' }).click();
	await paper.waitFor({ state: 'detached' });
	const mine = first.page.getByRole('list', { name: 'Your second factors' });
	await mine.getByText(/10 codes left/).waitFor();
	await assertAccessible(first.page, 'second factors');

	const second = await story.profile(still);
	await fillLogIn(second.page, handle);
	await second.page.getByRole('heading', { name: 'One more step' }).waitFor();
	await assertAccessible(second.page, 'the second step of a login');
	await second.page.getByRole('button', { name: 'Type a backup code' }).click();
	await second.page
		.getByRole('textbox', { name: 'Backup code' })
		.fill(codes[1]?.toLowerCase() ?? '');
	await second.page.getByRole('button', { name: 'Go on' }).click();
	await comeIn(second.page, handle);
	await noteRow(second.page, 'Behind two doors').waitFor();
	assertNoProblems(second);
	await goToAccount(first.page, 'Second factors');
	await mine.getByText(/9 codes left/).waitFor();

	// By name, and away with it.
	await mine.getByRole('button', { name: /^Rename/ }).click();
	const naming = first.page.getByRole('dialog', { name: 'Name of this second factor' });
	await naming.getByRole('textbox').fill('The old phone');
	await naming.getByRole('button', { name: 'Save' }).click();
	await mine.getByRole('button', { name: 'Remove The old phone' }).waitFor();
	await mine.getByRole('button', { name: /^Remove Backup codes/ }).click();
	const removing = first.page.getByRole('dialog', { name: /^Remove/ });
	await assertAccessible(first.page, 'remove a second factor?');
	await removing.getByRole('button', { name: 'Remove' }).click();
	await mine.getByText(/codes left/).waitFor({ state: 'detached' });
	assertNoProblems(first, { but: /status of 401/ });
});
