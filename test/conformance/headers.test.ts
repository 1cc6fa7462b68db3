// docs/headers.md, held against what the shipped bundle and its front say to every route and every
// kind of file.
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routes, spaceSocketPath, type RouteName } from '../../protocol/http.ts';
import { idFromBytes, type SpaceId } from '../../protocol/ids.ts';
import { inProject } from '../../scripts/project.mjs';
import { call, Person } from '../durable-objects/person.ts';
import { Harness } from './harness.ts';

const kinds = ['API', 'Page', 'Script', 'Worker'] as const;
type Kind = (typeof kinds)[number];
type Headers = Readonly<Record<string, string>>;

const harness = new Harness();
beforeAll(() => harness.start());
afterAll(() => harness.stop());

/** What the table says of answers of a kind: names in lower case, empty where there is none. */
function stated(kind: Kind): Headers {
	const text = readFileSync(inProject('docs/headers.md'), 'utf8');
	const rows = text
		.split('\n')
		.filter((line) => /^\| [A-Z][\w-]+ /.test(line))
		.map((line) => line.split('|').map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')));
	return Object.fromEntries(
		rows.map((cells) => [cells[1]!.toLowerCase(), cells[2 + kinds.indexOf(kind)]!])
	);
}

interface Answer {
	readonly status: number;
	readonly headers: Headers;
}

/** By a client that adds nothing of its own, and follows nothing. */
const ask = (
	path: string,
	{ method = 'GET', headers = {}, body = '' }: RequestOptions = {}
): Promise<Answer> =>
	new Promise((resolve, reject) => {
		const request = http.request(`${harness.url}${path}`, { method, headers }, (response) => {
			response.resume().on('end', () => {
				const got = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
				resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(got) as Headers });
			});
		});
		request.on('error', reject);
		request.end(body);
	});
interface RequestOptions {
	readonly method?: string;
	readonly headers?: Headers;
	readonly body?: string;
}

function expectHeaders(
	{ headers }: Answer,
	kind: Kind,
	otherwise: Readonly<Record<string, string>> = {}
): void {
	const expected: Record<string, string> = { ...stated(kind), ...otherwise };
	expect(Object.keys(expected).length).toBeGreaterThan(8);
	const got = Object.keys(expected).map((name) => [name, headers[name] ?? '']);
	expect(Object.fromEntries(got)).toEqual(expected);
	expect(headers['access-control-allow-origin']).toBeUndefined();
	expect(headers['set-cookie']).toBeUndefined();
}

const json = { 'content-type': 'application/json' };
const nobody = 'https://evil.test';

describe('the API', () => {
	test.each(Object.keys(routes) as RouteName[])('%s', async (name) => {
		const { path, method } = routes[name];
		const asked = [
			ask(path, { method }),
			ask(path, { method, headers: json, body: method === 'POST' ? '{}' : '' }),
			ask(path, { method, headers: json, body: method === 'POST' ? '{' : '' }),
			ask(path, { method, headers: { ...json, origin: nobody } }),
			ask(path, { method, headers: { ...json, 'sec-fetch-site': 'cross-site' } }),
			ask(path, { method: 'DELETE' }),
			ask(path, { method: 'HEAD' }),
			ask(`${path}/a.css`),
			ask(`${path};.js`)
		];
		for (const answer of await Promise.all(asked)) expectHeaders(answer, 'API');
	});

	test('what is granted', async () => {
		const edge = await harness.edge();
		const seen: Answer[] = [];
		const watched = {
			...edge,
			send: async (path: string, init: Parameters<typeof edge.send>[1]) => {
				const reply = await edge.send(path, init);
				const headers = Object.fromEntries(reply.headers as unknown as Iterable<[string, string]>);
				seen.push({ status: reply.status, headers });
				return reply;
			}
		};
		const person = await Person.signUp(watched);
		const { token } = await person.logIn();
		await call(watched, 'requestList', {}, token);
		expect(seen.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(5);
		for (const answer of seen) expectHeaders(answer, 'API');
	});

	test('what is not there, and what is too much', async () => {
		for (const path of ['/v1', '/v1/', '/v1/nothing', '/.well-known/nothing', '/nothing.js']) {
			const answer = await ask(path);
			expect(answer.status).toBe(404);
			expectHeaders(answer, 'API');
		}
		const { path } = routes.loginStart;
		const tooLarge = await ask(path, { method: 'POST', headers: json, body: 'x'.repeat(70_000) });
		expect(tooLarge.status).toBe(413);
		expectHeaders(tooLarge, 'API');
	});

	test('a socket that is refused before it opens', async () => {
		const path = spaceSocketPath(idFromBytes<SpaceId>(new Uint8Array(16)));
		const upgrade = { connection: 'upgrade', upgrade: 'websocket' };
		for (const headers of [{}, upgrade, { ...upgrade, origin: nobody }]) {
			expectHeaders(await ask(path, { headers }), 'API');
		}
	});
});

describe('the page', () => {
	const files = readdirSync(inProject('web/build'), { recursive: true, encoding: 'utf8' })
		.filter((name) => /\.\w+$/.test(name))
		.map((name) => `/${name.replaceAll('\\', '/')}`);
	const page = ['/', '/index.html'];

	test('every kind of file', async () => {
		const extensions = new Set(files.map((name) => name.slice(name.lastIndexOf('.'))));
		expect([...extensions]).toEqual(expect.arrayContaining(['.js', '.css', '.wasm', '.png']));
		for (const name of [...page, ...files.filter((file) => !page.includes(file))]) {
			const immutable = name.startsWith('/_app/immutable/')
				? { 'cache-control': 'public, max-age=31536000, immutable' }
				: {};
			const kind = name.startsWith('/_app/') ? 'Script' : 'Page';
			const answer = await ask(name);
			expect(answer.status, name).toBe(page[1] === name ? 307 : 200);
			expectHeaders(answer, name === '/service-worker.js' ? 'Worker' : kind, immutable);
		}
	});

	test('at any address, unchanged, and asked for wrongly', async () => {
		const etag = (await ask('/')).headers['etag'] ?? '';
		expectHeaders(await ask('/s/anything', { headers: { 'sec-fetch-mode': 'navigate' } }), 'Page');
		const unchanged = await ask('/', { headers: { 'if-none-match': etag } });
		expect(unchanged.status).toBe(304);
		expectHeaders(unchanged, 'Page');
		const written = await ask('/', { method: 'POST' });
		expect(written.status).toBe(405);
		expectHeaders(written, 'Page');
	});

	test('carries a policy of its own, without inline code that it does not name by its hash', () => {
		const html = readFileSync(inProject('web/build/index.html'), 'utf8');
		const [, policy = ''] =
			/http-equiv="content-security-policy" content="([^"]+)"/.exec(html) ?? [];
		const directives = Object.fromEntries(
			policy.split(';').map((directive) => {
				const [name = '', ...values] = directive.trim().split(' ');
				return [name, values];
			})
		);
		expect(directives['default-src']).toEqual(["'none'"]);
		expect(directives['connect-src']).toEqual(["'self'"]);
		expect(directives['require-trusted-types-for']).toEqual(["'script'"]);
		const named = /^'(self|wasm-unsafe-eval|sha256-[\w+/=]+)'$/;
		expect(directives['script-src']?.filter((source) => !named.test(source))).toEqual([]);
		expect(directives['script-src']?.some((source) => source.startsWith("'sha256-"))).toBe(true);
		expect(policy).not.toMatch(/unsafe-inline|unsafe-eval'(?<!wasm-unsafe-eval')|https?:|\*/);
	});
});
