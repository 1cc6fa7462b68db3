// Nothing is said to whoever comes by TLS before 1.3. The platform ends TLS, and says of each request
// how it came; what says nothing came by something else, and is refused alike. `TACET_TLS = "any"`
// lets everything in: for a machine of one's own, where nothing leaves it.
import type { MiddlewareHandler } from 'hono';
import { refuse, type AppEnv } from '../answer.ts';

/** QUIC has no TLS but 1.3 (RFC 9001 §4.2). */
const modern: readonly unknown[] = ['TLSv1.3', 'QUIC'];

export const modernTls: MiddlewareHandler<AppEnv> = async (context, next) => {
	const version: unknown = context.req.raw.cf?.['tlsVersion'];
	if (context.env.TACET_TLS !== 'any' && !modern.includes(version)) {
		return refuse({ code: 'tls_too_old' });
	}
	await next();
	return undefined;
};
