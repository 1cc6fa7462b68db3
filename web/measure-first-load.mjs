// Prints what JavaScript the first screens cost, gzipped as a server would send it:
// node web/measure-first-load.mjs http://localhost:8787. Counts everything that the page, its workers
// included, asks for until the screen stands still; the service worker's stock is not part of it.
import console from 'node:console';
import process from 'node:process';
import { URL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const budgetBytes = 90_000;
const origin = process.argv[2] ?? 'http://localhost:8787';
const browser = await chromium.launch({
	executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
	args: ['--no-sandbox', '--disable-gpu']
});
const context = await browser.newContext({ serviceWorkers: 'block' });
const page = await context.newPage();
/** @type {Map<string, Promise<number>>} */
const bytesByPath = new Map();
context.on('response', (response) => {
	const { pathname } = new URL(response.url());
	if (!pathname.endsWith('.js')) return;
	const bytes = response.body().then((body) => gzipSync(body, { level: 9 }).length);
	bytesByPath.set(pathname, bytes);
});
await page.goto(origin, { waitUntil: 'networkidle' });
await page.getByRole('heading', { level: 1 }).waitFor();
let total = 0;
for (const [path, bytes] of bytesByPath) {
	total += await bytes;
	console.log(`${String(await bytes).padStart(8)}  ${path}`);
}
console.log(`${String(total).padStart(8)}  bytes of JavaScript, gzipped; at most ${budgetBytes}`);
await browser.close();
process.exitCode = total <= budgetBytes ? 0 : 1;
