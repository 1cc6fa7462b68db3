// What somebody with an account of their own, or with none, can ask of the edge: nothing about
// others, and nothing that tells what exists.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Proofs } from '../../client/proofs.ts';
import { utf8Encode } from '../../protocol/bytes.ts';
import { wireErrors } from '../../protocol/errors.ts';
import {
	nonceOfReason,
	routes,
	spaceSocketPath,
	type ResponseOf,
	type RouteName
} from '../../protocol/http.ts';
import type { LoginDone } from '../../protocol/http-login.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { isOnline, startDevice, when, type Device } from './device.ts';
import { networkHeader } from './liar.ts';
import { startEdge, type Edge } from './edge.ts';

type Session = LoginDone['session'];

interface Person {
	readonly device: Device;
	/** By the key that the session is bound to. */
	readonly proofs: Proofs;
	readonly session: Session;
	readonly space: SpaceId;
	readonly keyring: SpaceId;
	readonly finish: Buffer;
}

let edge: Edge;
let alice: Person;
let mallory: Person;

async function signUp(handle: string): Promise<Person> {
	const device = await startDevice(edge.url);
	let session: Session | undefined;
	device.liar.lie = {
		answer: (route, { body }) => {
			if (route === 'loginFinish') ({ session } = body as LoginDone);
			return undefined;
		}
	};
	await device.tacet.start();
	const made = await device.tacet.signUp({
		handle,
		password: `${handle} is my password`,
		withAccountKey: false
	});
	expect(made.ok).toBe(true);
	await when(device.space, () => isOnline(device.space));
	const finish = device.liar.sent.find(
		(sent) => sent.kind === 'http' && sent.url === routes.loginFinish.path
	);
	if (session === undefined || finish?.kind !== 'http') throw new Error('a sign-up logs in');
	const keyring = await device.keyring();
	const proofs = await device.proofs();
	return { device, proofs, session, space: device.space.id, keyring, finish: finish.body };
}

beforeAll(async () => {
	edge = await startEdge();
	alice = await signUp('alice');
	mallory = await signUp('mallory');
}, 60_000);
afterAll(async () => {
	await alice.device.close();
	await mallory.device.close();
	await edge.remove();
});

interface Reply {
	readonly status: number;
	readonly headers: readonly (readonly [string, string])[];
	readonly body: string;
}

interface Asking {
	readonly token?: string;
	readonly body?: unknown;
	readonly headers?: Record<string, string>;
	readonly path?: string;
	/** Whose key shows the request; Alice's, if nothing is said. */
	readonly by?: Proofs;
}

/** What routes are asked that take nothing less. */
const usual: Partial<Record<RouteName, object>> = {
	accountRead: { after: 0 },
	sessionsEnd: { sessions: 'own' }
};

/** With a good proof, once more with the nonce that the edge gave. */
async function ask(name: RouteName, options: Asking = {}): Promise<Reply> {
	const by = options.by ?? alice.proofs;
	const reply = await askOnce(name, options, by);
	return reply.body.includes('use_dpop_nonce') ? askOnce(name, options, by) : reply;
}

async function askOnce(name: RouteName, options: Asking, by: Proofs): Promise<Reply> {
	const { method, path, auth } = routes[name];
	const { token, body = usual[name] ?? {} } = options;
	const url = `${edge.url}${options.path ?? path}`;
	const text = method === 'POST' ? (typeof body === 'string' ? body : JSON.stringify(body)) : '';
	const shown = { method, url: new URL(url).href, body: utf8Encode(text) };
	const accessToken = auth === 'session' || auth === 'fresh' ? (token ?? null) : null;
	const reply = await fetch(url, {
		method,
		headers: {
			...(method === 'POST' && { 'content-type': 'application/json' }),
			...(token !== undefined && { authorization: `DPoP ${token}` }),
			dpop: await by.prove(shown, accessToken),
			...options.headers
		},
		...(method === 'POST' && { body: text })
	});
	by.learn(reply.headers.get('dpop-nonce'));
	const headers = [...reply.headers].filter(([key]) => key !== 'date');
	return { status: reply.status, headers, body: await reply.text() };
}

/** How the edge ends a socket: its close code, or 'open' if it greets. */
async function openSocket(
	space: string,
	protocols: readonly string[],
	by = alice.proofs,
	isAgain = false
): Promise<number | 'open'> {
	const url = new URL(edge.url + spaceSocketPath(space as SpaceId)).href;
	const token = protocols[1] ?? null;
	const proof = await by.prove({ method: 'GET', url, body: new Uint8Array() }, token);
	return new Promise((resolve) => {
		const offered = token === null ? protocols : [...protocols, proof];
		const socket = new WebSocket(url.replace(/^http/, 'ws'), [...offered]);
		socket.addEventListener('message', () => {
			resolve('open');
			socket.close();
		});
		socket.addEventListener('close', ({ code, reason }) => {
			const nonce = nonceOfReason(reason);
			by.learn(nonce);
			if (nonce === null || isAgain) resolve(code);
			else void openSocket(space, protocols, by, true).then(resolve);
		});
		socket.addEventListener('error', () => undefined);
	});
}

const nobody = '0'.repeat(32);

describe('another account', () => {
	test('EDG-01 opens no socket of a space that is not its own', async () => {
		const { accessToken } = mallory.session;
		const open = (space: string) => openSocket(space, ['tacet.1', accessToken], mallory.proofs);
		expect(await open(mallory.space)).toBe('open');
		for (const space of [alice.space, alice.keyring]) {
			expect(await open(space)).toBe(wireErrors.not_found.closeCode);
		}
		// An id that nobody has used is free for whoever comes: who knows an id can tell.
		expect(await open(nobody)).toBe('open');
		for (const space of [
			alice.space.toUpperCase(),
			`${alice.space}0`,
			`../${alice.space}`,
			'',
			'%00'
		]) {
			expect(await open(space)).not.toBe('open');
		}
	});

	test('EDG-01 reads its own account with its own token, whatever else the request names', async () => {
		const hers = { token: mallory.session.accessToken, by: mallory.proofs };
		const own = JSON.parse((await ask('accountRead', hers)).body) as ResponseOf<'accountRead'>;
		for (const path of [
			`/v1/account/read?account=alice`,
			`/v1/account/read?handle=alice&session=${alice.session.id}`
		]) {
			const reply = await ask('accountRead', { ...hers, path });
			if (reply.status === 200) {
				expect((JSON.parse(reply.body) as ResponseOf<'accountRead'>).account).toBe(own.account);
			} else expect(reply.status).toBe(404);
		}
		for (const path of ['/v1/account/alice', `/v1/account/${alice.session.id}`, '/v1/account/..']) {
			expect((await ask('accountRead', { ...hers, path })).status).toBe(404);
		}
	});

	test('EDG-01 ends no session but its own', async () => {
		const other = await startDevice(edge.url);
		await other.tacet.start();
		expect(
			(await other.tacet.logIn({ handle: 'mallory', password: 'mallory is my password' })).ok
		).toBe(true);
		expect((await other.tacet.logOut()).ok).toBe(true);
		await other.close();
		const reply = await ask('accountRead', { token: alice.session.accessToken });
		const { sessions } = JSON.parse(reply.body) as ResponseOf<'accountRead'>;
		expect(sessions.map(({ id }) => id)).toEqual([alice.session.id]);
	});
});

describe('a token', () => {
	/** Of its own kind, spoilt in one way each. */
	const spoilt = (token: string): readonly string[] => {
		const [head = '', ...rest] = token.split('.');
		const flip = (text: string) =>
			text.startsWith('A') ? `B${text.slice(1)}` : `A${text.slice(1)}`;
		return [
			'',
			'x',
			token.slice(0, -1),
			`${token}A`,
			token.slice(0, -4) + flip(token.slice(-4)),
			[head, ...rest.slice(0, -1)].join('.'),
			[head, ...rest.slice(0, -1), ''].join('.'),
			`eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify({ sub: 'alice' })).toString('base64url')}.`,
			token.toUpperCase()
		];
	};

	test('SES-03 opens only what tokens of its kind open', async () => {
		const { accessToken, refreshToken } = alice.session;
		const wrong = [refreshToken, ...spoilt(accessToken), alice.session.id];
		for (const token of wrong) {
			for (const name of ['accountRead', 'sessionsEnd'] as const) {
				expect((await ask(name, { token })).status, `${name} ${token}`).toBe(401);
			}
			const protocols = token === '' || /[^\w.~-]/.test(token) ? ['tacet.1'] : ['tacet.1', token];
			expect(await openSocket(alice.space, protocols)).toBe(wireErrors.unauthenticated.closeCode);
		}
		expect((await ask('accountRead', { token: accessToken })).status).toBe(200);
	});

	test('SES-03 is taken from its header alone', async () => {
		const { accessToken } = alice.session;
		for (const headers of [
			{ authorization: accessToken },
			{ authorization: `Basic ${accessToken}` },
			{ authorization: `Bearer ${accessToken}` },
			{ authorization: `DPoP  ${accessToken}` },
			{ cookie: `token=${accessToken}` },
			{ 'x-access-token': accessToken }
		]) {
			expect((await ask('accountRead', { headers })).status).toBe(401);
		}
		const path = `/v1/account/read?access_token=${accessToken}`;
		expect((await ask('accountRead', { path })).status).toBe(401);
	});

	test('NET-01 a login that is sent a second time opens nothing', async () => {
		const reply = await ask('loginFinish', { body: alice.finish.toString() });
		expect(reply.status).toBe(401);
		expect(JSON.parse(reply.body)).toEqual({ error: { code: 'login_failed' } });
	});
});

describe('a request from another site', () => {
	test('SES-06 is refused by every route, whatever it says it carries', async () => {
		const origins = [
			'https://evil.example',
			'null',
			`${edge.url}.evil.example`,
			edge.url.replace('http', 'https')
		];
		for (const name of Object.keys(routes) as RouteName[]) {
			for (const origin of origins) {
				const reply = await ask(name, { headers: { origin }, token: alice.session.accessToken });
				expect(reply.status, `${name} from ${origin}`).toBe(403);
				expect(reply.headers.map(([key]) => key)).not.toContain('access-control-allow-origin');
			}
		}
		for (const type of ['text/plain', 'multipart/form-data', 'application/x-www-form-urlencoded']) {
			const reply = await ask('loginStart', { headers: { 'content-type': type }, body: '{}' });
			expect(reply.status).toBe(400);
		}
	});

	test('SES-07 no answer may be kept by anybody, and no path pretends to be a file', async () => {
		const { accessToken: token } = alice.session;
		for (const name of Object.keys(routes) as RouteName[]) {
			const reply = await ask(name, { token: name === 'sessionsEnd' ? '' : token });
			expect(new Map(reply.headers).get('cache-control'), name).toBe('no-store');
		}
		for (const suffix of ['/a.css', ';.js', '%2f.css', '/.css', '.json']) {
			const reply = await ask('accountRead', { token, path: `/v1/account/read${suffix}` });
			expect(reply.status, suffix).toBe(404);
			expect(new Map(reply.headers).get('cache-control')).toBe('no-store');
		}
	});

	test('EDG-12 asks about what is not there, and hears the same whatever it was', async () => {
		const replies = await Promise.all(
			['/v1/spaces', `/v1/spaces/${alice.space}`, `/v1/spaces/${nobody}`, '/v1/nothing'].map(
				(path) => ask('accountRead', { path })
			)
		);
		for (const reply of replies) expect(reply).toEqual(replies[0]);
		expect(replies[0]?.status).toBe(404);
	});
});

describe('a refresh token', () => {
	test('SES-03 refreshes nothing once a byte of it is another, and one with a wrong secret ends its session', async () => {
		const { accessToken, refreshToken } = mallory.session;
		const by = mallory.proofs;
		const refreshBy = (token: string) =>
			ask('sessionRefresh', { body: { refreshToken: token }, by });
		for (const refresh of [accessToken, '', 'x', refreshToken.slice(0, -1), `${refreshToken}A`]) {
			const reply = await refreshBy(refresh);
			expect([400, 401]).toContain(reply.status);
		}
		expect((await ask('accountRead', { token: accessToken, by })).status).toBe(200);
		const first = await refreshBy(refreshToken);
		expect(first.status).toBe(200);
		const { session } = JSON.parse(first.body) as ResponseOf<'sessionRefresh'>;
		const next = await refreshBy(session.refreshToken);
		expect(next.status).toBe(200);
		// Two hands hold it: nobody goes on with the session.
		expect((await refreshBy(refreshToken)).status).toBe(401);
		expect((await ask('accountRead', { token: session.accessToken, by })).status).toBe(401);
		expect(await openSocket(mallory.space, ['tacet.1', session.accessToken], by)).toBe(
			wireErrors.unauthenticated.closeCode
		);
	});
});

describe('guessing', () => {
	test('PWD-06 counts each login as failed until it is finished, one network and account at a time', async () => {
		const first = mallory.device.liar.sent.find(
			(sent) => sent.kind === 'http' && sent.url === routes.loginStart.path
		);
		if (first?.kind !== 'http') throw new Error('a sign-up logs in');
		const body = { ...(JSON.parse(first.body.toString()) as object), handle: 'mallory' };
		const replies: Reply[] = [];
		for (let tries = 0; tries < 30; tries++) replies.push(await ask('loginStart', { body }));
		const refused = replies.filter(({ status }) => status === 429);
		expect(refused.length).toBeGreaterThanOrEqual(9);
		expect(replies.slice(0, 15).every(({ status }) => status === 200)).toBe(true);
		for (const { headers } of refused)
			expect(Number(new Map(headers).get('retry-after'))).toBeGreaterThan(0);
		const other = await startDevice(edge.url);
		await other.tacet.start();
		expect(
			(await other.tacet.logIn({ handle: 'alice', password: 'alice is my password' })).ok
		).toBe(true);
		await other.close();
	}, 60_000);

	test('EDG-04, PWD-06 from everywhere keeps new devices out, and none that the account knows', async () => {
		const first = alice.device.liar.sent.find(
			(sent) => sent.kind === 'http' && sent.url === routes.loginStart.path
		);
		if (first?.kind !== 'http') throw new Error('a sign-up logs in');
		const [body, known] = [first.body.toString(), { password: 'alice is my password' }];
		const guess = (network: number) =>
			fetch(edge.url + routes.loginStart.path, {
				...{ method: 'POST', body },
				headers: {
					'content-type': 'application/json',
					[networkHeader]: `192.0.2.${String(network)}`
				}
			});
		const guesses = Array.from({ length: 250 }, (_, index) => guess(index % 50));
		const statuses = (await Promise.all(guesses)).map(({ status }) => status);
		expect(statuses).toContain(429);
		const stranger = await startDevice(edge.url);
		await stranger.tacet.start();
		const refused = { ok: false, error: { code: 'rate_limited' } };
		expect(await stranger.tacet.logIn({ handle: 'alice', ...known })).toMatchObject(refused);
		await alice.device.tacet.lock();
		expect(await alice.device.tacet.unlock(known)).toMatchObject({ ok: true });
		expect(await stranger.tacet.logIn({ handle: 'alice', ...known })).toMatchObject(refused);
		await stranger.close();
	}, 60_000);
});
