// What every route does before and after its own part: bound the body, check it against the schema,
// count the request against the limits of its network, find the object that the request is about,
// answer.
import type { Context } from 'hono';
import * as v from 'valibot';
import { deploymentObjectName } from '../crypto/edge/keyed-name.ts';
import { claimedAccountObject } from '../crypto/edge/session-token.ts';
import { describeRequest } from '../crypto/proven-request.ts';
import type { Account } from '../durable-objects/account.ts';
import type { RequestPlace } from '../durable-objects/account-login.ts';
import type { Deployment, ObjectNames } from '../durable-objects/deployment.ts';
import type { NetworkRate } from '../durable-objects/limits.ts';
import type { Proven, Replied } from '../durable-objects/proven.ts';
import type { Space } from '../durable-objects/space.ts';
import type { Refusal } from '../protocol/errors.ts';
import { routes, type RequestOf, type ResponseOf, type RouteName } from '../protocol/http.ts';
import type { SpaceId } from '../protocol/ids.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { nonceHeader, refuse, type AppEnv } from './answer.ts';
import { floodPeriodSeconds, isFlood } from './flood.ts';
import { readJsonBody } from './middleware/json-body.ts';
import { placeOf } from './place.ts';
import type { Kept } from './refresh-cookie.ts';

/** Which account a request is about, if not the one of its session. */
export type Subject =
	| { readonly by: 'handle'; readonly handle: string }
	| { readonly by: 'object'; readonly name: string };

export interface Call<Name extends RouteName> {
	readonly request: RequestOf<Name>;
	readonly place: RequestPlace;
	/** What shows the key of whoever asks, and of which session; null where nothing has to be shown, or was. */
	readonly proven: ProvenOf<Name>;
	/** As the client sent them. */
	readonly cookies: string | undefined;
}

type ProvenOf<Name extends RouteName> = (typeof routes)[Name]['auth'] extends 'none'
	? null
	: (typeof routes)[Name]['auth'] extends 'device'
		? Proven | null
		: Proven;

/** What an object says: to whoever shows a key, with the nonce of the next proof. */
export type Said<Name extends RouteName> =
	| Result<ResponseOf<Name>, Refusal>
	| Replied<ResponseOf<Name>>
	| Kept<ResponseOf<Name>>;

/** A route about an account. */
export interface AccountRoute<Name extends RouteName> {
	readonly rate: NetworkRate;
	/** Finds the account in the request; without it, it is the one of the session. */
	readonly subject?: (request: RequestOf<Name>) => Result<Subject, Refusal>;
	readonly call: (
		call: Call<Name> & { readonly account: DurableObjectStub<Account> }
	) => Promise<Said<Name>>;
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
	) => Promise<Said<Name>>;
}

/** A route about the deployment. */
export interface DeploymentRoute<Name extends RouteName> {
	readonly rate: NetworkRate;
	readonly call: (
		call: Call<Name> & { readonly deployment: DurableObjectStub<Deployment> }
	) => Promise<Said<Name>>;
}

type AppContext = Context<AppEnv>;
export type Handler = (context: AppContext) => Response | Promise<Response>;

interface Asked<Name extends RouteName> {
	readonly request: RequestOf<Name>;
	/** Null where the route asks for none. */
	readonly proven: Proven | null;
}

const unauthenticated = err({ code: 'unauthenticated' } as const);

export const answerAccountRoute = <Name extends RouteName>(
	name: Name,
	route: AccountRoute<Name>
): Handler =>
	answer(name, async (context, { request, proven }) => {
		const subject = route.subject?.(request) ?? subjectOf(proven);
		if (!subject.ok) return subject;
		const handle = subject.value.by === 'handle' ? subject.value.handle : null;
		const names = await countRequest(context, { handle, rate: route.rate });
		if (!names.ok) return names;
		const object = subject.value.by === 'object' ? subject.value.name : names.value.account;
		if (object === null) throw new Error('a handle was asked for and must have a name');
		return route.call({
			account: context.env.ACCOUNT.getByName(object),
			...callOf(context, { request, proven, names: names.value })
		});
	});

export const answerSpaceRoute = <Name extends SpaceRouteName>(
	name: Name,
	route: SpaceRoute<Name>
): Handler =>
	answer(name, async (context, { request, proven }) => {
		const names = await countRequest(context, { handle: null, rate: route.rate });
		if (!names.ok) return names;
		return route.call({
			space: context.env.SPACE.getByName(request.space),
			...callOf(context, { request, proven, names: names.value })
		});
	});

export const answerDeploymentRoute = <Name extends RouteName>(
	name: Name,
	route: DeploymentRoute<Name>
): Handler =>
	answer(name, async (context, asked) => {
		const names = await countRequest(context, { handle: null, rate: route.rate });
		if (!names.ok) return names;
		return route.call({
			deployment: context.env.DEPLOYMENT.getByName(deploymentObjectName),
			...callOf(context, { ...asked, names: names.value })
		});
	});

const answer =
	<Name extends RouteName>(
		name: Name,
		work: (context: AppContext, asked: Asked<Name>) => Promise<Said<Name>>
	): Handler =>
	async (context) => {
		context.set('route', name);
		const asked = await readRequest(name, context);
		const said = asked.ok ? await work(context, asked.value) : asked;
		const { answer: answered, nonce } = 'answer' in said ? said : { answer: said, nonce: null };
		if (!answered.ok) return refuse(answered.error, nonce);
		if (nonce !== null) context.header(nonceHeader, nonce);
		if ('cookie' in said && said.cookie !== null) context.header('Set-Cookie', said.cookie);
		return context.json(answered.value);
	};

async function readRequest<Name extends RouteName>(
	name: Name,
	context: AppContext
): Promise<Result<Asked<Name>, Refusal>> {
	const body = await readBody(name, context.req.raw);
	if (!body.ok) return err({ code: body.error });
	const { bytes, json } = body.value;
	// To a schema an array is an object, too.
	if (Array.isArray(json)) return err({ code: 'malformed' });
	const parsed = v.safeParse(routes[name].request, json);
	if (!parsed.success) return err({ code: 'malformed' });
	// The schema of `name` gives the request of `name`; TypeScript can't follow the index.
	const request = parsed.output as RequestOf<Name>;
	const { auth } = routes[name];
	const isShown =
		auth !== 'none' && (auth !== 'device' || context.req.header('DPoP') !== undefined);
	if (!isShown) return ok({ request, proven: null });
	const proven = await provenOf(context, { name, body: bytes });
	return proven.ok ? ok({ request, proven: proven.value }) : proven;
}

const readBody = (name: RouteName, request: Request): ReturnType<typeof readJsonBody> =>
	routes[name].method === 'GET'
		? Promise.resolve(ok({ bytes: new Uint8Array(), json: {} }))
		: readJsonBody(request);

/** What the request brings to show who asks. Nothing of it is verified here. */
async function provenOf(
	context: AppContext,
	{ name, body }: { readonly name: RouteName; readonly body: Uint8Array }
): Promise<Result<Proven, Refusal>> {
	const proof = context.req.header('DPoP');
	const assurance = routes[name].auth;
	const token = ['proof', 'device'].includes(assurance) ? ok(null) : claimedToken(context);
	if (proof === undefined || !token.ok) return unauthenticated;
	const { method, url } = context.req;
	const request = await describeRequest({ method, url, body });
	return ok({ token: token.value, proof, request, assurance });
}

/** A share link's token names no account: it opens a socket, nothing else. */
function claimedToken(context: AppContext): Result<string, Refusal> {
	const [scheme, token, ...rest] = (context.req.header('Authorization') ?? '').split(' ');
	const isOurs = scheme === 'DPoP' && token !== undefined && rest.length === 0;
	return isOurs && claimedAccountObject(token).ok ? ok(token) : unauthenticated;
}

/** As the token has it; nothing is verified yet. */
function subjectOf(proven: Proven | null): Result<Subject, Refusal> {
	if (proven?.token == null) throw new Error('a route without a session says whom it is about');
	const name = claimedAccountObject(proven.token);
	return name.ok ? ok({ by: 'object', name: name.value }) : unauthenticated;
}

const callOf = <Name extends RouteName>(
	context: AppContext,
	{ request, proven, names }: Asked<Name> & { readonly names: ObjectNames }
): Call<Name> => ({
	request,
	// Null for the routes that ask for none, and for no other: readRequest saw to it.
	proven: proven as ProvenOf<Name>,
	cookies: context.req.header('Cookie'),
	place: {
		origin: new URL(context.req.url).origin,
		network: names.limiter,
		where: placeOf(context.req.raw)
	}
});

/** Takes a request off the limit of its network; answers with the names of what it is about. */
export async function countRequest(
	context: AppContext,
	request: { readonly handle: string | null; readonly rate: NetworkRate }
): Promise<Result<ObjectNames, Refusal>> {
	const { DEPLOYMENT, LIMITER } = context.env;
	// Set by the platform, which lets no client set it. Other headers are whatever a client says.
	const network = context.req.header('CF-Connecting-IP') ?? '';
	if (await isFlood(context.env, network)) {
		return err({ code: 'rate_limited', retryAfterSeconds: floodPeriodSeconds });
	}
	const names = await DEPLOYMENT.getByName(deploymentObjectName).names({
		handle: request.handle,
		network
	});
	if (!names.ok) return names;
	const taken = await LIMITER.getByName(names.value.limiter).take(request.rate);
	return taken.ok ? names : taken;
}
