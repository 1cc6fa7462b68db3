import { createServer, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Http } from '../../client/http.ts';

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

test('only routes that ask for a session are given its token', async () => {
	const headers: (string | undefined)[] = [];
	const http = await answering((call, response) => {
		headers.push(call.headers.authorization);
		response.writeHead(200).end('{}');
	});
	await http.call('sessionEnd', {}, 'token');
	await http.call('sessionRefresh', request);
	expect(headers).toEqual(['Bearer token', undefined]);
});
