// Keeps the app's own files, so that it opens without a network. Never touches /v1: what the server
// answers is nobody's to keep. A new version is fetched and kept beside the old one, which goes on
// being served until the person accepts the new one.
import { self } from '$app/service-worker';
import { version } from '$app/env';
import { assets, immutable } from '$app/manifest';

const cachePrefix = 'tacet-app-';
const ownCache = `${cachePrefix}${version}`;
/** Holds one record: the name of the cache that the person has accepted. */
const choiceCache = 'tacet-choice';
const choiceKey = '/accepted';
const shell = '/';

async function acceptedCache(): Promise<string> {
	const choice = await (await caches.open(choiceCache)).match(choiceKey);
	const name = (await choice?.text()) ?? ownCache;
	return (await caches.has(name)) ? name : ownCache;
}

async function accept(): Promise<void> {
	const choices = await caches.open(choiceCache);
	await choices.put(choiceKey, new Response(ownCache));
}

async function install(): Promise<void> {
	const cache = await caches.open(ownCache);
	const paths = [...immutable, ...assets].map(
		({ path }) => new URL(path, location.origin).pathname
	);
	const files = paths.filter((path) => path !== '/_headers');
	await cache.addAll([shell, ...files].map((path) => new Request(path, { cache: 'no-cache' })));
	const choice = await (await caches.open(choiceCache)).match(choiceKey);
	if (choice === undefined) await accept();
}

/** Tabs of the accepted version may still fetch its parts: only what is neither stays. */
async function activate(): Promise<void> {
	const accepted = await acceptedCache();
	for (const name of await caches.keys()) {
		const stale = name.startsWith(cachePrefix) && name !== ownCache && name !== accepted;
		if (stale) await caches.delete(name);
	}
	await self.clients.claim();
}

async function answer(request: Request): Promise<Response> {
	const cache = await caches.open(await acceptedCache());
	const kept = await cache.match(request.mode === 'navigate' ? shell : request, {
		ignoreVary: true
	});
	return kept ?? (await caches.match(request, { ignoreVary: true })) ?? (await fetch(request));
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(activate()));

self.addEventListener('fetch', (event) => {
	const url = new URL(event.request.url);
	if (event.request.method !== 'GET' || url.origin !== location.origin) return;
	if (url.pathname.startsWith('/v1/') || url.pathname.startsWith('/.well-known/')) return;
	event.respondWith(answer(event.request));
});

self.addEventListener('message', (event) => {
	const { source } = event;
	if (event.data === 'version') source?.postMessage({ version });
	if (event.data !== 'accept') return;
	event.waitUntil(
		accept()
			.then(() => self.skipWaiting())
			.then(() => source?.postMessage({ accepted: true }))
	);
});
