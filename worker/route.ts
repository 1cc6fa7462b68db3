// What every route does before and after its own part: bound the body, check it against the schema,
// count the request against the limits of its network, find the object that the request is about,
// answer.
import type { Context } from 'hono';
import * as v from 'valibot';
import { deploymentObjectName } from '../crypto/edge/keyed-name.ts';
import { claimedAccountObject } from '../crypto/edge/session-token.ts';
import type { Account } from '../durable-objects/account.ts';
import type { RequestPlace } from '../durable-objects/account-login.ts';
import type { ObjectNames } from '../durable-objects/deployment.ts';
import type { NetworkRate } from '../durable-objects/limits.ts';
import type { Space } from '../durable-objects/space.ts';
import type { Refusal } from '../protocol/errors.ts';
import { routes, type RequestOf, type ResponseOf, type RouteName } from '../protocol/http.ts';
import type { SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { refuse, type AppEnv } from './answer.ts';
import { readJsonBody } from './middleware/json-body.ts';

/** Which account a request is about, if not the one of its session. */
export type Subject =
	| { readonly by: 'handle'; readonly handle: string }
	| { readonly by: 'object'; readonly name: string };

export interface Call<Name extends RouteName> {
	readonly request: RequestOf<Name>;
	readonly place: RequestPlace;
	/** The access token; empty where the route asks for none. */
	readonly token: string;
}

/** A route about an account. */
export interface AccountRoute<Name extends RouteName> {
	readonly rate: NetworkRate;
	/** Finds the account in the request; without it, it is the one of the session. */
	readonly subject?: (request: RequestOf<Name>) => Result<Subject, Refusal>;
	readonly call: (
		call: Call<Name> & { readonly account: DurableObjectStub<Account> }
	) => Promise<Result<ResponseOf<Name>, Refusal>>;
}

/** Routes whose request names a space. */
export type SpaceRouteName = {
	[Name in RouteName]: RequestOf<Name> extends { readonly space: SpaceId } ? Name : never;
}[RouteName];

/** A route about a space, which asks and judges by itself what the token may do there. */
export interface SpaceRoute<Name extends SpaceRouteName> {
	readonly rate: NetworkRate;
	readonly call: (
		call: Call<Name> & { readonly space: DurableObjectStub<Space> }
	) => Promise<Result<ResponseOf<Name>, Refusal>>;
}

type AppContext = Context<AppEnv>;
export type Handler = (context: AppContext) => Response | Promise<Response>;

interface Session {
	readonly token: string;
	/** Name of its Account object; nothing is verified yet. */
	readonly accountObject: string;
}

interface Asked<Name extends RouteName> {
	readonly request: RequestOf<Name>;
	/** Null where the route asks for none. */
	readonly session: Session | null;
}

const unauthenticated = err({ code: 'unauthenticated' } as const);

export const answerAccountRoute = <Name extends RouteName>(
	name: Name,
	route: AccountRoute<Name>
): Handler =>
	answer(name, async (context, { request, session }) => {
		const subject = route.subject?.(request) ?? subjectOf(session);
		if (!subject.ok) return subject;
		const handle = subject.value.by === 'handle' ? subject.value.handle : null;
		const names = await countRequest(context, { handle, rate: route.rate });
		if (!names.ok) return names;
		const object = subject.value.by === 'object' ? subject.value.name : names.value.account;
		if (object === null) throw new Error('a handle was asked for and must have a name');
		// An account about which somebody else asks can't tell whether that session lives.
		if (session !== null && route.subject !== undefined) {
			const checked = await checkSession(context, session);
			if (!checked.ok) return checked;
		}
		return route.call({
			account: context.env.ACCOUNT.getByName(object),
			...callOf(context, { request, session, names: names.value })
		});
	});

export const answerSpaceRoute = <Name extends SpaceRouteName>(
	name: Name,
	route: SpaceRoute<Name>
): Handler =>
	answer(name, async (context, { request, session }) => {
		const names = await countRequest(context, { handle: null, rate: route.rate });
		if (!names.ok) return names;
		return route.call({
			space: context.env.SPACE.getByName(request.space),
			...callOf(context, { request, session, names: names.value })
		});
	});

const answer =
	<Name extends RouteName>(
		name: Name,
		work: (context: AppContext, asked: Asked<Name>) => Promise<Result<ResponseOf<Name>, Refusal>>
	): Handler =>
	async (context) => {
		context.set('route', name);
		const asked = await readRequest(name, context);
		const answered = asked.ok ? await work(context, asked.value) : asked;
		return answered.ok ? context.json(answered.value) : refuse(answered.error);
	};

async function readRequest<Name extends RouteName>(
	name: Name,
	context: AppContext
): Promise<Result<Asked<Name>, Refusal>> {
	const request = await parseRequest(name, context.req.raw);
	if (!request.ok) return request;
	if (routes[name].auth === 'none') return ok({ request: request.value, session: null });
	const session = claimedSession(context);
	return session.ok ? ok({ request: request.value, session: session.value }) : session;
}

async function parseRequest<Name extends RouteName>(
	name: Name,
	request: Request
): Promise<Result<RequestOf<Name>, Refusal>> {
	const body = routes[name].method === 'GET' ? ok({}) : await readJsonBody(request);
	if (!body.ok) return err({ code: body.error });
	// To a schema an array is an object, too.
	if (Array.isArray(body.value)) return err({ code: 'malformed' });
	const parsed = v.safeParse(routes[name].request, body.value);
	// The schema of `name` gives the request of `name`; TypeScript can't follow the index.
	return parsed.success ? ok(parsed.output as RequestOf<Name>) : err({ code: 'malformed' });
}

/** As the token has it. A share link's token names no account: it opens a socket, nothing else. */
function claimedSession(context: AppContext): Result<Session, Refusal> {
	const [scheme, token, ...rest] = (context.req.header('Authorization') ?? '').split(' ');
	const isBearer = scheme === 'Bearer' && token !== undefined && rest.length === 0;
	if (!isBearer) return unauthenticated;
	const accountObject = claimedAccountObject(token);
	return accountObject.ok ? ok({ token, accountObject: accountObject.value }) : unauthenticated;
}

function subjectOf(session: Session | null): Result<Subject, Refusal> {
	if (session === null) throw new Error('a route without a session says whom it is about');
	return ok({ by: 'object', name: session.accountObject });
}

/** Whether the token is of a session that has not ended, as its own account knows. */
const checkSession = (
	context: AppContext,
	{ token, accountObject }: Session
): Promise<Result<null, Refusal>> =>
	context.env.ACCOUNT.getByName(accountObject).checkSession(token);

const callOf = <Name extends RouteName>(
	context: AppContext,
	{ request, session, names }: Asked<Name> & { readonly names: ObjectNames }
): Call<Name> => ({
	request,
	token: session?.token ?? '',
	place: { origin: new URL(context.req.url).origin, network: names.limiter }
});

/** Takes a request off the limit of its network; answers with the names of what it is about. */
export async function countRequest(
	context: AppContext,
	request: { readonly handle: string | null; readonly rate: NetworkRate }
): Promise<Result<ObjectNames, Refusal>> {
	const { DEPLOYMENT, LIMITER } = context.env;
	const names = await DEPLOYMENT.getByName(deploymentObjectName).names({
		handle: request.handle,
		// Set by the platform, which lets no client set it. Other headers are whatever a client says.
		network: context.req.header('CF-Connecting-IP') ?? ''
	});
	if (!names.ok) return names;
	const taken = await LIMITER.getByName(names.value.limiter).take(request.rate);
	return taken.ok ? names : taken;
}
