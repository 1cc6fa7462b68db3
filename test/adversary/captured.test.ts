// Whoever copied what a device sent, to the byte, with all of its tokens, and sends it again: requests,
// refreshes and sockets. Beside it, the same tokens shown by a key of their own.
import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateDeviceKeyPair } from '../../client/profile.ts';
import { Proofs } from '../../client/proofs.ts';
import { routes, type RouteName } from '../../protocol/http.ts';
import { isOnline, startDevice, when, type Device } from './device.ts';
import { startEdge, type Edge } from './edge.ts';
import type { Sent } from './liar.ts';
import { HostedSocket } from './socket-frames.ts';

type SentRequest = Extract<Sent, { kind: 'http' }>;
type SentSocket = Extract<Sent, { kind: 'socket' }>;
type Fields = Record<string, string>;

let edge: Edge;
let alice: Device;
/** Of Alice's device: how far its clock is ahead. */
let aheadMs = 0;
let stranger: Proofs;

beforeAll(async () => {
	edge = await startEdge();
	alice = await startDevice(edge.url, { nowMs: () => Date.now() + aheadMs });
	await alice.tacet.start();
	const password = 'alice is my password';
	expect(await alice.tacet.signUp({ handle: 'alice', password })).toMatchObject({ ok: true });
	await when(alice.space, () => isOnline(alice.space));
	stranger = new Proofs(await generateDeviceKeyPair(), Date.now);
}, 60_000);
afterAll(async () => {
	await alice.close();
	await edge.remove();
});

const fieldsOf = ({ headers }: SentRequest | SentSocket): Fields => {
	const fields: Fields = {};
	for (let at = 0; at + 1 < headers.length; at += 2) {
		fields[(headers[at] ?? '').toLowerCase()] = headers[at + 1] ?? '';
	}
	return fields;
};

/** The last request of a route that left the device. */
function captured(name: RouteName): SentRequest {
	const { path } = routes[name];
	const sent = alice.liar.sent.findLast((one) => one.kind === 'http' && one.url === path);
	assert(sent?.kind === 'http');
	return sent;
}

/** Sends it to the edge once more, as it was or with some of it changed; answers with the code. */
async function again(
	sent: SentRequest,
	change: { url?: string; method?: string; fields?: Fields; without?: string; body?: Buffer } = {}
): Promise<string> {
	const { hostname, port } = new URL(edge.url);
	const all = Object.entries({ ...fieldsOf(sent), ...change.fields });
	const headers: Fields = Object.fromEntries(all.filter(([name]) => name !== change.without));
	const body = change.body ?? sent.body;
	if (headers['content-length'] !== undefined) headers['content-length'] = String(body.length);
	const { method = sent.method, url: path = sent.url } = change;
	const asked = httpRequest({ hostname, port, method, path, headers, agent: false });
	asked.end(body);
	const [answer] = (await once(asked, 'response')) as [IncomingMessage];
	answer.resume();
	await once(answer, 'end');
	const nonce = answer.headers['dpop-nonce'];
	stranger.learn(typeof nonce === 'string' ? nonce : null);
	return String(answer.headers['tacet-code'] ?? answer.statusCode);
}

/** A proof by the stranger's key of the request as it was sent. */
async function strangersProof(sent: SentRequest): Promise<string> {
	const fields = fieldsOf(sent);
	const url = `http://${fields['host'] ?? ''}${sent.url}`;
	const token = fields['authorization']?.replace('DPoP ', '') ?? null;
	return stranger.prove({ method: sent.method, url, body: sent.body }, token);
}

const stillIn = async (): Promise<boolean> => (await alice.tacet.account()).ok;

describe('a request that was copied', () => {
	test('SES-04 is refused when it is sent again, and hurts nobody', async () => {
		expect(await stillIn()).toBe(true);
		const sent = captured('accountRead');
		for (let times = 0; times < 3; times++) expect(await again(sent)).toBe('invalid_dpop_proof');
		expect(await stillIn()).toBe(true);
	});

	test('SES-04 is refused with less, by another method, at another place, as a bearer token', async () => {
		expect(await stillIn()).toBe(true);
		const sent = captured('accountRead');
		const token = fieldsOf(sent)['authorization']?.replace('DPoP ', '') ?? '';
		assert(token.startsWith('tacet_at_'));
		expect(await again(sent, { without: 'dpop' })).toBe('unauthenticated');
		expect(await again(sent, { without: 'authorization' })).toBe('unauthenticated');
		const asBearer = { authorization: `Bearer ${token}` };
		expect(await again(sent, { fields: asBearer })).toBe('unauthenticated');
		expect(await again(sent, { fields: asBearer, without: 'dpop' })).toBe('unauthenticated');
		const body = Buffer.from(JSON.stringify({ sessions: 'own' }));
		const toEnd = {
			...{ method: 'POST', url: routes.sessionsEnd.path, body },
			fields: { 'content-type': 'application/json', 'content-length': String(body.length) }
		};
		expect(await again(sent, toEnd)).toBe('invalid_dpop_proof');
		expect(await stillIn()).toBe(true);
	});

	test('SES-04 is refused with a proof by another key, however fresh', async () => {
		expect(await stillIn()).toBe(true);
		const sent = captured('accountRead');
		// The edge gives its nonce to whoever asks.
		await again(sent);
		const dpop = await strangersProof(sent);
		expect(await again(sent, { fields: { dpop } })).toBe('invalid_dpop_proof');
		expect(await stillIn()).toBe(true);
	});
});

describe('a refresh that was copied', () => {
	test('SES-04 is refused when it is sent again, and the session goes on', async () => {
		aheadMs = 20 * 60_000;
		expect(await stillIn()).toBe(true);
		aheadMs = 0;
		const sent = captured('sessionRefresh');
		expect(await again(sent)).toBe('invalid_dpop_proof');
		expect(await again(sent, { without: 'dpop' })).toBe('unauthenticated');
		expect(await stillIn()).toBe(true);
	});
});

describe('a socket that was copied', () => {
	/** How the edge ends a socket with these protocols: the reason, or 'open' if it greets. */
	const openAgain = (sent: SentSocket, protocols: readonly string[], url = sent.url) =>
		new Promise<string>((resolve) => {
			const address = edge.url.replace(/^http/, 'ws') + url;
			const host = fieldsOf(sent)['host'] ?? '';
			const socket = new HostedSocket(address, { protocols, headers: { host } });
			socket.addEventListener('message', () => {
				resolve('open');
				socket.close();
			});
			socket.addEventListener('close', (event) => {
				const { code, reason } = event as CloseEvent;
				resolve(reason === '' ? String(code) : (reason.split(' ')[0] ?? ''));
			});
			socket.addEventListener('error', () => undefined);
		});

	const capturedSocket = (): readonly [SentSocket, readonly string[]] => {
		const sent = alice.liar.sent.findLast((one) => one.kind === 'socket');
		assert(sent?.kind === 'socket');
		const offered = fieldsOf(sent)['sec-websocket-protocol'] ?? '';
		return [sent, offered.split(',').map((part) => part.trim())];
	};

	/** The nonce that the edge gave last, to whomever. */
	const nonceOfAlice = async (): Promise<string> => {
		const { hostname, port } = new URL(edge.url);
		const sent = captured('accountRead');
		const { method, url, body } = sent;
		const headers = fieldsOf(sent);
		const asked = httpRequest({ hostname, port, method, path: url, headers, agent: false });
		asked.end(body);
		const [answer] = (await once(asked, 'response')) as [IncomingMessage];
		answer.resume();
		const nonce = answer.headers['dpop-nonce'];
		assert(typeof nonce === 'string');
		return nonce;
	};

	test('SES-08 is refused when it is opened again, here or at another space', async () => {
		const [sent, protocols] = capturedSocket();
		expect(protocols).toHaveLength(3);
		expect(await openAgain(sent, protocols)).toMatch(/^(invalid_dpop_proof|use_dpop_nonce)$/);
		const keyring = `/v1/spaces/${await alice.keyring()}/socket`;
		const elsewhere = await openAgain(sent, protocols, keyring);
		expect(elsewhere).toMatch(/^(invalid_dpop_proof|use_dpop_nonce)$/);
		const [path = ''] = sent.url.split('?');
		const further = await openAgain(sent, protocols, `${path}?after=1`);
		expect(further).toMatch(/^(invalid_dpop_proof|use_dpop_nonce)$/);
	});

	test('SES-08 opens nothing without its proof, or with one by another key', async () => {
		const [sent, [protocol = '', token = '']] = capturedSocket();
		expect(await openAgain(sent, [protocol, token])).toBe('unauthenticated');
		const url = `http://${fieldsOf(sent)['host'] ?? ''}${sent.url}`;
		// What the edge gives whoever asks.
		await again(captured('accountRead'));
		const proof = await stranger.prove({ method: 'GET', url, body: new Uint8Array() }, token);
		expect(await openAgain(sent, [protocol, token, proof])).toBe('invalid_dpop_proof');
		const own = await alice.proofs();
		own.learn(await nonceOfAlice());
		const good = await own.prove({ method: 'GET', url, body: new Uint8Array() }, token);
		expect(await openAgain(sent, [protocol, token, good])).toBe('open');
		expect(await openAgain(sent, [protocol, token, good])).toBe('invalid_dpop_proof');
	});
});

describe('a refresh token in other hands', () => {
	test('SES-04 ends the session for both: the key tells that there are two', async () => {
		const { body } = captured('sessionRefresh');
		aheadMs = 40 * 60_000;
		expect(await stillIn()).toBe(true);
		aheadMs = 0;
		const sent = captured('sessionRefresh');
		expect(sent.body.equals(body)).toBe(false);
		// Whichever of the family: this one was used already.
		expect(await again(sent)).toBe('invalid_dpop_proof');
		const dpop = await strangersProof(sent);
		expect(await again(sent, { fields: { dpop } })).toBe('unauthenticated');
		expect(await stillIn()).toBe(false);
	});
});
