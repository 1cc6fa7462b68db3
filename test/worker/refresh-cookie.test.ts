// Where the secret half of a refresh token goes: into a cookie of this host that no script reads, if a
// device asked for that, and then into no body. Neither half alone opens anything.
import { beforeAll, describe, expect, it } from 'vitest';
import { routes, type ResponseOf, type RouteName } from '../../protocol/http.ts';
import { refreshCookieName } from '../../protocol/http-login.ts';
import { refreshTokenTtlSeconds } from '../../protocol/limits.ts';
import { openEdge, origin } from '../durable-objects/edge.ts';
import { Person, type Edge } from '../durable-objects/person.ts';
import {
	bind,
	keyOf,
	newBoundKey,
	ownerOf,
	proofBy,
	type BoundKey
} from '../durable-objects/proving.ts';

let edge: Edge;
let ada: Person;
beforeAll(async () => {
	edge = await openEdge();
	ada = await Person.signUp(edge);
});

interface Answered {
	readonly status: number;
	readonly text: string;
	readonly cookie: string | null;
}

/** A request by a key, once more with the nonce that it was told; with cookies, if there are any. */
async function ask(
	name: RouteName,
	request: unknown,
	by: { readonly key: BoundKey; readonly token?: string; readonly cookies?: string }
): Promise<Answered> {
	const { method, path, auth } = routes[name];
	const body = method === 'POST' ? JSON.stringify(request) : '';
	const token = by.token ?? null;
	const send = async (): Promise<Answered> => {
		const proof = await proofBy(by.key, { method, url: origin + path, body }, token);
		const reply = (await edge.send(path, {
			method,
			headers: {
				'Content-Type': 'application/json',
				...(auth !== 'none' && { DPoP: proof }),
				...(token !== null && { Authorization: `DPoP ${token}` }),
				...(by.cookies !== undefined && { Cookie: by.cookies })
			},
			...(body !== '' && { body })
		})) as unknown as Response;
		by.key.nonce = reply.headers.get('DPoP-Nonce') ?? by.key.nonce;
		const { status } = reply;
		return { status, text: await reply.text(), cookie: reply.headers.get('Set-Cookie') };
	};
	const first = await send();
	return first.text.includes('use_dpop_nonce') ? send() : first;
}

const sessionIn = ({ text }: Answered) =>
	(JSON.parse(text) as ResponseOf<'sessionRefresh'>).session;
const valueOf = (cookie: string | null): string => cookie?.split(';')[0]?.split('=')[1] ?? '';
const cookiesOf = (secret: string): string => `${refreshCookieName}=${secret}`;

/** A login that keeps the secret half in a cookie. */
async function logIn() {
	const request = await ada.login();
	if (request === null) throw new Error('the password is the right one');
	const key = ownerOf('loginFinish', request, undefined);
	const answered = await ask('loginFinish', { ...request, keep: 'cookie' }, { key });
	expect(answered.status).toBe(200);
	const { accessToken, refreshToken } = sessionIn(answered);
	bind(accessToken, key);
	const secret = valueOf(answered.cookie);
	const refresh = (of: string, by: BoundKey = key) =>
		ask('sessionRefresh', { refreshToken }, { key: by, cookies: cookiesOf(of) });
	const isAlive = async () =>
		(await ask('accountRead', { after: 0 }, { key, token: accessToken })).status === 200;
	return { answered, key, accessToken, refreshToken, secret, refresh, isAlive };
}

describe('a refresh token whose secret half is kept in a cookie', () => {
	it('is halved: one half for the page, and one in a cookie of this host that no script reads', async () => {
		const { answered, secret, refreshToken } = await logIn();
		expect(secret).toMatch(/^[\w-]{43}$/);
		expect(answered.cookie).toBe(
			`__Host-tacet-refresh=${secret}; Path=/; Secure; HttpOnly; SameSite=Strict; ` +
				`Max-Age=${String(refreshTokenTtlSeconds)}`
		);
		expect(refreshToken).toMatch(/^tacet_rt_[0-9a-f]{64}\.[\w-]{22}$/);
		expect(answered.text).not.toContain(secret);
	});

	it('gets another secret half at each refresh, in the cookie, and none in an answer', async () => {
		const { secret, refresh, refreshToken } = await logIn();
		const answered = await refresh(secret);
		expect([answered.status, sessionIn(answered).refreshToken]).toEqual([200, refreshToken]);
		const next = valueOf(answered.cookie);
		expect(next).toMatch(/^[\w-]{43}$/);
		expect(next).not.toBe(secret);
		expect(answered.text).not.toContain(next);
		expect((await refresh(next)).status).toBe(200);
	});

	it('SES-01 ends its session when it comes with a proof by another key', async () => {
		const { secret, refresh, isAlive } = await logIn();
		const refused = await refresh(secret, await newBoundKey());
		expect([refused.status, refused.cookie]).toEqual([401, null]);
		expect((await refresh(secret)).status).toBe(401);
		expect(await isAlive()).toBe(false);
	});

	it('SES-01 ends its session when its secret was replaced twice', async () => {
		const { secret, refresh, isAlive } = await logIn();
		const second = valueOf((await refresh(secret)).cookie);
		expect((await refresh(second)).status).toBe(200);
		expect((await refresh(secret)).status).toBe(401);
		expect(await isAlive()).toBe(false);
	});

	it('SES-06 is nothing without its cookie, with two of that name, or with the cookie alone', async () => {
		const { key, secret, refreshToken, isAlive } = await logIn();
		for (const cookies of [
			undefined,
			'',
			`other=${secret}`,
			`${refreshCookieName}=`,
			`${cookiesOf(secret)}; ${cookiesOf(secret)}`,
			`x${cookiesOf(secret)}`,
			cookiesOf(refreshToken)
		]) {
			const by = { key, ...(cookies !== undefined && { cookies }) };
			const refused = await ask('sessionRefresh', { refreshToken }, by);
			expect([cookies, refused.status]).toEqual([cookies, 401]);
		}
		const [name = ''] = refreshToken.split('.');
		for (const other of ['', name, `${name}.`, `${name}.AAAAAAAAAAAAAAAAAAAAAA`]) {
			const by = { key, cookies: cookiesOf(secret) };
			expect((await ask('sessionRefresh', { refreshToken: other }, by)).status).toBe(401);
		}
		expect(await isAlive()).toBe(true);
	});

	it('is forgotten by the browser that logs out', async () => {
		const { key, secret, accessToken } = await logIn();
		const by = { key, token: accessToken, cookies: `a=b; ${cookiesOf(secret)}` };
		const ended = await ask('sessionsEnd', { sessions: 'own' }, by);
		expect(ended.status).toBe(200);
		expect(ended.cookie).toBe(
			'__Host-tacet-refresh=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0'
		);
	});
});

describe('a refresh token that is kept by a program', () => {
	it('is in the answer, and sets no cookie, whatever cookies come along', async () => {
		const session = await ada.logIn();
		const key = keyOf(session.refreshToken);
		const other = await logIn();
		const answered = await ask(
			'sessionRefresh',
			{ refreshToken: session.refreshToken },
			{ key, cookies: cookiesOf(other.secret) }
		);
		expect([answered.status, answered.cookie]).toEqual([200, null]);
		expect(sessionIn(answered).refreshToken.split('.')).toHaveLength(3);
	});
});
