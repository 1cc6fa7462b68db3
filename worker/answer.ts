// How the Worker answers: a value of the route's schema, or a refusal of the one table.
import { wireErrors, type Refusal } from '../protocol/errors.ts';
import type { Env } from '../durable-objects/env.ts';

export interface AppEnv {
	Bindings: Env;
	Variables: { /** Name of the route, for the log. */ route?: string };
}

/** Tells the log, and people with curl, which refusal an answer is. */
export const codeHeader = 'Tacet-Code';

export function refuse({ code, retryAfterSeconds }: Refusal): Response {
	const headers = new Headers({ [codeHeader]: code });
	if (retryAfterSeconds !== undefined) headers.set('Retry-After', String(retryAfterSeconds));
	const error = retryAfterSeconds === undefined ? { code } : { code, retryAfterSeconds };
	return Response.json({ error }, { status: wireErrors[code].httpStatus, headers });
}
