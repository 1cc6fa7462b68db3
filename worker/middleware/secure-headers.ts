// Headers of every answer of the API: never stored, never framed, never taken for a page. The table
// of docs/headers.md, which a test holds all answers against.
import type { MiddlewareHandler } from 'hono';

const headers = {
	'Cache-Control': 'no-store',
	'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
	'Cross-Origin-Opener-Policy': 'same-origin',
	'Cross-Origin-Resource-Policy': 'same-origin',
	'Permissions-Policy': 'camera=(), display-capture=(), geolocation=(), microphone=(), payment=()',
	'Referrer-Policy': 'no-referrer',
	'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
	'X-Content-Type-Options': 'nosniff',
	'X-Frame-Options': 'DENY',
	'X-XSS-Protection': '0'
};

export const secureHeaders: MiddlewareHandler = async (context, next) => {
	await next();
	// An upgrade has no body to protect, and its headers can't be changed any more.
	if (context.res.status === 101) return;
	for (const [name, value] of Object.entries(headers)) context.res.headers.set(name, value);
};
