// What every route does before and after its own part: bound the body, check it against the schema,
// count the request against the limits of its network, find the account, answer.
import type { Context } from 'hono';
import * as v from 'valibot';
import { deploymentObjectName } from '../crypto/edge/keyed-name.ts';
import { claimedAccountObject } from '../crypto/edge/session-token.ts';
import type { Account, RequestPlace } from '../durable-objects/account.ts';
import type { ObjectNames } from '../durable-objects/deployment.ts';
import type { NetworkRate } from '../durable-objects/limits.ts';
import type { Refusal } from '../protocol/errors.ts';
import { routes, type RequestOf, type ResponseOf, type RouteName } from '../protocol/http.ts';
import { err, ok, type Result } from '../protocol/result.ts';
import { refuse, type AppEnv } from './answer.ts';
import { readJsonBody } from './middleware/json-body.ts';

/** Which account a request is about, and with what right. */
export type Subject =
	| { readonly by: 'handle'; readonly handle: string }
	| { readonly by: 'object'; readonly name: string };

export interface Call<Name extends RouteName> {
	readonly request: RequestOf<Name>;
	readonly account: DurableObjectStub<Account>;
	readonly place: RequestPlace;
	/** The access token; empty where the route asks for none. */
	readonly token: string;
}

/** A route about an account. */
export interface AccountRoute<Name extends RouteName> {
	readonly rate: NetworkRate;
	/** Finds the account in the request; routes with a session find it in their token. */
	readonly subject?: (request: RequestOf<Name>) => Result<Subject, Refusal>;
	readonly call: (call: Call<Name>) => Promise<Result<ResponseOf<Name>, Refusal>>;
}

type AppContext = Context<AppEnv>;

export const answerAccountRoute =
	<Name extends RouteName>(name: Name, route: AccountRoute<Name>) =>
	async (context: AppContext): Promise<Response> => {
		context.set('route', name);
		const request = await parseRequest(name, context.req.raw);
		if (!request.ok) return refuse(request.error);
		const token = routes[name].auth === 'session' ? bearerToken(context) : ok('');
		if (!token.ok) return refuse(token.error);
		const subject = route.subject?.(request.value) ?? subjectOfToken(token.value);
		if (!subject.ok) return refuse(subject.error);
		const found = await findAccount(context, subject.value, route.rate);
		if (!found.ok) return refuse(found.error);
		const answer = await route.call({
			request: request.value,
			token: token.value,
			...found.value
		});
		return answer.ok ? context.json(answer.value) : refuse(answer.error);
	};

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

function bearerToken(context: AppContext): Result<string, Refusal> {
	const [scheme, token, ...rest] = (context.req.header('Authorization') ?? '').split(' ');
	const isBearer = scheme === 'Bearer' && token !== undefined && rest.length === 0;
	return isBearer ? ok(token) : err({ code: 'unauthenticated' });
}

function subjectOfToken(token: string): Result<Subject, Refusal> {
	const name = claimedAccountObject(token);
	return name.ok ? ok({ by: 'object', name: name.value }) : err({ code: 'unauthenticated' });
}

async function findAccount(
	context: AppContext,
	subject: Subject,
	rate: NetworkRate
): Promise<Result<Pick<Call<RouteName>, 'account' | 'place'>, Refusal>> {
	const handle = subject.by === 'handle' ? subject.handle : null;
	const names = await countRequest(context, { handle, rate });
	if (!names.ok) return names;
	const name = subject.by === 'object' ? subject.name : names.value.account;
	if (name === null) throw new Error('a handle was asked for and must have a name');
	return ok({
		account: context.env.ACCOUNT.getByName(name),
		place: { origin: new URL(context.req.url).origin, network: names.value.limiter }
	});
}

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
