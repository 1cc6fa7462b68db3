// Stands where Workers assets stands in production: files first, with the rules of `_headers`;
// navigations to anything else get the app; API paths, and what is left, go to the Worker.
const workerFirst = /^\/(v1|\.well-known)\//;

export default {
	/** @param {Request} request */
	async fetch(request, env) {
		const { pathname } = new URL(request.url);
		const isRead = request.method === 'GET' || request.method === 'HEAD';
		if (!workerFirst.test(pathname)) {
			const name = pathname === '/' ? '/index.html' : decodeOr(pathname);
			if (pathname === '/index.html') return withRules(env, pathname, redirectHome());
			const asset = env.ASSETS[name];
			if (asset) return isRead ? serve(request, env, name) : withRules(env, pathname, notAllowed());
			if (request.headers.get('sec-fetch-mode') === 'navigate' && isRead) {
				return serve(request, env, '/index.html');
			}
		}
		return env.API.fetch(asFromLoopback(request));
	}
};

/** A client can't say for itself where it comes from. */
function asFromLoopback(request) {
	const headers = new Headers(request.headers);
	for (const name of [...headers.keys()]) if (name.startsWith('cf-')) headers.delete(name);
	headers.set('cf-connecting-ip', '127.0.0.1');
	return new Request(request, { headers });
}

async function serve(request, env, name) {
	const { type, etag } = env.ASSETS[name];
	const headers = new Headers({
		'cache-control': 'public, max-age=0, must-revalidate',
		'content-type': type,
		etag
	});
	const { pathname } = new URL(request.url);
	if (isKnown(request.headers.get('if-none-match'), etag)) {
		return withRules(env, pathname, new Response(null, { status: 304, headers }));
	}
	const file = await env.DISK.fetch(`http://disk${encodeURI(name)}`, { method: request.method });
	if (!file.ok) return new Response('This file is gone: build again.', { status: 500 });
	const length = file.headers.get('content-length');
	if (length) headers.set('content-length', length);
	return withRules(env, pathname, new Response(file.body, { status: 200, headers }));
}

function withRules(env, pathname, response) {
	const seen = new Set();
	for (const rule of env.HEADER_RULES) {
		if (!new RegExp(rule.pattern).test(pathname)) continue;
		for (const name of rule.unset) response.headers.delete(name);
		for (const [name, value] of rule.set) {
			if (seen.has(name)) response.headers.append(name, value);
			else response.headers.set(name, value);
			seen.add(name);
		}
	}
	return response;
}

function isKnown(ifNoneMatch, etag) {
	return (ifNoneMatch ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

function decodeOr(pathname) {
	try {
		return decodeURIComponent(pathname);
	} catch {
		return pathname;
	}
}

const redirectHome = () => new Response(null, { status: 307, headers: { location: '/' } });
const notAllowed = () => new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
