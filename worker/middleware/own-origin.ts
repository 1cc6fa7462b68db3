// No page but our own may talk to the API. Programs without an origin may: there is nothing that a
// browser would add to their requests by itself.
import type { MiddlewareHandler } from 'hono';
import { refuse } from '../answer.ts';

export const ownOrigin: MiddlewareHandler = async (context, next) => {
	const origin = context.req.header('Origin');
	if (origin !== undefined && origin !== new URL(context.req.url).origin) {
		return refuse({ code: 'forbidden' });
	}
	await next();
	return undefined;
};
