// No page but our own may talk to the API. Programs without an origin may: there is nothing that a
// browser would add to their requests by itself. Browsers that leave `Origin` out of a request say in
// `Sec-Fetch-Site` who makes it (W3C Fetch Metadata); no script can set either.
import type { MiddlewareHandler } from 'hono';
import { refuse } from '../answer.ts';

const ownSites: readonly (string | undefined)[] = [undefined, 'same-origin', 'none'];

export const ownOrigin: MiddlewareHandler = async (context, next) => {
	const origin = context.req.header('Origin');
	const isOwn = origin === undefined || origin === new URL(context.req.url).origin;
	if (!isOwn || !ownSites.includes(context.req.header('Sec-Fetch-Site'))) {
		return refuse({ code: 'forbidden' });
	}
	await next();
	return undefined;
};
