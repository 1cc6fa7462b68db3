// Two tenants: whatever one of them asks with a good session of its own and ids of the other, it
// changes nothing there, and learns no more than it would of ids that nobody has. Made from the
// route table.
import { beforeAll, describe, expect, it } from 'vitest';
import { routes, type RouteName } from '../../protocol/http.ts';
import { openEdge } from '../durable-objects/edge.ts';
import { call, type Edge } from '../durable-objects/person.ts';
import { dumpEverything } from '../durable-objects/storage.ts';
import { asksForSession, levels, routesOf } from './levels.ts';
import { createTenant, logIn, randomId, type Tenant } from './tenant.ts';

let edge: Edge;
let ada: Tenant;
let bob: Tenant;

beforeAll(async () => {
	edge = await openEdge();
	const sender = await logIn(edge);
	[ada, bob] = [await createTenant(edge, sender), await createTenant(edge, sender)];
}, 60_000);

/** Fields of requests that name something by an id. */
const idFields = ['space', 'invite', 'link', 'request', 'recovery'];
type Fields = Record<string, unknown>;

/** By the table, whatever level it has: a route of a new kind is here too. */
const withSession = (Object.keys(routes) as RouteName[]).filter((name) => asksForSession(name));
const withIds = withSession.filter((name) =>
	Object.keys(routes[name].request.entries).some((field) => idFields.includes(field))
);

/** Here the caller makes up the id of something new: anybody's will do, in a space of one's own. */
const making: readonly RouteName[] = [
	'inviteCreate',
	'linkRegister',
	'linkCreate',
	'deviceLinkOpen'
];

const ask = (name: RouteName, request: Fields, token: string) =>
	call(edge, name, request as never, token);

/** Every way to put the values of one request's ids into another. */
function mixtures(own: Fields, foreign: Fields): { fields: string[]; request: Fields }[] {
	const named = Object.keys(own).filter((field) => idFields.includes(field));
	return Array.from({ length: 2 ** named.length - 1 }, (_, index) => {
		const fields = named.filter((__, bit) => ((index + 1) >> bit) & 1);
		const values = fields.map((field): [string, unknown] => [field, foreign[field]]);
		return { fields, request: { ...own, ...Object.fromEntries(values) } };
	});
}

const unknown = (request: Fields, fields: readonly string[]): Fields => ({
	...request,
	...Object.fromEntries(fields.map((field) => [field, randomId()]))
});

describe('an id of another account', () => {
	it('is of a kind that this test knows, in every route', () => {
		const known = new Set([...idFields, 'account', 'factor']);
		for (const name of withSession) {
			const isId = ([, schema]: [string, { readonly type: string }]) => schema.type === 'custom';
			const fields = Object.entries(routes[name].request.entries).filter(isId);
			expect([name, fields.filter(([field]) => !known.has(field))]).toEqual([name, []]);
		}
		expect(withIds.length).toBeGreaterThan(10);
	});

	it.each(withIds)(
		'EDG-01, EDG-12 given to %s, does not tell whether it exists, and changes nothing',
		async (name) => {
			const token = bob.session.token;
			const [own, foreign] = [bob.requests[name] as Fields, ada.requests[name] as Fields];
			const before = await ada.dump();
			for (const { fields, request } of mixtures(own, foreign)) {
				// Whoever has an invitation's link may claim it: that is what it is for.
				if (levels[name] === 'claimant' && fields.includes('space') && fields.includes('invite'))
					continue;
				const answer = await ask(name, request, token);
				expect([fields, await ada.dump()]).toEqual([fields, before]);
				if (making.includes(name) && !fields.includes('space')) continue;
				expect([fields, await ask(name, unknown(own, fields), token)]).toEqual([fields, answer]);
				if (fields.includes('space')) {
					expect([fields, answer.body]).toEqual([fields, { error: { code: 'not_found' } }]);
				}
			}
		}
	);

	it.each(withIds)(
		'EDG-01, EDG-12 given to %s whole, with everything else that goes with it, neither',
		async (name) => {
			if (levels[name] === 'claimant') return;
			const before = await ada.dump();
			const everything = await dumpEverything();
			const { token } = bob.session;
			const request = ada.requests[name] as Fields;
			const named = Object.keys(request).filter((field) => idFields.includes(field));
			const answer = await ask(name, request, token);
			expect(await ask(name, unknown(request, named), token)).toEqual(answer);
			expect(await ada.dump()).toBe(before);
			if (name === 'deviceLinkOpen') return;
			expect(answer).toEqual({ status: 404, body: { error: { code: 'not_found' } } });
			expect(await dumpEverything()).toBe(everything);
		}
	);
});

describe('a route that names nothing', () => {
	const nameless = routesOf('account').filter(
		(name) => Object.keys(routes[name].request.entries).length === 0
	);

	it.each(nameless)('EDG-01 %s is about the own account alone', async (name) => {
		const session = await bob.person.logIn();
		const before = await ada.dump();
		const answer = await ask(name, bob.requests[name], session.token);
		expect(answer.status).toBe(200);
		expect(await ada.dump()).toBe(before);
		const text = JSON.stringify(answer.body);
		for (const id of [ada.person.account, ada.space, ada.session.answer.session.id]) {
			expect(text).not.toContain(id);
		}
		// One more would end the oldest session, which others ask with.
		await ask('sessionsEnd', { sessions: 'own' }, session.token);
	});
});

describe('two accounts', () => {
	it('EDG-06 that ask at once, again and again, are each answered of their own', async () => {
		const asking = Array.from({ length: 60 }, async (_, index) => {
			const { person, session, requests } = index % 2 === 0 ? ada : bob;
			const other = index % 2 === 0 ? bob : ada;
			const [own, found, unknown] = await Promise.all([
				ask('requestList', {}, session.token),
				ask('identityRead', { handle: other.person.handle }, session.token),
				ask('requestDismiss', other.requests.requestDismiss, session.token)
			]);
			expect(JSON.stringify(own.body)).toContain(requests.requestDismiss.request);
			expect(JSON.stringify(own.body)).not.toContain(other.requests.requestDismiss.request);
			expect(found.body).toMatchObject({ account: other.person.account });
			expect(unknown.status).toBe(404);
			return person.account;
		});
		expect(new Set(await Promise.all(asking)).size).toBe(2);
	});
});

describe('a share link', () => {
	it('EDG-01 of one space opens no other, whichever of its parts is taken over', async () => {
		const before = await ada.dump();
		for (const name of ['linkStart', 'linkFinish', 'linkRefresh'] as const) {
			const [own, foreign] = [bob.requests[name] as Fields, ada.requests[name] as Fields];
			// Which key an opening is bound to is up to whoever opens.
			const parts = Object.keys(own).filter((field) => !['ke1', 'jkt'].includes(field));
			for (const part of parts) {
				const { status } = await call(edge, name, { ...own, [part]: foreign[part] } as never);
				expect([name, part, status === 200]).toEqual([name, part, false]);
			}
		}
		expect(await ada.dump()).toBe(before);
	});
});
