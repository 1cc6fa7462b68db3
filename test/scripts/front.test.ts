// The local stand-in for Workers assets, on the build that is deployed.
import { rmSync } from 'node:fs';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build } from '../../scripts/build.mjs';
import { serve, type Serving } from '../../scripts/serve.mjs';
import { newFolder } from './starting.ts';

const dataDir = newFolder();
let serving: Serving;

beforeAll(async () => {
	await build();
	serving = await serve({ signUp: 'open', dataDir });
}, 120_000);

afterAll(async () => {
	await serving.stop();
	rmSync(dataDir, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}) =>
	fetch(`${serving.url}${path}`, { headers, redirect: 'manual' });

/** As a browser asks for a page; `fetch` names its own mode. */
function navigate(path: string): Promise<{ status: number | undefined; body: string }> {
	return new Promise((resolve, reject) => {
		const headers = { 'sec-fetch-mode': 'navigate' };
		const request = http.get(`${serving.url}${path}`, { headers }, (response) => {
			let body = '';
			response.setEncoding('utf8').on('data', (text: string) => (body += text));
			response.on('end', () => resolve({ status: response.statusCode, body }));
		});
		request.on('error', reject);
	});
}

async function firstScript(): Promise<string> {
	const page = await (await get('/')).text();
	const found = /\/_app\/immutable\/entry\/start[\w.-]+\.js/.exec(page);
	if (!found) throw new Error('the page loads no script');
	return found[0];
}

describe('the front', () => {
	test('gives the page with the rules of _headers', async () => {
		const page = await get('/');
		expect(page.status).toBe(200);
		expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
		expect(page.headers.get('x-content-type-options')).toBe('nosniff');
		expect(page.headers.get('cache-control')).not.toContain('immutable');
	});

	test('gives hashed files for a year and with their type', async () => {
		const script = await get(await firstScript());
		expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
		expect(script.headers.get('cache-control')).toContain('immutable');
	});

	test('answers 304 to who has the file already', async () => {
		const etag = (await get('/')).headers.get('etag') ?? '';
		expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
		const again = await get('/', { 'if-none-match': `W/"other", W/${etag}` });
		expect(again.status).toBe(304);
		expect(await again.text()).toBe('');
		expect((await get('/', { 'if-none-match': '"other"' })).status).toBe(200);
	});

	test('gives the app to a navigation anywhere', async () => {
		const page = await navigate('/s/some-link');
		expect(page.status).toBe(200);
		expect(page.body).toBe(await (await get('/')).text());
	});

	test('does not give the app in place of a file that is not there', async () => {
		expect((await get('/_app/immutable/none.js')).status).toBe(404);
	});

	test('keeps one address for the page', async () => {
		const answer = await get('/index.html');
		expect(answer.status).toBe(307);
		expect(answer.headers.get('location')).toBe('/');
	});

	test('does not serve the rules themselves, nor anything outside the build', async () => {
		expect((await get('/_headers')).status).toBe(404);
		expect((await get('/..%2f..%2fpackage.json')).status).toBe(404);
		expect((await get('/%2e%2e/%2e%2e/package.json')).status).toBe(404);
	});

	test('lets nothing be written to a file', async () => {
		const answer = await fetch(serving.url, { method: 'POST', body: 'x' });
		expect(answer.status).toBe(405);
		expect(answer.headers.get('allow')).toBe('GET, HEAD');
	});

	test('passes API paths to the Worker', async () => {
		const health = await get('/v1/health');
		expect(health.status).toBe(200);
		expect(await health.json()).toMatchObject({ name: 'tacet' });
	});

	test('lets nobody get round a rate limit by naming another address', async () => {
		const statuses: number[] = [];
		for (let index = 0; index < 300 && !statuses.includes(429); index += 1) {
			const response = await fetch(`${serving.url}/v1/login/start`, {
				method: 'POST',
				headers: {
					'content-type': 'application/json',
					'cf-connecting-ip': `198.51.100.${String(index % 256)}`
				},
				body: JSON.stringify({ handle: 'nobody', ke1: 'A'.repeat(128) })
			});
			await response.arrayBuffer();
			statuses.push(response.status);
		}
		expect(statuses).toContain(429);
	});
});
