// What a stolen session can't do: routes that ask for somebody who has just shown who they are. Made
// from the route table, so that a route which states it is asked, and one that doesn't is not refused.
import { runInDurableObject } from 'cloudflare:test';
import { beforeAll, describe, expect, it } from 'vitest';
import { claimedAccountObject } from '../../crypto/edge/session-token.ts';
import { routes, type RouteName } from '../../protocol/http.ts';
import { bindings, openEdge } from '../durable-objects/edge.ts';
import { call, type Edge, type Session } from '../durable-objects/person.ts';
import { keyOf, proofBy } from '../durable-objects/proving.ts';
import { dumpEverything } from '../durable-objects/storage.ts';
import { asksForSession, levels } from './levels.ts';
import { spellings } from './spellings.ts';
import { createTenant, logIn, type LoggedIn, type Tenant } from './tenant.ts';

const names = (Object.keys(routes) as RouteName[]).filter(asksForSession);
const fresh = names.filter((name) => routes[name].auth === 'fresh');
/** In an order that leaves each its session. */
const others = names.filter((name) => !fresh.includes(name) && name !== 'sessionsEnd');

let edge: Edge;
let operator: LoggedIn;
let ada: Tenant;

beforeAll(async () => {
	edge = await openEdge();
	operator = await logIn(edge);
	ada = await createTenant(edge, operator);
	await growOld(operator.session);
	await growOld(ada.session);
});

/** As if what a session was begun with were long ago. */
async function growOld({ token }: Session): Promise<void> {
	const account = claimedAccountObject(token);
	if (!account.ok) throw new Error('a session names its account');
	await runInDurableObject(
		bindings.ACCOUNT.getByName(account.value),
		(_object: unknown, { storage }: DurableObjectState) => {
			storage.sql.exec('UPDATE sessions SET fresh_until_ms = ?', Date.now());
		}
	);
}

const sessionFor = (name: RouteName): Session =>
	levels[name] === 'operator' ? operator.session : ada.session;
const ask = (name: RouteName) =>
	call(edge, name, ada.requests[name] as never, sessionFor(name).token);

const json = { 'Content-Type': 'application/json' };
const needed = { status: 403, body: { error: { code: 'step_up_needed' } } };

describe('a session that has not shown for a while who is there', () => {
	it.each(fresh)('MFA-04 is refused by %s, and nothing is stored', async (name) => {
		const before = await dumpEverything();
		expect(await ask(name)).toEqual(needed);
		expect(await dumpEverything()).toBe(before);
	});

	it.each(fresh)('MFA-04 is refused by every other spelling of %s, too', async (name) => {
		const before = await dumpEverything();
		const { path, method } = routes[name];
		const { token } = sessionFor(name);
		const key = keyOf(token);
		const body = method === 'POST' ? JSON.stringify(ada.requests[name]) : '';
		const send = async (to: string, shown: string): Promise<number> => {
			const url = new URL(shown, edge.origin).href;
			const proof = await proofBy(key, { method, url, body }, token);
			const headers = { ...json, Authorization: `DPoP ${token}`, DPoP: proof };
			const answer = await edge.send(to, { method, headers, ...(body !== '' && { body }) });
			key.nonce = answer.headers.get('DPoP-Nonce') ?? key.nonce;
			return answer.status;
		};
		for (const spelled of spellings.map((spelling) => spelling(path))) {
			for (const shown of [path, spelled]) {
				// With a nonce that is good.
				expect(await send(path, path)).toBe(403);
				const status = await send(spelled, shown);
				expect([spelled, shown, [401, 403, 404].includes(status)]).toEqual([spelled, shown, true]);
			}
		}
		expect(await dumpEverything()).toBe(before);
	});

	it.each(others)('is not asked by %s', async (name) => {
		const { body } = await ask(name);
		expect(body.error?.code).not.toBe('step_up_needed');
		expect(body.error?.code).not.toBe('unauthenticated');
	});

	it('MFA-04 is as old after a refresh', async () => {
		const refreshed = async ({ refreshToken }: Session): Promise<string> => {
			const { status, body } = await call(edge, 'sessionRefresh', { refreshToken });
			expect(status).toBe(200);
			return body.session.accessToken;
		};
		const [own, operators] = [await refreshed(ada.session), await refreshed(operator.session)];
		for (const name of fresh) {
			const token = levels[name] === 'operator' ? operators : own;
			const answered = await call(edge, name, ada.requests[name] as never, token);
			expect([name, answered]).toEqual([name, needed]);
		}
	});
});
