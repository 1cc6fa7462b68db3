// What shows a key: refused alike wherever it is wrong, taken once, and by no clock. At every route that
// asks for one, and at sockets; by accounts for their sessions, by spaces for openings of links.
import { evictDurableObject } from 'cloudflare:test';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeDpopProof } from '../../crypto/client/dpop-proof.ts';
import { claimedAccountObject } from '../../crypto/edge/session-token.ts';
import { describeRequest } from '../../crypto/proven-request.ts';
import { utf8Encode } from '../../protocol/bytes.ts';
import { wireErrors } from '../../protocol/errors.ts';
import {
	nonceOfReason,
	routes,
	spaceSocketPath,
	type ResponseOf,
	type RouteName
} from '../../protocol/http.ts';
import { socketProtocol } from '../../protocol/version.ts';
import { headerOf, signJwt } from '../crypto/proof-maker.ts';
import { accountObject, bindings, openEdge, origin, TestSocket } from '../durable-objects/edge.ts';
import { bytesOf, call, type Edge, type Reply, type Session } from '../durable-objects/person.ts';
import { jktOf, keyOf, newBoundKey, type BoundKey } from '../durable-objects/proving.ts';
import { dump, dumpEverything } from '../durable-objects/storage.ts';
import { asksForSession } from './levels.ts';
import { createTenant, logIn, type LoggedIn, type Tenant } from './tenant.ts';

const names = Object.keys(routes) as RouteName[];
const withSession = names.filter((name) => asksForSession(name));
const withProof = names.filter((name) => routes[name].auth === 'proof');

let edge: Edge;
let ada: Tenant;
let bob: LoggedIn;
let stranger: BoundKey;

beforeAll(async () => {
	edge = await openEdge();
	bob = await logIn(edge);
	ada = await createTenant(edge, bob);
	stranger = await newBoundKey();
});

/** Of a network of its own each, whose rates are not in question. */
beforeEach(async () => {
	edge = await openEdge();
});

const accountOf = ({ answer }: Session) => accountObject(answer.handleHash);

/** Whether it was awake or not, it has slept then. */
async function putToSleep(stub: DurableObjectStub): Promise<void> {
	await dump(stub);
	await evictDurableObject(stub);
}

/** What a proof says, each of it as it should be if nothing else is said. */
interface Claimed {
	readonly method?: string;
	readonly url?: string;
	readonly body?: string;
	readonly ath?: string | null;
	readonly nonce?: string | null;
	readonly nowMs?: number;
	readonly key?: BoundKey;
}

interface Shown {
	readonly method: string;
	readonly path: string;
	readonly body: string;
	/** That goes along; null where none does. */
	readonly token: string | null;
	readonly key: BoundKey;
}

async function proofOf(shown: Shown, claimed: Claimed = {}): Promise<string> {
	const { method = shown.method, url = origin + shown.path, body = shown.body } = claimed;
	const { key = shown.key, nowMs = Date.now() } = claimed;
	const request = await describeRequest({ method, url, body: utf8Encode(body) });
	const accessToken = claimed.ath === undefined ? shown.token : claimed.ath;
	const nonce = claimed.nonce === undefined ? shown.key.nonce : claimed.nonce;
	return makeDpopProof(key.key, { request, context: { accessToken, nonce, nowMs } });
}

/** A request of a route that would be granted, as whoever may ask would show it. */
function shownAt(name: RouteName): Shown {
	const { method, path } = routes[name];
	const { token } = ada.session;
	const { refreshToken, accessToken } = ada.requests[name] as Record<string, string>;
	const isSession = asksForSession(name);
	const key = keyOf(isSession ? token : (refreshToken ?? accessToken ?? ''));
	const body = method === 'GET' ? '' : JSON.stringify(ada.requests[name]);
	return { method, path, body, token: isSession ? token : null, key };
}

const send = ({ method, path, body, token }: Shown, proof: string): Promise<Reply> =>
	edge.send(path, {
		method,
		headers: {
			'Content-Type': 'application/json',
			...(token !== null && { Authorization: `DPoP ${token}` }),
			DPoP: proof
		},
		...(body !== '' && { body })
	});

async function codeOf(reply: Reply): Promise<string> {
	const { error } = (await reply.json()) as { error?: { code: string } };
	return error?.code ?? 'ok';
}

/** Has the key learn a nonce that whoever judges it takes: a request without one is told it. */
async function learn(shown: Shown): Promise<void> {
	const reply = await send(shown, await proofOf(shown, { nonce: null }));
	expect(await codeOf(reply)).toBe('use_dpop_nonce');
	shown.key.nonce = reply.headers.get('DPoP-Nonce');
	expect(shown.key.nonce).toMatch(/^[\w-]{22}$/);
}

/** Of a request, every proof that is about something else, or by somebody else, or no proof. */
async function wrongProofs(shown: Shown): Promise<Record<string, string>> {
	const good = await proofOf(shown);
	const [header = '', claims = '', signature = ''] = good.split('.');
	const { key } = shown;
	const text = (part: string) => new TextDecoder().decode(bytesOf(part));
	const resigned = (of: object) =>
		signJwt(key.key, { header: JSON.stringify(of), claims: text(claims) });
	const other = await proofOf(shown);
	return {
		'by another key': await proofOf(shown, { key: stranger }),
		'with the key of one and the signature of another': `${header}.${claims}.${
			(await proofOf(shown, { key: stranger })).split('.')[2] ?? ''
		}`,
		'of another method': await proofOf(shown, {
			method: shown.method === 'GET' ? 'POST' : 'GET'
		}),
		'of another path': await proofOf(shown, { url: `${origin}/v1/health` }),
		'of another origin': await proofOf(shown, { url: `https://evil.test${shown.path}` }),
		'of another scheme': await proofOf(shown, { url: `http://tacet.test${shown.path}` }),
		'of another body': await proofOf(shown, { body: `${shown.body} ` }),
		'of a query': await proofOf(shown, { url: `${origin}${shown.path}?x=1` }),
		'with another token': await proofOf(shown, { ath: 'tacet_at_AAAA.AAAA' }),
		...(shown.token !== null && { 'without the token': await proofOf(shown, { ath: null }) }),
		'of another type': await resigned({ ...headerOf(key.key), typ: 'JWT' }),
		'by no algorithm': await resigned({ ...headerOf(key.key), alg: 'none' }),
		'that is cut short': good.slice(0, -1),
		'that is none': 'x',
		'that are two': `${good}, ${other}`,
		'with its claims exchanged': `${header}.${other.split('.')[1] ?? ''}.${signature}`
	};
}

describe('a route that asks for a proof', () => {
	it.each([...withSession, ...withProof])(
		'SES-04 %s refuses every other one alike, and stores nothing',
		async (name) => {
			const shown = shownAt(name);
			const before = await dumpEverything();
			await learn(shown);
			for (const [what, proof] of Object.entries(await wrongProofs(shown))) {
				// That says that the token is in two hands: below.
				if (name === 'sessionRefresh' && what === 'by another key') continue;
				const reply = await send(shown, proof);
				expect([what, reply.status]).toEqual([what, 401]);
				expect([what, await codeOf(reply)]).toEqual([what, 'invalid_dpop_proof']);
				const challenge = reply.headers.get('WWW-Authenticate');
				expect(challenge).toBe('DPoP error="invalid_dpop_proof", algs="ES256"');
			}
			expect(await dumpEverything()).toBe(before);
		}
	);

	it.each([...withSession, ...withProof])(
		'%s asks again for one that is not fresh, and stores nothing',
		async (name) => {
			const shown = shownAt(name);
			const elsewhere = await call(edge, 'accountRead', { after: 0 }, bob.session.token);
			expect(elsewhere.status).toBe(200);
			const before = await dumpEverything();
			for (const nonce of [null, 'x', keyOf(bob.session.token).nonce, 'A'.repeat(22)]) {
				const reply = await send(shown, await proofOf(shown, { nonce }));
				expect([nonce, await codeOf(reply)]).toEqual([nonce, 'use_dpop_nonce']);
				expect(reply.headers.get('DPoP-Nonce')).toMatch(/^[\w-]{22}$/);
				const challenge = reply.headers.get('WWW-Authenticate');
				expect(challenge).toBe('DPoP error="use_dpop_nonce", algs="ES256"');
			}
			expect(await dumpEverything()).toBe(before);
		}
	);

	it.each([...withSession, ...withProof])('%s refuses whoever shows none', async (name) => {
		const { method, path, body, token } = shownAt(name);
		const authorization: Record<string, string> =
			token === null ? {} : { Authorization: `DPoP ${token}` };
		const headers = { 'Content-Type': 'application/json', ...authorization };
		const reply = await edge.send(path, { method, headers, ...(body !== '' && { body }) });
		expect(await codeOf(reply)).toBe('unauthenticated');
		expect(reply.headers.get('WWW-Authenticate')).toBe('DPoP algs="ES256"');
	});
});

describe('a proof', () => {
	const shown = () => shownAt('accountRead');

	it('SES-04 is taken once, of a hundred that come together, and of those that come later', async () => {
		const asked = shown();
		await learn(asked);
		const proof = await proofOf(asked);
		const hundred = Array.from({ length: 100 }, () => send(asked, proof).then(codeOf));
		const codes = await Promise.all(hundred);
		expect(codes.filter((code) => code === 'ok')).toHaveLength(1);
		expect(codes.filter((code) => code === 'invalid_dpop_proof')).toHaveLength(99);
		expect(await codeOf(await send(asked, proof))).toBe('invalid_dpop_proof');
	});

	it('SES-04 from before its account was put to sleep is refused, used or not', async () => {
		const { session } = await logIn(edge);
		const { token } = session;
		const asked = { ...shown(), token, key: keyOf(token) };
		await learn(asked);
		const [used, unused] = [await proofOf(asked), await proofOf(asked)];
		expect(await codeOf(await send(asked, used))).toBe('ok');
		await putToSleep(accountOf(session));
		expect(await codeOf(await send(asked, used))).toBe('use_dpop_nonce');
		expect(await codeOf(await send(asked, unused))).toBe('use_dpop_nonce');
		expect((await call(edge, 'accountRead', { after: 0 }, token)).status).toBe(200);
	});

	it('SES-04 that a space has passed on is refused after that space was put to sleep', async () => {
		const asked = shownAt('inviteList');
		await learn(asked);
		const proof = await proofOf(asked);
		expect(await codeOf(await send(asked, proof))).toBe('ok');
		await putToSleep(bindings.SPACE.getByName(ada.space));
		expect(await codeOf(await send(asked, proof))).toBe('invalid_dpop_proof');
	});

	it('is good whatever clock it was made by', async () => {
		const asked = shown();
		const hourMs = 3_600_000;
		for (const nowMs of [0, Date.now() - 9 * hourMs, Date.now() + 9 * hourMs, 32e12]) {
			await learn(asked);
			const proof = await proofOf(asked, { nowMs });
			expect([nowMs, await codeOf(await send(asked, proof))]).toEqual([nowMs, 'ok']);
		}
	});

	it('brings the nonce of the next one with its answer', async () => {
		const { session } = await logIn(edge);
		const key = keyOf(session.token);
		expect(key.nonce).toMatch(/^[\w-]{22}$/);
		const asked = { ...shown(), token: session.token, key };
		const reply = await send(asked, await proofOf(asked));
		expect(await codeOf(reply)).toBe('ok');
		expect(reply.headers.get('DPoP-Nonce')).toBe(key.nonce);
	});
});

describe('a refresh token', () => {
	const refreshOf = (refreshToken: string, key: BoundKey): Shown => ({
		...{ method: 'POST', path: routes.sessionRefresh.path, token: null, key },
		body: JSON.stringify({ refreshToken })
	});

	it('SES-04 is left as it was by every proof that is refused', async () => {
		const { session } = await logIn(edge);
		const asked = refreshOf(session.refreshToken, keyOf(session.refreshToken));
		await learn(asked);
		const before = await dump(accountOf(session));
		for (const [what, proof] of Object.entries(await wrongProofs(asked))) {
			if (what === 'by another key') continue;
			expect([what, await codeOf(await send(asked, proof))]).toEqual([what, 'invalid_dpop_proof']);
		}
		expect(await dump(accountOf(session))).toEqual(before);
		expect(await codeOf(await send(asked, await proofOf(asked)))).toBe('ok');
	});

	it('SES-04 shown by another key ends its session: it is in two hands', async () => {
		const { session } = await logIn(edge);
		const asked = refreshOf(session.refreshToken, keyOf(session.refreshToken));
		await learn(asked);
		expect((await call(edge, 'accountRead', { after: 0 }, session.token)).status).toBe(200);
		const foreign = await proofOf(asked, { key: stranger });
		expect(await codeOf(await send(asked, foreign))).toBe('unauthenticated');
		expect(await codeOf(await send(asked, await proofOf(asked)))).toBe('unauthenticated');
		expect((await call(edge, 'accountRead', { after: 0 }, session.token)).status).toBe(401);
		expect((await dump(accountOf(session)))['sessions']).toEqual([]);
	});

	it('SES-01 gives new tokens to one of a hundred that show it with one proof', async () => {
		const { session } = await logIn(edge);
		const asked = refreshOf(session.refreshToken, keyOf(session.refreshToken));
		const proof = await proofOf(asked);
		const codes = await Promise.all(
			Array.from({ length: 100 }, () => send(asked, proof).then(codeOf))
		);
		expect(codes.filter((code) => code === 'ok')).toHaveLength(1);
		expect((await call(edge, 'accountRead', { after: 0 }, session.token)).status).toBe(200);
	});

	it('SES-01 gives new tokens to two of a hundred with a proof each, and the session lives', async () => {
		const { session } = await logIn(edge);
		const asked = refreshOf(session.refreshToken, keyOf(session.refreshToken));
		const proofs = await Promise.all(Array.from({ length: 100 }, () => proofOf(asked)));
		const codes = await Promise.all(proofs.map((proof) => send(asked, proof).then(codeOf)));
		expect(codes.filter((code) => code === 'ok')).toHaveLength(2);
		expect(codes.filter((code) => code === 'unauthenticated')).toHaveLength(98);
		expect((await dump(accountOf(session)))['sessions']).toHaveLength(1);
	});
});

describe('a socket', () => {
	const upgraded = (path: string, headers: Record<string, string>): Promise<Response> =>
		edge.send(path, { method: 'GET', headers }) as unknown as Promise<Response>;

	/** How an upgrade with these protocols ends: the reason of its close, or 'open'. */
	async function opened(path: string, token: string, proof: string): Promise<string> {
		const offered = [socketProtocol, token, proof].join(', ');
		const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': offered };
		const { webSocket, status } = await upgraded(path, headers);
		if (webSocket === null) return String(status);
		const socket = new TestSocket(webSocket);
		const said = await socket.next().catch(() => null);
		if (said !== null) {
			socket.socket.close(1000);
			await socket.closed;
			return 'open';
		}
		expect(await socket.closed).toBe(wireErrors.unauthenticated.closeCode);
		return socket.reason;
	}

	const shownBy = (token: string, path = spaceSocketPath(ada.space, 0)): Shown => ({
		...{ method: 'GET', path, body: '', token, key: keyOf(token) }
	});

	/** Has the key learn a nonce that this socket's judge takes. */
	async function learnAt({ path, token, key }: Shown): Promise<void> {
		const shown = { method: 'GET', path, body: '', token, key };
		const reason = await opened(path, token ?? '', await proofOf(shown, { nonce: null }));
		key.nonce = nonceOfReason(reason);
		expect(key.nonce).not.toBeNull();
	}

	/** A session’s is an editor’s: an account where nobody is in the midst of a login can be put to sleep. */
	const socketsOf = () => ({
		'of a session': shownBy(ada.tokens.editor),
		'of a share link': shownBy(ada.linkToken)
	});

	it.each(['of a session', 'of a share link'] as const)(
		'SES-08 %s is refused with every proof but its own',
		async (whose) => {
			const shown = socketsOf()[whose];
			const before = await dumpEverything();
			// After what takes long: an object that has slept knows its nonce no more.
			await learnAt(shown);
			const wrong = {
				...(await wrongProofs(shown)),
				'of another query': await proofOf(shown, { url: `${origin}${shown.path}1` }),
				'without its query': await proofOf(shown, { url: origin + spaceSocketPath(ada.space) }),
				'of another space': await proofOf(shown, {
					url: `${origin}/v1/spaces/${'e'.repeat(32)}/socket?after=0`
				})
			};
			for (const [what, proof] of Object.entries(wrong)) {
				// A comma ends an element of the header.
				if (what === 'that are two') continue;
				const end = await opened(shown.path, shown.token ?? '', proof);
				expect([what, end]).toEqual([what, 'invalid_dpop_proof']);
			}
			expect(await dumpEverything()).toBe(before);
			await learnAt(shown);
			expect(await opened(shown.path, shown.token ?? '', await proofOf(shown))).toBe('open');
		}
	);

	it.each(['of a session', 'of a share link'] as const)(
		'SES-08 %s opens once by one proof, also after everybody has slept',
		async (whose) => {
			const shown = socketsOf()[whose];
			const { path, token } = shown;
			await learnAt(shown);
			const [proof, unused] = [await proofOf(shown), await proofOf(shown)];
			expect(await opened(path, token ?? '', proof)).toBe('open');
			expect(await opened(path, token ?? '', proof)).toBe('invalid_dpop_proof');
			await putToSleep(bindings.SPACE.getByName(ada.space));
			const account = claimedAccountObject(token ?? '');
			if (account.ok) await putToSleep(bindings.ACCOUNT.getByName(account.value));
			for (const old of [proof, unused]) {
				expect(await opened(path, token ?? '', old)).toMatch(/^use_dpop_nonce [\w-]{22}$/);
			}
			await learnAt(shown);
			expect(await opened(path, token ?? '', await proofOf(shown))).toBe('open');
		}
	);

	it('SES-08 without a proof, or with more after it, is refused', async () => {
		const shown = shownBy(ada.session.token);
		await learnAt(shown);
		const proof = await proofOf(shown);
		const headers = (offered: string) => ({
			Upgrade: 'websocket',
			'Sec-WebSocket-Protocol': offered
		});
		for (const offered of [
			`${socketProtocol}, ${ada.session.token}`,
			`${socketProtocol}, ${ada.session.token}, `,
			`${socketProtocol}, ${ada.session.token}, ${proof}, x`,
			`${socketProtocol}, ${ada.session.token}, ${'x'.repeat(3_000)}`
		]) {
			const { webSocket } = await upgraded(shown.path, headers(offered));
			if (webSocket === null) throw new Error('it is opened to be closed');
			const socket = new TestSocket(webSocket);
			expect(await socket.closed).toBe(wireErrors.unauthenticated.closeCode);
			expect(socket.reason).toBe('unauthenticated');
		}
		expect(await opened(shown.path, ada.session.token, proof)).toBe('open');
	});
});

describe('an opening of a share link', () => {
	it('SES-04 is refreshed by the key that opened it, and by no other that opened the same', async () => {
		const request = ada.requests.linkStart;
		const open = async () => {
			const key = await newBoundKey();
			const jkt = jktOf(key.key.jwk);
			const { body } = await call(edge, 'linkStart', { ...request, ke1: null, jkt });
			const { opening } = body as ResponseOf<'linkStart'>;
			if (opening === null) throw new Error('it has no passphrase');
			return { key, accessToken: opening.accessToken };
		};
		const [first, second] = [await open(), await open()];
		const { space, link } = request;
		const body = JSON.stringify({ space, link, accessToken: first.accessToken });
		const { method, path } = routes.linkRefresh;
		const asked: Shown = { method, path, body, token: null, key: first.key };
		await learn(asked);
		const foreign = await proofOf(asked, { key: second.key });
		expect(await codeOf(await send(asked, foreign))).toBe('invalid_dpop_proof');
		expect(await codeOf(await send(asked, await proofOf(asked)))).toBe('ok');
	});
});
