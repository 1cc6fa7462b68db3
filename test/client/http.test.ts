import { createServer, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Http } from '../../client/http.ts';
import { generateDeviceKeyPair } from '../../client/profile.ts';
import { Proofs } from '../../client/proofs.ts';
import { parseDpopProof, verifyDpopProof, type DpopProof } from '../../crypto/edge/dpop-proof.ts';
import { describeRequest } from '../../crypto/proven-request.ts';
import { utf8Encode } from '../../protocol/bytes.ts';

let server: Server | undefined;
afterEach(async () => {
	server?.closeAllConnections();
	server?.close();
	if (server) await once(server, 'close');
	server = undefined;
});

async function answering(listener: RequestListener): Promise<Http> {
	server = createServer(listener).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	return new Http({ origin: `http://127.0.0.1:${String(port)}` });
}

const json =
	(status: number, body: unknown): RequestListener =>
	(_request, response) =>
		response.writeHead(status).end(JSON.stringify(body));

const request = { refreshToken: 'tacet_rt_x' };

test('an answer of the schema is its value', async () => {
	const http = await answering(json(200, { name: 'tacet', protocolVersion: 1 }));
	const answer = await http.call('health', {});
	expect(answer).toEqual({ ok: true, value: { name: 'tacet', protocolVersion: 1 } });
});

test('an answer outside the schema is no answer of an honest edge', async () => {
	const session = { id: 'x', accessToken: 'a', accessExpiresAtMs: 1, refreshToken: 'r' };
	const http = await answering(json(200, { session }));
	const answer = await http.call('sessionRefresh', request);
	expect(answer).toEqual({ ok: false, error: { code: 'server_misbehaved' } });
});

test('a refusal gives its code, and how long to wait', async () => {
	const http = await answering(
		json(429, { error: { code: 'rate_limited', retryAfterSeconds: 7 } })
	);
	const answer = await http.call('sessionRefresh', request);
	expect(answer).toEqual({ ok: false, error: { code: 'rate_limited', retryAfterSeconds: 7 } });
});

test.each([
	['a page of something in between', json(502, '<html>')],
	['a code that no edge has', json(400, { error: { code: 'toString' } })],
	['a connection that is cut', (_: unknown, response: { destroy(): void }) => response.destroy()]
] as [string, RequestListener][])('%s counts as offline', async (_what, listener) => {
	const http = await answering(listener);
	const answer = await http.call('sessionRefresh', request);
	expect(answer).toEqual({ ok: false, error: { code: 'offline' } });
});

test('a redirect is not followed: tokens go nowhere else', async () => {
	const paths: string[] = [];
	const http = await answering((call, response) => {
		paths.push(call.url ?? '');
		response.writeHead(307, { location: '/elsewhere' }).end();
	});
	const answer = await http.call('sessionRefresh', request);
	expect(answer).toMatchObject({ ok: false, error: { code: 'offline' } });
	expect(paths).toEqual(['/v1/session/refresh']);
});

/** What a request was shown with. */
interface Asked {
	readonly authorization: string | undefined;
	readonly proof: DpopProof | null;
	readonly body: string;
}

/** An edge that answers in turn, and gives a nonce with each answer. */
async function asking(
	answers: readonly { readonly status: number; readonly body: unknown; readonly nonce: string }[]
): Promise<{ readonly http: Http; readonly asked: Asked[] }> {
	const asked: Asked[] = [];
	const http = await answering((call, response) => {
		const chunks: Buffer[] = [];
		call.on('data', (chunk: Buffer) => chunks.push(chunk));
		call.on('end', () => {
			const { authorization, dpop } = call.headers;
			const proof = parseDpopProof(typeof dpop === 'string' ? dpop : '');
			const body = Buffer.concat(chunks).toString();
			asked.push({ authorization, proof: proof.ok ? proof.value : null, body });
			const { status, body: answer, nonce } = answers[asked.length - 1] ?? answers[0]!;
			response.writeHead(status, { 'DPoP-Nonce': nonce }).end(JSON.stringify(answer));
		});
	});
	return { http, asked };
}

const newProofs = async (): Promise<Proofs> => new Proofs(await generateDeviceKeyPair(), Date.now);
const taken = (nonce: string) => ({ status: 200, body: {}, nonce });
const stale = (nonce: string) => ({
	...{ status: 401, nonce },
	body: { error: { code: 'use_dpop_nonce' } }
});

test('only routes that ask for a session are given its token, and those that ask for none no proof', async () => {
	const { http, asked } = await asking([taken('a')]);
	const proofs = await newProofs();
	await http.call('sessionsEnd', { sessions: 'own' }, { proofs, token: 'token' });
	await http.call('sessionRefresh', request, { proofs, token: null });
	await http.call('registrationFinish', {} as never, { proofs, token: null });
	expect(asked.map(({ authorization }) => authorization)).toEqual([
		'DPoP token',
		undefined,
		undefined
	]);
	expect(asked.map(({ proof }) => proof !== null)).toEqual([true, true, false]);
});

test('a request is shown with a proof of it, and with the nonce that came last', async () => {
	const { http, asked } = await asking([taken('first'), taken('second'), taken('third')]);
	const proofs = await newProofs();
	const token = 'tacet_at_x.y';
	for (let times = 0; times < 3; times++)
		await http.call('sessionsEnd', { sessions: 'own' }, { proofs, token });
	expect(asked.map(({ proof }) => proof?.claims.nonce)).toEqual([null, 'first', 'second']);
	expect(new Set(asked.map(({ proof }) => proof?.claims.jti)).size).toBe(3);
	for (const { proof, body } of asked) {
		if (proof === null) throw new Error('no proof');
		const url = proof.claims.htu;
		expect(new URL(url).pathname).toBe('/v1/sessions/end');
		const subject = {
			request: await describeRequest({ method: 'POST', url, body: utf8Encode(body) }),
			...{ accessToken: token, thumbprint: null }
		};
		expect((await verifyDpopProof(proof, subject)).ok).toBe(true);
	}
});

test('a stale proof is made anew at once, and the caller hears nothing of it', async () => {
	const { http, asked } = await asking([stale('fresh'), taken('next')]);
	const proofs = await newProofs();
	const answer = await http.call('sessionsEnd', { sessions: 'own' }, { proofs, token: 'token' });
	expect(answer).toEqual({ ok: true, value: {} });
	expect(asked.map(({ proof }) => proof?.claims.nonce)).toEqual([null, 'fresh']);
	expect(asked[0]?.body).toBe(asked[1]?.body);
});

test('an edge that is never content is asked twice, and then left alone', async () => {
	const { http, asked } = await asking([stale('a'), stale('b'), stale('c')]);
	const answer = await http.call(
		'sessionsEnd',
		{ sessions: 'own' },
		{ proofs: await newProofs(), token: 'token' }
	);
	expect(answer).toEqual({ ok: false, error: { code: 'unavailable' } });
	expect(asked).toHaveLength(2);
});

test('what is no nonce goes into no proof', async () => {
	const long = 'a'.repeat(65);
	const { http, asked } = await asking([
		taken('good'),
		taken(long),
		taken('with space'),
		taken('x')
	]);
	const proofs = await newProofs();
	for (let times = 0; times < 4; times++) {
		await http.call('sessionsEnd', { sessions: 'own' }, { proofs, token: 'token' });
	}
	expect(asked.map(({ proof }) => proof?.claims.nonce)).toEqual([null, 'good', 'good', 'good']);
});
