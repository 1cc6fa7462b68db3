// Every kind of token at every place where one is taken: each opens what it was made for, and nothing
// else. And every route, asked by whoever may ask, answers as its schema says.
import { beforeAll, describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { wireErrors, type WireErrorCode } from '../../protocol/errors.ts';
import { nonceOfReason, routes, spaceSocketPath, type RouteName } from '../../protocol/http.ts';
import { toBase64Url, utf8Encode } from '../../protocol/bytes.ts';
import { headerOf, signJwt } from '../crypto/proof-maker.ts';
import { openEdge, protocolsFor, TestSocket } from '../durable-objects/edge.ts';
import { call, type Edge } from '../durable-objects/person.ts';
import { bind, keyOf } from '../durable-objects/proving.ts';
import { dumpEverything } from '../durable-objects/storage.ts';
import { asksForSession, levels, type Level } from './levels.ts';
import { createTenant, logIn, randomText, type LoggedIn, type Tenant } from './tenant.ts';

const names = Object.keys(routes) as RouteName[];

let edge: Edge;
let ada: Tenant;
/** The first account of this edge. */
let operator: LoggedIn;
/** By what they are; each is bound to the key of whoever would show it. */
let tokens: Readonly<Record<string, string>>;

beforeAll(async () => {
	edge = await openEdge();
	operator = await logIn(edge);
	ada = await createTenant(edge, operator);
	tokens = await tokensOf(ada);
});

async function tokensOf({ session, linkToken, requests }: Tenant): Promise<Record<string, string>> {
	const bound = keyOf(session.token);
	const part = (json: object): string => toBase64Url(utf8Encode(JSON.stringify(json)));
	const claims = JSON.stringify({
		...{ sub: session.answer.account, sid: session.answer.session.id },
		exp: Math.floor(Date.now() / 1_000) + 600
	});
	const { jwk } = bound.key;
	const secret = await crypto.subtle.importKey(
		'raw',
		utf8Encode(JSON.stringify(jwk)),
		{ name: 'HMAC', hash: 'SHA-256' },
		false,
		['sign']
	);
	const unsigned = (alg: string): string => `${part({ alg, typ: 'at+jwt' })}.${btoa(claims)}`;
	const body = unsigned('HS256');
	const mac = await crypto.subtle.sign('HMAC', secret, utf8Encode(body));
	const made = {
		access: session.token,
		refresh: session.refreshToken,
		link: linkToken,
		'login under way': requests.loginFinish.login,
		'JWT without a signature': `${unsigned('none')}.`,
		'JWT with the public key for a secret': `${body}.${toBase64Url(new Uint8Array(mac))}`,
		'JWT by the device': await signJwt(bound.key, { header: '{"alg":"ES256"}', claims }),
		'JWT that is a proof': await signJwt(bound.key, {
			header: JSON.stringify(headerOf(bound.key)),
			claims
		}),
		'access, cut short': session.token.slice(0, -1),
		'access, in capitals': session.token.toUpperCase(),
		'access, of a refresh token': session.refreshToken.replace('_rt_', '_at_'),
		'refresh, of an access token': session.token.replace('_at_', '_rt_'),
		'made up': randomText(48)
	};
	for (const token of Object.values(made))
		if (keyOf(token) !== keyOf(linkToken)) bind(token, bound);
	return made;
}

async function openedBy(token: string): Promise<string> {
	const path = spaceSocketPath(ada.space, null);
	const open = async () => {
		const headers = {
			Upgrade: 'websocket',
			'Sec-WebSocket-Protocol': await protocolsFor(token, path)
		};
		const reply = await edge.send(path, { method: 'GET', headers });
		const { webSocket } = reply as unknown as Response;
		if (webSocket === null) return String(reply.status);
		const socket = new TestSocket(webSocket);
		const said = await socket.next().catch(() => null);
		if (said !== null) socket.socket.close(1000);
		await socket.closed;
		return said === null ? socket.reason : 'open';
	};
	const first = await open();
	const nonce = nonceOfReason(first);
	if (nonce === null) return first;
	keyOf(token).nonce = nonce;
	return open();
}

/** The kinds that open a place; what changes something there is asked last. */
const places: Readonly<
	Record<string, { readonly by: readonly string[]; ask(token: string): Promise<string> }>
> = {
	'a request of a session': {
		by: ['access'],
		ask: async (token) => codeOf(await call(edge, 'requestList', {}, token))
	},
	'a socket': { by: ['access', 'link'], ask: openedBy },
	'a refresh of a session': {
		by: ['refresh'],
		ask: async (refreshToken) => codeOf(await call(edge, 'sessionRefresh', { refreshToken }))
	},
	'a refresh of a link': {
		by: ['link'],
		ask: async (accessToken) => {
			const { space, link } = ada.requests.linkRefresh;
			return codeOf(await call(edge, 'linkRefresh', { space, link, accessToken }));
		}
	},
	'the end of a login': {
		by: ['login under way'],
		ask: async (login) =>
			codeOf(await call(edge, 'loginFinish', { ...ada.requests.loginFinish, login }))
	}
};

const codeOf = ({
	body
}: {
	readonly body: { readonly error?: { readonly code: string } };
}): string => body.error?.code ?? 'open';

describe('a token', () => {
	const refusals = ['unauthenticated', 'invalid_dpop_proof', 'malformed', 'login_failed'];

	it.each(Object.keys(places))(
		'SES-03 opens %s if it was made for it, and else not',
		async (where) => {
			const place = places[where];
			if (place === undefined) throw new Error('it is one of the places');
			const before = await dumpEverything();
			for (const [kind, token] of Object.entries(tokens)) {
				if (place.by.includes(kind)) continue;
				const code = await place.ask(token);
				expect([kind, code, refusals.includes(code)]).toEqual([kind, code, true]);
			}
			expect(await dumpEverything()).toBe(before);
			for (const kind of place.by)
				expect([kind, await place.ask(tokens[kind] ?? '')]).toEqual([kind, 'open']);
		}
	);
});

describe('whoever may ask', () => {
	let owner: Tenant;
	let claimant: LoggedIn;
	beforeAll(async () => {
		edge = await openEdge();
		claimant = await logIn(edge);
		owner = await createTenant(edge, claimant);
	});

	/** What takes away what others need is asked last. */
	const last: readonly RouteName[] = [
		...(['deviceLinkOpen', 'inviteRevoke', 'linkRemove', 'requestDismiss', 'sessionsEnd'] as const)
	];
	const inOrder = [...names.filter((name) => !last.includes(name)), ...last];
	/** Where a tenant’s request comes late, or before its time: no login waits for its factor. */
	const refusals: Partial<Record<RouteName, WireErrorCode>> = {
		deviceLinkClaim: 'not_found',
		linkFinish: 'login_failed',
		loginFactor: 'login_failed',
		loginSend: 'login_failed',
		loginChoose: 'login_failed',
		stepUpFinish: 'login_failed',
		stepUpFactor: 'login_failed',
		stepUpSend: 'login_failed',
		recoverySend: 'login_failed',
		recoveryPassword: 'login_failed',
		recoveryFinish: 'login_failed',
		// It was called off just before.
		recoveryApprove: 'not_found',
		// The operator has named no gateway.
		smsStart: 'unavailable'
	};

	it.each(inOrder)('%s is answered as its schema says', async (name) => {
		const who = { operator, claimant } as Partial<Record<Level, LoggedIn>>;
		const { session } = who[levels[name]] ?? owner;
		const token = asksForSession(name) ? session.token : undefined;
		const { status, body } = await call(edge, name, owner.requests[name] as never, token);
		const refusal = refusals[name];
		if (refusal === undefined) {
			expect([status, body]).toEqual([200, v.parse(routes[name].response, body)]);
		} else {
			expect(body).toEqual({ error: { code: refusal } });
			expect(status).toBe(wireErrors[refusal].httpStatus);
		}
	});
});
