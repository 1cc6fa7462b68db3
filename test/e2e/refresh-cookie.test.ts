// Where a browser keeps what a session goes on with: out of reach of every script of the page. And what
// becomes of it in somebody else's hands.
import type { BrowserContext, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { generateDeviceKeyPair } from '../../client/profile.ts';
import { Proofs } from '../../client/proofs.ts';
import { utf8Encode } from '../../protocol/bytes.ts';
import { wireErrors } from '../../protocol/errors.ts';
import { routes } from '../../protocol/http.ts';
import { refreshCookieName as name } from '../../protocol/http-login.ts';
import { tellStories, type Profile } from './browser.ts';
import {
	goTo,
	goToAccount,
	newNote,
	noteRow,
	passwordField,
	signUp,
	unlock,
	whenSynced
} from './person.ts';

const story = tellStories();
/** A story that is told again is one of another account. */
let accounts = 0;

const cookieOf = async ({ context }: Pick<Profile, 'context'>) =>
	(await context.cookies()).find((cookie) => cookie.name === name);

/** All that the edge answers this page. */
function answersTo(page: Page): () => Promise<string> {
	const bodies: Promise<string>[] = [];
	page.on('response', (response) => {
		if (response.url().includes('/v1/')) bodies.push(response.text().catch(() => ''));
	});
	return async () => (await Promise.all(bodies)).join('\n');
}

/** Its access token is refused once, as one is that has run out; whatever asks then gets another. */
async function refreshed(profile: Profile): Promise<void> {
	const before = await cookieOf(profile);
	await profile.page.route(
		`**${routes.accountRead.path}`,
		(route) => route.fulfill({ status: 401, json: { error: { code: 'unauthenticated' } } }),
		{ times: 1 }
	);
	await goToAccount(profile.page, 'Sessions and devices');
	await expect.poll(async () => (await cookieOf(profile))?.value !== before?.value).toBe(true);
}

test('SES-06 a session goes on by a cookie that no script sees, and ends with it', async () => {
	const profile = await story.profile();
	const { page } = profile;
	const answers = answersTo(page);
	await signUp(page, `kept-apart-${String(++accounts)}`);
	await newNote(page, 'Before', 'a quarter of an hour');
	await whenSynced(page);
	const first = await cookieOf(profile);
	expect(first).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' });
	expect(await page.evaluate(() => document.cookie)).toBe('');
	await refreshed(profile);
	const told = await answers();
	expect(told).toContain('tacet_rt_');
	for (const secret of [first, await cookieOf(profile)]) expect(told).not.toContain(secret?.value);

	await goTo(page, 'Settings');
	await page.getByRole('button', { name: 'Log out' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
	await page.getByRole('heading', { name: 'Make a place for your notes' }).waitFor();
	expect(await cookieOf(profile)).toBeUndefined();
	await profile.close();
});

/** Whoever copied cookies into a browser of their own, and makes proofs by a key of their own. */
async function thiefWith(cookies: Parameters<BrowserContext['addCookies']>[0]) {
	const profile = await story.profile();
	await profile.context.addCookies(cookies);
	const proofs = new Proofs(await generateDeviceKeyPair(), Date.now);
	const url = `${new URL(profile.page.url()).origin}${routes.sessionRefresh.path}`;
	const send = async (refreshToken: string) => {
		const body = JSON.stringify({ refreshToken });
		const request = { method: 'POST', url, body: utf8Encode(body) };
		const dpop = await proofs.prove(request, null);
		const answered = await profile.page.evaluate(
			async ([address, content, proof]) => {
				const headers = { 'content-type': 'application/json', dpop: proof };
				const reply = await fetch(address, { method: 'POST', headers, body: content });
				const nonce = reply.headers.get('dpop-nonce');
				return { status: reply.status, text: await reply.text(), nonce };
			},
			[url, body, dpop] as const
		);
		proofs.learn(answered.nonce);
		return answered;
	};
	return {
		close: () => profile.close(),
		refresh: async (refreshToken: string) => {
			const first = await send(refreshToken);
			return first.text.includes('use_dpop_nonce') ? send(refreshToken) : first;
		}
	};
}

test('SES-01, SES-04 a cookie copied into another browser opens nothing; with the other half of its token it ends the session, and the owner is told at once', async () => {
	const owner = await story.profile();
	const { page } = owner;
	const answers = answersTo(page);
	const closes: Promise<number>[] = [];
	page.on('websocket', (socket) => {
		closes.push(new Promise((resolve) => socket.on('close', () => resolve(Date.now()))));
	});
	await signUp(page, `copied-${String(++accounts)}`);
	await newNote(page, 'Mine', 'and nobody else’s');
	await whenSynced(page);
	const stolen = await owner.context.cookies();
	const [half = ''] = (await answers()).match(/tacet_rt_[0-9a-f]+\.[\w-]+(?=")/g) ?? [];
	expect(half).not.toBe('');
	const thief = await thiefWith(stolen);

	// The cookie alone names no session; a half that was made up, none that is there.
	const [account = ''] = half.split('.');
	for (const guess of [account, `${account}.AAAAAAAAAAAAAAAAAAAAAA`]) {
		expect((await thief.refresh(guess)).status).toBe(wireErrors.unauthenticated.httpStatus);
	}
	await refreshed(owner);
	await goTo(page, 'Notes');
	await noteRow(page, 'Mine').waitFor();
	expect(await page.getByRole('heading', { name: 'Locked' }).isVisible()).toBe(false);

	// With the half that scripts of the page see, too: the key is another, so the token is in two hands.
	const again = await thiefWith(await owner.context.cookies());
	const open = [...closes];
	const answered = await again.refresh(half);
	const refusedAtMs = Date.now();
	expect(answered.status).toBe(wireErrors.unauthenticated.httpStatus);
	expect(answered.text).not.toContain('tacet_');
	const toldAtMs = Math.max(...(await Promise.all(open)));
	expect(toldAtMs - refusedAtMs).toBeLessThan(1_000);
	await page.getByRole('heading', { name: 'Locked' }).waitFor();
	await page.getByText('This device was logged out.').waitFor();
	expect(await passwordField(page).isVisible()).toBe(true);
	// Nor is it good to the thief, who saw it end, or to whoever has the older copy.
	for (const { refresh } of [again, thief]) expect((await refresh(half)).status).toBe(401);

	await unlock(page);
	await noteRow(page, 'Mine').waitFor();
	await goToAccount(page, 'Sessions and devices');
	await page.getByText('A session was used from two places, and ended').first().waitFor();
	for (const profile of [thief, again, owner]) await profile.close();
});
