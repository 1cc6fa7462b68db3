// A client whose proofs of possession are made by others' implementations of RFC 9449, at the edge that
// is deployed. Our one claim more, bh, goes in by the means that each has for such: an argument of dpop,
// a hook of oauth4webapi.
import { generateKeyPair, generateProof, type KeyPair } from 'dpop';
import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { parseP256Jwk, type P256Jwk } from '../../crypto/jwk.ts';
import { describeRequest } from '../../crypto/proven-request.ts';
import { utf8Encode } from '../../protocol/bytes.ts';
import {
	routes,
	spaceSocketPath,
	type RequestOf,
	type ResponseOf,
	type RouteName
} from '../../protocol/http.ts';
import type { SpaceId } from '../../protocol/ids.ts';
import { socketProtocol } from '../../protocol/version.ts';
import {
	call,
	doneOf,
	newDeviceId,
	newHandle,
	Person,
	type Edge
} from '../durable-objects/person.ts';
import { Harness, Socket } from './harness.ts';

const harness = new Harness();
let edge: Edge;
beforeAll(async () => {
	await harness.start();
	edge = await harness.edge();
});
afterAll(() => harness.stop());

async function publicJwk({ publicKey }: KeyPair): Promise<P256Jwk> {
	const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
	const jwk = parseP256Jwk({ kty, crv, x, y });
	if (!jwk.ok) throw new Error('the key is on P-256');
	return jwk.value;
}

/** A session that is bound to a key which is not ours. */
async function logIn(pair: KeyPair) {
	const person = await Person.signUp(edge);
	const request = await person.login(newDeviceId(), { jwk: await publicJwk(pair) });
	if (request === null) throw new Error('the password is the right one');
	const { body } = await call(edge, 'loginFinish', request);
	return doneOf(body).session;
}

const bodyHash = async (method: string, url: string, body: string): Promise<string> =>
	(await describeRequest({ method, url, body: utf8Encode(body) })).bh;

describe('dpop', () => {
	/** Asks for one route, with what a library knows: a key, a nonce, and what is claimed beside. */
	async function ask<Name extends RouteName>(
		pair: KeyPair,
		name: Name,
		asked: { readonly body: RequestOf<Name>; readonly token?: string; readonly nonce?: string }
	) {
		const { method, path } = routes[name];
		const url = harness.url + path;
		const body = method === 'GET' ? '' : JSON.stringify(asked.body);
		const bh = await bodyHash(method, url, body);
		const proof = await generateProof(pair, url, method, asked.nonce, asked.token, { bh });
		const answer = await fetch(url, {
			method,
			headers: {
				'Content-Type': 'application/json',
				DPoP: proof,
				...(asked.token !== undefined && { Authorization: `DPoP ${asked.token}` })
			},
			...(body !== '' && { body })
		});
		const json: unknown = await answer.json();
		return {
			status: answer.status,
			code: answer.headers.get('Tacet-Code'),
			nonce: answer.headers.get('DPoP-Nonce') ?? undefined,
			value: v.is(routes[name].response, json) ? (json as ResponseOf<Name>) : null
		};
	}

	it('refreshes, reads and ends a session, and no other key does', async () => {
		const [pair, other] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')];
		const { refreshToken } = await logIn(pair);
		const body = { refreshToken };
		const asked = await ask(pair, 'sessionRefresh', { body });
		expect([asked.status, asked.code]).toEqual([401, 'use_dpop_nonce']);
		const fresh = await ask(pair, 'sessionRefresh', { body, ...nonceOf(asked) });
		expect(fresh.status).toBe(200);
		const token = fresh.value?.session.accessToken ?? '';
		const foreign = await ask(other, 'requestList', { body: {}, token, ...nonceOf(fresh) });
		expect([foreign.status, foreign.code]).toEqual([401, 'invalid_dpop_proof']);
		const read = await ask(pair, 'requestList', { body: {}, token, ...nonceOf(fresh) });
		expect(read.value).toEqual({ requests: [] });
		const ended = await ask(pair, 'sessionsEnd', {
			body: { sessions: 'own' },
			token,
			...nonceOf(read)
		});
		expect(ended.status).toBe(200);
		const after = await ask(pair, 'requestList', { body: {}, token, ...nonceOf(ended) });
		expect([after.status, after.code]).toEqual([401, 'unauthenticated']);
	});

	const nonceOf = ({ nonce }: { readonly nonce: string | undefined }) =>
		nonce === undefined ? {} : { nonce };

	it('opens a socket, once with each proof', async () => {
		const pair = await generateKeyPair('ES256');
		const { accessToken } = await logIn(pair);
		const url = harness.url + spaceSocketPath('f'.repeat(32) as SpaceId);
		const bh = await bodyHash('GET', url, '');
		// RFC 9449 §4.2: without query and fragment.
		const [address = ''] = url.split('?');
		const make = (nonce?: string) =>
			generateProof(pair, address, 'GET', nonce, accessToken, { bh });
		const open = (proof: string) => {
			const protocols = [socketProtocol, accessToken, proof];
			return new Socket(new WebSocket(url.replace(/^http/, 'ws'), protocols));
		};
		const nonce = await open(await make()).nonce;
		const proof = await make(nonce ?? '');
		const socket = open(proof);
		expect(await socket.nextOf('hello')).toMatchObject({ offered: { seq: 0 } });
		const again = open(proof);
		expect(await again.closed).toBe(4401);
		await socket.close();
	});
});

// eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so that nobody uses it with TLS
const withoutTls = { [oauth.allowInsecureRequests]: true };

describe('oauth4webapi', () => {
	it('sends requests with bodies, and keeps up with the nonce by itself', async () => {
		const pair = await oauth.generateKeyPair('ES256');
		const { accessToken } = await logIn(pair);
		let bh = '';
		const handle = oauth.DPoP({}, pair, {
			[oauth.modifyAssertion]: (_header, claims) => {
				if ('htm' in claims) claims['bh'] = bh;
			}
		});
		const ask = async (name: RouteName, asked: object): Promise<Response> => {
			const { method, path } = routes[name];
			const url = new URL(harness.url + path);
			const body = method === 'GET' ? undefined : JSON.stringify(asked);
			bh = await bodyHash(method, url.href, body ?? '');
			const headers = new Headers({ 'Content-Type': 'application/json' });
			return oauth.protectedResourceRequest(accessToken, method, url, headers, body, {
				DPoP: handle,
				...withoutTls
			});
		};
		const stale = await ask('requestList', {}).catch((error: unknown) => error);
		expect(oauth.isDPoPNonceError(stale)).toBe(true);
		const other = await Person.signUp(edge);
		const found = await ask('identityRead', { handle: other.handle });
		expect(v.parse(routes.identityRead.response, await found.json()).account).toBe(other.account);
		const none = await ask('identityRead', { handle: newHandle() });
		expect([none.status, none.headers.get('Tacet-Code')]).toEqual([404, 'not_found']);
		const read = await ask('requestList', {});
		expect(v.is(routes.requestList.response, await read.json())).toBe(true);
	});

	it('is told in the words of RFC 9449 that a proof is wrong', async () => {
		const [pair, other] = [
			await oauth.generateKeyPair('ES256'),
			await oauth.generateKeyPair('ES256')
		];
		const { accessToken } = await logIn(pair);
		const url = new URL(harness.url + routes.requestList.path);
		const { method } = routes.requestList;
		const body = '{}';
		const bh = await bodyHash(method, url.href, body);
		const handle = oauth.DPoP({}, other, {
			[oauth.modifyAssertion]: (_header, claims) => {
				if ('htm' in claims) claims['bh'] = bh;
			}
		});
		const headers = () => new Headers({ 'Content-Type': 'application/json' });
		const ask = () =>
			oauth.protectedResourceRequest(accessToken, method, url, headers(), body, {
				DPoP: handle,
				...withoutTls
			});
		await ask().catch(() => undefined);
		const refused = await ask().catch((error: unknown) => error);
		expect(refused).toBeInstanceOf(oauth.WWWAuthenticateChallengeError);
		const [challenge] = (refused as oauth.WWWAuthenticateChallengeError).cause;
		expect(challenge).toMatchObject({
			scheme: 'dpop',
			parameters: { error: 'invalid_dpop_proof', algs: 'ES256' }
		});
	});
});
