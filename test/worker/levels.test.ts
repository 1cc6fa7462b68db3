// What every route asks of whoever calls it: with less, it is refused, and nothing is stored. Made
// from the route table; a route that nobody gave a level fails.
import { beforeAll, describe, expect, it } from 'vitest';
import { routes, type RouteName } from '../../protocol/http.ts';
import { openEdge } from '../durable-objects/edge.ts';
import { call, type Edge } from '../durable-objects/person.ts';
import { dumpEverything } from '../durable-objects/storage.ts';
import { levels, routesOf } from './levels.ts';
import { spellings } from './spellings.ts';
import { createTenant, logIn, wrongTokens, type LoggedIn, type Tenant } from './tenant.ts';

let edge: Edge;
let ada: Tenant;
let stranger: LoggedIn;

beforeAll(async () => {
	edge = await openEdge();
	stranger = await logIn(edge);
	ada = await createTenant(edge, stranger);
});

/** A token in the body, good with the key that it is bound to. */
const byKey: readonly RouteName[] = [
	'sessionRefresh',
	'linkRefresh',
	'recoveryStep',
	'recoverySend',
	'recoveryPassword',
	'recoveryFinish'
];

const refused = (status: number, code: string) => ({ status, body: { error: { code } } });

/** A request that would be granted to the right one, sent with a token. */
const ask = (name: RouteName, token?: string) =>
	call(edge, name, ada.requests[name] as never, token);

describe('every route', () => {
	it('has a level, and asks for a session if and only if its level does', () => {
		expect(Object.keys(levels).toSorted()).toEqual(Object.keys(routes).toSorted());
		const withSession = routesOf('person', 'claimant', 'operator', 'account', 'owner', 'auditor');
		for (const [name, { auth }] of Object.entries(routes)) {
			const without = byKey.includes(name as RouteName) ? ['proof'] : ['none', 'device'];
			const levels = withSession.includes(name as RouteName) ? ['session', 'fresh'] : without;
			expect([name, levels.includes(auth)]).toEqual([name, true]);
		}
	});

	it.each(routesOf('knowledge'))(
		'%s gives nothing for what anybody could make up',
		async (name) => {
			const before = await dumpButCounts();
			const known = ada.requests[name] as Record<string, string>;
			for (const [field, text] of Object.entries(known)) {
				if (notSecret.includes(field)) continue;
				const guess = { ...known, [field]: anotherOf(text) };
				const { status } = await call(edge, name, guess as never);
				expect([field, status === 200]).toEqual([field, false]);
			}
			expect(await dumpButCounts()).toBe(before);
		}
	);
});

/** Guesses are counted, and written down before they are answered. */
const dumpButCounts = async (): Promise<string> =>
	(await dumpEverything()).replace(/"login_attempts":\[[^\]]*\]/g, '');

/** What is not known to the right one alone, or is not there to be known. */
const notSecret = [
	...['handle', 'device', 'claim', 'ke1', 'jkt', 'whenFull', 'answer', 'factor', 'end', 'after'],
	...['keep', 'sessions', 'second', 'recovery']
];

/** As long, of the same alphabet, and not the same. */
const anotherOf = (text: string): string => {
	const other = [...text]
		.map((character) => (/[0-9]/.test(character) ? (Number(character) + 1) % 10 : character))
		.join('');
	// Of letters alone.
	return other === text ? `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}` : other;
};

describe('a route that asks for a session', () => {
	const withSession = routesOf('person', 'claimant', 'operator', 'account', 'owner', 'auditor');

	it.each(withSession)('%s refuses every token but one of a live session', async (name) => {
		const ended = await stranger.person.logIn();
		expect((await call(edge, 'sessionsEnd', { sessions: 'own' }, ended.token)).status).toBe(200);
		const before = await dumpEverything();
		const tokens = {
			...(await wrongTokens(ada.session)),
			'of a session that has ended': ended.token,
			'of a share link': ada.linkToken
		};
		expect(await ask(name)).toEqual(refused(401, 'unauthenticated'));
		for (const [what, token] of Object.entries(tokens)) {
			expect([what, await ask(name, token)]).toEqual([what, refused(401, 'unauthenticated')]);
		}
		expect(await dumpEverything()).toBe(before);
	});
});

describe('another spelling of a path', () => {
	it.each(routesOf('person', 'claimant', 'operator', 'account', 'owner', 'auditor'))(
		'MFA-04 is no way around what %s asks for',
		async (name) => {
			const before = await dumpEverything();
			const { path, method } = routes[name];
			const body = method === 'POST' ? { body: JSON.stringify(ada.requests[name]) } : {};
			const headers = { 'Content-Type': 'application/json' };
			for (const spelling of spellings) {
				const { status } = await edge.send(spelling(path), { method, headers, ...body });
				expect([spelling(path), [401, 404].includes(status)]).toEqual([spelling(path), true]);
			}
			expect(await dumpEverything()).toBe(before);
		}
	);
});

describe('a route for the operator', () => {
	it.each(routesOf('operator'))('%s refuses everybody but the first account', async (name) => {
		const before = await dumpEverything();
		expect(await ask(name, ada.session.token)).toEqual(refused(403, 'forbidden'));
		for (const token of Object.values(ada.tokens)) {
			expect(await ask(name, token)).toEqual(refused(403, 'forbidden'));
		}
		expect(await dumpEverything()).toBe(before);
		// Who signed up first, in this file.
		expect((await ask(name, stranger.session.token)).status).toBe(200);
	});
});

describe('a route for owners, or for auditors too,', () => {
	it.each(routesOf('owner', 'auditor'))('%s refuses members of every other role', async (name) => {
		const before = await dumpEverything();
		for (const [role, token] of Object.entries(ada.tokens)) {
			if (role === levels[name]) continue;
			expect([role, await ask(name, token)]).toEqual([role, refused(403, 'forbidden')]);
		}
		expect(await dumpEverything()).toBe(before);
	});

	it.each(routesOf('owner', 'auditor'))(
		'%s tells whoever is no member that there is no such space',
		async (name) => {
			const before = await dumpEverything();
			expect(await ask(name, stranger.session.token)).toEqual(refused(404, 'not_found'));
			expect(await dumpEverything()).toBe(before);
		}
	);
});
