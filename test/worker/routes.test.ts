// Every route of the table, with every kind of request that it must refuse: typed answers, and
// nothing stored. Which routes there are is read from protocol/http.ts.
import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import * as v from 'valibot';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { createApp } from '../../worker/app.ts';
import { LimiterStore } from '../../durable-objects/limiter-store.ts';
import { networkRates, type NetworkRate } from '../../durable-objects/limits.ts';
import { wireErrors, type WireErrorCode } from '../../protocol/errors.ts';
import { routes, type RouteName } from '../../protocol/http.ts';
import { maxBodyBytes } from '../../protocol/limits.ts';
import { bindings, fetchWorker, openEdge, origin } from '../durable-objects/edge.ts';
import { call, Person, type Edge, type Session } from '../durable-objects/person.ts';
import { dumpEverything } from '../durable-objects/storage.ts';
import { asksForSession } from './levels.ts';
import { createTenant, logIn } from './tenant.ts';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type JsonObject = Record<string, Json>;

const names = Object.keys(routes) as RouteName[];
const posts = names.filter((name) => routes[name].method === 'POST');

let edge: Edge;
let session: Session;
let token: string;
/** A request of each route that would be granted. */
let good: Record<RouteName, JsonObject>;

beforeAll(async () => {
	edge = await openEdge();
	const ada = await createTenant(edge, await logIn(edge));
	({ session } = ada);
	({ token } = session);
	good = JSON.parse(JSON.stringify(ada.requests)) as Record<RouteName, JsonObject>;
});

const headersOf = (name: RouteName): Record<string, string> => ({
	'Content-Type': 'application/json',
	// Of a form that no object has judged yet.
	...(asksForSession(name) ? { Authorization: `DPoP ${token}` } : {}),
	...(routes[name].auth === 'none' ? {} : { DPoP: 'x' })
});

async function codeOf(reply: { status: number; json(): Promise<unknown> }): Promise<WireErrorCode> {
	const { error } = (await reply.json()) as { error: { code: WireErrorCode } };
	expect(reply.status).toBe(wireErrors[error.code].httpStatus);
	return error.code;
}

const post = (name: RouteName, body: string, headers: Record<string, string> = {}) =>
	edge.send(routes[name].path, {
		method: 'POST',
		headers: { ...headersOf(name), ...headers },
		body
	});

/** The request with one thing changed at each place in turn, to something of no schema here. */
function mutations(request: JsonObject): Json[] {
	const mutated: Json[] = [null, [], 'text', 7, [request], { ...request, unknown: 1 }];
	for (const [field, value] of Object.entries(request)) {
		mutated.push(Object.fromEntries(Object.entries(request).filter(([name]) => name !== field)));
		for (const other of [
			null,
			7,
			true,
			[],
			{},
			'',
			'x'.repeat(20_000),
			`${JSON.stringify(value)}=`
		]) {
			if (typeof other !== typeof value || field !== 'handle' || other === '') {
				mutated.push({ ...request, [field]: other });
			}
		}
		if (typeof value === 'string' && field !== 'handle') {
			mutated.push(
				{ ...request, [field]: value.slice(0, -1) },
				{ ...request, [field]: `${value}A` }
			);
		}
		if (Array.isArray(value)) {
			mutated.push({ ...request, [field]: new Array<Json>(17).fill(value[0] ?? null) });
		} else if (typeof value === 'object' && value !== null) {
			for (const inner of mutations(value)) mutated.push({ ...request, [field]: inner });
		}
	}
	return mutated;
}

/** Fields of which something else, that `mutations` makes, is of the schema, too. */
const looseFields: Partial<Record<RouteName, readonly string[]>> = {
	operatorWrite: ['change'],
	loginFinish: ['after'],
	recoveryStep: ['after'],
	recoveryFinish: ['write'],
	sessionRefresh: ['refreshToken'],
	accountRead: ['after'],
	smsStart: ['number'],
	accountWrite: ['write'],
	accountPutBack: ['writes'],
	inviteCreate: ['expiresAtMs'],
	linkCreate: ['expiresAtMs', 'openings'],
	linkStart: ['ke1'],
	linkRefresh: ['accessToken'],
	eventList: ['before'],
	requestSend: ['sealed']
};

const changedFields = (request: JsonObject, other: Json): string[] =>
	Object.entries(typeof other === 'object' && other !== null ? other : {})
		.filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(request[field]))
		.map(([field]) => field);

describe('a request that is not of its schema', () => {
	it.each(posts)('is refused by %s, and stores nothing', async (name) => {
		const request = good[name];
		const before = await dumpEverything();
		const loose = looseFields[name] ?? [];
		const accepted = new Set<string>();
		for (const body of mutations(request)) {
			const changed = changedFields(request, body);
			const isGood = !Array.isArray(body) && v.safeParse(routes[name].request, body).success;
			if (isGood && changed.every((field) => loose.includes(field))) {
				for (const field of changed) accepted.add(field);
				continue;
			}
			const code = await codeOf(await post(name, JSON.stringify(body)));
			expect([code, body]).toEqual(['malformed', body]);
		}
		expect([...accepted]).toEqual(loose);
		expect(await dumpEverything()).toBe(before);
	});

	it.each(posts)('is refused by %s if it is cut off, no JSON, or no UTF-8', async (name) => {
		const text = JSON.stringify(good[name]);
		const before = await dumpEverything();
		for (const body of ['', ' ', '{', text.slice(0, -1), `${text}}`, `${text}${text}`, '\u0000']) {
			expect(await codeOf(await post(name, body))).toBe('malformed');
		}
		const notUtf8 = new Uint8Array([0x7b, 0xff, 0x7d]);
		const init = { method: 'POST', headers: headersOf(name), body: notUtf8 };
		expect(await codeOf(await fetchWorker(routes[name].path, init))).toBe('malformed');
		expect(await dumpEverything()).toBe(before);
	});

	it.each(posts)('is refused by %s if it comes as another media type', async (name) => {
		const before = await dumpEverything();
		for (const type of [
			'text/plain',
			'application/x-www-form-urlencoded',
			'APPLICATION/JSONP',
			''
		]) {
			const reply = await post(name, JSON.stringify(good[name]), { 'Content-Type': type });
			expect(await codeOf(reply)).toBe('malformed');
		}
		expect(await dumpEverything()).toBe(before);
	});

	it.each(posts)(
		'is refused by %s if it is too large, whatever it says of its size',
		async (name) => {
			const before = await dumpEverything();
			const text = JSON.stringify({ ...good[name], padding: 'x'.repeat(maxBodyBytes) });
			expect(await codeOf(await post(name, text))).toBe('too_large');
			const chunked = await fetchWorker(routes[name].path, {
				method: 'POST',
				headers: headersOf(name),
				body: endlessBody()
			});
			expect(await codeOf(chunked)).toBe('too_large');
			expect(await dumpEverything()).toBe(before);
		}
	);
});

/** Spaces without end, in chunks, with no length given. */
function endlessBody(): ReadableStream<Uint8Array> {
	const chunk = new Uint8Array(8_192).fill(0x20);
	return new ReadableStream({
		pull: (controller) => {
			controller.enqueue(chunk);
		}
	});
}

describe('any request', () => {
	it.each(names)('to %s by another method is refused', async (name) => {
		const { path, method } = routes[name];
		const others = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].filter(
			(other) => other !== method
		);
		for (const other of others) {
			const reply = await fetchWorker(path, { method: other });
			expect(await codeOf(reply)).toBe('method_not_allowed');
		}
	});

	it.each(names)('to %s from a page of another origin is refused', async (name) => {
		const { path, method } = routes[name];
		const before = await dumpEverything();
		const foreign = [
			...['https://evil.test', 'null', `${origin}:444`, 'http://tacet.test'],
			...['https://sub.tacet.test', 'HTTPS://TACET.TEST']
		];
		for (const Origin of foreign) {
			const body = method === 'POST' ? { body: JSON.stringify(good[name]) } : {};
			const init = { method, headers: { ...headersOf(name), Origin }, ...body };
			const reply = await fetchWorker(path, init);
			expect(await codeOf(reply)).toBe('forbidden');
			expect(reply.headers.get('Access-Control-Allow-Origin')).toBeNull();
		}
		expect(await dumpEverything()).toBe(before);
	});

	it('from our own page is answered', async () => {
		const reply = await fetchWorker(routes.health.path, { headers: { Origin: origin } });
		expect(await reply.json()).toEqual({ name: 'tacet', protocolVersion: 1 });
	});

	it.each(names)('to %s gets headers that keep its answer to itself', async (name) => {
		const answers = [
			await fetchWorker(routes[name].path, { method: routes[name].method }),
			await fetchWorker(routes[name].path, { method: 'PUT' }),
			await fetchWorker(`${routes[name].path}/a.css`),
			await fetchWorker(`${routes[name].path};.js`)
		];
		for (const { headers } of answers) {
			expect(Object.fromEntries(headers)).toMatchObject({
				'cache-control': 'no-store',
				'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
				'cross-origin-resource-policy': 'same-origin',
				'referrer-policy': 'no-referrer',
				'x-content-type-options': 'nosniff'
			});
			expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d+/);
		}
	});

	it('to something that does not exist is not found', async () => {
		for (const path of ['/v1', '/v1/', '/v1/nothing', '/.well-known/nothing', '/v1//account']) {
			expect(await codeOf(await fetchWorker(path))).toBe('not_found');
		}
	});
});

describe('a route that asks for a session', () => {
	const withSession = names.filter((name) => asksForSession(name));

	it.each(withSession)('%s refuses any other credentials, and stores nothing', async (name) => {
		const { path, method } = routes[name];
		const before = await dumpEverything();
		const wrong = [
			...['', 'DPoP', 'DPoP ', `Basic ${token}`, token, `DPoP  ${token}`, `Bearer ${token}`],
			...[`dpop ${token}`, `DPoP ${token} x`, `DPoP ${session.refreshToken}`],
			...['DPoP tacet_at_', 'DPoP tacet_at_.', `DPoP ${token.slice(0, -2)}`]
		];
		for (const Authorization of wrong) {
			const headers = { 'Content-Type': 'application/json', Authorization, DPoP: 'x' };
			const body = method === 'POST' ? { body: JSON.stringify(good[name]) } : {};
			const reply = await edge.send(path, { method, headers, ...body });
			expect([await codeOf(reply), Authorization]).toEqual(['unauthenticated', Authorization]);
		}
		expect(await dumpEverything()).toBe(before);
	});
});

describe('the limits of a network', () => {
	it('follow the address that the platform gives, and no header of the client', async () => {
		const other = await openEdge();
		const { refreshToken } = session;
		const attempts = Array.from({ length: networkRates.session.burst + 20 }, (_, index) =>
			other.send(routes.sessionRefresh.path, {
				method: 'POST',
				headers: {
					...headersOf('sessionRefresh'),
					'X-Forwarded-For': `192.0.2.${String(index % 250)}`,
					'X-Real-IP': `192.0.2.${String(index % 250)}`
				},
				body: JSON.stringify({ refreshToken: `${refreshToken.slice(0, -4)}AAAA` })
			})
		);
		const replies = await Promise.all(attempts);
		const refused = replies.filter(({ status }) => status === 429);
		expect(refused.length).toBeGreaterThan(0);
		const { error } = (await refused[0]?.json()) as { error: Record<string, unknown> };
		expect(error).toEqual({ code: 'rate_limited', retryAfterSeconds: 1 });
	}, 60_000);
});

describe('every route but health', () => {
	const counted = names.filter((name) => name !== 'health');

	it.each(counted)('%s counts against its network, before any object is asked', async (name) => {
		const address = '192.0.2.1';
		await exhaust(address);
		const before = await dumpEverything();
		const { path, method } = routes[name];
		const headers = { ...headersOf(name), 'CF-Connecting-IP': address };
		const body = method === 'POST' ? { body: JSON.stringify(good[name]) } : {};
		const reply = await fetchWorker(path, { method, headers, ...body });
		expect(Number(reply.headers.get('Retry-After'))).toBeGreaterThan(0);
		expect(await codeOf(reply)).toBe('rate_limited');
		expect(await dumpEverything()).toBe(before);
	});
});

/** Takes all that a network may ask for, of every kind, for an hour. */
async function exhaust(address: string): Promise<void> {
	const { DEPLOYMENT, LIMITER } = bindings;
	const found = await DEPLOYMENT.getByName('deployment').names({ handle: null, network: address });
	if (!found.ok) throw new Error('every network has a limiter');
	const limiter = LIMITER.getByName(found.value.limiter);
	await runInDurableObject(limiter, (_limiter, { storage }) => {
		const store = new LimiterStore(storage);
		const inAnHourMs = Date.now() + 3_600_000;
		for (const rate of Object.keys(networkRates)) {
			store.saveArrival(rate as NetworkRate, inAnHourMs);
		}
	});
	await evictDurableObject(limiter);
}

describe('the log', () => {
	it('has nothing of a request in it but the route, the code and the time', async () => {
		const lines: unknown[] = [];
		const log = vi.spyOn(console, 'log').mockImplementation((line) => lines.push(line));
		const person = await Person.signUp(edge);
		const login = await person.logIn();
		await call(edge, 'accountRead', { after: 0 }, login.token);
		await fetchWorker(`/v1/canary-path?canary=query`, { headers: { 'User-Agent': 'canary' } });
		log.mockRestore();
		expect(lines.length).toBeGreaterThan(5);
		for (const line of lines) {
			const fields = JSON.parse(String(line)) as Record<string, unknown>;
			expect(Object.keys(fields)).toEqual(['route', 'code', 'durationMs']);
			expect(['none', ...names]).toContain(fields['route']);
			expect(['ok', ...Object.keys(wireErrors)]).toContain(fields['code']);
		}
	});

	it('EDG-07 has nothing of what was asked of any route, or answered', async () => {
		const lines: string[] = [];
		const note = (...line: unknown[]) => lines.push(line.map(String).join(' '));
		const spies = (['log', 'error', 'warn', 'info', 'debug'] as const).map((name) =>
			vi.spyOn(console, name).mockImplementation(note)
		);
		const tenant = await createTenant(edge, await logIn(edge));
		const asked = JSON.parse(JSON.stringify(tenant.requests)) as Record<RouteName, JsonObject>;
		const answers: unknown[] = [];
		// The session is ended last.
		for (const name of [
			...names.filter((other) => other !== 'sessionsEnd'),
			'sessionsEnd'
		] as const) {
			answers.push(await call(edge, name, asked[name] as never, tenant.session.token));
		}
		for (const spy of spies) spy.mockRestore();
		expect(new Set(lines.map((line) => (JSON.parse(line) as { route: string }).route))).toEqual(
			new Set([...names, 'spaceSocket'])
		);
		const secrets = textsIn([asked, answers, tenant.session.token, tenant.linkToken]);
		expect(secrets.length).toBeGreaterThan(100);
		const text = lines.join('\n');
		expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
	});

	it('says where something of ours broke, and the answer says only that it did', async () => {
		const lines: unknown[] = [];
		const log = vi.spyOn(console, 'error').mockImplementation((line) => lines.push(line));
		const broken = {
			getByName: () => {
				throw new TypeError('canary of a request');
			}
		};
		const reply = await createApp().request(
			`${origin}${routes.loginStart.path}`,
			{
				method: 'POST',
				headers: headersOf('loginStart'),
				body: JSON.stringify(good.loginStart)
			},
			{ ...bindings, DEPLOYMENT: broken as unknown as typeof bindings.DEPLOYMENT }
		);
		log.mockRestore();
		expect(await codeOf(reply)).toBe('internal');
		expect(lines).toHaveLength(1);
		expect(JSON.parse(String(lines[0]))).toMatchObject({ route: 'loginStart', kind: 'TypeError' });
		expect(String(lines[0])).not.toContain('canary');
	});
});

/** Every text in a value that is long enough to mean something: ids, handles, tokens, bytes. */
function textsIn(value: unknown): string[] {
	if (typeof value === 'string') return value.length >= 16 ? [value] : [];
	return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
